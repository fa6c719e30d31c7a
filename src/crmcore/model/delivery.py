"""The ledger's words: the states of a delivery, the moves allowed between them, and the books that must balance."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a delivery stands."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    HANDED = "handed"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    READ = "read"
    DEFERRED = "deferred"
    FAILED = "failed"
    SKIPPED = "skipped"
    IN_DOUBT = "in_doubt"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Book(StrEnum):
    """The five columns of the books; their sum is the number of eligible units."""

    SENT = "sent"
    WAITING = "waiting"
    IN_DOUBT = "in_doubt"
    FAILED = "failed"
    SKIPPED = "skipped"


#: Which column a state counts in. A unit of several rows counts once, in the first column in the order of Book.
BOOKS: dict[State, Book] = {
    State.ACCEPTED: Book.SENT,
    State.DELIVERED: Book.SENT,
    State.READ: Book.SENT,
    State.PLANNED: Book.WAITING,
    State.CLAIMED: Book.WAITING,
    State.HANDED: Book.WAITING,
    State.DEFERRED: Book.WAITING,
    State.IN_DOUBT: Book.IN_DOUBT,
    State.FAILED: Book.FAILED,
    State.SKIPPED: Book.SKIPPED,
    State.EXPIRED: Book.SKIPPED,
    State.CANCELLED: Book.SKIPPED,
}

#: From a state to the states it may move to. Receipts may settle what was in doubt, and a bounce undoes an acceptance.
MOVES: dict[State, frozenset[State]] = {
    State.PLANNED: frozenset({State.CLAIMED, State.SKIPPED, State.EXPIRED, State.CANCELLED}),
    State.CLAIMED: frozenset(
        {State.PLANNED, State.HANDED, State.SKIPPED, State.FAILED, State.EXPIRED, State.CANCELLED}
    ),
    State.HANDED: frozenset(
        {
            State.PLANNED,
            State.ACCEPTED,
            State.DELIVERED,
            State.READ,
            State.DEFERRED,
            State.FAILED,
            State.SKIPPED,
            State.IN_DOUBT,
        }
    ),
    State.DEFERRED: frozenset({State.CLAIMED, State.SKIPPED, State.EXPIRED, State.CANCELLED}),
    State.IN_DOUBT: frozenset(
        {State.PLANNED, State.ACCEPTED, State.DELIVERED, State.READ, State.FAILED, State.CANCELLED}
    ),
    State.ACCEPTED: frozenset({State.DELIVERED, State.READ, State.FAILED}),
    State.DELIVERED: frozenset({State.READ, State.FAILED}),
    State.READ: frozenset(),
    State.FAILED: frozenset({State.PLANNED, State.DELIVERED, State.READ}),
    State.SKIPPED: frozenset(),
    State.EXPIRED: frozenset(),
    State.CANCELLED: frozenset(),
}

#: Where receipts may take a delivery that was handed over, and from where. What they say counts for more than what their
#: carrier answered, but that it was accepted for less than that it was refused.
AGAIN = frozenset({State.PLANNED, State.CLAIMED, State.DEFERRED})
_ANSWERED = frozenset({State.HANDED, State.IN_DOUBT})
BY_RECEIPT: dict[State, frozenset[State]] = {
    State.ACCEPTED: _ANSWERED | AGAIN,
    State.DELIVERED: _ANSWERED | AGAIN | {State.ACCEPTED, State.FAILED},
    State.READ: _ANSWERED | AGAIN | {State.ACCEPTED, State.FAILED, State.DELIVERED},
    State.FAILED: _ANSWERED | AGAIN | {State.ACCEPTED, State.FAILED, State.DELIVERED},
    State.PLANNED: _ANSWERED | {State.PLANNED, State.DEFERRED, State.ACCEPTED, State.FAILED},
}


class Reason(StrEnum):
    """Why a message was not sent: the closed list, in the order the gates ask; the first that applies counts."""

    EXITED = "exited"
    ANSWERED = "answered"
    NO_ADDRESS = "no_address"
    NO_COUPON = "no_coupon"
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"
    UNSUBSCRIBED = "unsubscribed"
    SESSION_CLOSED = "session_closed"
    GATE = "gate"
    UNKNOWN_ZONE = "unknown_zone"
    QUIET_HOURS = "quiet_hours"
    WEEKDAY = "weekday"
    REROUTED = "rerouted"
    CAPPED = "capped"
    GLOBAL_HOLDOUT = "global_holdout"
    HOLDOUT = "holdout"
