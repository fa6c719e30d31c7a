"""The ledger's rows as they are planned, counted and shown."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import attrs
from sqlalchemy import BigInteger, ColumnElement, Select, TextClause, exists, func, literal_column, or_, select, text

from crmcore.model.campaign import SEND
from crmcore.model.delivery import BOOKS, Book, Reason, State
from crmcore.model.identity import hint
from crmcore.model.purpose import MessageClass, Purpose
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

#: As the partial indexes over these rows have it: with bound values no planner would know that they serve.
WAITING = text("crm_delivery.state IN ('planned', 'deferred')")
LEASED = text("crm_delivery.state IN ('claimed', 'handed')")
FAILED = text("crm_delivery.state = 'failed'")
IN_DOUBT = text("crm_delivery.state = 'in_doubt'")
#: What is one message to one customer: run, step, customer, occurrence, enrolment. Its rows are those of its addresses; of
#: customers who were merged each had one of their own.
Unit = tuple[int, str, int, int, int]
#: The states of what has been sent, or may be sent still.
_GOING = sorted(state.value for state, book in BOOKS.items() if book is not Book.SKIPPED)
_PLANNED = (
    "id",
    "run_id",
    "step",
    "customer_id",
    "origin_id",
    "channel",
    "address_id",
    "occurrence",
    "enrolment_id",
    "purpose",
    "message_class",
    "state",
    "reason",
    "held_out",
    "arm",
    "template_id",
    "attempt",
    "priority",
    "planned_at",
    "due_at",
    "expires_at",
    "settled_at",
    "fields",
    "version",
)


@attrs.frozen(kw_only=True)
class Planned:
    """A delivery to be; without an address, or where `skipped` says why, it is skipped at once.

    `id` is that of its row (a new one where 0); `fields` (JSON) are those of this one message; `origin_id` is the origin it came in under (the customer's where 0);
    `arm` names the variants its customer came by, `version` the campaign's version (the run's where it says none).
    """

    run_id: int
    step: str
    customer_id: int
    enrolment_id: int
    channel: str
    address_id: int
    purpose: Purpose
    message_class: MessageClass
    held_out: bool
    template_id: int
    expires_at: int
    priority: int = 0
    occurrence: int = 1
    fields: str | None = None
    origin_id: int = 0
    arm: str = ""
    version: int | None = None
    id: int = 0
    skipped: Reason | None = None

    @property
    def unit(self) -> Unit:
        """What is one message, to however many addresses it goes."""
        return self.run_id, self.step, self.customer_id, self.occurrence, self.enrolment_id


@attrs.frozen(kw_only=True)
class DeliveryView:
    """A row of the ledger as a host sees it; times in microseconds UTC.

    `address_kind` is "" where there was no address to send to, or it was erased; `address_hint` is a little of the address.
    """

    id: int
    customer_id: int
    key: str | None
    campaign: str
    channel: str
    address_kind: str
    address_hint: str
    state: str
    reason: str
    held_out: bool
    attempt: int
    planned_at: int
    due_at: int
    settled_at: int | None


def plan(scope: Scope, planned: Sequence[Planned]) -> None:
    """Write deliveries; one that is there already stays as it is."""
    rows = [
        (
            one.id or new_id,
            one.run_id,
            one.step,
            one.customer_id,
            one.origin_id or one.customer_id,
            one.channel,
            one.address_id,
            one.occurrence,
            one.enrolment_id,
            one.purpose.value,
            one.message_class.value,
            (State.PLANNED if why is None else State.SKIPPED).value,
            "" if why is None else why.value,
            one.held_out,
            one.arm,
            one.template_id,
            0,
            one.priority,
            scope.now,
            scope.now,
            one.expires_at,
            None if why is None else scope.now,
            one.fields,
            one.version,
        )
        for new_id, one in zip(scope.new_ids(len(planned)), planned, strict=True)
        for why in (_why_skipped(one),)
    ]
    bulk.insert(scope, schema.delivery, _PLANNED, rows, "ON CONFLICT DO NOTHING")


def _why_skipped(one: Planned) -> Reason | None:
    return one.skipped if one.address_id else Reason.NO_ADDRESS


def occurrences(scope: Scope, run_id: int, units: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return those units (customer and occurrence) of which a run has a delivery."""
    if not units:
        return set()
    row = schema.delivery.c
    query = select(row.customer_id, row.occurrence).where(
        row.workspace_id == scope.workspace_id,
        row.run_id == run_id,
        row.step == SEND,
        row.customer_id.in_(sorted({customer_id for customer_id, _ in units})),
        row.occurrence.in_(sorted({occurrence for _, occurrence in units})),
    )
    return {(one, occurrence) for one, occurrence in scope.connection.execute(query)} & set(units)


def going(scope: Scope, channel: str, units: Collection[Unit], without: Collection[int]) -> set[Unit]:
    """Return those of units of which a delivery on a channel has been sent, or may be still, leaving some deliveries out."""
    found = _of_units(scope, channel, units, ("id", "state"))
    return {unit for unit, one, state in found if one not in without and state in _GOING}


def kept(scope: Scope, channel: str, units: Collection[Unit]) -> dict[Unit, str]:
    """Return what was kept of messages when they were first handed over to an address on a channel, as JSON."""
    found = _of_units(scope, channel, units, ("handed_at", "id", "context"))
    said = sorted((handed_at, one, unit, context) for unit, handed_at, one, context in found if context is not None)
    return {unit: context for _, _, unit, context in reversed(said)}


def _of_units(scope: Scope, channel: str, units: Collection[Unit], columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield each delivery of units on a channel: its unit, and columns of it."""
    for run_id, step in sorted({(run_id, step) for run_id, step, *_ in units}):
        customers = sorted({one for run, name, one, *_ in units if (run, name) == (run_id, step)})
        same = {"run_id": run_id, "step": step, "channel": channel}
        named = ("customer_id", "occurrence", "enrolment_id", *columns)
        for customer_id, occurrence, enrolment_id, *said in bulk.select_in(
            scope, schema.delivery, named, same, "customer_id", customers
        ):
            if (unit := (run_id, step, customer_id, occurrence, enrolment_id)) in units:
                yield (unit, *said)


def waits(scope: Scope, run_id: int) -> bool:
    """Tell whether a delivery of a run is not at an end yet."""
    return bool(scope.connection.execute(select(under_way(scope, run_id))).scalar_one())


def under_way(scope: Scope, run_id: int | ColumnElement[int]) -> ColumnElement[bool]:
    """Return that a delivery of a run is not at an end yet.

    In one statement with the rest: between two, a delivery could go from the states looked for last to those looked for
    first. Each by the index over its states: with all in one condition neither serves.
    """
    row = schema.delivery.c
    mine = row.workspace_id == scope.workspace_id
    # What is leased is little in all, a run's deliveries are many: a sign in front keeps databases from searching those.
    run_aside = literal_column("+crm_delivery.run_id", BigInteger())
    return or_(exists().where(mine, row.run_id == run_id, WAITING), exists().where(mine, run_aside == run_id, LEASED))


def waiting_enrolments(scope: Scope, customers: Collection[int]) -> set[int]:
    """Return the enrolments of customers of which a delivery is not at an end."""
    # As the index over these rows has it.
    found = bulk.select_in_without(
        scope, schema.delivery, ("enrolment_id",), "customer_id", sorted(customers), "settled_at"
    )
    return {one for (one,) in found}


def run_of(scope: Scope, delivery_id: int) -> int:
    """Return the run of a delivery."""
    row = schema.delivery.c
    query = select(row.run_id).where(bulk.mine_by_id(scope, schema.delivery), row.id == delivery_id)
    found: int = scope.connection.execute(query).scalar_one()
    return found


def handed_at(scope: Scope, ids: Collection[int]) -> dict[int, int]:
    """Return when deliveries were last handed over; those that never were are left out."""
    rows = bulk.select_in(scope, schema.delivery, ("id", "handed_at"), {}, "id", sorted(ids))
    return {one: at for one, at in rows if at is not None}


def of_run(scope: Scope, run_id: int, state: str | None = None) -> list[DeliveryView]:
    """Return the deliveries of a run by id, all or those in one state."""
    row = schema.delivery.c
    return _views(scope, _viewed(scope).where(row.run_id == run_id, *([] if state is None else [row.state == state])))


def in_state(scope: Scope, state: str, limit: int) -> list[DeliveryView]:
    """Return the deliveries of all runs that are in a state, the earliest planned first."""
    row = schema.delivery.c
    which = IN_DOUBT if state == State.IN_DOUBT.value else row.state == state
    return _views(scope, _viewed(scope).where(which).limit(limit))


def _viewed(scope: Scope) -> Select[Any]:
    row, customer, run, campaign = schema.delivery.c, schema.customer.c, schema.run.c, schema.campaign.c
    address = schema.identity.c
    its_address = (address.workspace_id == scope.workspace_id) & (address.id == row.address_id)
    # Those of customers who were erased are nobody's.
    whose = (customer.workspace_id == scope.workspace_id) & (customer.id == row.customer_id)
    elsewhere = {
        "key": customer.key,
        "campaign": campaign.name,
        "address_kind": func.coalesce(address.kind, ""),
        "address_hint": func.coalesce(address.value, ""),
    }
    return (
        select(*(elsewhere[name] if name in elsewhere else row[name] for name in _VIEWED))
        .outerjoin_from(schema.delivery, schema.customer, whose)
        .join(schema.run, run.id == row.run_id)
        .join(schema.campaign, campaign.id == run.campaign_id)
        .outerjoin(schema.identity, its_address)
        .where(*(table.c.workspace_id == scope.workspace_id for table in _TABLES))
        .order_by(row.id)
    )


_VIEWED = tuple(field.name for field in attrs.fields(DeliveryView))
_TABLES = (schema.delivery, schema.run, schema.campaign)


def _views(scope: Scope, query: Select[Any]) -> list[DeliveryView]:
    found = [DeliveryView(**dict(zip(_VIEWED, row, strict=True))) for row in scope.connection.execute(query)]
    return [attrs.evolve(one, address_hint=hint(one.address_hint)) for one in found]


def due_count(scope: Scope) -> int:
    """Return how many deliveries could be claimed now."""
    return _count(scope, WAITING, schema.delivery.c.due_at <= scope.now)


def in_doubt_count(scope: Scope) -> int:
    """Return how many deliveries there are whose fate nobody knows."""
    return _count(scope, IN_DOUBT)


def _count(scope: Scope, *which: ColumnElement[bool] | TextClause) -> int:
    query = select(func.count()).where(schema.delivery.c.workspace_id == scope.workspace_id, *which)
    return scope.connection.execute(query).scalar_one()
