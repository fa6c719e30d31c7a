"""Trees as large as they may be have an exact answer on both stores; larger ones are refused in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crmcore.errors import InvalidCondition
from crmcore.flow import segments
from crmcore.model.building import all_of, any_of, attribute, event, everyone, tag
from tests.conftest import NOON
from tests.store.asking import asked


def test_a_thousand_leaves_give_an_exact_answer(crm):
    for number in range(5):
        crm.identify(str(number), {"n": number})
    wide = any_of(*(attribute("n") == number for number in range(3, 1003)))
    assert crm.define_segment("wide", wide).size() == 2


def test_a_deep_tree_gives_an_exact_answer(crm):
    crm.identify("1", {"n": 1})
    deep = attribute("n") == 1
    for _ in range(20):
        deep = ~(deep & everyone())
    assert crm.define_segment("deep", deep).size() == 1


def test_a_tree_too_deep_is_refused(crm):
    deep = everyone()
    for _ in range(60):
        deep = ~deep
    with pytest.raises(InvalidCondition, match="deep"):
        crm.define_segment("deep", deep)


def test_two_thousand_leaves_of_events_give_an_exact_answer(crm):
    crm.track("order_placed", "1", properties={"n": 1999})
    crm.identify("2")
    wide = any_of(*(event("order_placed").where(n=number).count(within="30d") >= 1 for number in range(2000)))
    assert asked(crm, wide) == {"1"}


@pytest.mark.parametrize("place", [0, 40])
def test_a_tree_deep_and_wide_at_once_gives_an_exact_answer(crm, place):
    crm.identify("1", {"n": 1})
    deep = attribute("n") == 1
    for level in range(47):
        join, other = (all_of, ~tag("vip")) if level % 2 else (any_of, tag("vip"))
        others = [other] * 40
        deep = join(*others[:place], deep, *others[place:])
    assert asked(crm, deep) == {"1"}


#: A few more than a statement takes: SQLite as it is commonly built, PostgreSQL always.
TOO_MANY = {"sqlite": 260_000, "postgresql": 66_000}


def test_more_values_than_a_statement_takes_are_refused_by_it(crm):
    many = attribute("n").in_(range(TOO_MANY[crm._opened.engine.dialect.name])).condition
    with crm._opened.reading() as scope, pytest.raises(InvalidCondition, match="more values than the database takes"):
        segments.found(scope, many, {}, limit=None)


def test_spans_longer_than_all_time_give_an_exact_answer(crm):
    crm.track("a", "1", at=NOON - timedelta(days=1))
    crm.track("b", "1")
    ever = timedelta(microseconds=2**63 - 1)
    assert asked(crm, event("a").did(within=ever) & event("a").then(event("b"), within=ever)) == {"1"}
    assert asked(crm, event("a").last().older_than(ever)) == set()
