"""The books of deliveries: how many are in each column, and why those that failed or were skipped did not go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import attrs

from crmcore.model.delivery import BOOKS, Book, State

#: How many deliveries there are in each state, by reason.
States = Mapping[tuple[State, str], int]


@attrs.frozen(kw_only=True)
class Books:
    """The columns; their sum is `eligible`."""

    eligible: int
    sent: int
    waiting: int
    in_doubt: int
    failed: Mapping[str, int]
    skipped: Mapping[str, int]


def books(states: States) -> Books:
    """Return the books of deliveries."""
    columns = Counter[Book]()
    for (state, _), count in states.items():
        columns[BOOKS[state]] += count
    return Books(
        eligible=sum(states.values()),
        sent=columns[Book.SENT],
        waiting=columns[Book.WAITING],
        in_doubt=columns[Book.IN_DOUBT],
        failed=_reasons(states, Book.FAILED),
        skipped=_reasons(states, Book.SKIPPED),
    )


def _reasons(states: States, book: Book) -> dict[str, int]:
    found = Counter[str]()
    for (state, reason), count in states.items():
        if BOOKS[state] is book:
            found[reason or state.value] += count
    return dict(sorted(found.items()))
