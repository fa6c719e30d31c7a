"""Ways follow whoever their customer turns out to be: nothing comes twice by a merge, and whoever is parted goes on."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from itertools import combinations, count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from crmcore.errors import MergeConflict
from crmcore.model.happens import Happens
from crmcore.model.triggers import Reentry
from crmcore.store import enrolments, runs, schema
from tests.flow.journeys.travelling import days, journey, people, said, send, templates, wait

NUMBERS = count()
PEOPLE = ("ada", "bob", "cyd")
NAMES = [{"key": name} for name in PEOPLE] + [{"device": f"d-{name}"} for name in PEOPLE]
COURSE = (send("hello"), wait("1d"), send("tips"), wait("24h"), send("offer"))
CART = Happens(event="cart_updated", key="ref")
anybody, refs = st.sampled_from(NAMES), st.sampled_from(["a", "b"])
pairs = st.tuples(anybody, anybody).filter(lambda two: two[0] != two[1])
carts = st.tuples(st.just("cart"), anybody, refs)
merges, partings = (st.tuples(st.just(verb), pairs) for verb in ("merge", "unmerge"))
turns = st.tuples(st.just("turn"), st.sampled_from(["13h", "1d"]))
orders = st.tuples(st.just("order"), anybody)
scripts = st.lists(st.one_of(turns, turns, merges, merges, partings, carts, orders), min_size=8, max_size=12)
#: Each sets out an hour after the one before.
SET_OUT = [one for name in PEOPLE for one in (("cart", {"key": name}, "a"), ("turn", "1h"))]
laws = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


def begin(crm, **changes):
    people(crm, *PEOPLE)
    for name in PEOPLE:
        crm.identify({"key": name, "device": f"d-{name}"})
    templates(crm, "hello", "tips", "offer")
    crm.launch(journey(*COURSE, **{"trigger": CART, "exits": ["order_placed"], "expires": "90d"} | changes))


def ways(crm):
    """All ways, by id."""
    with crm._opened.reading() as scope:
        run, row = runs.latest(scope, "journey"), schema.enrolment.c
        customers = scope.connection.execute(
            select(row.customer_id).where(row.workspace_id == scope.workspace_id).distinct()
        )
        return {one.id: one for one in enrolments.of_customers(scope, run.id, set(customers.scalars()))}


def sendings(crm):
    """What was sent: by which way, which step."""
    with crm._opened.reading() as scope:
        row = schema.delivery.c
        mine = (row.workspace_id == scope.workspace_id, row.state == "accepted")
        return Counter(map(tuple, scope.connection.execute(select(row.enrolment_id, row.step).where(*mine))))


def act(crm, clock, one):
    with suppress(MergeConflict):
        match one:
            case ("cart", who, ref):
                crm.track("cart_updated", who, ref=ref)
            case ("order", who):
                crm.track("order_placed", who)
            case ("merge", (who, other)):
                crm.merge(who, other, force=True)
            case ("unmerge", (who, other)):
                crm.unmerge(who, other)
            case ("turn", by):
                clock.turn(by)
                crm.work()


def comes_twice(crm, new):
    """Those of the new messages of which their customer had the like before, or has it twice now, of one key."""
    known = ways(crm)
    by_person = Counter()
    for (way, step), times in sendings(crm).items():
        by_person[known[way].customer_id, known[way].key, step] += times
    return [one for one in new if by_person[known[one[0]].customer_id, known[one[0]].key, one[1]] > 1]


def part_all(crm):
    for one, other in combinations(NAMES, 2):
        with suppress(MergeConflict):
            crm.unmerge(one, other)


def is_there(one):
    return one.due_at is not None if one.state == "running" else one.left_at is not None


@laws
@given(scripts)
def test_nothing_comes_twice_by_a_merge_and_no_way_is_lost(open_crm, clock, script):
    crm = open_crm(f"merged-{next(NUMBERS)}.db")
    begin(crm)
    begun, sent = set(), Counter()
    for one in SET_OUT + script:
        act(crm, clock, one)
        found = ways(crm)
        assert found.keys() >= begun
        assert all(map(is_there, found.values()))
        begun = found.keys()
        if one[0] == "turn":
            new, sent = sendings(crm) - sent, sendings(crm)
            assert comes_twice(crm, new) == []
    part_all(crm)
    for _ in days(crm, clock, 6):
        pass
    over = ways(crm)
    assert over.keys() == begun
    assert {one.state for one in over.values()} <= {"completed", "exited"}
    assert all(one.path.count("@") == len(COURSE) for one in over.values() if one.state == "completed")
    assert set(sendings(crm).values()) <= {1}


@laws
@given(scripts)
def test_a_purchase_ends_every_way_of_whoever_its_customer_is(open_crm, clock, script):
    crm = open_crm(f"bought-{next(NUMBERS)}.db")
    begin(crm, reentry=Reentry(when="every"))
    for one in SET_OUT + script:
        act(crm, clock, one)
        if one[0] == "order":
            mine = [way for way in ways(crm).values() if way.customer_id == crm.customer(one[1]).id]
            assert [way for way in mine if way.state == "running"] == []


@pytest.fixture
def both(crm, clock):
    """Ada and Bob, each on a way: Ada's began an hour before Bob's."""

    def both(**changes):
        begin(crm, **changes)
        for name in ("ada", "bob"):
            crm.track("cart_updated", name, ref="a")
            crm.work()
            clock.turn("1h")

    return both


def test_of_two_who_become_one_the_one_who_has_come_further_goes_on(crm, clock, recorder, both):
    both()
    crm.merge("bob", "ada", force=True)
    for _ in days(crm, clock, 5):
        pass
    assert said(recorder) == ["hello ada", "hello bob", "tips ada", "offer ada"]


def test_it_is_said_which_way_stands_still(crm, clock, both):
    both()
    crm.merge("bob", "ada", force=True)
    ada, bob = (way.stands for way in crm.explain("journey", "ada").ways)
    assert ada.startswith("waits at wait_1d")
    assert bob == "stands still: its customer was merged into one with a way of the same key"


def test_whoever_is_parted_again_goes_on_within_a_day(crm, clock, recorder, both):
    both()
    crm.merge("bob", "ada", force=True)
    clock.turn("1d")
    crm.work()
    assert said(recorder)[2:] == ["tips ada"]
    crm.unmerge("bob", "ada")
    clock.turn("1d")
    crm.work()
    assert sorted(said(recorder)[3:]) == ["offer ada", "tips bob"]


def test_where_a_new_beginning_is_the_policy_the_later_way_goes_on(crm, clock, recorder, both):
    both(policy="restart")
    crm.merge("bob", "ada", force=True)
    clock.turn("22h")
    crm.work()
    assert len(recorder.sent) == 2
    clock.turn("1h")
    crm.work()
    assert len(recorder.sent) == 3


def test_ways_that_may_be_beside_one_another_stay_so(crm, clock, recorder, both):
    both(policy="parallel")
    crm.merge("bob", "ada", force=True)
    clock.turn("1d")
    crm.work()
    assert len(recorder.sent) == 4


def test_a_way_that_stands_still_keeps_nobody_from_entering_again(crm, clock, recorder, both):
    both(reentry=Reentry(when="every"))
    crm.merge("bob", "ada", force=True)
    for _ in days(crm, clock, 4):
        pass
    recorder.sent.clear()
    crm.track("cart_updated", "ada", ref="a")
    crm.work()
    assert len(recorder.sent) == 1


def test_ways_of_other_keys_go_on_beside_one_another(crm, clock, recorder):
    begin(crm)
    crm.track("cart_updated", "ada", ref="a")
    crm.track("cart_updated", "bob", ref="b")
    crm.merge("bob", "ada", force=True)
    crm.work()
    assert len(recorder.sent) == 2
