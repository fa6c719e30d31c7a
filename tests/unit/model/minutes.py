"""What a wall clock shows, found out by looking at it every minute."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from crmcore.model.time import DAY, MINUTE
from tests.unit.model.test_zones import shown

ONE = timedelta(minutes=1)
#: No clock has been put back by more than a day.
BEFORE = DAY + 2 * MINUTE


def first_shown(fits, zone, at, until):
    """Return the first minute from `at` to before `until` that shows what fits and was not shown before, or is the first
    after a gap in which something fits; None where there is none."""
    start = at - at % MINUTE - BEFORE
    seen = {}
    for one in range(start, until, MINUTE):
        seen.setdefault(shown(zone, one), one)
    found = [one for there, one in seen.items() if fits(there)]
    for (before, _), (there, one) in pairwise(seen.items()):
        skipped = (before + ONE * (n + 1) for n in range((there - before) // ONE - 1))
        found += [one] if any(map(fits, skipped)) else []
    return min((one for one in found if at <= one), default=None)
