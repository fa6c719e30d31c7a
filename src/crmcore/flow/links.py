"""Links in messages: opaque, signed, without an address in them. The unsubscribe link is that of RFC 8058."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from typing import Literal

import attrs

from crmcore.errors import InvalidToken

Kind = Literal["unsubscribe", "confirm"]
_KINDS: dict[Kind, bytes] = {"unsubscribe": b"u", "confirm": b"c"}
_FORM = struct.Struct(">cQQ")
_MAC = 16


@attrs.frozen(kw_only=True)
class Link:
    """What a link leads to: `row_id` is that of a delivery, or of the event of what is to be confirmed."""

    kind: Kind
    workspace_id: int
    row_id: int


def token(link: Link, secret: bytes) -> str:
    """Return the link as text for an address."""
    body = _FORM.pack(_KINDS[link.kind], link.workspace_id, link.row_id)
    return base64.urlsafe_b64encode(body + _mac(body, secret)).decode().rstrip("=")


def read(text: str, kind: Kind, workspace_id: int, secret: bytes) -> Link:
    """Return what a token says; raise InvalidToken where it is forged, cut short, of another kind or workspace."""
    try:
        whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise InvalidToken(problem="it is no token", place="token") from error
    body, mac = whole[: _FORM.size], whole[_FORM.size :]
    if len(whole) != _FORM.size + _MAC or not hmac.compare_digest(mac, _mac(body, secret)):
        raise InvalidToken(problem="its signature does not fit", place="token")
    letter, workspace, row_id = _FORM.unpack(body)
    if letter != _KINDS[kind] or workspace != workspace_id:
        raise InvalidToken(problem="it belongs to something else", place="token")
    return Link(kind=kind, workspace_id=workspace, row_id=row_id)


def address(link: Link, secret: bytes, public_url: str) -> str:
    """Return the whole address of a link, where the host serves it."""
    return f"{public_url.rstrip('/')}/{link.kind}/{token(link, secret)}"


def message_key(workspace_id: int, delivery_id: int, secret: bytes) -> str:
    """Return what names a message on every attempt: a Message-ID or collapse key is made of it."""
    body = struct.pack(">QQ", workspace_id, delivery_id)
    return hashlib.blake2b(body, digest_size=16, key=secret, person=b"message").hexdigest()


def _mac(body: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, b"link" + body, "sha256")[:_MAC]
