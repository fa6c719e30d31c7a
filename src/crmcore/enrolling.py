"""The part of a CRM that lets customers into campaigns, and changes campaigns while customers are on their way."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crmcore.facet import Facet
from crmcore.flow.progress import Progress, quiet
from crmcore.model.happens import checked_key
from crmcore.model.identity import Identity, Who

if TYPE_CHECKING:
    from crmcore.campaigning import Campaigning
    from crmcore.flow.journeys.revising import Revised
    from crmcore.model.campaign import Campaign


class Enrolling(Facet):
    """Campaigns that are running, and who takes part in them."""

    @property
    @abstractmethod
    def _campaigning(self) -> Campaigning:
        """What sends, and moves customers on."""

    def enter(self, campaign: str, customers: Who | Sequence[Who], key: str = "") -> int:
        """Let customers enter a campaign that is running, each by one `key` (a cart, an order); return how many do.

        Whom its audience has not, and who may not enter again, does not. Raise UnknownCampaign, UnknownCustomer, RunState, InvalidValue.
        """
        entered_by = checked_key(key, "enter.key")
        self._fold()
        named = [customers] if isinstance(customers, str | Identity | Mapping) else list(customers)
        return self._campaigning.enter(campaign, named, entered_by)

    def revise(
        self,
        campaign: Campaign | Mapping[str, Any],
        *,
        moves: Mapping[str, str] | None = None,
        progress: Progress = quiet,
    ) -> Revised:
        """Change a campaign that is running, found by its name: whoever enters from now on goes the new way.

        Those under way stay on the version they are on. With `moves`, from the names of steps to those of the new version,
        they go over to it: where the new step waits they wait on until the time they were told; else they come to it at
        once. A step of the same name needs no entry. Raise RunState, InvalidCampaign where somebody stands at a step that
        leads nowhere, and whatever `launch` raises; nothing is changed then.
        """
        self._fold()
        return self._campaigning.revise(campaign, moves, progress)
