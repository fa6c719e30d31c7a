"""History played through a campaign: at every moment no more is there than had come in by then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial

import attrs
from sqlalchemy import ColumnElement, Connection, Engine, select, update

from crmcore.campaigning import salt_of
from crmcore.errors import InvalidValue
from crmcore.flow.launch import Launched
from crmcore.flow.progress import Progress
from crmcore.flow.simulating import own, rounds, wanting
from crmcore.flow.simulating.feeder import Feeder
from crmcore.flow.simulating.outcome import Backtested, backtested
from crmcore.flow.simulating.wanting import Boundary
from crmcore.model.campaign import Campaign
from crmcore.model.time import DAY, iso, microseconds
from crmcore.model.values import INT64
from crmcore.opening import Opened
from crmcore.rehearsal import Part, Rehearsal, Tools, copy, empty_file, rehearsal, scope_of
from crmcore.rules.plugin import Plugins
from crmcore.store import logs, replica, runs, schema
from crmcore.store.engine import reading, write
from crmcore.store.runs import FINISHED
from crmcore.store.scope import Scope
from crmcore.store.segments import RULE, UPLOADED

#: What is meant and how it is said, as it is now: none of it tells what customers did.
_DEFINITIONS = (
    schema.template,
    schema.topic,
    schema.source,
    schema.coupon,
    schema.campaign,
    schema.campaign_version,
    schema.run,
)


def parts(workspace_id: int, campaign: str, until: int) -> list[Part]:
    """Return what of a workspace a backtest needs: definitions, and the logs as far as they had been written by a time.

    Who has been on the way in runs of the same campaign tells what these did themselves.
    """
    told: list[Part] = [(log.table, log.table.c[log.received_at] <= until) for log in logs.LOGS]
    mine = schema.enrolment.c.run_id.in_(own.runs_of(workspace_id, campaign))
    return [*((table, None) for table in (*_DEFINITIONS, schema.segment)), (schema.enrolment, mine), *told]


def prepare(source: Scope, target: Engine, campaign: str) -> None:
    """Copy the definitions; lists come in before who is on them. Other campaigns are over: nothing more of them goes.

    All codes that there are now can be given out.
    """

    def copy(connection: Connection) -> None:
        mine = attrs.evolve(source, connection=connection)
        replica.copy_alone(source.connection, connection, source.workspace_id)
        for table in _DEFINITIONS:
            replica.copy_rows(source, mine, table, lambda: None, _of_others(source, table.name, campaign))
        lists = schema.segment.c.kind == UPLOADED
        replica.copy_rows(source, mine, schema.segment, lambda: None, lists)
        over = update(schema.run).where(schema.run.c.workspace_id == source.workspace_id)
        connection.execute(over.values(state=FINISHED))
        free = update(schema.coupon).where(schema.coupon.c.workspace_id == source.workspace_id)
        connection.execute(free.values(delivery_id=None, reserved_at=None, redeemed_at=None))

    write(target, copy)


def _of_others(scope: Scope, table: str, campaign: str) -> ColumnElement[bool] | None:
    row = schema.campaign.c
    own = select(row.id).where(row.workspace_id == scope.workspace_id, row.name == campaign)
    columns = {
        "crm_campaign": row.id,
        "crm_campaign_version": schema.campaign_version.c.campaign_id,
        "crm_run": schema.run.c.campaign_id,
    }
    return columns[table].not_in(own) if table in columns else None


@contextmanager
def staged(engine: Engine, source: Opened) -> Iterator[Scope]:
    """Read a copy."""
    with reading(engine) as connection:
        yield scope_of(connection, source.workspace)


@attrs.frozen(kw_only=True)
class Beginning:
    """When a campaign begins in the past, what had come in before, the salt that fixes its arms, and how often work is done."""

    boundary: Boundary
    salt: str
    every: int = 0


@attrs.frozen
class Hindsight:
    """A campaign in the past: the stage it runs on, and what comes in. Work is done `every` so many microseconds (0: at once)."""

    stage: Rehearsal
    source: Scope
    campaign: Campaign
    names: Sequence[str]
    feeder: Feeder
    every: int

    def launch(self, began: Beginning, progress: Progress) -> Launched:
        """Let all come in that had come in before a campaign began; then begin it."""
        clock, boundary = self.stage.clock, began.boundary
        self.feeder.feed(boundary.is_after, clock.turn_to)
        clock.turn_to(boundary.at)
        which = schema.segment.c.name.in_(self.names) & (schema.segment.c.kind == RULE)
        self.stage.opened.write(
            lambda scope: replica.copy_rows(self.source, scope, schema.segment, lambda: None, which)
        )
        self.stage.fold()
        launched = self.stage.launch(self.campaign, began.salt, progress)
        self.feeder.feed(lambda one: one.at <= boundary.at)
        return launched

    def turn(self, until: int, progress: Progress) -> None:
        """Turn the clock: what is due is done, then what comes in at that moment comes in."""
        rounds.turn(self.stage.clock, until, self._act, partial(self._following, until), progress)
        self.feeder.feed(lambda one: one.at <= until)

    def _act(self) -> bool:
        at = self.stage.clock.now()
        self.feeder.feed(lambda one: one.at < at)
        is_due = self.every > 0 or self.stage.next_due(at) == at
        has_worked = is_due and self.stage.work()
        return self.feeder.feed(lambda one: one.at == at) or has_worked

    def _following(self, until: int, since: int) -> int | None:
        times = [one for one in (self.stage.next_due(since), self.feeder.following()) if one is not None]
        if not times or not self.every:
            return min(times, default=None)
        return min(-(-min(times) // self.every) * self.every, max(until, since))


def hindsight(
    stage: Rehearsal, source: Scope, campaign: Campaign, until: int, every: int, plugins: Plugins
) -> Hindsight:
    """Let a campaign look back, from a copy of the logs."""
    items = logs.items(source, until, own.told_apart(source, campaign))
    names = sorted(wanting.named(source, campaign))
    loud = wanting.is_loud(source, campaign, names, plugins)
    return Hindsight(stage, source, campaign, names, Feeder(items, stage.opened.write, loud), every)


def beginning(source: Opened, since: datetime | int | None, seed: int, run: int | None) -> Beginning:
    """Return the beginning at a time, or that of a run; raise InvalidValue where there is neither."""
    if run is not None:
        with source.reading() as scope:
            found = next(iter(runs.of_ids(scope, [run])), None)
        if found is None:
            raise InvalidValue(place="backtest.run", problem=f"there is no run {run}; `crm campaign list` shows them")
        return Beginning(boundary=Boundary(found.started_at, found.id), salt=found.salt)
    if since is None:
        raise InvalidValue(place="backtest.since", problem="say when it begins, or name a run")
    # All that came in at that moment had come in before.
    return Beginning(boundary=Boundary(microseconds(since, "backtest.since"), INT64), salt=salt_of(seed))


def backtest(
    source: Opened, tools: Tools, campaign: Campaign, began: Beginning, until: int, progress: Progress
) -> Backtested:
    """Play history through a campaign; `progress` is told tables, then days. Raise InvalidValue where it ends before it begins."""
    at = began.boundary.at
    if until < at:
        raise InvalidValue(place="backtest.until", problem=f"it ends at {iso(until)}, before it begins ({iso(at)})")
    copied, days = parts(source.workspace.id, campaign.name, until), (until - at) // DAY
    total = len(copied) + days
    with empty_file() as told, empty_file() as engine:
        copy(source, told, copied, lambda done: progress(done, total))
        with staged(told, source) as logged:
            prepare(logged, engine, campaign.name)
            with rehearsal(engine, source.workspace.name, 0, tools) as stage:
                played = hindsight(stage, logged, campaign, until, began.every, tools.registry.rules)
                launched = played.launch(began, lambda _done, _total: progress(len(copied), total))
                played.turn(until, lambda done, _: progress(len(copied) + done, total))
                with stage.opened.reading() as scope:
                    return backtested(scope, campaign, stage.outcome(scope, launched, at))
