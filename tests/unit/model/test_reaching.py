"""When the next channel's turn comes, told by what is known of the messages before."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from crmcore.model.delivery import State
from crmcore.model.reaching import Escalation, Fallback, Tried, again_at, favoured, is_due, is_spent, is_wanted, priced
from crmcore.model.time import HOUR

NOW = 100 * HOUR
LATE, FAILED = Fallback(after="2h"), Fallback()
SENT = Tried(id=1, channel="push", state=State.ACCEPTED, handed_at=NOW - 2 * HOUR)
WAITS = Tried(id=2, channel="email", state=State.CLAIMED, handed_at=None)

SPENT = {
    "failed": (FAILED, {"state": State.FAILED}, True),
    "never taken": (FAILED, {"state": State.EXPIRED}, True),
    "accepted, only failures count": (FAILED, {}, False),
    "accepted, the time is over": (LATE, {}, True),
    "accepted, a moment before": (LATE, {"handed_at": NOW - 2 * HOUR + 1}, False),
    "in doubt, the time is over": (LATE, {"state": State.IN_DOUBT}, True),
    "still tried": (LATE, {"state": State.DEFERRED}, False),
    "skipped": (LATE, {"state": State.SKIPPED}, False),
    "read": (LATE, {"state": State.READ}, False),
    "clicked, where reading is enough": (LATE, {"reactions": frozenset({"clicked"})}, False),
    "opened, where a click is asked for": (Fallback(after="2h", unless="clicked"), {"reactions": frozenset({"opened"})}, True),
    "complained": (LATE, {"reactions": frozenset({"complained"})}, True),
}  # fmt: skip


@pytest.mark.parametrize("name", SPENT)
def test_a_message_has_done_what_it_can(name):
    fallback, changes, spent = SPENT[name]
    assert is_spent(fallback, attrs.evolve(SENT, **changes), NOW) is spent


WANTED = {
    "it is the only one": ((), True),
    "the one before is spent": ((SENT,), True),
    "the one before was read": ((attrs.evolve(SENT, state=State.READ),), False),
    "the one before waits again": ((attrs.evolve(SENT, state=State.PLANNED),), False),
    "the one before was skipped": ((attrs.evolve(SENT, state=State.SKIPPED, handed_at=None),), True),
    "one after it has gone": ((attrs.evolve(SENT, id=3),), False),
    "one after it waits": ((attrs.evolve(WAITS, id=3, channel="sms"),), True),
    "another address of its channel was read": ((attrs.evolve(SENT, channel="email", state=State.READ),), True),
}


@pytest.mark.parametrize("name", WANTED)
def test_a_message_about_to_go_still_has_to(name):
    others, wanted = WANTED[name]
    known = Escalation(tried=tuple(sorted((*others, WAITS), key=lambda one: one.id)))
    assert is_wanted(LATE, known, WAITS.id, NOW) is wanted


def test_all_addresses_of_a_channel_have_to_be_spent():
    other = attrs.evolve(SENT, id=2, state=State.DELIVERED)
    assert is_due(LATE, Escalation(tried=(SENT, other)), 1, NOW)
    assert not is_due(LATE, Escalation(tried=(SENT, attrs.evolve(other, state=State.READ))), 1, NOW)


@pytest.mark.parametrize(("wrote_at", "is_answered"), [(None, False), (NOW - 3 * HOUR, False), (NOW - HOUR, True)])
def test_only_what_is_written_after_the_message_left_answers_it(wrote_at, is_answered):
    known = Escalation(tried=(SENT,), wrote_at=wrote_at)
    assert (known.is_answered, is_due(LATE, known, 1, NOW)) == (is_answered, not is_answered)


AGAIN = {
    "it was read": (LATE, {"state": State.READ}, None),
    "its time is to come": (LATE, {"handed_at": NOW}, NOW + 2 * HOUR),
    "it waits": (FAILED, {"state": State.DEFERRED}, NOW + HOUR),
    "only failures count": (FAILED, {}, None),
}


@pytest.mark.parametrize("name", AGAIN)
def test_a_message_is_looked_at_again(name):
    fallback, changes, at = AGAIN[name]
    assert again_at(fallback, Escalation(tried=(attrs.evolve(SENT, **changes),)), 1, NOW) == at


def test_the_cheapest_comes_first_and_of_two_alike_the_first():
    prices = {"sms": Decimal("0.05"), "whatsapp": Decimal("0.05"), "email": Decimal("0.001")}
    assert priced(["sms", "whatsapp", "email", "push", "app"], prices) == ("push", "app", "email", "sms", "whatsapp")


def test_the_preferred_comes_first_and_the_others_stay_in_their_order():
    assert favoured(["sms", "push", "email"], "email") == ("email", "sms", "push")
    assert favoured(["sms", "push"], "fax") == favoured(["sms", "push"], None) == ("sms", "push")
