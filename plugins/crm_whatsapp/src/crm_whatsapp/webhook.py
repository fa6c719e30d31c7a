"""Webhooks of Meta's: the verification, the signature, and which reader each change goes to.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Final

import attrs

from crm_whatsapp import accounts, inbound, statuses
from crm_whatsapp.reading import Fields, fields, objects, word
from crm_whatsapp.settings import CloudSettings
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

SIGNATURE: Final = "x-hub-signature-256"
_TEXT: Final = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
Said = Feedback | Inbound | TemplateChange | Choice | AddressChange | str


@attrs.frozen(kw_only=True)
class Change:
    """One change of a webhook: its field, its value, and when it was sent (as Meta writes it)."""

    field: str
    value: Fields
    sent: object


def parse(settings: CloudSettings, request: RawRequest, now: int) -> Ingested:
    """Return what a request says: GET is Meta's verification of the address, POST what has happened."""
    if request.method == "GET":
        return Ingested(answer=_verified(settings, request))
    if request.method != "POST":
        return Ingested(answer=HttpResponse(status=405, headers={"allow": "GET, POST"}))
    if not is_signed(settings.secret("app_secret").reveal(), request):
        return Ingested(answer=HttpResponse(status=401))
    return _sorted([one for change in changes(request.body) for one in read(change, now)])


def is_signed(app_secret: str, request: RawRequest) -> bool:
    """Tell whether the signature is that of the raw body; compared in constant time."""
    right = "sha256=" + hmac.new(app_secret.encode(), request.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(right.encode(), request.headers.get(SIGNATURE, "").encode("utf-8", "replace"))


def changes(body: bytes) -> Iterator[Change]:
    """Yield the changes in a body; none where it is not JSON, or of a shape that nobody knows."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return
    for entry in objects(fields(said).get("entry")):
        for change in objects(entry.get("changes")):
            yield Change(field=word(change.get("field")), value=fields(change.get("value")), sent=entry.get("time"))


def read(change: Change, now: int) -> Iterator[Said]:
    """Yield what a change says; nothing where nobody knows its field yet."""
    if (reader := _READERS.get(change.field)) is not None:
        yield from reader(change.value, now)
    elif change.field in accounts.READERS:
        yield from accounts.READERS[change.field](change.field, change.value, change.sent, now)


def _messages(value: Fields, now: int) -> Iterator[Said]:
    yield from statuses.read(value, now)
    yield from inbound.read(value, now)


_READERS: Final[dict[str, Callable[[Fields, int], Iterator[Said]]]] = {
    "messages": _messages,
    "user_preferences": inbound.choices,
}


def _verified(settings: CloudSettings, request: RawRequest) -> HttpResponse:
    """Return the challenge to whoever knows the token that was given to Meta."""
    said = request.query.get("hub.verify_token", "").encode("utf-8", "surrogatepass")
    right = settings.secret("verify_token").reveal().encode()
    if request.query.get("hub.mode") != "subscribe" or not hmac.compare_digest(said, right):
        return HttpResponse(status=403)
    challenge = request.query.get("hub.challenge", "")
    return HttpResponse(status=200, headers=_TEXT, body=challenge.encode("utf-8", "replace"))


def _sorted(said: list[Said]) -> Ingested:
    return Ingested(
        answer=HttpResponse(status=200),
        feedback=tuple(one for one in said if isinstance(one, Feedback)),
        inbound=tuple(one for one in said if isinstance(one, Inbound)),
        templates=tuple(one for one in said if isinstance(one, TemplateChange)),
        choices=tuple(one for one in said if isinstance(one, Choice)),
        addresses=tuple(one for one in said if isinstance(one, AddressChange)),
        alerts=tuple(dict.fromkeys(one for one in said if isinstance(one, str))),
    )
