"""The standing of customers: which atoms of live segments hold for them, and who is in which segment."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from itertools import chain
from types import MappingProxyType

import attrs
from sqlalchemy import BigInteger, Select, bindparam, select

from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

_NO_TIMES: Mapping[int, int] = MappingProxyType({})


@attrs.frozen(kw_only=True)
class Standing:
    """The atoms that hold, up to which generation that is told, and when time alone moves some.

    `changes`: the time at which an atom may change, by atom; `flips`: the time at which it turns over for good, looked at
    or not.
    """

    generation: int = 0
    holding: frozenset[int] = frozenset()
    changes: Mapping[int, int] = _NO_TIMES
    flips: Mapping[int, int] = _NO_TIMES


@attrs.frozen(kw_only=True)
class Filling:
    """How far customers have been looked at: all up to `filled`, those up to the id `reached` for the generation now."""

    generation: int
    filled: int
    reached: int


NOBODY = Standing()
_COLUMNS = ("customer_id", "generation", "truths", "due_at")
_LATEST = """ON CONFLICT (workspace_id, customer_id) DO UPDATE SET
generation = excluded.generation, truths = excluded.truths, due_at = excluded.due_at"""


def filling(scope: Scope) -> Filling | None:
    """Return the generation of the plan and how far it has been filled; None where no segment is live."""
    return _filling(scope, _plan_row())


def filling_held(scope: Scope) -> Filling | None:
    """Return the same; nobody begins another generation until the transaction ends.

    So whoever was looked at for the one before is there to be seen when the next one is filled.
    """
    return _filling(scope, _plan_row_held())


@cache
def _plan_row() -> Select[int, int, int]:
    """Every transaction asks it: it is built once."""
    row = schema.segment_plan.c
    mine = row.workspace_id == bindparam("workspace", type_=BigInteger())
    return select(row.generation, row.filled, row.reached).where(mine)


@cache
def _plan_row_held() -> Select[int, int, int]:
    return _plan_row().with_for_update(read=True, key_share=True)


def _filling(scope: Scope, query: Select[int, int, int]) -> Filling | None:
    found = scope.connection.execute(query, {"workspace": scope.workspace_id}).one_or_none()
    return None if found is None else Filling(generation=found[0], filled=found[1], reached=found[2])


def locked(scope: Scope, customers: Collection[int]) -> dict[int, Standing]:
    """Return the standing of customers; nobody else changes it until the transaction ends.

    Whoever has changed something of them meanwhile has committed: what is read after this is all there is.
    """
    ids = sorted(customers)
    if scope.connection.dialect.name != "sqlite":
        empty = [(one, 0, _text(NOBODY), None) for one in ids]
        bulk.insert_new(scope, schema.standing, _COLUMNS, empty)
    return _read(bulk.select_held(scope, schema.standing, _COLUMNS[:-1], {}, "customer_id", ids, "FOR UPDATE"))


def save(scope: Scope, standings: Mapping[int, Standing]) -> None:
    """Keep the standing of customers."""
    rows = [
        (one, standing.generation, _text(standing), _due_at(standing)) for one, standing in sorted(standings.items())
    ]
    bulk.insert(scope, schema.standing, _COLUMNS, rows, _LATEST)


def forget(scope: Scope, customers: Collection[int]) -> None:
    """Remove the standing of customers who are no more."""
    bulk.delete(scope, schema.standing, ("customer_id",), [(one,) for one in sorted(customers)])


def clear(scope: Scope) -> None:
    """Remove every standing: it is made again when its customer is looked at."""
    bulk.run(scope, "DELETE FROM crm_standing WHERE workspace_id = :workspace", {"workspace": scope.workspace_id})


def gone(scope: Scope, customers: Sequence[int]) -> dict[int, int | None]:
    """Return those of customers who are no more, with the one each was merged into, if so; the others stay for now."""
    columns = ("id", "merged_into", "erased_at")
    rows = bulk.select_held(scope, schema.customer, columns, {}, "id", sorted(customers), "FOR SHARE")
    there = {one: (into, erased_at) for one, into, erased_at in rows}
    away = {one: into for one, (into, erased_at) in there.items() if into is not None or erased_at is not None}
    return away | {one: None for one in customers if one not in there}


def due(scope: Scope, limit: int) -> list[int]:
    """Return customers of whom something may have changed by time alone, those first for whom it did first."""
    return list(scope.connection.execute(due_ones(scope, limit)).scalars().all())


def due_and_free(scope: Scope, limit: int) -> list[int]:
    """Return those of `due` whom nobody else is looking at, joining or parting, and hold them."""
    query = due_ones(scope, limit).with_for_update(skip_locked=True)
    free = scope.connection.execute(query).scalars().all()
    row = schema.customer.c
    there = select(row.id).where(bulk.mine_by_id(scope, schema.customer), bulk.among(scope, row.id, free))
    return list(scope.connection.execute(there.with_for_update(read=True, skip_locked=True)).scalars().all())


def due_ones(scope: Scope, limit: int) -> Select[int]:
    """Return the select of `due`."""
    row = schema.standing.c
    mine = select(row.customer_id).where(row.workspace_id == scope.workspace_id, row.due_at <= scope.now)
    return mine.order_by(row.due_at).limit(limit)


def to_fill(scope: Scope, after: int, limit: int) -> list[int]:
    """Return the next customers to look at, by id; until the transaction ends nobody joins or parts them."""
    row = schema.customer.c
    query = select(row.id).where(
        bulk.mine_by_id(scope, schema.customer), row.id > after, row.merged_into.is_(None), row.erased_at.is_(None)
    )
    held = query.order_by(row.id).limit(limit).with_for_update(read=True)
    return list(scope.connection.execute(held).scalars().all())


def reached(scope: Scope, generation: int, customer_id: int) -> None:
    """Note up to whom customers have been looked at for a generation, unless there is a later one by now."""
    rows = [(customer_id, generation)]
    bulk.run_many(scope, "UPDATE crm_segment_plan SET reached = : WHERE workspace_id = @ AND generation = :", rows)


def begin_anew(scope: Scope) -> None:
    """Note that some have not been looked at for all that is asked."""
    bulk.run_many(scope, "UPDATE crm_segment_plan SET filled = :, reached = : WHERE workspace_id = @", [(0, 0)])


def filled(scope: Scope, generation: int) -> None:
    """Note that every customer has been looked at for a generation."""
    rows = [(generation, generation)]
    bulk.run_many(scope, "UPDATE crm_segment_plan SET filled = : WHERE workspace_id = @ AND generation = :", rows)


def _read(rows: Sequence[tuple[int, int, str]]) -> dict[int, Standing]:
    """All are read as one JSON, for each would be dear by itself."""
    read = json.loads(f"[{','.join([truths for _, _, truths in rows])}]")
    return {one: _standing(generation, *truths) for (one, generation, _), truths in zip(rows, read, strict=True)}


def _standing(generation: int, holding: list[int], changes: list[int], flips: list[int]) -> Standing:
    return Standing(generation=generation, holding=frozenset(holding), changes=_times(changes), flips=_times(flips))


def _times(numbers: list[int]) -> Mapping[int, int]:
    return dict(zip(numbers[::2], numbers[1::2], strict=True)) if numbers else _NO_TIMES


def _text(standing: Standing) -> str:
    changes, flips = _numbers(standing.changes), _numbers(standing.flips)
    return f"{[sorted(standing.holding), changes, flips]}".replace(" ", "")


def _numbers(times: Mapping[int, int]) -> list[int]:
    return list(chain.from_iterable(times.items()))


def _due_at(standing: Standing) -> int | None:
    return min((*standing.changes.values(), *standing.flips.values()), default=None)
