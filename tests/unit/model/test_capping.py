"""Never more than a cap allows; of what waits the higher rank goes; what is reserved is there for what must be sent."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.model.campaign import Campaign, is_must_send
from crmcore.model.capping import AGAIN, Moment, Sent, Waiting, reach, stopped
from crmcore.model.decision import Held, Skipped
from crmcore.model.delivery import Reason
from crmcore.model.policy import Cap, Period, counts
from crmcore.model.time import DAY, HOUR
from crmcore.model.zones import period, wall

NOW = 400 * DAY
UTC = ZoneInfo("UTC")
CAPPED = Skipped(reason=Reason.CAPPED)
MUST = 1_000_000


def sent(at, rank=0, channel="note", tags=()):
    return Sent(at=at, channel=channel, tags=frozenset(tags), rank=rank)


def waiting(number, rank=0, *, due=NOW, expires=NOW + 30 * DAY, channel="note", tags=(), held_out=False):
    return Waiting(
        id=number,
        rank=rank,
        due_at=due,
        expires_at=expires,
        channel=channel,
        tags=frozenset(tags),
        held_out=held_out,
    )


def judged(cap, before, queue, asked=None, now=NOW, zone=UTC):
    caps = cap if isinstance(cap, list) else [cap]
    asked = {one.id for one in queue} if asked is None else asked
    return stopped(caps, Moment(at=now, zone=zone), before, queue, asked)


ONE_A_DAY = Cap(count=1, per=DAY)


def test_what_has_room_goes():
    assert judged(ONE_A_DAY, [], [waiting(1)]) == {}


@pytest.mark.parametrize(("then", "becomes"), [("skip", CAPPED), ("hold", Held(until=NOW + 22 * HOUR))])
def test_what_has_none_ends_or_waits_until_the_oldest_no_longer_counts(then, becomes):
    cap = attrs.evolve(ONE_A_DAY, then=then)
    assert judged(cap, [sent(NOW - 2 * HOUR)], [waiting(1)]) == {1: becomes}


def test_a_rolling_time_ends_after_exactly_that_time():
    assert judged(ONE_A_DAY, [sent(NOW - DAY)], [waiting(1)]) == {}
    assert judged(ONE_A_DAY, [sent(NOW - DAY + 1)], [waiting(1)]) == {1: CAPPED}


def test_a_calendar_day_ends_at_midnight_where_the_customer_is():
    cap, zone = Cap(count=1, per=Period.DAY, then="hold"), ZoneInfo("Asia/Jakarta")
    before = [sent(NOW + 16 * HOUR)]
    assert judged(cap, before, [waiting(1)], now=NOW + 16 * HOUR, zone=zone) == {1: Held(until=NOW + 17 * HOUR)}
    assert judged(cap, before, [waiting(1)], now=NOW + 17 * HOUR, zone=zone) == {}


def test_who_goes_is_counted_for_the_rest_of_the_batch():
    assert judged(Cap(count=2, per=DAY), [], [waiting(1), waiting(2), waiting(3)]) == {3: CAPPED}


def test_the_higher_rank_goes_then_the_one_due_first_then_the_older():
    queue = [waiting(1, due=NOW), waiting(2, due=NOW - 1), waiting(3, 5), waiting(4)]
    assert set(judged(Cap(count=1, per=DAY), [], queue)) == {1, 2, 4}
    assert set(judged(Cap(count=2, per=DAY), [], queue)) == {1, 4}
    assert set(judged(Cap(count=3, per=DAY), [], queue)) == {4}


def test_room_is_kept_for_a_higher_rank_that_is_due_while_this_would_count():
    queue = [waiting(1), waiting(2, 5, due=NOW + 3 * HOUR)]
    assert judged(ONE_A_DAY, [], queue, asked={1}) == {1: Held(until=NOW + 3 * HOUR)}


@pytest.mark.parametrize(
    "other",
    [
        waiting(2, 5, due=NOW + DAY),
        waiting(2, -5, due=NOW),
        waiting(2, 5, channel="text"),
        waiting(2, 5, due=NOW + HOUR, expires=NOW + HOUR),
    ],
    ids=["due when this no longer counts", "of a lower rank", "of another channel", "expired by then"],
)
def test_no_room_is_kept_for_one_that_does_not_compete(other):
    cap = Cap(count=1, per=DAY, channels=frozenset({"note"}))
    assert judged(cap, [], [waiting(1), other], asked={1}) == {}


def test_one_of_higher_rank_that_is_due_but_elsewhere_is_waited_for_a_little():
    assert judged(ONE_A_DAY, [], [waiting(1), waiting(2, 5)], asked={1}) == {1: Held(until=NOW + AGAIN)}


def test_a_message_waits_no_longer_than_it_lives():
    cap = attrs.evolve(ONE_A_DAY, then="hold")
    assert judged(cap, [sent(NOW)], [waiting(1, expires=NOW + HOUR)]) == {1: Held(until=NOW + HOUR)}


def test_a_cap_counts_its_channels_together_and_no_others():
    cap = Cap(count=2, per=DAY, channels=frozenset({"note", "text"}))
    before = [sent(NOW, channel="note"), sent(NOW, channel="push")]
    assert judged(cap, before, [waiting(1, channel="text")]) == {}
    assert judged(cap, [*before, sent(NOW, channel="text")], [waiting(1, channel="note")]) == {1: CAPPED}


def test_a_cap_of_a_tag_counts_what_has_it():
    cap = Cap(count=1, per=DAY, tag="promo")
    assert judged(cap, [sent(NOW)], [waiting(1, tags=["promo"])]) == {}
    assert judged(cap, [sent(NOW, tags=["promo", "summer"])], [waiting(1, tags=["promo"]), waiting(2)]) == {1: CAPPED}


def test_of_several_caps_the_strictest_decides():
    held, longer = Cap(count=1, per=2 * HOUR, then="hold"), Cap(count=1, per=DAY, then="hold")
    before = [sent(NOW - HOUR)]
    assert judged([held, longer], before, [waiting(1)]) == {1: Held(until=NOW + 23 * HOUR)}
    assert judged([held, ONE_A_DAY], before, [waiting(1)]) == {1: CAPPED}


def test_for_one_that_another_cap_holds_an_equal_does_not_wait():
    """It has its turn when it is due again, behind those that are due before."""
    caps = [Cap(count=1, per=DAY, channels=frozenset({"note"}), then="hold"), Cap(count=2, per=DAY)]
    queue = [waiting(1), waiting(2, channel="text", due=NOW + 1)]
    assert judged(caps, [sent(NOW - HOUR)], queue, now=NOW + 1) == {1: Held(until=NOW + 23 * HOUR)}


@pytest.mark.parametrize(
    ("before", "ordinary", "must"),
    [
        ([], "goes", "goes"),
        ([0], "goes", "goes"),
        ([0, 0], "stops", "goes"),
        ([MUST], "goes", "goes"),
        ([0, MUST], "goes", "goes"),
        ([MUST, MUST], "goes", "goes"),
        ([0, 0, MUST], "stops", "stops"),
        ([MUST, MUST, MUST], "stops", "stops"),
    ],
)
def test_ordinary_messages_leave_alone_what_is_reserved(before, ordinary, must):
    cap = Cap(count=3, per=DAY, reserved=1)
    counted = [sent(NOW, rank) for rank in before]
    answers = {rank: judged(cap, counted, [waiting(1, rank)]) for rank in (0, MUST)}
    assert [{True: "goes", False: "stops"}[not answers[rank]] for rank in (0, MUST)] == [ordinary, must]


def test_what_must_be_sent_ranks_above_every_priority():
    def rank(**said):
        return Campaign(name="c", purpose="survey", audience="s", channel="note", template="t", **said).rank

    assert rank(must_send=True, priority=-1000) > rank(priority=1000) > rank() > rank(priority=-1)
    assert (is_must_send(rank(must_send=True, priority=-1000)), is_must_send(rank(priority=1000))) == (True, False)


def test_the_held_out_are_judged_alike_and_take_no_room():
    queue = [waiting(1, 5, held_out=True), waiting(2)]
    assert judged(ONE_A_DAY, [], queue) == {}
    assert judged(ONE_A_DAY, [sent(NOW)], queue) == {1: CAPPED, 2: CAPPED}


def test_caps_reach_as_far_as_the_longest_of_them():
    assert reach([]) == 0
    assert reach([Cap(count=1, per=HOUR), Cap(count=1, per=3 * DAY)]) == 3 * DAY
    assert reach([Cap(count=1, per=Period.DAY), Cap(count=1, per=HOUR)]) >= 25 * HOUR


# -- laws -------------------------------------------------------------------------------------------------------------

CHANNELS, TAGS = ("note", "text"), ("promo", "news")
ZONES = ["UTC", "Europe/Berlin", "Pacific/Apia", "America/St_Johns", "Asia/Kathmandu"]


@st.composite
def all_caps(draw):
    count = draw(st.integers(1, 3))
    return Cap(
        count=count,
        per=draw(st.sampled_from([2 * HOUR, DAY, 7 * DAY, *Period])),
        channels=draw(st.sampled_from([frozenset(), frozenset({"note"}), frozenset(CHANNELS)])),
        tag=draw(st.sampled_from([None, None, "promo"])),
        reserved=draw(st.integers(0, count - 1)),
        then=draw(st.sampled_from(["skip", "hold"])),
    )


MESSAGES = st.builds(
    lambda rank, due, life, channel, tags, held_out: waiting(
        0, rank, due=NOW + due, expires=NOW + due + life, channel=channel, tags=tags, held_out=held_out
    ),
    st.sampled_from([-3, 0, 0, 0, 4, MUST, MUST + 2]),
    st.integers(0, 20).map(lambda n: n * 5 * HOUR) | st.integers(0, 4 * DAY),
    st.sampled_from([HOUR, 2 * DAY, 9 * DAY]),
    st.sampled_from(CHANNELS),
    st.frozensets(st.sampled_from(TAGS)),
    st.sampled_from([False, False, False, True]),
)


def inside(cap, zone, one, other):
    """Tell whether two instants fall into one window of a cap."""
    if isinstance(cap.per, Period):
        return period(wall(zone, one), cap.per) == period(wall(zone, other), cap.per)
    return abs(one - other) < cap.per


def naive_room(cap, zone, now, before, queue, one):
    """Tell whether one message has room under one cap, by counting heads."""
    used = [o.rank for o in before if counts(cap, o.channel, o.tags) and inside(cap, zone, o.at, now)]
    for other in queue:
        is_first = (-other.rank, other.due_at, other.id) < (-one.rank, one.due_at, one.id)
        due = max(other.due_at, now)
        if is_first and due < other.expires_at and counts(cap, other.channel, other.tags):
            used += [other.rank] if inside(cap, zone, due, now) else []
    ordinary, must = len([r for r in used if r < MUST]), len([r for r in used if r >= MUST])
    if one.rank >= MUST:
        return ordinary + must < cap.count
    return ordinary + must < cap.count and ordinary + cap.reserved < cap.count


def play(caps, zone, messages, pick):
    """Live through a campaign season: yield each decision with what was known, until nothing waits any more."""
    queue = {n: attrs.evolve(one, id=n) for n, one in enumerate(messages)}
    before, now, steps = [], NOW, 0
    while queue:
        steps += 1
        assert steps < 400, "nothing gets done"
        now = max(now, min(one.due_at for one in queue.values()))
        queue = {n: one for n, one in queue.items() if one.expires_at > now}
        due = sorted(n for n, one in queue.items() if one.due_at <= now)
        batch = [n for n in due if pick(n)] or due
        others = [one for one in queue.values() if not one.held_out or one.id in batch]
        found = stopped(caps, Moment(at=now, zone=zone), before, others, set(batch))
        yield now, batch, found, list(before), dict(queue)
        for n in batch:
            verdict = found.get(n)
            if isinstance(verdict, Held):
                queue[n] = attrs.evolve(queue[n], due_at=verdict.until)
                continue
            one = queue.pop(n)
            if verdict is None and not one.held_out:
                before.append(sent(now, one.rank, one.channel, one.tags))


SEASONS = {
    "caps": st.lists(all_caps(), min_size=1, max_size=3),
    "name": st.sampled_from(ZONES),
    "messages": st.lists(MESSAGES, min_size=1, max_size=10),
    "random": st.randoms(use_true_random=False),
}


@settings(max_examples=150, deadline=None)
@given(**SEASONS)
def test_no_window_of_a_cap_ever_holds_more_than_it_allows(caps, name, messages, random):
    zone, gone = ZoneInfo(name), []
    for now, batch, found, _, queue in play(caps, zone, messages, lambda _: random.random() < 0.5):
        gone += [attrs.evolve(queue[n], due_at=now) for n in batch if n not in found and not queue[n].held_out]
    for cap in caps:
        mine = [one for one in gone if counts(cap, one.channel, one.tags)]
        for last in mine:
            window = [one for one in mine if one.due_at <= last.due_at and inside(cap, zone, one.due_at, last.due_at)]
            assert len(window) <= cap.count
            assert len([one for one in window if one.rank < MUST]) <= cap.count - cap.reserved


@settings(max_examples=150, deadline=None)
@given(**SEASONS)
def test_a_message_is_stopped_where_heads_counted_leave_it_no_room_and_only_there(caps, name, messages, random):
    zone = ZoneInfo(name)
    for now, batch, found, before, queue in play(caps, zone, messages, lambda _: random.random() < 0.5):
        waits = {n: one for n, one in queue.items() if not one.held_out}
        for n in sorted(batch, key=lambda n: (-queue[n].rank, queue[n].due_at, n)):
            one, others = queue[n], [other for other in waits.values() if other.id != n]
            mine = [cap for cap in caps if counts(cap, one.channel, one.tags)]
            has_room = all(naive_room(cap, zone, now, before, others, one) for cap in mine)
            assert has_room == (n not in found)
            # From here on it is one that has gone, that waits until later, or that is no more.
            if not one.held_out:
                del waits[n]
                if n not in found:
                    before.append(sent(now, one.rank, one.channel, one.tags))
                elif isinstance(found[n], Held):
                    waits[n] = attrs.evolve(one, due_at=found[n].until)


@settings(max_examples=150, deadline=None)
@given(**SEASONS)
def test_what_must_be_sent_is_stopped_by_its_like_alone_while_reserved_room_is_left(caps, name, messages, random):
    zone = ZoneInfo(name)
    for now, _, found, before, queue in play(caps, zone, messages, lambda _: random.random() < 0.5):
        for n in found:
            one = queue[n]
            if one.rank < MUST:
                continue
            likes = [o for o in queue.values() if o.rank >= MUST and o.id != n]
            taken = [
                len(
                    [
                        o
                        for o in before
                        if o.rank >= MUST and counts(cap, o.channel, o.tags) and inside(cap, zone, o.at, now)
                    ]
                )
                + len([o for o in likes if counts(cap, o.channel, o.tags)])
                - cap.reserved
                for cap in caps
                if counts(cap, one.channel, one.tags)
            ]
            assert max(taken) >= 0


@settings(max_examples=150, deadline=None)
@given(**SEASONS)
def test_what_is_held_is_held_until_something_changes(caps, name, messages, random):
    """A moment before, with nothing new, it would still be stopped."""
    zone = ZoneInfo(name)
    for now, batch, found, before, queue in play(caps, zone, messages, lambda _: True):
        after = [
            *before,
            *(
                sent(now, queue[n].rank, queue[n].channel, queue[n].tags)
                for n in batch
                if n not in found and not queue[n].held_out
            ),
        ]
        rest = {n: one for n, one in queue.items() if n not in batch and not one.held_out}
        rest |= {n: attrs.evolve(queue[n], due_at=one.until) for n, one in found.items() if isinstance(one, Held)}
        for n, verdict in found.items():
            if isinstance(verdict, Held):
                assert now < verdict.until <= queue[n].expires_at
                early = Moment(at=verdict.until - 1, zone=zone)
                others = [one for one in rest.values() if one.id != n and not one.held_out]
                assert n in stopped(caps, early, after, [*others, queue[n]], {n})
