"""The last thing a transaction does with its events: customers enter campaigns, go on, or leave them.

Whoever is concerned is locked first, so that of two who would let the same customer enter one does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import attrs

from crmcore.flow.holdout import is_held_out
from crmcore.flow.journeys import repeating, ways
from crmcore.flow.journeys.judging import holding
from crmcore.flow.journeys.ways import Ways, Wish
from crmcore.model.campaign import Campaign
from crmcore.model.happens import Happens
from crmcore.model.history import PastEvent
from crmcore.model.values import from_json
from crmcore.rules.plugin import Plugins
from crmcore.store import claims, deliveries, enrolments, listeners, recent, runs
from crmcore.store.appended import Append
from crmcore.store.enrolments import RUNNING, Enrolment
from crmcore.store.runs import PAUSED, Run
from crmcore.store.scope import Scope

#: The states of runs that customers enter and leave.
OPEN = (runs.RUNNING, PAUSED)


@attrs.frozen
class Entering:
    """What is needed to let customers enter: plugins' rules, the share that no marketing is sent to, the usual time zone."""

    plugins: Plugins = attrs.field(factory=dict)
    share: float = 0.0
    zone: str = "UTC"

    def settle(self, scope: Scope) -> None:
        """Look at the events that the transaction has appended; where no run looks out for them nothing is to be done."""
        names = scope.appended.names()
        listening = listeners.listening(scope, names) if names else {}
        happened = scope.appended.take(set().union(*listening.values()) if listening else set())
        if happened:
            # All at once: two transactions that locked them run by run could each wait for the other.
            claims.hold_contacts(scope, {one.customer_id for one in happened})
            for run in runs.of_ids(scope, listening):
                if run.state in OPEN:
                    self._happen(scope, run, [one for one in happened if one.event.name in listening[run.id]])

    def enter(self, scope: Scope, run: Run, wishes: Sequence[Wish]) -> int:
        """Let customers enter whom the audience has, as the run's re-entry and policy say; return how many do."""
        customers = {one.customer_id for one in wishes}
        claims.hold_contacts(scope, customers)
        there = self._there(scope, run, customers)
        matched = holding(scope, run.campaign.audience, customers, self.plugins)
        judged = [attrs.evolve(one, is_matched=one.customer_id in matched) for one in wishes]
        return self._admit(scope, run, there, judged)

    def admit(self, scope: Scope, run: Run, wishes: Sequence[Wish]) -> int:
        """Do the same where it is told already whom the audience has."""
        customers = {one.customer_id for one in wishes}
        claims.hold_contacts(scope, customers)
        return self._admit(scope, run, self._there(scope, run, customers), wishes)

    def _admit(self, scope: Scope, run: Run, there: Ways, wishes: Sequence[Wish]) -> int:
        self._enter(scope, run, there, wishes)
        _write(scope, run, there)
        return len(there.new)

    def _there(self, scope: Scope, run: Run, customers: Collection[int]) -> Ways:
        there = enrolments.of_customers(scope, run.id, customers)
        versions = {one.version for one in there} | {run.version}
        campaigns = {one: runs.of_version(scope, run, one).campaign for one in versions}
        waiting = (
            deliveries.waiting_enrolments(scope, customers) if any(one.exits for one in campaigns.values()) else ()
        )
        return Ways(campaigns, there, waiting)

    def _happen(self, scope: Scope, run: Run, happened: Sequence[Append]) -> None:
        past = [(one, _past(one)) for one in happened]
        there = self._there(scope, run, {one.customer_id for one in happened})
        meant = _meant(run, past, scope.now)
        wishes = dict(self._wishes(scope, run, [one for one in meant if one.key is not None]))
        for one in meant:
            if one.key is None:
                there.refuse(one.append.customer_id, ways.NO_KEY)
        late = ways.exits_after(run.campaign, wishes, _ending(scope, run.campaign, list(wishes.values())))
        for place in sorted(range(len(past)), key=lambda index: (past[index][1].at, index)):
            append, event = past[place]
            there.happen(append.customer_id, event)
            if place in late:
                there.refuse(append.customer_id, ways.LATE)
            elif place in wishes:
                self._enter(scope, run, there, [wishes[place]])
        _write(scope, run, there)

    def _wishes(self, scope: Scope, run: Run, meant: Sequence[_Meant]) -> list[tuple[int, Wish]]:
        """Return who would enter by events that are meant, with the place of each."""
        customers = {one.append.customer_id for one in meant}
        matched = holding(scope, run.campaign.audience, customers, self.plugins)
        return [
            (
                one.place,
                Wish(
                    customer_id=one.append.customer_id,
                    origin_id=one.append.origin_id,
                    key=one.key or "",
                    at=one.at,
                    is_matched=one.append.customer_id in matched,
                ),
            )
            for one in meant
        ]

    def _enter(self, scope: Scope, run: Run, there: Ways, wishes: Sequence[Wish]) -> None:
        for wish, new_id in zip(wishes, scope.new_ids(len(wishes)), strict=True):
            if (reason := there.refusal(wish, run.campaign)) is not None:
                there.refuse(wish.customer_id, reason)
                continue
            if run.campaign.policy == "restart":
                there.restart(wish, run.campaign)
            there.enter(self._entered(scope, run, there, wish, new_id))

    def _entered(self, scope: Scope, run: Run, there: Ways, wish: Wish, new_id: int) -> Enrolment:
        first = there.first(wish.customer_id)
        held = is_held_out(scope, self.share, run, wish.customer_id) if first is None else first.held_out
        seed = str(wish.customer_id) if first is None else first.seed
        return attrs.evolve(
            setting_out(scope, run, new_id, wish.customer_id, held_out=held),
            origin_id=wish.origin_id,
            key=wish.key,
            occurrence=there.occurrence(wish),
            seed=seed,
            entered_at=wish.at,
        )


@attrs.frozen
class _Meant:
    """An event that lets customers enter, its place among those that happened, and the key it is about (None: it has none)."""

    place: int
    append: Append
    at: int
    key: str | None


def _meant(run: Run, past: Sequence[tuple[Append, PastEvent]], now: int) -> list[_Meant]:
    """Return the events that let customers enter; what was before the run counts for nothing.

    Nobody enters later than now: by a clock that is fast, what ends the way would seem to have been before it.
    """
    trigger = run.campaign.trigger
    if not isinstance(trigger, Happens):
        return []
    return [
        _Meant(place, append, min(event.at, now), ways.key_of(trigger, event))
        for place, (append, event) in enumerate(past)
        if event.at >= run.started_at and ways.is_meant(trigger, event)
    ]


def setting_out(scope: Scope, run: Run, new_id: int, customer_id: int, *, held_out: bool) -> Enrolment:
    """Return the way of a customer that begins now."""
    return Enrolment(
        id=new_id,
        run_id=run.id,
        customer_id=customer_id,
        origin_id=customer_id,
        key="",
        occurrence=1,
        version=run.version,
        step="",
        state=RUNNING,
        seed=str(customer_id),
        held_out=held_out,
        entered_at=scope.now,
        due_at=scope.now,
        left_at=None,
        reason=None,
        next=run.campaign.course[0].name,
        path="",
    )


def _write(scope: Scope, run: Run, there: Ways) -> None:
    enrolments.add(scope, list(there.new.values()))
    repeating.note(scope, run, there.new.values())
    enrolments.end(scope, list(there.ended.items()))
    enrolments.wake(scope, [one for one in there.woken.items() if one[0] not in there.ended])
    listeners.refuse(scope, run.id, there.refused)


def _ending(scope: Scope, campaign: Campaign, wishes: Sequence[Wish]) -> Mapping[int, list[PastEvent]]:
    """Return the events that end ways, of those who would enter, later than the first of them would."""
    if not wishes or not campaign.exits:
        return {}
    names = {one.event for one in campaign.exits}
    since = min(one.at for one in wishes)
    return recent.events_after(scope, names, sorted({one.customer_id for one in wishes}), since)


def _past(one: Append) -> PastEvent:
    event = one.event
    return PastEvent(
        name=event.name,
        at=event.at,
        id=one.id,
        item=event.item,
        quantity=event.quantity,
        amount=event.amount,
        currency=event.currency,
        ref=event.ref,
        properties={} if event.properties == "{}" else from_json(event.properties),
    )
