"""A statement fits what its source declares, or the reason says exactly why not."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.model import verbs
from crmcore.model.fitting import problems, reason
from crmcore.model.tracking import OF_ATTRIBUTES, TYPES, EventPlan, FieldPlan, Source
from crmcore.testing.strategies import sources, statements, values_of

NOW = 1_000_000
SHOP = Source(
    "shop",
    events={
        "product_viewed": EventPlan(
            fields={
                "page": FieldPlan("text", required=True),
                "price": "decimal",
                "stars": FieldPlan("int", allowed=[1, 2, 3]),
                "tags": "json",
            },
            needs=["item"],
        )
    },
    attributes={"city": FieldPlan("text", required=True), "age": "int"},
)


def viewed(item="tea", **properties):
    return verbs.event(NOW, "product_viewed", "1", item=item, properties={"page": "/"} | properties)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (viewed(), ""),
        (viewed(price=0.5, stars=1, tags=["a"]), ""),
        (viewed(price=None), ""),
        (viewed(item=None), "product_viewed has no item, which is required"),
        (viewed(page=None), "product_viewed.page is null, text is required"),
        (viewed(price="12,50"), "product_viewed.price is text ('12,50'), a decimal is declared"),
        (
            viewed(price=5),
            "product_viewed.price is an int (5), a decimal is declared (5.0 is one, 5 is none; number takes both)",
        ),
        (viewed(stars=1.5), "product_viewed.stars is a decimal (1.5), an int is declared"),
        (viewed(stars=True), "product_viewed.stars is a bool (True), an int is declared"),
        (viewed(stars=9), "product_viewed.stars is 9, allowed are 1, 2, 3"),
        (viewed(tags="a"), "product_viewed.tags is text ('a'), json is declared"),
        (viewed(page={"a": [1]}), """product_viewed.page is json ({"a":[1]}), text is declared"""),
        (viewed(page=date(2026, 1, 1)), "product_viewed.page is a date (2026-01-01), text is declared"),
        (
            viewed(page=datetime(2026, 1, 1, tzinfo=UTC)),
            "product_viewed.page is a time (2026-01-01T00:00:00+00:00), text is declared",
        ),
        (viewed(pric=1), "product_viewed.pric is not declared by the source 'shop' (did you mean price?)"),
        (
            verbs.event(NOW, "product_viewed", "1", item="tea"),
            "product_viewed.page is missing, text is required",
        ),
        (
            verbs.event(NOW, "product_viewd", "1"),
            "product_viewd is not declared by the source 'shop' (did you mean product_viewed?)",
        ),
        (verbs.event(NOW, "x", "1"), "x is not declared by the source 'shop' (declared are product_viewed)"),
        (verbs.identify(NOW, "1", {"city": "Bandung", "age": 36}), ""),
        (verbs.identify(NOW, "1", tags=["vip"]), "identify.city is missing, text is required"),
        (
            verbs.identify(NOW, "1", {"city": 1, "ag": 1}),
            (
                "identify.city is an int (1), text is declared; "
                "identify.ag is not declared by the source 'shop' (did you mean age?)"
            ),
        ),
        (verbs.consent(NOW, "1", "retention"), ""),
    ],
)
def test_a_reason_names_the_field_what_was_declared_and_what_was_found(statement, why):
    assert reason(SHOP, statement) == why


def test_a_long_text_is_not_shown_whole():
    assert reason(SHOP, viewed(price="x" * 1000)).count("x") < 100


def test_many_problems_are_not_all_told():
    why = reason(SHOP, viewed(**{f"f{number}": 1 for number in range(1000)}))
    assert why.count("is not declared") == 5
    assert why.endswith("; and more")


def test_what_a_source_leaves_out_altogether_is_not_checked():
    assert reason(Source("shop", attributes={}), viewed(price="x")) == ""
    assert reason(Source("shop", events={}), verbs.identify(NOW, "1", {"city": 1})) == ""


def test_a_source_that_is_still_being_described_may_say_more_but_nothing_else():
    open_shop = Source("shop", events={"seen": EventPlan(fields={"n": "int"})}, undeclared="take")
    assert reason(open_shop, verbs.event(NOW, "sen", "1")) == ""
    assert reason(open_shop, verbs.event(NOW, "seen", "1", properties={"page": "/"})) == ""
    assert reason(open_shop, verbs.event(NOW, "seen", "1", properties={"n": "/"})) != ""


@given(st.data(), st.sampled_from(sorted(TYPES)))
def test_a_value_fits_its_own_type(data, kind):
    value = data.draw(values_of(kind))
    plan = Source("s", events={"seen": EventPlan(fields={"f": FieldPlan(kind, required=True)})})
    assert reason(plan, verbs.event(NOW, "seen", "1", properties={"f": value})) == ""


@given(st.data(), st.sampled_from(OF_ATTRIBUTES), st.sampled_from(sorted({*OF_ATTRIBUTES} - {"number"})))
def test_no_value_is_taken_for_another_type(data, declared, sent):
    plan = Source("s", attributes={"f": declared})
    fits = declared == sent or (declared == "number" and sent in ("int", "decimal"))
    assert (reason(plan, verbs.identify(NOW, "1", {"f": data.draw(values_of(sent))})) == "") == fits


@given(sources(), statements())
def test_events_and_attributes_are_judged_apart(source, statement):
    """A plan of the one says nothing of the other."""
    events_only, attributes_only = (
        Source("web", events=source.events, undeclared=source.undeclared),
        Source("web", attributes=source.attributes, undeclared=source.undeclared),
    )
    both = [*problems(events_only, statement), *problems(attributes_only, statement)]
    assert list(problems(source, statement)) == both
