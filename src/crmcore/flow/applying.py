"""Statements become rows: dedupe, customers, attributes, sums; one batch, one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import attrs

from crmcore.hooks.notices import CustomerChange
from crmcore.model.event import Event
from crmcore.model.statement import Consent, Group, Identify, Merge, Offer, Subscribe, Suppress
from crmcore.model.wire import Statement
from crmcore.store import accounts, attributes, consents, events, identities, merging, notices, offers, quarantine, tags
from crmcore.store.identities import Named, Owner
from crmcore.store.scope import Scope
from crmcore.store.sources import source_ids


@attrs.frozen(kw_only=True)
class Taken:
    """How many statements were new, and how many were events that had come in before."""

    new: int = 0
    repeated: int = 0

    def __add__(self, other: Taken) -> Taken:
        return Taken(new=self.new + other.new, repeated=self.repeated + other.repeated)


def apply(scope: Scope, statements: Sequence[Statement]) -> Taken:
    """Apply statements in the order given; neighbours of one kind go together."""
    taken = Taken()
    for kind, group in groupby(statements, type):
        batch = list(group)
        new = _APPLY[kind](scope, batch)
        taken += Taken(new=new, repeated=len(batch) - new)
    return taken


def owners_of(scope: Scope, named: Sequence[Named]) -> list[Owner]:
    """Return the customer of each statement; those it names together become one, and clashes are kept for a look."""
    resolved = identities.resolve(scope, named)
    for join in resolved.joins:
        merging.merge(scope, join.away, join.into, at=scope.now, reason="named together")
    quarantine.clashes(scope, resolved.clashes)
    return resolved.owners


def _track(scope: Scope, batch: Sequence[Event]) -> int:
    fresh, ids = events.unrepeated(scope, batch)
    events.append(scope, fresh, ids, owners_of(scope, [one.customer for one in fresh]))
    return len(fresh)


def _identify(scope: Scope, batch: Sequence[Identify]) -> int:
    owners = owners_of(scope, [one.customer for one in batch])
    sources = source_ids(scope, {one.source for one in batch})
    placed = list(zip(batch, owners, strict=True))
    changed = attributes.write(
        scope, [write for one, owner in placed for write in _writes(one, owner, sources[one.source])]
    )
    changed |= tags.write(
        scope, [tagging for one, owner in placed for tagging in _taggings(one, owner, sources[one.source])]
    )
    notices.post(scope, [CustomerChange(customer_id=one, at=scope.now) for one in sorted(changed)])
    return len(batch)


def _writes(one: Identify, owner: Owner, source_id: int | None) -> list[attributes.Write]:
    return [
        attributes.Write(
            owner_id=owner[0],
            origin_id=owner[1],
            name=name,
            value=value,
            at=one.at,
            source_id=source_id,
            import_id=one.import_id,
        )
        for name, value in one.attributes.items()
    ]


def _taggings(one: Identify, owner: Owner, source_id: int | None) -> list[tags.Tagging]:
    return [
        tags.Tagging(
            customer_id=owner[0],
            origin_id=owner[1],
            name=name,
            is_set=is_set,
            at=one.at,
            source_id=source_id,
            import_id=one.import_id,
        )
        for names, is_set in ((one.tags, True), (one.untags, False))
        for name in names
    ]


def _group(scope: Scope, batch: Sequence[Group]) -> int:
    found = iter(owners_of(scope, [one.customer for one in batch if one.customer]))
    accounts.group(scope, batch, [next(found) if one.customer else None for one in batch])
    return len(batch)


def _merge(scope: Scope, batch: Sequence[Merge]) -> int:
    for one in batch:
        [(away, _), (into, _)] = owners_of(scope, [one.customer, one.into])
        merging.merge(scope, away, into, at=one.at, reason=one.reason)
    return len(batch)


def _consent(scope: Scope, batch: Sequence[Consent]) -> int:
    consents.consent(scope, batch, owners_of(scope, [one.customer for one in batch]))
    return len(batch)


def _subscribe(scope: Scope, batch: Sequence[Subscribe]) -> int:
    consents.subscribe(scope, batch, owners_of(scope, [one.customer for one in batch]))
    return len(batch)


def _suppress(scope: Scope, batch: Sequence[Suppress]) -> int:
    consents.suppress(scope, batch, owners_of(scope, [one.customer for one in batch]))
    return len(batch)


def _offer(scope: Scope, batch: Sequence[Offer]) -> int:
    offers.save(scope, batch)
    return len(batch)


_APPLY: dict[type[Any], Callable[[Scope, Sequence[Any]], int]] = {
    Event: _track,
    Identify: _identify,
    Group: _group,
    Merge: _merge,
    Consent: _consent,
    Subscribe: _subscribe,
    Suppress: _suppress,
    Offer: _offer,
}
