"""A segment as a host holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from crmcore.errors import InvalidTime, InvalidValue
from crmcore.flow import segments
from crmcore.flow.blaming import blamed
from crmcore.flow.segments import Member
from crmcore.model import clauses
from crmcore.model.clauses import Clause
from crmcore.model.condition import Condition
from crmcore.model.identity import Who
from crmcore.model.time import duration, iso, microseconds
from crmcore.model.wording import to_condition, to_text
from crmcore.opening import Opened
from crmcore.registry import Registry
from crmcore.store.plain import to_data, to_tree
from crmcore.store.scope import Scope
from crmcore.store.segments import Definition

if TYPE_CHECKING:
    from crmcore.flow.explanation import Explanation
    from crmcore.flow.membership import MembershipChange, SizeAt


#: So many sizes make a trend, at most.
POINTS = 10_000


class Segment:
    """A standing rule, or an uploaded list; who is in it is kept with every change, exact to the last commit."""

    def __init__(
        self, opened: Opened, settle: Callable[[], object], registry: Registry, definition: Definition
    ) -> None:
        self._opened, self._settle, self._plugins, self._definition = opened, settle, registry.rules, definition
        self.name: str = definition.name
        self.version: int = definition.version
        self.condition: Condition = definition.condition

    def size(self) -> int:
        """Return how many customers are in it."""
        self._settle()
        with self._asking() as scope:
            return segments.size(scope, self._definition, self._plugins)

    def members(self, limit: int | None = None, after: int = 0) -> list[Member]:
        """Return its customers by id, at most `limit`, those after an id first. Raise InvalidValue for a negative limit."""
        most = _count(limit)
        self._settle()
        with self._asking() as scope:
            return segments.members(scope, self._definition, self._plugins, limit=most, after=after)

    def at(self, at: datetime | int, limit: int | None = None, after: int = 0) -> list[Member]:
        """Return who its rule, as it is now, held for at a time (microseconds UTC, or a datetime), by id.

        What counts is what had been received by then; ids and keys are those customers had then. Raise InvalidTime for a
        time to come. Imports undone and customers erased since are not seen any more.
        """
        from crmcore.flow import membership

        then, most = self._past(at, "at"), _count(limit)
        with self._asking() as scope:
            found = membership.members(scope, self.condition, self._plugins, then, after)
            return list(islice(found, most))

    def history(self, since: datetime | int, until: datetime | int | None = None) -> list[MembershipChange]:
        """Return who entered and who left later than `since` and until `until` (now, where it is left out), in order.

        Members and times are those of `at`: the changes applied to `at(since)` give `at(until)`. Raise InvalidTime
        where `since` is later than `until`, or either is to come.
        """
        from crmcore.flow import membership

        start, end = self._span(since, until)
        with self._asking() as scope:
            return membership.changes(scope, self.condition, self._plugins, start, end)

    def trend(
        self,
        since: datetime | int,
        until: datetime | int | None = None,
        every: str | int | timedelta = "1d",
    ) -> list[SizeAt]:
        """Return its size at `since` and then every so often up to `until` (now, where it is left out).

        `every` is a duration such as "1d", a timedelta or microseconds. Raise InvalidTime as `history` does, and where that
        would be more than POINTS sizes.
        """
        from crmcore.flow import membership

        step = duration(every, "every")
        if step <= 0:
            raise InvalidTime(place="every", problem=f"{every!r} is not more than nothing")
        start, end = self._span(since, until)
        if (count := (end - start) // step + 1) > POINTS:
            problem = f"{every!r} makes {count:,} sizes, {POINTS:,} at most; take longer steps, such as '1d'"
            raise InvalidTime(place="every", problem=problem)
        times = range(start, end + 1, step)
        with self._asking() as scope:
            return membership.sizes(scope, self.condition, self._plugins, times)

    def why(self, who: Who, at: datetime | int | None = None) -> Explanation:
        """Return why a customer is in it or is not, now or at a time: the tree, each node's truth, and what made it so.

        Raise UnknownCustomer, also for one who was not known at the time; InvalidTime.
        """
        from crmcore.flow import explaining

        self._settle()
        then = None if at is None else self._past(at, "at")
        with self._asking() as scope:
            return explaining.of_customer(scope, self.condition, self._plugins, who, then)

    @contextmanager
    def _asking(self) -> Iterator[Scope]:
        with blamed(self.name), self._opened.reading() as scope:
            yield scope

    def _now(self) -> int:
        return self._opened.clock.now()

    def _span(self, since: datetime | int, until: datetime | int | None) -> tuple[int, int]:
        """Return two times in microseconds; raise InvalidTime where they are the wrong way round, or to come."""
        end = self._past(self._now() if until is None else until, "until")
        start = self._past(since, "since")
        if start > end:
            raise InvalidTime(place="since", problem=f"{iso(start)} is later than until, {iso(end)}")
        return start, end

    def _past(self, at: datetime | int, place: str) -> int:
        """Return a time in microseconds, what was said by then folded; raise InvalidTime for one to come."""
        self._settle()
        then, now = microseconds(at, place), self._now()
        if then > now:
            raise InvalidTime(place=place, problem=f"{iso(then)} is later than now, {iso(now)}")
        return then

    def plain(self) -> dict[str, Any]:
        """Return its condition as plain data for JSON and TOML."""
        return to_data(self.condition)

    def text(self) -> str:
        """Return its condition in words, as `define_segment` reads them."""
        return to_text(self.condition)


def _count(limit: int | None) -> int | None:
    if limit is not None and (type(limit) is not int or limit < 0):
        raise InvalidValue(place="limit", problem=f"{limit!r} is no number of customers; leave it out for all")
    return limit


def condition_of(clause: Clause | Condition | Mapping[str, Any] | str) -> Condition:
    """Return the condition that a clause, plain data or a text stand for; raise InvalidCondition for what is none."""
    match clause:
        case str():
            return to_condition(clause)
        case Mapping():
            return to_tree(clause)
    return clauses.condition_of(clause)
