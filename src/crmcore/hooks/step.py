"""The Step contract: one stage of a campaign that a plugin adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs


@attrs.frozen(kw_only=True)
class Due:
    """An enrolment that has reached the step; `attributes` are those the step declared in `reads`."""

    enrolment_id: int
    customer_id: int
    entered_at: int
    attributes: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Transition:
    """Where an enrolment goes: to the next step (`to` empty), to a named one, and not before `due_at`."""

    enrolment_id: int
    to: str = ""
    due_at: int | None = None


class Step(Protocol):
    """A kind of step; it gets values and returns transitions, never a connection."""

    name: str
    contract: int
    reads: frozenset[str]

    def advance(self, due: Sequence[Due], settings: Mapping[str, Any], *, now: int) -> Sequence[Transition]:
        """Return one transition per enrolment."""
