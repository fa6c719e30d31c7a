"""What carries a request and brings its answer back, whichever version of HTTP it speaks."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Protocol

from crmcore.hooks.provider import HttpRequest, HttpResponse
from crmcore.http.addresses import PORTS, Refused, Target, target
from crmcore.http.failing import Unsound

#: No longer answer is read: those of carriers are small.
LARGEST = 1024 * 1024
#: What a method and the name of a header are made of (RFC 9110, 5.6.2).
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Wire(Protocol):
    """Connections of one session, kept from request to request; it is used in the loop alone."""

    async def fetch(self, request: HttpRequest) -> HttpResponse:
        """Return the answer; raise Unsent, Unanswered, Unsound, or Refused where the address must not be called."""

    async def close(self) -> None:
        """Close all connections."""


def check(request: HttpRequest) -> None:
    """Raise Unsound where a request would not be on the wire what it says: line breaks smuggle in headers.

    Raise Refused instead where it is the user's address that leads nowhere.
    """
    if not _TOKEN.fullmatch(request.method):
        raise Unsound("its method is none")
    for name, value in request.headers.items():
        if not (_TOKEN.fullmatch(name) and value.isascii() and value.isprintable()):
            raise Unsound(f"its header {name!r} has signs that no header has")
    try:
        place(request.url)
    except Refused as error:
        if request.is_guarded:
            raise
        raise Unsound(f"its URL leads nowhere: {error}") from None


@lru_cache(maxsize=16)
def place(url: str) -> Target:
    """Return where a URL leads; raise Refused. Most carriers have one for all messages."""
    return target(url)


@lru_cache(maxsize=64)
def authority(scheme: str, host: str, port: int) -> str:
    """Return host and port as requests name them."""
    name = f"[{host}]" if ":" in host else host
    return name if port == PORTS[scheme] else f"{name}:{port}"
