"""SQL says what the Python reference says: for every tree, every history, every kind of value."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore import CRM, Money
from crmcore.errors import InvalidCondition, MixedCurrencies, Overflow, UnknownPlugin
from crmcore.flow import segments
from crmcore.model import condition as tree
from crmcore.model.building import any_of, attribute, consent, event, everyone, field, rule, tag
from crmcore.model.condition import Op
from crmcore.model.history import History, PastEvent, Said, holds
from crmcore.model.purpose import Purpose
from crmcore.model.time import DAY
from crmcore.store.plain import to_data, to_tree
from crmcore.testing.clock import TurnedClock
from crmcore.testing.strategies import texts
from tests.conftest import NOON

NOW = TurnedClock(NOON).now()
NAMES = ("a", "b")
SCALARS = st.sampled_from(
    [None, True, False, 0, 1, -3, "", "x", "X", "ß", "SS", "xy", Decimal("1.000000"), Decimal("-0.5")]
)
VALUES = SCALARS.filter(lambda value: value is not None)
ORDER = st.sampled_from([Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE])
TIMES = st.sampled_from([NOW - 30 * DAY - 1, NOW - 30 * DAY, NOW - 30 * DAY + 1, NOW - DAY, NOW - 1, NOW, NOW + 1])
SPANS = st.none() | st.sampled_from([DAY, 30 * DAY, 30 * DAY + 1])


def compared(kind, names):
    """Draw comparisons of a named value, every operator."""
    text = st.sampled_from(["", "x", "X", "ss", "y"])
    named = st.sampled_from(names)
    return st.one_of(
        st.builds(kind, name=named, op=ORDER, value=VALUES),
        st.builds(kind, name=named, op=st.just(Op.IN), value=st.lists(VALUES, max_size=3).map(tuple)),
        st.builds(kind, name=named, op=st.sampled_from([Op.EXISTS, Op.NULL])),
        st.builds(kind, name=named, op=st.sampled_from([Op.CONTAINS, Op.STARTS]), value=text),
    )


ATTRIBUTES = compared(tree.Attribute, NAMES) | st.builds(
    tree.Attribute, name=st.sampled_from(NAMES), op=st.just(Op.FOLDED), value=st.sampled_from(["x", "SS"])
)
FIELDS = compared(tree.Field, ("item", "ref", "quantity", "amount", "currency", "p", "q r"))
OCCURRENCES = st.builds(
    tree.Occurrences,
    name=st.sampled_from(("bought", "seen")),
    within=SPANS,
    since=st.none() | TIMES,
    until=st.none() | TIMES,
    where=st.lists(FIELDS, max_size=2).map(tuple),
)
SUMS = st.builds(
    tree.Sum,
    events=OCCURRENCES,
    field=st.sampled_from(["amount", "quantity"]),
    op=ORDER,
    value=st.integers(-5, 5),
    currency=st.sampled_from([None, "EUR", "GBP"]),
)
MOMENTS = st.builds(
    tree.Moment, events=OCCURRENCES, which=st.sampled_from(["first", "last"]), op=ORDER, at=TIMES
) | st.builds(
    tree.Moment,
    events=OCCURRENCES,
    which=st.sampled_from(["first", "last"]),
    op=ORDER,
    age=st.sampled_from([DAY, 30 * DAY]),
)
LEAVES = st.one_of(
    st.just(tree.Everyone()),
    ATTRIBUTES,
    st.builds(tree.Tag, name=st.sampled_from(("vip", "new"))),
    st.builds(tree.Count, events=OCCURRENCES, op=ORDER, value=st.integers(-1, 3)),
    SUMS,
    MOMENTS,
    st.builds(
        tree.Consented,
        purpose=st.sampled_from([Purpose.RETENTION, Purpose.SURVEY]),
        channel=st.sampled_from(["*", "email"]),
    ),
    st.builds(tree.Subscribed, topic=st.sampled_from(("news", "sale")), channel=st.sampled_from(["*", "email"])),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(tree.Not, of=inner),
        st.builds(tree.All, of=st.lists(inner, max_size=3).map(tuple)),
        st.builds(tree.AnyOf, of=st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
PAST = st.builds(
    PastEvent,
    name=st.sampled_from(("bought", "seen")),
    at=TIMES,
    item=st.none() | st.sampled_from(["x", "xy"]),
    quantity=st.none() | st.integers(-3, 3),
    amount=st.none() | st.integers(-3, 3),
    currency=st.sampled_from(["EUR", "EUR", "EUR", "GBP"]),
    ref=st.none() | st.sampled_from(["x", "y"]),
    properties=st.dictionaries(st.sampled_from(("p", "q r")), SCALARS, max_size=2),
).map(lambda one: one if one.amount is not None else PastEvent(**{**_fields(one), "currency": None}))
SAID = st.builds(
    Said,
    about=st.sampled_from(["retention", "survey"]),
    channel=st.sampled_from(["*", "email", "push"]),
    yes=st.booleans(),
    at=TIMES.filter(lambda at: at <= NOW),
)
WISHES = st.builds(
    Said,
    about=st.sampled_from(["news", "sale"]),
    channel=st.sampled_from(["*", "email", "push"]),
    yes=st.booleans(),
    at=TIMES.filter(lambda at: at <= NOW),
)
HISTORIES = st.builds(
    History,
    attributes=st.dictionaries(st.sampled_from(NAMES), SCALARS, max_size=2),
    tags=st.frozensets(st.sampled_from(("vip", "new"))),
    events=st.lists(PAST, max_size=4).map(tuple),
    consents=st.lists(SAID, max_size=3).map(tuple),
    wishes=st.lists(WISHES, max_size=3).map(tuple),
)


def _fields(event):
    return {name: getattr(event, name) for name in ("name", "at", "item", "quantity", "amount", "ref", "properties")}


def tell(crm: CRM, key: str, history: History) -> None:
    """Write a history as a customer's."""
    crm.identify(key, history.attributes, tags=history.tags)
    for one in history.events:
        crm.track(
            one.name,
            key,
            at=one.at,
            item=one.item,
            quantity=None if one.quantity is None else Decimal(one.quantity).scaleb(-6),
            amount=one.amount,
            currency=one.currency,
            ref=one.ref,
            properties=one.properties,
        )
    for said in history.consents:
        crm.consent(key, said.about, channel=said.channel, granted=said.yes, at=said.at)
    for said in history.wishes:
        crm.subscribe(key, said.about, channel=said.channel, wanted=said.yes, at=said.at)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(HISTORIES, min_size=1, max_size=3), st.lists(TREES, min_size=1, max_size=8))
def test_sql_agrees_with_the_python_reference(empty_database, tmp_path, histories, conditions):
    path = shutil.copy(empty_database, tmp_path / "oracle.db")
    with CRM(str(path), clock=TurnedClock(NOON), blocked=["crm_email", "crm_recommend"]) as crm:
        for number, history in enumerate(histories):
            tell(crm, str(number), history)
        for condition in conditions:
            assert in_sql(crm, condition, histories) == in_python(condition, histories)


def in_sql(crm: CRM, condition, histories):
    """Return the customers for whom it holds; None where a sum has no meaning."""
    try:
        with crm._opened.reading() as scope:
            return {one.key for one in segments.members(scope, condition, {}, limit=None)}
    except MixedCurrencies:
        return None


def in_python(condition, histories):
    """Return the same by the reference; a sum has no meaning where the events of all customers mix currencies."""
    together = History(events=tuple(event for history in histories for event in history.events))
    try:
        for leaf in tree.leaves(condition):
            if isinstance(leaf, tree.Sum):
                holds(leaf, together, NOW)
        return {str(number) for number, history in enumerate(histories) if holds(condition, history, NOW)}
    except MixedCurrencies:
        return None


@settings(max_examples=200, deadline=None)
@given(TREES)
def test_a_tree_comes_back_from_plain_data_as_it_was(condition):
    assert to_tree(json.loads(json.dumps(to_data(condition)))) == condition


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


def test_a_sum_beyond_64_bits_is_an_overflow_and_stores_nothing(crm):
    crm.track("order_placed", "1", amount=2**63 - 1, currency="EUR")
    with pytest.raises(Overflow):
        crm.track("order_placed", "1", amount=1, currency="EUR")
    assert [one.amount for one in crm.timeline("1")] == [2**63 - 1]


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
    with CRM(str(path), clock=TurnedClock(NOON), blocked=["crm_email", "crm_recommend"]) as crm:
        crm.identify("1", {"a": text})
        assert crm.define_segment("c", attribute("a").contains(part)).size() == (part in text)
        assert crm.define_segment("s", attribute("a").startswith(part)).size() == text.startswith(part)


def test_consent_and_tags_are_conditions(crm):
    crm.identify("1", tags=["vip"])
    crm.consent("1", "retention")
    crm.consent("1", "retention", channel="email", granted=False)
    assert crm.define_segment("s", tag("vip") & consent("retention", "push")).size() == 1
    assert crm.define_segment("t", consent("retention", "email")).size() == 0
