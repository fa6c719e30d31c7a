"""What Meta looks at in a message before it takes it: its type, and a template against the one that was approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

from crmcore.testing.standins.meta_errors import Refused

MEDIA = frozenset({"audio", "document", "image", "sticker", "video"})
INTERACTIVE = frozenset(
    {
        "button",
        "call_permission_request",
        "carousel",
        "catalog_message",
        "cta_url",
        "flow",
        "list",
        "location_request_message",
        "product",
        "product_list",
        "voice_call",
    }
)
TYPES = MEDIA | {"contacts", "interactive", "location", "reaction", "template", "text"}
LONGEST_TEXT, LONGEST_CAPTION, LONGEST_CALLBACK, BUTTONS = 4096, 1024, 512, 3
_UNSENDABLE = {"PAUSED": 132015, "DISABLED": 132016}


@attrs.frozen(kw_only=True)
class Approved:
    """A template as Meta knows it in one language; `body` and `header`: how many parameters, or their names."""

    name: str
    language: str = "en_US"
    category: Literal["MARKETING", "UTILITY", "AUTHENTICATION"] = "MARKETING"
    body: int | Sequence[str] = 0
    header: int | Sequence[str] = 0
    status: str = "APPROVED"
    number: int = 1


Templates = Mapping[tuple[str, str], Approved]


def check_content(kind: str, value: Mapping[str, Any]) -> None:
    """Raise Refused where a message that is no template lacks something or has too much of it."""
    content = value.get(kind)
    if kind not in TYPES:
        raise Refused(100, f"Param type must be one of {sorted(TYPES)} - got {kind!r}.")
    if kind == "contacts" and isinstance(content, list) and content:
        return
    if not content or not isinstance(content, dict):
        raise Refused(131008, f"The parameter {kind} is required.")
    if kind == "text":
        _text("text['body']", content.get("body"), LONGEST_TEXT)
    elif kind in MEDIA and not (content.get("id") or content.get("link")):
        raise Refused(131008, f"The parameter {kind}['id'] or {kind}['link'] is required.")
    elif kind in MEDIA and content.get("caption"):
        _text(f"{kind}['caption']", content["caption"], LONGEST_CAPTION)
    elif kind == "interactive":
        _interactive(content)


def check_template(templates: Templates, content: Mapping[str, Any]) -> Approved:
    """Return the approved template that a message names; raise Refused."""
    name, language = content.get("name"), _code(content.get("language"))
    if not name or not language:
        raise Refused(131008, "The parameters template['name'] and template['language']['code'] are required.")
    approved = templates.get((str(name), language))
    if approved is None or approved.status not in ("APPROVED", *_UNSENDABLE):
        raise Refused(132001, f"template name ({name}) does not exist in {language}")
    if approved.status in _UNSENDABLE:
        raise Refused(_UNSENDABLE[approved.status])
    components = content.get("components") or []
    _parameters("header", approved.header, components)
    _parameters("body", approved.body, components)
    return approved


def _parameters(part: str, expected: int | Sequence[str], components: Sequence[Mapping[str, Any]]) -> None:
    given = [one for each in components if _kind(each) == part for one in each.get("parameters", ())]
    wanted = expected if isinstance(expected, int) else len(expected)
    if len(given) != wanted:
        said = f"{part}: number of localizable_params ({len(given)}) does not match the expected number of params"
        raise Refused(132000, f"{said} ({wanted})")
    if not isinstance(expected, int) and {one.get("parameter_name") for one in given} != set(expected):
        raise Refused(132012, f"{part}: the names of the parameters are {sorted(expected)}")
    for one in given:
        if one.get("type") == "text" and not one.get("text"):
            raise Refused(131008, f"{part}: Parameter of type text is missing text value")


def _kind(component: Mapping[str, Any]) -> str:
    return str(component.get("type", "")).lower()


def _code(language: Any) -> str:
    return str(language.get("code") or "") if isinstance(language, dict) else ""


def _text(place: str, text: Any, longest: int) -> None:
    if not isinstance(text, str) or not text:
        raise Refused(131008, f"The parameter {place} is required.")
    if len(text) > longest:
        raise Refused(100, f"Param {place} must be at most {longest} characters long.")


def _interactive(content: Mapping[str, Any]) -> None:
    kind = content.get("type")
    if kind not in INTERACTIVE:
        raise Refused(131009, f"Param interactive['type'] must be one of {sorted(INTERACTIVE)} - got {kind!r}.")
    if not content.get("action"):
        raise Refused(131008, "The parameter interactive['action'] is required.")
    if kind not in ("product", "catalog_message", "call_permission_request", "carousel", "voice_call"):
        _text("interactive['body']['text']", (content.get("body") or {}).get("text"), LONGEST_TEXT)
    if kind == "button" and not 1 <= len(content["action"].get("buttons", ())) <= BUTTONS:
        raise Refused(131009, f"Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: {BUTTONS}")
