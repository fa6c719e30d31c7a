"""Trees of conditions with every leaf, operator and kind of value, names that are words of the language among them."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from crmcore.model import condition as tree
from crmcore.model.condition import BUCKETS, ORDER, Op
from crmcore.model.fields import path_of
from crmcore.model.purpose import Purpose
from crmcore.model.time import DAY, HOUR, microseconds
from crmcore.model.wording.words import RESERVED
from crmcore.testing.strategies import INT64, dates, texts, times, values


def _is_a_property(name):
    return name and name[0] != "$" and not {'"', "\\"} & set(name)


NAMES = st.sampled_from(["city", "age", "amount", "currency", "times", "x_9", *sorted(RESERVED)])
PROPERTY_NAMES = NAMES | st.just("utm.source") | texts(8).filter(_is_a_property)
FIELD_NAMES = NAMES | st.lists(PROPERTY_NAMES, min_size=1, max_size=3).map(path_of)
CHANNELS = st.sampled_from(["*", "email", "in-app", "on", "not"]) | texts(5)
CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD", "CLF", "ALL", "XYZ"])
INTEGERS = st.integers(-INT64, INT64 - 1)
NUMBERS = st.integers(-5, 5) | INTEGERS
COMPARED = values().filter(lambda value: value is not None)
SIGNS = st.sampled_from(sorted(ORDER))
SPANS = st.sampled_from([0, 1, DAY, 30 * DAY, 14 * DAY, 36 * HOUR, 30 * DAY + 1, 5000, -DAY]) | INTEGERS
MOMENTS = st.one_of(
    INTEGERS, times().map(lambda at: microseconds(at, "")), dates().map(lambda day: (day.toordinal() - 719_163) * DAY)
)


def compared(kind, names, in_text=(Op.CONTAINS, Op.STARTS)):
    """Draw comparisons of a named value, every operator."""
    return st.one_of(
        st.builds(kind, name=names, op=SIGNS, value=COMPARED),
        st.builds(kind, name=names, op=st.just(Op.IN), value=st.lists(values(), max_size=3).map(tuple)),
        st.builds(kind, name=names, op=st.sampled_from([Op.EXISTS, Op.NULL])),
        st.builds(kind, name=names, op=st.sampled_from(in_text), value=texts()),
    )


#: Amounts beside currencies too, which are written as money.
FIELDS = st.lists(
    compared(tree.Field, FIELD_NAMES)
    | st.builds(tree.Field, name=st.just("amount"), op=SIGNS, value=NUMBERS)
    | st.builds(tree.Field, name=st.just("quantity"), op=SIGNS, value=st.integers(-5, 5) | st.just(Decimal("2.500000")))
    | st.builds(tree.Field, name=st.just("currency"), op=st.just(Op.EQ), value=CURRENCIES | st.just("AND")),
    max_size=3,
).map(tuple)
WINDOWS = (
    st.tuples(MOMENTS, MOMENTS).map(sorted) | st.tuples(st.none() | MOMENTS, st.none()) | st.tuples(st.none(), MOMENTS)
)
OCCURRENCES = st.builds(
    lambda window, **rest: tree.Occurrences(since=window[0], until=window[1], **rest),
    window=WINDOWS,
    name=NAMES,
    within=st.none() | SPANS,
    where=FIELDS,
)
WHICH = st.sampled_from(["first", "last"])
SHARES = st.lists(st.integers(0, BUCKETS), min_size=2, max_size=2, unique=True).map(sorted)
KEYS = NAMES | texts(5).filter(lambda key: not key.startswith("$"))
PARAMS = st.recursive(
    values(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=4,
)
LEAVES = {
    "everyone": st.just(tree.Everyone()),
    "attribute": compared(tree.Attribute, NAMES, (Op.CONTAINS, Op.STARTS, Op.FOLDED)),
    "account": compared(tree.OfAccount, NAMES, (Op.CONTAINS, Op.STARTS, Op.FOLDED)),
    "anniversary": st.builds(tree.Anniversary, name=NAMES, days=st.integers(0, 1000)),
    "tag": st.builds(tree.Tag, name=NAMES),
    "count": st.builds(tree.Count, events=OCCURRENCES, op=SIGNS, value=NUMBERS),
    "sum of amounts": st.builds(
        tree.Sum,
        events=OCCURRENCES,
        field=st.just("amount"),
        op=SIGNS,
        value=NUMBERS,
        currency=st.none() | CURRENCIES,
    ),
    "sum of quantities": st.builds(
        tree.Sum,
        events=OCCURRENCES,
        field=st.just("quantity"),
        op=SIGNS,
        value=st.integers(-(10**12), 10**12),
        currency=st.none() | CURRENCIES,
    ),
    "extreme": st.builds(
        tree.Extreme,
        events=OCCURRENCES,
        which=st.sampled_from(["min", "max"]),
        field=st.just("amount") | FIELD_NAMES.filter(lambda name: name not in ("item", "ref", "currency")),
        op=SIGNS,
        value=st.integers(-(10**12), 10**12),
    ),
    "distinct": st.builds(
        tree.Distinct,
        events=OCCURRENCES,
        field=FIELD_NAMES.filter(lambda name: name not in ("amount", "quantity")),
        op=SIGNS,
        value=NUMBERS,
    ),
    "moment": st.builds(tree.Moment, events=OCCURRENCES, which=WHICH, op=SIGNS, at=MOMENTS),
    "age": st.builds(tree.Moment, events=OCCURRENCES, which=WHICH, op=SIGNS, age=SPANS),
    "followed": st.builds(tree.Followed, first=OCCURRENCES, then=OCCURRENCES, within=SPANS),
    "bucket": SHARES.flatmap(
        lambda share: st.builds(tree.Bucket, salt=NAMES, since=st.just(share[0]), until=st.just(share[1]))
    ),
    "segment": st.builds(tree.InSegment, segment=NAMES),
    "consent": st.builds(tree.Consented, purpose=st.sampled_from(Purpose), channel=CHANNELS),
    "subscribed": st.builds(tree.Subscribed, topic=NAMES, channel=CHANNELS),
    "rule": st.builds(tree.PluginRule, rule=NAMES, params=st.dictionaries(KEYS, PARAMS, max_size=3)),
}
TREES = st.recursive(
    st.one_of(*LEAVES.values()),
    lambda inner: st.one_of(
        st.builds(tree.Not, of=inner),
        st.builds(tree.All, of=st.lists(inner, max_size=3).map(tuple)),
        st.builds(tree.AnyOf, of=st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
