"""The books of messages: how many are in each column, and why those that failed or were skipped did not go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import attrs

from crmcore.model.delivery import BOOKS, Book, State
from crmcore.store.reports import States


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
    """Return the books of messages."""
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


def together(some: Iterable[States]) -> States:
    """Return the sum of several."""
    found = Counter[tuple[State, str]]()
    for states in some:
        found.update(states)
    return found


def _reasons(states: States, book: Book) -> dict[str, int]:
    found = Counter[str]()
    for (state, reason), count in states.items():
        if BOOKS[state] is book:
            found[reason or state.value] += count
    return dict(sorted(found.items()))
