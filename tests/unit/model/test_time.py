"""Time is microseconds; durations are a number and a unit."""

from datetime import UTC, datetime, timedelta

import pytest

from crmcore.errors import InvalidTime
from crmcore.model.time import duration, iso, microseconds, moment


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("36h", 129_600),
        ("2d", 172_800),
        ("2w", 1_209_600),
        ("30 days", 2_592_000),
        ("1 Week", 604_800),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text, seconds):
    assert duration(text, "x") == seconds * 1_000_000


@pytest.mark.parametrize("text", ["", "d", "1.5d", "1 d", "-1d", "1y", "2 months", "1.5 days"])
def test_anything_else_is_no_duration(text):
    with pytest.raises(InvalidTime, match="duration"):
        duration(text, "x")


def test_a_timedelta_is_a_duration():
    assert duration(timedelta(microseconds=7), "x") == 7


def test_a_moment_comes_back():
    at = datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)
    assert moment(microseconds(at, "x")) == at


def test_iso_is_utc():
    assert iso(0) == "1970-01-01T00:00:00+00:00"
