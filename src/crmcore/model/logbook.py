"""What was said of customers, with the time at which each of it came in, and what was known from it at any such time.

Known at a time is what had been received by then, whatever it is dated: the state that was in the tables at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import TypeVar

import attrs

from crmcore.model.history import History, PastEvent, Said
from crmcore.model.identity import Identity
from crmcore.model.linking import Link, grouped
from crmcore.model.permission import Permission, settled
from crmcore.model.values import Value, from_json

ATTRIBUTE, TAG, WISH, MEMBER, CONSENT, LISTED = "attribute", "tag", "wish", "member", "consent", "listed"
ON = "true"
Joins = Sequence[tuple[int, int, int]]
Row = TypeVar("Row")
Received = TypeVar("Received", "Entry", "Happening")


@attrs.frozen(kw_only=True)
class Entry:
    """One thing said under an origin: `about` is the name of an attribute, tag or uploaded segment; topic or purpose, and channel; account, and role.

    `at`, when it holds from, and `received_at`, in microseconds UTC; `new` as JSON.
    """

    kind: str
    about: tuple[str, ...]
    origin: int
    new: str
    at: int
    received_at: int
    row: int


@attrs.frozen(kw_only=True)
class Happening:
    """An event with the origin it came in under, and when it did."""

    origin: int
    received_at: int
    event: PastEvent


@attrs.frozen(kw_only=True)
class Logbook:
    """All that was said of some origins.

    Attributes: `names` and `since` when each origin is known; `links` between them; `accounts`, what was said of each by
    its key.
    """

    names: Mapping[int, Identity]
    since: Mapping[int, int]
    links: Sequence[Link]
    events: Sequence[Happening] = ()
    entries: Sequence[Entry] = ()
    accounts: Mapping[str, Sequence[Entry]] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Known:
    """A customer as it was known: its key, None for an anonymous one, and its history."""

    key: str | None
    history: History


@attrs.frozen(kw_only=True)
class _Then:
    """Which customer each origin was, the key of each customer, and what had joined it."""

    homes: Mapping[int, int]
    keys: Mapping[int, str | None]
    joins: Mapping[int, Joins]


def known(book: Logbook, at: int) -> dict[int, Known]:
    """Return all customers as they were known at a time, by the ids they had then."""
    then = _then(book, at)
    events = _of_each(book.events, then.homes, at)
    entries = _of_each(book.entries, then.homes, at)
    accounts = {key: _values(said, at) for key, said in book.accounts.items()}
    return {
        customer: Known(
            key=key,
            history=_history(
                customer,
                tuple(one.event for one in events.get(customer, ())),
                entries.get(customer, ()),
                then.joins.get(customer, ()),
                accounts,
            ),
        )
        for customer, key in then.keys.items()
    }


def homes(book: Logbook, at: int) -> Mapping[int, int]:
    """Return which customer each origin was at a time."""
    return _then(book, at).homes


def instants(book: Logbook, since: int, until: int) -> list[int]:
    """Return when something came in later than `since` and not later than `until`, in order."""
    said: list[Iterable[Happening | Entry | Link]] = [book.events, book.entries, book.links, *book.accounts.values()]
    found = {one.received_at for kind in said for one in kind}
    return sorted(at for at in found | set(book.since.values()) if since < at <= until)


def regroupings(book: Logbook, since: int, until: int) -> list[int]:
    """Return when an origin or a link came in later than `since` and not later than `until`, in order."""
    found = {*book.since.values(), *(one.received_at for one in book.links)}
    return sorted(at for at in found if since < at <= until)


def events_of(book: Logbook, at: int) -> dict[int, list[Happening]]:
    """Return all events of each customer of a time, those that came in later too."""
    home, found = homes(book, at), dict[int, list[Happening]]()
    for one in book.events:
        if one.origin in home:
            found.setdefault(home[one.origin], []).append(one)
    return found


def parts(book: Logbook) -> Iterator[Logbook]:
    """Yield the logbook of each group of origins that no link joins with others."""
    lead = _linked(book)
    origins = _by_lead(book.since, lead, lambda origin: origin)
    links = _by_lead(book.links, lead, attrgetter("low"))
    events = _by_lead(book.events, lead, attrgetter("origin"))
    entries = _by_lead(book.entries, lead, attrgetter("origin"))
    for one, mine in origins.items():
        accounts = {entry.about[0] for entry in entries.get(one, ()) if entry.kind == MEMBER}
        yield Logbook(
            names={origin: book.names[origin] for origin in mine},
            since={origin: book.since[origin] for origin in mine},
            links=links.get(one, ()),
            events=events.get(one, ()),
            entries=entries.get(one, ()),
            accounts={key: book.accounts[key] for key in accounts & book.accounts.keys()},
        )


def _linked(book: Logbook) -> dict[int, int]:
    """Return one origin for all that links reach from one another, whatever the links say: the least."""
    lead = {origin: origin for origin in book.since}

    def top(origin: int) -> int:
        while lead[origin] != origin:
            lead[origin] = lead[lead[origin]]
            origin = lead[origin]
        return origin

    for link in book.links:
        low, high = sorted((top(link.low), top(link.high)))
        lead[high] = low
    return {origin: top(origin) for origin in lead}


def _by_lead(rows: Iterable[Row], lead: Mapping[int, int], origin_of: Callable[[Row], int]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        if (one := lead.get(origin_of(row))) is not None:
            found.setdefault(one, []).append(row)
    return found


def _then(book: Logbook, at: int) -> _Then:
    names = {origin: book.names[origin] for origin, since in book.since.items() if since <= at}
    grouping = grouped(names, [link for link in book.links if link.received_at <= at])
    ids: dict[int, int] = {}
    for origin, lead in grouping.lead.items():
        ids[lead] = min(origin, ids.get(lead, origin))
    found = {origin: ids[lead] for origin, lead in grouping.lead.items()}
    joins: dict[int, list[tuple[int, int, int]]] = {}
    for join in grouping.joins:
        joins.setdefault(found[join[1]], []).append(join)
    return _Then(homes=found, keys={ids[lead]: key for lead, key in grouping.key.items()}, joins=joins)


def _of_each(rows: Iterable[Received], homes: Mapping[int, int], at: int) -> dict[int, list[Received]]:
    found: dict[int, list[Received]] = {}
    for row in rows:
        if row.received_at <= at and row.origin in homes:
            found.setdefault(homes[row.origin], []).append(row)
    return found


def _history(
    customer: int,
    events: tuple[PastEvent, ...],
    entries: Sequence[Entry],
    joins: Joins,
    accounts: Mapping[str, Mapping[str, Value]],
) -> History:
    kinds: dict[str, list[Entry]] = {}
    for one in entries:
        kinds.setdefault(one.kind, []).append(one)
    return History(
        customer_id=customer,
        attributes=_latest(kinds.get(ATTRIBUTE, ())),
        tags=_named(kinds.get(TAG, ())),
        segments=_named(kinds.get(LISTED, ())),
        events=events,
        consents=_said(kinds.get(CONSENT, ()), joins),
        wishes=_said(kinds.get(WISH, ()), joins),
        accounts=tuple(accounts[key] for key in _belonging(kinds.get(MEMBER, ())) if key in accounts),
    )


def _values(entries: Iterable[Entry], at: int) -> dict[str, Value]:
    return _latest([one for one in entries if one.received_at <= at])


def _latest(entries: Iterable[Entry]) -> dict[str, Value]:
    """Return what holds of each name; of two entries of the same time the one whose JSON is greater wins."""
    held = {one.about[0]: one.new for one in sorted(entries, key=lambda one: (one.at, one.new))}
    return {name: from_json(new) for name, new in held.items()}


def _named(entries: Iterable[Entry]) -> frozenset[str]:
    return frozenset(name for name, is_on in _latest(entries).items() if is_on)


def _said(entries: Iterable[Entry], joins: Joins) -> tuple[Said, ...]:
    """Return what holds of each topic or purpose and channel, as customers were joined."""
    about: dict[tuple[str, ...], list[Permission]] = {}
    for one in entries:
        permission = Permission(yes=one.new == ON, at=one.at, origin=one.origin, row=one.row)
        about.setdefault(one.about, []).append(permission)
    held = {key: settled(said, joins) for key, said in sorted(about.items())}
    return tuple(Said(about=key[0], channel=key[1], yes=one.yes, at=one.at) for key, one in held.items())


def _belonging(entries: Iterable[Entry]) -> list[str]:
    """Return the accounts a customer belongs to; of a joining and a leaving at the same time the leaving counts."""
    in_order = sorted(entries, key=lambda one: (one.at, one.new != ON))
    roles = {one.about: one.new == ON for one in in_order}
    return sorted({about[0] for about, is_on in roles.items() if is_on})
