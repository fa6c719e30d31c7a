"""Accounts (companies): what is known of them, what they are part of, and who belongs to them, with its history."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import select

from crmcore.errors import AccountCycle, UnknownAccount
from crmcore.model.statement import Group
from crmcore.model.values import Value
from crmcore.store import attributes, bulk, flags, schema
from crmcore.store.attributes import OF_ACCOUNTS, Write
from crmcore.store.flags import Flag
from crmcore.store.identities import Owner
from crmcore.store.scope import Scope
from crmcore.store.sources import source_ids
from crmcore.store.touched import ACCOUNTS

#: An account's name and parent are attributes of it too, under names no attribute can have.
NAME, PARENT = "account.name", "account.parent"


@attrs.frozen(kw_only=True)
class Membership:
    """A customer in an account: from when, until when (absent while it lasts)."""

    customer_id: int
    key: str | None
    role: str
    since: int
    until: int | None


@attrs.frozen(kw_only=True)
class AccountView:
    """An account; `ancestors` from its parent upwards, `children` directly below it."""

    key: str
    name: str
    attributes: Mapping[str, Value]
    ancestors: tuple[str, ...]
    children: tuple[str, ...]
    members: tuple[Membership, ...]


def group(scope: Scope, statements: Sequence[Group], owners: Sequence[Owner | None]) -> None:
    """Make accounts, set what is known of them, and let the customers named join or leave them.

    Raise AccountCycle where an account would be a part of itself.
    """
    keys = {one.account for one in statements} | {one.parent for one in statements if one.parent}
    accounts = account_ids(scope, keys)
    sources = source_ids(scope, {one.source for one in statements})
    writes = [
        Write(
            owner_id=accounts[one.account],
            origin_id=accounts[one.account],
            name=name,
            value=value,
            at=one.at,
            source_id=sources[one.source],
        )
        for one in statements
        for name, value in _told(one).items()
    ]
    attributes.write(scope, writes, OF_ACCOUNTS)
    touch_members(scope, {one.owner_id for one in writes})
    settle(scope, {one.owner_id for one in writes if one.name in (NAME, PARENT)})
    flags.log(scope, _joining(statements, owners, sources))
    settle_members(scope, {owner[0] for owner in owners if owner is not None})


def _told(one: Group) -> dict[str, Value]:
    named = {} if one.name is None else {NAME: one.name}
    placed = {} if one.parent is None else {PARENT: one.parent}
    return {**one.attributes, **named, **placed}


def _joining(
    statements: Sequence[Group], owners: Sequence[Owner | None], sources: Mapping[str | None, int | None]
) -> list[Flag]:
    return [
        Flag(
            customer_id=owner[0],
            origin_id=owner[1],
            name=flags.named(flags.MEMBER, one.account, one.role),
            is_on=one.member,
            at=one.at,
            source_id=sources[one.source],
        )
        for one, owner in zip(statements, owners, strict=True)
        if owner is not None
    ]


def account_ids(scope: Scope, keys: Iterable[str]) -> dict[str, int]:
    """Return the id of each account named, made where it is new."""
    wanted = sorted(set(keys))
    known = find(scope, wanted)
    missing = [key for key in wanted if key not in known]
    made = dict(zip(missing, scope.new_ids(len(missing)), strict=True))
    rows = [(one, key, key, scope.now, scope.import_id) for key, one in made.items()]
    bulk.insert(scope, schema.account, ("id", "key", "name", "created_at", "import_id"), rows)
    return known | made


def find(scope: Scope, keys: Iterable[str]) -> dict[str, int]:
    """Return the id of each account that there is."""
    found = bulk.select_in(scope, schema.account, ("key", "id"), {}, "key", sorted(keys))
    return {key: one for key, one in found}


def settle(scope: Scope, accounts: Collection[int]) -> None:
    """Set name and parent of accounts as their latest statements say; raise AccountCycle."""
    told = attributes.values_at(scope, accounts, OF_ACCOUNTS)
    ids = account_ids(scope, {str(value) for (_, name), (value, _) in told.items() if name == PARENT and value})
    changed: dict[int, tuple[str, int | None]] = {}
    for one in _rows(scope, "id", accounts):
        title, _ = told.get((one.id, NAME), (one.key, 0))
        parent, _ = told.get((one.id, PARENT), ("", 0))
        wanted = (str(title), ids.get(str(parent)))
        if wanted != (one.name, one.parent_id):
            changed[one.id] = wanted
    rows = [(name, parent_id, one) for one, (name, parent_id) in changed.items()]
    bulk.update(scope, schema.account, ("name", "parent_id"), ("id",), rows)
    for one in changed:
        _above(scope, one)


def _rows(scope: Scope, column: str, values: Collection[Any]) -> Sequence[Any]:
    columns = ("id", "key", "name", "parent_id")
    return bulk.select_in(scope, schema.account, columns, {}, column, sorted(values))


def _above(scope: Scope, account_id: int) -> list[str]:
    """Return the keys of the accounts an account is part of, the nearest first; raise AccountCycle."""
    [row] = _rows(scope, "id", [account_id])
    keys, seen = [], {account_id}
    while row.parent_id is not None:
        if row.parent_id in seen:
            raise AccountCycle(account=row.key)
        seen.add(row.parent_id)
        [row] = _rows(scope, "id", [row.parent_id])
        keys.append(row.key)
    return keys


def settle_members(scope: Scope, customers: Collection[int]) -> None:
    """Make the memberships of customers again from the log: each from the first joining until the first leaving."""
    logged = flags.logged(scope, customers, flags.MEMBER)
    ids = account_ids(scope, {one.parts[0] for one in logged})
    open_since: dict[tuple[int, int, str], int] = {}
    spans: list[tuple[int, int, str, int, int | None]] = []
    for one in sorted(logged, key=lambda one: (one.at, not one.is_on)):
        key = (ids[one.parts[0]], one.customer_id, one.parts[1])
        if one.is_on:
            open_since.setdefault(key, one.at)
        elif key in open_since:
            since = open_since.pop(key)
            spans += [(*key, since, one.at)] if since < one.at else []
    spans += [(*key, since, None) for key, since in open_since.items()]
    _replace_spans(scope, customers, spans)


def _replace_spans(scope: Scope, customers: Collection[int], spans: Sequence[tuple[Any, ...]]) -> None:
    columns = ("account_id", "customer_id", "role", "since", "until")
    scope.touched.note_all(customers, ACCOUNTS)
    found = bulk.select_in(scope, schema.member, ("id", *columns), {}, "customer_id", sorted(customers))
    there = {tuple(row[1:]): row[0] for row in found}
    gone = [(row_id,) for row, row_id in there.items() if row not in set(spans)]
    bulk.delete(scope, schema.member, ("id",), gone)
    new = [span for span in spans if span not in there]
    rows = [(new_id, *span, span[1]) for span, new_id in zip(new, scope.new_ids(len(new)), strict=True)]
    bulk.insert(scope, schema.member, ("id", *columns, "origin_id"), rows)


def touch_members(scope: Scope, accounts: Iterable[int]) -> None:
    """Note that what is known of accounts has changed: who belongs to them may fit other conditions."""
    members = bulk.select_in(scope, schema.member, ("customer_id",), {}, "account_id", sorted(accounts))
    scope.touched.note_all((customer_id for (customer_id,) in members), ACCOUNTS)


def view(scope: Scope, key: str, at: int | None = None) -> AccountView:
    """Return an account with its members, those at a time or those of all times; raise UnknownAccount."""
    found = next(iter(_rows(scope, "key", [key])), None)
    if found is None:
        raise UnknownAccount(kind="account", name=key)
    known = attributes.of(scope, found.id, OF_ACCOUNTS)
    return AccountView(
        key=key,
        name=found.name,
        attributes={name: value for name, value in known.items() if name not in (NAME, PARENT)},
        ancestors=tuple(_above(scope, found.id)),
        children=tuple(sorted(one.key for one in _rows(scope, "parent_id", [found.id]))),
        members=tuple(one for one in _members(scope, found.id) if at is None or _lasts(one, at)),
    )


def _members(scope: Scope, account_id: int) -> list[Membership]:
    member, customer = schema.member.c, schema.customer.c
    rows = scope.connection.execute(
        select(member.customer_id, customer.key, member.role, member.since, member.until)
        .join_from(schema.member, schema.customer, customer.id == member.customer_id)
        .where(
            member.workspace_id == scope.workspace_id,
            customer.workspace_id == scope.workspace_id,
            member.account_id == account_id,
        )
        .order_by(member.since, customer.key, member.role)
    )
    return [Membership(**one._asdict()) for one in rows]


def _lasts(one: Membership, at: int) -> bool:
    return one.since <= at and (one.until is None or at < one.until)
