"""The suite of the Step contract: subclass it, say how to make your step, its settings and customers, and pytest does the rest."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs
import pytest

from crmcore.hooks.step import Due, Step, Transition
from crmcore.model.time import DAY, HOUR
from crmcore.testing.batches import (
    MANY,
    SOME,
    ask_declared,
    ask_offline,
    ask_quick,
    ask_same,
    ask_unchanged,
    companies,
    one_each,
    overlooked,
)
from crmcore.testing.laws import (
    ONE_TRANSITION,
    STEP_DECLARED,
    STEP_PURE,
    STEP_QUICK,
    STEP_SINGLY,
    TIMED,
    TRAVELLED,
    WORDED,
    Law,
    LawBroken,
    ask,
)
from crmcore.testing.step_course import travel
from crmcore.testing.suite import Suite, ask_named, is_name, needs
from crmcore.testing.watching import much_later

#: A time given in seconds or milliseconds would lie further back, one in nanoseconds further ahead.
FARTHEST = 50 * 365 * DAY
A_DAY = 24 * 3600.0


class StepSuite(Suite):
    """What every step has to pass."""

    #: Microseconds UTC, far from any machine's clock: a step that asks one is found out.
    now: ClassVar[int] = 2_208_988_800_000_000
    #: The seconds in which the step answers for a thousand enrolments.
    budget: ClassVar[float] = 1.0
    #: Whether a transition depends on its own enrolment alone; a step that shares out a quota says no.
    singly: ClassVar[bool] = True
    #: The words that the step says, each for a way to go on; customers have to be such that each is said of somebody.
    ways: ClassVar[Sequence[str]] = ()

    @abstractmethod
    def step(self) -> Step:
        """Return the step."""
        raise NotImplementedError

    def settings(self) -> Mapping[str, Any]:
        """Return its settings, as a campaign would give them; as it is, none."""
        return {}

    @abstractmethod
    def attributes(self, number: int) -> Mapping[str, Any]:
        """Return the declared attributes of a customer: of different numbers different ones, so that transitions differ."""
        raise NotImplementedError

    def due(self, number: int) -> Due:
        """Return the enrolment of a number: always the same. It entered as many hours ago."""
        return Due(
            enrolment_id=1_000_000 + number,
            customer_id=2_000_000 + number,
            entered_at=self.now - number * HOUR,
            attributes=self.attributes(number),
        )

    def dues(self, count: int) -> list[Due]:
        """Return so many enrolments."""
        return [self.due(number) for number in range(count)]

    @pytest.mark.parametrize("count", [0, 1, SOME])
    def test_every_enrolment_has_one_transition(self, count: int) -> None:
        """Neither more nor fewer, also for none at all."""
        self._transitions(self.dues(count))

    def test_the_same_enrolments_get_the_same_transitions(self) -> None:
        """Asked again, another step asked, a day later by the machine's clock: nothing is remembered, drawn or looked up."""
        step = self.step()
        first = self._transitions(self.dues(SOME), step)
        for other in (step, step, self.step()):
            ask_same(first, self._transitions(self.dues(SOME), other), STEP_PURE, "The same enrolments, asked again")
        with much_later(A_DAY):
            ask_same(first, self._transitions(self.dues(SOME), step), STEP_PURE, "The machine's clock a day ahead")

    def test_enrolments_and_settings_stay_as_they_are(self) -> None:
        """A step looks, and changes nothing."""
        dues, settings = self.dues(SOME), self.settings()
        before = copy.deepcopy((dues, settings))
        self._transitions(dues, settings=settings)
        ask_unchanged([*before[0], before[1]], [*dues, settings], STEP_PURE)

    def test_it_opens_no_socket(self) -> None:
        """What it is shown is all it knows."""
        ask_offline(lambda: self._transitions(self.dues(SOME)), STEP_PURE)

    def test_neighbours_and_order_do_not_matter(self) -> None:
        """Alone, in halves or shuffled: each enrolment has the transition it has in any other company."""
        needs(self.singly, "singly (its transitions depend on the batch)")
        dues = self.dues(SOME)
        first = self._transitions(dues)
        for company in companies(dues):
            again = {one: said for some in company for one, said in self._transitions(some).items()}
            ask_same(first, again, STEP_SINGLY, "The same enrolment, in other company")

    def test_it_reads_what_it_has_declared(self) -> None:
        """The core shows it nothing else."""
        step = self.step()
        looked, asked = overlooked(self.dues(SOME))
        self._transitions(looked, step)
        ask_declared(asked, step.reads, STEP_DECLARED)

    def test_a_customer_without_the_attributes_has_a_transition(self) -> None:
        """Nobody has to have an attribute, and one may have no value."""
        bare = [attrs.evolve(one, attributes={}) for one in self.dues(SOME)]
        empty = [attrs.evolve(one, attributes=dict.fromkeys(one.attributes)) for one in self.dues(SOME)]
        for dues in (bare, empty):
            self._form(self._transitions(dues, law=STEP_DECLARED))

    def test_words_and_times_have_their_form(self) -> None:
        """A campaign names a step for each word, and waits until a time."""
        odd = [word for word in self.ways if not is_name(word)]
        ask(not odd, WORDED, f"{odd[:1]} cannot be named in a campaign.")
        self._form(self._transitions(self.dues(SOME)))

    def test_each_of_its_ways_is_gone(self) -> None:
        """Otherwise little is proved here of the others."""
        said = {one.to for one in self._transitions(self.dues(SOME)).values()}
        unsaid = sorted(set(self.ways) - said)
        ask(not unsaid, TRAVELLED, f"Nobody goes by {', '.join(unsaid)}; let `attributes` differ more.")

    def test_it_answers_in_time(self) -> None:
        """A thousand enrolments, within the budget; the best of three times counts."""
        step, dues, settings = self.step(), self.dues(MANY), self.settings()
        ask_quick(lambda: step.advance(dues, settings, now=self.now), self.budget, STEP_QUICK)

    def test_it_is_what_it_says(self) -> None:
        """Its name, its version and what it reads have their form."""
        step = self.step()
        ask_named(step, "step")
        ask(isinstance(step.reads, frozenset), STEP_DECLARED, f"`reads` is {step.reads!r}, no frozenset of names.")

    def test_in_a_campaign_everybody_arrives(self) -> None:
        """On a new database, with the clock turned: each ends where its transition said, when it said so."""
        travel(self.step(), self.settings(), self.ways, [self.attributes(number) for number in range(SOME)], self.now)

    def _form(self, transitions: Mapping[int, Transition]) -> None:
        words = ["", *self.ways]
        for one in transitions.values():
            ask(one.to in words, WORDED, f"{one}: {one.to!r} is none of the suite's `ways`, {', '.join(self.ways)}.")
            ask(one.due_at is None or self._is_time(one.due_at), TIMED, f"{one}: `now` is {self.now}.")

    def _is_time(self, due_at: object) -> bool:
        return type(due_at) is int and abs(due_at - self.now) < FARTHEST

    def _transitions(
        self,
        dues: Sequence[Due],
        step: Step | None = None,
        law: Law = ONE_TRANSITION,
        settings: Mapping[str, Any] | None = None,
    ) -> dict[int, Transition]:
        given_settings = self.settings() if settings is None else settings
        try:
            given = (step or self.step()).advance(dues, given_settings, now=self.now)
        except Exception as error:
            raise LawBroken(law, f"advance raised {error!r} for {len(dues)} enrolments.") from error
        wanted = (one.enrolment_id for one in dues)
        return one_each(given, Transition, lambda one: one.enrolment_id, wanted, ONE_TRANSITION)
