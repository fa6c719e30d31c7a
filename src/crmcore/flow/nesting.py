"""Which buckets a message passes, from wide to narrow, and the limit of each."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping

import attrs

from crmcore.errors import InvalidValue
from crmcore.flow.plan import Plan
from crmcore.hooks.provider import HttpProvider, LimitHint, Provider
from crmcore.model.identity import Identity
from crmcore.model.limiting import Limit, tightest
from crmcore.model.limits import EVERY, Limits
from crmcore.model.time import SECOND
from crmcore.registry import Fault, Registry
from crmcore.store.claims import Claimed
from crmcore.store.limits import CHANNEL, DESTINATION, RECIPIENT, SENDER, WORKSPACE, Key
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Nest:
    """The buckets around one carrier of a channel, and their limits; `every` is that of any destination."""

    channel: str
    carrier: str
    limits: Mapping[Key, Limit]
    every: Limit | None
    recipient: Limit | None

    def limit(self, key: Key) -> Limit | None:
        """Return the limit of a bucket, if it has any."""
        if key[0] == RECIPIENT:
            return self.recipient
        return self.limits.get(key, self.every if key[0] == DESTINATION else None)

    @property
    def is_limited(self) -> bool:
        """Tell whether any bucket has a limit."""
        return bool(self.limits or self.every or self.recipient)

    @property
    def wide(self) -> tuple[Key, ...]:
        """What every message of the carrier passes."""
        return (WORKSPACE, ""), self.whole_channel, self.sender

    @property
    def whole_channel(self) -> Key:
        """The bucket of all carriers of the channel."""
        return CHANNEL, self.channel

    @property
    def sender(self) -> Key:
        """The bucket of the carrier, whose circuit opens where the sender is at fault."""
        return SENDER, self.carrier

    def passed(self, scope: Scope, one: Claimed) -> Iterator[Key]:
        """Yield the buckets that a delivery passes."""
        yield from self.wide
        if (there := self.destination(one.address)) is not None:
            yield there
        if self.recipient is not None:
            yield self.pair(scope, one.address)

    def destination(self, address: Identity) -> Key | None:
        """Return the bucket of an address's destination, if it has any."""
        there = destination(address)
        return (DESTINATION, f"{self.channel}:{there}") if there else None

    def pair(self, scope: Scope, address: Identity) -> Key:
        """Return the bucket of a carrier and one recipient; nobody can tell the address from it."""
        return RECIPIENT, f"{self.carrier}:{scope.hash(address).hex()}"


def destination(address: Identity) -> str:
    """Return who serves an address: a URL's host, what follows the last @, in lower case; empty where that says nothing."""
    if found := _HOST.match(address.value):
        return found[1].lower()
    return address.value.rpartition("@")[2].lower() if "@" in address.value else ""


#: Of addresses that are or begin with a URL, such as a browser's subscription.
_HOST = re.compile(r"https?://([^/:?#\s@]+)")


def nest(plan: Plan, limits: Limits, providers: Mapping[str, Provider | HttpProvider]) -> Nest:
    """Return the buckets around a plan's carrier under the settings, and under what all carriers of its channel declare.

    Of several limits on one bucket the tightest holds. Raise InvalidValue naming a carrier whose limit makes no sense.
    """
    channel, carrier = plan.channel.name, f"{plan.channel.name}/{plan.provider.name}"
    declared = {one: provider.carriage.limits for one, provider in providers.items() if provider.channel == channel}
    everywhere = [(one, hint) for one, hints in sorted(declared.items()) for hint in hints]
    own = [(carrier, hint) for hint in plan.provider.carriage.limits]
    every = _tightest(limits.destination.get(EVERY), everywhere, DESTINATION)
    given: dict[Key, Limit | None] = {
        (WORKSPACE, ""): limits.workspace,
        (CHANNEL, channel): _tightest(limits.channel.get(channel), everywhere, CHANNEL),
        (SENDER, carrier): _tightest(limits.sender.get(carrier), own, SENDER),
    }
    for there in limits.destination.keys() - {EVERY}:
        given[DESTINATION, f"{channel}:{there}"] = _tightest(limits.destination[there], everywhere, DESTINATION)
    return Nest(
        channel=channel,
        carrier=carrier,
        limits={key: limit for key, limit in given.items() if limit is not None},
        every=every,
        recipient=_tightest(limits.recipient, own, RECIPIENT),
    )


def unfounded(limits: Limits, registry: Registry) -> list[Fault]:
    """Return the settings that limit a channel or a sender which no plugin brings: a mistake, or a plugin that is missing."""
    pairs = (("channel", limits.channel, registry.channels), ("sender", limits.sender, registry.providers))
    return [
        Fault(plugin="settings", problem=f"limits.{kind}.{name}: there is no such {kind}{_meant(name, known)}")
        for kind, named, known in pairs
        for name in named
        if name not in known
    ]


def _meant(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _tightest(setting: Limit | None, hints: Iterable[tuple[str, LimitHint]], which: str) -> Limit | None:
    return tightest([setting, *(_declared(carrier, hint) for carrier, hint in hints if hint.scope == which)])


def _declared(carrier: str, hint: LimitHint) -> Limit:
    try:
        return Limit(count=hint.count, per=round(hint.per * SECOND), burst=hint.burst)
    except InvalidValue as error:
        place = f"a limit on the {hint.scope} declared by {carrier}"
        raise InvalidValue(place=place, problem=error.fields["problem"]) from None
