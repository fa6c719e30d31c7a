"""What is in a message of a customer's: its kind, its text, and what else can be said of it in a word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import attrs

from crm_whatsapp.reading import Fields, fields, objects, text, word
from crmcore.model.names import NAME

UNSUPPORTED: Final = "unsupported"


@attrs.frozen(kw_only=True)
class Content:
    """What a message is: `kind` in a word, `reply_to` the message that it is about, where that is part of what it is."""

    kind: str
    text: str = ""
    reply_to: str = ""
    properties: Mapping[str, Any] = attrs.field(factory=dict)


def content(message: Fields) -> Content:
    """Return what a message is; one of a kind that nobody knows yet goes by the name that Meta gives it."""
    kind = word(message.get("type"))
    if (reader := _READERS.get(kind)) is not None:
        return reader(kind, fields(message.get(kind)), message)
    return Content(kind=kind if NAME.fullmatch(kind) else UNSUPPORTED, text=_body(message, kind))


def _text(kind: str, own: Fields, message: Fields) -> Content:  # noqa: ARG001 - each reader takes the same
    return Content(kind=kind, text=text(own.get("body")))


def _media(kind: str, own: Fields, message: Fields) -> Content:  # noqa: ARG001 - the same
    names = {"media_id": "id", "mime_type": "mime_type", "filename": "filename"}
    is_voice = kind == "audio" and own.get("voice") is True
    return Content(
        kind="voice" if is_voice else kind,
        text=text(own.get("caption")),
        properties={ours: text(own.get(theirs)) for ours, theirs in names.items()},
    )


def _button(kind: str, own: Fields, message: Fields) -> Content:  # noqa: ARG001 - the same
    return Content(kind=kind, text=text(own.get("text")), properties={"payload": text(own.get("payload"))})


def _interactive(kind: str, own: Fields, message: Fields) -> Content:  # noqa: ARG001 - the same
    """A button or a row that was chosen, a form that was filled in, leave to call."""
    chosen = word(own.get("type"))
    said = fields(own.get(chosen))
    properties = {
        "payload": text(said.get("id")),
        "description": text(said.get("description")),
        "response": text(said.get("response")) or text(said.get("response_json")),
    }
    ours = _INTERACTIVE.get(chosen) or (chosen if NAME.fullmatch(chosen) else kind)
    return Content(kind=ours, text=text(said.get("title")) or text(said.get("body")), properties=properties)


def _reaction(kind: str, own: Fields, message: Fields) -> Content:  # noqa: ARG001 - the same
    emoji = text(own.get("emoji"))
    return Content(
        kind=kind,
        text=emoji,
        reply_to=word(own.get("message_id")),
        properties={"removed": "" if emoji else True},
    )


def _location(kind: str, own: Fields, message: Fields) -> Content:  # noqa: ARG001 - the same
    places = {"latitude": _number(own.get("latitude")), "longitude": _number(own.get("longitude"))}
    words = {"address": text(own.get("address")), "url": text(own.get("url"))}
    return Content(kind=kind, text=text(own.get("name")), properties={**places, **words})


def _contacts(kind: str, own: Fields, message: Fields) -> Content:  # noqa: ARG001 - the same
    cards = list(objects(message.get(kind)))
    names = [text(fields(one.get("name")).get("formatted_name")) for one in cards]
    return Content(kind=kind, text=", ".join(one for one in names if one), properties={"count": len(cards)})


def _order(kind: str, own: Fields, message: Fields) -> Content:  # noqa: ARG001 - the same
    lines = list(objects(own.get("product_items")))
    items = [text(one.get("product_retailer_id")) for one in lines]
    about = {"catalog_id": text(own.get("catalog_id")), "count": len(lines), "items": ", ".join(filter(None, items))}
    return Content(kind=kind, text=text(own.get("text")), properties={**about, **_worth(lines)})


def _unsupported(kind: str, own: Fields, message: Fields) -> Content:
    error = next(objects(message.get("errors")), {})
    return Content(kind=kind, properties={"type": text(own.get("type")), "code": text(error.get("code"))})


def _edited(kind: str, own: Fields, message: Fields) -> Content:  # noqa: ARG001 - the same
    new = fields(own.get("message"))
    return Content(kind=kind, text=content(new).text, reply_to=word(own.get("original_message_id")))


def _body(message: Fields, kind: str) -> str:
    own = fields(message.get(kind))
    return text(own.get("body")) or text(own.get("caption")) or text(own.get("text"))


def _worth(lines: list[Fields]) -> dict[str, Any]:
    """Return what an order comes to, where it is in one currency."""
    currencies = {text(one.get("currency")) for one in lines}
    worth = [(_number(one.get("quantity")), _number(one.get("item_price"))) for one in lines]
    if len(currencies) != 1 or any(quantity is None or price is None for quantity, price in worth):
        return {}
    total = sum(
        (quantity * price for quantity, price in worth if quantity is not None and price is not None), Decimal(0)
    )
    return {"total": total, "currency": currencies.pop()}


def _number(value: object) -> Decimal | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    number = Decimal(str(value)) if isinstance(value, float) or abs(value) < _LARGE else None
    return number if number is not None and number.is_finite() and abs(number) < _LARGE else None


_LARGE: Final = 10**12
_MEDIA: Final = ("image", "video", "audio", "document", "sticker")
_INTERACTIVE: Final = {"button_reply": "button", "list_reply": "list", "nfm_reply": "flow"}
_READERS: Final[dict[str, Callable[[str, Fields, Fields], Content]]] = {
    "text": _text,
    **dict.fromkeys(_MEDIA, _media),
    "button": _button,
    "interactive": _interactive,
    "reaction": _reaction,
    "location": _location,
    "contacts": _contacts,
    "order": _order,
    UNSUPPORTED: _unsupported,
    "edit": _edited,
}
