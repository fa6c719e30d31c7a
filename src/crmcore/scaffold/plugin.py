"""The files of a new plugin, as values: path to text."""

from __future__ import annotations

import ast
import importlib.util
import keyword
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Any, Final

import attrs

from crmcore.errors import FolderTaken, InvalidName, InvalidValue
from crmcore.flow.modules.tables import taken
from crmcore.hooks.checking import PREFIX
from crmcore.loader import installed
from crmcore.model.identity import KEY
from crmcore.model.names import checked_name

#: The folders of templates that a kind is made of; of the same file in two, the later one counts.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "channel": ("common", "carrier", "channel"),
    "provider": ("common", "carrier", "provider"),
    "recommender": ("common", "recommender"),
    "rule": ("common", "rule"),
    "step": ("common", "step"),
    "gate": ("common", "gate"),
    "module": ("common", "module"),
}
#: The kinds that carry messages over HTTP.
CARRIERS: Final = frozenset({"channel", "provider"})
#: An address of a kind.
EXAMPLES: Final = {"phone": "+447700900123", "email": "ada@example.com"}
#: What stands in the paths of templates for the names of the package and of what it registers, and what they end with.
PACKAGE, THING, SUFFIX = "PACKAGE", "THING", ".j2"


@attrs.frozen(kw_only=True)
class NewPlugin:
    """What is asked for.

    `name` is that of the package, of the entry point and of the folder; `channel` is what a channel is
    called, or which one a provider carries, to addresses of `address_kind`; `licence` is MIT or none, `author` and `year` stand in it.
    """

    name: str
    kind: str
    channel: str = ""
    address_kind: str = "phone"
    licence: str = "none"
    author: str = ""
    year: int = 0

    @property
    def thing(self) -> str:
        """The name of what it registers: crm_sms brings sms."""
        return self.name.removeprefix(PREFIX)

    @property
    def brings_channel(self) -> bool:
        """Whether the channel is its own: a provider may carry one that there is already."""
        return self.kind == "channel" or (self.kind == "provider" and not self.channel)


def class_name(name: str) -> str:
    """Return a name as a class has it."""
    return "".join(word.capitalize() for word in name.split("_"))


def checked(asked: NewPlugin) -> NewPlugin:
    """Return what is asked for; raise InvalidName for a name that no plugin can have, InvalidValue for what does not fit."""
    checked_name(asked.name, "plugin", "NAME")
    checked_name(asked.thing, asked.kind, "NAME")
    if asked.channel:
        checked_name(asked.channel, "channel", "--channel")
    checked_name(asked.address_kind, "kind of addresses", "--address-kind")
    if asked.channel and asked.kind not in CARRIERS:
        raise InvalidValue(
            place="--channel", problem=f"a {asked.kind} has none; it is for {', '.join(sorted(CARRIERS))}"
        )
    if asked.address_kind == KEY:
        raise InvalidValue(place="--address-kind", problem="nothing can be sent to a key")
    words = {asked.name, class_name(asked.thing), class_name(asked.channel)}
    if any(map(keyword.iskeyword, words)) or keyword.issoftkeyword(asked.name):
        raise InvalidName(name=asked.name, kind="plugin", place="NAME", rule="a word that is none of Python's")
    if asked.kind == "module" and (problem := "; ".join(taken(asked.thing))):
        raise InvalidName(name=asked.name, kind="module", place="NAME", rule=f"another one: {problem}")
    return asked


def check_free(name: str) -> None:
    """Raise InvalidName for a name that something else has."""
    if name in installed():
        raise InvalidName(name=name, kind="plugin", place="NAME", rule="another one: it is that of an installed plugin")
    if name in sys.stdlib_module_names or _is_package(name):
        raise InvalidName(name=name, kind="plugin", place="NAME", rule="another one: it is that of a Python package")


def _is_package(name: str) -> bool:
    """A mere folder that one stands beside is none."""
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None


def rendered(asked: NewPlugin) -> dict[str, str]:
    """Return the files of the plugin, path to text; raise InvalidName for a name that something in them has already."""
    given = _given(asked)
    made = {path: _render(text, given) for path, text in _templates(asked)}
    for path, text in made.items():
        if path.endswith(".py") and (twice := _named_twice(text)):
            rule = f"another one: two things in {path} would be called {twice}"
            raise InvalidName(name=asked.name, kind="plugin", place="NAME", rule=rule)
    return {path: text for path, text in sorted(made.items()) if text.strip() or path.endswith("py.typed")}


def _named_twice(source: str) -> str:
    """Return a name that is both imported and made, as of a gate called verdict; nothing where there is none."""
    tree = ast.parse(source)
    imported = [alias.asname or alias.name for one in ast.walk(tree) for alias in getattr(one, "names", ())]
    made = [one.name for one in tree.body if isinstance(one, ast.ClassDef | ast.FunctionDef)]
    return next((name for name, count in Counter([*imported, *made]).items() if count > 1), "")


def write(folder: Path, made: Mapping[str, str], *, overwrite: bool) -> list[Path]:
    """Write the files, and return their paths; raise FolderTaken for a folder that holds something, unless told to."""
    if not overwrite and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderTaken(folder=folder)
    for path, text in made.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8", newline="\n")
    return [folder / path for path in made]


def _given(asked: NewPlugin) -> dict[str, Any]:
    major, minor, *_ = version("crmcore").split(".")
    return {
        "name": asked.name,
        "distribution": asked.name.replace("_", "-"),
        "kind": asked.kind,
        "thing": asked.thing,
        "words": asked.thing.replace("_", " "),
        "class": class_name(asked.thing),
        "core": f">={major}.{minor},<{major}.{int(minor) + 1}",
        "licence": "" if asked.licence == "none" else asked.licence,
        "author": asked.author or "the authors",
        "year": asked.year,
        **_given_of_a_carrier(asked),
    }


def _given_of_a_carrier(asked: NewPlugin) -> dict[str, Any]:
    channel, provider = asked.channel or asked.thing, "gateway" if asked.brings_channel else asked.thing
    return {
        "carries": asked.kind in CARRIERS,
        "brings_channel": asked.brings_channel,
        "medium": class_name(channel),
        "channel": channel,
        "provider": provider,
        "carrier": class_name(provider),
        "place": f"channels.{channel}.{provider}",
        "address_kind": asked.address_kind,
        "example": EXAMPLES.get(asked.address_kind, "customer-1"),
    }


def _templates(asked: NewPlugin) -> Iterator[tuple[str, str]]:
    for part in PARTS["channel" if asked.brings_channel else asked.kind]:
        for path, text in _texts(files(__package__) / "templates" / part, PurePosixPath()):
            yield str(path).replace(PACKAGE, asked.name).replace(THING, asked.thing), text


def _texts(folder: Traversable, at: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _texts(one, at / one.name)
        elif one.name.endswith(SUFFIX):
            yield at / one.name.removesuffix(SUFFIX), one.read_text(encoding="utf-8")


def _render(text: str, given: Mapping[str, Any]) -> str:
    """Return a template, filled in: curly brackets are the templates of messages there."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(  # noqa: S701 - what is made is source code, no page
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        loader=FunctionLoader(_included),
    )
    return environment.from_string(text).render(given)


def _included(name: str) -> str:
    return (files(__package__) / "templates" / "includes" / name).read_text(encoding="utf-8")
