"""The books against what the sinks took: what is missing, what is there twice, what nobody can explain. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import attrs

from crmcore.model.delivery import BOOKS, Book, Reason, State
from tests.faults.ledger import Row

STATES = frozenset(state.value for state in State)
WAITING = frozenset(state.value for state, book in BOOKS.items() if book is Book.WAITING)
ENDED_UNSENT = frozenset(state.value for state, book in BOOKS.items() if book in (Book.FAILED, Book.SKIPPED))
SENT = frozenset(state.value for state, book in BOOKS.items() if book is Book.SENT)


@attrs.frozen(kw_only=True)
class Arrival:
    """A message a sink took, by the key it carried."""

    key: str
    body: bytes


@attrs.frozen(kw_only=True)
class Findings:
    """What an audit found. All but `strikes`, `arrivals`, the duplicates that are allowed and the bounds should be 0.

    `strikes` are the kills and cuts that hit; `lost` are customers without a row, rows that say sent of what never came,
    and rows that ended unsent without a reason; `unaccounted` are rows that still wait, or in no known state, and messages
    that came though their row says otherwise; `unflagged` came twice though their row tells of one attempt; `altered`
    came again with other bytes; `unbalanced` are the moments at which the books did not balance.
    """

    strikes: int = 0
    arrivals: int = 0
    lost: int = 0
    duplicate_rows: int = 0
    marketing_duplicates: int = 0
    unaccounted: int = 0
    unflagged: int = 0
    altered: int = 0
    unbalanced: int = 0
    transactional_duplicates: int = 0
    in_doubt: int = 0
    bound: int = 0

    @property
    def transactional_excess(self) -> int:
        """Return how many transactional duplicates are more than the faults explain."""
        return max(0, self.transactional_duplicates - self.bound)

    @property
    def doubt_excess(self) -> int:
        """Return how many rows are in doubt beyond what the faults explain."""
        return max(0, self.in_doubt - self.bound)

    @property
    def is_clean(self) -> bool:
        """Tell whether every promise was kept."""
        broken = (self.lost, self.duplicate_rows, self.marketing_duplicates, self.unaccounted, self.unflagged)
        return not any((*broken, self.altered, self.unbalanced, self.transactional_excess, self.doubt_excess))

    def __add__(self, other: Findings) -> Findings:
        mine, theirs = attrs.asdict(self), attrs.asdict(other)
        return Findings(**{name: mine[name] + theirs[name] for name in mine})


def audit(
    rows: Sequence[Row],
    arrivals: Iterable[Arrival],
    *,
    eligible: Mapping[str, Collection[str]],
    reachable: Mapping[str, Collection[str]],
    refused: int,
    strikes: int,
    exposed: int,
) -> Findings:
    """Return what is wrong once everything has come to rest.

    `eligible` are the customers of each campaign, and `reachable` those of them whom a message may and must reach;
    `refused` rows at most may have ended otherwise, as a sink refused them; `exposed` is how many messages one strike
    leaves in the air: the window, times the connections open.
    """
    bodies: dict[str, list[bytes]] = {}
    for one in arrivals:
        bodies.setdefault(one.key, []).append(one.body)
    again = Counter({row.key: len(bodies[row.key]) - 1 for row in rows if row.key in bodies})
    marketing = {row.key for row in rows if row.is_marketing}
    return Findings(
        strikes=strikes,
        arrivals=sum(map(len, bodies.values())),
        lost=_missing(rows, eligible) + _never_came(rows, bodies) + _given_up(rows, reachable, refused),
        duplicate_rows=sum(count - 1 for count in Counter(row.unit for row in rows).values()),
        marketing_duplicates=sum(count for key, count in again.items() if key in marketing),
        unaccounted=_unsettled(rows) + _unexplained(rows, bodies, reachable),
        unflagged=sum(again[row.key] > 0 and row.attempt < 2 for row in rows),
        altered=sum(len(set(some)) > 1 for some in bodies.values()),
        transactional_duplicates=sum(count for key, count in again.items() if key not in marketing),
        in_doubt=sum(row.state == State.IN_DOUBT for row in rows),
        bound=strikes * exposed,
    )


def is_balanced(states: Mapping[str, Counter[str]], eligible: Mapping[str, Collection[str]]) -> bool:
    """Tell whether every customer of every campaign is in one of the known states, once."""
    return set(states) == set(eligible) and all(
        found.total() == len(eligible[name]) and set(found) <= STATES for name, found in states.items()
    )


def _missing(rows: Sequence[Row], eligible: Mapping[str, Collection[str]]) -> int:
    there = {(row.campaign, row.customer) for row in rows}
    return sum((name, one) not in there for name, customers in eligible.items() for one in customers)


def _never_came(rows: Sequence[Row], bodies: Mapping[str, object]) -> int:
    return sum(row.state in SENT and row.key not in bodies for row in rows)


def _given_up(rows: Sequence[Row], reachable: Mapping[str, Collection[str]], refused: int) -> int:
    """Whoever can be reached is sent to, held out, or, where at most once is promised, in doubt."""
    ended = [row for row in rows if row.state in ENDED_UNSENT and row.customer in reachable[row.campaign]]
    held_out = sum(row.reason == Reason.HOLDOUT for row in ended)
    doubtful = sum(row.state == State.IN_DOUBT and not row.is_marketing for row in rows)
    return doubtful + max(0, len(ended) - held_out - refused)


def _unsettled(rows: Sequence[Row]) -> int:
    return sum(row.state in WAITING or row.state not in STATES for row in rows)


def _unexplained(
    rows: Sequence[Row], bodies: Mapping[str, Sequence[bytes]], reachable: Mapping[str, Collection[str]]
) -> int:
    """A message that came belongs to a row that was handed over and says sent, that nobody knows, or that went again."""
    explained = {
        row.key for row in rows if row.was_handed and row.customer in reachable[row.campaign] and _may_have_come(row)
    }
    return sum(len(some) for key, some in bodies.items() if key not in explained)


def _may_have_come(row: Row) -> bool:
    return row.state in (*SENT, State.IN_DOUBT) or (row.attempt > 1 and not row.is_marketing)
