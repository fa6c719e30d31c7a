"""Tags: set and taken off, by the time of the statement; every change is in the attribute log as tag:<name>."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from sqlalchemy import select, tuple_

from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

SET, TAKEN_OFF = "true", "false"


@attrs.frozen(kw_only=True)
class Tagging:
    """One tag set on (or taken off) one customer at a time."""

    customer_id: int
    origin_id: int
    name: str
    is_set: bool
    at: int
    source_id: int | None = None
    import_id: int | None = None


def write(scope: Scope, taggings: Sequence[Tagging]) -> set[int]:
    """Apply taggings by their time, setting winning a tie; return the customers whose tags changed."""
    latest = _latest(scope, {(one.customer_id, f"tag:{one.name}") for one in taggings})
    log: list[tuple[Any, ...]] = []
    outcome: dict[tuple[int, str], Tagging] = {}
    for one in taggings:
        key = (one.customer_id, f"tag:{one.name}")
        before = latest.get(key)
        rank = (one.at, SET if one.is_set else TAKEN_OFF)
        if before is None or rank > before:
            log.append(_log_row(scope, one, None if before is None else before[1]))
            latest[key] = rank
            outcome[key] = one
    _store(scope, list(outcome.values()), log)
    return {customer_id for customer_id, _ in outcome}


def of(scope: Scope, customer_id: int) -> list[str]:
    """Return a customer's tags, sorted."""
    tag = schema.tag.c
    query = select(tag.name).where(tag.workspace_id == scope.workspace_id, tag.customer_id == customer_id)
    return list(scope.connection.execute(query.order_by(tag.name)).scalars())


def _latest(scope: Scope, keys: set[tuple[int, str]]) -> dict[tuple[int, str], tuple[int, str]]:
    log = schema.attribute_log.c
    rows = scope.connection.execute(
        select(log.customer_id, log.name, log.at, log.new)
        .where(log.workspace_id == scope.workspace_id, tuple_(log.customer_id, log.name).in_(sorted(keys)))
        .order_by(log.at, log.new)
    )
    return {(customer_id, name): (at, new) for customer_id, name, at, new in rows}


def _log_row(scope: Scope, one: Tagging, old: str | None) -> tuple[Any, ...]:
    new = SET if one.is_set else TAKEN_OFF
    name = f"tag:{one.name}"
    return (one.customer_id, one.origin_id, name, old, new, one.at, scope.now, one.source_id, one.import_id)


def _store(scope: Scope, outcome: Sequence[Tagging], log: Sequence[tuple[Any, ...]]) -> None:
    logged = ("id", "customer_id", "origin_id", "name", "old", "new", "at", "received_at", "source_id", "import_id")
    ids = scope.new_ids(len(log))
    bulk.insert(scope, schema.attribute_log, logged, [(new_id, *row) for new_id, row in zip(ids, log, strict=True)])
    bulk.delete(scope, schema.tag, ("customer_id", "name"), [(one.customer_id, one.name) for one in outcome])
    set_ones = [(one.customer_id, one.name, one.at) for one in outcome if one.is_set]
    bulk.insert(scope, schema.tag, ("customer_id", "name", "at"), set_ones)
