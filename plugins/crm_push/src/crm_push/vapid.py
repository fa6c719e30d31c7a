"""VAPID (RFC 8292): who we are to a push service. One pair of keys for a shop, for as long as it has subscribers."""

from __future__ import annotations

import secrets
from typing import Final

import attrs
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crm_push.address import text
from crm_push.encryption import CURVE, ORDER
from crm_push.signing import es256, private_key
from crmcore.model.time import HOUR, SECOND

#: RFC 8292 allows 24 hours: half of it forgives clocks that differ.
LASTS: Final = 12 * HOUR
RENEWED: Final = HOUR
#: Endpoints come from browsers, and anybody may make some up.
MAX_ORIGINS: Final = 1000


@attrs.frozen(kw_only=True)
class Keys:
    """A pair of VAPID keys in base64url: `private` is a secret of the server, `public` is for pages that subscribe."""

    private: str = attrs.field(repr=False)
    public: str


def new_keys() -> Keys:
    """Return a new pair. Keep `private` where secrets are: with another one, all who have subscribed are lost."""
    scalar = 1 + secrets.randbelow(ORDER - 1)
    return Keys(private=text(scalar.to_bytes(32, "big")), public=_public(derive_private_key(scalar, CURVE)))


def public_key(private: str) -> str:
    """Return the public key, in base64url, of a private one in base64url or PEM; raise SettingsError."""
    return _public(private_key(private, "vapid"))


class Vapid:
    """Signs for push services: one token each, used until an hour before it ends."""

    def __init__(self, key: EllipticCurvePrivateKey, subject: str) -> None:
        self._key, self._subject = key, subject
        self._public = _public(key)
        self._tokens: dict[str, tuple[str, int]] = {}

    def authorization(self, origin: str, now: int) -> str:
        """Return the header `Authorization` for a push service, such as https://push.example; `now` in microseconds UTC."""
        token, ends = self._tokens.get(origin, ("", 0))
        if not now < ends - RENEWED <= now + LASTS:
            token, ends = self._signed(origin, now), now + LASTS
            if len(self._tokens) >= MAX_ORIGINS:
                self._tokens = {}
            self._tokens[origin] = (token, ends)
        return f"vapid t={token}, k={self._public}"

    def _signed(self, origin: str, now: int) -> str:
        claims = {"aud": origin, "exp": (now + LASTS) // SECOND, "sub": self._subject}
        return es256({"typ": "JWT"}, claims, self._key)


def _public(key: EllipticCurvePrivateKey) -> str:
    return text(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
