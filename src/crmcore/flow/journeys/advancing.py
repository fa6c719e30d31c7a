"""All who are due go on: a batch of one run in a transaction, each step for all of them at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import attrs
from sqlalchemy.exc import DBAPIError

from crmcore.flow.blaming import why
from crmcore.flow.journeys import acting, consulting, merging, parting, sending, waiting
from crmcore.flow.journeys.entering import Entering
from crmcore.flow.journeys.ringing import Ringing
from crmcore.flow.journeys.walking import Doing, Stage, walk
from crmcore.model import graph, steps
from crmcore.model.policy import Policy
from crmcore.model.time import DAY
from crmcore.registry import Registry
from crmcore.store import bulk, claims, enrolments, runs, schema
from crmcore.store.enrolments import Enrolment
from crmcore.store.runs import Run
from crmcore.store.scope import Read, Scope, Write

#: How many go on in one transaction.
BATCH = 5000
log = logging.getLogger("crmcore.campaigns")
DOINGS: Mapping[type[Any], Doing] = {
    steps.Send: sending.send,
    steps.Wait: waiting.wait,
    steps.WaitUntil: waiting.wait_until,
    steps.WaitDate: waiting.wait_date,
    steps.WaitFor: waiting.wait_for,
    steps.Branch: parting.branch,
    steps.Split: parting.split,
    steps.Update: acting.update,
    steps.AddToSegment: acting.add_to_segment,
    steps.Emit: acting.emit,
    steps.Webhook: acting.webhook,
    steps.Call: consulting.call,
    steps.Enter: acting.enter,
    steps.Exit: acting.leave,
}


@attrs.frozen(kw_only=True)
class Advanced:
    """How many enrolments went on, and which campaigns could not: each with the reason."""

    count: int
    stuck: Mapping[str, str]


@attrs.frozen(kw_only=True)
class Advancing:
    """What moves enrolments on: the parts that plugins bring, the rules for sending, how others are let in, what messages cost."""

    registry: Registry
    policy: Policy
    entering: Entering
    prices: Mapping[str, Decimal] = attrs.field(factory=dict)

    def advance(self, write: Write, reading: Read, stop: Callable[[], bool]) -> Advanced:
        """Let all go on who are due now, those among them who are let in by now; whoever comes to be due meanwhile waits.

        Whoever comes to the end of its way at the time at which it may enter again does so.
        """
        stuck: dict[int, str] = {}
        count = self._move(write, reading, stop, stuck)
        if Ringing(entering=self.entering, write=write, reading=reading, stop=stop).ring(stuck):
            count += self._move(write, reading, stop, stuck)
        return Advanced(count=count, stuck={_name(reading, run_id): why for run_id, why in stuck.items()})

    def _move(self, write: Write, reading: Read, stop: Callable[[], bool], stuck: dict[int, str]) -> int:
        with reading() as scope:
            due = [one for one in enrolments.due_runs(scope, runs.running(scope)) if one not in stuck]
            left = {run_id: enrolments.due_count(scope, run_id) for run_id in due}
        count = 0
        for run_id in due:
            while left[run_id] > 0 and not stop():
                try:
                    moved = write(partial(self._some, run_id=run_id))
                except DBAPIError:
                    raise
                except Exception as error:
                    log.exception("run %s cannot go on", run_id)
                    stuck[run_id] = why(error)
                    break
                left[run_id] = left[run_id] - moved if moved else 0
                count += moved
        return count

    def _some(self, scope: Scope, run_id: int) -> int:
        run = runs.load(scope, run_id)
        if run.state != runs.RUNNING:
            return 0
        taken = enrolments.take_due(scope, run_id, BATCH)
        left = _there(scope, run, taken)
        for version in sorted({one.version for one in left}):
            self._walk(scope, runs.of_version(scope, run, version), [one for one in left if one.version == version])
        return len(taken)

    def _walk(self, scope: Scope, run: Run, due: Sequence[Enrolment]) -> None:
        stage = Stage(
            scope=scope,
            run=run,
            registry=self.registry,
            policy=self.policy,
            entering=self.entering,
            after=graph.following(run.campaign.course),
            prices=self.prices,
        )
        enrolments.move(scope, walk(stage, due, DOINGS))


def _there(scope: Scope, run: Run, taken: Sequence[Enrolment]) -> list[Enrolment]:
    """Return those who go on: whose customer is there, whom nobody is writing, and who do not stand still beside another way.

    Whoever stands still, or was merged away, is looked at again each day.
    """
    customers = {one.customer_id for one in taken}
    away = {
        one
        for one, into, erased_at in bulk.select_in(
            scope, schema.customer, ("id", "merged_into", "erased_at"), {}, "id", sorted(customers)
        )
        if into is not None or erased_at is not None
    }
    free = claims.lock_contacts(scope, customers - away, exclusive=True)
    still = merging.standing_still(enrolments.of_joined(scope, run.id, free), run.campaign)
    held = [one.id for one in taken if one.customer_id in away or one.id in still]
    enrolments.put_off(scope, held, scope.now + DAY)
    return [one for one in taken if one.customer_id in free and one.id not in still]


def _name(reading: Read, run_id: int) -> str:
    with reading() as scope:
        return runs.load(scope, run_id).campaign.name
