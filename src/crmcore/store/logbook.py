"""The logs of many customers at once, as the logbook that tells what was known of them at any time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import Table

from crmcore.hooks.rule import Touches
from crmcore.model.history import PastEvent
from crmcore.model.logbook import ATTRIBUTE, CONSENT, LISTED, ON, Entry, Happening, Logbook
from crmcore.model.values import from_json
from crmcore.store import accounts, bulk, flags, links, schema
from crmcore.store.flags import MEMBER, OFF, TAG, WISH
from crmcore.store.links import Neighbourhood
from crmcore.store.scope import Scope

#: Picks the origins to be read for a page, from all that are near.
Mine = Callable[[Logbook, frozenset[int]], Collection[int]]
#: How many origins are read at once.
PAGE = 5000
#: So many names are looked up one by one; of more all that a customer has is read.
NAMES = 20
#: What `past_event` takes.
EVENT = ("id", "name", "occurred_at", "item", "quantity", "amount", "currency", "ref", "properties")
_CONSENT = ("id", "origin_id", "purpose", "channel", "granted", "at", "received_at")
_ACCOUNT = ("id", "account_id", "name", "new", "at", "received_at")


def pages(
    scope: Scope, known_at: int, touched: Touches | None, mine: Mine, after: int = 0
) -> Iterator[tuple[frozenset[int], Logbook]]:
    """Yield the origins known at a time, PAGE of them together, with the logbook of those `mine` picks from their company.

    Of all that may be linked with the origins of a page it picks, so that whoever is in several is read once.
    """
    while origins := links.origins_known(scope, known_at, after, PAGE):
        page = frozenset(origins)
        near = _near(scope, origins, known_at)
        yield page, _told(scope, _only(near, mine(_bare(near), page)), known_at, touched)
        after = origins[-1]


def read(scope: Scope, origins: Collection[int], known_at: int, touched: Touches | None) -> Logbook:
    """Return what had been received of origins, and of all that links lead to from them, by a time.

    `touched` leaves only what can change a condition; None leaves all. Known at a time is what had been received by then,
    whatever it is dated.

    What is not in the logs any more cannot be seen, nor that it ever was: what came with an import that was undone since,
    customers erased since, and who was taken off an uploaded list since (who was merged is on it as whom it is now). Of
    orders that imported lines add up to, only the latest sum is kept; that a merge was forced counts from when it was
    first said.
    """
    return _told(scope, _near(scope, origins, known_at), known_at, touched)


def _bare(near: Neighbourhood) -> Logbook:
    return Logbook(names=near.names, since=near.since, links=near.links)


def _told(scope: Scope, near: Neighbourhood, known_at: int, touched: Touches | None) -> Logbook:
    customers = sorted(set(near.owners.values()))
    wanted = touched or _EVERYTHING
    entries = [one for one in _entries(scope, customers, touched) if one.received_at <= known_at]
    belonging = {one.about[0] for one in entries if one.kind == MEMBER}
    return attrs.evolve(
        _bare(near),
        events=list(_happenings(scope, customers, known_at, touched)),
        entries=entries,
        accounts=_accounts(scope, belonging, known_at) if wanted.accounts else {},
    )


def _happenings(scope: Scope, customers: Sequence[int], known_at: int, touched: Touches | None) -> Iterator[Happening]:
    columns = ("origin_id", "received_at", *EVENT)
    names = None if touched is None else touched.events
    for origin, received_at, *event in _by_name(scope, schema.event, columns, customers, names):
        if received_at <= known_at:
            yield Happening(origin=origin, received_at=received_at, event=past_event(event))


#: What a condition may touch beyond names.
_EVERYTHING = Touches(said=True, accounts=True)


def past_event(columns: Sequence[Any]) -> PastEvent:
    """Return the event of the columns EVENT."""
    event_id, name, at, item, quantity, amount, currency, ref, properties = columns
    return PastEvent(
        id=event_id,
        name=name,
        at=at,
        item=item,
        quantity=quantity,
        amount=amount,
        currency=currency,
        ref=ref,
        properties={} if properties == "{}" else from_json(properties),
    )


def _by_name(
    scope: Scope, table: Table, columns: tuple[str, ...], customers: Sequence[int], names: Collection[str] | None
) -> Sequence[Any]:
    """Return rows of customers: of the names given, or all."""
    if names is not None and len(names) <= NAMES:
        return [
            row
            for name in sorted(names)
            for row in bulk.select_in(scope, table, columns, {"name": name}, "customer_id", customers)
        ]
    rows = bulk.select_in(scope, table, columns, {}, "customer_id", customers)
    return rows if names is None else [row for row in rows if row.name in names]


def _near(scope: Scope, origins: Collection[int], known_at: int) -> Neighbourhood:
    """Return all that links can reach from origins, but for those of customers erased."""
    near = links.around(scope, origins, known_at)
    owners = sorted(set(near.owners.values()))
    rows = bulk.select_in(scope, schema.customer, ("id", "erased_at"), {}, "id", owners)
    erased = {one for one, erased_at in rows if erased_at is not None}
    return _only(near, {origin for origin, owner in near.owners.items() if owner not in erased})


def _only(near: Neighbourhood, left: Collection[int]) -> Neighbourhood:
    if len(left) == len(near.owners):
        return near
    return attrs.evolve(
        near,
        names={one: near.names[one] for one in left},
        owners={one: near.owners[one] for one in left},
        since={one: near.since[one] for one in left},
        links=[link for link in near.links if link.low in left and link.high in left],
    )


def _entries(scope: Scope, customers: Sequence[int], touched: Touches | None) -> Iterator[Entry]:
    wanted = touched or _EVERYTHING
    named = None if touched is None else touched.attributes | {flags.named(TAG, name) for name in touched.tags}
    for row in _by_name(scope, schema.attribute_log, flags.COLUMNS, customers, named):
        yield _entry(row)
    if touched is None:
        yield from _consents(scope, customers)
        yield from _listed(scope, customers)
        return
    if wanted.said:
        yield from _flagged(scope, customers, WISH)
        yield from _consents(scope, customers)
    if wanted.accounts:
        yield from _flagged(scope, customers, MEMBER)
    if wanted.segments:
        yield from _listed(scope, customers)


def _entry(row: Any) -> Entry:
    kind, about = flags.parts(row.name)
    return Entry(
        kind=kind if about else ATTRIBUTE,
        about=about or (row.name,),
        origin=row.origin_id,
        new=row.new,
        at=row.at,
        received_at=row.received_at,
        row=row.id,
    )


def _flagged(scope: Scope, customers: Sequence[int], kind: str) -> Iterator[Entry]:
    for one in flags.logged(scope, customers, kind):
        yield Entry(
            kind=kind,
            about=one.parts,
            origin=one.origin_id,
            new=ON if one.is_on else OFF,
            at=one.at,
            received_at=one.received_at,
            row=one.row,
        )


def _consents(scope: Scope, customers: Sequence[int]) -> Iterator[Entry]:
    for row in bulk.select_in(scope, schema.consent, _CONSENT, {}, "customer_id", customers):
        yield Entry(
            kind=CONSENT,
            about=(row.purpose, row.channel),
            origin=row.origin_id,
            new=ON if row.granted else OFF,
            at=row.at,
            received_at=row.received_at,
            row=row.id,
        )


def _listed(scope: Scope, customers: Sequence[int]) -> Iterator[Entry]:
    for _, origin, name, since in listed(scope, customers):
        yield Entry(kind=LISTED, about=(name,), origin=origin, new=ON, at=since, received_at=since, row=0)


def listed(scope: Scope, customers: Sequence[int]) -> Iterator[tuple[int, int, str, int]]:
    """Yield the uploaded segments customers are in now: customer, origin, name, since when."""
    columns = ("customer_id", "origin_id", "segment_id", "since")
    rows = bulk.select_in(scope, schema.segment_member, columns, {}, "customer_id", customers)
    ids = sorted({row.segment_id for row in rows})
    names = {one: name for one, name in bulk.select_in(scope, schema.segment, ("id", "name"), {}, "id", ids)}
    for row in rows:
        yield row.customer_id, row.origin_id, names[row.segment_id], row.since


def _accounts(scope: Scope, keys: Collection[str], known_at: int) -> Mapping[str, Sequence[Entry]]:
    ids = {one: key for key, one in accounts.find(scope, keys).items()}
    found: dict[str, list[Entry]] = {key: [] for key in ids.values()}
    for row in bulk.select_in(scope, schema.account_attribute_log, _ACCOUNT, {}, "account_id", sorted(ids)):
        if row.received_at <= known_at:
            entry = Entry(
                kind=ATTRIBUTE,
                about=(row.name,),
                origin=row.account_id,
                new=row.new,
                at=row.at,
                received_at=row.received_at,
                row=row.id,
            )
            found[ids[row.account_id]].append(entry)
    return found
