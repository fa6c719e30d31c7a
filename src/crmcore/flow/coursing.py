"""How a condition's answer goes on for customers, from one time to another: every leaf by itself, then all together.

A leaf on events goes through a customer's events once, however many there are; others are asked whenever anything but an
event has come in, and when time changes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import groupby, pairwise, takewhile
from operator import itemgetter

import attrs

from crmcore.model import logbook as played
from crmcore.model.condition import Condition, Leaf, PluginRule, leaves
from crmcore.model.history import History, PastEvent
from crmcore.model.logbook import Known, Logbook
from crmcore.rules.leaf import LeafRule
from crmcore.rules.plugin import Plugins
from crmcore.rules.tree import combined, rule_of

#: What is known from a time on.
State = tuple[int, History]
Answers = Iterator[tuple[int, bool]]


@attrs.frozen(kw_only=True)
class Course:
    """A customer as it was known, and from when on the condition holds and holds not, in turn; first of all at the start."""

    known: Known
    answers: tuple[tuple[int, bool], ...]


@attrs.frozen(kw_only=True)
class _Past:
    """What is told of one customer up to `end`: its states, and its events with when each is first seen."""

    states: Sequence[State]
    events: History
    seen_from: dict[int, int]
    end: int

    def since(self, event: PastEvent) -> int:
        return self.seen_from[event.id]


def courses(condition: Condition, plugins: Plugins, part: Logbook, start: int, end: int) -> dict[int, Course]:
    """Return the course of each customer from `start` until before `end`, while origins and links stay as they are."""
    asked = list(leaves(condition))
    # Nobody but itself can tell how a plugin's rule looks at events: it is asked after each.
    said = part if any(isinstance(one, PluginRule) for one in asked) else attrs.evolve(part, events=())
    times = [start, *played.instants(said, start, end - 1)]
    states = [(at, played.known(said, at)) for at in times]
    events = played.events_of(part, start)
    found = {}
    for one, known in states[0][1].items():
        past = _past(one, [(at, then[one].history) for at, then in states], events.get(one, ()), end)
        answers = [_answers(rule_of(leaf, plugins), leaf, past) for leaf in asked]
        found[one] = Course(known=known, answers=tuple(_together(condition, answers)))
    return found


def _past(customer: int, states: Sequence[State], events: Sequence[played.Happening], end: int) -> _Past:
    told = [one for one in events if one.received_at < end]
    return _Past(
        states=states,
        events=History(customer_id=customer, events=tuple(one.event for one in told)),
        seen_from={one.event.id: max(one.event.at, one.received_at) for one in told},
        end=end,
    )


def _answers(rule: LeafRule[Leaf], leaf: Leaf, past: _Past) -> Answers:
    """Yield (time, answer) of a leaf, at the start and whenever it may be another."""
    if rule.course is None:
        yield from _asked(rule, leaf, past)
        return
    course = rule.course(past.events, leaf, past.states[0][0], past.since)
    for at, answer in takewhile(lambda one: one[0] < past.end, course):
        yield at, _told_why_not(rule, leaf, past, at) if answer is None else answer


def _asked(rule: LeafRule[Leaf], leaf: Leaf, past: _Past) -> Answers:
    for (start, history), (end, _) in pairwise([*past.states, (past.end, History())]):
        at: int | None = start
        while at is not None and at < end:
            yield at, rule.holds(history, leaf, at)
            at = rule.next_change(history, leaf, at)


def _told_why_not(rule: LeafRule[Leaf], leaf: Leaf, past: _Past, at: int) -> bool:
    """Ask where there is no answer: what is wrong is raised."""
    seen = tuple(one for one in past.events.events if past.since(one) <= at)
    return rule.holds(attrs.evolve(past.events, events=seen), leaf, at)


def _together(condition: Condition, courses: Sequence[Answers]) -> Answers:
    """Yield (time, answer) of the tree, at the start and whenever it is another."""
    found: list[bool] = [False] * len(courses)
    before: bool | None = None
    moves = merge(*(_numbered(place, course) for place, course in enumerate(courses)), key=itemgetter(0))
    for at, together in groupby(moves, itemgetter(0)):
        for _, place, answer in together:
            found[place] = answer
        if (now := combined(condition, iter(found))) is not before:
            yield at, now
            before = now


def _numbered(place: int, course: Answers) -> Iterator[tuple[int, int, bool]]:
    return ((at, place, answer) for at, answer in course)
