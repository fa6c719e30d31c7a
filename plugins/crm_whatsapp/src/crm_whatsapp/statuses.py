"""Statuses: what became of messages we have sent. They come in any order, and more than once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from crm_whatsapp import address
from crm_whatsapp.codes import ACTIONS, Again, Elsewise, Never, code_of
from crm_whatsapp.reading import Fields, fields, moment, objects, text, word
from crmcore.hooks.provider import Choice, Feedback
from crmcore.model.identity import Identity

#: A voice message that was played was read.
_TYPES: Final[dict[str, Literal["accepted", "delivered", "read"]]] = {
    "accepted": "accepted",
    "sent": "accepted",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
}
_MAX_ID: Final = 2**63
_SHOWN: Final = 200


def read(value: Fields, now: int) -> Iterator[Feedback | Choice | str]:
    """Yield feedback on messages; statuses that nobody knows yet, and those of calls, are passed over."""
    for status in objects(value.get("statuses")):
        wamid, name = word(status.get("id")), word(status.get("status"))
        if not wamid:
            continue
        if name == "failed":
            yield from _failed(status, wamid, now)
        elif name in _TYPES:
            yield Feedback(
                key=f"{wamid}:{name}",
                type=_TYPES[name],
                at=moment(status.get("timestamp"), now),
                delivery_id=delivery_id(status),
                provider_id=wamid,
                address=_address(status),
            )


def delivery_id(status: Fields) -> int | None:
    """Return the delivery that we gave along when we sent the message; None where somebody else sent it."""
    said = status.get("biz_opaque_callback_data")
    if not isinstance(said, str) or not said.isascii() or not said.isdigit() or len(said) > len(str(_MAX_ID)):
        return None
    number = int(said)
    return number if 0 < number < _MAX_ID else None


def _failed(status: Fields, wamid: str, now: int) -> Iterator[Feedback | Choice | str]:
    error = next(objects(status.get("errors")), {})
    code = code_of(error)
    action = None if code is None else ACTIONS.get(code)
    at, key = moment(status.get("timestamp"), now), f"{wamid}:failed:{'' if code is None else code}"
    made = Feedback(
        key=key,
        type="failed",
        at=at,
        delivery_id=delivery_id(status),
        provider_id=wamid,
        address=_address(status),
        reason=_reason(error, code, action),
        after=action.after if isinstance(action, Again) else None,
    )
    yield made
    if action == Elsewise("choice"):
        yield from _stopped(made, key)
    if action == Never("sender"):
        yield f"WhatsApp: a message failed, and the sender is at fault: {_words(error, code)}"


def _stopped(failed: Feedback, key: str) -> Iterator[Feedback | Choice]:
    """The customer wants no more marketing, and has told Meta so."""
    yield Feedback(
        key=f"{key}:unsubscribed",
        type="unsubscribed",
        at=failed.at,
        delivery_id=failed.delivery_id,
        provider_id=failed.provider_id,
        address=failed.address,
        reason=failed.reason,
    )
    if failed.address is not None:
        yield Choice(key=f"{key}:choice", at=failed.at, addresses=(failed.address,), wanted=False, reason=failed.reason)


def _reason(error: Fields, code: int | None, action: object) -> str:
    fault = f"{action.fault}: " if isinstance(action, Never) else ""
    return f"{fault}{_words(error, code)}"


def _words(error: Fields, code: int | None) -> str:
    title = (
        text(error.get("title")) or text(error.get("message")) or text(fields(error.get("error_data")).get("details"))
    )
    shown = " ".join("".join(one if one.isprintable() else " " for one in title).split())
    return f"{'' if code is None else code} {shown}".strip()[:_SHOWN]


def _address(status: Fields) -> Identity | None:
    """Return who it went to; in a group, whose status it is."""
    names = ("recipient_participant_id", "recipient_participant_user_id", "recipient_id", "recipient_user_id")
    return next((found for name in names if (found := address.read(status.get(name)))), None)
