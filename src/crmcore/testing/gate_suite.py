"""The suite of the Gate contract: subclass it, say how to make your gate and what it reads, and pytest does the rest."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs
import pytest

from crmcore.hooks.gate import Gate, Intent, Verdict
from crmcore.model.delivery import Reason
from crmcore.model.identity import Identity
from crmcore.model.purpose import Purpose
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
from crmcore.testing.laws import DECLARED, ONE_VERDICT, PURE, QUICK, REASONED, SINGLY, Law, LawBroken, ask
from crmcore.testing.suite import Suite, ask_named, is_name, needs

#: Built-in reasons tell of the core's own gates; a plugin's would be counted among them.
BUILT_IN = frozenset(one.value for one in Reason) - {Reason.GATE.value}


class GateSuite(Suite):
    """What every gate has to pass."""

    #: Microseconds UTC, far from any machine's clock: a gate that asks one is found out.
    now: ClassVar[int] = 2_208_988_800_000_000
    #: The seconds in which the gate judges a thousand intents.
    budget: ClassVar[float] = 1.0
    #: Whether a verdict depends on its own message alone; a gate that shares out a quota says no.
    singly: ClassVar[bool] = True

    @abstractmethod
    def gate(self) -> Gate:
        """Return the gate."""
        raise NotImplementedError

    @abstractmethod
    def attributes(self, number: int) -> Mapping[str, Any]:
        """Return the declared attributes of a customer: of different numbers different ones, so that verdicts differ."""
        raise NotImplementedError

    def intent(self, number: int) -> Intent:
        """Return the intent of a number: always the same."""
        return Intent(
            delivery_id=1_000_000 + number,
            customer_id=2_000_000 + number,
            campaign="suite",
            purpose=Purpose.NEWSLETTER,
            channel="email",
            address=Identity("email", f"customer{number}@example.com"),
            attributes=self.attributes(number),
        )

    def intents(self, count: int) -> list[Intent]:
        """Return so many intents."""
        return [self.intent(number) for number in range(count)]

    @pytest.mark.parametrize("count", [0, 1, SOME])
    def test_every_intent_has_one_verdict(self, count: int) -> None:
        """Neither more nor fewer, also for none at all."""
        self._verdicts(self.intents(count))

    def test_the_same_intents_get_the_same_verdicts(self) -> None:
        """Asked again, or another gate asked, the answer is the same: nothing is remembered, drawn or looked up."""
        gate = self.gate()
        first = self._verdicts(self.intents(SOME), gate)
        for other in (gate, gate, self.gate()):
            ask_same(first, self._verdicts(self.intents(SOME), other), PURE, "The same intents, asked again")

    def test_intents_stay_as_they_are(self) -> None:
        """A gate looks, and changes nothing."""
        intents = self.intents(SOME)
        before = copy.deepcopy(intents)
        self._verdicts(intents)
        ask_unchanged(before, intents, PURE)

    def test_it_opens_no_socket(self) -> None:
        """What it is shown is all it knows."""
        ask_offline(lambda: self._verdicts(self.intents(SOME)), PURE)

    def test_neighbours_and_order_do_not_matter(self) -> None:
        """Alone, in halves or shuffled: each message has the verdict it has in any other company."""
        needs(self.singly, "singly (its verdicts depend on the batch)")
        intents = self.intents(SOME)
        first = self._verdicts(intents)
        for company in companies(intents):
            again = {one: verdict for some in company for one, verdict in self._verdicts(some).items()}
            ask_same(first, again, SINGLY, "The same message, in other company")

    def test_it_reads_what_it_has_declared(self) -> None:
        """The core shows it nothing else."""
        gate = self.gate()
        looked, asked = overlooked(self.intents(SOME))
        self._verdicts(looked, gate)
        ask_declared(asked, gate.reads, DECLARED)

    def test_a_customer_without_the_attributes_has_a_verdict(self) -> None:
        """Nobody has to have an attribute."""
        self._verdicts([attrs.evolve(one, attributes={}) for one in self.intents(SOME)], law=DECLARED)

    def test_reasons_and_times_have_their_form(self) -> None:
        """A report counts by reason, and what is held is held for later."""
        for one in self._verdicts(self.intents(SOME)).values():
            ask(one.reason == "" or _is_reason(one.reason), REASONED, f"{one}: the reason is no name of its own.")
            later = one.retry_at is None or (type(one.retry_at) is int and one.retry_at > self.now)
            ask(later, REASONED, f"{one}: `retry_at` does not lie after `now`, {self.now}.")

    def test_some_messages_pass_and_some_do_not(self) -> None:
        """Otherwise nothing else here proves much."""
        kinds = {(one.reason, one.retry_at is None) for one in self._verdicts(self.intents(SOME)).values()}
        ask(len(kinds) > 1, REASONED, "All of the suite's intents got one verdict; let `attributes` differ more.")

    def test_it_answers_in_time(self) -> None:
        """A thousand intents, within the budget; the best of three times counts."""
        gate, intents = self.gate(), self.intents(MANY)
        ask_quick(lambda: gate.judge(intents, now=self.now), self.budget, QUICK)

    def test_it_is_what_it_says(self) -> None:
        """Its name, its version and what it reads have their form."""
        gate = self.gate()
        ask_named(gate, "gate")
        ask(isinstance(gate.reads, frozenset), DECLARED, f"`reads` is {gate.reads!r}, no frozenset of names.")

    def _verdicts(
        self, intents: Sequence[Intent], gate: Gate | None = None, law: Law = ONE_VERDICT
    ) -> dict[int, Verdict]:
        try:
            given = (gate or self.gate()).judge(intents, now=self.now)
        except Exception as error:
            raise LawBroken(law, f"judge raised {error!r} for {len(intents)} intents.") from error
        return one_each(given, Verdict, lambda one: one.delivery_id, (one.delivery_id for one in intents), ONE_VERDICT)


def _is_reason(reason: str) -> bool:
    return is_name(reason) and reason not in BUILT_IN
