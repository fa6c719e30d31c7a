"""The part of a CRM that looks at campaigns: what they are and where customers stand, and why one got what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.facet import Facet
from crmcore.model.identity import Who

if TYPE_CHECKING:
    from crmcore.flow.journeys.explained import Explained
    from crmcore.model.outline import Outline
    from crmcore.registry import Registry


class Reviewing(Facet):
    """Campaigns looked at; nothing is changed."""

    registry: Registry

    def explain(self, campaign: str, who: Who) -> Explained:
        """Return what the latest run of a campaign did with a customer: what was sent, or the one reason why nothing was.

        It has the customer's ways with where each stands and what it waits for, each message with what became of it, and
        what did not let the customer in. Raise UnknownCampaign, UnknownCustomer.
        """
        from crmcore.flow.journeys import explaining
        from crmcore.store import runs

        self._fold()
        with self._opened.reading() as scope:
            return explaining.explain(scope, runs.latest(scope, campaign), who, self.registry.rules)

    def outline(self, campaign: str) -> Outline:
        """Return the steps of a campaign in words, with where each leads and how many of the latest run stand there.

        Raise UnknownCampaign. `crmcore.model.outline.outline` does it for a campaign that is not launched.
        """
        from crmcore.flow.journeys import reporting
        from crmcore.store import runs

        self._fold()
        with self._opened.reading() as scope:
            return reporting.outlined(scope, runs.latest(scope, campaign))
