"""Signed tokens (RFC 7515, 7519) as carriers check them: RS256 and ES256, on `cryptography`."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
_HALF = 32


@attrs.frozen(kw_only=True)
class Token:
    """A token as it was read, its signature not yet looked at; `head` and `claims` are empty where it is none."""

    head: Mapping[str, Any] = attrs.field(factory=dict)
    claims: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    signed: bytes = attrs.field(default=b"", repr=False)
    signature: bytes = attrs.field(default=b"", repr=False)

    def is_signed_by(self, key: PublicKey) -> bool:
        """Tell whether the owner of a key has signed it, by the algorithm that its head names."""
        try:
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(self.signature, self.signed, padding.PKCS1v15(), SHA256())
                return self.head.get("alg") == "RS256"
            key.verify(_der(self.signature), self.signed, ec.ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return self.head.get("alg") == "ES256"


def read_token(text: str) -> Token:
    """Return a token in its compact form; an empty one where it is none."""
    parts = text.split(".")
    try:
        head, claims, signature = (decoded(part) for part in parts)
        found, said = json.loads(head), json.loads(claims)
    except ValueError:
        return Token()
    if not (isinstance(found, dict) and isinstance(said, dict)):
        return Token()
    return Token(head=found, claims=said, signed=".".join(parts[:2]).encode(), signature=signature)


def decoded(text: str) -> bytes:
    """Return what base64url without padding stands for; raise ValueError."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError(text) from error


def encoded(data: bytes) -> str:
    """Return bytes in base64url, without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _der(signature: bytes) -> bytes:
    if len(signature) != 2 * _HALF:
        raise ValueError(len(signature))
    return encode_dss_signature(int.from_bytes(signature[:_HALF]), int.from_bytes(signature[_HALF:]))
