"""Codes: free in the pool of their source, reserved for a delivery, redeemed. None is ever two deliveries'.

A delivery keeps its code for good once it has been handed over, whatever comes of it: nobody knows who has seen it. The
same holds for one that failed, which may be tried again. One that ended unsent before that gives its code back, in the
transaction that ends it; a message to several addresses has one code, which stays as long as one of them is to get it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import attrs
from sqlalchemy import BigInteger, ColumnElement, ScalarSelect, Select, case, cast, exists, func, or_, select, update

from crmcore.model.delivery import BOOKS, Book
from crmcore.model.event import COUPON_REDEEMED, Event
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

#: The states that a delivery never leaves again, nothing of it sent.
_OVER = sorted(state.value for state, book in BOOKS.items() if book is Book.SKIPPED)
_TO_OTHER = """UPDATE crm_coupon SET delivery_id = : WHERE workspace_id = @ AND delivery_id = : AND redeemed_at IS NULL
AND EXISTS (SELECT 1 FROM crm_delivery WHERE crm_delivery.workspace_id = @ AND crm_delivery.id = :)"""


@attrs.frozen(kw_only=True)
class Pool:
    """How many codes of a source are free, how many are given out and not redeemed yet, how many are redeemed."""

    source: str
    free: int
    reserved: int
    redeemed: int


def add(scope: Scope, source: str, codes: Iterable[str]) -> int:
    """Add codes to the pool of a source; return how many it has not had before."""
    new = list(dict.fromkeys(codes))
    rows = [(code, new_id, source, scope.now) for new_id, code in zip(scope.new_ids(len(new)), new, strict=True)]
    # In one order, whoever adds some: of two that add the same codes one waits for the other.
    return bulk.insert_new(scope, schema.coupon, ("code", "id", "source", "created_at"), sorted(rows))


def unclaimed(scope: Scope, source: str, count: int) -> Sequence[tuple[int, str]]:
    """Return codes, with the ids of their rows, that are free and that nobody else is taking; they are held from now on."""
    return _read(scope, free(scope, source, count).with_for_update(skip_locked=True))


def free_at_last(scope: Scope, source: str, count: int) -> Sequence[tuple[int, str]]:
    """Return the same, once whoever is taking some has done so or has given up: where there are none now, none is left."""
    return _read(scope, free(scope, source, count).with_for_update())


def free(scope: Scope, source: str, count: int) -> Select[tuple[int, str]]:
    """Return the select of free codes, those first that were added first."""
    row = schema.coupon.c
    mine = (row.workspace_id == scope.workspace_id, row.source == source)
    query = select(row.id, row.code).where(*mine, row.delivery_id.is_(None), row.redeemed_at.is_(None))
    return query.order_by(row.id).limit(count)


def _read(scope: Scope, query: Select[tuple[int, str]]) -> list[tuple[int, str]]:
    return [(row.id, row.code) for row in scope.connection.execute(query)]


def reserve(scope: Scope, given: Sequence[tuple[int, int]]) -> None:
    """Make codes the deliveries' own: pairs of a code's id and a delivery's."""
    rows = [(delivery_id, scope.now, one) for one, delivery_id in given]
    bulk.update_all(scope, schema.coupon, ("delivery_id", "reserved_at"), ("id",), rows, _IS_FREE)


_IS_FREE = "crm_coupon.delivery_id IS NULL"


def give_back(scope: Scope, deliveries: Collection[int]) -> None:
    """Put the codes of those deliveries back that are over and were never handed to a carrier.

    Where the message goes to another address, or has gone there, its code goes with it.
    """
    if deliveries:
        row = schema.coupon.c
        mine = (row.workspace_id == scope.workspace_id, bulk.among(scope, row.delivery_id, sorted(deliveries)))
        # As the index over these rows has it.
        unspent = (row.delivery_id.is_not(None), row.redeemed_at.is_(None))
        put_back = update(schema.coupon).where(*mine, *unspent, _is_unsent(scope))
        heir = _heir(scope)
        left = case((heir.is_not(None), row.reserved_at))
        scope.connection.execute(put_back.values(delivery_id=heir, reserved_at=left))


def _heir(scope: Scope) -> ScalarSelect[int]:
    """Return the delivery of the same message, with the same code, to another address, unless that is over as well."""
    ended, other = schema.delivery.c, schema.delivery.alias("other").c
    its = (bulk.mine_by_id(scope, schema.delivery), ended.id == schema.coupon.c.delivery_id)
    same = [other[name] == ended[name] for name in ("run_id", "step", "customer_id", "occurrence", "fields")]
    lives = or_(other.state.not_in(_OVER), other.handed_at.is_not(None))
    query = select(func.min(other.id)).where(*its, other.workspace_id == scope.workspace_id, *same, lives)
    return query.correlate(schema.coupon).scalar_subquery()


def _is_unsent(scope: Scope) -> ColumnElement[bool]:
    row = schema.delivery.c
    its = (bulk.mine_by_id(scope, schema.delivery), row.id == schema.coupon.c.delivery_id)
    return exists().where(*its, row.state.in_(_OVER), row.handed_at.is_(None))


def carry(scope: Scope, moved: Sequence[tuple[int, int]]) -> None:
    """Let codes go from deliveries to those that stand in for them, where these are there."""
    bulk.run_many(scope, _TO_OTHER, [(new, old, new) for old, new in moved])


def redeem(scope: Scope, events: Iterable[Event]) -> None:
    """Note of each code (the `ref` of an event coupon_redeemed) when that was; redeemed before, it stays as it was."""
    first: dict[str, int] = {}
    for one in events:
        if one.name == COUPON_REDEEMED and one.ref:
            first[one.ref] = min(one.at, first.get(one.ref, one.at))
    rows = [(at, code) for code, at in sorted(first.items())]
    bulk.update_all(scope, schema.coupon, ("redeemed_at",), ("code",), rows, "crm_coupon.redeemed_at IS NULL")


def is_known(scope: Scope, source: str) -> bool:
    """Tell whether a source has, or has had, codes in its pool."""
    row = schema.coupon.c
    query = select(row.id).where(row.workspace_id == scope.workspace_id, row.source == source)
    return scope.connection.execute(query.limit(1)).first() is not None


def pools(scope: Scope) -> list[Pool]:
    """Return what each source has in its pool, by name."""
    row = schema.coupon.c
    is_redeemed, is_reserved = row.redeemed_at.is_not(None), row.delivery_id.is_not(None)
    query = (
        select(
            row.source,
            _count(~is_redeemed & ~is_reserved),
            _count(~is_redeemed & is_reserved),
            _count(is_redeemed),
        )
        .where(row.workspace_id == scope.workspace_id)
        .group_by(row.source)
        .order_by(row.source)
    )
    found = scope.connection.execute(query)
    return [
        Pool(source=one, free=free, reserved=reserved, redeemed=redeemed) for one, free, reserved, redeemed in found
    ]


def _count(which: ColumnElement[bool]) -> ColumnElement[int]:
    return cast(func.sum(case((which, 1), else_=0)), BigInteger)
