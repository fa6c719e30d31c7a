"""What a run came to, once its time has been turned to the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import attrs

from crmcore.flow.simulating.muting import Parts
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.delivery import BOOKS, Book, Reason, State
from crmcore.store import messages
from crmcore.store.messages import Message
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Simulated:
    """What a campaign would do; times in microseconds UTC.

    Attributes: `audience` (whom it is for when it begins), `entered` (how many ways through it), `held_out` (of these,
    without messages); `sent`, `later` (of those sent, not at once: quiet hours, caps, limits), `waiting` (at the end of the
    time), `failed`; `skipped` by reason, `capped` among them (a cap had no room); `refused` (matches that let nobody enter) by
    reason; `problems` (why it could not go on); `messages`, one by one, with their words as far as these were asked for.
    """

    campaign: str
    since: int
    until: int
    audience: int
    entered: int
    held_out: int
    sent: int
    later: int
    waiting: int
    failed: int
    capped: int
    skipped: Mapping[str, int]
    refused: Mapping[str, int]
    problems: tuple[str, ...]
    messages: tuple[Message, ...]


@attrs.frozen(kw_only=True)
class Reached:
    """A goal: how many `customers` reached it within its time after a message, by how many events; `amounts` by currency.

    These events are history: they came without its messages.
    """

    event: str
    within: str
    customers: int
    events: int
    amounts: Mapping[str, int]


@attrs.frozen(kw_only=True)
class Backtested(Simulated):
    """What a campaign would have done, and the goals that customers reached after its messages all the same."""

    goals: tuple[Reached, ...]


def backtested(scope: Scope, campaign: Campaign, found: Simulated) -> Backtested:
    """Return what a run has come to, with what history says of its goals."""
    wanted = [one for one in (campaign.goal, *campaign.goals) if one is not None]
    goals = tuple(_reached(scope, one, found) for one in wanted)
    return Backtested(**attrs.asdict(found, recurse=False), goals=goals)


def _reached(scope: Scope, goal: Goal, found: Simulated) -> Reached:
    sent: dict[int, list[int]] = {}
    for one in found.messages:
        if one.is_sent:
            sent.setdefault(one.customer_id, []).append(one.at)
    events = [
        event
        for event in messages.later_events(scope, goal.event, sorted(sent), found.since)
        if any(at <= event.occurred_at <= at + goal.window for at in sent[event.customer_id])
    ]
    amounts = Counter[str]()
    for event in events:
        if event.amount is not None:
            amounts[event.currency] += event.amount
    return Reached(
        event=goal.event,
        within=goal.within,
        customers=len({event.customer_id for event in events}),
        events=len(events),
        amounts=dict(sorted(amounts.items())),
    )


def outcome(
    scope: Scope, run_id: int, since: int, audience: int, problems: Sequence[str], parts: Mapping[int, Parts]
) -> Simulated:
    """Return what a run has come to by now."""
    ended = messages.ended(scope, run_id)
    tally = messages.tally(scope, run_id)
    books = Counter(BOOKS[State(one.state)] for one in ended)
    skipped = Counter(one.reason or one.state for one in ended if BOOKS[State(one.state)] is Book.SKIPPED)
    return Simulated(
        campaign=tally.campaign,
        since=since,
        until=scope.now,
        audience=audience,
        entered=tally.entered,
        held_out=tally.held_out,
        sent=books[Book.SENT],
        later=sum(one.is_sent and one.at > one.planned_at for one in ended),
        waiting=tally.waiting,
        failed=books[Book.FAILED],
        capped=skipped[Reason.CAPPED.value],
        skipped=dict(sorted(skipped.items())),
        refused=tally.refused,
        problems=tuple(problems),
        messages=tuple(attrs.evolve(one, parts=parts.get(one.id, {})) for one in ended),
    )
