"""Addresses one can push to: a browser's subscription, a token of Firebase, a token of Apple."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from crmcore.errors import InvalidIdentity
from crmcore.model.identity import MAX_VALUE, Identity

WEBPUSH: Final = "webpush"
FCM: Final = "fcm"
APNS: Final = "apns"
KINDS: Final = frozenset({WEBPUSH, FCM, APNS})
#: Bytes of an uncompressed point of P-256, and of the secret that goes with it (RFC 8291, 3.2).
KEY, AUTH = 65, 16
PARTS = ("endpoint", "p256dh", "auth")
_UNCOMPRESSED = 4
_FCM_TOKEN = re.compile(r"[A-Za-z0-9_:%.\-]{10,}")
#: Apple says that tokens may grow.
_APNS_TOKEN = re.compile(r"(?:[0-9a-f]{2}){32,100}")


@attrs.frozen(kw_only=True)
class Subscription:
    """Where a browser is reached, and with which key: `key` is its point of P-256, `auth` its secret."""

    endpoint: str
    key: bytes
    auth: bytes = attrs.field(repr=False)

    @property
    def origin(self) -> str:
        """The push service, as scheme and host."""
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc}"

    def to_identity(self) -> Identity:
        """Return it as an address."""
        return Identity(WEBPUSH, f"{self.endpoint} {text(self.key)} {text(self.auth)}")


def subscription(given: str | bytes | Mapping[str, Any]) -> Identity:
    """Return the address of a PushSubscription as the browser gives it, JSON or parsed; raise InvalidIdentity."""
    parsed = _parsed(given)
    keys = parsed.get("keys")
    held = keys if isinstance(keys, Mapping) else {}
    found = [one for one in (parsed.get("endpoint"), held.get("p256dh"), held.get("auth")) if isinstance(one, str)]
    if len(found) != len(PARTS):
        raise InvalidIdentity(place="subscription", problem="it needs endpoint, keys.p256dh and keys.auth, all text")
    return normal(Identity(WEBPUSH, " ".join(found)))


def subscribed(address: Identity) -> Subscription:
    """Return what an address of a browser holds; raise InvalidIdentity."""
    parts = address.value.split(" ")
    if len(parts) != len(PARTS):
        raise _invalid("it is not ENDPOINT P256DH AUTH, one blank between")
    endpoint, key, auth = parts
    if not _is_https(endpoint):
        raise _invalid("its endpoint is no https URL")
    there = Subscription(endpoint=endpoint, key=_decoded(key, "p256dh", KEY), auth=_decoded(auth, "auth", AUTH))
    if there.key[0] != _UNCOMPRESSED:
        raise _invalid("its p256dh is no uncompressed point")
    return there


def normal(address: Identity) -> Identity:
    """Return the address in normal form; raise InvalidIdentity."""
    if address.kind not in _NORMAL:
        raise InvalidIdentity(place=address.kind, problem=f"push goes to {', '.join(sorted(KINDS))}")
    found = _NORMAL[address.kind](address)
    if len(found.value.encode()) > MAX_VALUE:
        raise _invalid(f"it has more than {MAX_VALUE:,} bytes", address.kind)
    return found


def text(value: bytes) -> str:
    """Return bytes in base64url, without padding."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def unpacked(value: str) -> bytes:
    """Return the bytes of base64 in either alphabet, padded or not; raise ValueError."""
    plain = value.rstrip("=").translate(_URLSAFE)
    if not _BASE64.fullmatch(plain):
        raise ValueError
    return urlsafe_b64decode(plain + "=" * (-len(plain) % 4))


_URLSAFE = str.maketrans("+/", "-_")
_BASE64 = re.compile(r"[A-Za-z0-9_-]+")


def _parsed(given: str | bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        parsed: Any = json.loads(given) if isinstance(given, str | bytes) else given
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, Mapping):
        raise InvalidIdentity(place="subscription", problem="it is no JSON object")
    return parsed


def _decoded(value: str, name: str, size: int) -> bytes:
    try:
        found = unpacked(value)
    except (ValueError, NotBase64):
        raise _invalid(f"its {name} is no base64url") from None
    if len(found) != size:
        raise _invalid(f"its {name} has {len(found)} bytes, {size} are needed")
    return found


def _is_https(url: str) -> bool:
    if not (url.isascii() and url.isprintable()):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False


def _browser(address: Identity) -> Identity:
    return subscribed(address).to_identity()


def _token(form: re.Pattern[str], turned: Callable[[str], str], what: str, address: Identity) -> Identity:
    value = turned(address.value)
    if not form.fullmatch(value):
        raise _invalid(f"it is no {what}", address.kind)
    return Identity(address.kind, value)


def _invalid(problem: str, kind: str = WEBPUSH) -> InvalidIdentity:
    """Without the address itself: who has it can send to it."""
    return InvalidIdentity(place=f"the {kind} address", problem=problem)


_NORMAL: Mapping[str, Callable[[Identity], Identity]] = {
    WEBPUSH: _browser,
    FCM: partial(_token, _FCM_TOKEN, str, "registration token of Firebase"),
    APNS: partial(_token, _APNS_TOKEN, str.lower, "device token of Apple, in hexadecimal"),
}
