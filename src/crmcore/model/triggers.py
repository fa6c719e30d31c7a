"""What lets customers enter a campaign, and what happens where they would enter it again."""

from __future__ import annotations

from typing import Literal

import attrs

from crmcore.errors import InvalidTime
from crmcore.model.happens import Happens
from crmcore.model.names import checked_name
from crmcore.model.time import DURATION, duration


def signed(text: str, place: str) -> int:
    """Return a duration that may be before ("-3d") or after ("3d"), in microseconds; raise InvalidTime."""
    bare = text.removeprefix("-").removeprefix("+")
    if not DURATION.fullmatch(bare):
        raise InvalidTime(place=place, problem=f"{text!r} is no offset; write '-3d' for three days before, or '3d'")
    return -duration(bare, place) if text.startswith("-") else duration(bare, place)


@attrs.frozen(kw_only=True)
class OnDate:
    """The date of an attribute and `offset` ("-30d"), `at` a time on the customer's clock; every year, or once.

    Exactly once a year: 29 February comes round on 1 March where a year has none; a date that is changed, or known
    late, counts until the day itself is over.
    """

    attribute: str
    offset: str = "0d"
    at: str = "09:00"
    yearly: bool = True

    def __attrs_post_init__(self) -> None:
        checked_name(self.attribute, "attribute", "trigger.attribute")
        signed(self.offset, "trigger.offset")


@attrs.frozen(kw_only=True)
class OnSchedule:
    """The whole audience, at the times of a cron expression on the clock of a time zone."""

    cron: str
    zone: str = "UTC"


@attrs.frozen(kw_only=True)
class OnCall:
    """Whoever the host names in `crm.enter`; `by` says who that is: a program or a person."""

    by: Literal["api", "person"] = "api"


Trigger = Happens | OnDate | OnSchedule | OnCall


@attrs.frozen(kw_only=True)
class Reentry:
    """When one whose way is over may enter again: `once` (never), `every` match after `gap`, or each `interval` by itself.

    `gap` (such as "7d") is counted from the last entry. With `interval` a customer enters again each `gap`, as long as the
    audience still has it.
    """

    when: Literal["once", "every", "interval"] = "once"
    gap: str = "0d"

    def __attrs_post_init__(self) -> None:
        if self.when == "interval" and self.span < 1:
            raise InvalidTime(place="reentry.gap", problem="an interval needs a gap, such as '30d'")

    @property
    def span(self) -> int:
        """The gap in microseconds."""
        return duration(self.gap, "reentry.gap")


#: What becomes of a match while the customer is under way with the same key: nothing, a new beginning, a second way.
Policy = Literal["ignore", "restart", "parallel"]
