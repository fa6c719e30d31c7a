"""The suite lets good steps pass, and catches each of many bad ones by the check that is about its fault."""

from __future__ import annotations

import random
import socket
import time
from contextlib import suppress
from datetime import date

import pytest

from crmcore.hooks.step import Transition
from crmcore.testing import laws
from crmcore.testing.laws import LawBroken
from crmcore.testing.step_suite import StepSuite

HOUR = 3_600_000_000
PARTS = 3


class LeadScore:
    """Whoever scores high is called, whoever has said no is left alone; the others go on three hours after they came."""

    name = "lead_score"
    contract = 1
    reads = frozenset({"score", "said_no"})

    def advance(self, due, settings, *, now):
        return [self.transition(one, settings, now) for one in due]

    def transition(self, one, settings, now):
        if one.attributes.get("said_no"):
            return Transition(enrolment_id=one.enrolment_id, to="never")
        if (one.attributes.get("score") or 0) >= settings["least"]:
            return Transition(enrolment_id=one.enrolment_id, to="hot")
        return Transition(enrolment_id=one.enrolment_id, due_at=one.entered_at + 3 * HOUR)


class TestLeadScore(StepSuite):
    ways = ("hot", "never")

    def step(self):
        return LeadScore()

    def settings(self):
        return {"least": 50, "zones": ["eu"]}

    def attributes(self, number):
        return {"score": number * 5, "said_no": number % PARTS == 0}


class InTwo:
    """Shares out: every other one of a batch goes another way."""

    name = "in_two"
    contract = 1
    reads = frozenset()

    def advance(self, due, settings, *, now):
        ranked = sorted(one.enrolment_id for one in due)
        return [
            Transition(enrolment_id=one, to="odd" if place % 2 else "", due_at=now + place * HOUR)
            for place, one in enumerate(ranked)
        ]


class TestInTwo(StepSuite):
    singly = False
    ways = ("odd",)

    def step(self):
        return InTwo()

    def attributes(self, number):
        return {}


class Tagged(LeadScore):
    """Goes by tags, which every customer has, and by a date."""

    reads = frozenset({"tags", "renews_on"})

    def transition(self, one, settings, now):
        to = "hot" if "vip" in (one.attributes.get("tags") or ()) else "never"
        on = one.attributes.get("renews_on")
        return Transition(enrolment_id=one.enrolment_id, to=to, due_at=None if on is None else now + on.day * HOUR)


class TestTagged(TestLeadScore):
    def step(self):
        return Tagged()

    def attributes(self, number):
        return {"tags": ["vip"] if number % 2 else [], "renews_on": date(2040, 1, 1 + number % 24)}


class Silent(LeadScore):
    """Says nothing of those who may go on."""

    def advance(self, due, settings, *, now):
        return [one for one in super().advance(due, settings, now=now) if one.to]


class Doubling(LeadScore):
    """Says all twice."""

    def advance(self, due, settings, *, now):
        return super().advance(due, settings, now=now) * 2


class Mistaken(LeadScore):
    """Takes the customer for the enrolment."""

    def transition(self, one, settings, now):
        return Transition(enrolment_id=one.customer_id)


class Lazy(LeadScore):
    """Answers one by one, where all are to be there."""

    def advance(self, due, settings, *, now):
        yield from super().advance(due, settings, now=now)


class Curt(LeadScore):
    """Says the words alone."""

    def transition(self, one, settings, now):
        return super().transition(one, settings, now).to


class Greedy(LeadScore):
    """Wants somebody to be there."""

    def advance(self, due, settings, *, now):
        assert due[0]
        return super().advance(due, settings, now=now)


class Wearied(LeadScore):
    """Remembers whom it has seen."""

    def __init__(self):
        self.seen = set()

    def transition(self, one, settings, now):
        if one.enrolment_id in self.seen:
            return Transition(enrolment_id=one.enrolment_id, to="never")
        self.seen.add(one.enrolment_id)
        return super().transition(one, settings, now)


class Moody(LeadScore):
    """Draws lots."""

    def transition(self, one, settings, now):
        return Transition(enrolment_id=one.enrolment_id, to=random.choice(["", "hot"]))


class Clockbound(LeadScore):
    """Goes by the day of the machine's clock."""

    def transition(self, one, settings, now):
        day = time.time() // 86400
        return Transition(enrolment_id=one.enrolment_id, to="hot" if day % 2 else "never")


class Meddling(LeadScore):
    """Leaves a note on what it was shown."""

    def transition(self, one, settings, now):
        one.attributes["seen"] = True
        return super().transition(one, settings, now)


class Settling(LeadScore):
    """Leaves a note in its settings, well inside."""

    def transition(self, one, settings, now):
        settings["zones"].append("uk")
        return super().transition(one, settings, now)


class Elsewhere(LeadScore):
    """Asks a server, and does without where there is none."""

    def advance(self, due, settings, *, now):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), 0.1).close()
        return super().advance(due, settings, now=now)


class Rationing(LeadScore):
    """Calls the first ten."""

    def advance(self, due, settings, *, now):
        return [Transition(enrolment_id=one.enrolment_id, to="hot" if n < 10 else "") for n, one in enumerate(due)]


class Curious(LeadScore):
    """Asks for what it has not declared."""

    def transition(self, one, settings, now):
        return Transition(enrolment_id=one.enrolment_id, to="hot" if one.attributes.get("salary") else "")


class Demanding(LeadScore):
    """Takes it that everybody has what it reads."""

    def transition(self, one, settings, now):
        return Transition(enrolment_id=one.enrolment_id, to="never" if one.attributes["said_no"] else "")


class Presuming(LeadScore):
    """Takes it that what is there has a value."""

    def transition(self, one, settings, now):
        to = "hot" if one.attributes.get("score", 0) >= settings["least"] else ""
        return Transition(enrolment_id=one.enrolment_id, to=to)


class Wordy(LeadScore):
    """Says a word that the suite has not named."""

    def transition(self, one, settings, now):
        return Transition(enrolment_id=one.enrolment_id, to="lukewarm")


class Wordless(LeadScore):
    """Says None where nothing is to be said."""

    def transition(self, one, settings, now):
        return Transition(enrolment_id=one.enrolment_id, to=None)


class Precise(LeadScore):
    """Reckons with fractions of a microsecond."""

    def transition(self, one, settings, now):
        return Transition(enrolment_id=one.enrolment_id, due_at=now + HOUR / 7)


class InSeconds(LeadScore):
    """Takes seconds for the unit."""

    def transition(self, one, settings, now):
        return Transition(enrolment_id=one.enrolment_id, due_at=now // 10**6 + 3600)


class InNanoseconds(LeadScore):
    """Takes nanoseconds for the unit."""

    def transition(self, one, settings, now):
        return Transition(enrolment_id=one.enrolment_id, due_at=now * 1000)


class Timid(LeadScore):
    """Calls nobody."""

    def transition(self, one, settings, now):
        return Transition(enrolment_id=one.enrolment_id, to="never" if one.attributes.get("said_no") else "")


class Slow(LeadScore):
    """Takes its time."""

    def transition(self, one, settings, now):
        time.sleep(0.0003)
        return super().transition(one, settings, now)


class Unnamed(LeadScore):
    """Has a name nobody could write down."""

    name = "My Step!"


class Ahead(LeadScore):
    """Speaks a version that there is not."""

    contract = 2


class Listing(LeadScore):
    """Has a list of what it reads."""

    reads = ("score", "said_no")


class Narrow(LeadScore):
    """Takes ids for small numbers."""

    def advance(self, due, settings, *, now):
        if any(one.enrolment_id > 10**9 for one in due):
            raise OverflowError("an id too large")
        return super().advance(due, settings, now=now)


class Nervous(LeadScore):
    """Says another word of whoever has come a moment ago."""

    def transition(self, one, settings, now):
        if one.entered_at == now and one.enrolment_id > 10**9:
            return Transition(enrolment_id=one.enrolment_id, to="lukewarm")
        return super().transition(one, settings, now)


MUTANTS = [
    (Silent, "test_every_enrolment_has_one_transition", (24,), laws.ONE_TRANSITION),
    (Doubling, "test_every_enrolment_has_one_transition", (1,), laws.ONE_TRANSITION),
    (Mistaken, "test_every_enrolment_has_one_transition", (1,), laws.ONE_TRANSITION),
    (Lazy, "test_every_enrolment_has_one_transition", (1,), laws.ONE_TRANSITION),
    (Curt, "test_every_enrolment_has_one_transition", (1,), laws.ONE_TRANSITION),
    (Greedy, "test_every_enrolment_has_one_transition", (0,), laws.ONE_TRANSITION),
    (Wearied, "test_the_same_enrolments_get_the_same_transitions", (), laws.STEP_PURE),
    (Moody, "test_the_same_enrolments_get_the_same_transitions", (), laws.STEP_PURE),
    (Clockbound, "test_the_same_enrolments_get_the_same_transitions", (), laws.STEP_PURE),
    (Meddling, "test_enrolments_and_settings_stay_as_they_are", (), laws.STEP_PURE),
    (Settling, "test_enrolments_and_settings_stay_as_they_are", (), laws.STEP_PURE),
    (Elsewhere, "test_it_opens_no_socket", (), laws.STEP_PURE),
    (Rationing, "test_neighbours_and_order_do_not_matter", (), laws.STEP_SINGLY),
    (Curious, "test_it_reads_what_it_has_declared", (), laws.STEP_DECLARED),
    (Demanding, "test_a_customer_without_the_attributes_has_a_transition", (), laws.STEP_DECLARED),
    (Presuming, "test_a_customer_without_the_attributes_has_a_transition", (), laws.STEP_DECLARED),
    (Wordy, "test_words_and_times_have_their_form", (), laws.WORDED),
    (Wordless, "test_words_and_times_have_their_form", (), laws.WORDED),
    (Precise, "test_words_and_times_have_their_form", (), laws.TIMED),
    (InSeconds, "test_words_and_times_have_their_form", (), laws.TIMED),
    (InNanoseconds, "test_words_and_times_have_their_form", (), laws.TIMED),
    (Timid, "test_each_of_its_ways_is_gone", (), laws.TRAVELLED),
    (Slow, "test_it_answers_in_time", (), laws.STEP_QUICK),
    (Unnamed, "test_it_is_what_it_says", (), laws.NAMED),
    (Ahead, "test_it_is_what_it_says", (), laws.NAMED),
    (Listing, "test_it_is_what_it_says", (), laws.STEP_DECLARED),
    (Narrow, "test_in_a_campaign_everybody_arrives", (), laws.ARRIVED),
    (Nervous, "test_in_a_campaign_everybody_arrives", (), laws.ARRIVED),
    (Unnamed, "test_in_a_campaign_everybody_arrives", (), laws.ARRIVED),
]


def suite_of(bad, **changes):
    return type(bad.__name__, (TestLeadScore,), {"step": lambda _: bad(), "budget": 0.2, **changes})()


@pytest.mark.parametrize(("bad", "check", "given", "law"), MUTANTS, ids=lambda one: getattr(one, "__name__", ""))
def test_a_bad_step_is_caught_by_the_check_that_is_about_its_fault(bad, check, given, law):
    with pytest.raises(LawBroken) as caught:
        getattr(suite_of(bad), check)(*given)
    assert caught.value.law is law
    assert law.says in str(caught.value)


class Weighing(LeadScore):
    """Weighs by a float; of a customer, a number with a fraction is a Decimal."""

    def transition(self, one, settings, now):
        score = (one.attributes.get("score") or 0) * 0.5
        return Transition(enrolment_id=one.enrolment_id, to="hot" if score > 10 else "")


def test_values_of_another_type_than_the_customers_have_are_found_out_in_the_campaign():
    suite = suite_of(Weighing, attributes=lambda _, number: {"score": number * 1.5, "said_no": False})
    suite.test_words_and_times_have_their_form()
    with pytest.raises(LawBroken, match="Decimal") as caught:
        suite.test_in_a_campaign_everybody_arrives()
    assert caught.value.law is laws.ARRIVED


def test_settings_that_cannot_be_kept_are_found_out_in_the_campaign():
    suite = suite_of(LeadScore, settings=lambda _: {"least": 50, "model": object()})
    with pytest.raises(LawBroken) as caught:
        suite.test_in_a_campaign_everybody_arrives()
    assert caught.value.law is laws.ARRIVED


def test_a_way_that_no_campaign_can_name_is_refused():
    with pytest.raises(LawBroken) as caught:
        suite_of(LeadScore, ways=("Hot!",)).test_words_and_times_have_their_form()
    assert caught.value.law is laws.WORDED
