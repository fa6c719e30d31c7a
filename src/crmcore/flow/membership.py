"""Who was in a segment at a time, and who entered and left from one time to another: told from the logs.

The rule is the one the segment has now; what was known of customers is what had been received by the time.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from crmcore.flow.segments import Member
from crmcore.model import logbook as played
from crmcore.model.condition import Condition
from crmcore.model.logbook import Known, Logbook
from crmcore.rules.naming import resolved
from crmcore.rules.plugin import Plugins
from crmcore.rules.tree import holds, next_change, touches
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
    for at, known in _moments(condition, plugins, part, since, until):
        held = _held(condition, plugins, known, at)
        if before is not None:
            left = [_change(before[one], at, entered=False) for one in before.keys() - held.keys()]
            yield from left
            yield from (_change(held[one], at, entered=True) for one in held.keys() - before.keys())
        before = held


def _change(member: Member, at: int, *, entered: bool) -> MembershipChange:
    return MembershipChange(at=at, id=member.id, key=member.key, entered=entered)


def _moments(
    condition: Condition, plugins: Plugins, part: Logbook, since: int, until: int
) -> Iterator[tuple[int, dict[int, Known]]]:
    """Yield `since` and every time at which the answer may become another, each with what was known then."""
    starts = [since, *played.instants(part, since, until)]
    for start, end in zip(starts, [*starts[1:], until + 1], strict=True):
        known = played.known(part, start)
        at: int | None = start
        while at is not None and at < end:
            yield at, known
            at = _next(condition, plugins, known, at)


def _next(condition: Condition, plugins: Plugins, known: dict[int, Known], at: int) -> int | None:
    times = [next_change(condition, one.history, at, plugins) for one in known.values()]
    return min((time for time in times if time is not None), default=None)
