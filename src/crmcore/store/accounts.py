"""Accounts (companies) and who belongs to them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from crmcore.model.statement import Group
from crmcore.store import bulk, schema
from crmcore.store.attributes import OF_ACCOUNTS, Write, write
from crmcore.store.identities import Owner
from crmcore.store.scope import Scope
from crmcore.store.sources import source_ids

_STILL = """ON CONFLICT (workspace_id, account_id, customer_id, role, since) DO NOTHING"""


def group(scope: Scope, statements: Sequence[Group], owners: Sequence[Owner | None]) -> None:
    """Make accounts, set their attributes, and add the customers named to them."""
    accounts = account_ids(scope, statements)
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
        for name, value in one.attributes.items()
    ]
    write(scope, writes, OF_ACCOUNTS)
    _join(scope, statements, owners, accounts)


def account_ids(scope: Scope, statements: Sequence[Group]) -> dict[str, int]:
    """Return the id of each account named, made where it is new; the last name given stays."""
    names = {one.account: one.name for one in statements if one.name is not None}
    keys, row = sorted({one.account for one in statements}), schema.account.c
    found = scope.connection.execute(
        select(row.key, row.id).where(row.workspace_id == scope.workspace_id, row.key.in_(keys))
    )
    known = {key: one for key, one in found}
    missing = [key for key in keys if key not in known]
    made = dict(zip(missing, scope.new_ids(len(missing)), strict=True))
    rows = [(one, key, names.get(key, key), scope.now) for key, one in made.items()]
    bulk.insert(scope, schema.account, ("id", "key", "name", "created_at"), rows)
    renamed = [(names[key], one) for key, one in known.items() if key in names]
    bulk.update(scope, schema.account, ("name",), ("id",), renamed)
    return known | made


def _join(scope: Scope, statements: Sequence[Group], owners: Sequence[Owner | None], accounts: dict[str, int]) -> None:
    wanted = {
        (accounts[one.account], owner[0], one.role): (owner[1], one.at)
        for one, owner in zip(statements, owners, strict=True)
        if owner is not None
    }
    there = _lasting(scope, {key[1] for key in wanted})
    fresh = [(key, value) for key, value in wanted.items() if key not in there]
    ids = scope.new_ids(len(fresh))
    rows = [
        (new_id, account_id, customer_id, origin_id, role, since)
        for new_id, ((account_id, customer_id, role), (origin_id, since)) in zip(ids, fresh, strict=True)
    ]
    bulk.insert(scope, schema.member, ("id", "account_id", "customer_id", "origin_id", "role", "since"), rows, _STILL)


def _lasting(scope: Scope, customers: set[int]) -> set[tuple[int, int, str]]:
    row = schema.member.c
    rows = scope.connection.execute(
        select(row.account_id, row.customer_id, row.role).where(
            row.workspace_id == scope.workspace_id, row.customer_id.in_(sorted(customers)), row.until.is_(None)
        )
    )
    return {(account_id, customer_id, role) for account_id, customer_id, role in rows}
