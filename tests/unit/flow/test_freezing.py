"""What a message was made of is kept so that it can be made again, to the letter."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.flow.freezing import freeze, thaw
from crmcore.hooks.sandbox import Fields, render, text_part
from crmcore.model.money import Money
from crmcore.testing.strategies import texts, values

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
MONEY = st.builds(Money, st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "JPY", "KWD"]))
ONE = values() | MONEY | st.lists(texts(), max_size=3)
FIELDS = st.dictionaries(NAMES, ONE, max_size=4)


def named(context):
    """Name fields as they stand in a context."""
    return {name: Fields(name, one) if isinstance(one, dict) else one for name, one in context.items()}


OFFERS = st.lists(st.builds(Fields, st.just("offer"), FIELDS), max_size=2)
CONTEXTS = st.dictionaries(NAMES, FIELDS | ONE, max_size=4).map(named) | st.builds(lambda one: {"offers": one}, OFFERS)
EVERYTHING = text_part("text", "{% for name in context %}{{ name }}: {{ context[name] }}\n{% endfor %}")


def _name(value):
    return getattr(value[0] if isinstance(value, list) and value else value, "name", None)


@settings(max_examples=100, deadline=None)
@given(CONTEXTS)
def test_what_was_kept_says_the_same(context):
    kept = thaw(freeze(context))
    assert kept == context
    assert [_name(one) for one in kept.values()] == [_name(one) for one in context.values()]
    assert render(EVERYTHING, {"context": kept}) == render(EVERYTHING, {"context": context})


@settings(max_examples=50, deadline=None)
@given(CONTEXTS)
def test_keeping_it_again_changes_nothing(context):
    kept = freeze(context)
    assert freeze(thaw(kept)) == kept
