"""Who may push: the header Authorization of RFC 8292."""

from __future__ import annotations

import re
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec

from crmcore.model.time import DAY, SECOND
from crmcore.testing.standins.jws import Token, decoded, read_token

_HEADER = re.compile(r"vapid\s+(.*)", re.IGNORECASE)


def vapid_parameters(header: str) -> dict[str, str]:
    """Return the parameters t and k of a header of the scheme vapid; none where it is another."""
    found = _HEADER.fullmatch(header)
    pairs = [part.strip().partition("=") for part in found[1].split(",")] if found else []
    return {name.lower(): value.strip('"') for name, _, value in pairs}


def wrong_vapid(header: str, origin: str, now: int) -> str:
    """Return what is wrong with a header that has t and k; empty where nothing is."""
    token, wrong = _signed(header)
    if wrong:
        return wrong
    if token.claims.get("aud") != origin:
        return f"aud is not {origin}"
    expires = token.claims.get("exp")
    if not isinstance(expires, int) or expires * SECOND <= now:
        return "exp is over, or missing"
    return "exp is more than 24 hours ahead" if expires * SECOND > now + DAY else ""


@lru_cache(maxsize=1000)
def _signed(header: str) -> tuple[Token, str]:
    """Return the token, and what is wrong with it whatever the time: senders show one many times."""
    given = vapid_parameters(header)
    if not {"t", "k"} <= set(given):
        return Token(), "the parameters t and k are needed"
    token = read_token(given["t"])
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(given["k"]))
    except ValueError:
        return Token(), "k is no uncompressed point of P-256"
    return token, "" if token.is_signed_by(key) else "the signature does not fit the key"
