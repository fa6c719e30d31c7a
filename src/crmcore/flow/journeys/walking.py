"""A batch of enrolments on their way through the steps of a campaign, until each waits or is at its end.

A step takes all who have come to it at once. Where there is no wait there is no way round, so this comes to an end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import attrs

from crmcore.flow.journeys.entering import Entering
from crmcore.model import graph
from crmcore.model.campaign import Campaign
from crmcore.model.policy import Policy
from crmcore.model.steps import END, Split
from crmcore.registry import Registry
from crmcore.store.enrolments import Enrolment, Moved
from crmcore.store.runs import Run
from crmcore.store.scope import Scope

#: So much of where somebody has been is kept; of ways that go round and round the latest part, and the arms.
LONGEST_PATH = 4000


class Onward(NamedTuple):
    """Where an enrolment goes from a step: to another at once, or not before `due_at`; `said` is which way that is."""

    to: str
    due_at: int | None = None
    said: str = ""


@attrs.frozen(kw_only=True)
class Stage:
    """What steps need: the transaction, the run with the version that these enrolments are on, what plugins bring, rules for sending.

    `prices` are those of a message on each channel, `paths` says where each enrolment has been by now, `said` when steps have said something,
    and `heard` the time of the event that each has last waited for.
    """

    scope: Scope
    run: Run
    registry: Registry
    policy: Policy
    entering: Entering
    after: Mapping[str, str]
    paths: dict[int, str] = attrs.field(factory=dict)
    said: list[int] = attrs.field(factory=list)
    prices: Mapping[str, Decimal] = attrs.field(factory=dict)
    heard: dict[int, int] = attrs.field(factory=dict)

    def later(self) -> int:
        """Return a time for what a step says: a microsecond after that of every step before it."""
        self.said.append(self.scope.now + len(self.said))
        return self.said[-1]

    def onward(self, step: Any, said: str = "", due_at: int | None = None) -> Onward:
        """Return where a step leads on the way of a name."""
        return Onward(graph.ways(step, self.after)[said], due_at, said)


#: What a kind of step does with all who have come to it: where each goes, in the same order.
Doing = Callable[[Stage, Any, Sequence[Enrolment]], Sequence[Onward]]


def walk(stage: Stage, given: Sequence[Enrolment], doings: Mapping[type[Any], Doing]) -> list[Moved]:
    """Move enrolments on from where they are due; return where each stands then."""
    steps = {one.name: one for one in stage.run.campaign.course}
    coming: dict[str, list[Enrolment]] = {}
    moved: list[Moved] = []
    stage.paths.update((one.id, one.path) for one in given)
    for one in given:
        coming.setdefault(one.next, []).append(one)
    while coming:
        name = next((name for name in steps if name in coming), next(iter(coming)))
        arrived = coming.pop(name)
        if name not in steps:
            moved += [Moved(id=one.id, step=one.step, next=END, due_at=None, path=one.path) for one in arrived]
            continue
        step = steps[name]
        for one, onward in zip(arrived, doings[type(step)](stage, step, arrived), strict=True):
            path = stage.paths[one.id] = _been(stage, stage.paths[one.id], name, onward.said)
            if onward.due_at is not None or onward.to == END:
                moved.append(Moved(id=one.id, step=name, next=onward.to, due_at=onward.due_at, path=path))
            else:
                coming.setdefault(onward.to, []).append(one)
    return moved


def _been(stage: Stage, path: str, name: str, said: str) -> str:
    here = f"{name}:{said}@{stage.scope.now}" if said else f"{name}@{stage.scope.now}"
    whole = f"{path} {here}" if path else here
    return whole if len(whole) <= LONGEST_PATH else _shortened(whole, stage.run.campaign)


def _shortened(path: str, campaign: Campaign) -> str:
    """Return a path without its earliest places; where it first came by a split stays: it tells its arm."""
    splits = {one.name for one in campaign.course if isinstance(one, Split)}
    over, kept = len(path) - LONGEST_PATH, list[str]()
    for place in path.split(" "):
        name, is_parted, _ = place.partition(":")
        if is_parted and name in splits:
            splits.remove(name)
            kept.append(place)
        elif over > 0:
            over -= len(place) + 1
        else:
            kept.append(place)
    return " ".join(kept)
