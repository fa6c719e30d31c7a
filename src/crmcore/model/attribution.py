"""To which messages a goal is due that a customer has reached: the first, the last, or all in equal parts.

Whole numbers are shared out to the last cent: shares add up to what is shared (the method of the largest remainder).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

import attrs

from crmcore.model.campaign import Attribution

#: One conversion, in the millionths that credit is counted in.
WHOLE = 1_000_000


@attrs.frozen(kw_only=True)
class Touch:
    """A message that was handed over before an event of its customer, no longer ago than the goal's window.

    `amount` is the event's, in minor units of `currency`; None where it has none. Times are microseconds UTC.
    """

    event_id: int
    delivery_id: int
    customer_id: int
    handed_at: int
    step: str
    arm: str = ""
    amount: int | None = None
    currency: str | None = None


@attrs.frozen(kw_only=True)
class Credit:
    """What is due to messages: `conversions` in millionths of one, `revenue` in minor units by currency."""

    conversions: int = 0
    revenue: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Due:
    """The part of one event that is due to one message; `credit` in millionths, `amount` in minor units."""

    touch: Touch
    credit: int
    amount: int


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """Return whole shares of a total in proportion to weights (one at least above 0): they add up to it.

    By the largest remainder; of equal ones the first has it. What is below 0 is shared as what is above.
    """
    whole, size = sum(weights), abs(total)
    parts = [divmod(size * weight, whole) for weight in weights]
    left = size - sum(part for part, _ in parts)
    more = set(sorted(range(len(parts)), key=lambda place: (-parts[place][1], place))[:left])
    sign = -1 if total < 0 else 1
    return [sign * (part + (place in more)) for place, (part, _) in enumerate(parts)]


def attributed(touches: Iterable[Touch], attribution: Attribution) -> list[Due]:
    """Return what is due to which message: each event once, all of it."""
    ordered = sorted(touches, key=lambda one: (one.event_id, one.handed_at, one.delivery_id))
    return [due for _, some in groupby(ordered, key=lambda one: one.event_id) for due in _shared([*some], attribution)]


def _shared(touches: Sequence[Touch], attribution: Attribution) -> list[Due]:
    chosen = {"first": touches[:1], "last": touches[-1:], "linear": touches}[attribution]
    equal = [1] * len(chosen)
    credit, amounts = shares(WHOLE, equal), shares(touches[0].amount or 0, equal)
    return [
        Due(touch=touch, credit=part, amount=amount)
        for touch, part, amount in zip(chosen, credit, amounts, strict=True)
    ]


def summed(conversions: Iterable[Due], spent: Iterable[Due]) -> Credit:
    """Return what is due in all: the conversions of one list, the amounts of the other."""
    revenue: dict[str, int] = {}
    for one in spent:
        if one.touch.currency is not None and one.touch.amount is not None:
            revenue[one.touch.currency] = revenue.get(one.touch.currency, 0) + one.amount
    return Credit(conversions=sum(one.credit for one in conversions), revenue=dict(sorted(revenue.items())))
