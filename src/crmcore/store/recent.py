"""Of customers' histories only what is asked for: events by name and from when, and the kinds of other things known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import attrs

from crmcore.hooks.rule import Touches
from crmcore.model.condition import Count, Distinct, Extreme, Leaf, Moment, Occurrences, Sum
from crmcore.model.history import History, PastEvent, Said
from crmcore.model.values import INT64, Value, restored
from crmcore.store import bulk, schema
from crmcore.store.logbook import EVENT, listed, past_event
from crmcore.store.scope import Scope

_BARE = ("customer_id", "occurred_at")
_WHOLE = ("customer_id", *EVENT)
Events = dict[int, list[PastEvent]]
Times = dict[int, dict[str, list[int]]]


@attrs.frozen(kw_only=True)
class Wanted:
    """What an atom asks for; `start` is None where it asks for all events, `is_bare` where only their times count."""

    touches: Touches
    start: int | None
    is_bare: bool


def wanted(leaf: Leaf, touches: Touches, now: int) -> Wanted:
    """Return what a leaf asks for at `now`."""
    events = leaf.events if isinstance(leaf, Count | Sum | Extreme | Distinct | Moment) else None
    is_bare = isinstance(leaf, Count | Moment) and not leaf.events.where
    return Wanted(touches=touches, start=None if events is None else _start(events, now), is_bare=is_bare)


def _start(events: Occurrences, now: int) -> int | None:
    """Events at this time or before count no more."""
    since = [events.since - 1] if events.since is not None else []
    within = [now - events.within] if events.within is not None else []
    start = max(since + within, default=None)
    return None if start is None or start < -INT64 else min(start, INT64 - 1)


def of_customer(scope: Scope, customer_id: int, touches: Touches) -> History:
    """Return of one customer all that may change a condition."""
    asked = {0: Wanted(touches=touches, start=None, is_bare=False)}
    return of_customers(scope, {customer_id: frozenset(asked)}, asked)[customer_id]


def of_customers(
    scope: Scope, looked_at: Mapping[int, frozenset[int]], asked: Mapping[int, Wanted]
) -> dict[int, History]:
    """Return of each customer what the atoms looked at ask for."""
    times, events = _events(scope, looked_at, asked)
    if all(one.is_bare for one in asked.values()):
        return {one: History(customer_id=one, times=times.get(one, _NOTHING)) for one in looked_at}

    def asking(is_asked: Callable[[Touches], object]) -> list[int]:
        some = {atom for atom, one in asked.items() if is_asked(one.touches)}
        return sorted(one for one, atoms in looked_at.items() if not some.isdisjoint(atoms)) if some else []

    attributes = _values(scope, asking(lambda one: one.attributes))
    tags = _tags(scope, asking(lambda one: one.tags))
    talking = asking(lambda one: one.said)
    consents, wishes = _consents(scope, talking), _wishes(scope, talking)
    accounts = _accounts(scope, asking(lambda one: one.accounts))
    segments = _segments(scope, asking(lambda one: one.segments))
    return {
        one: History(
            customer_id=one,
            times=times.get(one, _NOTHING),
            events=tuple(events.get(one, ())),
            attributes=attributes.get(one, _NOTHING),
            tags=frozenset(tags.get(one, ())),
            consents=tuple(consents.get(one, ())),
            wishes=tuple(wishes.get(one, ())),
            accounts=tuple(accounts.get(one, ())),
            segments=frozenset(segments.get(one, ())),
        )
        for one in looked_at
    }


_NOTHING: dict[str, Any] = {}


def events_after(
    scope: Scope, names: Collection[str], customers: Sequence[int], since: int
) -> dict[int, list[PastEvent]]:
    """Return the events of these names that customers had after a time."""
    found: Events = {}
    for name in sorted(names):
        _add_events(scope, found, name, customers, since)
    return found


def _events(scope: Scope, looked_at: Mapping[int, frozenset[int]], asked: Mapping[int, Wanted]) -> tuple[Times, Events]:
    """Each name by itself, from the earliest time that any of its atoms asks for."""
    names: dict[int, frozenset[str]] = {atom: one.touches.events for atom, one in asked.items() if one.touches.events}
    customers: dict[str, list[int]] = {}
    for atoms, ids in _alike(looked_at).items():
        for name in frozenset[str]().union(*(names.get(atom, ()) for atom in atoms)):
            customers.setdefault(name, []).extend(ids)
    times: Times = {}
    events: Events = {}
    for name, ids in sorted(customers.items()):
        some = [asked[atom] for atom, of_atom in names.items() if name in of_atom]
        starts = [one.start for one in some]
        start = None if None in starts else min(one for one in starts if one is not None)
        if all(one.is_bare for one in some):
            _add_times(scope, times, name, sorted(ids), start)
        else:
            _add_events(scope, events, name, sorted(ids), start)
    return times, events


def _alike(looked_at: Mapping[int, frozenset[int]]) -> dict[frozenset[int], list[int]]:
    """Put customers together by the atoms looked at: many are touched by the same."""
    found: dict[frozenset[int], list[int]] = {}
    for one, atoms in looked_at.items():
        found.setdefault(atoms, []).append(one)
    return found


def _add_times(scope: Scope, times: Times, name: str, ids: Sequence[int], start: int | None) -> None:
    rows = bulk.select_in_after(scope, schema.event, _BARE, {"name": name}, "customer_id", ids, "occurred_at", start)
    for customer_id, at in sorted(map(tuple, rows)):
        times.setdefault(customer_id, {}).setdefault(name, []).append(at)


def _add_events(scope: Scope, events: Events, name: str, ids: Sequence[int], start: int | None) -> None:
    rows = bulk.select_in_after(scope, schema.event, _WHOLE, {"name": name}, "customer_id", ids, "occurred_at", start)
    for customer_id, *event in rows:
        events.setdefault(customer_id, []).append(past_event(event))


def _values(scope: Scope, customers: list[int]) -> dict[int, dict[str, Value]]:
    found: dict[int, dict[str, Value]] = {}
    columns = ("customer_id", "name", "kind", "number", "text")
    for one, name, kind, number, text in bulk.select_in(scope, schema.attribute, columns, {}, "customer_id", customers):
        found.setdefault(one, {})[name] = restored(kind, number, text)
    return found


def _tags(scope: Scope, customers: list[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for one, name in bulk.select_in(scope, schema.tag, ("customer_id", "name"), {}, "customer_id", customers):
        found.setdefault(one, []).append(name)
    return found


def _consents(scope: Scope, customers: list[int]) -> dict[int, list[Said]]:
    found: dict[int, list[Said]] = {}
    columns = ("customer_id", "purpose", "channel", "granted", "at")
    for one, about, channel, yes, at in bulk.select_in(
        scope, schema.consent_state, columns, {}, "customer_id", customers
    ):
        found.setdefault(one, []).append(Said(about=about, channel=channel, yes=bool(yes), at=at))
    return found


def _wishes(scope: Scope, customers: list[int]) -> dict[int, list[Said]]:
    columns = ("customer_id", "topic_id", "channel", "wanted", "at")
    rows = bulk.select_in(scope, schema.subscription, columns, {}, "customer_id", customers)
    topics = dict(
        map(tuple, bulk.select_in(scope, schema.topic, ("id", "name"), {}, "id", sorted({row[1] for row in rows})))
    )
    found: dict[int, list[Said]] = {}
    for one, topic_id, channel, yes, at in rows:
        found.setdefault(one, []).append(Said(about=topics[topic_id], channel=channel, yes=bool(yes), at=at))
    return found


def _accounts(scope: Scope, customers: list[int]) -> dict[int, list[dict[str, Value]]]:
    columns = ("customer_id", "account_id", "until")
    rows = bulk.select_in(scope, schema.member, columns, {}, "customer_id", customers)
    belongs = sorted({(one, account_id) for one, account_id, until in rows if until is None})
    of_account = ("account_id", "name", "kind", "number", "text")
    values: dict[int, dict[str, Value]] = {account_id: {} for _, account_id in belongs}
    for account_id, name, kind, number, text in bulk.select_in(
        scope, schema.account_attribute, of_account, {}, "account_id", sorted(values)
    ):
        values[account_id][name] = restored(kind, number, text)
    found: dict[int, list[dict[str, Value]]] = {}
    for one, account_id in belongs:
        found.setdefault(one, []).append(values[account_id])
    return found


def _segments(scope: Scope, customers: list[int]) -> dict[int, list[str]]:
    """The uploaded segments customers are in, by name."""
    found: dict[int, list[str]] = {}
    for one, _, name, _ in listed(scope, customers):
        found.setdefault(one, []).append(name)
    return found
