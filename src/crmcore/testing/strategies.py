"""Hypothesis strategies for crmcore's values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import strategies as st

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
        lambda moment: moment.replace(tzinfo=UTC)
    )


def dates() -> st.SearchStrategy[date]:
    """Days."""
    return st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 1, 1))


def values() -> st.SearchStrategy[Value]:
    """Values of every kind."""
    integers = st.integers(-INT64, INT64 - 1)
    return st.one_of(st.none(), st.booleans(), integers, texts(), decimals(), times(), dates())
