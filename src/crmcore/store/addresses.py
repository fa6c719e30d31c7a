"""Addresses that are registered and removed. One that is removed leads to its customer still; nothing is sent to it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

import attrs

from crmcore.model.identity import Identity
from crmcore.model.presence import Presence
from crmcore.store import bulk, schema
from crmcore.store.identities import CLAIMED, Owner
from crmcore.store.scope import Scope

_COLUMNS = ("value", "id", "customer_id", "origin_id", "detail", "created_at", "removed_at")


@attrs.frozen(kw_only=True)
class Said:
    """What is said of an address: by a customer, and of nobody else's; or of anybody's."""

    address: Identity
    presence: Presence
    customer_id: int | None = None


@attrs.frozen(kw_only=True)
class Removed:
    """An address that was there until now, whose it is, and where in the statements that is said."""

    address: Identity
    owner: Owner
    place: int


@attrs.frozen
class _Row:
    id: int
    owner: Owner
    presence: Presence


def say(scope: Scope, said: Sequence[Said]) -> list[Removed]:
    """Let addresses come and go as is said of them; return those that are gone now. Unknown ones change nothing."""
    before = _held(scope, {one.address for one in said})
    after = {address: row.presence for address, row in before.items()}
    ended: dict[Identity, int] = {}
    for place, one in enumerate(said):
        row = before.get(one.address)
        if row is not None and one.customer_id in (None, row.owner[0]):
            after[one.address] = after[one.address].after(one.presence)
            ended[one.address] = place
    changed = {address: row for address, row in before.items() if row.presence != after[address]}
    _write(scope, [(row.id, after[address], row.presence) for address, row in changed.items()])
    return [
        Removed(address=address, owner=row.owner, place=ended[address])
        for address, row in changed.items()
        if row.presence.is_there and not after[address].is_there
    ]


def since(at: int) -> str:
    """Return the detail of an identity that was registered at a time."""
    return f'{{"since":{at}}}'


def _held(scope: Scope, names: Collection[Identity]) -> dict[Identity, _Row]:
    """Return what is known of addresses; nobody else says anything of them until the transaction ends."""
    found: dict[Identity, _Row] = {}
    for kind in sorted({one.kind for one in names}):
        values = sorted(one.value for one in names if one.kind == kind)
        rows = bulk.select_held(scope, schema.identity, _COLUMNS, {"kind": kind}, "value", values, CLAIMED)
        for value, one, customer_id, origin_id, detail, created_at, removed_at in rows:
            found[Identity(kind, value)] = _Row(
                one, (customer_id, origin_id), _presence(detail, created_at, removed_at)
            )
    return found


def _presence(detail: str, created_at: int, removed_at: int | None) -> Presence:
    if removed_at is not None:
        return Presence(is_there=False, at=removed_at)
    return Presence(is_there=True, at=json.loads(detail).get("since", created_at))


def _write(scope: Scope, changed: Sequence[tuple[int, Presence, Presence]]) -> None:
    came = [(None, since(now.at), one) for one, now, _ in changed if now.is_there]
    went = [(now.at, one) for one, now, _ in changed if not now.is_there]
    bulk.update(scope, schema.identity, ("removed_at", "detail"), ("id",), came)
    bulk.update(scope, schema.identity, ("removed_at",), ("id",), went)
