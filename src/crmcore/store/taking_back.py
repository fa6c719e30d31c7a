"""What an import wrote, taken back a batch at a time: its rows go, and what follows from the logs is settled again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import attrs
from sqlalchemy import Table, delete, literal, select

from crmcore.model.identity import Identity
from crmcore.store import accounts, attributes, bulk, flags, orders, regrouping, schema, states, sums, suppressions
from crmcore.store.attributes import OF_ACCOUNTS
from crmcore.store.imports import Begun
from crmcore.store.scope import Scope

BATCH = 1000
#: Tables whose rows belong to an origin: an identity that any of them refers to stays. Those that imports write too, and
#: those they never do.
_IMPORTED = (schema.event, schema.attribute_log, schema.consent)
_LIVE = (schema.conversion, schema.impression, schema.enrolment, schema.delivery)
#: `refused` is in no index, without which SQLite reads all links of a workspace rather than look up a few of them.
_OF_LINK = ("import_id", "refused")
#: Written out, so that an index of what imports said is seen to hold all that is asked for.
_NONE = literal(0, literal_execute=True)


@attrs.frozen(kw_only=True)
class Kept:
    """A field that stays as it is, since something newer than the import was written: of a customer, or of an account."""

    who: int
    field: str


@attrs.frozen(kw_only=True)
class Batch:
    """What one batch took back: how many rows, the fields that stay, and the identities that others refer to by now."""

    rows: int
    kept: tuple[Kept, ...] = ()
    referred: int = 0


NOTHING = Batch(rows=0)


def lines(scope: Scope, begun: Begun) -> Batch:
    """Take back events; orders that lines of other imports add up to as well stay with what is left of them."""
    row = schema.event.c
    columns = (row.id, row.customer_id, row.occurred_at)
    query = select(*columns).where(row.workspace_id == scope.workspace_id, row.import_id == begun.id)
    is_orders = begun.mapping["kind"] == orders.KIND
    if is_orders:
        query = query.where(row.name.not_in(sorted(orders.WHOLE.values())))
    found = scope.connection.execute(query.limit(BATCH)).all()
    customers = _delete(scope, schema.event, found)
    before = {sums.day_of(one.occurred_at) for one in found}
    if is_orders:
        before |= orders.settle(scope, begun.source_id, customers)
    sums.settle(scope, customers, before)
    return Batch(rows=len(found))


def consents(scope: Scope, begun: Begun) -> Batch:
    """Take back consents given and withdrawn."""
    row = schema.consent.c
    found = _page(scope, schema.consent, begun.id, (row.id, row.customer_id, row.purpose, row.channel))
    fields = {(one.customer_id, states.consent_field(one.purpose, one.channel)) for one in found}
    return _settled(scope, schema.consent, found, fields)


def writes(scope: Scope, begun: Begun) -> Batch:
    """Take back attributes, tags, wishes and memberships of customers."""
    row = schema.attribute_log.c
    found = _page(scope, schema.attribute_log, begun.id, (row.id, row.customer_id, row.name))
    return _settled(scope, schema.attribute_log, found, {(one.customer_id, _field(one.name)) for one in found})


def account_writes(scope: Scope, begun: Begun) -> Batch:
    """Take back what was said of accounts."""
    row = schema.account_attribute_log.c
    found = _page(scope, schema.account_attribute_log, begun.id, (row.id, row.account_id, row.name))
    owners = {one.account_id for one in found}
    before = states.of_accounts(scope, owners)
    _delete(scope, schema.account_attribute_log, found)
    attributes.settle(scope, owners, OF_ACCOUNTS)
    accounts.settle(scope, owners)
    accounts.touch_members(scope, owners)
    after = states.of_accounts(scope, owners)
    fields = {(one.account_id, states.attribute_field(one.name)) for one in found}
    return Batch(rows=len(found), kept=_kept(fields, before, after))


def suppressed(scope: Scope, begun: Begun) -> Batch:
    """Take back suppressions."""
    row = schema.suppression_log.c
    found = _page(scope, schema.suppression_log, begun.id, (row.id, row.origin_id, row.hash))
    bulk.delete(scope, schema.suppression_log, ("id",), [(one.id,) for one in found])
    origins = {one.origin_id for one in found}
    owners = bulk.select_in(scope, schema.identity, ("customer_id",), {}, "origin_id", sorted(origins))
    whole = {scope.hash(suppressions.whole_customer(one)) for one in origins}
    suppressions.settle_addresses(scope, {one.hash for one in found} - whole)
    suppressions.settle(scope, {customer_id for (customer_id,) in owners})
    return Batch(rows=len(found))


def links(scope: Scope, begun: Begun) -> Batch:
    """Take back that identities are one customer."""
    row = schema.link.c
    found = _page(scope, schema.link, begun.id, (row.id, row.low, row.high, row.refused))
    bulk.delete(scope, schema.link, ("id",), [(one.id,) for one in found])
    ends = {end for one in found for end in (one.low, one.high)}
    regrouped = regrouping.regroup(scope, ends, {}, ())
    regrouping.settle(scope, regrouped.touched | {regrouped.homes[end] for end in ends if end in regrouped.homes})
    return Batch(rows=len(found))


def identities(scope: Scope, begun: Begun) -> Batch:
    """Take back identities, and customers of whom nothing is left; those that others refer to stay.

    Where only other imports do, the first of them has brought it from now on.
    """
    row = schema.identity.c
    columns = (row.id, row.origin_id, row.customer_id, row.kind, row.value)
    found = _page(scope, schema.identity, begun.id, columns)
    referred = _referred(scope, {one.origin_id for one in found}, {one.customer_id for one in found})
    gone = [one for one in found if one.origin_id not in referred]
    bulk.delete(scope, schema.identity, ("id",), [(one.id,) for one in gone])
    stay = [(referred[one.origin_id], one.id) for one in found if one.origin_id in referred]
    bulk.update(scope, schema.identity, ("import_id",), ("id",), stay)
    _remove_customers(scope, {one.customer_id for one in gone})
    hashes = {scope.hash(Identity(one.kind, one.value)) for one in gone}
    suppressions.settle_addresses(scope, hashes)
    return Batch(rows=len(found), referred=len(stay))


def companies(scope: Scope, begun: Begun) -> Batch:
    """Take back accounts of which nothing is left."""
    row = schema.account.c
    found = _page(scope, schema.account, begun.id, (row.id,))
    ids = [one.id for one in found]
    used = {
        owner
        for table, column in (
            (schema.account_attribute_log, "account_id"),
            (schema.member, "account_id"),
            (schema.account, "parent_id"),
        )
        for (owner,) in bulk.select_in(scope, table, (column,), {}, column, ids)
    }
    bulk.update(scope, schema.account, ("import_id",), ("id",), [(None, one) for one in sorted(used)])
    bulk.delete(scope, schema.account, ("id",), [(one,) for one in ids if one not in used])
    return Batch(rows=len(found))


def fingerprints(scope: Scope, begun: Begun) -> None:
    """Forget which lines were taken, so that the file may be imported again."""
    row = schema.fingerprint.c
    scope.connection.execute(
        delete(schema.fingerprint).where(
            row.workspace_id == scope.workspace_id, row.source_id == begun.source_id, row.import_id == begun.id
        )
    )


def names_of(scope: Scope, kept: Sequence[Kept]) -> dict[int, str]:
    """Return what customers and accounts are called: a key, else an identity."""
    ids = sorted({one.who for one in kept})
    found = bulk.select_in(scope, schema.identity, ("customer_id", "kind", "value"), {}, "customer_id", ids)
    names = {
        one: f"{kind} {value}" for one, kind, value in sorted(found, key=lambda row: row.kind != "key", reverse=True)
    }
    companies_ = bulk.select_in(scope, schema.account, ("id", "key"), {}, "id", ids)
    return names | {one: f"account {key}" for one, key in companies_}


def _page(scope: Scope, table: Table, import_id: int, columns: Sequence[Any]) -> Sequence[Any]:
    query = select(*columns).where(
        table.c.workspace_id == scope.workspace_id, table.c.import_id == import_id, table.c.import_id != _NONE
    )
    return scope.connection.execute(query.limit(BATCH)).all()


def _delete(scope: Scope, table: Table, found: Sequence[Any]) -> set[int]:
    """Delete rows by id, the first column; return their owners, the second."""
    bulk.delete(scope, table, ("id",), [(one[0],) for one in found])
    return {one[1] for one in found}


def _settled(scope: Scope, table: Table, found: Sequence[Any], fields: Collection[tuple[int, str]]) -> Batch:
    customers = {one.customer_id for one in found}
    before = states.of_customers(scope, customers)
    _delete(scope, table, found)
    regrouping.settle(scope, customers)
    return Batch(rows=len(found), kept=_kept(fields, before, states.of_customers(scope, customers)))


def _kept(
    fields: Collection[tuple[int, str]], before: dict[int, states.Fields], after: dict[int, states.Fields]
) -> tuple[Kept, ...]:
    return tuple(
        Kept(who=owner, field=field)
        for owner, field in sorted(fields)
        if field in before[owner] and before[owner][field] == after[owner].get(field)
    )


def _field(name: str) -> str:
    """Return how the field is called that a name in the log stands for."""
    if ":" not in name:
        return states.attribute_field(name)
    kind, parts = flags.parts(name)
    if kind == flags.TAG:
        return states.tag_field(*parts)
    return states.wish_field(*parts) if kind == flags.WISH else states.member_field(*parts)


def _referred(scope: Scope, origins: set[int], customers: set[int]) -> dict[int, int | None]:
    """Return the origins that rows refer to, with the first import that does where no others do."""
    by: dict[int, set[int]] = {}
    for origin, import_id in _references(scope, sorted(origins), sorted(customers)):
        by.setdefault(origin, set()).add(import_id or 0)
    return {origin: min(imports) or None for origin, imports in by.items() if origin in origins}


def _references(scope: Scope, origins: list[int], customers: list[int]) -> Iterator[Any]:
    for table in _IMPORTED:
        yield from bulk.select_in(scope, table, ("origin_id", "import_id"), {}, "customer_id", customers)
    for table in _LIVE:
        for (origin,) in bulk.select_in(scope, table, ("origin_id",), {}, "customer_id", customers):
            yield origin, None
    for column in ("low", "high"):
        for origin, import_id, _ in bulk.select_in(scope, schema.link, (column, *_OF_LINK), {}, column, origins):
            yield origin, import_id
    yield from suppressions.of_customers(scope, origins)


def _remove_customers(scope: Scope, customers: set[int]) -> None:
    """Remove the customers nobody leads to any more."""
    left = bulk.select_in(scope, schema.identity, ("customer_id",), {}, "customer_id", sorted(customers))
    gone = [(one,) for one in sorted(customers - {customer_id for (customer_id,) in left})]
    bulk.delete(
        scope, schema.suppression, ("hash",), [(scope.hash(suppressions.whole_customer(one)),) for (one,) in gone]
    )
    bulk.delete(scope, schema.contact_state, ("customer_id",), gone)
    bulk.delete(scope, schema.customer, ("id",), gone)
    scope.touched.note_all(one for (one,) in gone)
