"""What lets customers enter a campaign, and what happens where they would enter it again."""

from __future__ import annotations

from typing import Literal

import attrs

from crmcore.errors import InvalidTime
from crmcore.model.happens import Happens
from crmcore.model.names import checked_name
from crmcore.model.time import DAY, DURATION, span

#: So long before its day a date that comes round may be due: what is due for one year is over before the next is.
_AHEAD = 360 * DAY


def signed(text: str, place: str) -> int:
    """Return a duration that may be before ("-3d") or after ("3d"), in microseconds; raise InvalidTime."""
    bare = text.removeprefix("-").removeprefix("+")
    if not DURATION.fullmatch(bare):
        raise InvalidTime(place=place, problem=f"{text!r} is no offset; write '-3d' for three days before, or '3d'")
    return -span(bare, place) if text.startswith("-") else span(bare, place)


@attrs.frozen(kw_only=True)
class OnDate:
    """The date of an attribute and `offset` ("-30d"), `at` a time on the customer's clock; every year, or once.

    Exactly once a year: 29 February comes round on 1 March where a year has none; a date that is changed, or known
    late (or there when a campaign is launched late), counts until the day itself is over: where the offset is before it, or
    else the day it is due. The key of a customer's way is the year of the date, without `yearly` the date itself
    ("2026-03-01"): whatever `reentry` and `policy` say, a customer enters once by each.
    """

    attribute: str
    offset: str = "0d"
    at: str = "09:00"
    yearly: bool = True

    def __attrs_post_init__(self) -> None:
        checked_name(self.attribute, "attribute", "trigger.attribute")
        if signed(self.offset, "trigger.offset") < -_AHEAD and self.yearly:
            problem = f"{self.offset!r} is more than 360 days before a date that comes round; say fewer"
            raise InvalidTime(place="trigger.offset", problem=problem)


@attrs.frozen(kw_only=True)
class OnSchedule:
    """The whole audience, at the times of a cron expression on the clock of a time zone.

    Of times that are missed, since nobody worked, the last counts. The key of a customer's way is the time in UTC
    ("2026-03-02T09:00:00+00:00"), which says when it entered; `reentry` and `policy` look at all of its ways, as if they had one
    key. So `once`, the default, lets each customer enter once in all, at the first time that the audience has it; say
    Reentry(when="every") to let it enter each time, and a gap ("30d") to let it enter more rarely than the schedule comes.
    """

    cron: str
    zone: str = "UTC"


@attrs.frozen(kw_only=True)
class OnCall:
    """Whoever the host names in `crm.enter`; `by` says who that is: a program or a person."""

    by: Literal["api", "person"] = "api"


Trigger = Happens | OnDate | OnSchedule | OnCall
TRIGGERS = (Happens, OnDate, OnSchedule, OnCall)


@attrs.frozen(kw_only=True)
class Reentry:
    """When one whose way is over may enter again: `once` (never), `every` match after `gap`, or each `interval` by itself.

    Each is told of one key: a cart, an order, the year of a date; of a schedule, over all its times. `gap` (such as "7d")
    is counted from the last entry. With `interval` a customer enters again each `gap`, with the key it had last, if the
    audience has it then (and where entering a segment let it in, that segment has it), and it is not under way. Whoever may
    not at one time may at the next. Matches let in besides, as with `every`, and the gap is counted anew from them.
    """

    when: Literal["once", "every", "interval"] = "once"
    gap: str = "0d"

    def __attrs_post_init__(self) -> None:
        if self.span < 1 and self.when == "interval":
            raise InvalidTime(place="reentry.gap", problem="an interval needs a gap, such as '30d'")

    @property
    def span(self) -> int:
        """The gap in microseconds."""
        return span(self.gap, "reentry.gap")


#: What becomes of a match while the customer is under way with the same key: nothing, a new beginning, a second way.
Policy = Literal["ignore", "restart", "parallel"]
