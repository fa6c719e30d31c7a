"""When a message may go by the customer's clock and calendar: quiet hours and allowed weekdays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from crmcore.model.policy import HOLD, QuietHours, TimeRule
from crmcore.model.time import DAY
from crmcore.model.zones import first, time_of_day, wall, weekday


def in_the_way(rules: Sequence[TimeRule], zone: tzinfo, at: int) -> TimeRule | None:
    """Return the first of the rules that forbids a message at an instant; None where all allow it."""
    reading = wall(zone, at)
    return next((rule for rule in rules if wait(rule, reading)), None)


def released(rules: Sequence[TimeRule], zone: tzinfo, at: int, until: int) -> int:
    """Return the first instant from `at` on at which no rule that holds messages does so, at latest `until`."""
    holding = [rule for rule in rules if rule.then == HOLD]
    return first(zone, at, lambda reading: max((wait(rule, reading) for rule in holding), default=0), until)


def wait(rule: TimeRule, reading: int) -> int:
    """Return how long a rule forbids messages from a reading of the clock on, or part of that time; 0 where it does not."""
    if isinstance(rule, QuietHours):
        return (rule.end - time_of_day(reading)) % DAY if _is_quiet(rule, time_of_day(reading)) else 0
    return 0 if weekday(reading) in rule.days else DAY - time_of_day(reading)


def _is_quiet(rule: QuietHours, shown: int) -> bool:
    if rule.begin < rule.end:
        return rule.begin <= shown < rule.end
    return shown >= rule.begin or shown < rule.end
