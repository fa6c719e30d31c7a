"""A carrier for tests that takes webhooks: signed JSON which names what the contract knows, as attributes by name."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args, get_type_hints

import attrs

from crmcore.hooks.provider import (
    AddressChange,
    Choice,
    Feedback,
    HttpResponse,
    Inbound,
    Ingested,
    RawRequest,
    TemplateChange,
)
from crmcore.model.event import FUTURE
from crmcore.model.identity import Identity
from crmcore.testing.fakes import Answer, Notes, Recorder, accept

SECRET = b"a secret of the postbox"
SIGNATURE = "x-signature-256"
Taken = TypeVar("Taken", Feedback, Inbound, TemplateChange, Choice, AddressChange)


def signed(body: bytes, secret: bytes = SECRET) -> RawRequest:
    """Return a body as the carrier posts it, signed over its bytes."""
    return RawRequest(method="POST", headers={SIGNATURE: f"sha256={_mac(body, secret)}"}, body=body)


def posted(**said: Any) -> RawRequest:
    """Return the webhook that says something: `feedback=[{"key": ...}]` and so on."""
    return signed(json.dumps(said).encode())


class Postbox(Recorder):
    """The carrier `recorder` of the channel `note`, with webhooks."""

    def __init__(self, answer: Answer = accept, notes: Notes | None = None, secret: bytes = SECRET) -> None:
        super().__init__(answer, notes)
        self._secret = secret

    def parse_webhook(self, request: RawRequest, now: int) -> Ingested:
        """Return what it says."""
        if request.method == "GET":
            return Ingested(answer=HttpResponse(status=200, body=request.query.get("challenge", "").encode()))
        wanted = f"sha256={_mac(request.body, self._secret)}"
        if not hmac.compare_digest(request.headers.get(SIGNATURE, "").encode(), wanted.encode()):
            return Ingested(answer=HttpResponse(status=401))
        said = _read(request.body)
        alerts = said.get("alerts")
        return Ingested(
            answer=HttpResponse(status=200),
            feedback=_each(said, "feedback", Feedback, now),
            inbound=_each(said, "inbound", Inbound, now),
            templates=_each(said, "templates", TemplateChange, now),
            choices=_each(said, "choices", Choice, now),
            addresses=_each(said, "addresses", AddressChange, now),
            alerts=tuple(filter(_is_text, alerts)) if isinstance(alerts, list) else (),
        )


def _mac(body: bytes, secret: bytes) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _each(said: Mapping[str, Any], name: str, kind: type[Taken], now: int) -> tuple[Taken, ...]:
    given = said.get(name)
    made = (_made(kind, each, now) for each in given if isinstance(each, dict)) if isinstance(given, list) else ()
    return tuple(one for one in made if one is not None)


def _made(kind: type[Taken], given: Mapping[str, Any], now: int) -> Taken | None:
    """Return what a mapping says, without what nobody knows; None where it lacks something, or it is not what it is to be."""
    known = {field.name for field in attrs.fields(kind)}
    said = {name: value for name, value in given.items() if name in known}
    if not all(_IS_WELL[name](value) for name, value in said.items()):
        return None
    try:
        return kind(
            **{name: _value(name, value) for name, value in said.items()}
            | {"at": min(said.get("at", now), now + FUTURE)}
        )
    except TypeError:
        return None


def _value(name: str, value: Any) -> Any:
    if name in ("old", "address") and value is not None:
        return Identity(*value)
    return tuple(Identity(*one) for one in value) if name in ("new", "identities", "addresses") else value


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_identity(value: object) -> bool:
    return isinstance(value, list) and [type(one) for one in value] == [str, str]


def _are_identities(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_identity, value))


def _are_properties(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str | int) for one in value.values())


def _or_none(is_well: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or is_well(value)


_TYPES = tuple(get_args(get_type_hints(Feedback)["type"]))
#: What the value of each attribute is to be.
_IS_WELL: Mapping[str, Callable[[object], bool]] = {
    "type": lambda value: value in _TYPES,
    **dict.fromkeys(("key", "name"), _is_name),
    **dict.fromkeys(("text", "reason", "raw", "locale", "kind"), _is_text),
    **dict.fromkeys(("wanted", "may_be_sent", "machine"), _is_flag),
    **dict.fromkeys(("delivery_id", "after"), _or_none(_is_number)),
    **dict.fromkeys(("provider_id", "reply_to"), _or_none(_is_text)),
    **dict.fromkeys(("new", "identities", "addresses"), _are_identities),
    "at": _is_number,
    "old": _is_identity,
    "address": _or_none(_is_identity),
    "properties": _are_properties,
}
