"""Never contact: addresses, and whole customers. What holds follows from the log of statements: the longest.

Where all of a customer is meant, the origin it was named by is suppressed, and so is every customer that origin belongs
to, for as long as it does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import delete, select, update

from crmcore.model.identity import Identity
from crmcore.model.statement import Suppress
from crmcore.store import bulk, schema
from crmcore.store.consents import touch
from crmcore.store.identities import IN_LIST, Owner
from crmcore.store.scope import Scope
from crmcore.store.sources import source_ids

_LOG = ("id", "origin_id", "channel", "hash", "reason", "at", "until", "received_at", "source_id", "import_id")
_STATE = ("id", "channel", "hash", "reason", "at", "until", "source_id")


@attrs.frozen
class Logged:
    """A statement of the log; `until` is when it ends (microseconds UTC), None for ever."""

    hash: bytes
    channel: str
    reason: str
    at: int
    until: int | None
    source_id: int | None
    origin_id: int
    import_id: int | None

    @property
    def is_choice(self) -> bool:
        """Whether it says what its source was told last: one that ends as it begins ends those before it."""
        return self.source_id is not None and self.until == self.at


def suppress(scope: Scope, statements: Sequence[Suppress], owners: Sequence[Owner]) -> None:
    """Never contact these customers, or these addresses of theirs."""
    sources = source_ids(scope, {one.source for one in statements})
    rows = [
        (
            new_id,
            owner[1],
            one.channel,
            scope.hash(one.address or whole_customer(owner[1])),
            one.reason,
            one.at,
            one.until,
            scope.now,
            sources[one.source],
            scope.import_id,
        )
        for new_id, owner, one in zip(scope.new_ids(len(owners)), owners, statements, strict=True)
    ]
    bulk.insert(scope, schema.suppression_log, _LOG, rows)
    settle_addresses(scope, [scope.hash(one.address) for one in statements if one.address is not None])
    settle(scope, {owner[0] for owner, one in zip(owners, statements, strict=True) if one.address is None})
    touch(scope, (owner[0] for owner in owners))


def choose(scope: Scope, statements: Sequence[Suppress], owners: Sequence[Owner]) -> None:
    """Suppress addresses, or end what their source has suppressed before; what it has said already changes nothing."""
    sources = source_ids(scope, {one.source for one in statements})
    digests = [scope.hash(one.address) for one in statements if one.address is not None]
    known = {(one.hash, one.channel, one.source_id, one.at, one.is_choice) for one in _said(scope, digests)}
    new: dict[tuple[object, ...], tuple[Suppress, Owner]] = {}
    for digest, one, owner in zip(digests, statements, owners, strict=True):
        key = (digest, one.channel, sources[one.source], one.at, one.until == one.at)
        if key not in known:
            new.setdefault(key, (one, owner))
    if new:
        suppress(scope, [one for one, _ in new.values()], [owner for _, owner in new.values()])


def settle(scope: Scope, customers: Collection[int]) -> None:
    """Suppress customers as their origins are, and no others."""
    columns = ("customer_id", "origin_id")
    found = bulk.select_in(scope, schema.identity, columns, {}, "customer_id", sorted(customers))
    owner_of = {
        scope.hash(whole_customer(origin_id)): scope.hash(whole_customer(customer_id))
        for customer_id, origin_id in found
    }
    _replace(scope, [scope.hash(whole_customer(one)) for one in customers], _log(scope, owner_of), owner_of)


def settle_addresses(scope: Scope, hashes: Collection[bytes]) -> None:
    """Suppress addresses as the log says, and no others."""
    _replace(scope, hashes, _log(scope, hashes), {one: one for one in hashes})


def outlive(scope: Scope, origins: Collection[int], names: Collection[Identity]) -> None:
    """Let what was said of a customer who is erased hold for its addresses, which nobody can read out of a hash.

    Where all of the customer was meant, each of its addresses is meant from now on.
    """
    whole = {scope.hash(whole_customer(one)) for one in origins}
    hashes = [scope.hash(name) for name in names]
    _write(scope, [attrs.evolve(one, hash=digest) for one in _said(scope, whole) for digest in hashes])
    row = schema.suppression_log.c
    mine = (row.workspace_id == scope.workspace_id, row.hash.in_(whole))
    scope.connection.execute(delete(schema.suppression_log).where(*mine))
    theirs = update(schema.suppression_log).where(row.workspace_id == scope.workspace_id)
    known = [*hashes, *(scope.hash(marketing_at(name)) for name in names)]
    scope.connection.execute(theirs.where(row.hash.in_(known)).values(origin_id=0))
    settle_addresses(scope, hashes)
    gone = schema.suppression.c
    standing = delete(schema.suppression).where(gone.workspace_id == scope.workspace_id, gone.hash.in_(whole))
    scope.connection.execute(standing)


def _write(scope: Scope, said: Sequence[Logged]) -> None:
    rows = [
        (
            new_id,
            0,
            one.channel,
            one.hash,
            one.reason,
            one.at,
            one.until,
            scope.now,
            one.source_id,
            one.import_id,
        )
        for one, new_id in zip(said, scope.new_ids(len(said)), strict=True)
    ]
    bulk.insert(scope, schema.suppression_log, _LOG, rows)


def whole_customer(customer_id: int) -> Identity:
    """Return what stands for all of a customer, or of an origin, in a suppression."""
    return Identity("customer", str(customer_id))


def marketing_at(address: Identity) -> Identity:
    """Return what stands for an address in a suppression of marketing alone: other messages may still go there."""
    return Identity("marketing", f"{address.kind} {address.value}")


def kinds_of_one(scope: Scope, channel: str) -> frozenset[str]:
    """Return the kinds of addresses that one person has on a channel, where they are several."""
    kinds = scope.address_kinds.get(channel, frozenset())
    return kinds if len(kinds) > 1 else frozenset()


def standing(scope: Scope, hashes: Collection[bytes]) -> Iterator[Any]:
    """Yield what there is of these hashes, in force or over: hash, channel, reason, at, until."""
    row, wanted = schema.suppression.c, sorted(hashes)
    for start in range(0, len(wanted), IN_LIST):
        some = wanted[start : start + IN_LIST]
        yield from scope.connection.execute(
            select(row.hash, row.channel, row.reason, row.at, row.until).where(
                row.workspace_id == scope.workspace_id, row.hash.in_(some)
            )
        )


def in_force(scope: Scope, hashes: Sequence[bytes]) -> list[tuple[bytes, str, str, int | None]]:
    """Return the suppressions in force of these hashes: hash, channel, reason, until."""
    columns = ("hash", "channel", "reason", "until")
    found = bulk.select_bytes(scope, schema.suppression, columns, "hash", hashes)
    return [
        (digest, channel, reason, until)
        for digest, channel, reason, until in found
        if until is None or until > scope.now
    ]


def of_origins(scope: Scope, origins: Iterable[int], names: Iterable[Identity], at: int) -> set[tuple[str, str]]:
    """Return channel and reason of what had been suppressed at a time, of customers and of addresses."""
    hashes = [scope.hash(whole_customer(one)) for one in origins] + [scope.hash(name) for name in names]
    longest: dict[tuple[bytes, str], Logged] = {}
    for one in _log(scope, hashes):
        if one.at <= at and (one.until is None or one.until > at):
            key = (one.hash, one.channel)
            longest[key] = max(longest.get(key, one), one, key=_length)
    return {(one.channel, one.reason) for one in longest.values()}


def of_customers(scope: Scope, origins: Iterable[int]) -> list[tuple[int, int | None]]:
    """Return which customers were suppressed as a whole, by the origin meant, and by which import."""
    return [(one.origin_id, one.import_id) for one in _log(scope, [scope.hash(whole_customer(one)) for one in origins])]


def _log(scope: Scope, hashes: Collection[bytes]) -> list[Logged]:
    """Return what was said, each ended by the first choice of its source after it."""
    said = _said(scope, hashes)
    choices: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for one in said:
        if one.is_choice:
            choices[one.hash, one.channel, one.source_id].append(one.at)
    return [_ended(one, choices.get((one.hash, one.channel, one.source_id), ())) for one in said] if choices else said


def _ended(one: Logged, choices: Collection[int]) -> Logged:
    later = [at for at in choices if at > one.at]
    return attrs.evolve(one, until=min(later if one.until is None else [*later, one.until], default=one.until))


def _said(scope: Scope, hashes: Collection[bytes]) -> list[Logged]:
    row, wanted = schema.suppression_log.c, sorted(set(hashes))
    columns = [row[field.name] for field in attrs.fields(Logged)]
    found: list[Logged] = []
    for start in range(0, len(wanted), IN_LIST):
        some = wanted[start : start + IN_LIST]
        query = select(*columns).where(row.workspace_id == scope.workspace_id, row.hash.in_(some))
        found += [Logged(*one) for one in scope.connection.execute(query)]
    return found


def _length(row: Logged) -> tuple[object, ...]:
    """For ever is the longest; of equally long ones the first said counts."""
    return row.until is None, row.until or 0, -row.at, row.reason


def _replace(scope: Scope, hashes: Collection[bytes], log: Iterable[Logged], owner_of: Mapping[bytes, bytes]) -> None:
    longest: dict[tuple[bytes, str], Logged] = {}
    for row in log:
        key = (owner_of[row.hash], row.channel)
        longest[key] = max(longest.get(key, row), row, key=_length)
    state, wanted = schema.suppression.c, sorted(hashes)
    for start in range(0, len(wanted), IN_LIST):
        some = wanted[start : start + IN_LIST]
        scope.connection.execute(
            delete(schema.suppression).where(state.workspace_id == scope.workspace_id, state.hash.in_(some))
        )
    rows = [
        (new_id, channel, digest, row.reason, row.at, row.until, row.source_id)
        for new_id, ((digest, channel), row) in zip(scope.new_ids(len(longest)), sorted(longest.items()), strict=True)
    ]
    bulk.insert(scope, schema.suppression, _STATE, rows)
