"""What is known of customers (and accounts): current values, every write logged, the latest statement wins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import attrs
from sqlalchemy import Table, delete, func, select

from crmcore.model.values import Value, from_json, restored, stored, to_json
from crmcore.store import bulk, schema
from crmcore.store.identities import IN_LIST
from crmcore.store.scope import Scope
from crmcore.store.touched import attribute_key


@attrs.frozen(kw_only=True)
class Write:
    """One value set on one owner (a customer or account) by a statement made at `at`."""

    owner_id: int
    origin_id: int
    name: str
    value: Value
    at: int
    source_id: int | None = None


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
    """Log writes and apply them by their time, whatever order they come in; return the owners whose values changed.

    Of two writes of the same time the one whose JSON text is greater wins, so that any order gives the same result.
    """
    current = values_at(scope, {one.owner_id for one in writes}, kept)
    log: list[tuple[Any, ...]] = []
    winners: dict[tuple[int, str], Write] = {}
    changed: set[int] = set()
    for one in writes:
        key, rank = (one.owner_id, one.name), _rank(one.value, one.at)
        before = current.get(key)
        known = None if before is None else _rank(*before)
        log.append(_log_row(scope, one, known))
        if known is None or rank > known:
            current[key] = (one.value, one.at)
            winners[key] = one
            changed |= {one.owner_id} if known is None or rank[1] != known[1] else set()
    _store(scope, kept, list(winners.values()), log)
    if kept is OF_CUSTOMERS:
        for owner_id, name in winners:
            scope.touched.note(owner_id, attribute_key(name))
    return changed


def settle(scope: Scope, owners: Iterable[int], kept: Kept = OF_CUSTOMERS) -> None:
    """Make the current values of owners again from the log."""
    ids = sorted(owners)
    current = kept.current.c
    if kept is OF_CUSTOMERS:
        scope.touched.note_all(ids)
    for start in range(0, len(ids), IN_LIST):
        some = ids[start : start + IN_LIST]
        scope.connection.execute(
            delete(kept.current).where(current.workspace_id == scope.workspace_id, current[kept.owner].in_(some))
        )
        rows = [
            (owner, name, *_columns(from_json(new)), at, source_id, import_id)
            for owner, name, new, at, source_id, import_id in latest(scope, kept, some)
            if ":" not in name
        ]
        bulk.insert(scope, kept.current, _current_columns(kept), rows)


def latest(scope: Scope, kept: Kept, owners: Sequence[int]) -> Sequence[Any]:
    """Return, of each owner and name in the log, what was written last: owner, name, new, at, source_id, import_id."""
    log = kept.log.c
    rank = func.row_number().over(
        partition_by=(log[kept.owner], log.name), order_by=(log.at.desc(), log.new.desc(), log.id)
    )
    columns = (log[kept.owner], log.name, log.new, log.at, log.source_id, log.import_id)
    ranked = (
        select(*columns, rank.label("rank"))
        .where(log.workspace_id == scope.workspace_id, log[kept.owner].in_(owners))
        .subquery()
    )
    return scope.connection.execute(select(*list(ranked.c)[:-1]).where(ranked.c.rank == 1)).all()


def origins(scope: Scope, customers: Collection[int], name: str) -> dict[int, int]:
    """Return the origin of which what an attribute of customers says now was said."""
    columns = ("customer_id", "at", "new", "id", "origin_id")
    log = bulk.select_in(scope, schema.attribute_log, columns, {"name": name}, "customer_id", sorted(customers))
    # Of one time and value the first counts, as in `latest`.
    return {one: origin for one, _, _, _, origin in sorted(log, key=lambda row: (row[1], row[2] or "", -row[3]))}


def values_at(scope: Scope, owners: Iterable[int], kept: Kept = OF_CUSTOMERS) -> Current:
    """Return the current values of owners with the time of the statement each comes from."""
    columns = (kept.owner, "name", "kind", "number", "text", "at")
    rows = bulk.select_in(scope, kept.current, columns, {}, kept.owner, sorted(owners))
    return {(owner, name): (restored(kind, number, text), at) for owner, name, kind, number, text, at in rows}


def of(scope: Scope, owner_id: int, kept: Kept = OF_CUSTOMERS) -> dict[str, Value]:
    """Return one owner's current values by name."""
    return {name: value for (_, name), (value, _) in sorted(values_at(scope, [owner_id], kept).items())}


def _rank(value: Value, at: int) -> tuple[int, str]:
    return at, to_json(value, "attribute")


def _log_row(scope: Scope, one: Write, known: tuple[int, str] | None) -> tuple[Any, ...]:
    old = None if known is None else known[1]
    new = to_json(one.value, one.name)
    return (one.owner_id, one.origin_id, one.name, old, new, one.at, scope.now, one.source_id, scope.import_id)


def _current_columns(kept: Kept) -> tuple[str, ...]:
    return (kept.owner, "name", "kind", "number", "text", "folded", "at", "source_id", "import_id")


def _store(scope: Scope, kept: Kept, winners: Sequence[Write], log: Sequence[tuple[Any, ...]]) -> None:
    rows = [(one.owner_id, one.name, *_columns(one.value), one.at, one.source_id, scope.import_id) for one in winners]
    bulk.insert(scope, kept.current, _current_columns(kept), rows, _LATER.format(owner=kept.owner))
    write_log(scope, kept, log)


def write_log(scope: Scope, kept: Kept, log: Sequence[tuple[Any, ...]]) -> None:
    """Write rows of the log: owner, origin, name, old, new, at, received_at, source_id, import_id."""
    logged = ("id", kept.owner, "origin_id", "name", "old", "new", "at", "received_at", "source_id", "import_id")
    ids = scope.new_ids(len(log))
    bulk.insert(scope, kept.log, logged, [(new_id, *row) for new_id, row in zip(ids, log, strict=True)])


def _columns(value: Value) -> tuple[str, int | None, str | None, str | None]:
    kind, number, text = stored(value)
    return kind, number, text, None if text is None else text.casefold()
