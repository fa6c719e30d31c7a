"""Messages in our own words, which WhatsApp takes while a window is open: texts, buttons, lists, files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from crm_whatsapp import rules
from crmcore.model.template import Issue, Template

_BUTTON = re.compile(r"button\.([0-9]{1,2})(\.id)?")
_ROW = re.compile(r"row\.([0-9]{1,2})(\.id|\.description)?")
_HEADERS: Final = tuple(f"header.{kind}" for kind in ("image", "video", "document"))
#: Meta takes no more of them.
BUTTONS, ROWS = 3, 10
_KNOWN: Final = ("text", "header", *_HEADERS, "footer", "list", "filename", *rules.MEDIA)
_WITHOUT_CAPTION: Final = ("audio", "sticker")


def issues(template: Template) -> Iterator[Issue]:
    """Yield what is wrong with the parts, but for what is in them."""
    names = set(template.parts)
    unknown = [
        one for one in sorted(names) if one not in _KNOWN and not _BUTTON.fullmatch(one) and not _ROW.fullmatch(one)
    ]
    known = f"{', '.join(_KNOWN)}, button.0, row.0, and `approved` for a template of Meta's"
    yield from (Issue(part=one, problem=f"WhatsApp has no such part; it has {known}") for one in unknown)
    yield from _content(names)
    yield from _lists(names)
    yield from _owners(names)
    yield from _counts(names)


def rule(template: Template, name: str) -> rules.Rule:
    """Return what the text of a part must be like."""
    if name == "text":
        return rules.prose(rules.TEXT if _is_plain(set(template.parts)) else rules.BODY)
    if name in _HEADERS or name in rules.MEDIA:
        return rules.link
    if button := _BUTTON.fullmatch(name):
        return rules.line(rules.BUTTON_ID if button[2] else rules.BUTTON)
    if row := _ROW.fullmatch(name):
        return rules.line({".id": rules.ROW_ID, ".description": rules.DESCRIPTION}.get(row[2], rules.ROW))
    most = {"list": rules.BUTTON, "header": rules.LINE, "footer": rules.FOOTER}.get(name, rules.FILE)
    return rules.line(most)


def incomplete(template: Template, said: Mapping[str, str]) -> str:
    """Return what is wrong with the message as a whole: what is empty, or there twice."""
    if not said.get("text") and not set(rules.MEDIA) & set(said):
        return "text: it is empty"
    if said.get("list") == "":
        return "list: it is empty"
    if "list" in said:
        return _choosable(said, "row", _rows(said))
    return _choosable(said, "button", _buttons(said)) if _of(_BUTTON, set(template.parts)) else ""


def message(template: Template, said: Mapping[str, str]) -> dict[str, Any]:  # noqa: ARG001 - as of approved ones
    """Return the message as Meta takes it."""
    for kind in rules.MEDIA:
        if kind in said:
            return {"type": kind, kind: _file(said, kind, said[kind]) | _caption(said)}
    if "list" in said:
        return _interactive(said, "list", {"button": said["list"], "sections": [{"rows": _rows_of(said)}]})
    if buttons := _buttons(said):
        replies = [{"id": said.get(f"{one}.id") or said[one], "title": said[one]} for one in buttons]
        return _interactive(said, "button", {"buttons": [{"type": "reply", "reply": one} for one in replies]})
    return {"type": "text", "text": {"body": said["text"]}}


def _content(names: set[str]) -> Iterator[Issue]:
    media = [one for one in rules.MEDIA if one in names]
    if "text" not in names and not media:
        yield Issue(part="text", problem="it is missing")
    if len(media) > 1:
        yield Issue(part=media[1], problem=f"a message carries one file, and this one has {media[0]}")
    if "text" in names and media and media[0] in _WITHOUT_CAPTION:
        yield Issue(part="text", problem=f"no text goes with {media[0]}")
    if media and (other := sorted(names - {"text", "filename", *rules.MEDIA})):
        yield Issue(part=other[0], problem=f"it does not go with {media[0]}; header.{media[0]} goes with buttons")


def _lists(names: set[str]) -> Iterator[Issue]:
    buttons, rows = _of(_BUTTON, names), _of(_ROW, names)
    if buttons and (rows or "list" in names):
        yield Issue(part="list", problem="a message has buttons or a list, not both")
    if rows and "list" not in names:
        yield Issue(part="list", problem="it is missing: what stands on the button that opens the rows")
    if "list" in names and not rows:
        yield Issue(part="row.0", problem="it is missing: a list has rows")
    headers = [one for one in ("header", *_HEADERS) if one in names]
    if len(headers) > 1:
        yield Issue(part=headers[1], problem="a message has one header")
    if "list" in names and headers and headers[0] != "header":
        yield Issue(part=headers[0], problem="the header of a list is a text")
    if (headers or "footer" in names) and not buttons and "list" not in names:
        part = headers[0] if headers else "footer"
        yield Issue(part=part, problem="it goes with buttons or a list alone")


def _owners(names: set[str]) -> Iterator[Issue]:
    """What describes something goes with what it describes."""
    for name in sorted(names):
        owner = name.rpartition(".")[0]
        if (_BUTTON.fullmatch(name) or _ROW.fullmatch(name)) and "." in owner and owner not in names:
            yield Issue(part=owner, problem=f"it is missing, and there is {name}")
    if "filename" in names and not {"document", "header.document"} & names:
        yield Issue(part="filename", problem="a file name belongs to a document")


def _counts(names: set[str]) -> Iterator[Issue]:
    for form, most, what in ((_BUTTON, BUTTONS, "buttons"), (_ROW, ROWS, "rows")):
        if any(int(number) >= most for number in _of(form, names)):
            first = "button" if form is _BUTTON else "row"
            problem = f"WhatsApp takes {most} {what} at most, {first}.0 to {first}.{most - 1}"
            yield Issue(part=first, problem=problem)


def _of(form: re.Pattern[str], names: set[str]) -> set[str]:
    return {found[1] for one in names if (found := form.fullmatch(one))}


def _choosable(said: Mapping[str, str], what: str, names: list[str]) -> str:
    """Return why nobody could choose of buttons or rows: there is none, or two cannot be told apart."""
    if not names:
        return f"{what}: none of them has a title"
    for given in ([said[one] for one in names], [said.get(f"{one}.id") or said[one] for one in names]):
        if len(set(given)) < len(given):
            return f"{what}: two are the same, and nobody could tell which was chosen"
    return ""


def _is_plain(names: set[str]) -> bool:
    """A text with neither a file nor anything to choose from may be long."""
    return not (set(rules.MEDIA) & names or "list" in names or _of(_BUTTON, names))


def _buttons(said: Mapping[str, str]) -> list[str]:
    """Return the buttons in order; one without a title is left out."""
    return _titled(said, "button", BUTTONS)


def _rows(said: Mapping[str, str]) -> list[str]:
    return _titled(said, "row", ROWS)


def _titled(said: Mapping[str, str], what: str, most: int) -> list[str]:
    return [name for number in range(most) if said.get(name := f"{what}.{number}")]


def _rows_of(said: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"id": said.get(f"{one}.id") or said[one], "title": said[one]}
        | ({"description": about} if (about := said.get(f"{one}.description")) else {})
        for one in _rows(said)
    ]


def _interactive(said: Mapping[str, str], kind: str, action: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"type": kind, "body": {"text": said["text"]}, "action": action}
    for name in _HEADERS:
        if name in said:
            file = name.removeprefix("header.")
            made["header"] = {"type": file, file: _file(said, file, said[name])}
    if said.get("header"):
        made["header"] = {"type": "text", "text": said["header"]}
    if said.get("footer"):
        made["footer"] = {"text": said["footer"]}
    return {"type": "interactive", "interactive": made}


def _file(said: Mapping[str, str], kind: str, link: str) -> dict[str, str]:
    name = said.get("filename") if kind == "document" else None
    return {"link": link} | ({"filename": name} if name else {})


def _caption(said: Mapping[str, str]) -> dict[str, str]:
    return {"caption": said["text"]} if said.get("text") else {}
