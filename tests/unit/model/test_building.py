"""Conditions written in Python: what is unfinished or contradicts itself is refused, and the error names the fix."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from crmcore.errors import InvalidCondition, Overflow
from crmcore.model import condition as tree
from crmcore.model.building import account, all_of, any_of, attribute, contacted, event, field, not_, tag
from crmcore.model.clauses import condition_of
from crmcore.model.money import Money
from crmcore.model.time import DAY
from crmcore.model.wording import to_condition, to_text
from crmcore.store.plain import to_tree

ORDERS = event("order_placed")
SPRING, SUMMER = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)

UNFINISHED = [
    (ORDERS, "event('order_placed').did() or event('order_placed').count() >= 1"),
    (ORDERS.count(), "event('order_placed').count() >= 1"),
    (ORDERS.sum("amount"), ".sum('amount') >= 1000"),
    (ORDERS.min("price"), ".min('price') > 5"),
    (ORDERS.distinct("item"), ".distinct('item') >= 3"),
    (ORDERS.last(), ".last().within('30d')"),
    (attribute("city"), "(attribute('city') == 1)"),
    (account("tier"), "account('tier').exists()"),
    (field("price"), "(field('price') == 1)"),
    (field("price") > 3, "event(...).where(...): price"),
    (None, "None is no condition"),
    (5, "5 is no condition"),
    ([tag("vip")], "all_of(a, b)"),
]


@pytest.mark.parametrize(
    "join",
    [condition_of, lambda one: tag("vip") & one, lambda one: tag("vip") | one, all_of, any_of, not_],
    ids=["alone", "&", "|", "all_of", "any_of", "not_"],
)
@pytest.mark.parametrize(("unfinished", "fix"), UNFINISHED, ids=[fix for _, fix in UNFINISHED])
def test_what_is_no_condition_is_refused_naming_what_is_missing(join, unfinished, fix):
    with pytest.raises(InvalidCondition) as caught:
        join(unfinished)
    assert fix in str(caught.value)


REFUSED = {
    "then a text": (lambda: event("a").then("b", within="7d"), "then(event('b'), within='7d')"),
    "then a condition": (lambda: event("a").then(event("b").did(), within="7d"), "nothing asked of them"),
    "no parentheses": (lambda: attribute("city") == "B" & attribute("age") > 3, "in parentheses, as in (a == 1)"),
    "no parentheses, a number": (lambda: attribute("n") == 1 | attribute("age") > 3, "in parentheses, as in (a == 1)"),
    "an attribute beside": (lambda: attribute("vip") & (attribute("age") > 3), "attribute('vip').exists()"),
    "not an attribute": (lambda: ~attribute("vip"), "attribute('vip').exists()"),
    "events compared": (lambda: ORDERS >= 3, ".count() >= 1"),
    "where an attribute": (lambda: ORDERS.where(attribute("age") > 3), "comparisons of fields"),
    "where a field alone": (lambda: ORDERS.where(field("price")), "field('price').exists()"),
    "in a text": (lambda: attribute("city").in_("Bandung"), "in_(['Bandung'])"),
    "in a number": (lambda: attribute("age").in_(5), "in_([5])"),
    "two currencies": (lambda: ORDERS.sum("amount", currency="USD") >= Money.of(100, "EUR"), "a sum in USD"),
    "no currency": (lambda: ORDERS.sum("amount", currency="eur") >= 100, "'eur' is no ISO 4217 code such as 'EUR'"),
    "within a number": (lambda: ORDERS.did(within=30), "as in '30d'"),
    "sum within a number": (lambda: ORDERS.sum("amount", within=7), "as in '7d'"),
    "then within a number": (lambda: ORDERS.then(ORDERS, within=7), "as in '7d'"),
    "last within a number": (lambda: ORDERS.last().within(30), "as in '30d'"),
    "older than a number": (lambda: ORDERS.last().older_than(30), "as in '30d'"),
    "contacted within a number": (lambda: contacted(30), "as in '30d'"),
    "in the next number": (lambda: attribute("birthday").in_next(7), "as in '7d'"),
    "within a truth": (lambda: ORDERS.did(within=True), "as in '30d'"),
    "the later time first": (lambda: ORDERS.between(SUMMER, SPRING), "the earlier time comes first"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_means_something_else_than_it_says_is_refused_naming_the_fix(case):
    write, fix = REFUSED[case]
    with pytest.raises(InvalidCondition) as caught:
        write()
    assert fix in str(caught.value)


@pytest.mark.parametrize("within", ["30d", "30 days", "30 Days", timedelta(days=30)])
def test_a_length_of_time_is_said_as_in_words(within):
    assert ORDERS.did(within=within).condition.events.within == 30 * DAY
    assert attribute("birthday").in_next(within).condition.days == 30


@pytest.mark.parametrize("within", [timedelta.max, "999999999w"])
def test_a_length_of_time_beyond_64_bits_is_an_overflow(within):
    with pytest.raises(Overflow, match="order_placed"):
        ORDERS.did(within=within)


@pytest.mark.parametrize("currency", ["eur", "EURO", "AND", 5])
def test_a_sum_is_in_a_currency_that_words_can_say(currency):
    plain = {"event": "order_placed", "sum": "amount", "is": ">=", "value": 100, "currency": currency}
    with pytest.raises(InvalidCondition):
        to_tree(plain)


@pytest.mark.parametrize("text", ["did a between 2026-06-01 and 2026-03-01", "did a since 2026-06-01 until 2026-03-01"])
def test_the_later_time_first_is_refused_in_words_and_in_plain_data(text):
    with pytest.raises(InvalidCondition, match="the earlier time comes first") as caught:
        to_condition(text)
    assert caught.value.fields["line"] == 1
    window = {"since": "2026-06-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"}
    with pytest.raises(InvalidCondition, match="the earlier time comes first"):
        to_tree({"event": "a", "count": True, "value": 1} | window)


def test_a_sum_of_quantities_may_be_of_one_currency():
    condition = (event("item_ordered").sum("quantity", currency="EUR") >= 5).condition
    assert to_text(condition) == "sum of quantity of item_ordered in EUR >= 5"


KINDS = [1, True, Decimal("1.000000"), "1"]


@pytest.mark.parametrize("kind", [tree.Attribute, tree.OfAccount, tree.Field])
def test_conditions_are_equal_where_the_kinds_of_their_values_are(kind):
    for one in KINDS:
        for other in KINDS:
            same = one is other
            assert (kind(name="a", op=tree.Op.EQ, value=one) == kind(name="a", op=tree.Op.EQ, value=other)) is same
            listed = [kind(name="a", op=tree.Op.IN, value=(value,)) for value in (one, other)]
            assert (len(set(listed)) == 1) is same


def test_rules_of_plugins_are_equal_where_their_parameters_are_stored_as_the_same():
    one, true, decimal = (tree.PluginRule(rule="r", params={"a": value}) for value in (1, True, Decimal(1)))
    assert one == tree.PluginRule(rule="r", params={"a": 1})
    assert one not in (true, decimal)
