"""The part of a CRM that tells what a campaign would do: on a copy, from which nothing leaves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from crmcore.facet import Facet
from crmcore.flow.progress import Progress, quiet
from crmcore.model.time import DAY, duration, microseconds

if TYPE_CHECKING:
    from crmcore.flow.simulating.outcome import Backtested, Simulated
    from crmcore.model.campaign import Campaign
    from crmcore.registry import Registry
    from crmcore.rehearsal import Tools
    from crmcore.settings import Settings

#: So many messages are shown with their words.
SHOWN = 100


class Simulating(Facet):
    """Campaigns tried on what is known."""

    registry: Registry
    settings: Settings

    def simulate(
        self,
        campaign: Campaign | Mapping[str, Any],
        *,
        days: int = 30,
        seed: int = 0,
        shown: int = SHOWN,
        progress: Progress = quiet,
    ) -> Simulated:
        """Return what a campaign would do if it were launched now, and nobody did anything for so many days.

        It runs on a copy of the workspace in a temporary file, with everything else that runs; nothing leaves, and nothing
        of the workspace changes. An earlier run of the campaign that still takes customers in is ended there. The first
        `shown` messages have their words. Raise what `launch` raises.
        """
        from crmcore.rehearsal import simulate

        now = self._opened.clock.now()
        return simulate(self._opened, self._tools(shown), _campaign(campaign), now + days * DAY, seed, progress)

    def backtest(
        self,
        campaign: Campaign | Mapping[str, Any],
        since: datetime | int | None = None,
        until: datetime | int | None = None,
        *,
        seed: int = 0,
        run: int | None = None,
        every: str = "0s",
        shown: int = SHOWN,
        progress: Progress = quiet,
    ) -> Backtested:
        """Return what a campaign would have done if it had been launched at `since`, up to `until` (now where left out).

        History is played through it on a copy: at each moment it sees what had come in by then, whatever that is dated, and
        nothing later. Templates, segments and settings are those of today. Messages that other campaigns sent count for
        caps; earlier runs of this one do not. Work is done at once when something is due, or only `every` so often ("1h"), which
        is quicker over long times. `run` lets it begin, and draw its arms, as a run of it did. What hosts have
        committed and nobody has folded yet is not history. Raise what `launch` raises, as of that time; InvalidValue where
        there is no such run, or no time to begin at.
        """
        from crmcore.hindsight import backtest, beginning

        began = attrs.evolve(beginning(self._opened, since, seed, run), every=duration(every, "backtest.every"))
        ended = self._opened.clock.now() if until is None else microseconds(until, "backtest.until")
        return backtest(self._opened, self._tools(shown), _campaign(campaign), began, ended, progress)

    def _tools(self, shown: int) -> Tools:
        from crmcore.rehearsal import Tools

        return Tools(registry=self.registry, settings=self.settings, entering=self._opened.entering, kept=shown)


def _campaign(given: Campaign | Mapping[str, Any]) -> Campaign:
    from crmcore.store.plans import campaign_of

    return campaign_of(given) if isinstance(given, Mapping) else given
