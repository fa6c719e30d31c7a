"""Hypothesis strategies for a small world: histories of customers, and conditions that often just hold or just do not.

Times lie around `now`, some a little after it; values are of every kind under few names, so that kinds meet; ints reach the
ends of 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import attrs
from hypothesis import strategies as st

from crmcore.model import condition as tree
from crmcore.model.condition import BUCKETS, Condition, Op
from crmcore.model.history import History, PastEvent, Said
from crmcore.model.purpose import Purpose
from crmcore.model.time import DAY, HOUR, MINUTE, moment
from crmcore.model.values import HUGE, INT64

ATTRIBUTES, TAGS, UPLOADED, CHANNELS = ("a", "b", "born"), ("vip", "new"), ("one", "two"), ("*", "email", "push")
EVENTS, TOPICS, PURPOSES = ("bought", "seen"), ("news", "sale"), (Purpose.RETENTION, Purpose.SURVEY)
#: Names of properties, inside and out, and paths that lead to them, or through what is no table.
PROPERTIES, INNER = ("p", "q r", "p.x"), ("x", "0", "q r")
PATHS = ("p", "q r", '"p.x"', "p.x", "p.x.x", "p.0", "q r.q r", 'p."p.x"')
COLUMNS = ("item", "ref", "amount", "currency")
#: How events are spaced, and how long windows are.
SPANS = (DAY, 30 * DAY)
#: How many days ahead dates are looked for.
AHEAD = (0, 1, 7, 59, 200, 363, 364, 365)
_ORDER = st.sampled_from(sorted(tree.ORDER))
_TEXTS = ("", "x", "X", "ß", "SS", "xy", "é", "z", "\U0001f600", "\uffff")
_NUMBERS = (0, 1, -3, INT64 - 1, -INT64, 10**14, Decimal("1.000000"), Decimal("-0.5"), Decimal("9223372036853.999999"))
_DATES = (date(2024, 2, 29), date(1999, 2, 28), date(2000, 3, 1), date(1980, 12, 31), date(1, 1, 1), date(9999, 12, 31))
Drawn = st.SearchStrategy[Any]


def values(now: int) -> Drawn:
    """Values of every kind but null."""
    return st.sampled_from([True, False, *_NUMBERS, *_TEXTS, *_DATES, moment(now), moment(0)])


def times(now: int) -> st.SearchStrategy[int]:
    """Times around those at which windows of SPANS begin, to the microsecond; some up to four minutes ahead."""
    edges = [now - span + step for span in SPANS for step in (-1, 0, 1)]
    return st.sampled_from([*edges, now - 31 * DAY, now - HOUR, now - 1, now, now + 1, now + MINUTE, now + 4 * MINUTE])


def histories(now: int, currencies: Sequence[str] = ("EUR", "GBP")) -> st.SearchStrategy[History]:
    """What may be known of a customer at `now`; not yet with an id."""
    scalars = st.none() | values(now)
    known = st.dictionaries(st.sampled_from(ATTRIBUTES), evenly(scalars, birthdays(now)), max_size=3)
    return st.builds(
        History,
        accounts=st.lists(st.dictionaries(st.sampled_from(ATTRIBUTES), scalars, max_size=2), max_size=2).map(tuple),
        segments=st.frozensets(st.sampled_from(UPLOADED)),
        attributes=known,
        tags=st.frozensets(st.sampled_from(TAGS)),
        events=st.lists(events(now, currencies), max_size=8).map(tuple),
        consents=st.lists(_said(now, [one.value for one in PURPOSES]), max_size=3, unique_by=_unlike).map(tuple),
        wishes=st.lists(_said(now, TOPICS), max_size=3, unique_by=_unlike).map(tuple),
    )


def birthdays(now: int) -> st.SearchStrategy[date]:
    """Dates of earlier years that come round just in time for one of AHEAD, or just not."""
    near = [moment(now).date() + timedelta(days=days + step) for days in AHEAD for step in (-1, 0, 1)]
    return st.builds(lambda day, years: day - timedelta(days=1461 * years), st.sampled_from(near), st.integers(1, 20))


def _unlike(said: Said) -> tuple[str, str]:
    return said.about, said.channel


def _said(now: int, about: Sequence[str]) -> st.SearchStrategy[Said]:
    return st.builds(
        Said,
        about=st.sampled_from(about),
        channel=st.sampled_from(CHANNELS),
        yes=st.booleans(),
        at=times(now).filter(lambda at: at <= now),
    )


def events(now: int, currencies: Sequence[str]) -> st.SearchStrategy[PastEvent]:
    """Events that may be of a history at `now`; an amount has a currency, and nothing else has."""
    anything = nested(st.none() | values(now))
    return st.builds(
        PastEvent,
        name=st.sampled_from(EVENTS),
        at=times(now),
        item=st.none() | st.sampled_from(["x", "xy", "z"]),
        quantity=st.none() | st.sampled_from([-3, 0, 1, 1_000_000]),
        amount=st.none() | st.integers(-3, 3),
        currency=st.sampled_from(currencies),
        ref=st.none() | st.sampled_from(["x", "y"]),
        properties=st.dictionaries(st.sampled_from(PROPERTIES), anything, max_size=2),
    ).map(lambda one: one if one.amount is not None else attrs.evolve(one, currency=None))


def nested(scalars: Drawn) -> Drawn:
    """Values by themselves, in lists, and in tables up to two deep."""
    inside = st.dictionaries(st.sampled_from(INNER), scalars | st.lists(scalars, max_size=2), max_size=2)
    tables = st.dictionaries(st.sampled_from((*INNER, "p.x")), scalars | inside, max_size=2)
    return evenly(scalars, st.lists(scalars | inside, max_size=2), tables, tables)


def compared(kind: Any, names: Sequence[str], values: Drawn) -> Drawn:
    """Comparisons of a named value with some, by every operator a field has too."""
    named, text = st.sampled_from(names), st.sampled_from(_TEXTS)
    return st.one_of(
        st.builds(kind, name=named, op=_ORDER, value=values),
        st.builds(kind, name=named, op=st.just(Op.IN), value=st.lists(st.none() | values, max_size=3).map(tuple)),
        st.builds(kind, name=named, op=st.sampled_from([Op.EXISTS, Op.NULL])),
        st.builds(kind, name=named, op=st.sampled_from([Op.CONTAINS, Op.STARTS]), value=text),
    )


def valued(kind: Any, now: int) -> Drawn:
    """Comparisons of an attribute, of a customer or an account."""
    folded = st.builds(kind, name=st.sampled_from(ATTRIBUTES), op=st.just(Op.FOLDED), value=st.sampled_from(_TEXTS))
    return compared(kind, ATTRIBUTES, values(now)) | folded


def occurrences(now: int) -> Drawn:
    """Which events are meant: all of a name, those of a window, those with one field, or by all of that at once."""
    named, within = st.sampled_from(EVENTS), st.sampled_from([*SPANS, SPANS[-1] + 1, 1, INT64])
    fields = st.lists(_fields(now), min_size=1, max_size=2).map(tuple)
    ends = st.tuples(times(now), times(now)).map(sorted)
    return evenly(
        st.builds(tree.Occurrences, name=named),
        st.builds(tree.Occurrences, name=named, within=within),
        st.builds(tree.Occurrences, name=named, since=times(now)),
        st.builds(tree.Occurrences, name=named, until=times(now)),
        st.builds(tree.Occurrences, name=named, where=fields),
        st.builds(
            lambda name, within, ends, where: tree.Occurrences(
                name=name, within=within, since=ends[0], until=ends[1], where=where
            ),
            named,
            within,
            ends,
            fields,
        ),
    )


def _fields(now: int) -> Drawn:
    # A whole number compared with a quantity is a decimal, and some are beyond it.
    small = values(now).filter(lambda one: type(one) is not int or abs(one) < HUGE)
    return evenly(
        compared(tree.Field, COLUMNS, values(now)),
        compared(tree.Field, ["quantity"], small),
        compared(tree.Field, PATHS, values(now)),
        compared(tree.Field, PATHS, values(now)),
    )


def leaves(now: int) -> dict[type[Any], Drawn]:
    """Every kind of leaf that is not a plugin's."""
    meant = occurrences(now)
    numbers = st.sampled_from([-INT64, INT64 - 1, 0, 1, 10**6, 10**6 + 1, -500_000, 10**20 % INT64]) | st.integers(
        -4, 4
    )
    which = st.sampled_from(["first", "last"])
    ages = st.sampled_from([*SPANS, 0, INT64])
    shares = st.tuples(st.integers(0, 9), st.integers(1, 10)).filter(lambda one: one[0] < one[1])
    return {
        tree.Everyone: st.just(tree.Everyone()),
        tree.Attribute: valued(tree.Attribute, now),
        tree.Tag: st.builds(tree.Tag, name=st.sampled_from(TAGS)),
        tree.Count: st.builds(tree.Count, events=meant, op=_ORDER, value=st.integers(-1, 3)),
        tree.Sum: st.builds(
            tree.Sum,
            events=meant,
            field=st.sampled_from(["amount", "quantity"]),
            op=_ORDER,
            value=st.integers(-4, 4),
            currency=st.sampled_from([None, "EUR", "GBP"]),
        ),
        tree.Extreme: st.builds(
            tree.Extreme,
            events=meant,
            which=st.sampled_from(["min", "max"]),
            field=st.sampled_from(["amount", "quantity", *PATHS]),
            op=_ORDER,
            value=numbers,
        ),
        tree.Distinct: st.builds(
            tree.Distinct,
            events=meant,
            field=st.sampled_from(["item", "ref", "currency", *PATHS]),
            op=_ORDER,
            value=st.integers(-1, 3),
        ),
        tree.Moment: st.builds(tree.Moment, events=meant, which=which, op=_ORDER, at=times(now))
        | st.builds(tree.Moment, events=meant, which=which, op=_ORDER, age=ages),
        tree.Followed: st.builds(
            tree.Followed, first=meant, then=meant, within=st.sampled_from([1, *SPANS, 60 * DAY, INT64])
        ),
        tree.Anniversary: st.builds(
            tree.Anniversary,
            name=st.sampled_from(["born", "born", "a"]),
            days=st.sampled_from([*AHEAD, 10**6]),
        ),
        tree.OfAccount: valued(tree.OfAccount, now),
        tree.Bucket: shares.map(
            lambda one: tree.Bucket(salt="s", since=one[0] * BUCKETS // 10, until=one[1] * BUCKETS // 10)
        ),
        tree.InSegment: st.builds(tree.InSegment, segment=st.sampled_from(UPLOADED)),
        tree.Consented: st.builds(tree.Consented, purpose=st.sampled_from(PURPOSES), channel=st.sampled_from(CHANNELS)),
        tree.Subscribed: st.builds(tree.Subscribed, topic=st.sampled_from(TOPICS), channel=st.sampled_from(CHANNELS)),
    }


def trees(leaf: st.SearchStrategy[Condition], depth: int = 4) -> st.SearchStrategy[Condition]:
    """Trees of leaves, so many deep."""
    drawn = leaf
    for _ in range(depth - 1):
        some = st.lists(drawn, min_size=1, max_size=3).map(tuple)
        many = [st.builds(kind, of=some) for kind in (tree.All, tree.AnyOf)]
        drawn = evenly(leaf, st.builds(tree.Not, of=drawn), *many, *many)
    return drawn


def evenly(*kinds: Drawn) -> Drawn:
    """One kind as often as another; one_of would look inside, and prefer the kind that has most to choose from."""
    return st.sampled_from(kinds).flatmap(lambda kind: kind)


def conditions(now: int, depth: int = 4) -> st.SearchStrategy[Condition]:
    """Trees of all kinds of leaves that are not a plugin's."""
    nothing = st.sampled_from([tree.All(of=()), tree.AnyOf(of=())])
    return trees(evenly(*leaves(now).values(), nothing), depth)
