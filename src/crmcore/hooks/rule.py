"""The Rule contract: a condition on customers that a plugin adds, in its readings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from crmcore.model.history import History

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select, Subquery, Table


class RuleScope(Protocol):
    """What a rule may read: the connection, the time, and tables already narrowed to the workspace."""

    @property
    def connection(self) -> Connection:
        """The connection."""

    @property
    def workspace_id(self) -> int:
        """The workspace."""

    @property
    def now(self) -> int:
        """The time in microseconds UTC."""

    def table(self, table: Table) -> Subquery:
        """Return the rows of a table that belong to this workspace."""


@attrs.frozen(kw_only=True)
class Touches:
    """What can change a rule's answer: events and attributes by name, and what else is known; whether time alone can.

    `tags` by name; `said` stands for consents and wishes, `accounts` for memberships and what is known of accounts,
    `segments` names those whose members are uploaded.
    """

    events: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    said: bool = False
    accounts: bool = False
    time: bool = False


class Rule(Protocol):
    """One condition; `params` are those of the tree's node."""

    name: str
    contract: int

    def sql(self, scope: RuleScope, params: Mapping[str, Any]) -> Select[tuple[int]]:
        """Return a select of the ids of the customers for whom it holds at `scope.now`."""

    def holds(self, history: History, params: Mapping[str, Any], now: int) -> bool:
        """Tell whether it holds for one customer's history at `now`: the reference meaning."""

    def touches(self, params: Mapping[str, Any]) -> Touches:
        """Return what can change the answer."""

    def next_change(self, history: History, params: Mapping[str, Any], now: int) -> int | None:
        """Return when the answer changes by time alone, at the earliest; None for never."""
