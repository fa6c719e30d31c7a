"""What events add up to, kept with them: per customer, event name and currency, over all time and day by day.

Recency, frequency and money of a customer are `last_at`, `count` and `amount` of the event that counts; ranks are made of
them when they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
from sqlalchemy import ColumnElement, Table, case, delete, func, insert, select
from sqlalchemy.exc import DataError, IntegrityError

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
    quantity: int
    amount: int


_STAT = ("customer_id", "name", "currency", "count", "first_at", "last_at", "quantity", "amount")
_DAY = ("customer_id", "name", "currency", "day", "count", "quantity", "amount")
#: How a batch is added to what is kept.
FOLD = """ON CONFLICT (workspace_id, customer_id, name, currency) DO UPDATE SET
count = crm_event_stat.count + excluded.count,
first_at = CASE WHEN excluded.first_at < crm_event_stat.first_at THEN excluded.first_at ELSE crm_event_stat.first_at END,
last_at = CASE WHEN excluded.last_at > crm_event_stat.last_at THEN excluded.last_at ELSE crm_event_stat.last_at END,
quantity = crm_event_stat.quantity + excluded.quantity,
amount = crm_event_stat.amount + excluded.amount"""
FOLD_DAY = """ON CONFLICT (workspace_id, customer_id, name, currency, day) DO UPDATE SET
count = crm_event_day.count + excluded.count,
quantity = crm_event_day.quantity + excluded.quantity,
amount = crm_event_day.amount + excluded.amount"""


def fold(scope: Scope, events: Sequence[Event], owners: Sequence[Owner]) -> None:
    """Add events to the sums of their customers; raise Overflow where a sum leaves 64 bits."""
    whole: dict[tuple[int, str, str], list[int]] = {}
    days: dict[tuple[int, str, str, int], list[int]] = {}
    for event, (customer_id, _) in zip(events, owners, strict=True):
        name, currency, at, quantity, amount = (
            event.name,
            event.currency or "",
            event.at,
            event.quantity or 0,
            event.amount or 0,
        )
        total = whole.setdefault((customer_id, name, currency), [0, at, at, 0, 0])
        whole_day = days.setdefault((customer_id, name, currency, at // DAY), [0, 0, 0])
        total[0] += 1
        total[1], total[2] = min(total[1], at), max(total[2], at)
        total[3] += quantity
        total[4] += amount
        whole_day[0] += 1
        whole_day[1] += quantity
        whole_day[2] += amount
    try:
        bulk.insert(scope, schema.event_stat, _STAT, [(*key, *sums) for key, sums in sorted(whole.items())], FOLD)
        bulk.insert(scope, schema.event_day, _DAY, [(*key, *sums) for key, sums in sorted(days.items())], FOLD_DAY)
    except (DataError, IntegrityError, OverflowError) as error:
        raise Overflow(place="the sum of quantity or amount of a customer's events", value="beyond 64 bits") from error


def settle(scope: Scope, customers: Iterable[int]) -> None:
    """Make the sums of customers again from the log."""
    ids = sorted(customers)
    scope.touched.note_all(ids)
    event, currency = schema.event.c, func.coalesce(schema.event.c.currency, "")
    added = (func.sum(func.coalesce(event.quantity, 0)), func.sum(func.coalesce(event.amount, 0)))
    times = (func.min(event.occurred_at), func.max(event.occurred_at))
    for start in range(0, len(ids), IN_LIST):
        some = ids[start : start + IN_LIST]
        _replace(scope, schema.event_stat, _STAT, some, (currency,), (func.count(), *times, *added))
        _replace(scope, schema.event_day, _DAY, some, (currency, _day_of(event.occurred_at)), (func.count(), *added))


def _replace(
    scope: Scope,
    table: Table,
    columns: Sequence[str],
    customers: Sequence[int],
    by: Sequence[ColumnElement[Any]],
    measures: Sequence[ColumnElement[Any]],
) -> None:
    row, event = table.c, schema.event.c
    gone = (row.workspace_id == scope.workspace_id, row.customer_id.in_(customers))
    scope.connection.execute(delete(table).where(*gone))
    keys = (event.workspace_id, event.customer_id, event.name, *by)
    mine = (event.workspace_id == scope.workspace_id, event.customer_id.in_(customers))
    sums = select(*keys, *measures).where(*mine).group_by(*keys)
    scope.connection.execute(insert(table).from_select(["workspace_id", *columns], sums))


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
