"""Write src/crmcore/aio.py from CRM, Segment and the verbs: `python tools/write_aio.py`.

What these offer in public is offered there to callers that await it: methods become coroutines (those that return an
iterator, async iterators), properties and attributes stay what they are. Parameters, annotations, defaults and
docstrings are those of the source, and the type checker holds each call to what it calls.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

import attrs

from crmcore.app import CRM
from crmcore.segment import Segment
from crmcore.verbs import Verbs
from crmcore.writer import Writer

#: What is the same whatever CRM offers.
TEMPLATE = Path(__file__).with_name("aio.py.template")
TARGET = Path(__file__).parents[1] / "src" / "crmcore" / "aio.py"
#: Who would return one of the first returns the second.
PROXIES = {"Segment": "AsyncSegment"}
#: These touch no database: no thread is worth it.
AT_ONCE = frozenset({"now", "plain", "text"})
#: What the template writes out.
WRITTEN_OUT = frozenset({"close", "using"})


class Unwritable(Exception):
    """A public member that no proxy can be written for; says which and why."""


class AsWritten(str):
    """An annotation or a default as it stands in the source: its repr has no quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@attrs.frozen(kw_only=True)
class Member:
    """A public method, or a property or attribute, which takes no parameters; its names mean what they mean in `module`."""

    name: str
    module: str
    parameters: tuple[Parameter, ...] | None
    returns: str
    doc: str


# -- reading ----------------------------------------------------------------------------------------------------------


def members(cls: type) -> dict[str, Member]:
    """Return the public members of a class and of its bases, those of the class first; raise Unwritable."""
    found: dict[str, Member] = {}
    for owner in cls.__mro__:
        for one in (*_attributes(owner), *_defined(owner)):
            found.setdefault(one.name, one)
    return found


def _attributes(owner: type) -> Iterator[Member]:
    if not inspect.isfunction(function := vars(owner).get("__init__")):
        return
    nodes = list(ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))))
    annotated = {
        ast.unparse(one.target): ast.unparse(one.annotation) for one in nodes if isinstance(one, ast.AnnAssign)
    }
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and not node.attr.startswith("_"):
            if (target := ast.unparse(node)) not in annotated:
                raise Unwritable(f"{owner.__name__}: {target} needs an annotation")
            yield _value(node.attr, owner, annotated[target])


def _value(name: str, owner: type, annotation: str) -> Member:
    doc = f"The `{name}` of {owner.__name__}."
    return Member(name=name, module=owner.__module__, parameters=None, returns=annotation, doc=doc)


def _defined(owner: type) -> Iterator[Member]:
    for name, one in vars(owner).items():
        if name.startswith("_") or getattr(one, "__isabstractmethod__", False):
            continue
        if inspect.isfunction(one):
            yield _method(name, one)
        elif isinstance(one, property | cached_property):
            yield attrs.evolve(_method(name, _getter(one)), parameters=None)
        else:
            raise Unwritable(f"{owner.__name__}.{name} is neither a method nor a property")


def _getter(one: property | cached_property[Any]) -> Callable[..., Any]:
    getter = one.fget if isinstance(one, property) else one.func
    assert getter is not None
    return getter


def _method(name: str, function: Callable[..., Any]) -> Member:
    if inspect.isgeneratorfunction(inspect.unwrap(function)) and not inspect.isgeneratorfunction(function):
        raise Unwritable(f"{name} is a context manager: a caller cancelled while it is entered would never leave it")
    signature = inspect.signature(function)
    return Member(
        name=name,
        module=function.__module__,
        parameters=tuple(signature.parameters.values())[1:],
        returns=str(signature.return_annotation),
        doc=inspect.getdoc(function) or "",
    )


# -- writing ----------------------------------------------------------------------------------------------------------


def source() -> str:
    """Return the text of aio.py; raise Unwritable."""
    verbs, segment = _verbs(), members(Segment)
    rest = {name: one for name, one in members(CRM).items() if name not in {*verbs, *WRITTEN_OUT}}
    opening = _method("__init__", CRM.__init__)
    written = TEMPLATE.read_text().format(
        **_imports([*verbs.values(), *rest.values(), *segment.values(), opening]),
        **_opening(opening),
        verbs_doc=_doc(Verbs),
        verbs="\n".join(map(_verb, verbs.values())),
        crm=_members("self._crm", rest.values()),
        segment_doc=_doc(Segment),
        segment=_members("self._segment", segment.values()),
        writer_doc=_doc(Writer),
    )
    return _tidy(written)


def _verbs() -> dict[str, Member]:
    found = members(Verbs)
    for name in found:
        if not getattr(CRM, name) is getattr(Writer, name) is getattr(Verbs, name):
            raise Unwritable(f"{name} is not the same verb everywhere: the proxy calls that of Verbs")
    return found


def _opening(one: Member) -> dict[str, str]:
    return {
        "parameters": _parameters(one, "self"),
        "class_parameters": _parameters(one, "cls"),
        "arguments": _listed("", one),
        "class_arguments": _listed("cls", one),
    }


def _verb(one: Member) -> str:
    return _function(one, "async def", "None", f"await self._say({_listed(f'Verbs.{one.name}', one)})")


def _members(held: str, written: Iterable[Member]) -> str:
    return "\n".join(_member(one, held) for one in written)


def _member(one: Member, held: str) -> str:
    """Return the method or property that stands for a member of what is held."""
    there, returns = f"{held}.{one.name}", _promised(one)
    call = f"({_listed(there, one)})"
    if one.parameters is None:
        return f"    @property\n{_function(one, 'def', returns, f'return {there}')}"
    if one.name in AT_ONCE:
        return _function(one, "def", returns, f"return {there}({_listed('', one)})")
    if returns.startswith("AsyncIterator["):
        return _function(one, "def", returns, f"return self._threads.drawn{call}")
    awaited = f"await self._threads.run{call}"
    if one.returns in PROXIES:
        return _function(one, "async def", returns, f"return {returns}({awaited}, self._threads)")
    return _function(one, "async def", returns, awaited if returns == "None" else f"return {awaited}")


def _promised(one: Member) -> str:
    """Return what a caller is given, or will have been given once it has awaited it."""
    if one.returns in PROXIES:
        return PROXIES[one.returns]
    if held := _names(one.returns) & set(PROXIES):
        raise Unwritable(f"{one.name} returns {one.returns}: {', '.join(held)} can be returned by itself only")
    return re.sub(r"^Iterator\[", "AsyncIterator[", one.returns)


def _function(one: Member, kind: str, returns: str, body: str) -> str:
    end = "\n" if "\n" in one.doc else ""
    doc = textwrap.indent(f'"""{one.doc}{end}"""', " " * 8).lstrip()
    return f"    {kind} {one.name}({_parameters(one, 'self')}) -> {returns}:\n        {doc}\n        {body}\n"


def _parameters(one: Member, first: str) -> str:
    given = [
        parameter.replace(annotation=AsWritten(parameter.annotation), default=_default(parameter.default))
        for parameter in one.parameters or ()
    ]
    by_place = bool(given) and given[0].kind is Parameter.POSITIONAL_ONLY
    owner = Parameter(first, Parameter.POSITIONAL_ONLY if by_place else Parameter.POSITIONAL_OR_KEYWORD)
    return str(Signature([owner, *given]))[1:-1]


def _default(value: Any) -> Any:
    """Return what the signature shows as default: a function by its name, else a literal."""
    if inspect.isfunction(value):
        return AsWritten(value.__name__)
    if value is not Parameter.empty and type(value) not in {type(None), bool, int, float, str, bytes, tuple}:
        raise Unwritable(f"the default {value!r} is neither a function nor a literal")
    return value


PASSED = {
    Parameter.POSITIONAL_ONLY: "{0}",
    Parameter.POSITIONAL_OR_KEYWORD: "{0}",
    Parameter.VAR_POSITIONAL: "*{0}",
    Parameter.KEYWORD_ONLY: "{0}={0}",
    Parameter.VAR_KEYWORD: "**{0}",
}


def _listed(first: str, one: Member) -> str:
    """Return what is passed on: `first`, then each parameter."""
    passed = [PASSED[parameter.kind].format(parameter.name) for parameter in one.parameters or ()]
    return ", ".join([first, *passed] if first else passed)


def _doc(cls: type) -> str:
    return textwrap.indent(inspect.getdoc(cls) or "", " " * 4).lstrip()


def _tidy(text: str) -> str:
    for command in (("check", "--quiet", "--select", "I001", "--fix"), ("format",)):
        whole = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(TARGET), "-"]
        text = subprocess.run(whole, input=text, capture_output=True, text=True, check=True, cwd=TARGET.parent).stdout
    return text


# -- imports ----------------------------------------------------------------------------------------------------------


def _imports(written: Iterable[Member]) -> dict[str, str]:
    """Return the imports of what defaults name, at run time, and of what annotations name, for the type checker alone."""
    at_run_time: dict[str, set[str]] = defaultdict(set)
    in_annotations: dict[str, set[str]] = defaultdict(set)
    for one in written:
        for parameter in one.parameters or ():
            if inspect.isfunction(parameter.default):
                name = parameter.default.__name__
                at_run_time[name].add(f"from {parameter.default.__module__} import {name}")
        for name in _annotations(one):
            in_annotations[name].add(_origin(name, one.module))
    annotations = textwrap.indent(_settled(in_annotations), "    ")
    return {"at_run_time": _settled(at_run_time), "in_annotations": annotations}


def _annotations(one: Member) -> set[str]:
    written = [_promised(one), *(str(parameter.annotation) for parameter in one.parameters or ())]
    return {name for annotation in written for name in _names(annotation)} - {*vars(builtins), *PROXIES.values()}


def _names(annotation: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(annotation)) if isinstance(node, ast.Name)}


def _origin(name: str, module: str) -> str:
    """Return the import that gives a name the meaning it has in a module."""
    if name == "AsyncIterator":
        return "from collections.abc import AsyncIterator"
    for node in ast.walk(ast.parse(inspect.getsource(importlib.import_module(module)))):
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            if name == (alias.asname or alias.name):
                start = f"from {node.module} " if isinstance(node, ast.ImportFrom) else ""
                return f"{start}import {ast.unparse(alias)}"
    return f"from {module} import {name}"


def _settled(lines: Mapping[str, set[str]]) -> str:
    """Return one import a name; raise Unwritable where it means two things."""
    for name, ways in lines.items():
        if len({id(_meant(name, way)) for way in ways}) > 1:
            raise Unwritable(f"{name} means different things: {'; '.join(sorted(ways))}")
    return "\n".join(min(ways) for ways in lines.values())


def _meant(name: str, line: str) -> object:
    namespace: dict[str, object] = {}
    exec(line, namespace)
    return namespace[name]


if __name__ == "__main__":
    TARGET.write_text(source())
