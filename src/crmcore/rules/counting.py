"""How many events there are, and what they sum up to; without events it is 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import BigInteger, cast, func, not_

from crmcore.errors import MixedCurrencies, Overflow
from crmcore.model.condition import Count, Op, Sum
from crmcore.model.history import History, PastEvent
from crmcore.model.values import INT64
from crmcore.rules.comparing import ORDER
from crmcore.rules.leaf import Course, Ids, Lasting, LeafRule, Look, SeenFrom, Truth, among
from crmcore.rules.occurrences import (
    Turnover,
    first_flip,
    found,
    matching,
    measured,
    seen,
    spells,
    times_of,
    touched,
    turnover,
    until_first_flip,
)
from crmcore.store import schema
from crmcore.store.scope import Scope

#: What a count may say that only asks whether there is one.
_SOME = {(Op.GE, 1), (Op.GT, 0), (Op.NE, 0)}
_NONE = {(Op.EQ, 0), (Op.LT, 1), (Op.LE, 0)}


def _count_sql(scope: Scope, leaf: Count) -> Truth:
    groups = found(leaf.events, scope)
    if (leaf.op, leaf.value) in _SOME:
        return among(groups)
    if (leaf.op, leaf.value) in _NONE:
        return not_(among(groups))
    return measured(groups, func.count(), leaf.op, leaf.value)


def _count_lasting(leaf: Count) -> Look:
    times_in = times_of(leaf.events)
    if leaf.op in (Op.EQ, Op.NE):
        return lambda history, now: _count_looked_at(leaf, times_in(history), now)
    few, least, within = leaf.op in (Op.LT, Op.LE), leaf.value + (leaf.op in (Op.GT, Op.LE)), leaf.events.within

    def look(history: History, now: int) -> Lasting:
        times = times_in(history)
        if len(times) < least:
            return few, None, False
        if times and times[-1] > now:
            return _count_looked_at(leaf, times, now)
        if within is None or least <= 0:
            return not few, None, False
        # All are seen by now and there can only be fewer: until the last of `least` is dropped.
        until = times[-least] + within
        return (few, None, False) if until <= now else (not few, until if until < INT64 else None, True)

    return look


def _count_looked_at(leaf: Count, times: Sequence[int], now: int) -> Lasting:
    counts = [(spell.start, spell.high - spell.low) for spell in spells(leaf.events.within, times, now)]
    _, count = counts[0]
    flip = first_flip(counts, lambda count: ORDER[leaf.op](count, leaf.value))
    return bool(ORDER[leaf.op](count, leaf.value)), flip, False


def _count_course(history: History, leaf: Count, now: int, seen_from: SeenFrom) -> Course:
    count = 0
    for start, entered, left in turnover(leaf.events.within, matching(leaf.events, history), now, seen_from):
        count += len(entered) - len(left)
        yield start, bool(ORDER[leaf.op](count, leaf.value))


def _sum_sql(scope: Scope, leaf: Sum) -> Truth:
    groups = found(leaf.events, scope)
    if leaf.currency is not None:
        groups = groups.where(schema.event.c.currency == leaf.currency)
    elif leaf.field == "amount":
        _refuse_mixed(leaf, sorted(scope.connection.execute(_currencies(groups)).scalars()))
    # PostgreSQL adds up 64 bits to more of them; cast back, it refuses a sum beyond as SQLite does.
    total = cast(func.coalesce(func.sum(schema.event.c[leaf.field]), 0), BigInteger)
    return measured(groups, total, leaf.op, leaf.value)


def _currencies(events: Ids) -> Any:
    currency = schema.event.c.currency
    return events.with_only_columns(currency).where(currency.is_not(None)).distinct()


def _sum_holds(history: History, leaf: Sum, now: int) -> bool:
    events = [one for one in seen(leaf.events, history, now) if _is_of(leaf, one)]
    if leaf.field == "amount":
        _refuse_mixed(leaf, sorted({one.currency for one in events if one.currency is not None}))
    total = sum(getattr(one, leaf.field) or 0 for one in events)
    if not -INT64 <= total < INT64:
        raise Overflow(place=f"the sum of {leaf.events.name}.{leaf.field}", value=total)
    return bool(ORDER[leaf.op](total, leaf.value))


def _is_of(leaf: Sum, event: PastEvent) -> bool:
    return leaf.currency is None or event.currency == leaf.currency


def _refuse_mixed(leaf: Sum, currencies: list[str]) -> None:
    if len(currencies) > 1:
        raise MixedCurrencies(place=f"the sum of {leaf.events.name}", currencies=", ".join(currencies))


def _sum_course(history: History, leaf: Sum, now: int, seen_from: SeenFrom) -> Course:
    past = [one for one in matching(leaf.events, history) if _is_of(leaf, one)]
    for start, total in _sums(leaf, turnover(leaf.events.within, past, now, seen_from)):
        yield start, None if total is None else bool(ORDER[leaf.op](total, leaf.value))


def _sums(leaf: Sum, turns: Turnover) -> Iterator[tuple[int, int | None]]:
    """Yield the sum as events come and go; None where it has no meaning, which is an answer of its own."""
    total, currencies = 0, Counter[str]()
    for start, entered, left in turns:
        total += sum(getattr(one, leaf.field) or 0 for one in entered)
        total -= sum(getattr(one, leaf.field) or 0 for one in left)
        currencies.update(one.currency for one in entered if one.currency)
        currencies.subtract(one.currency for one in left if one.currency)
        mixed = leaf.field == "amount" and sum(1 for count in currencies.values() if count) > 1
        yield start, None if mixed or not -INT64 <= total < INT64 else total


COUNT = LeafRule[Count](
    sql=_count_sql,
    holds=lambda history, leaf, now: _count_lasting(leaf)(history, now)[0],
    touches=lambda leaf: touched(leaf.events),
    next_change=lambda history, leaf, now: _count_lasting(leaf)(history, now)[1],
    lasting=_count_lasting,
    course=_count_course,
)
SUM = LeafRule[Sum](
    sql=_sum_sql,
    holds=_sum_holds,
    touches=lambda leaf: touched(leaf.events),
    next_change=until_first_flip(_sum_course),
    course=_sum_course,
)
