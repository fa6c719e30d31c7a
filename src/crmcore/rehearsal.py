"""A workspace in a file of its own, whose time is turned and from which nothing leaves; the file is gone afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
from sqlalchemy import Connection, Engine, Table

from crmcore import migrations
from crmcore.campaigning import Campaigning, Worked
from crmcore.flow import folding, steering
from crmcore.flow.applying import Taken
from crmcore.flow.journeys.entering import OPEN, Entering
from crmcore.flow.launch import Launched
from crmcore.flow.progress import Progress, quiet
from crmcore.flow.simulating import rounds
from crmcore.flow.simulating.muting import Postbox, muted
from crmcore.flow.upkeep.filling import catch_up
from crmcore.flow.upkeep.settling import Upkeep
from crmcore.model.campaign import Campaign
from crmcore.model.time import TurnedClock
from crmcore.opening import Opened, opened
from crmcore.registry import Registry
from crmcore.settings import Settings
from crmcore.store import due, replica, runs
from crmcore.store.engine import open_engine, write
from crmcore.store.scope import Scope


@attrs.define
class Rehearsal:
    """A CRM's campaigns on a copy; `worked` is what the latest round did."""

    opened: Opened
    campaigning: Campaigning
    clock: TurnedClock
    postbox: Postbox
    worked: Worked | None = None

    def launch(self, given: Campaign | Mapping[str, Any], seed: int, progress: Progress) -> Launched:
        """Begin a campaign, in place of an earlier run of it that takes customers in."""
        self.fold()
        name = given["name"] if isinstance(given, Mapping) else given.name
        with self.opened.reading() as scope:
            before = runs.find(scope, name)
        if before is not None and before.state in OPEN and before.campaign.trigger is not None:
            steering.cancel(self.opened.write, name)
        launched = self.campaigning.launch(given, seed, progress)
        self.postbox.forget()
        return launched

    def fold(self) -> Taken:
        """Fold what hosts had committed, and look at whom time alone has moved into segments or out of them."""
        folded = folding.fold(self.opened.write, self.opened.reading)
        catch_up(self.opened.write, self.opened.reading, self.opened.upkeep)
        return folded

    def work(self) -> bool:
        """Do what is due now; tell whether there was anything."""
        done = self.campaigning.work(self.fold(), quiet, None, None)
        self.worked = done
        self.postbox.forget()
        return bool(done.folded or done.advanced or done.deliveries)

    def next_due(self, since: int) -> int | None:
        """Return when something is due, at a time or later."""
        with self.opened.reading() as scope:
            return due.next_due(scope, since)

    def turn(self, until: int, tell: Callable[[int, int], None]) -> None:
        """Turn the clock, and work whenever something is due."""
        rounds.turn(self.clock, until, self.work, self.next_due, tell)

    def problems(self, campaign: str) -> list[str]:
        """Return why a campaign could not go on at the end."""
        return [one.problem for one in (() if self.worked is None else self.worked.waiting) if one.campaign == campaign]


@contextmanager
def empty_file() -> Iterator[Engine]:
    """Give a SQLite file with our tables that nobody else can read; it is deleted at the end, whatever that is."""
    with TemporaryDirectory(prefix="crm-", ignore_cleanup_errors=True) as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'copy.db'}")
        try:
            migrations.prepare(engine)
            yield engine
        finally:
            engine.dispose()


def copy(source: Opened, target: Engine, tables: Sequence[Table], tell: Callable[[int], None]) -> None:
    """Copy tables of a workspace, all as they were at one moment; `tell` is told how many are done."""

    def copy_all(scope: Scope, connection: Connection) -> None:
        replica.copy_house(scope.connection, connection, scope.workspace_id)
        mine = Scope(connection=connection, workspace_id=scope.workspace_id, now=scope.now, new_ids=_none, secret=b"")
        for done, table in enumerate(tables):
            replica.copy_rows(scope, mine, table, partial(tell, done))
        tell(len(tables))

    with source.reading() as scope:
        write(target, partial(copy_all, scope))


def _none(count: int) -> list[int]:
    raise AssertionError(count)


@contextmanager
def rehearsal(
    engine: Engine, workspace: str, at: int, registry: Registry, settings: Settings, entering: Entering, kept: int
) -> Iterator[Rehearsal]:
    """Open what was copied; the words of `kept` messages are kept."""
    clock, postbox = TurnedClock(at), Postbox(kept)
    silenced = attrs.evolve(muted(registry, postbox), listeners={})
    there = attrs.evolve(
        opened(engine, workspace, clock),
        address_kinds=silenced.address_kinds,
        upkeep=Upkeep(silenced.rules),
        entering=entering,
    )
    try:
        yield Rehearsal(there, Campaigning(there, silenced, settings), clock, postbox)
    finally:
        there.close()
