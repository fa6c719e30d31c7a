"""The part of a CRM that sends: templates, campaigns, work, reports, and what comes back."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import groupby
from typing import Any

import attrs

from crmcore.errors import InvalidTemplate, RunState
from crmcore.flow import approving, feedback, launch, outbox, plan, policies, posting, preflight, report, unsubscribing
from crmcore.flow.applying import Taken
from crmcore.flow.dispatch import Dispatcher, Waits
from crmcore.flow.falling import Falling
from crmcore.flow.hearing import Hearing, hearings
from crmcore.flow.journeys import revising
from crmcore.flow.journeys.advancing import Advancing
from crmcore.flow.journeys.entering import OPEN
from crmcore.flow.journeys.revising import Revised
from crmcore.flow.journeys.ways import Wish
from crmcore.flow.keeping import Kept
from crmcore.flow.launch import Launched
from crmcore.flow.modules import jobs
from crmcore.flow.modules.jobs import FailedJob
from crmcore.flow.notifying import Notifying, by_plugin
from crmcore.flow.privacy import auditing, retaining
from crmcore.flow.progress import Progress, Stop, Wait, never
from crmcore.flow.telling import Here, Threads
from crmcore.flow.unsubscribing import Unsubscription
from crmcore.hooks.provider import Feedback
from crmcore.hooks.setup import Setup
from crmcore.model.campaign import Campaign
from crmcore.model.delivery import Book
from crmcore.model.identity import Who
from crmcore.model.report import Report
from crmcore.model.template import Template
from crmcore.opening import Opened
from crmcore.registry import Registry
from crmcore.settings import Settings
from crmcore.store import (
    audit,
    catalogue,
    deliveries,
    identities,
    limits,
    overview,
    pending,
    quarantine,
    runs,
    templates,
)
from crmcore.store.engine import lives_in_one_thread
from crmcore.store.limits import Paused
from crmcore.store.plans import campaign_of
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Worked:
    """What one call of `work` did: statements folded, deliveries worked on, notices given to plugins.

    Of the deliveries `sent` were taken over, `failed` and `skipped` (or expired) are at an end without that; the rest waits, such as
    for another try or a limit, or is in doubt. `waiting` names the campaigns of which something is due that could not go: a plugin, a setting or a secret is missing.
    `advanced` customers went on in campaigns, `posted` calls were made to webhooks, `jobs` of modules were run, and
    `failed_jobs` were not: they are tried again when they are due next. `aged` things had been kept for long enough and were deleted.
    """

    folded: int
    deliveries: int
    notices: int
    sent: int = 0
    failed: int = 0
    skipped: int = 0
    waiting: tuple[Waits, ...] = ()
    advanced: int = 0
    posted: int = 0
    jobs: int = 0
    failed_jobs: tuple[FailedJob, ...] = ()
    aged: int = 0


@attrs.frozen(kw_only=True)
class Stats:
    """What waits: statements to fold, deliveries due, deliveries whose fate nobody knows, what is in quarantine.

    `pending_lag` and `due_lag` say for how long the oldest of them has waited (microseconds, 0 where none does).
    `standing_still` are those due of runs that are paused; `later` those that are not due yet (quiet hours, caps, limits, another
    try), the first of them at `later_at` (microseconds UTC). `paused` names the senders that are left alone for a while, since they
    were at fault. `notices` says of each plugin that is told of something how far it is behind, and whether its circuit is open.
    """

    pending: int
    pending_lag: int
    due: int
    due_lag: int
    standing_still: int
    later: int
    later_at: int | None
    in_doubt: int
    quarantined: int
    paused: tuple[Paused, ...]
    notices: tuple[Hearing, ...]


def salt_of(seed: int) -> str:
    """Return the salt that follows from a seed."""
    return f"{random.Random(seed).getrandbits(64):016x}"  # noqa: S311 - an experiment's arms, no secret


class Campaigning:
    """Sends for one workspace."""

    def __init__(self, opened: Opened, registry: Registry, settings: Settings) -> None:
        self._opened, self._registry, self._settings = opened, registry, settings
        self._kept = Kept()
        self._telephone = Here() if lives_in_one_thread(opened.engine) else Threads()

    def save_template(self, name: str, channel: str, parts: Mapping[str, str], locale: str) -> Template:
        """Keep a template once its channel finds nothing wrong with it."""
        template = Template(name=name, channel=channel, parts=dict(parts), locale=locale)
        for issue in self._registry.channel(channel).validate_template(template):
            raise InvalidTemplate(name=name, place=issue.part, problem=issue.problem)
        return self._opened.write(lambda scope: templates.save(scope, template))

    def templates(self) -> list[Template]:
        """Return the latest version of each template."""
        with self._opened.reading() as scope:
            return templates.every(scope)

    def launch(self, given: Campaign | Mapping[str, Any], seed: int, progress: Progress) -> Launched:
        """Check a campaign over its whole audience, and begin a run of it."""
        return self.begin(given, salt_of(seed), progress)

    def begin(self, given: Campaign | Mapping[str, Any], salt: str, progress: Progress) -> Launched:
        """Do what `launch` does; `salt` fixes the arms."""
        campaign = campaign_of(given) if isinstance(given, Mapping) else given
        customers = self._checked(campaign, progress)
        share = policies.holdout(self._settings)
        made = plan.plan(campaign, self._registry, self._settings) if campaign.is_broadcast else None

        def begin(scope: Scope) -> Launched:
            if made is None:
                launched = launch.begin(scope, campaign, customers, salt, share)
            else:
                launched = launch.launch(scope, made, customers, salt)
            audit.note(scope, "campaign launched", audit.about_campaign(campaign.name))
            approving.begun(scope, runs.load(scope, launched.run_id), self._registry.channels)
            return launched

        return self._opened.write(begin)

    def _checked(self, campaign: Campaign, progress: Progress) -> list[int]:
        """Return the audience once each message could be made for all of it, on each channel it may go by."""
        sends = [(one.name, channel) for one in campaign.sends for channel in one.channels]
        plans = [plan.step_plan(campaign, *one, self._registry, self._settings) for one in sends]
        if not campaign.is_broadcast:
            preflight.check(campaign, self._registry)
            preflight.check_prices(campaign, self._settings.prices)
            outbox.check(campaign, self._settings)
            for made, (step, _) in zip(plans, sends, strict=True):
                preflight.check_gates(made, step, self._opened.clock.now())
        if any(one.campaign.offers is not None for one in plans):
            self._opened.write(catalogue.complete)
        with self._opened.reading() as scope:
            preflight.check_stored(scope, campaign, self._registry)
            customers = launch.audience(scope, campaign, self._registry.rules)
            for made in plans:
                launch.check(scope, plan.advised(scope, made, self._registry, scope.now), customers, progress)
        return customers

    def enter(self, campaign: str, named: Sequence[Who], key: str) -> int:
        """Let customers enter a campaign."""

        def enter(scope: Scope) -> int:
            run = runs.latest(scope, campaign)
            if run.state not in OPEN:
                raise RunState(campaign=campaign, state=run.state, what="entered")
            owners = identities.owners(scope, named)
            wishes = [Wish(customer_id=one, origin_id=origin, key=key, at=scope.now) for one, origin in owners]
            return self._opened.entering.enter(scope, run, wishes)

        return self._opened.write(enter)

    def revise(
        self, given: Campaign | Mapping[str, Any], moves: Mapping[str, str] | None, progress: Progress
    ) -> Revised:
        """Change a campaign that is running."""
        campaign = campaign_of(given) if isinstance(given, Mapping) else given
        self._checked(campaign, progress)

        def revise(scope: Scope) -> Revised:
            audit.note(scope, "campaign revised", audit.about_campaign(campaign.name))
            return revising.revise(scope, campaign, moves)

        return self._opened.write(revise)

    def work(self, folded: Taken, progress: Progress, limit: int | None, stop: Stop, wait: Wait) -> Worked:
        """Let go on who is due, and send what is due."""
        write, reading = self._opened.write, self._opened.reading
        with ExitStack() as stack:
            owner = _owner()
            now = self._opened.clock.now
            advancing = Advancing(
                registry=self._registry,
                policy=policies.whole(self._settings),
                entering=self._opened.entering,
                prices=self._settings.prices,
            )
            advanced = advancing.advance(write, reading, stop)
            dispatcher = Dispatcher(write, reading, now, self._registry, self._settings, owner, stack, self._kept)
            falling = Falling(write=write, reading=reading, prices=self._settings.prices, stop=stop)
            send = partial(dispatcher.run, progress, stop=stop, wait=wait)
            done = _sent(send, falling, limit)
        posted = posting.post_due(write, reading, self._settings, owner, stop)
        told = self._notifying(owner).notify(stop)
        run = jobs.run_due(write, reading, self._registry.modules, owner, stop)
        aged = retaining.delete_some(write, reading, self._settings.retention)
        auditing.seal(write, reading)
        became = dispatcher.became
        stuck = [Waits(campaign=name, problem=why) for name, why in advanced.stuck.items()]
        return Worked(
            folded=folded.new,
            deliveries=done,
            notices=told,
            sent=became[Book.SENT],
            failed=became[Book.FAILED],
            skipped=became[Book.SKIPPED],
            waiting=(*stuck, *dispatcher.waiting),
            advanced=advanced.count,
            posted=posted,
            jobs=run.done,
            failed_jobs=run.failed,
            aged=aged,
        )

    def tell(self) -> int:
        """Tell plugins what they have not been told; return how many notices were given."""
        return self._notifying(_owner()).notify(never)

    def _notifying(self, owner: str) -> Notifying:
        return Notifying(
            write=self._opened.write,
            reading=self._opened.reading,
            workspace=self._opened.workspace.name,
            plugins=by_plugin(self._registry),
            settings=self._settings.notices,
            setup=Setup(clock=self._opened.clock, settings=self._settings.tables),
            telephone=self._telephone,
            owner=owner,
        )

    def report(self, campaign: str, days: int | None = None) -> Report:
        """Return what came of a campaign's latest run."""
        with self._opened.reading() as scope:
            return report.report(scope, runs.latest(scope, campaign), days)

    def names(self) -> list[str]:
        """Return the names of the campaigns."""
        with self._opened.reading() as scope:
            return runs.names(scope)

    def feedback(self, given: Iterable[Feedback], provider: str) -> int:
        """Take what a provider, a link or a pixel says of deliveries; return how much was new."""
        new = 0
        for _, batch in groupby(enumerate(given), key=lambda one: one[0] // 1000):
            some = [one for _, one in batch]
            new += self._opened.write(partial(feedback.take, feedback=some, provider=provider)).new
        return new

    def check_unsubscribe(self, token: str) -> Unsubscription:
        """Return what a link would do."""
        with self._opened.reading() as scope:
            return unsubscribing.check(scope, token)

    def unsubscribe(self, token: str) -> Unsubscription:
        """Do what a link says."""
        return self._opened.write(lambda scope: unsubscribing.unsubscribe(scope, token))

    def stats(self) -> Stats:
        """Return what waits."""
        with self._opened.reading() as scope:
            waits = overview.backlog(scope)
            return Stats(
                pending=pending.count(scope),
                pending_lag=_lag(scope, pending.oldest(scope)),
                due=waits.due,
                due_lag=_lag(scope, waits.due_since),
                standing_still=waits.standing_still,
                later=waits.later,
                later_at=waits.later_at,
                in_doubt=deliveries.in_doubt_count(scope),
                quarantined=quarantine.count(scope),
                paused=tuple(limits.paused(scope)),
                notices=tuple(hearings(scope, by_plugin(self._registry))),
            )


def _owner() -> str:
    """Return what this process is called in leases."""
    return f"{os.getpid()}-{secrets.token_hex(4)}"


def _sent(send: Callable[[int | None], int], falling: Falling, limit: int | None) -> int:
    """Send what is due, and what follows it at once: what has failed goes by its next channel. Return how much that was."""
    falling.fall()
    done = send(limit)
    while falling.fall() and (limit is None or done < limit):
        done += send(None if limit is None else limit - done)
    return done


def _lag(scope: Scope, since: int | None) -> int:
    return 0 if since is None else max(0, scope.now - since)
