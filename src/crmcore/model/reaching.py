"""By which of several channels a message goes, and when the next one's turn has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal, get_args

import attrs

from crmcore.model.delivery import BOOKS, Book, State
from crmcore.model.time import HOUR, span

#: How channels are ranked: as the step has them, the cheapest first, or the customer's own first.
Order = Literal["given", "price", "preference"]
#: What customers do with a message, from the least to the most; whoever does more has done the less as well.
Reaction = Literal["delivered", "read", "opened", "clicked", "replied"]
_WEIGHT = {"delivered": 1, "read": 2, "opened": 2, "clicked": 3, "replied": 4}
#: The attribute that names the channel a customer likes best.
PREFERRED = "preferred_channel"
#: What became of messages that never left: they stand in nobody's way.
_NEVER_WENT = (State.SKIPPED, State.CANCELLED)


@attrs.frozen(kw_only=True)
class Fallback:
    """When a message goes by the next channel, too: once it has failed, and `after` a time (such as "2h") without a reaction.

    The time counts from when it was handed over; without one only a failure counts. `unless` is the least that is a reaction:
    "delivered", "read" (or "opened"), "clicked", "replied". A reply on whatever channel ends it in any case.
    """

    after: str = ""
    unless: Reaction = "read"

    @property
    def patience(self) -> int | None:
        """The time in microseconds; None where only failures count."""
        return span(self.after, "fallback.after") if self.after else None


@attrs.frozen(kw_only=True)
class Tried:
    """A message on one of the channels; `reactions` are what receipts say of it, `handed_at` is None before it left."""

    id: int
    channel: str
    state: State
    handed_at: int | None
    reactions: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True)
class Escalation:
    """All that was tried to tell one customer one thing, the first first; `wrote_at` is when the customer last wrote."""

    tried: tuple[Tried, ...]
    wrote_at: int | None = None

    @property
    def channels(self) -> frozenset[str]:
        """Those that were tried."""
        return frozenset(one.channel for one in self.tried)

    @property
    def is_answered(self) -> bool:
        """Whether the customer has written since the first of them left; what waits to be tried again has not."""
        left = (one.handed_at for one in self.tried if BOOKS[one.state] is not Book.WAITING)
        first = min((at for at in left if at is not None), default=None)
        return first is not None and self.wrote_at is not None and self.wrote_at >= first

    def others(self, message: int) -> tuple[list[Tried], list[Tried]]:
        """Return what was tried on other channels before a message, and after it."""
        channel = next(one.channel for one in self.tried if one.id == message)
        others = [one for one in self.tried if one.channel != channel]
        return [one for one in others if one.id < message], [one for one in others if one.id > message]

    def beside(self, message: int) -> list[Tried]:
        """Return what was tried on the channel of a message, this one among it; what never went is left out."""
        channel = next(one.channel for one in self.tried if one.id == message)
        return [one for one in self.tried if one.channel == channel and one.state not in _NEVER_WENT]


def is_spent(fallback: Fallback, one: Tried, now: int) -> bool:
    """Tell whether a message has done what it can: it failed or was given up, or nothing has come of it in time."""
    if one.state in (State.FAILED, State.EXPIRED):
        return True
    patience = fallback.patience
    if patience is None or one.handed_at is None or not _has_left(one):
        return False
    return now >= one.handed_at + patience and not has_reacted(fallback, one)


def has_reacted(fallback: Fallback, one: Tried) -> bool:
    """Tell whether a customer did with a message what counts as a reaction."""
    done = max((_WEIGHT.get(each, 0) for each in (*one.reactions, one.state.value)), default=0)
    return done >= _WEIGHT[fallback.unless]


def _has_left(one: Tried) -> bool:
    return BOOKS[one.state] in (Book.SENT, Book.IN_DOUBT)


def is_wanted(fallback: Fallback, known: Escalation, message: int, now: int) -> bool:
    """Tell whether a message that is about to go still has to: all before it are spent, and none after it has gone."""
    before, after = known.others(message)
    if any(_has_left(one) or one.state is State.HANDED for one in after):
        return False
    ahead = [one for one in before if one.state not in _NEVER_WENT]
    return not ahead or (not known.is_answered and all(is_spent(fallback, one, now) for one in ahead))


def is_due(fallback: Fallback, known: Escalation, message: int, now: int) -> bool:
    """Tell whether the next channel's turn has come, after a message."""
    mine = known.beside(message)
    return bool(mine) and not known.is_answered and all(is_spent(fallback, one, now) for one in mine)


def again_at(fallback: Fallback, known: Escalation, message: int, now: int) -> int | None:
    """Return when to look at a message again whose next channel's turn has not come; None where it never will.

    Of what waits nobody knows when it goes: it is looked at again each hour.
    """
    mine = known.beside(message)
    if known.is_answered or any(has_reacted(fallback, one) for one in mine):
        return None
    if any(BOOKS[one.state] is Book.WAITING for one in mine):
        return now + HOUR
    patience = fallback.patience
    ends = [one.handed_at + patience for one in mine if one.handed_at is not None and patience is not None]
    return max((at for at in ends if at > now), default=None)


def priced(channels: Sequence[str], prices: Mapping[str, Decimal]) -> tuple[str, ...]:
    """Return channels, the cheapest first; one without a price costs nothing, and of two alike the first stays first."""
    return tuple(sorted(channels, key=lambda one: prices.get(one, Decimal(0))))


def favoured(channels: Sequence[str], preferred: str | None) -> tuple[str, ...]:
    """Return channels, the preferred one first; one that is none of them changes nothing."""
    return tuple(sorted(channels, key=lambda one: one != preferred))


def words_of(kind: object) -> tuple[str, ...]:
    """Return the words of `Order` or `Reaction`."""
    return get_args(kind)
