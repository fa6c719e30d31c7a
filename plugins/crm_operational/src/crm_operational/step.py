"""The step `lead_score`: points for what is known of a customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmcore.errors import SettingsError
from crmcore.hooks.step import Due, Transition

HOT = "hot"


class LeadScore:
    """Whoever has as many points as the step's setting `hot` goes by the word `hot`, everybody else by none.

    The step's setting `points` says for each attribute what its values are worth: `{"plan": {"pro": 30}, "score": 1}`; a number
    in place of a table is multiplied with the attribute.
    """

    name = "lead_score"
    contract = 1

    def __init__(self, reads: frozenset[str]) -> None:
        self.reads = reads

    def advance(self, due: Sequence[Due], settings: Mapping[str, Any], *, now: int) -> Sequence[Transition]:  # noqa: ARG002 - the contract's
        """Return a transition for each; raise SettingsError where points are given for what is not read."""
        points, least = settings.get("points", {}), settings.get("hot", 1)
        for name in sorted(points.keys() - self.reads):
            problem = f"the step gives points for {name!r}, which is not among them; add it"
            raise SettingsError(key="scored", place="[modules.operational]", problem=problem)
        return [
            Transition(enrolment_id=one.enrolment_id, to=HOT if score(one.attributes, points) >= least else "")
            for one in due
        ]


def score(attributes: Mapping[str, Any], points: Mapping[str, Any]) -> Any:
    """Return the points of a customer; what is unknown, or has no points, counts nothing."""
    return sum(_points(attributes.get(name), worth) for name, worth in points.items())


def _points(value: Any, worth: Any) -> Any:
    if isinstance(worth, Mapping):
        return worth.get(_word(value), 0)
    is_number = not isinstance(value, bool | str) and hasattr(value, "__mul__")
    return value * worth if is_number else worth if value is True else 0


def _word(value: Any) -> str:
    """The keys of a table in the settings are text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
