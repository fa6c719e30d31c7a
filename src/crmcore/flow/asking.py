"""A batch on its way through the gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import attrs

from crmcore.flow.plan import Plan
from crmcore.hooks.gate import Verdict
from crmcore.model.decision import Decision
from crmcore.model.zones import zone_named
from crmcore.store.claims import Claimed
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Asking:
    """What a gate is asked about: the deliveries `left`, and what was `decided` of the others.

    `objections` are those of plugins' gates, by delivery; `zones` are the time zones of the customers who have one, by
    customer, where a rule asks for them.
    """

    scope: Scope
    plan: Plan
    objections: Mapping[int, Verdict]
    zones: Mapping[int, ZoneInfo]
    left: Sequence[Claimed]
    decided: Mapping[int, Decision] = attrs.field(factory=dict)

    @property
    def default_zone(self) -> ZoneInfo:
        """The time zone of the workspace."""
        return zone_named(self.plan.policy.zone) or ZoneInfo("UTC")

    def after(self, decisions: Mapping[int, Decision]) -> Asking:
        """Return what the next gate is asked about."""
        if not decisions:
            return self
        left = [one for one in self.left if one.id not in decisions]
        return attrs.evolve(self, left=left, decided={**self.decided, **decisions})
