"""The histories of many customers at once: as they are in the tables now, or as they were known at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from crmcore.hooks.rule import Touches
from crmcore.model.history import History, PastEvent, Said
from crmcore.model.logbook import known
from crmcore.model.values import Value, restored
from crmcore.store import attributes, bulk, logbook, schema
from crmcore.store.attributes import OF_ACCOUNTS
from crmcore.store.logbook import EVERYTHING, by_name, event_rows, listed, past_event
from crmcore.store.scope import Scope

Found = TypeVar("Found")
_VALUE = ("name", "kind", "number", "text")


def of_customers(
    scope: Scope, customer_ids: Collection[int], as_known_at: int | None, touched: Touches | None = None
) -> dict[int, History]:
    """Return the history of each customer, by id: as it is now, or as it was known at a time (microseconds UTC).

    `touched` leaves only what can change a condition; None leaves all. Known at a time is what had been received by then,
    whatever it is dated, and ids are those customers had then; who was none is not in it.

    What is not in the logs any more cannot be seen, nor that it ever was: what came with an import that was undone since,
    customers erased since, and who was taken off an uploaded list since (who was merged is on it as whom it is now). Of
    orders that imported lines add up to, only the latest sum is kept; that a merge was forced counts from when it was
    first said.
    """
    if as_known_at is not None:
        then = known(logbook.read(scope, customer_ids, as_known_at, touched), as_known_at)
        return {one: then[one].history for one in sorted(set(customer_ids) & then.keys())}
    ids = sorted(customer_ids)
    wanted = touched or EVERYTHING
    values = _attributes(scope, ids, touched)
    tags = _tags(scope, ids, touched)
    events = _events(scope, ids, touched)
    consents = _consents(scope, ids) if wanted.said else {}
    wishes = _wishes(scope, ids) if wanted.said else {}
    accounts = _accounts(scope, ids) if wanted.accounts else {}
    lists = _lists(scope, ids) if touched is None or touched.segments else {}
    return {
        one: History(
            customer_id=one,
            attributes=dict(values.get(one, ())),
            tags=frozenset(tags.get(one, ())),
            events=tuple(events.get(one, ())),
            consents=tuple(consents.get(one, ())),
            wishes=tuple(wishes.get(one, ())),
            accounts=tuple(accounts.get(one, ())),
            segments=frozenset(lists.get(one, ())),
        )
        for one in ids
    }


def _attributes(scope: Scope, ids: Sequence[int], touched: Touches | None) -> dict[int, list[tuple[str, Value]]]:
    columns = ("customer_id", *_VALUE)
    rows = by_name(scope, schema.attribute, columns, ids, None if touched is None else touched.attributes)
    return _of_each(rows, lambda row: (row.name, restored(row.kind, row.number, row.text)))


def _tags(scope: Scope, ids: Sequence[int], touched: Touches | None) -> dict[int, list[str]]:
    rows = by_name(scope, schema.tag, ("customer_id", "name"), ids, None if touched is None else touched.tags)
    return _of_each(rows, lambda row: row.name)


def _events(scope: Scope, ids: Sequence[int], touched: Touches | None) -> dict[int, list[PastEvent]]:
    return _of_each(event_rows(scope, ids, touched), past_event)


def _consents(scope: Scope, ids: Sequence[int]) -> dict[int, list[Said]]:
    columns = ("customer_id", "purpose", "channel", "granted", "at")
    rows = bulk.select_in(scope, schema.consent_state, columns, {}, "customer_id", ids)
    ordered = sorted(rows, key=lambda row: (row.purpose, row.channel))
    return _of_each(ordered, lambda row: Said(about=row.purpose, channel=row.channel, yes=bool(row.granted), at=row.at))


def _wishes(scope: Scope, ids: Sequence[int]) -> dict[int, list[Said]]:
    columns = ("customer_id", "topic_id", "channel", "wanted", "at")
    rows = bulk.select_in(scope, schema.subscription, columns, {}, "customer_id", ids)
    wanted = sorted({row.topic_id for row in rows})
    topics = {one: name for one, name in bulk.select_in(scope, schema.topic, ("id", "name"), {}, "id", wanted)}
    ordered = sorted(rows, key=lambda row: (topics[row.topic_id], row.channel))
    return _of_each(
        ordered, lambda row: Said(about=topics[row.topic_id], channel=row.channel, yes=bool(row.wanted), at=row.at)
    )


def _accounts(scope: Scope, ids: Sequence[int]) -> dict[int, list[Mapping[str, Value]]]:
    columns = ("customer_id", "account_id", "until")
    rows = bulk.select_in(scope, schema.member, columns, {}, "customer_id", ids)
    belonging = {(row.customer_id, row.account_id) for row in rows if row.until is None}
    accounts = sorted({account for _, account in belonging})
    keys = {one: key for one, key in bulk.select_in(scope, schema.account, ("id", "key"), {}, "id", accounts)}
    values = attributes.values_at(scope, accounts, OF_ACCOUNTS)
    known: dict[int, dict[str, Value]] = {account: {} for account in accounts}
    for (account, name), (value, _) in values.items():
        known[account][name] = value
    found: dict[int, list[Mapping[str, Value]]] = {}
    for customer, account in sorted(belonging, key=lambda pair: keys[pair[1]]):
        found.setdefault(customer, []).append(known[account])
    return found


def _lists(scope: Scope, ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for customer, name, _ in listed(scope, ids):
        found.setdefault(customer, []).append(name)
    return found


def _of_each(rows: Iterable[Any], read: Callable[[Any], Found]) -> dict[int, list[Found]]:
    """Read rows, by their customer."""
    found: dict[int, list[Found]] = {}
    for row in rows:
        found.setdefault(row.customer_id, []).append(read(row))
    return found
