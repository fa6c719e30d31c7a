"""Units of the ledger: all deliveries of one step to one customer at one time, however many channels they went by."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import attrs

from crmcore.model.delivery import State
from crmcore.model.reaching import Escalation, Tried
from crmcore.store import bulk, schema, sessions
from crmcore.store.scope import Scope

_COLUMNS = ("id", "customer_id", "occurrence", "channel", "state", "handed_at")


def of_step(scope: Scope, run_id: int, step: str, customers: Collection[int]) -> dict[int, Escalation]:
    """Return what was tried with customers at a step of a run, under the id of every delivery of the unit."""
    same, wanted = {"run_id": run_id, "step": step}, sorted(customers)
    rows = bulk.select_in(scope, schema.delivery, _COLUMNS, same, "customer_id", wanted)
    said = reactions(scope, [one for one, *_ in rows])
    parts: dict[tuple[int, int], list[Tried]] = {}
    for one, customer_id, occurrence, channel, state, handed_at in rows:
        tried = Tried(
            id=one, channel=channel, state=State(state), handed_at=handed_at, reactions=said.get(one, frozenset())
        )
        parts.setdefault((customer_id, occurrence), []).append(tried)
    wrote = _wrote(scope, wanted, [one for some in parts.values() for one in some])
    return {
        one.id: unit
        for (customer_id, _), some in parts.items()
        for unit in (Escalation(tried=tuple(sorted(some, key=lambda one: one.id)), wrote_at=wrote.get(customer_id)),)
        for one in unit.tried
    }


def _wrote(scope: Scope, customers: Sequence[int], tried: Sequence[Tried]) -> Mapping[int, int]:
    first = min((one.handed_at for one in tried if one.handed_at is not None), default=None)
    return {} if first is None else sessions.last_wrote(scope, customers, first)


def reactions(scope: Scope, deliveries: Sequence[int]) -> dict[int, frozenset[str]]:
    """Return what receipts say of deliveries, those of machines left out."""
    columns = ("delivery_id", "type", "machine")
    found: dict[int, set[str]] = {}
    for one, said, is_machine in bulk.select_in(scope, schema.receipt, columns, {}, "delivery_id", deliveries):
        if not is_machine:
            found.setdefault(one, set()).add(said)
    return {one: frozenset(said) for one, said in found.items()}


@attrs.frozen(kw_only=True)
class Followed:
    """A delivery that another may follow on a further channel."""

    id: int
    customer_id: int
    enrolment_id: int
    step: str
    version: int | None
    expires_at: int | None


_FOLLOWED = tuple(field.name for field in attrs.fields(Followed))


def of_ids(scope: Scope, deliveries: Collection[int]) -> list[Followed]:
    """Return deliveries by id."""
    rows = bulk.select_in(scope, schema.delivery, _FOLLOWED, {}, "id", sorted(deliveries))
    return [Followed(**dict(zip(_FOLLOWED, row, strict=True))) for row in rows]
