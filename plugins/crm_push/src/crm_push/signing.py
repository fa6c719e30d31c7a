"""JSON Web Tokens signed with ES256 (RFC 7515, RFC 7518), and keys of P-256 read from text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from crm_push.address import text, unpacked
from crm_push.encryption import CURVE, ORDER
from crmcore.errors import SettingsError

_PEM = "-----BEGIN"


def es256(header: Mapping[str, Any], claims: Mapping[str, Any], key: EllipticCurvePrivateKey) -> str:
    """Return a signed token."""
    said = f"{_part({'alg': 'ES256', **header})}.{_part(claims)}"
    r, s = decode_dss_signature(key.sign(said.encode(), ECDSA(SHA256())))
    return f"{said}.{text(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def private_key(given: str, place: str) -> EllipticCurvePrivateKey:
    """Return the key that PEM, or the 32 bytes of it in base64url, hold; raise SettingsError, which does not show it."""
    try:
        key = load_pem_private_key(given.encode(), None) if _PEM in given else _from_scalar(unpacked(given.strip()))
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name != CURVE.name:
        raise SettingsError(key="the key", place=place, problem="it is no private key of P-256, in PEM or base64url")
    return key


def _from_scalar(raw: bytes) -> EllipticCurvePrivateKey | None:
    scalar = int.from_bytes(raw, "big")
    return derive_private_key(scalar, CURVE) if 0 < scalar < ORDER else None


def _part(value: Mapping[str, Any]) -> str:
    return text(json.dumps(value, separators=(",", ":")).encode())
