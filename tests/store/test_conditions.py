"""SQL says what the Python reference says: for every tree, every history, every kind of value."""

from __future__ import annotations

import json
import os
import shutil
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings

from crmcore import CRM, Money
from crmcore.errors import InvalidCondition, MixedCurrencies, Overflow, UnknownPlugin
from crmcore.loader import installed
from crmcore.model import condition as tree
from crmcore.model.building import (
    account,
    attribute,
    bucket,
    consent,
    contacted,
    event,
    field,
    message,
    rule,
    tag,
)
from crmcore.model.condition import Op
from crmcore.model.time import DAY
from crmcore.model.wording import to_condition, to_text
from crmcore.store.engine import open_engine
from crmcore.store.plain import to_data, to_tree
from crmcore.testing import postgres
from crmcore.testing.agreement import mismatches
from crmcore.testing.clock import TurnedClock
from crmcore.testing.strategies import texts
from tests.conftest import NOON
from tests.store.asking import asked
from tests.unit.model.trees import TREES

NOW = TurnedClock(NOON).now()
#: Trees over populations drawn; more of them in the long run.
CASES = int(os.environ.get("CRM_LAW_CASES", "500"))


def test_sql_on_both_stores_agrees_with_the_reference(servers, tmp_path):
    databases = servers(max(postgres.servers()))
    urls = {"sqlite": f"sqlite:///{tmp_path / 'law.db'}", "postgresql": databases.take()}
    engines = {name: open_engine(url) for name, url in urls.items()}
    try:
        assert list(mismatches(engines, CASES)) == []
    finally:
        for engine in engines.values():
            engine.dispose()
        databases.give_back(urls["postgresql"])


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_a_text_says_what_its_tree_and_its_plain_data_say(condition):
    assert to_data(to_condition(to_text(condition))) == to_data(condition)


@settings(max_examples=200, deadline=None)
@given(TREES)
def test_a_tree_comes_back_from_plain_data_as_it_was(condition):
    back = to_tree(json.loads(json.dumps(to_data(condition))))
    assert (back, repr(back)) == (condition, repr(condition))


#: The first and last microseconds of the calendar, their neighbours, and the ends of 64 bits.
@pytest.mark.parametrize(
    ("at", "written"),
    [
        (-62_135_596_800_000_000, "0001-01-01T00:00:00+00:00"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59.999999+00:00"),
        (-62_135_596_800_000_001, -62_135_596_800_000_001),
        (253_402_300_800_000_000, 253_402_300_800_000_000),
        (-(2**63), -(2**63)),
        (2**63 - 1, 2**63 - 1),
    ],
)
def test_a_moment_that_no_calendar_says_is_written_in_microseconds(at, written):
    events = tree.Occurrences(name="a", since=at, until=at)
    last = tree.Moment(events=events, which="last", op=Op.LT, at=at)
    plain = to_data(last)
    assert (plain["at"], plain["since"], plain["until"]) == (written,) * 3
    assert to_tree(json.loads(json.dumps(plain))) == last


@pytest.mark.parametrize(
    ("age", "inside"), [(timedelta(days=30) - timedelta(microseconds=1), True), (timedelta(days=30), False)]
)
def test_within_is_exact_to_the_microsecond(crm, age, inside):
    crm.track("order_placed", "1", at=NOON - age)
    assert crm.define_segment("recent", event("order_placed").did(within="30d")).size() == inside
    assert crm.define_segment("old", event("order_placed").last().older_than("30d")).size() == (not inside)


def test_not_of_a_missing_attribute_is_true(crm):
    crm.identify("1", {"other": 1})
    assert crm.define_segment("s", ~(attribute("age") > 3)).size() == 1
    assert crm.define_segment("t", attribute("age") <= 3).size() == 0


@pytest.mark.parametrize("other", ["3", True, Decimal("3.0")])
def test_types_are_never_mixed(crm, other):
    crm.identify("1", {"age": 3})
    assert crm.define_segment("s", attribute("age") == other).size() == 0
    assert crm.define_segment("t", attribute("age") != other).size() == 0


def test_a_sum_of_mixed_currencies_is_an_error_unless_one_is_named(crm):
    crm.track("order_placed", "1", amount=500, currency="EUR")
    crm.track("order_placed", "2", amount=500, currency="GBP")
    with pytest.raises(MixedCurrencies, match="EUR, GBP"):
        crm.define_segment("s", event("order_placed").sum("amount") >= 500).size()
    assert crm.define_segment("t", event("order_placed").sum("amount") >= Money(500, "EUR")).size() == 1


@pytest.mark.parametrize("at", [0, DAY], ids=["the same day", "another day"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_that_large_values_bring_beyond_62_bits_is_an_overflow_and_stores_nothing(crm, at, sign):
    crm.track("order_placed", "1", at=0, amount=sign * 2**62, currency="EUR")
    with pytest.raises(Overflow):
        crm.track("order_placed", "1", at=at, amount=sign * 2**61, currency="EUR")
    assert [one.amount for one in crm.timeline("1")] == [sign * 2**62]


def test_a_single_value_beyond_62_bits_is_an_overflow(crm):
    with pytest.raises(Overflow):
        crm.track("order_placed", "1", quantity=Decimal(2**62 + 2**20).scaleb(-6))
    assert crm.totals() == []


def test_small_values_go_on_where_large_ones_have_added_up(crm):
    crm.track("order_placed", "1", at=0, amount=2**62, currency="EUR")
    crm.track("order_placed", "1", at=DAY, amount=1, currency="EUR")
    assert crm.totals()[0].amount == 2**62 + 1


def test_a_rule_of_a_missing_plugin_is_an_error_not_a_wrong_member(crm):
    crm.identify("1")
    with pytest.raises(UnknownPlugin, match="churning"):
        crm.define_segment("s", rule("churning")).size()


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ({"atribute": "city"}, "did you mean attribute"),
        ({"attribute": "city", "is": "=", "value": 1}, "'=' is none of"),
        ({"attribute": "city", "vlaue": 1}, "did you mean value"),
        ({"attribute": 5}, "expected str"),
        ({"all": [{"tag": "vip"}, {"tga": "x"}]}, r"all\[1\]"),
        ({"event": "order_placed"}, "count = true"),
        ({"event": "order_placed", "count": True, "is": "in", "value": 3}, "numbers and times compare by"),
        ({"event": "order_placed", "min": "item", "value": 3}, "no least or greatest text"),
        ({"event": "order_placed", "max": "price", "value": "3"}, "no number"),
        ({"event": "order_placed", "distinct": "amount", "value": 3}, "different texts are counted"),
        ({"event": "order_placed", "then": {"event": "order_returned"}}, "then_within"),
        ({"event": "order_placed", "then": {"event": "b", "wihtin": 1}, "then_within": "7d"}, "did you mean within"),
        ({"event": "a", "count": True, "value": 1, "where": [{"field": 'a"b', "is": "exists"}]}, "quote"),
        ({"anniversary": "birthday"}, "days"),
        ({"anniversary": "birthday", "days": -1}, "0 .today. or more"),
        ({"bucket": "salt", "until": 10_001}, "a share runs"),
        ({"bucket": "salt", "until": 0.1}, "no integer"),
        ({"in_segment": "No Name"}, "lower-case"),
        ({"event": "order_placed", "count": True, "value": "3"}, "no integer"),
        ({"event": "order_placed", "when": "last", "age": "1y"}, "duration"),
        ({"consent": "spam"}, "one of service"),
        ({}, "no condition"),
        ([], "no table"),
    ],
)
def test_plain_data_that_says_nothing_is_refused_naming_the_path(crm, plain, said):
    with pytest.raises(InvalidCondition, match=said):
        to_tree(plain)


def test_a_condition_is_no_truth_value():
    with pytest.raises(InvalidCondition, match="combine with"):
        bool(attribute("a") == 1)


@pytest.mark.parametrize("name", ['a"b', "a\\b", ""])
def test_a_property_name_that_cannot_be_a_path_is_refused(name):
    with pytest.raises(InvalidCondition):
        field(name)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts(), texts(3))
def test_contains_and_startswith_mean_code_points(empty_database, tmp_path, text, part):
    path = shutil.copy(empty_database, tmp_path / "text.db")
    with CRM(str(path), clock=TurnedClock(NOON), blocked=installed()) as crm:
        crm.identify("1", {"a": text})
        assert crm.define_segment("c", attribute("a").contains(part)).size() == (part in text)
        assert crm.define_segment("s", attribute("a").startswith(part)).size() == text.startswith(part)


def test_consent_and_tags_are_conditions(crm):
    crm.identify("1", tags=["vip"])
    crm.consent("1", "retention")
    crm.consent("1", "retention", channel="email", granted=False)
    assert crm.define_segment("s", tag("vip") & consent("retention", "push")).size() == 1
    assert crm.define_segment("t", consent("retention", "email")).size() == 0


def test_the_least_and_the_greatest_are_conditions(crm):
    crm.track("order_placed", "1", amount=500, currency="EUR", quantity=2, properties={"weight": 1.5})
    crm.track("order_placed", "1", amount=900, currency="EUR", properties={"weight": 3})
    crm.track("order_placed", "2", properties={"weight": "heavy"})
    orders = event("order_placed")
    assert asked(crm, orders.min("amount") == 500) == {"1"}
    assert asked(crm, orders.max("amount") > Money(800, "EUR")) == {"1"}
    assert asked(crm, orders.max("amount") > Money(800, "GBP")) == set()
    assert asked(crm, orders.max("weight") >= 3) == {"1"}
    assert asked(crm, orders.min("weight") < 1.6) == {"1"}
    assert asked(crm, ~(orders.min("weight") < 1.6)) == {"2"}


def test_different_items_are_counted_once(crm):
    for item in ("tea", "tea", "cup"):
        crm.track("item_ordered", "1", item=item)
    assert asked(crm, event("item_ordered").distinct("item") == 2) == {"1"}
    assert asked(crm, event("item_ordered").distinct("ref") == 0) == {"1"}


def test_one_event_follows_another_in_time(crm):
    for key, later in (("1", timedelta(days=7)), ("2", timedelta(days=7, microseconds=1)), ("3", timedelta(0))):
        crm.track("trial_started", key, at=NOON - timedelta(days=20))
        crm.track("order_placed", key, at=NOON - timedelta(days=20) + later)
    assert asked(crm, event("trial_started").then(event("order_placed"), within="7d")) == {"1"}
    assert asked(crm, event("order_placed").then(event("order_placed"), within="7d")) == set()


def test_a_birthday_comes_round(crm):
    for key, day in {
        "1": date(1990, 3, 1),
        "2": date(2000, 2, 29),
        "3": date(1985, 3, 8),
        "4": date(1985, 2, 28),
    }.items():
        crm.identify(key, {"birthday": day})
    assert asked(crm, attribute("birthday").in_next("0d")) == {"1", "2"}
    assert asked(crm, attribute("birthday").in_next("1w")) == {"1", "2", "3"}
    with pytest.raises(InvalidCondition, match="whole days"):
        attribute("birthday").in_next("36h")


@pytest.mark.parametrize("today", ["2026-02-28", "2026-03-01", "2027-12-25", "2028-02-28", "2028-02-29", "2028-03-01"])
def test_the_calendar_is_the_same_in_sql_and_in_python(crm, clock, today):
    clock.turn(date.fromisoformat(today) - NOON.date())
    days = [date(1999 + number // 366, 1, 1) + timedelta(days=number % 366) for number in range(0, 366 * 6, 11)]
    days += [
        date(1, 1, 1),
        date(1600, 2, 29),
        date(1900, 2, 28),
        date(1900, 3, 1),
        date(2000, 2, 29),
        date(9999, 12, 31),
    ]
    crm.identify_many({"customer": str(day), "attributes": {"birthday": day}} for day in days)
    for ahead in (0, 1, 59, 60, 364, 365):
        window = {date.fromisoformat(today) + timedelta(days=number) for number in range(ahead + 1)}
        expected = {str(day) for day in days if any(is_anniversary(day, one) for one in window)}
        assert asked(crm, attribute("birthday").in_next(f"{ahead}d")) == expected


def is_anniversary(day, one):
    return (day.month, day.day) == (one.month, one.day) or (
        (day.month, day.day) == (2, 29) and (one.month, one.day) == (3, 1) and (one - timedelta(days=1)).day == 28
    )


def test_what_is_known_of_an_account_is_a_condition_while_one_belongs_to_it(crm):
    crm.group("acme", attributes={"tier": "gold", "seats": 5}, customer="1")
    crm.group("acme", customer="2")
    crm.group("acme", customer="2", member=False)
    crm.identify("3", {"tier": "gold"})
    assert asked(crm, account("tier") == "gold") == {"1"}
    assert asked(crm, account("seats").in_([5, 6])) == {"1"}


def test_buckets_share_out_everyone_by_their_salt(crm):
    crm.identify_many({"customer": str(number)} for number in range(400))
    first, second = (asked(crm, bucket("trial", (since, since + 0.5))) for since in (0.0, 0.5))
    assert (first | second, first & second) == ({str(number) for number in range(400)}, set())
    assert 150 < len(first) < 250
    assert asked(crm, bucket("other", 0.5)) != first
    with pytest.raises(InvalidCondition, match="multiple"):
        bucket("trial", 0.00001)


def test_a_contact_is_one_by_any_channel_or_person(crm):
    crm.track("call_made", "1")
    crm.track("visit_made", "2", at=NOON - timedelta(days=40))
    crm.identify("3")
    assert asked(crm, contacted(within="30d")) == {"1"}
    assert asked(crm, ~contacted("30d")) == {"2", "3"}


def test_messages_are_those_of_a_campaign(crm):
    crm.track("message_opened", "1", properties={"campaign": "spring"})
    assert asked(crm, message("opened", campaign="spring").did()) == {"1"}
    assert asked(crm, message("opened", campaign="autumn").did()) == set()


def test_a_property_counts_only_where_it_is_of_the_kind_asked_for(crm):
    for key, price in enumerate(["20", 20, 20.5, True, None, [20], {"x": 20}, date(2026, 1, 1)]):
        crm.track("seen", str(key), properties={"price": price})
    assert asked(crm, event("seen").where(field("price") >= 20).did()) == {"1"}
    assert asked(crm, event("seen").where(field("price") >= Decimal("20.5")).did()) == {"2"}
    assert asked(crm, event("seen").where(price="20").did()) == {"0"}
    assert asked(crm, event("seen").max("price") >= 20) == {"1", "2"}
