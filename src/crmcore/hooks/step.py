"""The Step contract: one stage of a campaign that a plugin adds. Pure over a batch of frozen values.

`crmcore.testing.step_suite` proves what is said here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs


@attrs.frozen(kw_only=True)
class Due:
    """An enrolment that has come to the step: a customer's way through a campaign.

    `entered_at` is when it entered the campaign (microseconds UTC); `attributes` are those of the customer that the step
    declared in `reads`, where known; an attribute may be None.
    """

    enrolment_id: int
    customer_id: int
    entered_at: int
    attributes: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Transition:
    """Where an enrolment goes, not before `due_at` (microseconds UTC, rounded up to a whole minute; at once where it is None or past).

    `to` is a word, for which the campaign names a step (`Call.ways`); empty it means the step named by `then`, or the
    following one. With a word that the campaign does not have nobody of the batch is moved, and the campaign waits.
    """

    enrolment_id: int
    to: str = ""
    due_at: int | None = None


class Step(Protocol):
    """A kind of step.

    It answers from what it is shown: it remembers nothing, changes nothing, and asks no clock, no chance and no server. Where
    it answers for each enrolment by itself, neither the others in the batch nor their order matter.
    """

    name: str
    contract: int
    reads: frozenset[str]

    def advance(self, due: Sequence[Due], settings: Mapping[str, Any], *, now: int) -> Sequence[Transition]:
        """Return one transition per enrolment, in any order, within a time budget; `settings` are those of the campaign's step.

        The answer is asked for again where what was moved with it could not be kept. Whatever is raised, nobody of the
        batch is moved: the campaign waits, and `crm work` names it.
        """
