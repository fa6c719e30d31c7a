"""How a condition's answer goes on for customers, from one time to another: every leaf by itself, then all together.

A leaf on events goes through a customer's events once, however many there are; others are asked whenever anything but an
event has come in, and when time changes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby, pairwise, takewhile
from operator import itemgetter

import attrs

from crmcore.model import logbook as played
from crmcore.model.condition import Condition, Leaf, PluginRule, leaves
from crmcore.model.history import History, PastEvent
from crmcore.model.logbook import Happening, Known, Logbook
from crmcore.rules.leaf import LeafRule
from crmcore.rules.plugin import Plugins
from crmcore.rules.tree import combined, rule_of

Answers = Iterable[tuple[int, bool]]
Asked = Sequence[tuple[LeafRule[Leaf], Leaf]]


@attrs.frozen(kw_only=True)
class Course:
    """A customer as it was known, and from when on the condition holds and holds not, in turn; first of all at the start."""

    known: Known
    answers: tuple[tuple[int, bool], ...]


@attrs.frozen(kw_only=True)
class _Past:
    """A customer's events up to `end`, with when each is first seen."""

    history: History
    seen_from: Mapping[int, int]
    start: int
    end: int

    def since(self, event: PastEvent) -> int:
        return self.seen_from[event.id]


def courses(condition: Condition, plugins: Plugins, part: Logbook, start: int, end: int) -> dict[int, Course]:
    """Return the course of each customer from `start` until before `end`, while origins and links stay as they are."""
    asked = [(rule_of(leaf, plugins), leaf) for leaf in leaves(condition)]
    stated = _stated(asked, part, start, end)
    events = played.events_of(part, start)
    found = {}
    for one, known in played.known(attrs.evolve(part, events=()), start).items():
        past = _past(one, events.get(one, ()), start, end)
        answers = [
            stated[one, place] if rule.course is None else _answers(rule, leaf, past)
            for place, (rule, leaf) in enumerate(asked)
        ]
        found[one] = Course(known=known, answers=tuple(_together(condition, answers, start)))
    return found


def _stated(asked: Asked, part: Logbook, start: int, end: int) -> dict[tuple[int, int], list[tuple[int, bool]]]:
    """Return (time, answer) by customer and place of each leaf that has no course, asked whenever something has come in."""
    found: dict[tuple[int, int], list[tuple[int, bool]]] = {}
    without = [(place, rule, leaf) for place, (rule, leaf) in enumerate(asked) if rule.course is None]
    if not without:
        return found
    # Nobody but itself can tell how a plugin's rule looks at events.
    said = part if any(isinstance(leaf, PluginRule) for _, leaf in asked) else attrs.evolve(part, events=())
    for at, until in pairwise([start, *played.instants(said, start, end - 1), end]):
        for one, known in played.known(said, at).items():
            for place, rule, leaf in without:
                found.setdefault((one, place), []).extend(_spell(rule, leaf, known.history, at, until))
    return found


def _spell(rule: LeafRule[Leaf], leaf: Leaf, history: History, start: int, end: int) -> Iterator[tuple[int, bool]]:
    at: int | None = start
    while at is not None and at < end:
        yield at, rule.holds(history, leaf, at)
        at = rule.next_change(history, leaf, at)


def _past(customer: int, events: Sequence[Happening], start: int, end: int) -> _Past:
    told = [one for one in events if one.received_at < end]
    return _Past(
        history=History(customer_id=customer, events=tuple(one.event for one in told)),
        seen_from={one.event.id: max(one.event.at, one.received_at) for one in told},
        start=start,
        end=end,
    )


def _answers(rule: LeafRule[Leaf], leaf: Leaf, past: _Past) -> Iterator[tuple[int, bool]]:
    """Yield (time, answer) of a leaf on events, at the start and whenever it may be another."""
    if rule.course is not None:
        course = rule.course(past.history, leaf, past.start, past.since)
        for at, answer in takewhile(lambda one: one[0] < past.end, course):
            yield at, _asked(rule, leaf, past, at) if answer is None else answer


def _asked(rule: LeafRule[Leaf], leaf: Leaf, past: _Past, at: int) -> bool:
    """Ask where there is no answer: what is wrong is raised."""
    seen = tuple(one for one in past.history.events if past.since(one) <= at)
    return rule.holds(attrs.evolve(past.history, events=seen), leaf, at)


def _together(condition: Condition, courses: Sequence[Answers], start: int) -> Iterator[tuple[int, bool]]:
    """Yield (time, answer) of the tree, at the start and whenever it is another."""
    found: list[bool] = [False] * len(courses)
    before: bool | None = None
    if not courses:
        yield start, combined(condition, iter(()))
    moves = merge(*(_numbered(place, course) for place, course in enumerate(courses)), key=itemgetter(0))
    for at, together in groupby(moves, itemgetter(0)):
        for _, place, answer in together:
            found[place] = answer
        if (now := combined(condition, iter(found))) is not before:
            yield at, now
            before = now


def _numbered(place: int, course: Answers) -> Iterator[tuple[int, int, bool]]:
    return ((at, place, answer) for at, answer in course)
