"""From identities to customers: finding, making, linking."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs
from sqlalchemy import select

from crmcore.model.identity import KEY, Identity
from crmcore.store import bulk
from crmcore.store.schema import contact_state, customer, identity
from crmcore.store.scope import Scope

Named = tuple[Identity, ...]
#: Where an identity leads: the customer it belongs to now, and the one it came in under.
Owner = tuple[int, int]
NewIds = Callable[[int], list[int]]
#: How many values one IN list takes; SQLite allows 32,766 parameters.
IN_LIST = 10_000


@attrs.frozen(kw_only=True)
class Join:
    """Two customers that one statement names together: `away` has no key of its own, `into` stays."""

    away: int
    into: int


@attrs.frozen(kw_only=True)
class Clash:
    """An identity that belongs to another customer with a key, and so was not linked."""

    identity: Identity
    customer_id: int
    owner_id: int


@attrs.frozen(kw_only=True)
class Resolved:
    """The owner of each statement, in order, and what follows from naming several identities together."""

    owners: list[Owner]
    joins: list[Join]
    clashes: list[Clash]


def find(scope: Scope, names: Iterable[Identity]) -> dict[Identity, Owner]:
    """Return the owner each known identity leads to."""
    kinds: dict[str, dict[str, Identity]] = {}
    for name in names:
        kinds.setdefault(name.kind, {})[name.value] = name
    found: dict[Identity, Owner] = {}
    for kind in sorted(kinds):
        named = kinds[kind]
        columns = ("value", "customer_id", "origin_id")
        rows = bulk.select_in(scope, identity, columns, {"kind": kind}, "value", sorted(named))
        found.update((named[value], (customer_id, origin_id)) for value, customer_id, origin_id in rows)
    return found


def resolve(scope: Scope, named: Sequence[Named]) -> Resolved:
    """Return the customer of each statement, made where none is known, with all its identities linked to it.

    Identities named together belong to one customer. A customer without a key joins the one it is named with; an
    identity of another customer with a key stays where it is, and is reported as a clash.
    """
    known = find(scope, (name for names in named for name in names))
    together = {known[name][0] for names in named if len(names) > 1 for name in names if name in known}
    linking = _Linking(known, keys_of(scope, together), scope.new_ids)
    owners = [linking.owner(names) for names in named]
    linking.store(scope)
    return Resolved(owners=linking.settled(owners), joins=linking.joins, clashes=linking.clashes)


class _Linking:
    """One batch of statements on its way from names to customers; `store` writes what came of it."""

    def __init__(self, known: dict[Identity, Owner], keys: dict[int, str | None], new_ids: NewIds) -> None:
        self._known, self._keys, self._new_ids = known, keys, new_ids
        self._made: dict[int, str | None] = {}
        self._linked: dict[Identity, int] = {}
        self._got_key: dict[int, str] = {}
        self._into: dict[int, int] = {}
        self.joins: list[Join] = []
        self.clashes: list[Clash] = []

    def owner(self, names: Named) -> Owner:
        if len(names) == 1 and names[0] in self._known:
            return self._known[names[0]]
        chosen = self._choose(names)
        origin = next((self._known[name][1] for name in names if self._owner(name) == chosen), chosen)
        for name in names:
            self._link(name, chosen)
        return chosen, origin

    def settled(self, owners: list[Owner]) -> list[Owner]:
        """Return the owners after all joins of the batch."""
        return [(self._stays(current), origin) for current, origin in owners] if self._into else owners

    def store(self, scope: Scope) -> None:
        make(scope, self._made)
        ids = scope.new_ids(len(self._linked))
        rows = [
            (new_id, name.kind, name.value, owner, owner, scope.hash(name), "{}", scope.now)
            for (name, owner), new_id in zip(self._linked.items(), ids, strict=True)
        ]
        columns = ("id", "kind", "value", "customer_id", "origin_id", "hash", "detail", "created_at")
        bulk.insert(scope, identity, columns, rows)
        bulk.update(scope, customer, ("key",), ("id",), [(key, one) for one, key in self._got_key.items()])

    def _choose(self, names: Named) -> int:
        """The owner of the key that is named, else an owner without another key (the one with a key, the oldest)."""
        key = next((name for name in names if name.kind == KEY), None)
        if key is not None and (owner := self._owner(key)) is not None:
            return owner
        owners = {owner for name in names if (owner := self._owner(name)) is not None}
        fitting = [owner for owner in owners if key is None or self._keys.get(owner) is None]
        if not fitting:
            return self._new()
        return min(fitting, key=lambda owner: (self._keys.get(owner) is None, owner))

    def _link(self, name: Identity, chosen: int) -> None:
        owner = self._owner(name)
        if owner is None:
            self._own(name, chosen)
        elif owner != chosen and self._keys.get(owner) is not None:
            self.clashes.append(Clash(identity=name, customer_id=chosen, owner_id=owner))
        elif owner != chosen:
            self._into[owner] = chosen
            self.joins.append(Join(away=owner, into=chosen))

    def _own(self, name: Identity, chosen: int) -> None:
        self._known[name] = (chosen, chosen)
        self._linked[name] = chosen
        if name.kind == KEY:
            self._keys[chosen] = name.value
            keyed = self._made if chosen in self._made else self._got_key
            keyed[chosen] = name.value

    def _owner(self, name: Identity) -> int | None:
        return self._stays(self._known[name][0]) if name in self._known else None

    def _stays(self, customer_id: int) -> int:
        while customer_id in self._into:
            customer_id = self._into[customer_id]
        return customer_id

    def _new(self) -> int:
        [new_id] = self._new_ids(1)
        self._made[new_id] = None
        return new_id


def make(scope: Scope, keys: Mapping[int, str | None]) -> None:
    """Make customers by id and key, each with the row that guards whether it may be contacted."""
    bulk.insert(scope, customer, ("id", "key", "created_at"), [(one, key, scope.now) for one, key in keys.items()])
    states = [(one, scope.now, 0) for one in keys]
    bulk.insert(scope, contact_state, ("customer_id", "changed_at", "version"), states)


def keys_of(scope: Scope, customers: set[int]) -> dict[int, str | None]:
    """Return the key of each customer, None for those without."""
    found: dict[int, str | None] = {}
    ids = sorted(customers)
    for start in range(0, len(ids), IN_LIST):
        rows = scope.connection.execute(
            select(customer.c.id, customer.c.key).where(
                customer.c.workspace_id == scope.workspace_id, customer.c.id.in_(ids[start : start + IN_LIST])
            )
        )
        found.update((one, key) for one, key in rows)
    return found
