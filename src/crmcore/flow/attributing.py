"""What came of a goal, computed from the log whenever it is asked for: a second copy could disagree with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from crmcore.model.attribution import WHOLE, Credit, Due, Touch, attributed, summed
from crmcore.model.campaign import Goal
from crmcore.model.report import GoalReached
from crmcore.store import journeys
from crmcore.store.runs import Run
from crmcore.store.scope import Scope


def reached(scope: Scope, run: Run, goal: Goal) -> GoalReached:
    """Return how often a goal was reached after messages of a run, and to which of them it is due."""
    touches = journeys.touches(scope, run.id, goal.event, goal.window)
    conversions = attributed(touches, goal.attribution)
    amounts = conversions if goal.revenue == goal.event else _amounts(scope, run, goal)
    whole = summed(conversions, amounts)
    order = {one.name: place for place, one in enumerate(run.campaign.course)}
    steps = _shares(conversions, amounts, _step)
    return GoalReached(
        goal=goal,
        customers=len({one.customer_id for one in touches}),
        conversions=whole.conversions // WHOLE,
        revenue=whole.revenue,
        steps=dict(sorted(steps.items(), key=lambda one: order.get(one[0], len(order)))),
        arms=_shares(conversions, amounts, _arms),
    )


def _amounts(scope: Scope, run: Run, goal: Goal) -> list[Due]:
    return attributed(journeys.touches(scope, run.id, goal.revenue, goal.window), goal.attribution)


def _shares(
    conversions: Sequence[Due], amounts: Sequence[Due], keys: Callable[[Touch], Iterable[str]]
) -> Mapping[str, Credit]:
    """Return what is due by key, of the keys that a message has."""
    by_key: dict[str, tuple[list[Due], list[Due]]] = {}
    for side, dues in enumerate((conversions, amounts)):
        for due in dues:
            for key in keys(due.touch):
                by_key.setdefault(key, ([], []))[side].append(due)
    return {key: summed(*by_key[key]) for key in sorted(by_key)}


def _step(touch: Touch) -> Iterable[str]:
    return (touch.step,)


def _arms(touch: Touch) -> Iterable[str]:
    return filter(None, touch.arm.split(","))
