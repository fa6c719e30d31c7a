"""What one call of `work` leaves for the next: plans and compiled templates, which never change for a version."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import attrs

from crmcore.flow.plan import Plan
from crmcore.hooks.channel import Compiled

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
#: A plan by run, version, step and channel.
PlanKey = tuple[int, int | None, str, str]


class Few(Generic[Key, Value]):
    """Keeps so many values at most; where there are more, all are made anew."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[Key, Value] = {}

    def get(self, key: Key, make: Callable[[], Value], *, is_lasting: Callable[[Value], bool] = bool) -> Value:
        """Return the value of a key, made where there is none; it is kept if it is lasting."""
        found = self._values.get(key)
        if found is not None:
            return found
        made = make()
        if is_lasting(made):
            if len(self._values) >= self._most:
                self._values = {}
            self._values[key] = made
        return made


@attrs.frozen
class Kept:
    """What a CRM keeps from one call of `work` to the next."""

    plans: Few[PlanKey, Plan] = attrs.field(factory=lambda: Few(200))
    compiled: Few[int, Compiled] = attrs.field(factory=lambda: Few(500))
