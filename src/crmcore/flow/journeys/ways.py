"""What one run makes of what happens: who enters, who is let go on, whose way is over. In memory; `entering` writes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import attrs

from crmcore.flow.journeys.merging import standing_still
from crmcore.model import graph
from crmcore.model.campaign import Campaign
from crmcore.model.happens import LONGEST_KEY, Happens
from crmcore.model.history import PastEvent
from crmcore.model.steps import WaitFor
from crmcore.model.triggers import OnDate, OnSchedule
from crmcore.rules.comparing import MISSING
from crmcore.rules.occurrences import field_of, fits
from crmcore.store.enrolments import COMPLETED, EXITED, RESTARTED, RUNNING, Enrolment

#: Why a match lets nobody enter.
AUDIENCE, ONCE, GAP, UNDER_WAY, NO_KEY, LATE = "audience", "once", "gap", "under_way", "no_key", "exited"


@attrs.frozen(kw_only=True)
class Wish:
    """Somebody is to enter: by which key, and since when that is so; `is_matched` tells that the audience has it."""

    customer_id: int
    origin_id: int
    key: str
    at: int
    is_matched: bool = True


def is_meant(wanted: Happens, event: PastEvent) -> bool:
    """Tell whether an event is one that is looked out for."""
    return event.name == wanted.event and fits(event, wanted.where)


def key_of(wanted: Happens, event: PastEvent) -> str | None:
    """Return the key an event is about: "" where none is asked for, None where it has none."""
    if not wanted.key:
        return ""
    value = field_of(event, wanted.key)
    text = "" if value is MISSING or value is None else str(value)
    return text if 0 < len(text) <= LONGEST_KEY else None


def names(campaign: Campaign) -> set[str]:
    """Return the events that a campaign looks out for."""
    waits = [one.event.event for one in campaign.steps if isinstance(one, WaitFor)]
    begins = [campaign.trigger.event] if isinstance(campaign.trigger, Happens) else []
    return {*waits, *begins, *(one.event for one in campaign.exits)}


class Ways:
    """The ways of some customers through a run, and what has become of them since they were read.

    `campaigns` are the versions they are on; `waiting` are the ways of which a message waits: those are not over before it
    is gone, or will never go. `new`, `ended`, `woken` and `refused` are what there is to write.
    """

    def __init__(
        self, campaigns: Mapping[int, Campaign], there: Iterable[Enrolment], waiting: Collection[int] = ()
    ) -> None:
        self._campaigns, self._waiting = campaigns, waiting
        self._of: dict[int, list[Enrolment]] = {}
        for one in there:
            self._of.setdefault(one.customer_id, []).append(one)
        self.new: dict[int, Enrolment] = {}
        self.ended: dict[int, str] = {}
        self.woken: dict[int, str] = {}
        self.refused: list[tuple[int, str]] = []

    def happen(self, customer_id: int, event: PastEvent) -> None:
        """Let whoever waits for an event go on, and end the ways that it ends."""
        for place, one in enumerate(self._of.get(customer_id, ())):
            is_open = one.state == RUNNING or (one.state == COMPLETED and one.id in self._waiting)
            if is_open and event.at >= one.entered_at:
                self._of[customer_id][place] = self._happened(one, event)

    def _happened(self, one: Enrolment, event: PastEvent) -> Enrolment:
        campaign = self._campaigns[one.version]
        if any(is_about(wanted, event, one.key) for wanted in campaign.exits):
            return self._end(one, event.name)
        step = _step(campaign, one.step)
        waits = one.state == RUNNING and one.id not in self.woken and one.due_at is not None and event.at <= one.due_at
        if waits and isinstance(step, WaitFor) and is_about(step.event, event, one.key):
            self.woken[one.id] = graph.ways(step, graph.following(campaign.course))["happened"]
        return one

    def _end(self, one: Enrolment, reason: str) -> Enrolment:
        ended = attrs.evolve(one, state=EXITED, reason=reason, due_at=None)
        if one.id in self.new:
            self.new[one.id] = ended
        else:
            self.ended[one.id] = reason
        return ended

    def first(self, customer_id: int) -> Enrolment | None:
        """Return the earliest way of a customer: it says which arms it is in."""
        return next(iter(self._of.get(customer_id, ())), None)

    def refusal(self, wish: Wish, campaign: Campaign) -> str | None:
        """Return why a customer may not enter now; None where it may."""
        if not wish.is_matched:
            return AUDIENCE
        same = self._rivals(wish, campaign)
        if isinstance(campaign.trigger, OnDate | OnSchedule) and any(one.key == wish.key for one in same):
            return ONCE
        if any(one.state == RUNNING for one in same):
            return UNDER_WAY if campaign.policy == "ignore" else None
        if not same or all(one.reason == RESTARTED for one in same):
            return None
        reentry = campaign.reentry
        if reentry.when == "once":
            return ONCE
        return GAP if wish.at - max(one.entered_at for one in same) < reentry.span else None

    def _rivals(self, wish: Wish, campaign: Campaign) -> list[Enrolment]:
        """Return the ways that re-entry and policy are about: those of the key; of a schedule all, each has a key of its own.

        Not those that stand still since their customer has become a part of this one.
        """
        ways = self._of.get(wish.customer_id, ())
        rivals = [one for one in ways if one.key == wish.key or isinstance(campaign.trigger, OnSchedule)]
        still = standing_still(rivals, campaign)
        return [one for one in rivals if one.id not in still]

    def restart(self, wish: Wish, campaign: Campaign) -> None:
        """End the ways that are under way: another begins."""
        ended = {one.id for one in self._rivals(wish, campaign) if one.state == RUNNING}
        ways = self._of.get(wish.customer_id, [])
        ways[:] = [self._end(one, RESTARTED) if one.id in ended else one for one in ways]

    def occurrence(self, wish: Wish) -> int:
        """Return which way of a customer with this key the next one is, from 1."""
        same = (one.occurrence for one in self._of.get(wish.customer_id, ()) if one.key == wish.key)
        return max(same, default=0) + 1

    def enter(self, enrolment: Enrolment) -> None:
        """Let somebody set out."""
        self._of.setdefault(enrolment.customer_id, []).append(enrolment)
        self.new[enrolment.id] = enrolment

    def refuse(self, customer_id: int, reason: str) -> None:
        """Note that somebody may not enter."""
        self.refused.append((customer_id, reason))


def is_about(wanted: Happens, event: PastEvent, key: str) -> bool:
    """Tell whether an event is one that is looked out for, for a way of this key."""
    return is_meant(wanted, event) and (not wanted.key or key_of(wanted, event) == key)


def _step(campaign: Campaign, name: str) -> object:
    return next((one for one in campaign.course if one.name == name), None)


def exits_after(
    campaign: Campaign, wishes: Mapping[int, Wish], events: Mapping[int, Collection[PastEvent]]
) -> set[int]:
    """Return the places of those wishes whose customer had an event that ends such a way, later than it would begin."""
    return {
        place
        for place, wish in wishes.items()
        if any(
            event.at > wish.at and is_about(wanted, event, wish.key)
            for event in events.get(wish.customer_id, ())
            for wanted in campaign.exits
        )
    }
