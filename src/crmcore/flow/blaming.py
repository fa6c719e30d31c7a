"""Errors of a condition name the segment that asks it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from crmcore.errors import InvalidCondition, MixedCurrencies, Overflow, UnknownPlugin, UnknownRule


@contextmanager
def blamed(segment: str) -> Iterator[None]:
    """Let what is raised name a segment: MixedCurrencies, Overflow and InvalidCondition; UnknownRule for UnknownPlugin."""
    try:
        yield
    except UnknownPlugin as error:
        raise UnknownRule(**{**error.fields, "segment": segment}) from error
    except (InvalidCondition, MixedCurrencies, Overflow) as error:
        place = f"segment {segment!r}, {error.fields['place']}"
        raise type(error)(**{**error.fields, "place": place}) from error
