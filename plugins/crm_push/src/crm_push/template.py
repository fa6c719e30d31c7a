"""Templates of push messages, taken apart once for many of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from crmcore.hooks.sandbox import Part, Problem, text_part
from crmcore.model.template import Issue, Template

NEEDED: Final = ("title", "body")
SINGLE: Final = (*NEEDED, "icon", "image", "badge", "url", "sound", "count", "ttl", "urgency", "topic")
ACTIONS: Final = "actions"
DATA: Final = "data"
KNOWN: Final = (*SINGLE, ACTIONS, DATA)
_LINE = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]{0,39})\s*:\s*(.*\S)\s*")
_LEADS_TO = " -> "
#: Names that Firebase keeps for itself, and ours.
_TAKEN = re.compile(r"(?i:from|message_type|collapse_key|url|(?:google|gcm).*)")


@attrs.frozen(kw_only=True)
class CompiledPush:
    """A template ready for many messages. Each line of `data` and `actions` is compiled alone: no value makes a line."""

    template: Template
    parts: Mapping[str, Part]
    data: Mapping[str, Part]
    actions: Mapping[str, tuple[Part, Part | None]]


def issues(template: Template) -> tuple[Issue, ...]:
    """Return what is wrong with a template."""
    unknown = sorted(template.parts.keys() - set(KNOWN))
    problems = [Issue(part=one, problem=f"push has no such part; it has {', '.join(KNOWN)}") for one in unknown]
    problems += [Issue(part=one, problem="it is missing") for one in NEEDED if not template.parts.get(one, "").strip()]
    problems += [_issue(name, made) for name, made in _singles(template) if isinstance(made, Problem)]
    for kind in (DATA, ACTIONS):
        problems += _lines_at_fault(kind, template.parts.get(kind, ""))
    return tuple(problems)


def compiled(template: Template) -> CompiledPush:
    """Return a template without issues taken apart."""
    data = {name: _sound(f"{DATA}.{name}", source) for name, source in _lines(template.parts.get(DATA, ""))}
    actions = {name: _action(name, source) for name, source in _lines(template.parts.get(ACTIONS, ""))}
    parts = {name: made for name, made in _singles(template) if isinstance(made, Part)}
    return CompiledPush(template=template, parts=parts, data=data, actions=actions)


def _singles(template: Template) -> Iterator[tuple[str, Part | Problem]]:
    return ((name, text_part(name, template.parts[name])) for name in SINGLE if name in template.parts)


def _lines_at_fault(kind: str, source: str) -> Iterator[Issue]:
    seen: set[str] = set()
    for line in filter(str.strip, source.splitlines()):
        named = _LINE.fullmatch(line)
        if named is None:
            yield Issue(part=kind, problem=f"{line.strip()!r} is no line of the form NAME: VALUE")
            continue
        name, value = named.groups()
        if name in seen:
            yield Issue(part=kind, problem=f"it has {name!r} twice")
        if kind == DATA and _TAKEN.fullmatch(name):
            yield Issue(part=kind, problem=f"{name!r} is a name that carriers keep for themselves")
        seen.add(name)
        sources = value.rsplit(_LEADS_TO, 1) if kind == ACTIONS else [value]
        yield from (_issue(kind, made) for one in sources if isinstance(made := text_part(kind, one), Problem))


def _lines(source: str) -> Iterator[tuple[str, str]]:
    for line in source.splitlines():
        if named := _LINE.fullmatch(line):
            yield named[1], named[2]


def _action(name: str, source: str) -> tuple[Part, Part | None]:
    title, leads, url = source.rpartition(_LEADS_TO)
    place = f"{ACTIONS}.{name}"
    return (_sound(place, title), _sound(place, url)) if leads else (_sound(place, source), None)


def _sound(name: str, source: str) -> Part:
    made = text_part(name, source)
    assert isinstance(made, Part)  # a template without issues
    return made


def _issue(part: str, problem: Problem) -> Issue:
    return Issue(part=part, problem=problem.text)
