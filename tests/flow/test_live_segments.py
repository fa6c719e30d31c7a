"""What an evaluator that only listens gets wrong: segments are right from the start, after a change, a loss, and silence."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import create_engine

from crmcore import CRM
from crmcore.errors import (
    InvalidCondition,
    InvalidValue,
    SegmentInUse,
    SegmentTaken,
    UnknownCustomer,
    UnknownRule,
    UnknownSegment,
)
from crmcore.flow import segments
from crmcore.loader import installed
from crmcore.model.building import attribute, consent, event, in_segment, rule, tag
from crmcore.store import memberships
from crmcore.testing.clock import TurnedClock
from tests.conftest import NOON
from tests.named_rule import Rules

BUYERS = event("bought").did()
DORMANT = event("bought").did() & event("bought").did_not(within="30d")


def keys(crm, name):
    return sorted(member.key for member in crm.segment(name).members())


def told(crm, *names):
    """What was told of whom, in order."""
    query = """SELECT event.name, event.ref, customer.key FROM crm_event AS event
    JOIN crm_customer AS customer ON customer.id = event.customer_id AND customer.workspace_id = 1
    WHERE event.workspace_id = 1 AND event.name IN ('segment_entered', 'segment_left') ORDER BY event.occurred_at, event.id"""
    with crm._opened.reading() as scope:
        rows = scope.connection.exec_driver_sql(query).all()
    return [
        (name.removeprefix("segment_"), segment, key) for name, segment, key in rows if not names or segment in names
    ]


def test_enabling_finds_those_who_were_there_before(crm):
    crm.track("bought", "1")
    crm.track("seen", "2")
    crm.define_segment("buyers", BUYERS)
    assert keys(crm, "buyers") == ["1"]
    assert told(crm) == [("entered", "buyers", "1")]


def test_a_new_segment_beside_live_ones_finds_everybody(crm):
    crm.define_segment("buyers", BUYERS)
    crm.track_many({"name": "bought", "customer": str(number)} for number in range(3))
    crm.define_segment("city", attribute("city") == "u")
    crm.identify("2", {"city": "u"})
    assert (keys(crm, "buyers"), keys(crm, "city")) == (["0", "1", "2"], ["2"])


def test_an_edited_segment_lets_go_of_those_who_fit_no_more_and_tells_it_once(crm):
    crm.define_segment("s", BUYERS)
    crm.track("bought", "1")
    crm.track("seen", "2")
    crm.work()
    crm.define_segment("s", event("seen").did())
    assert keys(crm, "s") == ["2"]
    crm.work()
    assert told(crm) == [("entered", "s", "1"), ("left", "s", "1"), ("entered", "s", "2")]


@pytest.mark.parametrize("lost", ["crm_standing", "crm_membership", "crm_event_day"])
def test_a_loss_of_derived_tables_is_made_good_without_telling_anything_again(crm, lost):
    crm.define_segment("buyers", BUYERS)
    crm.track("bought", "1")
    before = (told(crm), crm.customer("1").sums, crm.days("1"))
    with crm._opened.engine.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM {lost} WHERE workspace_id = 1")
    crm.rebuild()
    assert keys(crm, "buyers") == ["1"]
    assert (told(crm), crm.customer("1").sums, crm.days("1")) == before


def test_a_customer_who_goes_dormant_without_any_event_enters_with_the_next_tick(crm, clock):
    crm.define_segment("dormant", DORMANT)
    crm.track("bought", "1")
    clock.turn("29d")
    crm.work()
    assert told(crm) == []
    clock.turn("3d")
    crm.work()
    assert told(crm) == [("entered", "dormant", "1")]
    assert crm.timeline("1")[0].at == crm.now() - 2 * 86_400_000_000
    crm.track("bought", "1")
    assert told(crm)[1:] == [("left", "dormant", "1")]


def test_a_late_event_counts_when_it_comes(crm):
    crm.define_segment("dormant", DORMANT)
    crm.track("bought", "1", at=crm.now() - 40 * 86_400_000_000)
    assert keys(crm, "dormant") == ["1"]
    crm.track("bought", "1", at=crm.now() - 10 * 86_400_000_000)
    assert keys(crm, "dormant") == []


def test_what_a_host_does_counts_once_it_has_committed(crm):
    crm.define_segment("buyers", BUYERS)
    host = create_engine(crm._opened.engine.url)
    with host.connect() as connection:
        crm.using(connection).track("bought", "1")
        connection.rollback()
        assert keys(crm, "buyers") == []
        crm.using(connection).track("bought", "1")
        connection.commit()
        assert keys(crm, "buyers") == ["1"]
        crm.using(connection).consent("1", "retention")
        connection.commit()
    host.dispose()
    crm.define_segment("willing", consent("retention"))
    assert keys(crm, "willing") == ["1"]


def test_an_uploaded_segment_is_what_was_uploaded_and_conditions_may_ask_for_it(crm):
    for number in range(3):
        crm.identify(str(number))
    crm.upload_segment("list", ["0", "1"])
    crm.define_segment("others", ~in_segment("list"))
    assert (keys(crm, "list"), keys(crm, "others")) == (["0", "1"], ["2"])
    crm.upload_segment("list", ["2"])
    assert (keys(crm, "list"), keys(crm, "others")) == (["2"], ["0", "1"])
    with pytest.raises(UnknownCustomer) as refused:
        crm.upload_segment("list", ["nobody", "0", "none"])
    assert refused.value.fields["places"] == [0, 2]
    assert keys(crm, "list") == ["2"]


def test_who_was_uploaded_is_in_the_list_again_once_parted_from_another(crm):
    for number in "3456":
        crm.identify(number)
    crm.upload_segment("list", ["4", "5"])
    crm.define_segment("listed", in_segment("list"))
    crm.merge("4", "3", force=True)
    crm.merge("6", "5", force=True)
    assert (keys(crm, "list"), keys(crm, "listed")) == (["3", "5"], ["3", "5"])
    crm.unmerge("4", "3")
    crm.unmerge("6", "5")
    assert (keys(crm, "list"), keys(crm, "listed")) == (["4", "5"], ["4", "5"])


def test_whoever_is_taken_from_a_list_is_in_it_no_more_under_any_of_its_names(crm):
    crm.identify("4")
    crm.identify("3")
    crm.upload_segment("list", ["3", "4"])
    crm.merge("4", "3", force=True)
    crm.upload_segment("list", [])
    crm.unmerge("4", "3")
    assert keys(crm, "list") == []


def test_a_segment_in_a_segment_follows_it(crm):
    crm.define_segment("buyers", BUYERS)
    crm.define_segment("others", ~in_segment("buyers"))
    crm.identify("1")
    assert keys(crm, "others") == ["1"]
    crm.track("bought", "1")
    assert keys(crm, "others") == []
    crm.define_segment("buyers", event("paid").did())
    assert keys(crm, "others") == ["1"]
    with pytest.raises(InvalidCondition, match="buyers -> others -> buyers"):
        crm.define_segment("buyers", in_segment("others"))


def test_no_segment_asks_who_entered_or_left(crm):
    with pytest.raises(InvalidCondition, match="in_segment"):
        crm.define_segment("s", event("segment_entered").did())
    assert crm.segments() == []


def test_a_sum_without_an_answer_keeps_no_event_out(crm):
    crm.define_segment("rich", event("bought").sum("amount") >= 10)
    crm.track("bought", "1", amount=20, currency="EUR")
    crm.track("bought", "1", amount=20, currency="JPY")
    assert crm.customer("1").sums[0].count == 1
    assert told(crm) == [("entered", "rich", "1"), ("left", "rich", "1")]


def test_many_writers_at_once_leave_what_looking_at_everybody_finds(new_database, clock):
    """Of two events that come at the same time each may be the one that makes two."""
    writers = [CRM(new_database("crm.db"), clock=clock, blocked=installed()) for _ in range(6)]
    first = writers[0]
    first.define_segment("twice", event("bought").count() >= 2)
    first.define_segment("six", event("bought").count() == 6)
    ready = Barrier(len(writers), timeout=30)

    def write(crm):
        ready.wait()
        for number in range(20):
            crm.track("bought", str(number))

    with ThreadPoolExecutor(len(writers)) as pool:
        list(pool.map(write, writers))
    for name in ("twice", "six"):
        segment = first.segment(name)
        assert len(segment.members()) == 20
        with first._opened.reading() as scope:
            assert segment.members() == segments.found(scope, segment.condition, {}, limit=None)
    assert sorted(told(first, "six")) == sorted(("entered", "six", str(number)) for number in range(20))
    for crm in writers:
        crm.close()


def test_what_is_told_last_is_the_latest_whatever_the_clocks_of_writers_say(new_database):
    """A transaction that began first may be the last to come to a customer; and clocks differ."""
    clocks = [TurnedClock(NOON), TurnedClock(NOON)]
    ahead, behind = (CRM(new_database("crm.db"), clock=one, blocked=installed()) for one in clocks)
    clocks[0].turn("10s")
    with ahead, behind:
        ahead.define_segment("vips", tag("vip"))
        ahead.identify("1", tags=["vip"])
        behind.identify("1", untags=["vip"], at=ahead.now() + 1)
        assert told(ahead) == [("entered", "vips", "1"), ("left", "vips", "1")]
        assert keys(ahead, "vips") == []


def test_a_process_without_a_plugin_leaves_its_rule_to_those_who_have_it(new_database, clock):
    def opened(**plugins):
        return CRM(new_database("crm.db"), clock=clock, plugins=plugins, blocked=installed())

    with opened(rules=Rules()) as able, opened() as unable:
        able.define_segment("some", rule("named", keys=["1", "2"]))
        able.define_segment("buyers", BUYERS)
        able.identify("1", {"key_too": "1"})
        assert keys(able, "some") == ["1"]
        unable.identify("2", {"key_too": "2"})
        unable.track("bought", "2")
        assert keys(unable, "buyers") == ["2"]
        assert keys(able, "some") == ["1", "2"]
        assert keys(able, "buyers") == ["2"]


def test_a_rule_that_no_plugin_brings_is_refused_when_it_is_asked_for(crm):
    with pytest.raises(UnknownRule, match=r"segment 's' asks for the rule 'nmed'.*known: none"):
        crm.define_segment("s", rule("nmed", keys=["1"]))
    assert crm.segments() == []


def test_a_segment_whose_plugin_is_gone_stays_and_says_so_and_goes_on_when_it_is_back(new_database, clock):
    def opened(**plugins):
        return CRM(new_database("crm.db"), clock=clock, plugins=plugins, blocked=installed())

    with opened(rules=Rules()) as crm:
        crm.define_segment("some", rule("named", keys=["1", "2"]))
        crm.identify("1", {"key_too": "1"})
        assert keys(crm, "some") == ["1"]
    with opened() as crm:
        lost = crm.segment("some")
        assert lost.text() == 'rule named(keys = ["1", "2"])'
        for asked in (lost.size, lost.members, lambda: lost.at(crm.now()), lambda: lost.why("1")):
            with pytest.raises(UnknownRule, match=r"segment 'some' asks for the rule 'named'"):
                asked()
        with pytest.raises(UnknownRule, match="segment 'some'"):
            crm.overlap(["some"])
        crm.identify("2", {"key_too": "2"})
        crm.define_segment("buyers", BUYERS)
    with opened(rules=Rules()) as crm:
        assert keys(crm, "some") == ["1", "2"]
        crm.identify("1", {"key_too": "none"})
        assert told(crm, "some")[-1] == ("left", "some", "1")


def kept_of(crm, *tables):
    """How many rows are kept in tables."""
    with crm._opened.reading() as scope:
        counts = [f"SELECT count(*) FROM crm_{table} WHERE workspace_id = 1" for table in tables]
        return [scope.connection.exec_driver_sql(count).scalar_one() for count in counts]


def test_a_segment_that_is_deleted_is_left_by_all_and_its_name_begins_anew(crm):
    crm.define_segment("s", BUYERS)
    crm.track("bought", "1")
    crm.work()
    crm.define_segment("s", BUYERS | tag("vip"))
    crm.delete_segment("s")
    assert (crm.segments(), told(crm)) == ([], [("entered", "s", "1"), ("left", "s", "1")])
    with pytest.raises(UnknownSegment):
        crm.segment("s")
    assert kept_of(crm, "membership", "segment_atom") == [0, 0]
    assert crm.define_segment("s", BUYERS).version == 1
    crm.track("bought", "2")
    assert keys(crm, "s") == ["1", "2"]
    assert sorted(told(crm)[2:]) == [("entered", "s", "1"), ("entered", "s", "2")]


def test_deleting_a_segment_leaves_others_as_they_are(crm, clock):
    crm.define_segment("s", BUYERS)
    crm.define_segment("also", BUYERS & tag("vip"))
    crm.track("bought", "1")
    crm.identify("1", tags=["vip"])
    crm.work()
    crm.delete_segment("s")
    assert keys(crm, "also") == ["1"]
    clock.turn("1h")
    crm.identify("1", untags=["vip"])
    assert told(crm, "also") == [("entered", "also", "1"), ("left", "also", "1")]


def test_whoever_became_another_leaves_a_deleted_segment_as_that_one(crm):
    crm.define_segment("s", BUYERS)
    crm.track("bought", {"anonymous": "a"})
    crm.identify("1")
    crm.merge({"anonymous": "a"}, "1")
    crm.delete_segment("s")
    assert told(crm)[-1] == ("left", "s", "1")
    crm.define_segment("s", BUYERS)
    crm.work()
    assert told(crm)[-1] == ("entered", "s", "1")


@pytest.mark.parametrize("others", [[], ["vips"]], ids=["the last", "one of several"])
def test_whoever_is_parted_from_one_who_left_a_deleted_segment_has_left_it_too(crm, others):
    for name in ("s", *others):
        crm.define_segment(name, BUYERS)
    for who in ({"anonymous": "a"}, "1"):
        crm.track("bought", who)
    crm.merge({"anonymous": "a"}, "1")
    crm.delete_segment("s")
    crm.work()
    crm.unmerge({"anonymous": "a"}, "1")
    with crm._opened.reading() as scope:
        assert memberships.told_of(scope, "s") == set()


def test_an_uploaded_list_is_deleted_with_its_members(crm):
    crm.identify("1")
    crm.upload_segment("list", ["1"])
    crm.delete_segment("list")
    assert (crm.segments(), kept_of(crm, "segment_member")) == ([], [0])
    assert keys(crm.upload_segment("list", []) and crm, "list") == []


def test_what_another_segment_asks_for_is_not_deleted(crm):
    crm.upload_segment("list", [])
    crm.define_segment("s", in_segment("list"))
    crm.define_segment("t", BUYERS | ~in_segment("list"))
    with pytest.raises(SegmentInUse, match="'list' is asked for by segment 's' and segment 't'"):
        crm.delete_segment("list")
    crm.delete_segment("s")
    crm.delete_segment("t")
    crm.delete_segment("list")
    assert crm.segments() == []


def test_a_segment_of_a_plugin_that_is_gone_can_be_deleted(new_database, clock):
    def opened(**plugins):
        return CRM(new_database("crm.db"), clock=clock, plugins=plugins, blocked=installed())

    with opened(rules=Rules()) as crm:
        crm.define_segment("some", rule("named", keys=["1"]))
        crm.identify("1", {"key_too": "1"})
    with opened() as crm:
        crm.delete_segment("some")
        assert told(crm) == [("entered", "some", "1"), ("left", "some", "1")]
        crm.define_segment("buyers", BUYERS)
        crm.track("bought", "1")
        assert told(crm, "buyers") == [("entered", "buyers", "1")]


def test_the_name_of_a_rule_is_not_taken_by_a_list_nor_the_other_way_round(crm):
    crm.define_segment("rule", BUYERS)
    crm.upload_segment("list", [])
    with pytest.raises(SegmentTaken, match=r"condition already; .*crm segment delete rule"):
        crm.upload_segment("rule", [])
    with pytest.raises(SegmentTaken, match=r"uploaded already; .*crm segment delete list"):
        crm.define_segment("list", BUYERS)
    assert (crm.segment("rule").condition, crm.segment("list").version) == (BUYERS.condition, 1)


@pytest.mark.parametrize("one", ["12", {"email": "a@example.com"}, None])
def test_one_customer_is_no_list_of_customers_and_one_name_none_of_names(crm, one):
    with pytest.raises(InvalidValue, match="give a list"):
        crm.upload_segment("list", one)
    with pytest.raises(InvalidValue, match="give a list"):
        crm.overlap(one)
