"""The provider `webpush`: RFC 8030 to the push service of whatever browser has subscribed, and what browsers report."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Literal

import attrs
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from crm_push.address import WEBPUSH, subscribed, text
from crm_push.encryption import encrypted
from crm_push.notification import MAC, Notification, Report, web_payload
from crm_push.replies import OK, STATUSES, parsed, retry_after, time_left, word
from crm_push.settings import WebPushSettings
from crm_push.signing import private_key
from crm_push.vapid import Vapid
from crmcore.hooks.provider import (
    Accepted,
    Carriage,
    Feedback,
    Gone,
    HttpRequest,
    HttpResponse,
    InDoubt,
    Ingested,
    Outgoing,
    Permanent,
    RawRequest,
    Result,
    Retry,
)
from crmcore.model.time import DAY
from crmcore.settings import secret

_GONE = frozenset({404, 410})
_BUSY = 429
_SENDER = frozenset({401, 403})
_FAILURES = range(500, 600)
#: What is said of the key or the token, in answers with status 400 (Apple says BadJwtToken, others speak of VAPID).
_OF_THE_SENDER = (b"jwt", b"vapid", b"authorization", b"unauthorized")
REPORTED: Final[Mapping[str, Literal["delivered", "clicked"]]] = {"shown": "delivered", "clicked": "clicked"}
#: No message is kept longer by a push service; what a browser says it did before that is dated now.
OLDEST: Final = 29 * DAY
_CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "POST, OPTIONS",
    "access-control-allow-headers": "content-type",
    "access-control-max-age": "86400",
}


@attrs.frozen(kw_only=True)
class _Secrets:
    """What follows from the VAPID key: signatures, keys of messages, codes of reports."""

    vapid: Vapid
    messages: bytes = attrs.field(repr=False)
    reports: bytes = attrs.field(repr=False)


class WebPush:
    """Web Push. A message sent again is the same body under the same Topic, which takes the place of the first."""

    name = "webpush"
    channel = "push"
    contract = 1

    def __init__(self, settings: WebPushSettings) -> None:
        self._settings = settings
        told = {"delivered", "clicked"} if settings.report_url else set()
        self.carriage = Carriage(
            receipts=frozenset({"accepted", *told}),
            idempotency="collapse",
            batch=500,
            address_kinds=frozenset({WEBPUSH}),
        )

    def token_request(self, now: int) -> HttpRequest | None:  # noqa: ARG002 - tokens are signed for each push service
        """Ask nobody for a token. Raise SettingsError where there is no key: before a batch, so that its messages wait."""
        self._secrets  # noqa: B018 - read, and kept
        return None

    def take_token(self, response: HttpResponse, now: int) -> str:  # noqa: ARG002 - none was asked for
        """Take none."""
        return ""

    def build_request(self, batch: Sequence[Outgoing], now: int) -> HttpRequest:
        """Return the request that carries a message; raise InvalidIdentity, or SettingsError where there is no key."""
        [message] = batch
        said, to = Notification.from_bytes(message.body), subscribed(message.address)
        payload = web_payload(said, self._report(message.delivery_id))
        headers = {
            "ttl": str(time_left(said.ttl, message.deadline, now)),
            "urgency": said.urgency,
            "topic": said.tag,
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "authorization": self._secrets.vapid.authorization(to.origin, now),
        }
        body = encrypted(payload, to, message.message_key, self._secrets.messages)
        return HttpRequest(method="POST", url=to.endpoint, headers=headers, body=body, is_guarded=True)

    def read_response(self, batch: Sequence[Outgoing], response: HttpResponse, now: int) -> Sequence[Result]:
        """Return what a push service's answer means."""
        return [_result(message.delivery_id, response, now) for message in batch]

    def parse_webhook(self, request: RawRequest, now: int) -> Ingested:
        """Return what a browser has done with a message, from the report of crm-push-worker.js."""
        if request.method == "OPTIONS":
            return _answer(204)
        if request.method != "POST":
            return _answer(405)
        said = parsed(request.body)
        delivery_id = self._delivery(said)
        if delivery_id is None:
            return _answer(401)
        done = REPORTED.get(word(said.get("type")))
        if done is None:
            return _answer(204)
        return _answer(
            204, Feedback(key=f"{delivery_id}:{done}", type=done, at=_at(said, now), delivery_id=delivery_id)
        )

    @cached_property
    def _secrets(self) -> _Secrets:
        key = private_key(
            secret(self._settings.private_key, "channels.push.webpush.private_key").reveal(), "[channels.push.webpush]"
        )
        raw = _raw(key)
        vapid = Vapid(key, self._settings.subject)
        return _Secrets(vapid=vapid, messages=raw, reports=hmac.digest(raw, b"crm-push report", "sha256"))

    def _report(self, delivery_id: int) -> Report | None:
        if not self._settings.report_url:
            return None
        name = str(delivery_id)
        return Report(url=self._settings.report_url, id=name, mac=self._mac(name))

    def _mac(self, name: str) -> str:
        return text(hmac.digest(self._secrets.reports, name.encode(errors="replace"), "sha256"))[:MAC]

    def _delivery(self, said: Mapping[str, Any]) -> int | None:
        """Return the delivery that a report is about; None where its code does not fit."""
        name, mac = word(said.get("id")), word(said.get("mac"))
        is_ours = hmac.compare_digest(mac.encode(errors="replace"), self._mac(name).encode())
        return int(name) if is_ours else None


def _result(delivery_id: int, response: HttpResponse, now: int) -> Result:
    status, code = response.status, str(response.status)
    if status in OK:
        return Accepted(delivery_id=delivery_id, provider_id=response.headers.get("location", ""))
    if status not in STATUSES:
        return InDoubt(delivery_id=delivery_id, evidence=f"an answer {code}")
    if status in _GONE:
        return Gone(delivery_id=delivery_id, event="address_removed", code=code)
    if status == _BUSY or status in _FAILURES:
        # One that comes twice takes its own place, there under its Topic, on the screen under its tag.
        return Retry(delivery_id=delivery_id, after=retry_after(response, now), scope="destination", code=code)
    fault: Any = "sender" if status in _SENDER or _is_of_the_sender(response) else "content"
    return Permanent(delivery_id=delivery_id, fault=fault, code=code)


def _is_of_the_sender(response: HttpResponse) -> bool:
    said = response.body[:4096].lower()
    return any(one in said for one in _OF_THE_SENDER)


def _at(said: Mapping[str, Any], now: int) -> int:
    """Return when it happened by the browser's clock (milliseconds), as far as that can be."""
    at = said.get("at")
    found = at * 1000 if type(at) is int else now
    return found if now - OLDEST <= found <= now else now


def _answer(status: int, *feedback: Feedback) -> Ingested:
    return Ingested(answer=HttpResponse(status=status, headers=_CORS), feedback=feedback)


def _raw(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_numbers().private_value.to_bytes(32, "big")
