"""From what statements name to customers: new ones are made, those named together are linked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from crmcore.model.identity import KEY, Identity
from crmcore.model.linking import NAMED, link
from crmcore.store import addresses, bulk, links, schema
from crmcore.store.identities import Named, Owner, find_and_claim, find_and_hold
from crmcore.store.links import Statement
from crmcore.store.regrouping import regroup, settle
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Naming:
    """The identities one statement names, and its time."""

    names: Named
    at: int


@attrs.frozen(kw_only=True)
class Explicit:
    """A statement that two identities are one customer (`other` stays), or are not."""

    one: Identity
    other: Identity
    kind: str
    at: int
    forced: bool = False
    reason: str = ""


@attrs.frozen(kw_only=True)
class Resolved:
    """The customer of each naming, in order, which of the explicit statements are refused, and which addresses were removed."""

    owners: list[Owner]
    refused: list[Explicit]
    removed: frozenset[Identity] = frozenset()


def resolve(scope: Scope, namings: Sequence[Naming], explicit: Sequence[Explicit] = ()) -> Resolved:
    """Return the customer of each statement; what it names is linked to what it is anchored at."""
    may_link = bool(explicit) or any(len(one.names) > 1 for one in namings)
    found = (find_and_claim if may_link else find_and_hold)(scope, (name for one in namings for name in one.names))
    known = found.owners
    new = _origins(scope, [name for one in namings for name in one.names if name not in known])
    if not new and not may_link:
        return Resolved(owners=[known[one.names[0]] for one in namings], refused=[], removed=found.removed)
    origins = {name: origin for name, (_, origin) in known.items()} | new
    said = _named_together(scope, namings, origins, set(new.values())) + _explicitly(explicit, origins)
    if not new and not said:
        return Resolved(owners=[known[anchor(one.names)] for one in namings], refused=[], removed=found.removed)
    links.write(scope, said)
    touched = {end for one in said for end in one.link.pair}
    regrouped = regroup(
        scope,
        touched & {origin for _, origin in known.values()},
        {origin: name for name, origin in new.items()},
        [one.link for one in said],
    )
    _write(scope, new, regrouped.homes, _registered(scope, namings, new))
    settle(scope, regrouped.touched)
    homes = {origin: customer for customer, origin in known.values()} | dict(regrouped.homes)
    owners = [(homes[origins[anchor(one.names)]], origins[anchor(one.names)]) for one in namings]
    pairs = {one: link(origins[one.one], origins[one.other], one.kind, one.at).pair for one in explicit}
    refused = [one for one in explicit if pairs[one] in regrouped.refused]
    return Resolved(owners=owners, refused=refused, removed=found.removed)


def anchor(names: Named) -> Identity:
    """Return the identity that a statement's rows come in under: the key, else the first it names."""
    return next((name for name in names if name.kind == KEY), names[0])


def _origins(scope: Scope, names: Sequence[Identity]) -> dict[Identity, int]:
    distinct = dict.fromkeys(names)
    return dict(zip(distinct, scope.new_ids(len(distinct)), strict=True))


def _named_together(
    scope: Scope, namings: Sequence[Naming], origins: Mapping[Identity, int], new: set[int]
) -> list[Statement]:
    """Return the links that are news: pairs not named together before, or named at an earlier time."""
    first: dict[tuple[int, int], Statement] = {}
    for one in namings:
        at = origins[anchor(one.names)]
        for name in one.names:
            if (other := origins[name]) != at:
                said = Statement(link=link(at, other, NAMED, one.at))
                known = first.get(said.link.pair)
                if known is None or said.link.at < known.link.at:
                    first[said.link.pair] = said
    since = links.named_since(scope, [pair for pair in first if new.isdisjoint(pair)])
    return [said for pair, said in first.items() if pair not in since or said.link.at < since[pair]]


def _explicitly(explicit: Sequence[Explicit], origins: Mapping[Identity, int]) -> list[Statement]:
    said: list[Statement] = []
    for one in explicit:
        low, high = origins[one.one], origins[one.other]
        if low != high:
            made = link(low, high, one.kind, one.at, into=high, forced=one.forced)
            said.append(Statement(link=made, reason=one.reason))
    return said


def _registered(scope: Scope, namings: Sequence[Naming], new: Mapping[Identity, int]) -> dict[Identity, str]:
    """Return since when identities are there that are not since now."""
    last: dict[Identity, int] = {}
    for one in namings:
        last |= {name: max(one.at, last.get(name, one.at)) for name in one.names if name in new}
    return {name: addresses.since(at) for name, at in last.items() if at != scope.now}


def _write(
    scope: Scope, new: Mapping[Identity, int], homes: Mapping[int, int], registered: Mapping[Identity, str]
) -> None:
    rows = [
        (
            new_id,
            name.kind,
            name.value,
            homes[origin],
            origin,
            scope.hash(name),
            registered.get(name, "{}"),
            scope.now,
            scope.import_id,
        )
        for (name, origin), new_id in zip(new.items(), scope.new_ids(len(new)), strict=True)
    ]
    columns = ("id", "kind", "value", "customer_id", "origin_id", "hash", "detail", "created_at", "import_id")
    bulk.insert(scope, schema.identity, columns, rows)
