"""Hypothesis strategies for crmcore's values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import strategies as st

from crmcore.model import verbs
from crmcore.model.event import Event
from crmcore.model.statement import Identify
from crmcore.model.tracking import COLUMNS, OF_ATTRIBUTES, TYPES, EventPlan, FieldPlan, Source
from crmcore.model.values import Value

INT64 = 2**63


def texts(max_size: int = 20) -> st.SearchStrategy[str]:
    """Text that every store can hold."""
    return st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=max_size)


def decimals() -> st.SearchStrategy[Decimal]:
    """Decimals of six places."""
    return st.integers(-(10**12), 10**12).map(lambda number: Decimal(number).scaleb(-6))


def times() -> st.SearchStrategy[datetime]:
    """Moments in UTC."""
    return st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2050, 1, 1)).map(  # noqa: DTZ001 - the zone follows
        lambda moment: moment.replace(tzinfo=UTC, fold=0)
    )


def dates() -> st.SearchStrategy[date]:
    """Days."""
    return st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 1, 1))


def values() -> st.SearchStrategy[Value]:
    """Values of every kind."""
    integers = st.integers(-INT64, INT64 - 1)
    return st.one_of(st.none(), st.booleans(), integers, texts(), decimals(), times(), dates())


#: A small world, so that what is sent and what is declared meet often enough.
EVENTS, FIELDS, ATTRIBUTES, CUSTOMERS = ("seen", "bought"), ("page", "price", "n"), ("city", "age"), ("1", "2")
NOW = 1_000_000


def values_of(kind: str) -> st.SearchStrategy[object]:
    """Values of a declared type (or the kind json), few enough to be drawn again."""
    few: dict[str, st.SearchStrategy[object]] = {
        "text": st.sampled_from(["a", "b", ""]),
        "int": st.integers(0, 2),
        "decimal": st.sampled_from([0.5, Decimal(1), Decimal("2.25")]),
        "bool": st.booleans(),
        "time": st.sampled_from([datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)]),
        "date": st.sampled_from([date(2026, 1, 1), date(2026, 1, 2)]),
        "json": st.sampled_from([[], [1], {}, {"a": 0.5}]),
    }
    return few["int"] | few["decimal"] if kind == "number" else few[kind]


@st.composite
def field_plans(draw: st.DrawFn, types: Sequence[str] = tuple(TYPES)) -> FieldPlan:
    """Plans of fields."""
    kind = draw(st.sampled_from(types))
    known = [] if kind == "json" else draw(st.lists(values_of(kind), max_size=2))
    return FieldPlan(kind, required=draw(st.booleans()), allowed=known)


def sources(name: str = "web") -> st.SearchStrategy[Source]:
    """Sources of a name with any tracking plan."""
    plans = st.builds(
        EventPlan,
        fields=st.dictionaries(st.sampled_from(FIELDS), field_plans(), max_size=3),
        needs=st.lists(st.sampled_from(COLUMNS), unique=True, max_size=1),
    )
    return st.builds(
        Source,
        st.just(name),
        events=st.none() | st.dictionaries(st.sampled_from(EVENTS), plans, max_size=2),
        attributes=st.none() | st.dictionaries(st.sampled_from(ATTRIBUTES), field_plans(OF_ATTRIBUTES), max_size=2),
        undeclared=st.sampled_from(["quarantine", "take"]),
    )


def statements(source: str = "web") -> st.SearchStrategy[Event | Identify]:
    """Events and identify statements of a source, which may fit its plan or not."""
    anything = st.one_of(st.none(), *(values_of(kind) for kind in TYPES))
    anything_simple = st.one_of(st.none(), *(values_of(kind) for kind in OF_ATTRIBUTES))
    events = st.builds(
        verbs.event,
        st.just(NOW),
        st.sampled_from((*EVENTS, "sen")),
        st.sampled_from(CUSTOMERS),
        at=st.integers(0, NOW),
        item=st.none() | st.just("tea"),
        quantity=st.none() | st.integers(1, 2),
        ref=st.none() | st.just("o1"),
        properties=st.dictionaries(st.sampled_from((*FIELDS, "pric")), anything, max_size=3),
        source=st.just(source),
    )
    told = st.builds(
        verbs.identify,
        st.just(NOW),
        st.sampled_from(CUSTOMERS),
        st.dictionaries(st.sampled_from((*ATTRIBUTES, "cty")), anything_simple, max_size=2),
        at=st.integers(0, NOW),
        source=st.just(source),
    )
    return events | told
