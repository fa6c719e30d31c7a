"""Groups of customers compared by what they did after a time: the shares that reached a goal, and what they spent."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import attrs
from sqlalchemy import Subquery

from crmcore.model.campaign import Goal
from crmcore.model.lift import Amounts, Arm, Lift, of_means, of_shares
from crmcore.store import reports
from crmcore.store.reports import Counts
from crmcore.store.scope import Scope

#: The names of the groups of a holdout, as the store has them.
TREATED, HELD_OUT = False, True
NOBODY = Arm(customers=0, converted=0)


@attrs.frozen(kw_only=True)
class Measured:
    """Groups by name, with what each spent by currency; without a goal nobody has reached anything."""

    goal: Goal | None
    horizon: int
    groups: Mapping[Hashable, Arm]
    spent: Mapping[str, Mapping[Hashable, Counts]]

    def group(self, name: Hashable) -> Arm:
        """Return a group."""
        return self.groups.get(name, NOBODY)

    def lift(self, treated: Hashable, other: Hashable) -> Lift | None:
        """Return the difference in the share that reached the goal."""
        return of_shares(self.group(treated), self.group(other), horizon=self.horizon) if self.goal else None

    def revenue(self, treated: Hashable, other: Hashable) -> dict[str, Lift]:
        """Return the difference in what a customer spent, by currency: those who spent nothing in one spent 0."""
        found: dict[str, Lift] = {}
        for currency, counts in self.spent.items():
            both = (Amounts.of(self.group(one).customers, counts.get(one, {})) for one in (treated, other))
            if (lift := of_means(*both, horizon=self.horizon)) is not None:
                found[currency] = lift
        return found


def measure(scope: Scope, passed: Subquery, goal: Goal | None, horizon: int) -> Measured:
    """Return what customers did within a horizon (microseconds) from their time on."""
    return Measured(
        goal=goal,
        horizon=horizon,
        groups=reports.arms(scope, passed, goal.event if goal else None, horizon),
        spent=reports.amounts(scope, passed, goal.revenue, horizon) if goal else {},
    )
