"""Timers that are due let customers enter: a batch of one run in a transaction, each kind of timer in its way.

They do so whether the run goes on or stands still, as events do. Whoever is being written about is let in the next time.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import attrs
from sqlalchemy.exc import DBAPIError

from crmcore.flow import launch
from crmcore.flow.blaming import why
from crmcore.flow.journeys import dating, repeating, scheduling
from crmcore.flow.journeys.entering import OPEN, Entering
from crmcore.flow.journeys.ways import Wish
from crmcore.model.campaign import Campaign
from crmcore.model.steps import on_tick
from crmcore.model.time import DAY, iso
from crmcore.model.triggers import OnDate, OnSchedule
from crmcore.store import bulk, claims, runs, schema, timers
from crmcore.store.runs import Run
from crmcore.store.scope import Read, Scope, Write
from crmcore.store.timers import AGAIN, DATE, FALLBACK, FILL, SCHEDULE, Timer

#: How many are looked at, or enter, in one transaction.
BATCH = 1000
log = logging.getLogger("crmcore.campaigns")


@attrs.frozen(kw_only=True)
class Ringing:
    """How customers are let in whose time has come."""

    entering: Entering
    write: Write
    reading: Read
    stop: Callable[[], bool]

    def ring(self, stuck: dict[int, str]) -> bool:
        """Let in all who are due now, and add the runs that could not, each with the reason; return whether any was due."""
        due = self._due()
        if FILL in due:
            self._each(FILL, due[FILL], stuck)
            due |= self._due()
        for kind in (SCHEDULE, DATE, AGAIN):
            self._each(kind, due.get(kind, ()), stuck)
        return bool(due)

    def _due(self) -> dict[str, list[int]]:
        with self.reading() as scope:
            return {kind: due for kind, due in timers.due_runs(scope).items() if kind != FALLBACK}

    def _each(self, kind: str, due: Sequence[int], stuck: dict[int, str]) -> None:
        for run_id in due:
            try:
                self._all(kind, run_id)
            except DBAPIError:
                raise
            except Exception as error:
                log.exception("run %s cannot let in who is due", run_id)
                stuck[run_id] = why(error)

    def _all(self, kind: str, run_id: int) -> None:
        audience = self._audience(run_id) if kind == SCHEDULE else ()
        while not self.stop() and self.write(partial(self._some, kind=kind, run_id=run_id, audience=audience)):
            pass

    def _audience(self, run_id: int) -> Sequence[int]:
        with self.reading() as scope:
            run = runs.load(scope, run_id)
            return launch.audience(scope, run.campaign, self.entering.plugins) if run.state in OPEN else ()

    def _some(self, scope: Scope, kind: str, run_id: int, audience: Sequence[int]) -> bool:
        """See to some of those due; return whether there may be more."""
        run = runs.load(scope, run_id)
        if run.state not in OPEN or not _goes_by(run.campaign, kind):
            timers.clear(scope, run_id, (kind,))
            return False
        taken = timers.take_due(scope, kind, run_id, BATCH)
        if not taken:
            return False
        if kind == FILL:
            return dating.fill(scope, run, taken[0].customer_id, BATCH, self.entering.zone)
        if kind == SCHEDULE:
            return self._some_of(scope, run, taken[0], audience)
        return self._customers(scope, kind, run, taken)

    def _some_of(self, scope: Scope, run: Run, timer: Timer, audience: Sequence[int]) -> bool:
        """Let in the next of an audience, by id; the timer says how far that is."""
        trigger = run.campaign.trigger
        assert isinstance(trigger, OnSchedule)
        at = scheduling.occurrence(trigger, timer, scope.now)
        behind = bisect_right(audience, timer.customer_id)
        some = audience[behind : behind + BATCH] if at is not None else ()
        timers.remove(scope, SCHEDULE, run.id, [timer.customer_id])
        if at is None or not some:
            timers.put(scope, SCHEDULE, run.id, {0: scheduling.due_after(trigger, scope.now if at is None else at)})
            return False
        timers.put(scope, SCHEDULE, run.id, {some[-1]: on_tick(at)})
        away = _away(scope, some)
        wishes = [Wish(customer_id=one, origin_id=one, key=iso(at), at=at) for one in some if one not in away]
        self.entering.admit(scope, run, wishes)
        return True

    def _customers(self, scope: Scope, kind: str, run: Run, taken: Sequence[Timer]) -> bool:
        """Let in the customers of timers; return whether there may be more."""
        free = claims.lock_contacts(scope, {one.customer_id for one in taken}, exclusive=True)
        away = _away(scope, sorted(free))
        there = [one for one in taken if one.customer_id in free and one.customer_id not in away]
        gone = [one for one in taken if one.customer_id in away]
        if kind == DATE:
            timers.remove(scope, DATE, run.id, [one.customer_id for one in gone])
            self.entering.enter(scope, run, dating.due(scope, run, there, self.entering.zone))
        else:
            repeating.hand_on(scope, run, gone, away, scope.now + DAY)
            self.entering.admit(scope, run, repeating.due(scope, run, there, self.entering.plugins))
        # Whoever was busy comes first again: where all are, others have to end before anybody goes on.
        return bool(gone) or (bool(free) and len(taken) == BATCH)


def _goes_by(campaign: Campaign, kind: str) -> bool:
    if kind == AGAIN:
        return campaign.reentry.when == "interval"
    return isinstance(campaign.trigger, OnSchedule if kind == SCHEDULE else OnDate)


def _away(scope: Scope, customers: Sequence[int]) -> Mapping[int, int | None]:
    """Return those who are not there, each with the customer it was merged into."""
    columns = ("id", "merged_into", "erased_at")
    found = bulk.select_in(scope, schema.customer, columns, {}, "id", list(customers))
    return {one: into for one, into, erased_at in found if into is not None or erased_at is not None}
