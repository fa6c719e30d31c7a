"""Jinja2, sandboxed, for the parts of templates; shared by all channels. Jinja2 is imported when a part is compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import attrs

from crmcore.model.money import Money

if TYPE_CHECKING:
    from jinja2 import Template as Jinja
    from jinja2.sandbox import SandboxedEnvironment

MAX_SOURCE = 500_000
MAX_OUTPUT = 2_000_000
#: A message that is made again must be the same: what asks the machine's clock, its zone or chance is not for templates.
CLOCKS = frozenset({"now", "today", "utcnow", "astimezone", "fromtimestamp"})
CHANCE = frozenset({"random", "lipsum"})


class Fields(dict[str, Any]):
    """A mapping in a template's context that knows its name, so that what is missing in it can be named."""

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.name = name


@attrs.frozen(kw_only=True)
class Problem:
    """Why a part could not be rendered; `field` is the undefined field where that is the reason."""

    text: str
    field: str | None = None


@attrs.frozen(kw_only=True)
class Part:
    """A part of a template, compiled."""

    name: str
    compiled: Jinja


def text_part(name: str, source: str) -> Part | Problem:
    """Compile a part whose values are inserted as they are."""
    return _compile(name, source, "text")


def html_part(name: str, source: str) -> Part | Problem:
    """Compile a part whose values are escaped for HTML."""
    return _compile(name, source, "html")


def render(part: Part, context: Mapping[str, Any]) -> str | Problem:
    """Return the text of a part, or what is wrong."""
    from jinja2 import TemplateError, UndefinedError

    try:
        text = part.compiled.render(context)
    except UndefinedError as error:
        return Problem(text=f"{part.name}: {error.message} is undefined", field=error.message)
    except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as error:
        return Problem(text=f"{part.name}: {type(error).__name__}: {error}")
    if len(text) > MAX_OUTPUT:
        return Problem(text=f"{part.name}: {len(text):,} characters, at most {MAX_OUTPUT:,} fit")
    return text


def _compile(name: str, source: str, escaping: str) -> Part | Problem:
    from jinja2 import TemplateSyntaxError

    if len(source) > MAX_SOURCE:
        return Problem(text=f"{name}: {len(source):,} characters of source, at most {MAX_SOURCE:,} fit")
    try:
        return Part(name=name, compiled=_environment(escaping).from_string(source))
    except TemplateSyntaxError as error:
        return Problem(text=f"{name}, line {error.lineno}: {error.message}")


@lru_cache(maxsize=2)
def _environment(escaping: str) -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from jinja2.utils import missing

    class Undefined(StrictUndefined):
        """What is missing, by its whole name."""

        @property
        def _undefined_message(self) -> str:
            owner = self._undefined_obj
            if owner is missing or not isinstance(owner, Fields):
                return str(self._undefined_name)
            return f"{owner.name}.{self._undefined_name}"

    class Environment(ImmutableSandboxedEnvironment):
        """A mapping's dots are its keys and nothing else: a customer may have an attribute called `items`."""

        def getattr(self, obj: Any, attribute: str) -> Any:
            if not isinstance(obj, Mapping):
                return super().getattr(obj, attribute)
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)

        def getitem(self, obj: Any, argument: Any) -> Any:
            if not isinstance(obj, Mapping):
                return super().getitem(obj, argument)
            return obj[argument] if argument in obj else self.undefined(obj=obj, name=argument)

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            return attr not in CLOCKS and super().is_safe_attribute(obj, attr, value)

    environment = Environment(
        undefined=Undefined,
        autoescape=escaping == "html",
        keep_trailing_newline=True,
        finalize=partial(_printable, StrictUndefined),
    )
    environment.filters = _without_chance(environment.filters) | _FILTERS
    environment.globals = _without_chance(environment.globals)
    return environment


def _printable(undefined: type, value: Any) -> Any:
    # A function's text is the place it has in this process; what is undefined can be called, and says so itself.
    if callable(value) and not isinstance(value, undefined):
        raise TypeError("a function cannot be printed; call it with ()")
    return value


def _without_chance(names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in names.items() if name not in CHANCE}


def _money(value: Money) -> str:
    return str(value)


def _date(value: date, form: str = "%d %B %Y") -> str:
    return value.strftime(form)


def _time(value: datetime, form: str = "%d %B %Y %H:%M") -> str:
    return value.strftime(form)


_FILTERS: dict[str, Callable[..., str]] = {"money": _money, "date": _date, "time": _time}
