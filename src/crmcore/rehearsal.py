"""A workspace in a file of its own, whose time is turned and from which nothing leaves; the file is gone afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
from sqlalchemy import ColumnElement, Connection, Engine, Table

from crmcore import migrations
from crmcore.campaigning import Campaigning, Worked, salt_of
from crmcore.flow import folding, steering
from crmcore.flow.applying import Taken
from crmcore.flow.journeys.entering import OPEN, Entering
from crmcore.flow.launch import Launched
from crmcore.flow.progress import Progress, leave, never, quiet
from crmcore.flow.simulating import rounds
from crmcore.flow.simulating.muting import Postbox, muted, posting_nothing
from crmcore.flow.simulating.outcome import Simulated, outcome
from crmcore.flow.upkeep.filling import catch_up
from crmcore.flow.upkeep.settling import Upkeep
from crmcore.model.campaign import Campaign
from crmcore.model.time import DAY, TurnedClock
from crmcore.opening import Opened, opened
from crmcore.registry import Registry
from crmcore.settings import Settings
from crmcore.store import due, replica, runs
from crmcore.store.engine import open_fleeting, write
from crmcore.store.scope import Scope
from crmcore.store.workspaces import Workspace


@attrs.define
class Rehearsal:
    """A CRM's campaigns on a copy; `worked` is what the latest round did."""

    opened: Opened
    campaigning: Campaigning
    clock: TurnedClock
    postbox: Postbox
    worked: Worked | None = None

    def launch(self, campaign: Campaign, salt: str, progress: Progress) -> Launched:
        """Begin a campaign."""
        launched = self.campaigning.begin(campaign, salt, progress)
        self.postbox.forget()
        return launched

    def make_way(self, campaign: Campaign) -> None:
        """End an earlier run of a campaign that takes customers in."""
        with self.opened.reading() as scope:
            before = runs.find(scope, campaign.name)
        if before is not None and before.state in OPEN and before.campaign.takes_in:
            steering.cancel(self.opened.write, campaign.name)

    def fold(self) -> Taken:
        """Fold what hosts had committed, and look at whom time alone has moved into segments or out of them."""
        folded = folding.fold(self.opened.write, self.opened.reading)
        catch_up(self.opened.write, self.opened.reading, self.opened.upkeep)
        return folded

    def work(self) -> bool:
        """Do what is due now; tell whether there was anything."""
        done = self.campaigning.work(self.fold(), quiet, None, never, leave)
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

    def outcome(self, scope: Scope, launched: Launched, since: int) -> Simulated:
        """Return what a run has come to."""
        waiting = () if self.worked is None else self.worked.waiting
        problems = [one.problem for one in waiting if one.campaign == launched.campaign]
        return outcome(scope, launched.run_id, since, launched.audience, problems, self.postbox.parts)


@attrs.frozen(kw_only=True)
class Tools:
    """What a campaign runs with beside the database; the words of so many messages are `kept`."""

    registry: Registry
    settings: Settings
    entering: Entering
    kept: int


@contextmanager
def empty_file() -> Iterator[Engine]:
    """Give a SQLite file with our tables that nobody else can read; it is deleted at the end, whatever that is."""
    with TemporaryDirectory(prefix="crm-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "copy.db"
        path.write_bytes(_tables())
        engine = open_fleeting(f"sqlite:///{path}")
        try:
            yield engine
        finally:
            engine.dispose()


@cache
def _tables() -> bytes:
    """Return a SQLite file with our tables: to make them takes longer than many a dry run."""
    with TemporaryDirectory(prefix="crm-") as folder:
        path = Path(folder) / "tables.db"
        engine = open_fleeting(f"sqlite:///{path}")
        migrations.prepare(engine)
        engine.dispose()
        return path.read_bytes()


#: A table, and which of its rows (None: all of the workspace).
Part = tuple[Table, ColumnElement[bool] | None]


def copy(source: Opened, target: Engine, parts: Sequence[Part], tell: Callable[[int], None]) -> None:
    """Copy tables of a workspace, all as they were at one moment; `tell` is told how many are done."""

    def copy_all(scope: Scope, connection: Connection) -> None:
        replica.copy_house(scope.connection, connection, scope.workspace_id)
        mine = scope_of(connection, source.workspace)
        for done, (table, which) in enumerate(parts):
            replica.copy_rows(scope, mine, table, partial(tell, done), which)
        tell(len(parts))

    with source.reading() as scope:
        write(target, partial(copy_all, scope))


def scope_of(connection: Connection, workspace: Workspace) -> Scope:
    """Return what it takes to read a copy, and to write copied rows; it gives no ids."""
    return Scope(connection=connection, workspace_id=workspace.id, now=0, new_ids=_none, secret=workspace.secret)


def _none(count: int) -> list[int]:
    raise AssertionError(count)


@contextmanager
def rehearsal(engine: Engine, workspace: str, at: int, tools: Tools) -> Iterator[Rehearsal]:
    """Open what was copied, at a time."""
    clock, postbox = TurnedClock(at), Postbox(tools.kept)
    silenced = attrs.evolve(muted(tools.registry, postbox), listeners={}, modules={})
    there = attrs.evolve(
        opened(engine, workspace, clock),
        address_kinds=silenced.address_kinds,
        each_address=silenced.each_address,
        upkeep=Upkeep(silenced.rules),
        entering=tools.entering,
    )
    try:
        yield Rehearsal(there, Campaigning(there, silenced, posting_nothing(tools.settings)), clock, postbox)
    finally:
        there.close()


def simulate(source: Opened, tools: Tools, campaign: Campaign, until: int, seed: int, progress: Progress) -> Simulated:
    """Turn the clock of a copy; `progress` is told tables, then days."""
    since = source.clock.now()
    tables, days = len(replica.TABLES), (until - since) // DAY
    with empty_file() as engine:
        every: list[Part] = [(table, None) for table in replica.TABLES]
        copy(source, engine, every, lambda done: progress(done, tables + days))
        with rehearsal(engine, source.workspace.name, since, tools) as stage:
            stage.fold()
            stage.make_way(campaign)
            launched = stage.launch(campaign, salt_of(seed), lambda _done, _total: progress(tables, tables + days))
            stage.turn(until, lambda done, _: progress(tables + done, tables + days))
            with stage.opened.reading() as scope:
                return stage.outcome(scope, launched, since)
