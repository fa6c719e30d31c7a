"""What frequency caps count of customers: messages that were handed over, and messages that wait."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import attrs
from sqlalchemy import select

from crmcore.model.delivery import State
from crmcore.model.purpose import MessageClass
from crmcore.store import bulk, schema
from crmcore.store.deliveries import Unit
from crmcore.store.runs import GOING
from crmcore.store.scope import Scope

#: Handed over, and not given back since: what failed, or did not leave after all, does not count.
COUNTED = (State.HANDED, State.ACCEPTED, State.DELIVERED, State.READ, State.IN_DOUBT)
WAITING = (State.PLANNED, State.CLAIMED, State.DEFERRED)


@attrs.frozen(kw_only=True)
class Row:
    """A delivery that caps count; `at` is when it was handed over, or when it is due; `unit` is the message it is one of."""

    id: int
    customer_id: int
    run_id: int
    unit: Unit
    channel: str
    rank: int
    at: int
    expires_at: int | None


@attrs.frozen(kw_only=True)
class RunOf:
    """A run: whether its messages may go now, and the tags of its campaign."""

    goes_on: bool
    tags: frozenset[str]


def handed(scope: Scope, customers: Sequence[int], since: int) -> list[Row]:
    """Return the marketing messages that were handed over to customers after an instant, and count."""
    row = schema.delivery.c
    return _rows(
        scope, customers, row.handed_at, [row.handed_at > since, row.state.in_([one.value for one in COUNTED])]
    )


def waiting(scope: Scope, customers: Sequence[int], until: int) -> list[Row]:
    """Return the marketing messages that wait for customers and are due before an instant, those of nobody held out."""
    row = schema.delivery.c
    # That they are not settled says nothing new: it is how the index over the rows of customers has it.
    waits = [row.settled_at.is_(None), row.state.in_([one.value for one in WAITING])]
    return _rows(scope, customers, row.due_at, [*waits, row.due_at < until, ~row.held_out])


def _rows(scope: Scope, customers: Sequence[int], at: Any, which: Iterable[Any]) -> list[Row]:
    row = schema.delivery.c
    of = (row.run_id, row.step, row.customer_id, row.occurrence, row.enrolment_id)
    query = select(*of, row.id, row.channel, row.priority, at.label("at"), row.expires_at).where(
        row.workspace_id == scope.workspace_id,
        bulk.among(scope, row.customer_id, customers),
        row.message_class == MessageClass.MARKETING.value,
        *which,
    )
    return [
        Row(
            id=one.id,
            customer_id=one.customer_id,
            run_id=one.run_id,
            unit=(one.run_id, one.step, one.customer_id, one.occurrence, one.enrolment_id),
            channel=one.channel,
            rank=one.priority,
            at=one.at,
            expires_at=one.expires_at,
        )
        for one in scope.connection.execute(query)
    ]


def runs(scope: Scope, run_ids: Collection[int]) -> dict[int, RunOf]:
    """Return what caps ask of runs, by id."""
    run, version = schema.run.c, schema.campaign_version.c
    query = (
        select(run.id, run.state, version.definition)
        .join_from(
            schema.run,
            schema.campaign_version,
            (version.campaign_id == run.campaign_id) & (version.version == run.version),
        )
        .where(
            bulk.mine_by_id(scope, schema.run),
            version.workspace_id == scope.workspace_id,
            run.id.in_(sorted(run_ids)),
        )
    )
    return {
        one: RunOf(goes_on=state in GOING, tags=frozenset(json.loads(said).get("tags", ())))
        for one, state, said in scope.connection.execute(query)
    }
