"""Who was in a segment at a time, and who entered and left from one time to another: told from the logs.

The rule is the one the segment has now; what was known of customers is what had been received by the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import attrs

from crmcore.flow.coursing import courses
from crmcore.flow.segments import Member
from crmcore.model import logbook as played
from crmcore.model.condition import Condition
from crmcore.model.logbook import Known, Logbook
from crmcore.rules.naming import resolved
from crmcore.rules.plugin import Plugins
from crmcore.rules.tree import holds, touches
from crmcore.store import logbook
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class MembershipChange:
    """A customer entered a segment, or left it, at a time (microseconds UTC); also by being joined with another or parted.

    `id` and `key` are those of then.
    """

    at: int
    id: int
    key: str | None
    entered: bool


@attrs.frozen(kw_only=True)
class SizeAt:
    """How many customers a segment had at a time (microseconds UTC)."""

    at: int
    size: int


def members(scope: Scope, condition: Condition, plugins: Plugins, at: int, after: int = 0) -> Iterator[Member]:
    """Yield the customers for whom a condition held at a time, by id, those after an id first."""
    tree = resolved(scope, condition)

    def mine(book: Logbook, page: frozenset[int]) -> set[int]:
        beyond = book.since.keys() - page
        return (
            {origin for origin, home in played.homes(book, at).items() if home in page} if beyond else set(book.since)
        )

    for page, book in logbook.pages(scope, at, touches(tree, plugins), mine, after):
        held = _held(tree, plugins, played.known(book, at), at)
        yield from (held[one] for one in sorted(page & held.keys()))


def changes(scope: Scope, condition: Condition, plugins: Plugins, since: int, until: int) -> list[MembershipChange]:
    """Return who entered and who left later than `since` and not later than `until`, in the order of time, then by id."""
    tree = resolved(scope, condition)
    found: list[MembershipChange] = []
    for _, book in logbook.pages(scope, until, touches(tree, plugins), _whole_parts):
        for part in played.parts(book):
            found += _changes(tree, plugins, part, since, until)
    return sorted(found, key=lambda one: (one.at, one.id))


def _whole_parts(book: Logbook, page: frozenset[int]) -> set[int]:
    """Pick the origins that links join, in the page of the first of them."""
    return {origin for part in played.parts(book) if min(part.since) in page for origin in part.since}


def sizes(scope: Scope, condition: Condition, plugins: Plugins, times: range) -> list[SizeAt]:
    """Return how many customers a condition held for at each of some times, in order."""
    if not times:
        return []
    size = sum(1 for _ in members(scope, condition, plugins, times[0]))
    left = iter([*changes(scope, condition, plugins, times[0], times[-1]), None])
    change, found = next(left), []
    for at in times:
        while change is not None and change.at <= at:
            size += 1 if change.entered else -1
            change = next(left)
        found.append(SizeAt(at=at, size=size))
    return found


def _held(condition: Condition, plugins: Plugins, known: dict[int, Known], at: int) -> dict[int, Member]:
    return {
        one: Member(id=one, key=customer.key)
        for one, customer in known.items()
        if holds(condition, customer.history, at, plugins)
    }


def _changes(
    condition: Condition, plugins: Plugins, part: Logbook, since: int, until: int
) -> Iterator[MembershipChange]:
    before: dict[int, Member] | None = None
    for start, end in pairwise([since, *played.regroupings(part, since, until), until + 1]):
        found = courses(condition, plugins, part, start, end)
        members = {one: Member(id=one, key=course.known.key) for one, course in found.items()}
        if before is not None:
            held = {one for one, course in found.items() if course.answers[0][1]}
            yield from (_change(before[one], start, entered=False) for one in before.keys() - held)
            yield from (_change(members[one], start, entered=True) for one in held - before.keys())
        for one, course in found.items():
            yield from (_change(members[one], at, entered=is_in) for at, is_in in course.answers[1:])
        before = {one: members[one] for one, course in found.items() if course.answers[-1][1]}


def _change(member: Member, at: int, *, entered: bool) -> MembershipChange:
    return MembershipChange(at=at, id=member.id, key=member.key, entered=entered)
