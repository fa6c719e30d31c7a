"""The part of a CRM that tells what a campaign would do: on a copy, from which nothing leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmcore.facet import Facet
from crmcore.flow.progress import Progress, quiet
from crmcore.model.time import DAY

if TYPE_CHECKING:
    from crmcore.flow.simulating.outcome import Simulated
    from crmcore.model.campaign import Campaign
    from crmcore.registry import Registry
    from crmcore.rehearsal import Rehearsal
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
        from crmcore.rehearsal import copy, empty_file, rehearsal
        from crmcore.store.replica import TABLES

        total, name = len(TABLES) + days, self._opened.workspace.name
        at, entering = self._opened.clock.now(), self._opened.entering
        with empty_file() as engine:
            copy(self._opened, engine, TABLES, lambda done: progress(done, total))
            with rehearsal(engine, name, at, self.registry, self.settings, entering, shown) as stage:
                return _simulated(stage, campaign, days, seed, lambda done, _: progress(len(TABLES) + done, total))


def _simulated(
    stage: Rehearsal, given: Campaign | Mapping[str, Any], days: int, seed: int, progress: Progress
) -> Simulated:
    from crmcore.flow.simulating.outcome import outcome

    since = stage.clock.now()
    launched = stage.launch(given, seed, lambda _done, _total: progress(0, days))
    stage.turn(since + days * DAY, progress)
    with stage.opened.reading() as scope:
        problems = stage.problems(launched.campaign)
        return outcome(scope, launched.run_id, since, launched.audience, problems, stage.postbox.parts)
