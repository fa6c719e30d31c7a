"""How `work` goes on where a limit lets nothing go for a moment: it waits for a handful, and loses none of the rate."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate

import pytest

from crmcore import CRM
from crmcore.hooks.provider import Carriage, LimitHint, Retry
from crmcore.loader import installed
from crmcore.model.time import HOUR, MINUTE, SECOND
from crmcore.testing.fakes import Recorder, accept
from tests.flow.test_campaign import made
from tests.flow.test_limiting import at, launched, states

MILLISECOND = 1000


class Carrier(Recorder):
    """A carrier; making a batch, and its answers, take a time (microseconds). `taken` says when it took how many."""

    def __init__(self, clock, **limit):
        super().__init__()
        self.clock, self.delay, self.making, self.taken = clock, 0, 0, []
        self.notes.render = self._render
        self.carriage = Carriage(batch=250, limits=(LimitHint(**limit),) if limit else ())

    def send(self, batch):
        self.taken.append((self.clock.now(), len(batch)))
        self.clock._at += self.delay
        yield from super().send(batch)

    def _render(self, compiled, drafts):
        self.clock._at += self.making
        return type(self.notes).render(self.notes, compiled, drafts)

    def rate(self, since):
        """Return the messages a second from the first batch after a time on; of the last one only the rest was left."""
        (start, _), *rest, _ = [one for one in self.taken if one[0] >= since]
        return sum(count for _, count in rest) / ((rest[-1][0] - start) / SECOND)


class Patience:
    """Waits by turning the clock, for a time at most so far off; `asked` are the times it was asked for, from now on."""

    def __init__(self, clock, most=MINUTE):
        self.clock, self.most, self.asked = clock, most, []

    def __call__(self, opens_at):
        self.asked.append(opens_at - self.clock.now())
        if self.asked[-1] > self.most:
            return False
        self.clock._at = max(opens_at, self.clock.now() + 1)
        return True


@pytest.fixture
def opening(database, clock):
    """Open a CRM with a carrier."""
    opened = []

    def opening(carrier, **limits):
        plugins = {"recorder": carrier}
        settings = {"limits": limits, "sending": {"window": 250}}
        opened.append(CRM(str(database), clock=clock, plugins=plugins, blocked=installed(), **settings))
        return opened[-1]

    yield opening
    for crm in opened:
        crm.close()


@pytest.fixture
def patience(clock):
    return Patience(clock)


# -- the rate is held -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delay", [0, 40 * MILLISECOND, 220 * MILLISECOND])
@pytest.mark.parametrize(("rate", "burst", "count"), [(79, 20, 300), (990, 250, 2500)])
def test_the_rate_of_a_limit_is_held_whatever_time_answers_take_within_the_burst(
    opening, clock, patience, rate, burst, count, delay
):
    carrier = Carrier(clock, scope="sender", count=rate, per=1.0, burst=burst)
    crm = launched(opening(carrier), at("example.com", count))
    carrier.delay = min(delay, SECOND * burst // rate * 8 // 10)
    carrier.making = min(5 * MILLISECOND, carrier.delay // 8)
    start = clock.now()
    assert crm.work(wait=patience).sent == count
    assert carrier.rate(since=start + SECOND) == pytest.approx(rate, rel=0.01)


def test_no_more_go_in_any_span_than_the_limit_allows_however_work_waits(opening, clock, patience):
    carrier = Carrier(clock, scope="sender", count=79, per=1.0, burst=20)
    carrier.delay = 30 * MILLISECOND
    launched(opening(carrier), at("example.com", 300)).work(wait=patience)
    for first, (start, _) in enumerate(carrier.taken):
        went = accumulate(count for _, count in carrier.taken[first:])
        for (end, _), count in zip(carrier.taken[first:], went, strict=True):
            assert count <= 20 + 79 * (end - start) / SECOND


def test_who_waits_for_a_limit_waits_for_a_handful_and_no_longer_than_a_moment(opening, clock, patience):
    carrier = Carrier(clock, scope="sender", count=1000, per=1.0, burst=250)
    launched(opening(carrier), at("example.com", 600)).work(wait=patience)
    assert [count for _, count in carrier.taken] == [250, *[50] * 7]
    assert set(patience.asked) == {50 * MILLISECOND}


def test_where_one_may_go_at_once_each_is_waited_for(opening, clock, patience):
    carrier = Carrier(clock, scope="sender", count=4, per=1.0, burst=1)
    launched(opening(carrier), at("example.com", 3)).work(wait=patience)
    assert patience.asked == [SECOND // 4] * 2


# -- what is waited for ---------------------------------------------------------------------------------------------------


def test_without_waiting_work_leaves_what_may_not_go_yet(opening, clock):
    crm = launched(opening(Carrier(clock, scope="sender", count=2, per=1.0)), at("example.com", 5))
    assert (crm.work().sent, states(crm)) == (2, {"accepted": 2, "planned": 3})


def test_where_nothing_is_left_nobody_is_asked_to_wait(opening, clock, patience):
    launched(opening(Carrier(clock)), at("example.com", 5)).work(wait=patience)
    assert patience.asked == []


def test_what_is_too_far_off_is_left(opening, clock, patience):
    crm = launched(opening(Carrier(clock, scope="sender", count=1, per=3600.0)), at("example.com", 2))
    assert crm.work(wait=patience).sent == 1
    assert patience.asked == [HOUR]
    assert states(crm) == {"accepted": 1, "planned": 1}


def test_a_message_that_may_be_tried_again_soon_is_waited_for(opening, clock, patience):
    carrier, asked = Carrier(clock), Counter()

    def busy_at_first(one):
        asked[one.delivery_id] += 1
        again = Retry(delivery_id=one.delivery_id, after=10.0, scope="recipient")
        return again if asked[one.delivery_id] == 1 else accept(one)

    carrier.answer = busy_at_first
    crm = launched(opening(carrier), at("example.com", 3))
    assert crm.work(wait=patience).sent >= 3
    assert (states(crm), patience.asked) == ({"accepted": 3}, [10 * SECOND])


def test_second_messages_to_the_same_recipients_are_waited_for(opening, clock, patience):
    crm = launched(opening(Carrier(clock, scope="recipient", count=1, per=6.0)), at("example.com", 3))
    crm.launch(made(name="again", purpose="service"))
    assert crm.work(wait=patience).sent == 6
    assert patience.asked == [6 * SECOND]


def test_the_earliest_of_all_that_is_to_come_is_waited_for(opening, clock, patience):
    limits = {
        "sender": {"note/recorder": {"count": 2, "per": 3600}},
        "destination": {"a.example": {"count": 1, "per": 60}},
    }
    patience.most = 0
    launched(opening(Carrier(clock), **limits), [*at("a.example", 2), *at("b.example", 2)]).work(wait=patience)
    assert patience.asked == [MINUTE]


def test_who_asked_for_so_many_waits_for_no_more(opening, clock, patience):
    crm = launched(opening(Carrier(clock, scope="sender", count=2, per=1.0)), at("example.com", 9))
    assert crm.work(limit=2, wait=patience).deliveries == 2
    assert patience.asked == []
    assert crm.work(limit=3, wait=patience).deliveries == 3


def test_who_asked_to_stop_is_not_kept_waiting(opening, clock, patience):
    carrier = Carrier(clock, scope="sender", count=2, per=1.0)
    launched(opening(carrier), at("example.com", 9)).work(stop=lambda: len(carrier.sent) == 2, wait=patience)
    assert patience.asked == []


def test_a_campaign_whose_carrier_is_missing_is_not_waited_for(opening, database, clock, patience):
    launched(opening(Carrier(clock, scope="sender", count=2, per=1.0)), at("example.com", 5))
    with CRM(str(database), clock=clock, blocked=installed()) as other:
        assert len(other.work(wait=patience).waiting) == 1
    assert patience.asked == []


# -- the pair rate --------------------------------------------------------------------------------------------------------


def test_what_a_recipient_may_get_next_counts_from_the_answer_on(opening, clock, patience):
    carrier = Carrier(clock, scope="recipient", count=1, per=6.0)
    crm = launched(opening(carrier), at("example.com", 1))
    crm.launch(made(name="again", purpose="service"))
    carrier.delay, start = 2 * SECOND, clock.now()
    crm.work(wait=patience)
    assert [when - start for when, _ in carrier.taken] == [0, 8 * SECOND]


def test_what_another_process_takes_meanwhile_waits_as_long(opening, database, clock):
    carrier = Carrier(clock, scope="recipient", count=1, per=6.0)
    crm = launched(opening(carrier), at("example.com", 1))
    crm.launch(made(name="again", purpose="service"))
    carrier.delay = 2 * SECOND
    crm.work()
    carrier.delay = 0
    clock.turn("5s")
    with CRM(str(database), clock=clock, plugins={"recorder": carrier}, blocked=installed()) as other:
        other.work()
        assert len(carrier.sent) == 1
        clock.turn("1s")
        other.work()
    assert len(carrier.sent) == 2
