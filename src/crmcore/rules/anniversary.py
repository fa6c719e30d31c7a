"""A date comes round within so many days; the calendar in integers that both stores compute alike."""

from __future__ import annotations

from calendar import isleap
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select, true

from crmcore.hooks.rule import Touches
from crmcore.model.condition import Anniversary
from crmcore.model.history import History
from crmcore.model.time import DAY, EPOCH_DAY
from crmcore.model.yearly import coming
from crmcore.rules.leaf import LeafRule, Truth, among
from crmcore.store import schema
from crmcore.store.scope import Scope

#: So many days ahead every date has come round: from 1 March of a leap year, 29 February does on the last of them.
WHOLE_YEAR = 365
_LEAP_DAY, _MARCH = 229, 301


def _sql(scope: Scope, leaf: Anniversary) -> Truth:
    row = schema.attribute.c
    dated = select(row.customer_id).where(
        row.workspace_id == scope.workspace_id, row.name == leaf.name, row.kind == "date"
    )
    return among(dated.where(_comes_round(_month_day(row.number), _today(scope.now), leaf.days)))


def _comes_round(month_day: Any, today: date, days: int) -> Truth:
    """Compare month * 100 + day with the days ahead, which may run over the end of the year."""
    if days >= WHOLE_YEAR:
        return true()
    first, last = _number(today), _number(today + timedelta(days=days))
    if first == _MARCH and not isleap(today.year):
        first = _LEAP_DAY
    bounds = (month_day >= first, month_day <= last)
    return and_(*bounds) if first <= last else or_(*bounds)


def _month_day(days: Any) -> Any:
    """Return month * 100 + day of days since 1970, in years that begin in March (Hinnant, "days_from_civil").

    From the year 0 on every number here is 0 or more, so that // means the same everywhere.
    """
    day_of_era = (days + 719468) % 146097
    years = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (years * 365 + years // 4 - years // 100)
    month = (day_of_year * 5 + 2) // 153
    day = day_of_year - (month * 153 + 2) // 5 + 1
    return ((month + 2) % 12 + 1) * 100 + day


def _number(day: date) -> int:
    return day.month * 100 + day.day


def _today(now: int) -> date:
    return EPOCH_DAY + timedelta(days=now // DAY)


def _holds(history: History, leaf: Anniversary, now: int) -> bool:
    day = _dated(history, leaf)
    return day is not None and (coming(day, _today(now)) - _today(now)).days <= leaf.days


def _dated(history: History, leaf: Anniversary) -> date | None:
    found = history.attributes.get(leaf.name)
    return found if isinstance(found, date) and not isinstance(found, datetime) else None


def _next_change(history: History, leaf: Anniversary, now: int) -> int | None:
    """It stays until the day is over, or until the first of the days before it."""
    day = _dated(history, leaf)
    if day is None or leaf.days >= WHOLE_YEAR:
        return None
    ahead = (coming(day, _today(now)) - _today(now)).days
    wait = ahead + 1 if ahead <= leaf.days else ahead - leaf.days
    return (now // DAY + wait) * DAY


ANNIVERSARY = LeafRule[Anniversary](
    sql=_sql,
    holds=_holds,
    touches=lambda leaf: Touches(attributes=frozenset({leaf.name}), time=True),
    next_change=_next_change,
)
