"""What events add up to, kept with them: per customer, event name and currency, day by day; days add up to all time.

Recency, frequency and money of a customer are the last `last_at`, and the sums of `count` and `amount`, of the event that
counts; ranks are made of them when they are read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import attrs
from sqlalchemy import ColumnElement, Float, case, cast, delete, func, insert, or_, select
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from crmcore.errors import Overflow
from crmcore.model.event import Event
from crmcore.model.time import DAY
from crmcore.store import bulk, schema
from crmcore.store.identities import IN_LIST, Owner
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class DaySum:
    """What a customer's events of one name add up to on one day (days since 1970, UTC); `currency` is "" where none is named.

    `quantity` times 10^6, `amount` in minor units.
    """

    name: str
    currency: str
    day: int
    count: int
    first_at: int
    last_at: int
    quantity: int
    amount: int


_DAY = ("customer_id", "name", "currency", "day", "count", "first_at", "last_at", "quantity", "amount")
#: How a batch is added to what is kept.
FOLD = """ON CONFLICT (workspace_id, customer_id, name, currency, day) DO UPDATE SET
count = crm_event_day.count + excluded.count,
first_at = CASE WHEN excluded.first_at < crm_event_day.first_at THEN excluded.first_at ELSE crm_event_day.first_at END,
last_at = CASE WHEN excluded.last_at > crm_event_day.last_at THEN excluded.last_at ELSE crm_event_day.last_at END,
quantity = crm_event_day.quantity + excluded.quantity,
amount = crm_event_day.amount + excluded.amount"""
#: Half a million smaller values add up to no more than `MOST`, which leaves as much room again.
LARGE, MOST = 2**43, 2**62


def fold(scope: Scope, events: Sequence[Event], owners: Sequence[Owner]) -> None:
    """Add events to the sums of their customers; raise Overflow where large values bring one beyond 2^62."""
    days: dict[tuple[int, str, str, int], list[int]] = {}
    large: set[int] = set()
    for event, (customer_id, _) in zip(events, owners, strict=True):
        at, quantity, amount = event.at, event.quantity or 0, event.amount or 0
        key = (customer_id, event.name, event.currency or "", at // DAY)
        found = days.get(key)
        if found is None:
            days[key] = [1, at, at, quantity, amount]
        else:
            count, first_at, last_at, quantities, amounts = found
            days[key] = [count + 1, min(first_at, at), max(last_at, at), quantities + quantity, amounts + amount]
        if not (-LARGE < quantity < LARGE and -LARGE < amount < LARGE):
            large.add(customer_id)
    try:
        bulk.insert(scope, schema.event_day, _DAY, [(*key, *sums) for key, sums in sorted(days.items())], FOLD)
    except (DataError, IntegrityError, OverflowError) as error:
        raise _overflow() from error
    if large:
        _check(scope, large)


def _check(scope: Scope, customers: Collection[int]) -> None:
    row = schema.event_day.c
    sums = (func.sum(cast(row.quantity, Float)), func.sum(cast(row.amount, Float)))
    too_much = or_(*(func.abs(one) > MOST for one in sums))
    mine = (row.workspace_id == scope.workspace_id, bulk.among(scope, row.customer_id, customers))
    query = select(row.customer_id).where(*mine).group_by(row.customer_id, row.name, row.currency).having(too_much)
    if scope.connection.execute(query.limit(1)).first():
        raise _overflow()


def _overflow() -> Overflow:
    return Overflow(place="the sum of quantity or amount of a customer's events", value="beyond 2^62")


def settle(scope: Scope, customers: Iterable[int]) -> None:
    """Make the sums of customers again from the log."""
    ids = sorted(customers)
    scope.touched.note_all(ids)
    for start in range(0, len(ids), IN_LIST):
        _settle(scope, ids[start : start + IN_LIST])


def _settle(scope: Scope, customers: Sequence[int]) -> None:
    row, event = schema.event_day.c, schema.event.c
    gone = (row.workspace_id == scope.workspace_id, row.customer_id.in_(customers))
    scope.connection.execute(delete(schema.event_day).where(*gone))
    day = _day_of(event.occurred_at)
    keys = (event.workspace_id, event.customer_id, event.name, func.coalesce(event.currency, ""), day)
    added = (func.sum(func.coalesce(event.quantity, 0)), func.sum(func.coalesce(event.amount, 0)))
    times = (func.min(event.occurred_at), func.max(event.occurred_at))
    mine = (event.workspace_id == scope.workspace_id, event.customer_id.in_(customers))
    sums = select(*keys, func.count(), *times, *added).where(*mine).group_by(*keys)
    try:
        scope.connection.execute(insert(schema.event_day).from_select(["workspace_id", *_DAY], sums))
    except (DataError, IntegrityError, OperationalError) as error:
        if isinstance(error, OperationalError) and "integer overflow" not in str(error.orig):
            raise
        raise _overflow() from error


def _day_of(at: ColumnElement[int]) -> ColumnElement[int]:
    """Days since 1970, rounded down: a division of databases cuts off what a negative number has behind the point."""
    return case((at < 0, (at + 1) // DAY - 1), else_=at // DAY)


def of_days(scope: Scope, customer_id: int, name: str | None) -> list[DaySum]:
    """Return what a customer's events add up to day by day, of one name or of all."""
    row = schema.event_day.c
    names = [field.name for field in attrs.fields(DaySum)]
    which = [] if name is None else [row.name == name]
    query = select(*(row[one] for one in names)).where(
        row.workspace_id == scope.workspace_id, row.customer_id == customer_id, *which
    )
    rows = scope.connection.execute(query.order_by(row.name, row.currency, row.day)).all()
    return [DaySum(**dict(zip(names, one, strict=True))) for one in rows]
