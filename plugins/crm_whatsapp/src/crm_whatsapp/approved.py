"""Messages made of a template that Meta has approved: its name, its language, and what its places are filled with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from crm_whatsapp import rules
from crmcore.model.template import Issue, Template

NAME, LANGUAGE = "approved", "language"
_NAME = re.compile(r"[a-z0-9_]{1,512}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
#: The places of a template: `header.image`, `body.1`, `body.total.currency`, `button.0.url`.
_PLACES: Final = (
    ("header", re.compile(r"header\.()(image|video|document|filename)")),
    ("header", re.compile(r"header\.([a-z0-9_]{1,60})()")),
    ("body", re.compile(r"body\.([a-z0-9_]{1,60})(?:\.(currency|date_time))?")),
    ("button", re.compile(r"button\.([0-9])\.(url|payload|code)")),
)
#: What Meta calls a button, and what fills it.
_BUTTONS: Final = {"url": ("url", "text"), "payload": ("quick_reply", "payload"), "code": ("copy_code", "coupon_code")}


@attrs.frozen(kw_only=True)
class Place:
    """One place of a template: in its header, body or a button; `key` is a number, the name of a parameter, or empty."""

    component: str
    key: str
    kind: str


def place(name: str) -> Place | None:
    """Return the place that a part fills; None where there is no such place."""
    for component, form in _PLACES:
        if found := form.fullmatch(name):
            return Place(component=component, key=found[1], kind=found[2] or "text")
    return None


def issues(template: Template) -> Iterator[Issue]:
    """Yield what is wrong with the parts, but for what is in them."""
    if not _NAME.fullmatch(template.parts[NAME]):
        yield Issue(
            part=NAME, problem="it is the template's name at Meta: lower-case letters, digits and _, and no field"
        )
    if not _LANGUAGE.fullmatch(_language(template)):
        problem = "give the language it was approved in, such as en_US, or save it for a locale"
        yield Issue(part=LANGUAGE, problem=problem)
    for name in _fillings(template):
        if place(name) is None:
            yield Issue(part=name, problem="an approved template has places such as body.1, header.image, button.0.url")
    places = [found for name in _fillings(template) if (found := place(name))]
    yield from _counted(places)
    yield from _headed(places)


def rule(template: Template, name: str) -> rules.Rule:
    """Return what the text of a part must be like."""
    found = place(name)
    if found is None:
        return rules.line(rules.TEXT)
    body = _most(template)
    return {
        "text": rules.parameter(rules.LINE if found.component == "header" else body),
        "date_time": rules.parameter(body),
        "currency": rules.money,
        "url": rules.parameter(rules.SUFFIX),
        "payload": rules.parameter(rules.PAYLOAD),
        "code": rules.coupon,
        "filename": rules.parameter(rules.FILE),
    }.get(found.kind, rules.link)


def incomplete(template: Template, said: Mapping[str, str]) -> str:
    """Return what is wrong with the message as a whole: its body may be too long, filled in."""
    body = sum(len(text) for name, text in said.items() if name.startswith("body."))
    return "" if body <= _most(template) else f"body: {body:,} characters, at most {_most(template):,} fit"


def message(template: Template, said: Mapping[str, str]) -> dict[str, Any]:
    """Return the message as Meta takes it."""
    filled = sorted(((found, text) for name, text in said.items() if (found := place(name))), key=_order)
    by = {part: [one for one in filled if one[0].component == part] for part in ("header", "body", "button")}
    body = [_parameter(*one) for one in by["body"]]
    components = [
        *_header(said, by["header"]),
        *([{"type": "body", "parameters": body}] if body else []),
        *(_button(*one) for one in by["button"]),
    ]
    made = {"name": said[NAME], "language": {"code": _language(template)}}
    return {"type": "template", "template": made | ({"components": components} if components else {})}


def _language(template: Template) -> str:
    return template.parts.get(LANGUAGE, template.locale).strip().replace("-", "_")


def _fillings(template: Template) -> list[str]:
    return [name for name in template.parts if name not in (NAME, LANGUAGE)]


def _counted(places: Sequence[Place]) -> Iterator[Issue]:
    """Parameters are numbered from 1 without a gap, or named; all of them the same way."""
    keys = [one.key for one in places if one.component == "body"]
    numbers = sorted(int(one) for one in keys if one.isdigit())
    texts = keys + [one.key for one in places if one.component == "header" and one.kind == "text"]
    if len({one.isdigit() for one in texts}) > 1:
        yield Issue(part="body", problem="Meta takes parameters by number or by name, not both in one template")
    if numbers != list(range(1, len(numbers) + 1)):
        yield Issue(part="body", problem="parameters are numbered from 1, without a gap, and each once")
    if len(set(keys)) < len(keys):
        yield Issue(part="body", problem="a parameter is given twice, with one type and with another")
    buttons = [one.key for one in places if one.component == "button"]
    if len(set(buttons)) < len(buttons):
        yield Issue(part="button", problem="a button is a url, a payload or a code, not two of them")


def _headed(places: Sequence[Place]) -> Iterator[Issue]:
    kinds = [one.kind for one in places if one.component == "header"]
    if len([one for one in kinds if one != "filename"]) > 1:
        yield Issue(part="header", problem="a header is one text, image, video or document")
    if "filename" in kinds and "document" not in kinds:
        yield Issue(part="header.filename", problem="a file name belongs to header.document")


def _most(template: Template) -> int:
    """Return how long the body may be, filled in, as far as its places tell."""
    alone = all(found.component == "body" for name in _fillings(template) if (found := place(name)))
    return rules.FILLED_ALONE if alone else rules.FILLED


def _order(filled: tuple[Place, str]) -> tuple[bool, int, str]:
    found = filled[0]
    return (not found.key.isdigit(), int(found.key) if found.key.isdigit() else 0, found.key)


def _header(said: Mapping[str, str], filled: Sequence[tuple[Place, str]]) -> Iterator[dict[str, Any]]:
    for found, text in filled:
        if found.kind == "text":
            yield {"type": "header", "parameters": [_parameter(found, text)]}
        elif found.kind != "filename":
            file = {"link": text} | ({"filename": said["header.filename"]} if "header.filename" in said else {})
            yield {"type": "header", "parameters": [{"type": found.kind, found.kind: file}]}


def _parameter(found: Place, text: str) -> dict[str, Any]:
    named = {} if found.key.isdigit() else {"parameter_name": found.key}
    match found.kind:
        case "currency":
            worth = rules.amount(text)
            assert worth is not None  # its rule has seen to it
            return {"type": "currency", "currency": {"fallback_value": text, **worth._asdict()}, **named}
        case "date_time":
            return {"type": "date_time", "date_time": {"fallback_value": text}, **named}
        case _:
            return {"type": "text", "text": text, **named}


def _button(found: Place, text: str) -> dict[str, Any]:
    sub_type, field = _BUTTONS[found.kind]
    parameters = [{"type": field, field: text}]
    return {"type": "button", "sub_type": sub_type, "index": found.key, "parameters": parameters}
