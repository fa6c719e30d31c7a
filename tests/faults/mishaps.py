"""What can befall a worker. Each is a value; a Deck deals them at random."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import attrs

from crmcore.model.time import HOUR, MINUTE
from crmcore.testing import http_sink, smtp_sink
from crmcore.testing.http_sink import Answer
from crmcore.testing.loopback import Cut, Drop, Silence, Slow
from crmcore.testing.smtp_sink import Reply
from tests.faults.world import TIMEOUT, Jump

Sink = Literal["smtp", "http"]
#: How many steps of a conversation a worker is let go on before something happens, at most.
STEPS = 300
#: Within how many others one comes again that has missed.
SOON = 6
LATE = Slow(TIMEOUT * 3)


@attrs.frozen(kw_only=True)
class KilledAtStart:
    """SIGKILL while it opens the database; `share` of the time that takes."""

    share: float
    name: str = "SIGKILL while starting"


@attrs.frozen(kw_only=True)
class Killed:
    """SIGKILL at any moment of its work; `share` of the time that takes."""

    share: float
    name: str = "SIGKILL at a random moment"


@attrs.frozen(kw_only=True)
class AtStep:
    """Something at the `step`-th time a sink comes to `stage`, or to any."""

    sink: Sink
    stage: str
    step: int


@attrs.frozen(kw_only=True)
class KilledAt(AtStep):
    """SIGKILL at a step of the protocol."""

    @property
    def name(self) -> str:
        return f"SIGKILL at {self.sink} {self.stage}"


@attrs.frozen(kw_only=True)
class Stalled(AtStep):
    """It stands still at a step until another has taken over its lease and ended, then goes on."""

    name: str = "stalled beyond its lease"


@attrs.frozen(kw_only=True)
class Broken(AtStep):
    """The sink does something else than usual at a step."""

    how: Any

    @property
    def name(self) -> str:
        shown = {Reply: "reply", Answer: "reply"}.get(type(self.how), type(self.how).__name__.lower())
        code = getattr(self.how, "code", getattr(self.how, "status", ""))
        return f"{self.sink} {shown}{' ' if code else ''}{code} at {self.stage}"


@attrs.frozen(kw_only=True)
class Unconnected(AtStep):
    """The server ends the worker's connections to the database; an embedded one is locked by somebody else for a while."""

    name: str = "database connection lost (SQLite: locked)"


@attrs.frozen(kw_only=True)
class Full:
    """The database can grow no more after so many pages, or writes."""

    pages: int
    name: str = "database full"


@attrs.frozen(kw_only=True)
class Limited:
    """No file can grow beyond so many bytes more."""

    room: int
    name: str = "file size limit"


@attrs.frozen(kw_only=True)
class Jumped:
    """The clock jumps."""

    jump: Jump

    @property
    def name(self) -> str:
        return f"clock jumps {'forward' if self.jump.by > 0 else 'back'}"


Mishap = KilledAtStart | Killed | KilledAt | Stalled | Broken | Unconnected | Full | Limited | Jumped


def is_refusal(one: Mishap) -> bool:
    """Tell whether a sink only says no: nothing hangs in the air after that."""
    if not isinstance(one, Broken):
        return False
    if isinstance(one.how, Answer):
        return one.stage != "taken"
    return isinstance(one.how, Reply) and one.how.code != CLOSING


def refused(one: Mishap) -> int:
    """Return how many rows may end unsent through it: the message refused, and the other to the same address."""
    if not isinstance(one, Broken) or one.stage not in ("rcpt", "dot", "body"):
        return 0
    return 2 if getattr(one.how, "code", getattr(one.how, "status", 0)) in FOR_GOOD else 0


CLOSING = 421
FOR_GOOD = frozenset({410, 422, 550, 554})
#: Stages that come once a connection, not once a message.
RARE = frozenset({"connect", "ehlo", "quit"})
#: Workers give no password.
SMTP_STAGES = tuple(stage for stage in smtp_sink.STAGES if stage != "auth")
#: Whatever can go wrong at each step of a conversation.
BREAKS: tuple[tuple[Sink, str, Any], ...] = (
    *(("smtp", stage, how) for stage in SMTP_STAGES for how in (Drop(), LATE)),
    *(("smtp", stage, Reply(CLOSING, "4.3.2 closing")) for stage in SMTP_STAGES if stage not in ("taken", "quit")),
    *(("smtp", stage, Reply(451, "4.3.0 later")) for stage in ("mail", "rcpt", "data", "dot")),
    ("smtp", "connect", Reply(554, "no service")),
    ("smtp", "mail", Reply(451, "4.7.0 slowly")),
    ("smtp", "rcpt", Reply(550, "5.1.1 no such user")),
    ("smtp", "dot", Reply(554, "5.6.0 bad content")),
    *(("smtp", "data", Cut(after)) for after in (0, 1, 200, 500)),
    *(("smtp", stage, Silence(drip=TIMEOUT / 10)) for stage in ("connect", "rcpt", "taken")),
    *(("http", stage, how) for stage in http_sink.STAGES for how in (Drop(), LATE)),
    *(("http", stage, Answer(status=503)) for stage in ("request", "body")),
    ("http", "body", Answer(status=429, headers={"Retry-After": "60"})),
    ("http", "body", Answer(status=410)),
    ("http", "body", Answer(status=422)),
    ("http", "taken", Answer(status=500)),
    *(("http", "request", Cut(after)) for after in (0, 200)),
    *(("http", "taken", Cut(after)) for after in (0, 10, 45)),
)


#: At which step of a conversation a worker is killed.
KILLS: tuple[tuple[Sink, str], ...] = (
    *(("smtp", stage) for stage in SMTP_STAGES if stage not in RARE),
    *(("http", stage) for stage in http_sink.STAGES if stage not in RARE),
)


class Dealer(Protocol):
    """Where mishaps come from."""

    def deal(self) -> Mishap | None:
        """Return the next one; None where there are no more."""

    def put_back(self, missed: Mishap) -> None:
        """Take back one that hit nobody."""


class Once:
    """Deals each of these mishaps until it has hit somebody."""

    def __init__(self, mishaps: Sequence[Mishap]) -> None:
        self._left = deque(mishaps)

    def deal(self) -> Mishap | None:
        """Return the next one."""
        return self._left.popleft() if self._left else None

    def put_back(self, missed: Mishap) -> None:
        """Deal it again, last."""
        self._left.append(missed)


class Deck:
    """Deals mishaps without end, every second a kill; of the others each comes once before any comes again."""

    def __init__(self, chance: random.Random, *, server: bool) -> None:
        self._chance, self._server = chance, server
        self._others: list[Mishap] = []
        self._is_kill = False

    def deal(self) -> Mishap:
        """Return the next one."""
        self._is_kill = not self._is_kill
        if self._is_kill:
            return _kill(self._chance)
        if not self._others:
            self._others = self._shuffled()
        return self._others.pop()

    def put_back(self, missed: Mishap) -> None:
        """Take back one that hit nobody: it will come again soon."""
        if not isinstance(missed, Killed | KilledAt):
            self._others.insert(max(0, len(self._others) - self._chance.randint(1, SOON)), missed)

    def _shuffled(self) -> list[Mishap]:
        """Those of the machine, which are fewer, come in turn with those of servers: soon each kind has come."""
        machine, servers = _of_the_machine(self._chance, server=self._server), _breaks(self._chance)
        self._chance.shuffle(machine)
        self._chance.shuffle(servers)
        rest = servers[len(machine) :]
        return rest + [one for pair in zip(machine, servers, strict=False) for one in pair]


def _kill(chance: random.Random) -> Killed | KilledAt:
    """Return a kill at a random moment, or at a random step."""
    if chance.random() < 0.5:
        return Killed(share=chance.random())
    sink, stage = chance.choice(KILLS)
    return KilledAt(sink=sink, stage=stage, step=chance.randint(1, STEPS // len(KILLS)))


def _breaks(chance: random.Random) -> list[Mishap]:
    return [
        Broken(sink=sink, stage=stage, how=how, step=1 if stage in RARE else chance.randint(1, STEPS // len(KILLS)))
        for sink, stage, how in BREAKS
    ]


def _of_the_machine(chance: random.Random, *, server: bool) -> list[Mishap]:
    sinks: tuple[Sink, ...] = ("smtp", "http")
    jumps = [Jump(after=chance.randint(1, 40), by=by) for by in (-HOUR, -MINUTE, MINUTE, HOUR)]
    return [
        *(KilledAtStart(share=chance.random()) for _ in range(2)),
        *(Stalled(sink=sink, stage="", step=chance.randint(1, STEPS // 4)) for sink in sinks for _ in range(2)),
        *(Unconnected(sink=sink, stage="", step=chance.randint(1, STEPS // 4)) for sink in sinks for _ in range(2)),
        *(Full(pages=chance.randint(0, 4)) for _ in range(2)),
        *(Limited(room=chance.randint(0, 50_000)) for _ in range(0 if server else 2)),
        *(Jumped(jump=jump) for jump in jumps),
    ]
