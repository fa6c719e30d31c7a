"""Conditions in words: every tree has a text and comes back from it; no text brings anything but a condition or a clear error."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.errors import InvalidCondition
from crmcore.model import condition as tree
from crmcore.model.building import all_of, any_of, attribute, consent, event, everyone, field, rule, subscribed, tag
from crmcore.model.condition import MAX_DEPTH, MAX_LEAVES, Op
from crmcore.model.money import Money
from crmcore.model.time import DAY
from crmcore.model.wording import MAX_LENGTH, to_condition, to_text
from crmcore.model.wording.words import RESERVED
from tests.unit.model.trees import LEAVES, TREES

ORDERED = tree.Occurrences(name="order_placed")
HOWTO = Path(__file__).parents[3] / "docs" / "howto" / "segment.md"


def same(one: tree.Condition, other: tree.Condition) -> bool:
    """As == says, kinds of values included: 1 is neither true nor 1.0."""
    return one == other and repr(one) == repr(other)


def refusal(text: str) -> InvalidCondition:
    with pytest.raises(InvalidCondition) as caught:
        to_condition(text)
    return caught.value


# -- round trip -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_leaf_comes_back_from_its_text(leaf):
    @settings(max_examples=60, deadline=None)
    @given(LEAVES[leaf])
    def law(condition):
        assert same(to_condition(to_text(condition)), sorted_as_written(condition))

    law()


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 922_337_203_685_400, -5, 0])
@pytest.mark.parametrize("currency", ["EUR", "JPY", "BHD", None])
def test_the_largest_amounts_come_back_from_their_text_in_major_units(value, currency):
    condition = tree.Sum(
        events=tree.Occurrences(name="order"), field="amount", op=tree.Op.NE, value=value, currency=currency
    )
    assert to_condition(to_text(condition)) == condition


def sorted_as_written(condition: tree.Condition) -> tree.Condition:
    """Parameters are written by name; what repr shows of a mapping is its order."""
    if isinstance(condition, tree.PluginRule):
        return tree.PluginRule(rule=condition.rule, params=_sorted(condition.params))
    return condition


def _sorted(value):
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


@settings(max_examples=150, deadline=None)
@given(TREES)
def test_every_tree_comes_back_from_its_text_and_the_text_is_the_normal_form(condition):
    text = to_text(condition)
    assert to_condition(text) == condition
    assert to_text(to_condition(text)) == text
    assert "\n" not in text


def nested(depth: int, wrap) -> tree.Condition:
    condition: tree.Condition = tree.Tag(name="a")
    for level in range(depth):
        condition = wrap(level, condition)
    return condition


@pytest.mark.parametrize(
    "wrap",
    [
        lambda _, inner: tree.Not(of=inner),
        lambda _, inner: tree.All(of=(inner,)),
        lambda level, inner: (
            tree.Not(of=inner)
            if level % 2
            else tree.AnyOf(of=(inner, inner))
            if level < 2
            else tree.All(of=(inner, tree.Everyone()))
        ),
        lambda level, inner: (tree.All if level % 2 else tree.AnyOf)(of=(tree.Everyone(), inner)),
    ],
)
def test_the_deepest_tree_comes_back_and_one_deeper_is_refused(wrap):
    deepest = nested(MAX_DEPTH, wrap)
    assert to_condition(to_text(deepest)) == deepest
    with pytest.raises(InvalidCondition, match="deep"):
        to_text(nested(MAX_DEPTH + 1, wrap))


# -- what texts mean --------------------------------------------------------------------------------------------------

MEANINGS = [
    (
        'city = "Bandung" and age >= 30 and not tag "vip"',
        all_of(attribute("city") == "Bandung", attribute("age") >= 30, ~tag("vip")),
    ),
    (
        "a exists and b exists or c exists",
        (attribute("a").exists() & attribute("b").exists()) | attribute("c").exists(),
    ),
    (
        "a exists and (b exists or c exists)",
        attribute("a").exists() & (attribute("b").exists() | attribute("c").exists()),
    ),
    ("not a exists or b exists", ~attribute("a").exists() | attribute("b").exists()),
    ("all of ()", all_of()),
    ("any of (everyone)", any_of(everyone())),
    ('"first" is null', attribute("first").is_null()),
    ('NOT City_ = "x"'.lower(), ~(attribute("city_") == "x")),
    ("a IN (1, 1.0, TRUE)", attribute("a").in_([1, Decimal(1), True])),
    ('a contains "x" and a starts with "y"', attribute("a").contains("x") & attribute("a").startswith("y")),
    ("a = 'Ada' ignoring case", attribute("a").equals_folded("Ada")),
    ("a < 2026-01-31", attribute("a") < date(2026, 1, 31)),
    ("a <> 2026-01-31T17:00+07:00", attribute("a") != datetime(2026, 1, 31, 10, tzinfo=UTC)),
    (r'a == "\"\\\n\u{e9}"', attribute("a") == '"\\\né'),
    ("did order_placed", event("order_placed").did()),
    ('did page_viewed where utm.source = "ads"', event("page_viewed").where(field("utm.source") == "ads").did()),
    (
        'did a where ("utm.source" = "x" and utm . first = 1)',
        event("a").where(**{'"utm.source"': "x", "utm.first": 1}).did(),
    ),
    ("least utm.cost of page_viewed > 2", event("page_viewed").min("utm.cost") > 2),
    ("greatest utm.cost of page_viewed > 2", event("page_viewed").max("utm.cost") > 2),
    ("distinct utm.source of page_viewed > 2", event("page_viewed").distinct("utm.source") > 2),
    ("did item_ordered where quantity >= 2", event("item_ordered").where(field("quantity") >= Decimal(2)).did()),
    ("did not order_placed within 90 days", event("order_placed").did_not("90d")),
    (
        'did order_placed >= 3 times within 365d where (price > 1000 and item = "A")',
        event("order_placed").where(field("price") > 1000, item="A").count("365d") >= 3,
    ),
    ('did order_placed where item = "A" and tag "x"', event("order_placed").where(item="A").did() & tag("x")),
    (
        "did order_placed where amount > 10.5 EUR",
        event("order_placed").where(field("amount") > 1050, currency="EUR").did(),
    ),
    (
        "did order_placed between 2026-01-01 and 2026-02-01",
        event("order_placed").between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)).did(),
    ),
    (
        "sum of amount of order_placed >= 100 EUR within 30d",
        event("order_placed").sum("amount", within="30d") >= Money(10000, "EUR"),
    ),
    ("sum of amount of order_placed in JPY > 100.0", event("order_placed").sum("amount") > Money(100, "JPY")),
    ("sum of amount of order_placed < 5 minor units", event("order_placed").sum("amount") < 5),
    ("sum of quantity of item_ordered >= 2.5", event("item_ordered").sum("quantity") >= Decimal("2.5")),
    ("last order_placed within 30d", event("order_placed").last().within("30d")),
    ("last order_placed older than 30d", event("order_placed").last().older_than("30d")),
    ("first order_placed before 2026-01-01", event("order_placed").first() < datetime(2026, 1, 1, tzinfo=UTC)),
    ("consents to retention on email", consent("retention", "email")),
    ('subscribed to news on "in-app"', subscribed("news", "in-app")),
    ('rule churning(days = 30, in = ["a", {b = null}])', rule("churning", days=30, **{"in": ["a", {"b": None}]})),
]


@pytest.mark.parametrize(("text", "clause"), MEANINGS, ids=lambda one: one if isinstance(one, str) else "")
def test_a_text_means_what_python_says(text, clause):
    assert same(to_condition(text), clause.condition)


LEAVES_IN_WORDS = [
    ("birthday comes round within 7d", tree.Anniversary(name="birthday", days=7)),
    ('account tier = "gold"', tree.OfAccount(name="tier", op=Op.EQ, value="gold")),
    ('bucket "salt" 0% to 10.5%', tree.Bucket(salt="salt", since=0, until=1050)),
    ('in segment "loyal"', tree.InSegment(segment="loyal")),
    ("distinct item of order_placed >= 3", tree.Distinct(events=ORDERED, field="item", op=Op.GE, value=3)),
    (
        "least price of order_placed > 5.5",
        tree.Extreme(events=ORDERED, which="min", field="price", op=Op.GT, value=5_500_000),
    ),
    (
        "greatest amount of order_placed > 500 minor units",
        tree.Extreme(events=ORDERED, which="max", field="amount", op=Op.GT, value=500),
    ),
    (
        "did cart_updated then order_placed within 7d",
        tree.Followed(first=tree.Occurrences(name="cart_updated"), then=ORDERED, within=7 * DAY),
    ),
    (
        'did order_placed where (utm."first".a = 1 and "utm.a" = 1 and "a b"."c.d" = 1 and quantity = 2.0)',
        tree.Count(
            events=tree.Occurrences(
                name="order_placed",
                where=(
                    tree.Field(name="utm.first.a", op=Op.EQ, value=1),
                    tree.Field(name='"utm.a"', op=Op.EQ, value=1),
                    tree.Field(name='a b."c.d"', op=Op.EQ, value=1),
                    tree.Field(name="quantity", op=Op.EQ, value=2),
                ),
            ),
            op=Op.GE,
            value=1,
        ),
    ),
    ("last order_placed < 30d ago", tree.Moment(events=ORDERED, which="last", op=Op.LT, age=30 * DAY)),
]


@pytest.mark.parametrize(("text", "condition"), LEAVES_IN_WORDS)
def test_a_text_in_normal_form_stays_as_it_is(text, condition):
    assert to_condition(text) == condition
    assert to_text(condition) == text


def test_a_window_before_then_is_that_of_the_first_event():
    text = "did cart_updated within 30d then order_placed within 7d"
    assert to_text(to_condition(text)) == "did (cart_updated within 30d) then order_placed within 7d"


def test_the_least_amount_in_a_currency_is_of_the_events_in_it():
    found = to_condition("least amount of order_placed > 5 EUR")
    assert found.events.where == (tree.Field(name="currency", op=Op.EQ, value="EUR"),)
    assert to_text(found) == "least amount of order_placed > 5.00 EUR"


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_a_word_of_the_language_is_a_name_in_quotes_alone(word):
    assert to_condition(f'did "{word}"') == tree.Count(events=tree.Occurrences(name=word), op=Op.GE, value=1)
    refusal(f"did {word}")


def test_the_texts_of_the_how_to_are_read():
    rows = re.findall(r"^\| `(.+?)` \|", HOWTO.read_text(), re.MULTILINE)
    assert len(rows) > 15
    assert all(to_condition(to_text(to_condition(row))) == to_condition(row) for row in rows)


# -- errors -----------------------------------------------------------------------------------------------------------

REFUSED = [
    ("", 1, "expected a condition"),
    ('city = "a" adn age > 3', 12, "did you mean `and`?"),
    ("did order_placed wihtin 30d", 18, "did you mean `within`?"),
    ("did order_placed where (a = 1 or b = 2)", 31, "expected `and` or `)`"),
    ('tga "vip"', 5, "did you mean `tag`?"),
    ("consent to retention", 9, "did you mean `consents`?"),
    ("consents to retentoin", 13, "did you mean `retention`?"),
    ("city = Bandung", 8, 'write texts in quotes, as in "Bandung"'),
    ("city = “Bandung”", 8, "typographic"),
    ('city = "Bandung', 8, "no closing"),
    (r'city = "C:\qemu"', 11, r"`\q` means nothing"),
    ('city = "a\\u{0}"', 8, "NUL"),
    ('city = "\\u{d800}"', 8, "surrogate"),
    ('city = "\\u{110000}"', 9, "means nothing"),
    ("city = null", 8, "nothing compares with null"),
    ("city contains 3", 15, "expected a text in quotes"),
    ('"first name" = 1', 1, "did you mean `first_name`?"),
    ("within = 1", 1, "expected a condition"),
    ("did first", 5, 'write "first" in quotes'),
    ("a = 99999999999999999999", 5, "64 bits"),
    ("a = 9223372036854775808", 5, "64 bits"),
    ("a = 10000000000000.0", 5, "64 bits"),
    ("a = 1.0000001", 5, "more than 6 decimal places"),
    ("a = 2026-1-3", 5, "no date or time"),
    ("a = 2026-02-30", 5, "not in the calendar"),
    ("a = 2026-01-31T10:00", 5, "no time zone"),
    ("a = 0001-01-01T00:00+23:00", 5, "years 1 to 9999"),
    ("did a within 5y", 15, "expected a unit of time"),
    ("did a within 9999999999999d", 14, "64 bits"),
    ("did a within 1d within 2d", 17, "more than was left to say"),
    ("did a >= 1.5 times", 10, "expected an integer"),
    ("sum of amount of a > 100", 22, "needs its currency, as in 100 EUR"),
    ("sum of amount of a > 1.005 EUR", 22, "more decimal places than EUR"),
    ("sum of amount of a in EUR > 1 USD", 31, "expected EUR"),
    ("sum of price of a > 1", 8, "`amount` or `quantity`"),
    ("did a then b", 13, "`within`"),
    ("did a then b then c within 1d", 14, "`within`"),
    ("first a", 8, "`older than 30d`"),
    ("first a > 30d", 14, "`ago`"),
    ("b comes round within 36h", 22, "whole days"),
    ("bucket s 0% to 101%", 16, "0% to 100%"),
    ("bucket s 10% to 10%", 17, "after it begins"),
    ("rule r(a = 1, a = 2)", 15, "given twice"),
    ('rule r("$time" = 1)', 8, "does not begin with $"),
    ('did a where ("q\\"" = 1)', 14, "holds a quote"),
    ('did a where (b = "x" ignoring case)', 14, "no folded form"),
    ("did a where utm. = 1", 18, "a name after the point"),
    ("did a where utm.2024 = 1", 17, "a name after the point"),
    ("did a where .utm = 1", 13, "the name of an event's field"),
    ('did a where utm."$x" = 1', 13, "begins with $"),
    ("did a where quantity = 99999999999999", 13, "outside the 64 bits"),
    ("utm.source = 1", 4, "expected a comparison"),
    ("(a exists", 10, "expected `and`, `or` or `)`"),
    ("a exists)", 9, "the end"),
    ("a ~ 1", 3, "'~' has no meaning here"),
]


@pytest.mark.parametrize(("text", "column", "said"), REFUSED)
def test_an_error_says_where_and_what_was_expected(text, column, said):
    error = refusal(text)
    assert (error.fields["line"], error.fields["column"]) == (1, column)
    assert said in str(error)


def test_an_error_shows_the_line_with_a_caret_under_the_place():
    error = refusal('city = "Bandung"\n  and age >> 30\n  and everyone')
    assert str(error).splitlines()[1:3] == ["      and age >> 30", "               ^"]
    assert str(error).startswith("The condition at line 2, column 12 is not valid")


@pytest.mark.parametrize("join", ["and", "or"])
@pytest.mark.parametrize("name", ["city", '"first"'])
def test_whose_a_field_is_after_a_where_is_asked_rather_than_guessed(join, name):
    error = refusal(f'did order_placed where amount > 1000 {join} {name} = "A"')
    assert "the event's or the customer's?" in str(error)


def test_an_error_holds_nothing_that_speaks_to_a_terminal():
    assert "\x1b" not in str(refusal('a = "\x1b[2J" b')) + str(refusal("\x1b[2J"))


@pytest.mark.parametrize("text", ["(" * 100_000, "not " * 100_000, "any of (" * 100_000, "rule r(a = " + "[" * 100_000])
def test_what_is_nested_too_deep_is_refused_where_it_is(text):
    assert f"deeper than {MAX_DEPTH}" in str(refusal(text))


def test_more_conditions_than_fit_are_refused():
    assert f"{MAX_LEAVES:,}" in str(refusal(" and ".join(["a = 1"] * (MAX_LEAVES + 1))))


def test_a_text_longer_than_fits_is_refused_unread():
    assert f"{MAX_LENGTH:,}" in str(refusal(" " * (MAX_LENGTH + 1)))


@pytest.mark.parametrize("text", ["x", "1", '"', "x ", "(", "-", "\\", "\n", "a = 1 and ", "tag ", "é", "1-"])
def test_as_long_a_text_as_fits_is_refused_in_few_words(text):
    assert len(str(refusal((text * MAX_LENGTH)[:MAX_LENGTH]))) < 600


# -- whatever the text ------------------------------------------------------------------------------------------------

SAMPLE = """( ) , = != < >= % [ ] { } "x" "" 1 -2 1.5 30d 5us 2026-01-31 2026-01-31T10:00:00Z a amount currency quantity EUR
minor units times with on to round comes older than ago segment ignoring case before retention"""
WORDS = st.sampled_from([*sorted(RESERVED), *SAMPLE.split()])


def is_read_or_refused(text: str) -> None:
    try:
        condition = to_condition(text)
    except InvalidCondition:
        return
    written = to_text(condition)
    assert to_condition(written) == condition
    assert to_text(to_condition(written)) == written


@settings(max_examples=150, deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused(text):
    is_read_or_refused(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_any_words_of_the_language_are_read_or_refused(text):
    is_read_or_refused(text)


@settings(max_examples=300, deadline=None)
@given(TREES.map(to_text), st.data())
def test_a_text_with_a_piece_cut_out_or_put_in_is_read_or_refused(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 6)))
    put = data.draw(st.one_of(st.just(""), st.text(max_size=3), WORDS, WORDS.map(lambda word: f" {word} ")))
    is_read_or_refused(text[:start] + put + text[end:])
