"""A web push service: RFC 8030 to who pushes, with VAPID (RFC 8292); what a browser would get is collected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import count

import attrs
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from crmcore.hooks.provider import HttpResponse
from crmcore.model.time import DAY, SECOND, Clock, SystemClock
from crmcore.testing.standins.exchange import Refusal, Request, said
from crmcore.testing.standins.jws import encoded
from crmcore.testing.standins.opening import opened
from crmcore.testing.standins.vapid import vapid_parameters, wrong_vapid

PATH = "/push/"
LONGEST, LONGEST_TTL = 4096, 28 * DAY
URGENCIES = frozenset({"very-low", "low", "normal", "high"})
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SECONDS = re.compile(r"\d{1,10}")
_MAGIC = re.compile(r"error-(\d{3})-.*")
_PATIENCE = 60


def by_path(name: str) -> int | None:
    """Return the status that a magic subscription stands for: `error-503-1` and the like."""
    found = _MAGIC.fullmatch(name)
    return int(found[1]) if found else None


@attrs.frozen
class Refused(Exception):
    """A message that the service does not take; `after` is in seconds."""

    status: int
    words: str
    after: int = 0


@attrs.frozen(kw_only=True)
class Subscription:
    """What a browser has been given, with what it keeps for itself; `key` is the application server's, if it is tied."""

    name: str
    endpoint: str
    private: ec.EllipticCurvePrivateKey = attrs.field(repr=False)
    secret: bytes = attrs.field(repr=False)
    key: str = ""

    @property
    def p256dh(self) -> str:
        """The browser's public key, in base64url."""
        form = serialization.PublicFormat.UncompressedPoint
        return encoded(self.private.public_key().public_bytes(serialization.Encoding.X962, form))

    @property
    def auth(self) -> str:
        """The browser's secret, in base64url."""
        return encoded(self.secret)

    @property
    def address(self) -> str:
        """The value of an address of the kind webpush."""
        return f"{self.endpoint} {self.p256dh} {self.auth}"

    def as_json(self) -> dict[str, object]:
        """Return what PushSubscription.toJSON() gives in a browser."""
        return {"endpoint": self.endpoint, "keys": {"p256dh": self.p256dh, "auth": self.auth}}

    def opened(self, body: bytes) -> bytes:
        """Return what a message says, as the browser reads it; raise ValueError."""
        return opened(body, self.private, self.secret)


@attrs.frozen(kw_only=True)
class Push:
    """A message that was taken; `expires` in microseconds."""

    number: int
    subscription: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    at: int
    expires: int
    topic: str = ""
    urgency: str = "normal"


@attrs.define(kw_only=True, eq=False)
class PushService:
    """The service; `pushes` are those taken, in order, `waiting` those not collected.

    `origin` is where it is served, as in https://push.example.net: the audience of VAPID. `gone` holds the names of
    subscriptions that have ended, with 404 or 410; of the names nobody has subscribed to, `needs_subscription` decides.
    """

    origin: str = ""
    clock: Clock = attrs.field(factory=SystemClock)
    needs_vapid: bool = True
    needs_subscription: bool = True
    script: Callable[[str], int | None] = by_path
    subscriptions: dict[str, Subscription] = attrs.field(factory=dict, repr=False)
    gone: dict[str, int] = attrs.field(factory=dict)
    pushes: list[Push] = attrs.field(factory=list)
    waiting: dict[int, Push] = attrs.field(factory=dict)
    refusals: dict[int, int] = attrs.field(factory=dict)
    _numbers: Iterator[int] = attrs.field(factory=lambda: count(1))

    def subscribe(self, name: str, *, key: str = "") -> Subscription:
        """Subscribe as a browser does; the keys follow from the name, so that two processes find the same."""
        made = Subscription(
            name=name,
            endpoint=f"{self.origin}{PATH}{name}",
            private=_private(name),
            secret=name.encode().ljust(16, b"\0")[:16],
            key=key,
        )
        self.subscriptions[name] = made
        return made

    def unsubscribe(self, name: str, status: int = 410) -> None:
        """End a subscription; pushes get 410, or 404."""
        self.gone[name] = status

    def collect(self, name: str) -> list[Push]:
        """Return what waits for a browser and is not too old, in order; it waits no more."""
        now = self.clock.now()
        found = [one for one in self.waiting.values() if one.subscription == name]
        self.waiting = {number: one for number, one in self.waiting.items() if one.subscription != name}
        return [one for one in found if one.expires > now]

    def refusing(self) -> Mapping[Refusal, HttpResponse]:
        """Return how it refuses a message for now, and for ever."""
        return {
            "temporary": said(503, {"code": 503, "message": "later"}, retry_after=str(_PATIENCE)),
            "permanent": said(413, {"code": 413, "message": f"at most {LONGEST} bytes"}),
        }

    def forget(self) -> None:
        """Forget what was taken, and what waits; subscriptions stay."""
        self.pushes.clear()
        self.waiting.clear()

    def handles(self, path: str) -> bool:
        """Tell whether a path is a subscription's."""
        return path.startswith(PATH)

    def address(self, request: Request) -> str:
        """Return the name of the subscription."""
        return request.path.removeprefix(PATH)

    def answer(self, request: Request) -> HttpResponse:
        """Take a message, or say what is wrong with it."""
        try:
            push = self._pushed(request)
        except Refused as refused:
            self.refusals[refused.status] = self.refusals.get(refused.status, 0) + 1
            after = {"retry_after": str(refused.after)} if refused.after else {}
            return said(refused.status, {"code": refused.status, "message": refused.words}, **after)
        self._keep(push)
        lifetime = str((push.expires - push.at) // SECOND)
        return HttpResponse(status=201, headers={"location": f"{self.origin}/message/{push.number}", "ttl": lifetime})

    def _pushed(self, request: Request) -> Push:
        name, now = self.address(request), self.clock.now()
        if request.method != "POST":
            raise Refused(405, "POST is all there is")
        self._check_subscription(name, request.headers.get("authorization", ""), now)
        lifetime = check_push(request)
        return Push(
            number=next(self._numbers),
            subscription=name,
            headers=request.headers,
            body=request.body,
            at=now,
            expires=now + min(lifetime * SECOND, LONGEST_TTL),
            topic=request.headers.get("topic", ""),
            urgency=request.headers.get("urgency", "normal"),
        )

    def _check_subscription(self, name: str, authorization: str, now: int) -> None:
        status = self.gone.get(name) or self.script(name)
        if status:
            raise Refused(status, "on demand", _PATIENCE if status in (429, 503) else 0)
        known = self.subscriptions.get(name)
        if known is None and self.needs_subscription:
            raise Refused(404, "no such subscription")
        self._check_vapid(authorization, known.key if known else "", now)

    def _check_vapid(self, authorization: str, key: str, now: int) -> None:
        if not authorization and not (self.needs_vapid or key):
            return
        if not authorization:
            raise Refused(401, "the header Authorization is missing")
        wrong = wrong_vapid(authorization, self.origin, now)
        if wrong:
            raise Refused(403, wrong)
        if key and vapid_parameters(authorization)["k"].rstrip("=") != key.rstrip("="):
            raise Refused(403, "the subscription is tied to another key")

    def _keep(self, push: Push) -> None:
        """Keep a message until it is collected, in place of one of the same topic; one of no lifetime, not at all."""
        self.pushes.append(push)
        of_topic = (push.subscription, push.topic)
        if push.topic:
            for one in [one for one in self.waiting.values() if (one.subscription, one.topic) == of_topic]:
                del self.waiting[one.number]
        if push.expires > push.at:
            self.waiting[push.number] = push


def check_push(request: Request) -> int:
    """Return for how many seconds a message is to be kept; raise Refused where it is not as RFC 8030 has it."""
    headers = request.headers
    if not _SECONDS.fullmatch(headers.get("ttl", "")):
        raise Refused(400, "the header TTL is a number of seconds")
    if "topic" in headers and not _TOPIC.fullmatch(headers["topic"]):
        raise Refused(400, "the header Topic has 1 to 32 characters of base64url")
    if headers.get("urgency", "normal") not in URGENCIES:
        raise Refused(400, f"the header Urgency is one of {sorted(URGENCIES)}")
    if len(request.body) > LONGEST:
        raise Refused(413, f"at most {LONGEST} bytes")
    if request.body and headers.get("content-encoding") != "aes128gcm":
        raise Refused(400, "the header Content-Encoding is aes128gcm")
    return int(headers["ttl"])


@lru_cache(maxsize=10_000)
def _private(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(b"\1" + name.encode()[:20]), ec.SECP256R1())
