"""Messages encrypted for one browser: RFC 8291 on the content coding aes128gcm of RFC 8188, one record, no padding.

The RFC takes a new key pair and salt for every message. Here both are drawn from a secret and from all that the message is
(its key, its address, its plain text), so that a message sent again is the same on the wire. That is as safe: who has not
the secret cannot tell them from random ones, and two messages that differ in anything have different ones, so that AES-GCM
never sees one key and nonce with two plain texts. What repeats is the whole message, which its Topic says anyhow.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crm_push.address import KEY, Subscription
from crmcore.errors import InvalidIdentity

#: The size of a body that every push service has to take (RFC 8030, 7.2), and of the one record in it.
MAX_BODY: Final = 4096
SALT: Final = 16
#: Salt, size of the record, size of the key, the key; then the mark of the last record, and the tag of AES-GCM.
OVERHEAD: Final = SALT + 4 + 1 + KEY + 1 + 16
MAX_PLAIN: Final = MAX_BODY - OVERHEAD
CURVE: Final = SECP256R1()
#: The order of P-256.
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
#: More bits than the order has, so that no number is likelier than another by more than 2^-128.
_SCALAR: Final = 48
_LAST = b"\x02"


def encrypted(plain: bytes, to: Subscription, message_key: str, secret: bytes) -> bytes:
    """Return the body of a push message: the same for the same message, address and secret; raise InvalidIdentity."""
    drawn = _drawn(plain, to, message_key, secret)
    scalar = int.from_bytes(drawn[:_SCALAR], "big") % (ORDER - 1) + 1
    return sealed(plain, to, derive_private_key(scalar, CURVE), drawn[_SCALAR:])


def sealed(plain: bytes, to: Subscription, ours: EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """Return the body for a key pair and salt of our own; raise InvalidIdentity where the browser's key is none."""
    public = ours.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = ours.exchange(ECDH(), _point(to.key))
    key, nonce = _key_and_nonce(shared, to, public, salt)
    head = salt + struct.pack(">IB", MAX_BODY, KEY) + public
    return head + AESGCM(key).encrypt(nonce, plain + _LAST, None)


def _key_and_nonce(shared: bytes, to: Subscription, public: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """RFC 8291, 3.4: three HKDFs with one block each."""
    info = b"WebPush: info\0" + to.key + public
    keying = _block(_extract(to.auth, shared), info)
    from_salt = _extract(salt, keying)
    return _block(from_salt, b"Content-Encoding: aes128gcm\0")[:16], _block(from_salt, b"Content-Encoding: nonce\0")[
        :12
    ]


def _drawn(plain: bytes, to: Subscription, message_key: str, secret: bytes) -> bytes:
    """HKDF over all that the message is, each part with its length: 48 bytes for a key, 16 for a salt."""
    told = hashlib.sha256()
    for part in (message_key.encode(), to.endpoint.encode(), to.key, to.auth, plain):
        told.update(struct.pack(">Q", len(part)) + part)
    from_secret = _extract(b"crm-push aes128gcm", secret)
    first = _block(from_secret, told.digest())
    return first + hmac.digest(from_secret, first + told.digest() + b"\x02", "sha256")


def _extract(salt: bytes, keying: bytes) -> bytes:
    return hmac.digest(salt, keying, "sha256")


def _block(key: bytes, info: bytes) -> bytes:
    """The first block of HKDF-Expand."""
    return hmac.digest(key, info + b"\x01", "sha256")


def _point(key: bytes) -> EllipticCurvePublicKey:
    try:
        return EllipticCurvePublicKey.from_encoded_point(CURVE, key)
    except ValueError:
        raise InvalidIdentity(place="the webpush address", problem="its p256dh is no point of P-256") from None
