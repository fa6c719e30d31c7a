"""Single messages: what `send` says becomes a delivery of the run that stands for its template and channel."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import attrs

from crmcore.errors import InvalidValue, UnknownPlugin, UnknownTemplate
from crmcore.model.campaign import SEND, Campaign, single
from crmcore.model.identity import Identity
from crmcore.model.purpose import message_class
from crmcore.model.statement import Send
from crmcore.model.values import to_json
from crmcore.registry import alternatives
from crmcore.store import consents, contexts, deliveries, runs, templates
from crmcore.store.deliveries import Planned
from crmcore.store.identities import Owner
from crmcore.store.scope import Scope

#: The channel of a template that several have, where none is named.
USUAL = "email"


@attrs.frozen(kw_only=True)
class _Due:
    """What is to be sent to whom; `occurrence` tells it from all others of its template and channel to the customer."""

    said: Send
    owner: Owner
    occurrence: int

    @property
    def unit(self) -> tuple[int, int]:
        """Of two that are equal in this, one is sent."""
        return self.owner[0], self.occurrence


def plan(scope: Scope, batch: Sequence[Send], owners: Sequence[Owner]) -> int:
    """Plan a delivery for each, one where a key is said again; return how many are new.

    Raise UnknownTemplate, UnknownPlugin, or InvalidValue where a channel has to be named.
    """
    known = templates.channels(scope, {one.template for one in batch})
    due: dict[tuple[str, str], list[_Due]] = {}
    for one, owner, new_id in zip(batch, owners, scope.new_ids(len(batch)), strict=True):
        occurrence = new_id if one.key is None else _hash(one.key)
        place = (one.template, _channel(scope, one, known.get(one.template, ())))
        due.setdefault(place, []).append(_Due(said=one, owner=owner, occurrence=occurrence))
    return sum(_plan(scope, single(*place), some) for place, some in sorted(due.items()))


def _channel(scope: Scope, one: Send, there: Sequence[str]) -> str:
    """Return the channel a message goes by."""
    wanted = one.channel or (there[0] if len(there) == 1 else USUAL)
    if not there or (one.channel and wanted not in there):
        raise UnknownTemplate(name=one.template, channel=wanted)
    if wanted not in there:
        problem = f"the template {one.template!r} is there for {', '.join(there)}; name one of them"
        raise InvalidValue(place="send.channel", problem=problem)
    if wanted not in scope.address_kinds:
        raise UnknownPlugin(kind="channel", name=wanted, known=alternatives(wanted, scope.address_kinds))
    return wanted


def _hash(key: str) -> int:
    """Return the 63 bits that stand for a key."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8, person=b"send").digest()) >> 1


def _plan(scope: Scope, campaign: Campaign, due: Sequence[_Due]) -> int:
    run_id = runs.standing(scope, campaign)
    fresh = list(_unsaid(scope, run_id, due).values())
    deliveries.plan(scope, _planned(scope, campaign, run_id, fresh))
    return len(fresh)


def _unsaid(scope: Scope, run_id: int, due: Sequence[_Due]) -> dict[tuple[int, int], _Due]:
    """Leave out what a key says again; the customers are locked, so that nobody else says it meanwhile."""
    keyed = [one.unit for one in due if one.said.key is not None]
    consents.touch(scope, [customer_id for customer_id, _ in keyed])
    there = deliveries.occurrences(scope, run_id, keyed)
    first: dict[tuple[int, int], _Due] = {}
    for one in due:
        if one.unit not in there:
            first.setdefault(one.unit, one)
    return first


def _planned(scope: Scope, campaign: Campaign, run_id: int, due: Sequence[_Due]) -> list[Planned]:
    found = templates.latest(scope, campaign.template, campaign.channel)
    customers = sorted({one.owner[0] for one in due})
    locales = contexts.locales(scope, customers)
    return [
        Planned(
            run_id=run_id,
            step=SEND,
            customer_id=one.owner[0],
            origin_id=one.owner[1],
            enrolment_id=0,
            channel=campaign.channel,
            address_id=address_id,
            purpose=one.said.purpose,
            message_class=message_class(one.said.purpose),
            held_out=False,
            template_id=templates.for_locale(found, locales.get(one.owner[0], "")),
            expires_at=one.said.at + one.said.lifetime,
            priority=campaign.rank,
            occurrence=one.occurrence,
            fields=to_json(one.said.fields, "send.fields"),
        )
        for one, addresses in zip(due, _addresses(scope, campaign.channel, due), strict=True)
        for address_id in addresses
    ]


def _addresses(scope: Scope, channel: str, due: Sequence[_Due]) -> list[tuple[int, ...]]:
    """Return the address that each message names, else those of the customer that the channel goes to; 0 where there is none."""
    kinds = scope.address_kinds[channel]
    named = contexts.address_owners(scope, {name for one in due for name in one.said.customer if name.kind in kinds})
    others = contexts.reached(scope, channel, sorted({one.owner[0] for one in due}))
    return [_named(one, named) or others.get(one.owner[0], (0,)) for one in due]


def _named(one: _Due, known: Mapping[Identity, tuple[int, int]]) -> tuple[int, ...]:
    found = (known[name] for name in one.said.customer if name in known)
    return next(((address_id,) for address_id, customer_id in found if customer_id == one.owner[0]), ())
