"""What a stand-in can be told to do instead of answering, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import attrs

from crmcore.hooks.provider import HttpResponse
from crmcore.testing.loopback import Drop, Silence, Slow

__all__ = ["STAGES", "Drop", "Fault", "Garbage", "Script", "Silence", "Slow", "Stage", "Wire", "usual"]

#: The steps of an exchange: at `request` the head has come, at `body` all of it, at `taken` it is kept and nothing is said.
Stage = Literal["connect", "request", "body", "taken"]
STAGES: tuple[Stage, ...] = ("connect", "request", "body", "taken")


@attrs.frozen
class Garbage:
    """Answer what is no HTTP; over HTTP/2 and within a stream, a status that there is not."""


Fault = Drop | Silence | Slow | Garbage | HttpResponse
#: What to do at a stage, given the address that the request is for (empty before `body`); None: as usual.
Script = Callable[[Stage, str], Fault | None]


def usual(_stage: Stage, _address: str) -> None:
    """Do as usual."""


class Wire(Protocol):
    """What carries one exchange, for faults that ASGI has no words for."""

    def drop(self) -> None:
        """End it: the connection, or over HTTP/2 this stream alone."""

    def garbage(self) -> None:
        """Say what nobody can read."""
