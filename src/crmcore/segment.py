"""A segment as a host holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from crmcore.flow import segments
from crmcore.flow.segments import Member
from crmcore.model.building import Clause
from crmcore.model.condition import Condition
from crmcore.opening import Opened
from crmcore.registry import Registry
from crmcore.store.plain import to_data, to_tree
from crmcore.store.segments import Definition


class Segment:
    """A standing rule; who it holds for is looked up when asked, exact to the last commit."""

    def __init__(self, opened: Opened, fold: Callable[[], object], registry: Registry, definition: Definition) -> None:
        self._opened, self._fold, self._rules = opened, fold, registry.rules
        self.name: str = definition.name
        self.version: int = definition.version
        self.condition: Condition = definition.condition

    def size(self) -> int:
        """Return how many customers are in it."""
        self._fold()
        with self._opened.reading() as scope:
            return segments.size(scope, self.condition, self._rules)

    def members(self, limit: int | None = None, after: int = 0) -> list[Member]:
        """Return its customers by id, at most `limit`, those after an id first."""
        self._fold()
        with self._opened.reading() as scope:
            return segments.members(scope, self.condition, self._rules, limit=limit, after=after)

    def plain(self) -> dict[str, Any]:
        """Return its condition as plain data for JSON and TOML."""
        return to_data(self.condition)


def condition_of(clause: Clause | Condition | Mapping[str, Any]) -> Condition:
    """Return the condition that a clause or plain data stand for."""
    if isinstance(clause, Clause):
        return clause.condition
    return to_tree(clause) if isinstance(clause, Mapping) else clause
