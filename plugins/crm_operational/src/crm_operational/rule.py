"""The rule `open_case`: who waits for an answer to a complaint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, select

from crm_operational.complaint import CLOSED, NAMES, RAISED, Complaint, courses, is_open
from crm_operational.schema import event
from crmcore.hooks.rule import RuleScope, Touches
from crmcore.model.history import History

if TYPE_CHECKING:
    from sqlalchemy import Select


class OpenCase:
    """Some complaint was raised, and none of the same `ref` closed since. It asks the log: events come late, customers merge."""

    name = "open_case"
    contract = 1

    def sql(self, scope: RuleScope, params: Mapping[str, Any]) -> Select[tuple[int]]:  # noqa: ARG002 - the contract's
        """Return the select of those who have an open case."""
        raised, closed = scope.table(event).alias("raised").c, scope.table(event).alias("closed").c
        answered = exists().where(
            closed.customer_id == raised.customer_id,
            closed.name == CLOSED,
            closed.occurred_at >= raised.occurred_at,
            closed.occurred_at <= scope.now,
            func.coalesce(closed.ref, "") == func.coalesce(raised.ref, ""),
        )
        return select(raised.customer_id).where(raised.name == RAISED, raised.occurred_at <= scope.now, ~answered)

    def holds(self, history: History, params: Mapping[str, Any], now: int) -> bool:  # noqa: ARG002 - the same
        """Tell whether a case of the history is open at `now`."""
        return is_open(courses(one for one in _complaints(history) if one.at <= now))

    def touches(self, params: Mapping[str, Any]) -> Touches:  # noqa: ARG002 - the same
        """Return the events; an event may be dated a little after now."""
        return Touches(events=frozenset(NAMES), time=True)

    def next_change(self, history: History, params: Mapping[str, Any], now: int) -> int | None:
        """Return when events that come into sight change the answer."""
        times = sorted({one.at for one in _complaints(history) if one.at > now})
        return next((at for at in times if self.holds(history, params, at) != self.holds(history, params, now)), None)


def _complaints(history: History) -> list[Complaint]:
    return [
        Complaint(event_id=one.id, customer_id=0, name=one.name, at=one.at, ref=one.ref or "")
        for one in history.events
        if one.name in NAMES
    ]
