"""What is known of customers (and accounts): current values, every write logged, the latest statement wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
from sqlalchemy import Table, select

from crmcore.model.values import Value, restored, stored, to_json
from crmcore.store import bulk, schema
from crmcore.store.identities import IN_LIST
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Write:
    """One value set on one owner (a customer or account) by a statement made at `at`."""

    owner_id: int
    origin_id: int
    name: str
    value: Value
    at: int
    source_id: int | None = None
    import_id: int | None = None


@attrs.frozen(kw_only=True)
class Kept:
    """A pair of tables: the current values and the log of writes, and what their owner's column is called."""

    current: Table
    log: Table
    owner: str


OF_CUSTOMERS = Kept(current=schema.attribute, log=schema.attribute_log, owner="customer_id")
OF_ACCOUNTS = Kept(current=schema.account_attribute, log=schema.account_attribute_log, owner="account_id")

_LATER = """ON CONFLICT (workspace_id, {owner}, name) DO UPDATE SET kind = excluded.kind, number = excluded.number,
text = excluded.text, folded = excluded.folded, at = excluded.at, source_id = excluded.source_id,
import_id = excluded.import_id"""
Current = dict[tuple[int, str], tuple[Value, int]]


def write(scope: Scope, writes: Sequence[Write], kept: Kept = OF_CUSTOMERS) -> set[int]:
    """Apply writes by their time, whatever order they come in; return the owners whose values changed.

    Of two writes of the same time the one whose JSON text is greater wins, so that any order gives the same result.
    """
    current = values_at(scope, {one.owner_id for one in writes}, kept)
    log: list[tuple[Any, ...]] = []
    winners: dict[tuple[int, str], Write] = {}
    changed: set[int] = set()
    for one in writes:
        key = (one.owner_id, one.name)
        before = current.get(key)
        if before is None or before[0] != one.value or type(before[0]) is not type(one.value):
            log.append(_log_row(scope, one, before))
            changed.add(one.owner_id)
        if before is None or _rank(one.value, one.at) > _rank(*before):
            current[key] = (one.value, one.at)
            winners[key] = one
    _store(scope, kept, list(winners.values()), log)
    return changed


def values_at(scope: Scope, owners: Iterable[int], kept: Kept = OF_CUSTOMERS) -> Current:
    """Return the current values of owners with the time of the statement each comes from."""
    table, ids = kept.current.c, sorted(owners)
    owner = table[kept.owner]
    found: Current = {}
    for start in range(0, len(ids), IN_LIST):
        rows = scope.connection.execute(
            select(owner, table.name, table.kind, table.number, table.text, table.at).where(
                table.workspace_id == scope.workspace_id, owner.in_(ids[start : start + IN_LIST])
            )
        )
        for owner_id, name, kind, number, text, at in rows:
            found[owner_id, name] = (restored(kind, number, text), at)
    return found


def of(scope: Scope, owner_id: int, kept: Kept = OF_CUSTOMERS) -> dict[str, Value]:
    """Return one owner's current values by name."""
    return {name: value for (_, name), (value, _) in sorted(values_at(scope, [owner_id], kept).items())}


def _rank(value: Value, at: int) -> tuple[int, str]:
    return at, to_json(value, "attribute")


def _log_row(scope: Scope, one: Write, before: tuple[Value, int] | None) -> tuple[Any, ...]:
    old = None if before is None else to_json(before[0], one.name)
    new = to_json(one.value, one.name)
    return (one.owner_id, one.origin_id, one.name, old, new, one.at, scope.now, one.source_id, one.import_id)


def _store(scope: Scope, kept: Kept, winners: Sequence[Write], log: Sequence[tuple[Any, ...]]) -> None:
    columns = (kept.owner, "name", "kind", "number", "text", "folded", "at", "source_id", "import_id")
    rows = [(one.owner_id, one.name, *_columns(one.value), one.at, one.source_id, one.import_id) for one in winners]
    bulk.insert(scope, kept.current, columns, rows, _LATER.format(owner=kept.owner))
    logged = ("id", kept.owner, "origin_id", "name", "old", "new", "at", "received_at", "source_id", "import_id")
    ids = scope.new_ids(len(log))
    bulk.insert(scope, kept.log, logged, [(new_id, *row) for new_id, row in zip(ids, log, strict=True)])


def _columns(value: Value) -> tuple[str, int | None, str | None, str | None]:
    kind, number, text = stored(value)
    return kind, number, text, None if text is None else text.casefold()
