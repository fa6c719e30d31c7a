"""What was decided of one customer in one run: its ways, its messages, and what was refused to it."""

from __future__ import annotations

from collections.abc import Collection

import attrs

from crmcore.model.identity import Identity
from crmcore.store import bulk, enrolments, schema
from crmcore.store.enrolments import Enrolment
from crmcore.store.listeners import Refusal
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Decided:
    """A row of the ledger: what became of a message, and why; times in microseconds UTC.

    Messages of one enrolment, step and `occurrence` are one thing said, by one channel after another.
    """

    id: int
    run_id: int
    enrolment_id: int
    step: str
    occurrence: int
    channel: str
    address_id: int
    state: str
    reason: str
    held_out: bool
    arm: str
    planned_at: int
    due_at: int
    handed_at: int | None
    settled_at: int | None


_DECIDED = tuple(field.name for field in attrs.fields(Decided))
_REFUSAL = tuple(field.name for field in attrs.fields(Refusal))


def origins(scope: Scope, customer_id: int) -> list[int]:
    """Return a customer and all it came in under: rows that stayed behind in a merge are under one of those."""
    found = bulk.select_in(scope, schema.identity, ("origin_id",), {}, "customer_id", [customer_id])
    return sorted({customer_id, *(one for (one,) in found)})


def ways(scope: Scope, run_id: int, origins: list[int]) -> list[Enrolment]:
    """Return the ways of a customer through a run, the earliest first."""
    return enrolments.of_customers(scope, run_id, origins)


def messages(scope: Scope, run_id: int, origins: list[int]) -> list[Decided]:
    """Return the messages of a run to a customer, the earliest planned first."""
    found = bulk.select_in(scope, schema.delivery, _DECIDED, {}, "customer_id", origins)
    decided = [Decided(**dict(zip(_DECIDED, row, strict=True))) for row in found]
    return sorted((one for one in decided if one.run_id == run_id), key=lambda one: (one.planned_at, one.id))


def addresses(scope: Scope, ids: Collection[int]) -> dict[int, Identity]:
    """Return addresses by id; those that were erased are left out."""
    found = bulk.select_in(scope, schema.identity, ("id", "kind", "value"), {}, "id", sorted(ids))
    return {one: Identity(kind, value) for one, kind, value in found}


def refusals(scope: Scope, run_id: int, origins: list[int]) -> list[Refusal]:
    """Return what was refused to a customer in a run, the latest first."""
    found = bulk.select_in(scope, schema.refusal, _REFUSAL, {"run_id": run_id}, "customer_id", origins)
    refused = (Refusal(**dict(zip(_REFUSAL, row, strict=True))) for row in found)
    return sorted(refused, key=lambda one: (-one.last_at, one.reason, one.customer_id))


def key(scope: Scope, customer_id: int) -> str | None:
    """Return the host's key of a customer; None where it has none."""
    [(found,)] = bulk.select_in(scope, schema.customer, ("key",), {}, "id", [customer_id])
    said: str | None = found
    return said
