"""The suite lets a good gate pass, and catches each of many bad ones by the check that is about its fault."""

from __future__ import annotations

import random
import socket
import time
from contextlib import suppress

import pytest

from crmcore.hooks.gate import Verdict
from crmcore.testing import laws
from crmcore.testing.gate_suite import GateSuite
from crmcore.testing.laws import LawBroken

HOUR = 3_600_000_000


class Curfew:
    """Staff get nothing; at their night, customers get it an hour later."""

    name = "curfew"
    contract = 1
    reads = frozenset({"staff", "night"})

    def judge(self, intents, *, now):
        return [self.verdict(one, now) for one in intents]

    def verdict(self, one, now):
        if one.attributes.get("staff"):
            return Verdict(delivery_id=one.delivery_id, reason="staff")
        if one.attributes.get("night"):
            return Verdict(delivery_id=one.delivery_id, retry_at=now + HOUR)
        return Verdict(delivery_id=one.delivery_id)


class TestCurfew(GateSuite):
    def gate(self):
        return Curfew()

    def attributes(self, number):
        return {"staff": number % 3 == 0, "night": number % 3 == 1}


class Silent(Curfew):
    """Says nothing of those who may pass."""

    def judge(self, intents, *, now):
        return [one for one in super().judge(intents, now=now) if one.reason or one.retry_at]


class Lazy(Curfew):
    """Answers one by one, where all are to be there."""

    def judge(self, intents, *, now):
        yield from super().judge(intents, now=now)


class Greedy(Curfew):
    """Wants somebody to judge."""

    def judge(self, intents, *, now):
        assert intents[0]
        return super().judge(intents, now=now)


class Wearied(Curfew):
    """Remembers whom it has let pass, and lets nobody pass twice."""

    def __init__(self):
        self.seen = set()

    def verdict(self, one, now):
        if one.delivery_id in self.seen:
            return Verdict(delivery_id=one.delivery_id, reason="seen")
        self.seen.add(one.delivery_id)
        return super().verdict(one, now)


class Moody(Curfew):
    """Draws lots."""

    def verdict(self, one, now):
        return Verdict(delivery_id=one.delivery_id, reason=random.choice(["", "mood"]))


class Meddling(Curfew):
    """Leaves a note on what it was shown."""

    def verdict(self, one, now):
        one.attributes["judged"] = True
        return super().verdict(one, now)


class Rationing(Curfew):
    """Lets the first ten pass."""

    def judge(self, intents, *, now):
        return [Verdict(delivery_id=one.delivery_id, reason="" if n < 10 else "late") for n, one in enumerate(intents)]


class Curious(Curfew):
    """Asks for what it has not declared."""

    def verdict(self, one, now):
        return Verdict(delivery_id=one.delivery_id, reason="rich" if one.attributes.get("salary") else "")


class Demanding(Curfew):
    """Takes it that everybody has what it reads."""

    def verdict(self, one, now):
        return Verdict(delivery_id=one.delivery_id, reason="staff" if one.attributes["staff"] else "")


class Elsewhere(Curfew):
    """Asks a server, and does without where there is none."""

    def judge(self, intents, *, now):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), 0.1).close()
        return super().judge(intents, now=now)


class Wordy(Curfew):
    """Gives a sentence for a reason."""

    def verdict(self, one, now):
        return Verdict(delivery_id=one.delivery_id, reason="They are on our staff.")


class Posing(Curfew):
    """Gives the core's own reason for one of its own."""

    def verdict(self, one, now):
        return Verdict(delivery_id=one.delivery_id, reason="suppressed")


class Clockbound(Curfew):
    """Goes by the machine's clock."""

    def verdict(self, one, now):
        return Verdict(delivery_id=one.delivery_id, retry_at=time.time_ns() // 1000 + HOUR)


class Slow(Curfew):
    """Takes its time."""

    def verdict(self, one, now):
        time.sleep(0.0003)
        return super().verdict(one, now)


class Closed(Curfew):
    """Lets nobody pass, whoever it is."""

    def verdict(self, one, now):
        return Verdict(delivery_id=one.delivery_id, reason="closed")


class Unnamed(Curfew):
    """Has a name nobody could write down."""

    name = "My Gate!"


MUTANTS = [
    (Silent, "test_every_intent_has_one_verdict", (24,), laws.ONE_VERDICT),
    (Lazy, "test_every_intent_has_one_verdict", (1,), laws.ONE_VERDICT),
    (Greedy, "test_every_intent_has_one_verdict", (0,), laws.ONE_VERDICT),
    (Wearied, "test_the_same_intents_get_the_same_verdicts", (), laws.PURE),
    (Moody, "test_the_same_intents_get_the_same_verdicts", (), laws.PURE),
    (Meddling, "test_intents_stay_as_they_are", (), laws.PURE),
    (Elsewhere, "test_it_opens_no_socket", (), laws.PURE),
    (Rationing, "test_neighbours_and_order_do_not_matter", (), laws.SINGLY),
    (Curious, "test_it_reads_what_it_has_declared", (), laws.DECLARED),
    (Demanding, "test_a_customer_without_the_attributes_has_a_verdict", (), laws.DECLARED),
    (Wordy, "test_reasons_and_times_have_their_form", (), laws.REASONED),
    (Posing, "test_reasons_and_times_have_their_form", (), laws.REASONED),
    (Clockbound, "test_reasons_and_times_have_their_form", (), laws.REASONED),
    (Slow, "test_it_answers_in_time", (), laws.QUICK),
    (Closed, "test_some_messages_pass_and_some_do_not", (), laws.REASONED),
    (Unnamed, "test_it_is_what_it_says", (), laws.NAMED),
]


@pytest.mark.parametrize(("bad", "check", "given", "law"), MUTANTS, ids=lambda one: getattr(one, "__name__", ""))
def test_a_bad_gate_is_caught_by_the_check_that_is_about_its_fault(bad, check, given, law):
    suite = type(bad.__name__, (TestCurfew,), {"gate": lambda _: bad(), "budget": 0.2})()
    with pytest.raises(LawBroken) as caught:
        getattr(suite, check)(*given)
    assert caught.value.law is law
    assert law.says in str(caught.value)
