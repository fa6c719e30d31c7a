"""A CRM whose time is turned: campaigns run through it as they do in production, and nothing leaves.

`crmcore.testing.plugin` gives one to each test, as the fixture `crm`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import Connection

from crmcore import migrations
from crmcore.app import CRM
from crmcore.campaigning import Worked
from crmcore.flow.launch import Launched
from crmcore.flow.modules.admitting import Admit, made_ready
from crmcore.flow.progress import Progress, quiet
from crmcore.flow.simulating.muting import WINDOW, Postbox, muted, posting_nothing
from crmcore.flow.simulating.rounds import turn
from crmcore.loader import installed
from crmcore.model.campaign import Campaign
from crmcore.model.time import TurnedClock, duration, microseconds, moment
from crmcore.opening import Opened, url_of
from crmcore.store import due, messages, workspaces
from crmcore.store.engine import open_engine, open_fleeting, write
from crmcore.store.messages import Message
from crmcore.testing.silent import Silent, SilentChannel

WORKSPACE = "default"
NO_SETTINGS = Path(os.devnull)
START = datetime(2026, 1, 1, 9, tzinfo=UTC)
CHANNELS = ("email", "push", "note")
#: So many messages keep their text.
KEPT = 1_000_000


class Simulation(CRM):
    """A CRM on a new SQLite file with a clock that is turned; `seed` fixes all that is drawn by chance.

    `silent` are channels for tests alone (a name, or a SilentChannel with other capabilities), `plugins` are plugins of your
    own by name: their channels render as they do elsewhere, their carriers carry nothing. What is installed beside the core
    and not named here is left out, and so is crm.toml unless `config` names it; settings such as `policy` may be given.
    """

    def __init__(
        self,
        path: Path,
        *,
        start: datetime | int = START,
        seed: int = 0,
        silent: Iterable[str | SilentChannel] = CHANNELS,
        plugins: Mapping[str, Any] | None = None,
        config: Path | str = NO_SETTINGS,
        **given: Any,
    ) -> None:
        self.clock, self.seed = TurnedClock(start), seed
        _prepare(path, self.clock.now(), seed)
        channels = [SilentChannel(one) if isinstance(one, str) else one for one in silent]
        given.setdefault("sending", {"window": WINDOW})
        self._engine = open_fleeting(url_of(str(path)))
        super().__init__(
            self._engine,
            workspace=WORKSPACE,
            clock=self.clock,
            plugins={"silent": Silent(channels), **(plugins or {})},
            blocked=[one for one in installed() if one not in (plugins or {})],
            config=config,
            **given,
        )
        self._postbox = Postbox(KEPT)
        self.registry, self.settings = muted(self.registry, self._postbox), posting_nothing(self.settings)

    def _admission(self, opened: Opened) -> Admit:
        """Make the tables of all modules: the file is ours."""
        return made_ready(opened.engine)

    def close(self) -> None:
        """Give back what is held."""
        super().close()
        self._engine.dispose()

    def turn(self, by: str | timedelta, *, progress: Progress = quiet) -> Worked:
        """Go forward by a time such as "14d", and work whenever something is due; return what was done on the way."""
        return self.turn_to(self.clock.now() + duration(by, "turn"), progress=progress)

    def turn_to(self, at: datetime | int, *, progress: Progress = quiet) -> Worked:
        """Go forward to a time, and work whenever something is due; return what was done on the way."""
        done: list[Worked] = []

        def work() -> bool:
            done.append(self.work())
            self._postbox.forget()
            return bool(done[-1].folded or done[-1].advanced or done[-1].deliveries)

        turn(self.clock, microseconds(at, "turn_to"), work, self._next_due, progress)
        return _sum(done)

    def _next_due(self, since: int) -> int | None:
        with self._opened.reading() as scope:
            return due.next_due(scope, since)

    def launch(
        self, campaign: Campaign | Mapping[str, Any], *, seed: int | None = None, progress: Progress = quiet
    ) -> Launched:
        """Begin a campaign as `CRM.launch` does; the seed is that of the simulation unless one is given."""
        launched = super().launch(campaign, seed=self.seed if seed is None else seed, progress=progress)
        self._postbox.forget()
        return launched

    @property
    def ended(self) -> list[Message]:
        """All messages that went, and those that never will, with the reason; by time."""
        self._fold()
        with self._opened.reading() as scope:
            found = messages.ended(scope)
        return [attrs.evolve(one, parts=self._postbox.parts.get(one.id, {})) for one in found]

    @property
    def sent(self) -> list[Message]:
        """The messages that went, by time: when, to whom, by which channel, of which step, and what they say."""
        return [one for one in self.ended if one.is_sent]

    def transcript(self) -> str:
        """Return what was said and what was not, as text: the same for the same seed, whenever it runs."""
        return "\n".join(line for at, some in groupby(self.ended, key=lambda one: one.at) for line in _lines(at, some))


def make_tables(path: Path) -> None:
    """Make a database that simulations may begin with a copy of."""
    engine = open_engine(url_of(str(path)))
    migrations.prepare(engine)
    engine.dispose()


def _prepare(path: Path, now: int, seed: int) -> None:
    """Make the workspace with a secret that follows from the seed: links, holdouts and hashes are the same each time."""
    secret = hashlib.blake2b(str(seed).encode(), digest_size=32, person=b"simulation").digest()
    engine = open_engine(url_of(str(path)))

    def make(connection: Connection) -> None:
        if workspaces.find(connection, WORKSPACE) is None:
            workspaces.make(connection, WORKSPACE, now=now, secret=secret)

    migrations.prepare(engine)
    write(engine, make)
    engine.dispose()


def _sum(done: Sequence[Worked]) -> Worked:
    counts = ("folded", "deliveries", "notices", "sent", "failed", "skipped", "advanced", "posted", "jobs")
    failed = tuple(job for one in done for job in one.failed_jobs)
    return attrs.evolve(
        done[-1], failed_jobs=failed, **{name: sum(getattr(one, name) for one in done) for name in counts}
    )


def _lines(at: int, some: Iterable[Message]) -> list[str]:
    lines = [f"{moment(at):%Y-%m-%d %H:%M}"]
    for one in some:
        way = f"{one.campaign}/{one.step}" + (f" [{one.key}]" if one.key else "")
        lines.append(f"  {one.customer}  {way}  {one.channel}{_fate(one)}")
        shown = one.parts if one.is_sent else {}
        lines += [f"      {line}" for part in shown.values() for line in part.strip().splitlines()]
    return lines


def _fate(one: Message) -> str:
    return "" if one.is_sent else f"  not sent: {one.reason or one.state}"
