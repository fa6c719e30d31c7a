"""Messages shared out among carriers: each kind of address by the one that takes it, so many at once as that carries."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from crmcore.flow.plan import Plan
from crmcore.store.claims import Claimed


@attrs.frozen(kw_only=True)
class Shares:
    """Messages by the plan that they go by, and those that no carrier takes."""

    carried: Sequence[tuple[Plan, Sequence[Claimed]]]
    left: Sequence[Claimed]


def shares(plan: Plan, batch: Sequence[Claimed], most: int) -> Shares:
    """Share messages of a plan out, at most so many at once; those of one carrier stay in their order."""
    plans = {kind: plan.to(kind) for kind in {one.address.kind for one in batch}}
    by_carrier: dict[str, tuple[Plan, list[Claimed]]] = {}
    left: list[Claimed] = []
    for one in batch:
        found = plans[one.address.kind]
        if found is None:
            left.append(one)
        else:
            by_carrier.setdefault(found.carrier, (found, []))[1].append(one)
    parts = [
        (given, some[start : start + size])
        for given, some in by_carrier.values()
        for size in (window(given, most),)
        for start in range(0, len(some), size)
    ]
    return Shares(carried=parts, left=left)


def window(plan: Plan, most: int) -> int:
    """Return how many messages go to a plan's carrier at once."""
    return min(plan.provider.carriage.batch, most)


def lacking(plan: Plan, one: Claimed) -> str:
    """Return why a message fails that no carrier takes."""
    return f"carrier: none that {plan.channel.name} uses takes addresses of the kind {one.address.kind}"
