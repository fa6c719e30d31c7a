"""The part of a CRM that looks after the ledger: what waits, stands still, is tried again, or is in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crmcore.facet import Facet
from crmcore.model.delivery import State

if TYPE_CHECKING:
    from crmcore.store.deliveries import DeliveryView
    from crmcore.store.overview import LatestRun

Outcome = Literal["accepted", "failed", "cancelled", "again"]
#: What a person may say of a delivery in doubt, and what that makes of it.
SETTLED: dict[Outcome, State] = {
    "accepted": State.ACCEPTED,
    "failed": State.FAILED,
    "cancelled": State.CANCELLED,
    "again": State.PLANNED,
}


class Ledger(Facet):
    """Deliveries, and the runs they belong to."""

    def runs(self) -> list[LatestRun]:
        """Return the latest run of each campaign, by name, with its state."""
        from crmcore.store import overview

        self._fold()
        with self._opened.reading() as scope:
            return overview.latest_runs(scope)

    def deliveries(
        self, campaign: str | None = None, state: str | None = None, limit: int = 1000
    ) -> list[DeliveryView]:
        """Return rows of the ledger: all of a campaign's latest run or those in one state, or the first of any run in a state.

        `limit` is for rows of any run. Raise UnknownCampaign; InvalidValue where neither campaign nor state is given.
        """
        from crmcore.flow import steering

        self._fold()
        with self._opened.reading() as scope:
            return steering.deliveries_of(scope, campaign, state, limit)

    def pause(self, campaign: str) -> None:
        """Let the latest run of a campaign stand still: nothing more of it is handed over. Raise UnknownCampaign, RunState."""
        from crmcore.flow import steering

        self._opened.write(lambda scope: steering.pause(scope, campaign))

    def resume(self, campaign: str) -> None:
        """Let a run that stands still go on. Raise UnknownCampaign, RunState."""
        from crmcore.flow import steering

        self._opened.write(lambda scope: steering.resume(scope, campaign))

    def cancel(self, campaign: str) -> int:
        """End the latest run of a campaign; return how many deliveries that waited are cancelled.

        Raise UnknownCampaign, RunState.
        """
        from crmcore.flow import steering

        return steering.cancel(self._opened.write, campaign)

    def retry(self, campaign: str) -> int:
        """Plan again what has failed of the latest run of a campaign, and nothing else; return how much that is.

        Raise UnknownCampaign, RunState.
        """
        from crmcore.flow import steering

        return steering.retry(self._opened.write, campaign)

    def settle(self, delivery: int, outcome: Outcome, note: str = "") -> None:
        """Say by hand what became of a delivery in doubt; `again` sends it once more, unless its run was cancelled.

        Raise NotInDoubt, RunState.
        """
        from crmcore.flow import steering

        self._opened.write(lambda scope: steering.settle(scope, delivery, SETTLED[outcome], note))
