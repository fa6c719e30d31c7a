"""What events add up to, kept with them: per customer, event name and currency, day by day; days add up to all time.

Recency, frequency and money of a customer are the last `last_at`, and the sums of `count` and `amount`, of the event that
counts; ranks are made of them when they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import product

import attrs
from sqlalchemy import ColumnElement, Float, Table, case, cast, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
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


_KEY = ("day", "customer_id", "name", "currency")
_SUMS = ("count", "first_at", "last_at", "quantity", "amount")
_DAY = (*_KEY, *_SUMS)
_INSERT: dict[str, Callable[[Table], postgresql.Insert | sqlite.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
#: How a batch is added to what is kept.
FOLD = """ON CONFLICT (workspace_id, day, customer_id, name, currency) DO UPDATE SET
count = crm_event_day.count + excluded.count,
first_at = CASE WHEN excluded.first_at < crm_event_day.first_at THEN excluded.first_at ELSE crm_event_day.first_at END,
last_at = CASE WHEN excluded.last_at > crm_event_day.last_at THEN excluded.last_at ELSE crm_event_day.last_at END,
quantity = crm_event_day.quantity + excluded.quantity,
amount = crm_event_day.amount + excluded.amount"""
#: Half a million smaller values add up to no more than `MOST`, which leaves as much room again.
LARGE, MOST = 2**43, 2**62


def fold(scope: Scope, events: Sequence[Event], owners: Sequence[Owner]) -> None:
    """Add events to the sums of their customers; raise Overflow where large values bring one beyond 2^62."""
    added: dict[tuple[int, int, str, str], list[int]] = {}
    large: set[int] = set()
    for event, (customer_id, _) in zip(events, owners, strict=True):
        at, quantity, amount = event.at, event.quantity or 0, event.amount or 0
        key = (day_of(at), customer_id, event.name, event.currency or "")
        found = added.get(key)
        if found is None:
            added[key] = [1, at, at, quantity, amount]
        else:
            count, first_at, last_at, quantities, amounts = found
            added[key] = [count + 1, min(first_at, at), max(last_at, at), quantities + quantity, amounts + amount]
        if not (-LARGE < quantity < LARGE and -LARGE < amount < LARGE):
            large.add(customer_id)
    try:
        bulk.insert(scope, schema.event_day, _DAY, [(*key, *sums) for key, sums in sorted(added.items())], FOLD)
    except (DataError, IntegrityError, OverflowError) as error:
        raise _overflow() from error
    if large:
        _check(scope, large)


def _check(scope: Scope, customers: Collection[int]) -> None:
    event, currency = schema.event.c, func.coalesce(schema.event.c.currency, "")
    too_much = or_(*(func.abs(func.sum(cast(one, Float))) > MOST for one in (event.quantity, event.amount)))
    mine = (event.workspace_id == scope.workspace_id, bulk.among(scope, event.customer_id, customers))
    query = select(event.customer_id).where(*mine).group_by(event.customer_id, event.name, currency).having(too_much)
    if scope.connection.execute(query.limit(1)).first():
        raise _overflow()


def _overflow() -> Overflow:
    return Overflow(place="the sum of quantity or amount of a customer's events", value="beyond 2^62")


#: Whose sums are those of everybody who was erased, and of events that were kept for long enough: no customer has this id.
NOBODY = 0


def add_to_nobody(scope: Scope, added: Sequence[tuple[int, str, str, int, int, int]]) -> None:
    """Add what events came to: day, name, currency, count, quantity, amount. The time of day is not kept."""
    rows = [
        (day, NOBODY, name, currency, count, day * DAY, day * DAY, quantity, amount)
        for day, name, currency, count, quantity, amount in added
    ]
    bulk.insert(scope, schema.event_day, _DAY, rows, FOLD)


def settle(scope: Scope, customers: Iterable[int], before: Iterable[int] = ()) -> None:
    """Make the sums of customers again from the log: those of all days it tells of now, and of days it told of `before`."""
    ids = sorted(customers)
    scope.touched.note_all(ids)
    gone = {*days(scope, ids), *before}
    bulk.delete_pairs(scope, schema.event_day, ("day", "customer_id"), set(product(gone, ids)))
    make(scope, ids)


def make(scope: Scope, customers: Sequence[int]) -> None:
    """Make the sums of customers from the log where there are none yet, or too few."""
    for start in range(0, len(customers), IN_LIST):
        _make(scope, customers[start : start + IN_LIST])


def clear(scope: Scope) -> None:
    """Remove all sums but those of nobody: they are made again as customers are settled."""
    bulk.run(scope, _CLEAR, {"workspace": scope.workspace_id, "nobody": NOBODY})


_CLEAR = "DELETE FROM crm_event_day WHERE workspace_id = :workspace AND customer_id <> :nobody"


def days(scope: Scope, customers: Collection[int]) -> list[int]:
    """Return the days on which customers have events."""
    event = schema.event.c
    mine = (event.workspace_id == scope.workspace_id, bulk.among(scope, event.customer_id, customers))
    return list(scope.connection.execute(select(_day_of(event.occurred_at)).where(*mine).distinct()).scalars())


def _make(scope: Scope, customers: Sequence[int]) -> None:
    event, day = schema.event.c, _day_of(schema.event.c.occurred_at)
    keys = (event.workspace_id, day, event.customer_id, event.name, func.coalesce(event.currency, ""))
    added = (func.sum(func.coalesce(event.quantity, 0)), func.sum(func.coalesce(event.amount, 0)))
    times = (func.min(event.occurred_at), func.max(event.occurred_at))
    mine = (event.workspace_id == scope.workspace_id, bulk.among(scope, event.customer_id, customers))
    sums = select(*keys, func.count(), *times, *added).where(*mine).group_by(*keys)
    made = _INSERT[scope.connection.dialect.name](schema.event_day).from_select(["workspace_id", *_DAY], sums)
    latest = {name: made.excluded[name] for name in _SUMS}
    try:
        scope.connection.execute(made.on_conflict_do_update(index_elements=["workspace_id", *_KEY], set_=latest))
    except (DataError, IntegrityError, OperationalError) as error:
        if isinstance(error, OperationalError) and "integer overflow" not in str(error.orig):
            raise
        raise _overflow() from error


def day_of(at: int) -> int:
    """Return the day of a time."""
    return at // DAY


def _day_of(at: ColumnElement[int]) -> ColumnElement[int]:
    """Days since 1970, rounded down: a division of databases cuts off what a negative number has behind the point."""
    return case((at < 0, (at + 1) // DAY - 1), else_=at // DAY)


def of_days(scope: Scope, customer_id: int) -> list[DaySum]:
    """Return what a customer's events add up to by name, currency and day, in this order."""
    names = [field.name for field in attrs.fields(DaySum)]
    wanted = {(day, customer_id) for day in days(scope, [customer_id])}
    rows = bulk.select_pairs(scope, schema.event_day, names, {}, ("day", "customer_id"), wanted)
    found = [DaySum(**dict(zip(names, one, strict=True))) for one in rows]
    return sorted(found, key=lambda one: (one.name, one.currency, one.day))
