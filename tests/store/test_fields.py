"""Fields of events in conditions: paths into tables, and quantities, which are decimals."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from crmcore.errors import Overflow
from crmcore.model.building import event, field
from crmcore.model.history import History, PastEvent
from crmcore.model.wording import to_condition
from crmcore.rules.tree import holds
from crmcore.store.plain import to_tree
from crmcore.testing.clock import TurnedClock
from tests.conftest import NOON
from tests.store.asking import asked

NOW = TurnedClock(NOON).now()
NESTED = {"utm": {"source": "ads", "cost": Decimal("1.5"), "seen": date(2026, 1, 1), "tags": ["x"], "by": {"id": 7}}}
#: Conditions on `NESTED`, in words, and whether they hold.
PATHS = [
    ('utm.source = "ads"', True),
    ('utm.source != "ads"', False),
    ('utm.source in ("ads", "mail")', True),
    ('utm.source starts with "a"', True),
    ("utm.source = 1", False),
    ("utm.cost > 1.0", True),
    ("utm.cost > 1", False),
    ("utm.seen < 2026-02-01", True),
    ("utm.by.id = 7", True),
    ("utm.by.id exists", True),
    ("utm.by exists", True),
    ("utm.by = 7", False),
    ("utm.tags.x exists", False),
    ('utm.tags."0" exists', False),
    ("utm.source.x exists", False),
    ("utm.gone exists", False),
    ("utm.gone is null", False),
    ('"utm.source" = "ads"', False),
    ('"utm.source" = "flat"', True),
    ("item.size = 3", True),
    ('item = "tea"', True),
]


def test_a_path_leads_into_the_tables_of_an_event(crm):
    crm.track("viewed", "1", item="tea", properties=NESTED | {"utm.source": "flat", "item": {"size": 3}})
    found = {where: asked(crm, f"did viewed where ({where})") == {"1"} for where, _ in PATHS}
    assert found == dict(PATHS)


@pytest.mark.parametrize(("where", "inside"), PATHS, ids=[where for where, _ in PATHS])
def test_the_reference_follows_the_same_paths(where, inside):
    properties = NESTED | {"utm.source": "flat", "item": {"size": 3}}
    history = History(events=(PastEvent(name="viewed", at=0, item="tea", properties=properties),))
    assert holds(to_condition(f"did viewed where ({where})"), history, NOW) == inside


def test_every_condition_on_a_field_takes_a_path(crm):
    for key, cost, source in (("1", 5, "ads"), ("1", 7, "mail"), ("2", 1, "ads")):
        crm.track("viewed", key, properties={"utm": {"cost": cost, "source": source}})
    viewed = event("viewed")
    assert asked(crm, viewed.where(field("utm.source") == "mail").did()) == {"1"}
    assert asked(crm, viewed.where(**{"utm.source": "mail"}).did()) == {"1"}
    assert asked(crm, viewed.min("utm.cost") >= 5) == {"1"}
    assert asked(crm, viewed.max("utm.cost") == 1) == {"2"}
    assert asked(crm, viewed.distinct("utm.source") == 2) == {"1"}
    assert asked(crm, viewed.where(field("utm.cost") > 2).then(viewed, within="1d")) == set()
    assert asked(crm, viewed.where(field("utm.cost") > 2).last().within("1d")) == {"1"}


def test_who_is_in_by_a_path_is_kept_with_every_event(crm):
    segment = crm.define_segment("kept", 'did viewed >= 2 times where (utm.source = "ads" and quantity >= 2)')
    assert segment.size() == 0
    for source, quantity in (("ads", 2), ("mail", 2), ("ads", 1), ("ads", 3)):
        crm.track("viewed", "1", quantity=quantity, properties={"utm": {"source": source}})
    assert [one.key for one in segment.members()] == ["1"]
    assert [one.ref for one in crm.timeline("1") if one.name == "segment_entered"] == ["kept"]
    assert [one.key for one in segment.at(crm.now())] == ["1"]


def test_why_shows_what_a_path_led_to(crm):
    crm.track("viewed", "1", properties={"utm": {"cost": 5}})
    why = crm.define_segment("asked", event("viewed").max("utm.cost") > 3).why("1")
    assert (why.found, why.condition["max"]) == (5_000_000, "utm.cost")


@pytest.mark.parametrize("value", [2, Decimal(2), 2.0])
def test_a_quantity_compares_with_whole_numbers_as_the_decimal_it_is(crm, value):
    crm.track("item_ordered", "1", quantity=2)
    clause = event("item_ordered").where(quantity=value).did()
    assert asked(crm, clause) == {"1"}
    assert asked(crm, event("item_ordered").where(field("quantity").in_([1, value])).did()) == {"1"}
    assert asked(crm, "did item_ordered where quantity >= 2") == {"1"}
    plain = {"event": "item_ordered", "count": True, "value": 1, "where": [{"field": "quantity", "value": 2}]}
    assert to_tree(plain) == clause.condition == to_condition("did item_ordered where quantity = 2")


def test_a_sum_of_quantities_is_told_in_plain_data_as_in_words(crm):
    crm.track("item_ordered", "1", quantity=5)
    plain = {"event": "item_ordered", "sum": "quantity", "is": ">=", "value": 5}
    assert to_tree(plain) == to_condition("sum of quantity of item_ordered >= 5")
    assert asked(crm, plain) == {"1"}


def test_a_quantity_beyond_64_bits_is_an_overflow():
    with pytest.raises(Overflow, match="quantity"):
        event("item_ordered").where(quantity=2**62)


#: Two conditions in words, and whether the second holds.
EDITS = [
    ("age >= 41", "age >= 41.0", True),
    ("vip = 1", "vip = true", True),
    ("age in (1, 41)", "age in (1, 41.0)", True),
    ("did viewed where (n = 1)", "did viewed where (n = true)", True),
    ("did viewed where (n = 1)", "did viewed where (n = 1.0)", False),
    ("account seats > 5", "account seats > 5.0", False),
]


@pytest.mark.parametrize(("before", "after", "inside"), EDITS)
def test_an_edit_to_a_value_of_another_kind_is_one(crm, before, after, inside):
    crm.identify("1", {"age": Decimal(41), "vip": True})
    crm.track("viewed", "1", properties={"n": True})
    first = crm.define_segment("edited", before)
    assert first.size() == 0
    second = crm.define_segment("edited", after)
    assert (first.version, second.version) == (1, 2)
    assert (second.text(), crm.segment("edited").text()) == (after, after)
    assert second.size() == inside


def test_the_same_definition_again_changes_nothing(crm):
    for _ in range(2):
        assert crm.define_segment("same", "age >= 41.0 and did viewed where (a.b = 1)").version == 1
