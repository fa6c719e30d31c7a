"""What came in at one time, or a batch of times, written as it was then: under the ids it has, by the ordinary ways.

What follows from logs (values, tags, permissions, memberships, sums) is made by those who always make it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table

from crmcore.model.delivery import State
from crmcore.model.event import Event
from crmcore.model.identity import KEY, Identity
from crmcore.model.linking import Link
from crmcore.model.values import from_json
from crmcore.store import accounts, attributes, bulk, consents, events, flags, schema, sources, suppressions, tags
from crmcore.store.accounts import NAME, PARENT
from crmcore.store.attributes import OF_ACCOUNTS, Write
from crmcore.store.flags import MEMBER, ON, TAG, WISH, Flag
from crmcore.store.identities import Owner
from crmcore.store.logs import Item
from crmcore.store.regrouping import regroup, settle
from crmcore.store.scope import Scope
from crmcore.store.touched import segment_key

Rows = Sequence[Any]


def feed(scope: Scope, items: Iterable[Item]) -> None:
    """Write what came in: who is who first, and accounts before those who belong to them."""
    rows: dict[str, list[Any]] = {}
    for one in items:
        rows.setdefault(one.kind, []).append(one.row)
    _name(scope, rows.pop("identity", ()), rows.pop("link", ()))
    _write(scope, schema.account, rows.pop("account", ()), parent_id=None, import_id=None)
    _tell_accounts(scope, rows.pop("account_attribute_log", ()))
    _write(scope, schema.offer, rows.pop("offer", ()))
    owners = _owners(scope, {row.origin_id for some in rows.values() for row in some})
    for kind, take in _OF_CUSTOMERS.items():
        # Whom an origin was that has no identity any more nobody knows.
        if known := [row for row in rows.get(kind, ()) if row.origin_id in owners]:
            take(scope, known, [owners[row.origin_id] for row in known])


def _write(scope: Scope, table: Table, rows: Rows, owners: Sequence[Owner] = (), **others: Any) -> None:
    """Insert rows as they are but for some columns, and for the customer each belongs to now."""
    homes = [{"customer_id": customer_id} for customer_id, _ in owners] or [{}] * len(rows)
    _insert(scope, table, [{**_values(row), **others, **home} for row, home in zip(rows, homes, strict=True)])


def _values(row: Any) -> dict[str, Any]:
    return dict(row._mapping)  # noqa: SLF001 - public, for all its sign


def _insert(scope: Scope, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    names = [one.name for one in table.columns if one.name != "workspace_id"]
    bulk.insert(scope, table, names, [tuple(row[name] for name in names) for row in rows])


def _owners(scope: Scope, origins: Collection[int]) -> dict[int, Owner]:
    """Return the customer that each origin leads to by now."""
    columns = ("origin_id", "customer_id")
    found = bulk.select_in(scope, schema.identity, columns, {}, "origin_id", sorted(origins))
    return {origin: (customer_id, origin) for origin, customer_id in found}


def _name(scope: Scope, identities: Rows, links: Rows) -> None:
    """Let origins be known, and customers follow the links."""
    names: dict[int, Identity] = {}
    for row in identities:
        name = Identity(row.kind, row.value)
        names[row.origin_id] = min(names.get(row.origin_id, name), name, key=lambda one: (one.kind != KEY, one))
    there = _owners(scope, {end for row in links for end in (row.low, row.high)} - names.keys()).keys()
    known = [row for row in links if {row.low, row.high} <= there | names.keys()]
    if not names and not known:
        return
    _write(scope, schema.link, known, refused=False)
    regrouped = regroup(scope, there, names, [_link(row) for row in known])
    homes = [(regrouped.homes[row.origin_id], row.origin_id) for row in identities]
    _write(scope, schema.identity, identities, homes, removed_at=None, import_id=None)
    settle(scope, regrouped.touched)


def _link(row: Any) -> Link:
    return Link(
        low=row.low,
        high=row.high,
        kind=row.kind,
        at=row.at,
        into=row.into_id,
        forced=bool(row.forced),
        received_at=row.received_at,
    )


def _tell_accounts(scope: Scope, rows: Rows) -> None:
    writes = [_said(row, (row.account_id, row.account_id)) for row in rows if row.new is not None]
    attributes.write(scope, writes, OF_ACCOUNTS)
    accounts.touch_members(scope, {one.owner_id for one in writes})
    accounts.settle(scope, {one.owner_id for one in writes if one.name in (NAME, PARENT)})


def _said(row: Any, owner: Owner) -> Write:
    return Write(
        owner_id=owner[0],
        origin_id=owner[1],
        name=row.name,
        value=from_json(row.new),
        at=row.at,
        source_id=row.source_id,
    )


def _tell(scope: Scope, rows: Rows, owners: Sequence[Owner]) -> None:
    """Take attributes, and what is logged among them: tags, wishes, memberships."""
    told = [(row, owner) for row, owner in zip(rows, owners, strict=True) if row.new is not None]
    attributes.write(scope, [_said(row, owner) for row, owner in told if ":" not in row.name])
    for kind, follow in _FLAGGED.items():
        some = [_flag(row, owner) for row, owner in told if row.name.startswith(f"{kind}:")]
        if some:
            flags.log(scope, some)
            follow(scope, {one.customer_id for one in some})


def _flag(row: Any, owner: Owner) -> Flag:
    return Flag(
        customer_id=owner[0],
        origin_id=owner[1],
        name=row.name,
        is_on=row.new == ON,
        at=row.at,
        source_id=row.source_id,
    )


def _wish(scope: Scope, customers: Collection[int]) -> None:
    consents.touch(scope, customers)
    consents.settle_wishes(scope, customers)


_FLAGGED: Mapping[str, Callable[[Scope, Collection[int]], object]] = {
    TAG: tags.settle,
    WISH: _wish,
    MEMBER: accounts.settle_members,
}


def _track(scope: Scope, rows: Rows, owners: Sequence[Owner]) -> None:
    said_by = sources.names(scope)
    happened = [
        Event(
            name=row.name,
            customer=(),
            at=row.occurred_at,
            item=row.item,
            quantity=row.quantity,
            amount=row.amount,
            currency=row.currency,
            ref=row.ref,
            properties=row.properties,
            source=said_by.get(row.source_id),
            trace=row.trace,
        )
        for row in rows
    ]
    events.append(scope, happened, [row.id for row in rows], owners)


def _consent(scope: Scope, rows: Rows, owners: Sequence[Owner]) -> None:
    customers = {customer_id for customer_id, _ in owners}
    consents.touch(scope, customers)
    _write(scope, schema.consent, rows, owners, import_id=None)
    consents.settle(scope, customers)


def _suppress(scope: Scope, rows: Rows, owners: Sequence[Owner]) -> None:
    """Some statements are about an address, and some about all of a customer: those have the hash of its origin."""
    _write(scope, schema.suppression_log, rows, import_id=None)
    is_whole = [row.hash == scope.hash(suppressions.whole_customer(row.origin_id)) for row in rows]
    suppressions.settle_addresses(scope, [row.hash for row, whole in zip(rows, is_whole, strict=True) if not whole])
    suppressions.settle(scope, {owner[0] for owner, whole in zip(owners, is_whole, strict=True) if whole})
    consents.touch(scope, (customer_id for customer_id, _ in owners))


def _list(scope: Scope, rows: Rows, owners: Sequence[Owner]) -> None:
    """Put customers on the lists that are asked for."""
    wanted = sorted({row.segment_id for row in rows})
    names = {one: name for one, name in bulk.select_in(scope, schema.segment, ("id", "name"), {}, "id", wanted)}
    some = [(row, owner) for row, owner in zip(rows, owners, strict=True) if row.segment_id in names]
    _write(scope, schema.segment_member, [row for row, _ in some], [owner for _, owner in some])
    for row, owner in some:
        scope.touched.note(owner[0], segment_key(names[row.segment_id]))


def _hand(scope: Scope, rows: Rows, owners: Sequence[Owner]) -> None:
    """Let messages that other campaigns sent be sent: what came of them later nobody knew."""
    fate = {"state": State.ACCEPTED.value, "reason": "", "context": None, "claimed_by": None, "lease_until": None}
    _insert(
        scope,
        schema.delivery,
        [
            {**_values(row), **fate, "customer_id": owner[0], "settled_at": row.handed_at}
            for row, owner in zip(rows, owners, strict=True)
        ],
    )


_OF_CUSTOMERS: Mapping[str, Callable[[Scope, Rows, Sequence[Owner]], None]] = {
    "attribute_log": _tell,
    "consent": _consent,
    "suppression_log": _suppress,
    "segment_member": _list,
    "delivery": _hand,
    "event": _track,
}
