"""The provider `apns`: Apple's push service, over HTTP/2."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from crm_push.address import APNS, normal
from crm_push.notification import Notification, apns_payload
from crm_push.replies import OK, STATUSES, parsed, retry_after, word
from crm_push.settings import ApnsSettings
from crm_push.signing import es256, private_key
from crmcore.hooks.provider import (
    Accepted,
    Carriage,
    Gone,
    HttpRequest,
    HttpResponse,
    InDoubt,
    Outgoing,
    Permanent,
    Result,
    Retry,
)
from crmcore.model.time import MINUTE, SECOND
from crmcore.settings import secret

#: Apple refuses tokens older than an hour, and new ones more often than every 20 minutes.
RENEWED: Final = 40 * MINUTE
AT_LEAST: Final = 20 * MINUTE
PRIORITIES: Final = {"high": "10", "normal": "10", "low": "5", "very-low": "1"}
_GONE = 410
_TOO_MANY, _TOO_LARGE, _UNAVAILABLE = 429, 413, 503
_FAILURES = range(500, 600)
_NO_ADDRESS = frozenset({"BadDeviceToken", "DeviceTokenNotForTopic"})
_STALE = "ExpiredProviderToken"
_CONTENT = frozenset({"PayloadEmpty", "PayloadTooLarge", "BadCollapseId", "BadPriority", "BadExpirationDate"})


class Apns:
    """Apple Push Notification service. A message sent again has the same apns-id and collapse id."""

    name = "apns"
    channel = "push"
    contract = 1
    carriage = Carriage(
        idempotency="collapse", batch=500, protocol="h2", in_flight=100, address_kinds=frozenset({APNS})
    )

    def __init__(self, settings: ApnsSettings) -> None:
        self._settings = settings
        self._token, self._made_at = "", -RENEWED

    def token_request(self, now: int) -> HttpRequest | None:
        """Sign a token where one is due, and ask nobody for it.

        Raise SettingsError where there is no key: before a batch, so that its messages wait.
        """
        self._provider_token(now)
        return None

    def take_token(self, response: HttpResponse, now: int) -> str:  # noqa: ARG002 - none was asked for
        """Take none."""
        return ""

    def build_request(self, batch: Sequence[Outgoing], now: int) -> HttpRequest:
        """Return the request that carries a message; raise InvalidIdentity, or SettingsError where there is no key."""
        [message] = batch
        said, to = Notification.from_bytes(message.body), normal(message.address)
        headers = {
            "authorization": f"bearer {self._provider_token(now)}",
            "apns-id": apns_id(message.message_key),
            "apns-topic": self._settings.topic,
            "apns-push-type": "alert",
            "apns-priority": PRIORITIES[said.urgency],
            "apns-expiration": str(_expires(said, message.deadline)),
            "apns-collapse-id": said.tag,
            "content-type": "application/json",
        }
        url = f"{self._settings.host.rstrip('/')}/3/device/{to.value}"
        return HttpRequest(method="POST", url=url, headers=headers, body=apns_payload(said))

    def read_response(self, batch: Sequence[Outgoing], response: HttpResponse, now: int) -> Sequence[Result]:
        """Return what Apple's answer means; a token that it calls expired is used no more, once it may be renewed."""
        said = parsed(response.body)
        if said.get("reason") == _STALE and now - self._made_at >= AT_LEAST:
            self._made_at = now - RENEWED
        return [_result(message, response, word(said.get("reason")), said.get("timestamp"), now) for message in batch]

    def _provider_token(self, now: int) -> str:
        if not 0 <= now - self._made_at < RENEWED:
            self._token = es256({"kid": self._settings.key_id}, self._claims(now), self._key)
            self._made_at = now
        return self._token

    def _claims(self, now: int) -> dict[str, Any]:
        return {"iss": self._settings.team_id, "iat": now // SECOND}

    @cached_property
    def _key(self) -> EllipticCurvePrivateKey:
        return private_key(secret(self._settings.key, "channels.push.apns.key").reveal(), "[channels.push.apns]")


def apns_id(message_key: str) -> str:
    """Return the UUID that stands for a message, the same on every attempt."""
    return str(UUID(bytes=hashlib.sha256(message_key.encode()).digest()[:16], version=5))


def _expires(said: Notification, deadline: int | None) -> int:
    """Return until when it is kept, in seconds since 1970: the same on every attempt; 0 where it is not kept at all."""
    if not said.ttl:
        return 0
    until = said.at + said.ttl
    return until if deadline is None else min(until, deadline // SECOND)


def _result(message: Outgoing, response: HttpResponse, reason: str, timestamp: Any, now: int) -> Result:
    delivery_id, status = message.delivery_id, response.status
    code = reason or str(status)
    if status in OK:
        return Accepted(
            delivery_id=delivery_id, provider_id=response.headers.get("apns-id", apns_id(message.message_key))
        )
    if status not in STATUSES:
        return InDoubt(delivery_id=delivery_id, evidence=f"an answer {status}")
    if status == _GONE:
        return Gone(delivery_id=delivery_id, event="app_uninstalled", at=_since(timestamp), code=code)
    if reason in _NO_ADDRESS:
        return Gone(delivery_id=delivery_id, event="address_removed", code=code)
    if status == _TOO_MANY or status in _FAILURES:
        return Retry(delivery_id=delivery_id, after=retry_after(response, now), scope=_scope(status, reason), code=code)
    fault: Any = "content" if status == _TOO_LARGE or reason in _CONTENT else "sender"
    return Permanent(delivery_id=delivery_id, fault=fault, code=code)


def _scope(status: int, reason: str) -> Any:
    """Too many for one device pause that device alone; a failure inside says nothing of the next message."""
    return "sender" if status == _UNAVAILABLE or reason == "TooManyProviderTokenUpdates" else "recipient"


def _since(timestamp: Any) -> int | None:
    """Return Apple's milliseconds as microseconds."""
    return timestamp * 1000 if type(timestamp) is int and 0 <= timestamp < _NEVER else None


#: Milliseconds in the year 9999.
_NEVER = 253_402_300_800_000
