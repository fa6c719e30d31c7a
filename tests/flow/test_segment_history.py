"""Who was in a segment is told from the logs as it was at the time: then, from then to then, and why."""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import timedelta
from itertools import count, pairwise

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore import CRM
from crmcore.errors import InvalidTime, InvalidValue, MergeConflict, UnknownCustomer, UnknownSegment
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.rule import Touches
from crmcore.loader import installed
from crmcore.model import condition as tree
from crmcore.model.building import (
    account,
    attribute,
    bucket,
    consent,
    event,
    everyone,
    in_segment,
    rule,
    subscribed,
    tag,
)
from crmcore.model.condition import Op
from crmcore.model.logbook import known
from crmcore.model.purpose import Purpose
from crmcore.model.time import DAY, HOUR
from crmcore.rules.bucket import bucket_of
from crmcore.store import logbook, recent
from crmcore.testing.clock import TurnedClock
from tests.conftest import NOON

NUMBERS = count()
WHO = st.sampled_from(
    [
        {"key": "1"},
        {"key": "2"},
        {"email": "a@x.de"},
        {"anonymous": "c"},
        {"key": "1", "email": "a@x.de"},
        {"anonymous": "c", "email": "a@x.de"},
        {"key": "2", "anonymous": "c"},
    ]
)
#: How long ago a statement is dated; an event may be dated a little ahead.
AGO = st.sampled_from([-60_000_000, 0, 1, HOUR, DAY, DAY + HOUR])
STEPS = st.sampled_from(["0s", "1s", "60s", "12h", "24h", "3d"])
BOUGHT = st.builds(
    tree.Occurrences,
    name=st.sampled_from(["bought", "seen"]),
    within=st.sampled_from([None, DAY, 2 * DAY]),
    until=st.sampled_from([None, TurnedClock(NOON).now() + DAY]),
    where=st.sampled_from([(), (tree.Field(name="p", op=Op.EQ, value=1),)]),
)
DAYS = st.sampled_from([(NOON + timedelta(days=ahead)).date() for ahead in range(5)])
COMPARED = st.sampled_from([Op.EQ, Op.NE, Op.LT, Op.GE])
LEAVES = st.one_of(
    st.just(tree.Everyone()),
    st.builds(tree.Attribute, name=st.just("n"), op=COMPARED, value=st.integers(0, 1)),
    st.builds(tree.Tag, name=st.sampled_from(["vip", "new"])),
    st.builds(tree.Count, events=BOUGHT, op=COMPARED, value=st.integers(0, 2)),
    st.builds(tree.Sum, events=BOUGHT, field=st.just("quantity"), op=COMPARED, value=st.just(1_000_000)),
    st.builds(
        tree.Moment,
        events=BOUGHT,
        which=st.sampled_from(["first", "last"]),
        op=st.sampled_from([Op.LT, Op.LE, Op.GT]),
        age=st.just(DAY),
    ),
    st.builds(tree.Consented, purpose=st.just(Purpose.RETENTION), channel=st.sampled_from(["*", "email"])),
    st.builds(tree.Subscribed, topic=st.just("news"), channel=st.just("email")),
    st.builds(
        tree.Extreme,
        events=BOUGHT,
        which=st.sampled_from(["min", "max"]),
        field=st.sampled_from(["quantity", "p"]),
        op=COMPARED,
        value=st.just(1_000_000),
    ),
    st.builds(tree.Distinct, events=BOUGHT, field=st.just("item"), op=COMPARED, value=st.integers(0, 2)),
    st.builds(tree.Followed, first=BOUGHT, then=BOUGHT, within=st.sampled_from([HOUR, DAY])),
    st.builds(tree.Anniversary, name=st.just("day"), days=st.integers(0, 2)),
    st.builds(tree.OfAccount, name=st.just("size"), op=COMPARED, value=st.integers(1, 2)),
    st.builds(tree.Bucket, salt=st.just("s"), since=st.just(0), until=st.just(5000)),
    st.builds(tree.InSegment, segment=st.just("named")),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(tree.Not, of=inner),
        st.builds(tree.All, of=st.tuples(inner, inner)),
        st.builds(tree.AnyOf, of=st.tuples(inner, inner)),
    ),
    max_leaves=3,
)
CHANNELS = st.sampled_from(["*", "email"])
SAID = st.one_of(
    st.tuples(
        st.just("track"),
        st.fixed_dictionaries(
            {
                "name": st.sampled_from(["bought", "seen"]),
                "customer": WHO,
                "quantity": st.integers(1, 2),
                "item": st.sampled_from(["tea", "pot"]),
                "properties": st.sampled_from([{}, {"p": 1}]),
            }
        ),
    ),
    st.tuples(
        st.just("identify"),
        st.fixed_dictionaries(
            {"customer": WHO, "attributes": st.fixed_dictionaries({}, optional={"n": st.integers(0, 1), "day": DAYS})},
            optional={"tags": st.just(["vip"]), "untags": st.just(["new"])},
        ),
    ),
    st.tuples(st.just("identify"), st.fixed_dictionaries({"customer": WHO, "untags": st.just(["vip"])})),
    st.tuples(
        st.just("consent"),
        st.fixed_dictionaries(
            {"customer": WHO, "purpose": st.just("retention"), "channel": CHANNELS, "granted": st.booleans()}
        ),
    ),
    st.tuples(
        st.just("subscribe"),
        st.fixed_dictionaries(
            {"customer": WHO, "topic": st.just("news"), "channel": CHANNELS, "wanted": st.booleans()}
        ),
    ),
    st.tuples(
        st.just("group"),
        st.fixed_dictionaries(
            {
                "account": st.sampled_from(["x", "y"]),
                "customer": WHO,
                "member": st.booleans(),
                "attributes": st.fixed_dictionaries({"size": st.integers(1, 2)}),
            }
        ),
    ),
    st.tuples(st.just("merge"), st.fixed_dictionaries({"customer": WHO, "into": WHO, "force": st.booleans()})),
    st.tuples(st.just("unmerge"), st.fixed_dictionaries({"customer": WHO, "into": WHO})),
)
TOLD = st.lists(st.tuples(STEPS, st.none() | SAID, AGO), min_size=1, max_size=12)
LAW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def say(crm: CRM, verb: str, words: dict[str, object], ago: int) -> None:
    """Say one thing; what contradicts is refused, which is as good."""
    at = crm.now() - (max(ago, 0) if verb != "track" else ago)
    with suppress(MergeConflict):
        getattr(crm, verb)(**words, at=at)


@pytest.fixture
def new_crm(empty_database, tmp_path):
    def opened(clock):
        path = shutil.copy(empty_database, tmp_path / f"{next(NUMBERS)}.db")
        crm = CRM(str(path), clock=clock, blocked=installed())
        crm.define_segment("named", event("bought").did(within="2d") & ~tag("vip"))
        return crm

    return opened


def ids(members):
    return {one.id for one in members}


@given(TOLD, st.lists(TREES, min_size=1, max_size=3))
@LAW
def test_what_was_seen_live_is_told_again_later_whatever_came_in_since(new_crm, told, conditions):
    clock, live = TurnedClock(NOON), {}
    with new_crm(clock) as crm:
        found = [crm.define_segment(f"s{place}", one) for place, one in enumerate(conditions)]
        for step, said, ago in told:
            clock.turn(step)
            if said is not None:
                say(crm, *said, ago)
            live[clock.now()] = [one.members() for one in found]
        assert {at: [one.at(at) for one in found] for at in live} == live


@given(TOLD, TREES)
@LAW
def test_entries_and_exits_lead_from_the_members_of_one_time_to_those_of_another(new_crm, told, condition):
    clock = TurnedClock(NOON)
    with new_crm(clock) as crm:
        times = [clock.now()]
        for step, said, ago in told:
            clock.turn(step)
            if said is not None:
                say(crm, *said, ago)
            times.append(clock.now())
        segment = crm.define_segment("s", condition)
        members = {at: ids(segment.at(at)) for at in times}
        for since, until in [*pairwise(times), (times[0], times[-1])]:
            inside = set(members[since])
            for one in segment.history(since, until):
                assert since < one.at <= until
                assert (one.id in inside) is not one.entered
                inside ^= {one.id}
            assert inside == members[until]


@given(TOLD)
@LAW
def test_what_is_known_now_is_what_the_tables_hold(new_crm, told):
    clock = TurnedClock(NOON)
    with new_crm(clock) as crm:
        for step, said, ago in told:
            clock.turn(step)
            if said is not None:
                say(crm, *said, ago)
        everybody = [one.id for one in crm.define_segment("s", everyone()).members()]
        with crm._opened.reading() as scope:
            then = known(logbook.read(scope, everybody, scope.now, None), scope.now)
            for one in everybody:
                assert in_order(recent.of_customer(scope, one, TOLD_OF)) == in_order(then[one].history)


#: All that is told of customers here.
TOLD_OF = Touches(
    events=frozenset({"bought", "seen", "segment_entered", "segment_left"}),
    attributes=frozenset({"n", "day"}),
    tags=frozenset({"vip", "new"}),
    segments=frozenset({"list"}),
    said=True,
    accounts=True,
)


def in_order(history):
    """Return a history in the order of ids and names; it has what is in it in none."""
    return attrs.evolve(
        history,
        events=tuple(sorted(history.events, key=lambda event: event.id)),
        consents=tuple(sorted(history.consents, key=repr)),
        wishes=tuple(sorted(history.wishes, key=repr)),
        accounts=tuple(sorted(history.accounts, key=repr)),
    )


def test_members_of_a_past_time_are_told_from_what_had_come_in_by_then(crm, clock):
    bought = crm.define_segment("s", event("bought").did(within="2d"))
    crm.track("bought", "1")
    first = crm.now()
    clock.turn("1d")
    crm.track("bought", "2", at=first - HOUR)
    assert [one.key for one in bought.at(first)] == ["1"]
    assert [one.key for one in bought.at(crm.now())] == ["1", "2"]
    clock.turn("5d")
    assert bought.members() == []
    assert [one.key for one in bought.at(NOON)] == ["1"]


def test_no_event_received_or_dated_later_is_visible(crm, clock):
    bought = crm.define_segment("s", event("bought").did())
    then = crm.now()
    crm.track("bought", "ahead", at=then + 60_000_000)
    clock.turn("1h")
    crm.track("bought", "late", at=then - DAY)
    assert bought.at(then) == []
    assert [one.key for one in bought.at(then + 60_000_000)] == ["ahead"]
    assert [(one.key, one.at - then) for one in bought.history(then)] == [("ahead", 60_000_000), ("late", HOUR)]


def test_a_time_to_come_is_refused(crm):
    segment = crm.define_segment("s", everyone())
    with pytest.raises(InvalidTime, match="later than now"):
        segment.at(crm.now() + 1)
    with pytest.raises(InvalidTime, match="later than now"):
        segment.history(NOON, crm.now() + 1)


def test_merged_customers_count_as_those_they_were(crm, clock):
    big = crm.define_segment("s", event("bought").count() >= 2)
    crm.track("bought", "1")
    crm.track("bought", {"anonymous": "c"})
    apart = crm.now()
    clock.turn("1h")
    crm.merge({"anonymous": "c"}, "1")
    together = crm.now()
    clock.turn("1h")
    crm.unmerge({"anonymous": "c"}, "1")
    assert [len(big.at(at)) for at in (apart, together, crm.now())] == [0, 1, 0]
    assert [(one.key, one.entered) for one in big.history(apart)] == [("1", True), ("1", False)]


def test_members_come_by_id_a_page_at_a_time(crm):
    for number in range(5):
        crm.identify(str(number))
    segment = crm.define_segment("s", everyone())
    first = segment.at(crm.now(), limit=2)
    assert [one.key for one in first] == ["0", "1"]
    assert [one.key for one in segment.at(crm.now(), limit=2, after=first[-1].id)] == ["2", "3"]


def test_pages_of_origins_split_no_customer(crm, clock, monkeypatch):
    monkeypatch.setattr(logbook, "PAGE", 2)
    for number in range(7):
        crm.track("bought", {"anonymous": str(number)})
    for number in range(4):
        crm.merge({"anonymous": str(number + 3)}, {"anonymous": str(number)})
    whole = crm.define_segment("s", event("bought").count() >= 2)
    assert whole.at(crm.now()) == whole.members()
    assert len(whole.history(crm.now() - HOUR, crm.now())) == len(whole.members())


def test_time_alone_lets_customers_enter_and_leave(crm, clock):
    recent = crm.define_segment("recent", event("bought").did(within="2d"))
    lapsed = crm.define_segment("lapsed", event("bought").last().older_than("3d"))
    start = crm.now()
    crm.track("bought", "1")
    clock.turn("10d")
    assert [(one.at - start, one.entered) for one in recent.history(start - 1)] == [(0, True), (2 * DAY, False)]
    assert [(one.at - start, one.entered) for one in lapsed.history(start)] == [(3 * DAY, True)]


def test_sizes_over_time_are_those_of_the_members(crm, clock):
    recent = crm.define_segment("s", event("bought").did(within="2d"))
    start = crm.now()
    for number in range(4):
        crm.track("bought", str(number))
        clock.turn("1d")
    trend = recent.trend(start, every="1d")
    assert [one.size for one in trend] == [1, 2, 2, 2, 1]
    assert [one.size for one in trend] == [len(recent.at(one.at)) for one in trend]
    with pytest.raises(InvalidTime, match="more than nothing"):
        recent.trend(start, every="0d")
    with pytest.raises(InvalidTime, match=r"1 makes 345,600,000,001 sizes, 10,000 at most; .*'1d'"):
        recent.trend(start, every=1)


def test_a_negative_limit_is_none(crm):
    segment = crm.define_segment("s", everyone())
    for asked in (segment.members, lambda limit: segment.at(crm.now(), limit)):
        with pytest.raises(InvalidValue, match=r"limit .*-1"):
            asked(limit=-1)


def test_times_the_wrong_way_round_are_both_named(crm, clock):
    crm.identify("1")
    segment = crm.define_segment("s", everyone())
    start = crm.now()
    clock.turn("1d")
    for told in (segment.history, segment.trend):
        with pytest.raises(InvalidTime, match=r"since .*: 2026-03-02T12.* is later than until, 2026-03-01T12"):
            told(crm.now(), start)
        assert len(told(start, start)) == (1 if told == segment.trend else 0)


def test_segments_overlap_in_the_customers_of_both(crm):
    for number, size in enumerate([0, 1, 2, 3]):
        crm.identify(str(number), {"n": size}, tags=["odd"] if size % 2 else [])
    crm.define_segment("big", attribute("n") >= 2)
    crm.define_segment("odd", tag("odd"))
    crm.define_segment("none", attribute("n") > 5)
    found = crm.overlap(["big", "odd", "none"])
    assert found.names == ("big", "odd", "none")
    assert found.sizes == ((2, 1, 0), (1, 2, 0), (0, 0, 0))
    assert crm.overlap([]).sizes == ()
    with pytest.raises(UnknownSegment, match="nobody"):
        crm.overlap(["big", "nobody"])


def test_a_merged_customer_overlaps_once(crm):
    crm.identify("1", {"n": 1})
    crm.identify({"anonymous": "c"}, {"n": 1})
    crm.merge({"anonymous": "c"}, "1")
    crm.define_segment("s", attribute("n") == 1)
    crm.define_segment("not", ~(attribute("n") == 2))
    assert crm.overlap(["s", "not"]).sizes == ((1, 1), (1, 1))


def test_why_tells_each_leaf_and_the_events_that_decided_it(crm, clock):
    for _ in range(5):
        crm.track("bought", "1", amount=500, currency="EUR")
        clock.turn("1h")
    often, seen = event("bought").count(within="30d") >= 3, event("seen").did()
    told = crm.define_segment("s", often & ~seen).why("1")
    assert (told.node, told.holds, [one.node for one in told.of]) == ("all", True, ["leaf", "not"])
    leaf, negated = told.of
    assert (leaf.holds, leaf.found) == (True, 5)
    assert [one.at for one in leaf.events] == [crm.now() - hours * HOUR for hours in (1, 2, 3)]
    assert {one.id for one in leaf.events} < {one.id for one in crm.timeline("1")}
    assert (negated.of[0].holds, negated.of[0].found, negated.of[0].events) == (False, 0, ())


def test_why_shows_the_events_that_do_not_count_where_none_does(crm, clock):
    crm.track("bought", "1")
    clock.turn("60d")
    told = crm.define_segment("s", event("bought").did(within="30d")).why("1")
    assert (told.holds, told.found) == (False, 0)
    assert [(one.at, one.counts) for one in told.events] == [(crm.now() - 60 * DAY, False)]


SAID_OF_ONE = [
    (attribute("n") == 1, True, 1),
    (attribute("n") == 2, False, 1),
    (attribute("m") == 2, False, None),
    (tag("vip"), True, "vip"),
    (tag("new"), False, None),
    (consent("retention", "email"), False, False),
    (consent("survey"), False, None),
    (subscribed("news"), True, True),
    (event("bought").sum("quantity") >= 5, False, 3_000_000),
    (event("bought").first() < NOON, False, TurnedClock(NOON).now()),
    (event("bought").last() < NOON, False, TurnedClock(NOON).now()),
    (event("bought").max("quantity") > 2, True, 3_000_000),
    (event("bought").min("p") > 5, False, 2_000_000),
    (event("bought").min("q") > 5, False, None),
    (event("bought").distinct("item") >= 1, True, 1),
    (event("seen").then(event("bought"), within="2h"), True, HOUR),
    (event("bought").then(event("seen"), within="2h"), False, None),
    (account("size") >= 2, False, (1,)),
    (in_segment("vips"), True, "vip"),
]


@pytest.mark.parametrize(("clause", "holds", "found"), SAID_OF_ONE)
def test_why_tells_what_a_leaf_found(crm, clause, holds, found):
    crm.identify("1", {"n": 1}, tags=["vip"])
    crm.consent("1", "retention", channel="email", granted=False)
    crm.subscribe("1", "news")
    crm.track("seen", "1", at=crm.now() - HOUR)
    crm.track("bought", "1", quantity=3, item="tea", properties={"p": 2})
    crm.group("acme", attributes={"size": 1}, customer="1")
    crm.define_segment("vips", tag("vip"))
    told = crm.define_segment("s", clause).why("1")
    assert (told.holds, told.found) == (holds, found)


def test_why_tells_the_bucket_of_a_customer(crm):
    crm.identify("1")
    told = crm.define_segment("s", bucket("s", share=1.0)).why("1")
    assert told.found == bucket_of(crm.customer("1").id, "s")


def test_why_can_be_asked_of_a_past_time(crm, clock):
    segment = crm.define_segment("s", attribute("n") == 1)
    crm.identify("1", {"n": 1})
    then = crm.now()
    clock.turn("1h")
    crm.identify("1", {"n": 2})
    assert (segment.why("1", then).holds, segment.why("1").holds) == (True, False)
    with pytest.raises(UnknownCustomer, match="1 at 2026"):
        segment.why("1", then - 1)


def test_an_uploaded_list_is_told_from_when_each_came_onto_it(crm, clock):
    crm.identify("1")
    uploaded = crm.upload_segment("list", ["1"])
    then = crm.now()
    clock.turn("1h")
    crm.identify("2")
    crm.upload_segment("list", ["1", "2"])
    assert [one.key for one in uploaded.at(then)] == ["1"]
    assert [one.key for one in uploaded.at(crm.now())] == ["1", "2"]
    assert (uploaded.why("1", then).holds, uploaded.why("2").found) == (True, "list")


def test_what_is_told_is_what_was_recorded(crm, clock):
    recent = crm.define_segment("s", event("bought").did(within="2d"))
    start = crm.now()
    for who in ("1", "2", "1"):
        clock.turn("1d")
        crm.track("bought", who)
    clock.turn("10d")
    crm.work()
    recorded = [
        (one.name == "segment_entered", crm.customer(who).id)
        for who in ("1", "2")
        for one in reversed(crm.timeline(who))
        if one.ref == "s"
    ]
    assert sorted(recorded) == sorted((one.entered, one.id) for one in recent.history(start))


def test_an_account_is_known_as_it_was(crm, clock):
    crm.group("acme", attributes={"size": 1}, customer="1")
    then = crm.now()
    clock.turn("1h")
    crm.group("acme", attributes={"size": 2})
    with crm._opened.reading() as scope:
        [one] = [one.id for one in crm.define_segment("s", everyone()).members()]
        was, now = (known(logbook.read(scope, [one], at, None), at)[one].history for at in (then, scope.now))
    assert [(before["size"], after["size"]) for before, after in zip(was.accounts, now.accounts, strict=True)] == [
        (1, 2)
    ]


@pytest.mark.parametrize("condition", [tree.All(of=()), tree.Not(of=tree.AnyOf(of=()))])
def test_a_condition_without_parts_is_told_from_when_a_customer_is_known(crm, clock, condition):
    clock.turn("1h")
    crm.identify("1")
    [one] = crm.define_segment("s", condition).history(NOON)
    assert (one.at, one.key, one.entered) == (crm.now(), "1", True)


class Even:
    """A plugin's rule: an even number of events bought, and some."""

    name, contract = "even", 1

    def sql(self, _scope, _params):
        raise AssertionError("a past time is told from the logs")

    def touches(self, _params):
        return Touches(events=frozenset({"bought"}))

    def holds(self, history, _params, _now):
        return bool(history.events) and len(history.events) % 2 == 0

    def next_change(self, _history, _params, _now):
        return None


class Rules:
    """The plugin."""

    @hookimpl
    def crm_register_rules(self, setup):
        return [Even()]


def test_a_plugins_rule_is_asked_after_every_event(database, clock):
    with CRM(str(database), clock=clock, plugins={"rules": Rules()}, blocked=installed()) as crm:
        start = crm.now()
        for _ in range(3):
            clock.turn("1h")
            crm.track("bought", "1")
        found = crm.define_segment("s", rule("even") & event("bought").did()).history(start)
    assert [((one.at - start) // HOUR, one.entered) for one in found] == [(2, True), (3, False)]
