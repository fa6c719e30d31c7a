"""What crm.toml may say under [modules.operational]."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from crmcore.errors import CRMError, SettingsError
from crmcore.model.names import checked_name
from crmcore.model.time import HOUR

PLACE: Final = "[modules.operational]"
MOST_HOURS: Final = 24 * 366


@attrs.frozen(kw_only=True)
class OperationalSettings:
    """`sla_hours`: a case that is open for so many hours is overdue; `scored`: the attributes that lead_score may look at."""

    sla_hours: float = 48.0
    scored: frozenset[str] = frozenset({"score"})

    @property
    def sla(self) -> int:
        """The time a case may take, in microseconds."""
        return round(self.sla_hours * HOUR)


def operational_settings(section: Mapping[str, Any]) -> OperationalSettings:
    """Return the settings of the module; raise SettingsError naming the key."""
    readers: dict[str, Callable[[Any], Any]] = {"sla_hours": _hours, "scored": _names}
    for key in section:
        if key not in readers:
            near = difflib.get_close_matches(key, readers, 1)
            meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(readers))}"
            raise SettingsError(key=key, place=PLACE, problem=f"there is no such setting; {meant}")
    return OperationalSettings(**{key: readers[key](value) for key, value in section.items()})


def _hours(value: Any) -> float:
    """An environment variable is text."""
    try:
        hours = float(value)
    except (TypeError, ValueError):
        hours = 0.0
    if isinstance(value, bool) or not 0 < hours <= MOST_HOURS:
        problem = f"{value!r} is no number of hours above 0 and at most {MOST_HOURS:,}"
        raise SettingsError(key="sla_hours", place=PLACE, problem=problem)
    return hours


def _names(value: Any) -> frozenset[str]:
    given = value.split(",") if isinstance(value, str) else value
    try:
        return frozenset(checked_name(str(one).strip(), "attribute", PLACE) for one in given)
    except (CRMError, TypeError) as error:
        problem = f"{value!r} is no list of attributes, such as ['plan', 'occupation']"
        raise SettingsError(key="scored", place=PLACE, problem=problem) from error
