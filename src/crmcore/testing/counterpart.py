"""What stands at the other end of a provider in its suite: a carrier on loopback that shows troubles when told to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import attrs

#: What can happen at a step: nobody listens; the connection ends; no answer; one that never ends, byte by byte; one that
#: cannot be read; a refusal that ends the connection, one for now, one for ever.
Kind = Literal["refused", "drop", "silence", "drip", "garbage", "closing", "temporary", "permanent"]
UNANSWERED: frozenset[Kind] = frozenset({"refused", "drop", "silence", "drip", "garbage"})


@attrs.frozen(kw_only=True)
class Step:
    """A step of the counterpart's protocol, and what can happen there.

    `addressed`: the recipient is known there, so that one message alone can be in trouble. `final`: the carrier has the
    whole message and need only say so; from there on a missing answer leaves it in doubt.
    """

    name: str
    kinds: frozenset[Kind]
    addressed: bool = False
    final: bool = False


@attrs.frozen
class Trouble:
    """What the counterpart is to do at a step, to everybody or to one address alone."""

    step: str
    kind: Kind
    address: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} at {self.step}"


@attrs.frozen(kw_only=True)
class Taken:
    """A message the counterpart has taken over; where it cannot see the address or the key, they are None.

    `wire` is all that came with it and could tell two copies apart; the body, where nothing else did.
    """

    body: bytes
    address: str | None = None
    key: str | None = None
    wire: bytes = b""


class Counterpart(Protocol):
    """A carrier on loopback."""

    @property
    def place(self) -> Any:
        """Where it is, for the author's `provider`: a value that pickle can take to another process."""

    def taken(self) -> Sequence[Taken]:
        """Return what it has taken over, every copy."""

    def offered(self) -> Sequence[str]:
        """Return the address of each message that was begun, once each time."""

    @property
    def connections(self) -> int:
        """How many connections are open."""

    def recover(self) -> None:
        """Be in trouble no more."""

    def forget(self) -> None:
        """Forget what was taken and offered, so that many thousand messages fit."""
