"""Statements become rows: dedupe, customers, attributes, sums; one batch, one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import attrs

from crmcore.flow import registering, singles
from crmcore.flow.screening import screen
from crmcore.hooks.notices import CustomerChange
from crmcore.model.event import Event
from crmcore.model.identity import Identity
from crmcore.model.linking import MERGED, UNMERGED
from crmcore.model.statement import Consent, Group, Identify, Merge, Offer, Revisit, Send, Subscribe, Suppress, Unmerge
from crmcore.model.wire import Statement
from crmcore.store import (
    accounts,
    attributes,
    consents,
    events,
    flags,
    message_ids,
    notices,
    offers,
    quarantine,
    suppressions,
    tags,
)
from crmcore.store.attributes import Write
from crmcore.store.flags import Flag
from crmcore.store.identities import Owner
from crmcore.store.quarantine import Refused
from crmcore.store.resolving import Explicit, Naming, anchor, resolve
from crmcore.store.scope import Scope
from crmcore.store.sources import source_ids

#: A statement about a customer, made at a time.
Happened = Event | Identify | Group | Consent | Subscribe | Suppress | Send | Revisit


@attrs.frozen(kw_only=True)
class Taken:
    """How many statements were new, how many events and keyed messages had come in before, how many went to quarantine; refused merges."""

    new: int = 0
    repeated: int = 0
    quarantined: int = 0
    refused: tuple[tuple[Identity, Identity], ...] = ()

    def __add__(self, other: Taken) -> Taken:
        return Taken(
            new=self.new + other.new,
            repeated=self.repeated + other.repeated,
            quarantined=self.quarantined + other.quarantined,
            refused=self.refused + other.refused,
        )


def apply(scope: Scope, statements: Sequence[Statement]) -> Taken:
    """Apply statements that fit what their source declares, and keep the others in quarantine."""
    screened = screen(scope, statements)
    taken = apply_fitting(scope, screened.fitting)
    return taken + _keep(scope, screened.refused) if screened.refused else taken


def apply_fitting(scope: Scope, statements: Sequence[Statement]) -> Taken:
    """Apply statements in the order given; neighbours of one kind go together."""
    taken = Taken()
    for take, group in groupby(statements, lambda one: _APPLY[type(one)]):
        taken += take(scope, list(group))
    return taken


def _keep(scope: Scope, refused: Sequence[Refused]) -> Taken:
    """An event that has come in before is a repeat, whatever it says now; one in quarantine claims no message id."""
    sent = [one.statement.message_id for one in refused if isinstance(one.statement, Event)]
    known = message_ids.first_events(scope, [one for one in sent if one])
    news = [one for one in refused if getattr(one.statement, "message_id", None) not in known]
    kept = quarantine.keep(scope, news)
    return Taken(quarantined=kept, repeated=len(refused) - kept)


def owners_of(scope: Scope, events: Sequence[Happened]) -> list[Owner]:
    """Return the customer of each statement; those it names together become one."""
    return resolve(scope, [Naming(names=one.customer, at=one.at) for one in events]).owners


def _track(scope: Scope, batch: Sequence[Event]) -> Taken:
    fresh, ids = events.unrepeated(scope, batch)
    events.append(scope, fresh, ids, owners_of(scope, fresh))
    return Taken(new=len(fresh), repeated=len(batch) - len(fresh))


def _identify(scope: Scope, batch: Sequence[Identify]) -> Taken:
    found = resolve(scope, [Naming(names=one.customer, at=one.at) for one in batch])
    registering.register(scope, batch, found.owners, found.removed)
    return identify_owned(scope, batch, found.owners)


def identify_owned(scope: Scope, batch: Sequence[Identify], owners: Sequence[Owner]) -> Taken:
    """Take what is said of customers that are known."""
    sources = source_ids(scope, {one.source for one in batch})
    placed = list(zip(batch, owners, strict=True))
    changed = attributes.write(
        scope, [write for one, owner in placed for write in _writes(one, owner, sources[one.source])]
    )
    tagged = [flag for one, owner in placed for flag in _taggings(one, owner, sources[one.source])]
    if tagged:
        flags.log(scope, tagged)
        changed |= tags.settle(scope, {one.customer_id for one in tagged})
    notices.post(scope, [CustomerChange(customer_id=one, at=scope.now) for one in sorted(changed)])
    return Taken(new=len(batch))


def _writes(one: Identify, owner: Owner, source_id: int | None) -> list[Write]:
    return [
        Write(owner_id=owner[0], origin_id=owner[1], name=name, value=value, at=one.at, source_id=source_id)
        for name, value in one.attributes.items()
    ]


def _taggings(one: Identify, owner: Owner, source_id: int | None) -> list[Flag]:
    return [
        Flag(
            customer_id=owner[0],
            origin_id=owner[1],
            name=flags.named(flags.TAG, name),
            is_on=is_on,
            at=one.at,
            source_id=source_id,
        )
        for names, is_on in ((one.tags, True), (one.untags, False))
        for name in names
    ]


def _group(scope: Scope, batch: Sequence[Group]) -> Taken:
    found = iter(owners_of(scope, [one for one in batch if one.customer]))
    accounts.group(scope, batch, [next(found) if one.customer else None for one in batch])
    return Taken(new=len(batch))


def _merge(scope: Scope, batch: Sequence[Merge | Unmerge]) -> Taken:
    namings = [Naming(names=names, at=one.at) for one in batch for names in (one.customer, one.into)]
    said = [
        Explicit(
            one=anchor(one.customer),
            other=anchor(one.into),
            kind=MERGED if isinstance(one, Merge) else UNMERGED,
            at=one.at,
            forced=isinstance(one, Merge) and one.force,
            reason=one.reason,
        )
        for one in batch
    ]
    refused = tuple(one for one in resolve(scope, namings, said).refused if one.kind == MERGED)
    return Taken(new=len(batch) - len(refused), refused=tuple((one.one, one.other) for one in refused))


def _consent(scope: Scope, batch: Sequence[Consent]) -> Taken:
    consents.consent(scope, batch, owners_of(scope, batch))
    return Taken(new=len(batch))


def _subscribe(scope: Scope, batch: Sequence[Subscribe]) -> Taken:
    consents.subscribe(scope, batch, owners_of(scope, batch))
    return Taken(new=len(batch))


def _suppress(scope: Scope, batch: Sequence[Suppress]) -> Taken:
    suppressions.suppress(scope, batch, owners_of(scope, batch))
    return Taken(new=len(batch))


def _send(scope: Scope, batch: Sequence[Send]) -> Taken:
    new = singles.plan(scope, batch, owners_of(scope, batch))
    return Taken(new=new, repeated=len(batch) - new)


def _revisit(scope: Scope, batch: Sequence[Revisit]) -> Taken:
    scope.touched.note_all({customer_id for customer_id, _ in owners_of(scope, batch)})
    return Taken()


def _offer(scope: Scope, batch: Sequence[Offer]) -> Taken:
    offers.save(scope, batch)
    return Taken(new=len(batch))


_APPLY: dict[type[Any], Callable[[Scope, Sequence[Any]], Taken]] = {
    Event: _track,
    Identify: _identify,
    Group: _group,
    Merge: _merge,
    Unmerge: _merge,
    Consent: _consent,
    Subscribe: _subscribe,
    Suppress: _suppress,
    Offer: _offer,
    Send: _send,
    Revisit: _revisit,
}
