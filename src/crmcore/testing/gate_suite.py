"""The suite of the Gate contract: subclass it, say how to make your gate and what it reads, and pytest does the rest."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import attrs
import pytest

from crmcore.errors import CRMError
from crmcore.hooks.contracts import CONTRACTS
from crmcore.hooks.gate import Gate, Intent, Verdict
from crmcore.model.delivery import Reason
from crmcore.model.identity import Identity
from crmcore.model.names import checked_name
from crmcore.model.purpose import Purpose
from crmcore.testing.laws import DECLARED, NAMED, ONE_VERDICT, PURE, QUICK, REASONED, SINGLY, Law, LawBroken, ask
from crmcore.testing.watching import no_sockets

SOME, MANY = 24, 1000
#: Built-in reasons tell of the core's own gates; a plugin's would be counted among them.
BUILT_IN = frozenset(one.value for one in Reason) - {Reason.GATE.value}


class Overlooked(Mapping[str, Any]):
    """Attributes that note which were asked for."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values, self.asked = values, set[str]()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class GateSuite:
    """What every gate has to pass."""

    #: Microseconds UTC, far from any machine's clock: a gate that asks one is found out.
    now: ClassVar[int] = 2_208_988_800_000_000
    #: The seconds in which the gate judges a thousand intents.
    budget: ClassVar[float] = 1.0
    #: Whether a verdict depends on its own message alone; a gate that shares out a quota says no.
    singly: ClassVar[bool] = True

    def gate(self) -> Gate:
        """Return the gate."""
        raise NotImplementedError

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
            again = self._verdicts(self.intents(SOME), other)
            ask(again == first, PURE, f"The same intents got {_difference(first, again)}.")

    def test_intents_stay_as_they_are(self) -> None:
        """A gate looks, and changes nothing."""
        intents = self.intents(SOME)
        before = copy.deepcopy(intents)
        self._verdicts(intents)
        changed = [one for one, was in zip(intents, before, strict=True) if one != was]
        ask(not changed, PURE, f"The gate changed what it was shown: {changed[:1]}.")

    def test_it_opens_no_socket(self) -> None:
        """What it is shown is all it knows."""
        try:
            with no_sockets():
                self._verdicts(self.intents(SOME))
        except AssertionError as error:
            raise LawBroken(PURE, str(error)) from error

    def test_neighbours_and_order_do_not_matter(self) -> None:
        """Alone, in halves or shuffled: each message has the verdict it has in any other company."""
        if not self.singly:
            pytest.skip("its verdicts depend on the batch")
        intents = self.intents(SOME)
        first = self._verdicts(intents)
        shuffled = random.Random(1).sample(intents, SOME)  # noqa: S311 - it shuffles
        for companies in ([shuffled], [intents[::2], intents[1::2]], [[one] for one in intents]):
            again = {one: verdict for some in companies for one, verdict in self._verdicts(some).items()}
            ask(again == first, SINGLY, f"In other company the same message got {_difference(first, again)}.")

    def test_it_reads_what_it_has_declared(self) -> None:
        """The core shows it nothing else."""
        gate = self.gate()
        looked = [attrs.evolve(one, attributes=Overlooked(one.attributes)) for one in self.intents(SOME)]
        self._verdicts(looked, gate)
        asked = {name for one in looked if isinstance(one.attributes, Overlooked) for name in one.attributes.asked}
        more = sorted(asked - gate.reads)
        ask(
            not more,
            DECLARED,
            f"It asked for {', '.join(more)}; declared are {', '.join(sorted(gate.reads)) or 'none'}.",
        )

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
        took = min(_seconds(gate, intents, self.now) for _ in range(3))
        ask(took <= self.budget, QUICK, f"{MANY} intents took {took:.2f} s, at most {self.budget} s were to be.")

    def test_it_is_what_it_says(self) -> None:
        """Its name, its version and what it reads have their form."""
        gate, version = self.gate(), CONTRACTS["gate"]
        ask(_is_name(gate.name), NAMED, f"{gate.name!r} is no name.")
        ask(gate.contract == version, NAMED, f"It speaks version {gate.contract}, the contract is {version}.")
        ask(isinstance(gate.reads, frozenset), DECLARED, f"`reads` is {gate.reads!r}, no frozenset of names.")

    def _verdicts(
        self, intents: Sequence[Intent], gate: Gate | None = None, law: Law = ONE_VERDICT
    ) -> dict[int, Verdict]:
        try:
            given = (gate or self.gate()).judge(intents, now=self.now)
        except Exception as error:
            raise LawBroken(law, f"judge raised {error!r} for {len(intents)} intents.") from error
        ask(isinstance(given, Sequence), ONE_VERDICT, f"judge returned {type(given).__name__}, no sequence.")
        odd = [one for one in given if not isinstance(one, Verdict)]
        ask(not odd, ONE_VERDICT, f"{odd[:1]} is no Verdict.")
        wanted, got = sorted(one.delivery_id for one in intents), sorted(one.delivery_id for one in given)
        ask(
            wanted == got,
            ONE_VERDICT,
            f"For {len(wanted)} intents there are verdicts on {len(set(got))}, {len(got)} in all.",
        )
        return {one.delivery_id: one for one in given}


def _difference(first: Mapping[int, Verdict], again: Mapping[int, Verdict]) -> str:
    return next((f"{verdict}, then {again[one]}" for one, verdict in first.items() if again[one] != verdict), "")


def _is_name(name: str) -> bool:
    try:
        return bool(checked_name(name, "reason", "suite"))
    except CRMError:
        return False


def _is_reason(reason: str) -> bool:
    return _is_name(reason) and reason not in BUILT_IN


def _seconds(gate: Gate, intents: Sequence[Intent], now: int) -> float:
    began = time.perf_counter()
    gate.judge(intents, now=now)
    return time.perf_counter() - began
