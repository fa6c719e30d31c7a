"""One request to the address: a body, its signature, and what came back.

The signature is that of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from urllib.parse import urlsplit

import attrs

from crm_relay.settings import RelaySettings
from crm_relay.tables import Kept
from crmcore.hooks.setup import Secret

SECOND = 1_000_000
_LARGEST = 64 * 1024
_OK = range(200, 300)


@attrs.frozen(kw_only=True)
class Post:
    """A request to be made."""

    headers: dict[str, str]
    body: bytes


def post_of(notices: Sequence[Kept], workspace_id: int, key: Secret, now: int) -> Post:
    """Return the request that carries notices.

    It is known by the key of the first, so that whoever takes it twice can tell; `now` is microseconds UTC.
    """
    entries = [{"id": one.key, "kind": one.kind, "notice": json.loads(one.body)} for one in notices]
    body = json.dumps({"workspace_id": str(workspace_id), "notices": entries}, separators=(",", ":")).encode()
    named, stamp = notices[0].key, str(now // SECOND)
    signed = hmac.new(key.reveal().encode(), f"{named}.{stamp}.".encode() + body, hashlib.sha256).digest()
    headers = {
        "content-type": "application/json",
        "user-agent": "crm-relay",
        "webhook-id": named,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }
    return Post(headers=headers, body=body)


def send(settings: RelaySettings, post: Post) -> str:
    """Make the request; return what is wrong in words, "" where the address has taken it."""
    to = urlsplit(settings.url)
    path = f"{to.path or '/'}{f'?{to.query}' if to.query else ''}"
    kind = HTTPSConnection if to.scheme == "https" else HTTPConnection
    connection = kind(to.hostname or "", to.port, timeout=settings.seconds)
    try:
        connection.connect()
        with _limited(connection, settings.seconds):
            connection.request("POST", path, post.body, post.headers)
            response = connection.getresponse()
            response.read(_LARGEST)
    except (OSError, HTTPException, ValueError) as error:
        return f"{type(error).__name__}: it did not answer within {settings.seconds:g} s, or not as HTTP"
    finally:
        connection.close()
    return "" if response.status in _OK else f"it answered {response.status}"


@contextmanager
def _limited(connection: HTTPConnection, seconds: float) -> Iterator[None]:
    """Hang up after so many seconds: the connection's own limit begins anew with every byte."""
    line = connection.sock

    def hang_up() -> None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
