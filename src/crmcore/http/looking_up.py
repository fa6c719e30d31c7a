"""Where a host's name leads to, looked at once: what was looked at is what is called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from socket import SOCK_STREAM, getaddrinfo
from threading import Thread
from typing import Any

from crmcore.http.addresses import Address, Refused

#: Family, kind, protocol, name and place, as getaddrinfo has them.
Place = tuple[Any, ...]


Allowed = Callable[[Address], bool]
PRIVATE = "it leads to a private or reserved address; [http] allow_private = true lets it"


def anyone(_: Address) -> bool:
    """Let every address be called: that of a carrier comes from settings."""
    return True


async def places(host: str, port: int, allowed: Allowed, family: int = 0) -> list[Place]:
    """Return where a name leads to, or an address; raise Refused where one of them is not allowed, OSError where nowhere."""
    found = await _looked_up(host, port, family)
    for *_, place in found:
        if not allowed(ip_address(str(place[0]))):
            raise Refused(PRIVATE)
    return found


async def _looked_up(host: str, port: int, family: int) -> list[Place]:
    """Ask the resolver, in a thread of its own that nobody waits for: one that never answers keeps nothing from ending."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Place]] = loop.create_future()

    def look() -> None:
        found: list[Place] | Exception
        try:
            found = list(getaddrinfo(host, port, family, SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found = error
        # Whoever asked may have had enough, and the loop may have ended.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_answer, answer, found)

    Thread(target=look, name="crmcore-http-resolver", daemon=True).start()
    return await answer


def _answer(asked: asyncio.Future[list[Place]], found: list[Place] | Exception) -> None:
    if asked.done():
        return
    if isinstance(found, UnicodeError):
        asked.set_exception(Refused("its host is no valid name"))
    elif isinstance(found, Exception):
        asked.set_exception(found)
    else:
        asked.set_result(found)
