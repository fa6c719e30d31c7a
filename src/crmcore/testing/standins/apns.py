"""Apple's push service: one notification a request, over HTTP/2."""

from __future__ import annotations

import json
import re
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal

import attrs
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from crmcore.hooks.provider import HttpResponse
from crmcore.model.time import MINUTE, SECOND, Clock, SystemClock
from crmcore.testing.standins.exchange import Refusal, Request, bearer, read_json, said
from crmcore.testing.standins.jws import Token, read_token

_PATH = "/3/device/"
_TOKEN = re.compile(r"[0-9A-Fa-f]{64,200}")
_NUMBER = re.compile(r"\d{1,18}")
PUSH_TYPES = frozenset(
    {
        "alert",
        "background",
        "complication",
        "controls",
        "fileprovider",
        "liveactivity",
        "location",
        "mdm",
        "pushtotalk",
        "voip",
        "widgets",
    }
)
LONGEST_COLLAPSE, PAYLOAD, VOIP_PAYLOAD = 64, 4096, 5120
OLDEST, FRESH = 60 * MINUTE, 20 * MINUTE
#: Reason: HTTP status, as Apple's table of error strings has them.
REASONS: dict[str, int] = {
    "BadCollapseId": 400,
    "BadDeviceToken": 400,
    "BadEnvironmentKeyIdInToken": 403,
    "BadExpirationDate": 400,
    "BadMessageId": 400,
    "BadPath": 404,
    "BadPriority": 400,
    "BadTopic": 400,
    "DeviceTokenNotForTopic": 400,
    "ExpiredProviderToken": 403,
    "ExpiredToken": 410,
    "Forbidden": 403,
    "IdleTimeout": 400,
    "InternalServerError": 500,
    "InvalidProviderToken": 403,
    "InvalidPushType": 400,
    "MethodNotAllowed": 405,
    "MissingDeviceToken": 400,
    "MissingProviderToken": 403,
    "MissingTopic": 400,
    "PayloadEmpty": 400,
    "PayloadTooLarge": 413,
    "ServiceUnavailable": 503,
    "Shutdown": 503,
    "TooManyProviderTokenUpdates": 429,
    "TooManyRequests": 429,
    "TopicDisallowed": 400,
    "Unregistered": 410,
}


@attrs.frozen
class Refused(Exception):
    """A notification that APNs does not take; `timestamp` in milliseconds, of a device token that is gone."""

    reason: str
    timestamp: int | None = None


@attrs.frozen(kw_only=True)
class SigningKey:
    """A provider's key: the team whose it is, and its public half."""

    team: str
    public: EllipticCurvePublicKey = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Gone:
    """A device token that is no more, since a time (microseconds)."""

    at: int
    reason: Literal["Unregistered", "ExpiredToken"] = "Unregistered"


@attrs.frozen(kw_only=True)
class Notification:
    """A notification that was taken."""

    apns_id: str
    token: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    at: int

    @property
    def wire(self) -> bytes:
        """All of it that is the sender's own, but for the provider token."""
        named = {name: value for name, value in sorted(self.headers.items()) if name.startswith("apns-")}
        return json.dumps([self.token, named]).encode() + self.body


@attrs.define(kw_only=True, eq=False)
class Apns:
    """The service; `notifications` are those taken, in order.

    `keys` are signing keys by key id, `topics` the apps (bundle ids) of the team. `gone` holds device tokens that are no
    more, `foreign` those of another app. `script` gives a device token's reason. `token_updates` is how many new
    provider tokens a key may show within 20 minutes (Apple says "more than once" and does not always mean it).
    """

    keys: Mapping[str, SigningKey] = attrs.field(factory=dict)
    topics: frozenset[str] = frozenset({"com.example.shop"})
    clock: Clock = attrs.field(factory=SystemClock)
    token_updates: int = 2
    script: Callable[[str], str | None] = lambda _token: None
    gone: dict[str, Gone] = attrs.field(factory=dict)
    foreign: set[str] = attrs.field(factory=set)
    notifications: list[Notification] = attrs.field(factory=list)
    refusals: dict[str, int] = attrs.field(factory=dict)
    _tokens: dict[str, Token] = attrs.field(factory=dict, repr=False)
    _updates: dict[str, deque[int]] = attrs.field(factory=dict, repr=False)

    def refusing(self) -> Mapping[Refusal, HttpResponse]:
        """Return how it refuses a notification for now, and for ever."""
        return {
            "temporary": said(503, {"reason": "ServiceUnavailable"}),
            "permanent": said(413, {"reason": "PayloadTooLarge"}),
        }

    def forget(self) -> None:
        """Forget what was taken; provider tokens stay known."""
        self.notifications.clear()

    def handles(self, path: str) -> bool:
        """Tell whether a path is one of APNs'."""
        return path.startswith("/3/")

    def address(self, request: Request) -> str:
        """Return the device token."""
        return request.path.removeprefix(_PATH) if request.path.startswith(_PATH) else ""

    def answer(self, request: Request) -> HttpResponse:
        """Take a notification, or say what is wrong with it."""
        apns_id = request.headers.get("apns-id") or str(uuid.uuid4()).upper()
        try:
            self._check(request)
        except Refused as refused:
            self.refusals[refused.reason] = self.refusals.get(refused.reason, 0) + 1
            since = {} if refused.timestamp is None else {"timestamp": refused.timestamp}
            return said(REASONS.get(refused.reason, 400), {"reason": refused.reason, **since}, apns_id=apns_id)
        taken = Notification(
            apns_id=apns_id,
            token=self.address(request),
            headers=request.headers,
            body=request.body,
            at=self.clock.now(),
        )
        self.notifications.append(taken)
        return HttpResponse(status=200, headers={"apns-id": apns_id})

    def _check(self, request: Request) -> None:
        if request.method != "POST":
            raise Refused("MethodNotAllowed")
        if not request.path.startswith(_PATH):
            raise Refused("BadPath")
        self._check_provider(bearer(request))
        check_headers(request.headers)
        self._check_topic(request.headers)
        check_payload(request)
        self._check_device(self.address(request))

    def _check_provider(self, text: str) -> None:
        if not text:
            raise Refused("MissingProviderToken")
        token = self._tokens.get(text) or self._new(text)
        issued = token.claims.get("iat")
        if not isinstance(issued, int) or issued * SECOND > self.clock.now() + MINUTE:
            raise Refused("InvalidProviderToken")
        if self.clock.now() - issued * SECOND > OLDEST:
            raise Refused("ExpiredProviderToken")

    def _new(self, text: str) -> Token:
        token = read_token(text)
        kid = str(token.head.get("kid"))
        key = self.keys.get(kid)
        if key is None or token.claims.get("iss") != key.team or not token.is_signed_by(key.public):
            raise Refused("InvalidProviderToken")
        updates, now = self._updates.setdefault(kid, deque()), self.clock.now()
        while updates and updates[0] <= now - FRESH:
            updates.popleft()
        # The first one that is fresh is no update.
        if len(updates) > self.token_updates:
            raise Refused("TooManyProviderTokenUpdates")
        updates.append(now)
        self._tokens[text] = token
        return token

    def _check_topic(self, headers: Mapping[str, str]) -> None:
        topic = headers.get("apns-topic")
        if not topic:
            raise Refused("MissingTopic")
        if not any(topic == one or topic.startswith(f"{one}.") for one in self.topics):
            raise Refused("TopicDisallowed")

    def _check_device(self, token: str) -> None:
        scripted = self.script(token)
        if not token:
            raise Refused("MissingDeviceToken")
        if scripted is not None:
            raise Refused(scripted, self.clock.now() // 1000 if REASONS.get(scripted) == 410 else None)  # noqa: PLR2004
        if not _TOKEN.fullmatch(token):
            raise Refused("BadDeviceToken")
        if token in self.foreign:
            raise Refused("DeviceTokenNotForTopic")
        if token in self.gone:
            raise Refused(self.gone[token].reason, self.gone[token].at // 1000)


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise Refused where a header is not as Apple has it."""
    if "apns-id" in headers and not _is_uuid(headers["apns-id"]):
        raise Refused("BadMessageId")
    if headers.get("apns-push-type", "alert") not in PUSH_TYPES:
        raise Refused("InvalidPushType")
    priority = headers.get("apns-priority", "10")
    if priority not in ("1", "5", "10") or (priority == "10" and headers.get("apns-push-type") == "background"):
        raise Refused("BadPriority")
    if not _NUMBER.fullmatch(headers.get("apns-expiration", "0")):
        raise Refused("BadExpirationDate")
    if len(headers.get("apns-collapse-id", "").encode("latin-1")) > LONGEST_COLLAPSE:
        raise Refused("BadCollapseId")


def check_payload(request: Request) -> None:
    """Raise Refused where there is no payload, or too much of it."""
    if not request.body:
        raise Refused("PayloadEmpty")
    most = VOIP_PAYLOAD if request.headers.get("apns-push-type") == "voip" else PAYLOAD
    if len(request.body) > most:
        raise Refused("PayloadTooLarge")
    if not read_json(request.body):
        raise Refused("PayloadEmpty")


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
