"""What a browser does with a push message: RFC 8291 over RFC 8188, one record."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_SALT, _POINT, _HEAD = 16, 65, 21


def opened(body: bytes, private: ec.EllipticCurvePrivateKey, secret: bytes) -> bytes:
    """Return the text of an encrypted message; raise ValueError where it cannot be read."""
    salt, size, length = body[:_SALT], int.from_bytes(body[_SALT:20]), body[20] if len(body) > _HEAD else 0
    sender, record = body[_HEAD : _HEAD + length], body[_HEAD + length :]
    if length != _POINT or len(record) > size:
        raise ValueError("one record under a key of P-256 is what a push message is")
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
    ours = private.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    shared = _derived(secret, private.exchange(ec.ECDH(), theirs), b"WebPush: info\0" + ours + sender, 32)
    key = _derived(salt, shared, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(salt, shared, b"Content-Encoding: nonce\0", 12)
    try:
        padded = AESGCM(key).decrypt(nonce, record, None)
    except InvalidTag as error:
        raise ValueError("it was encrypted for somebody else") from error
    text, mark, padding = padded.rpartition(b"\2")
    if not mark or padding.strip(b"\0"):
        raise ValueError("the padding is not that of a last record")
    return text


def _derived(salt: bytes, secret: bytes, words: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, words).derive(secret)
