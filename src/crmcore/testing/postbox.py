"""A carrier for tests that takes webhooks: signed JSON which names what the contract knows, as attributes by name."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, TypeVar

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

    def parse_webhook(self, request: RawRequest, now: int) -> Ingested:  # noqa: ARG002 - it says what time it was
        """Return what it says."""
        if request.method == "GET":
            return Ingested(answer=HttpResponse(status=200, body=request.query.get("challenge", "").encode()))
        wanted = f"sha256={_mac(request.body, self._secret)}"
        if not hmac.compare_digest(request.headers.get(SIGNATURE, "").encode(), wanted.encode()):
            return Ingested(answer=HttpResponse(status=401))
        said = _read(request.body)
        return Ingested(
            answer=HttpResponse(status=200),
            feedback=_each(said, "feedback", Feedback),
            inbound=_each(said, "inbound", Inbound),
            templates=_each(said, "templates", TemplateChange),
            choices=_each(said, "choices", Choice),
            addresses=_each(said, "addresses", AddressChange),
            alerts=tuple(one for one in said.get("alerts", ()) if isinstance(one, str)),
        )


def _mac(body: bytes, secret: bytes) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _each(said: Mapping[str, Any], name: str, kind: type[Taken]) -> tuple[Taken, ...]:
    given = said.get(name)
    made = (_made(kind, each) for each in given if isinstance(each, dict)) if isinstance(given, list) else ()
    return tuple(one for one in made if one is not None)


def _made(kind: type[Taken], given: Mapping[str, Any]) -> Taken | None:
    """Return what a mapping says, without what nobody knows; None where it lacks something, or names what nobody knows."""
    known = {field.name for field in attrs.fields(kind)}
    if given.get("type", "read") not in _TYPES:
        return None
    try:
        return kind(**{name: _value(name, value) for name, value in given.items() if name in known})
    except TypeError:
        return None


_TYPES = frozenset(
    "accepted delivered read opened clicked replied bounced complained unsubscribed failed".split()  # noqa: SIM905
)


def _value(name: str, value: Any) -> Any:
    if name in ("old", "address") and value is not None:
        return Identity(*value)
    return tuple(Identity(*one) for one in value) if name in ("new", "identities", "addresses") else value
