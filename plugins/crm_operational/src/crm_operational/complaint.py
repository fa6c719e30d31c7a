"""What complaints come to: pure, from events to spells in which a case is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

RAISED, CLOSED = "complaint_raised", "complaint_closed"
NAMES = (RAISED, CLOSED)
#: Whose case it is, and what it is about: an order, say. "" where a complaint named nothing.
Key = tuple[int, str]


@attrs.frozen(kw_only=True)
class Complaint:
    """An event of either name; `at` in microseconds UTC."""

    event_id: int
    customer_id: int
    name: str
    at: int
    ref: str = ""
    subject: str = ""


@attrs.frozen(kw_only=True)
class Course:
    """What became of all complaints of one key: when the latest spell began and, once it is over, ended.

    `raised` are the ids of the events that raised it, in order.
    """

    raised: tuple[int, ...]
    subject: str
    opened_at: int
    closed_at: int | None = None


def courses(complaints: Iterable[Complaint]) -> dict[Key, Course]:
    """Return what became of complaints, by customer and ref; a closing closes what was raised up to its time.

    The order they come in does not matter: of the same time, what is raised comes before what is closed.
    """
    found: dict[Key, Course] = {}
    for one in sorted(complaints, key=lambda one: (one.at, one.name == CLOSED, one.event_id)):
        key = (one.customer_id, one.ref)
        known = found.get(key)
        if one.name == RAISED:
            found[key] = _raised(known, one)
        elif known is not None and known.closed_at is None:
            found[key] = attrs.evolve(known, closed_at=one.at)
    return found


def _raised(known: Course | None, one: Complaint) -> Course:
    before = () if known is None else known.raised
    if known is None or known.closed_at is not None:
        return Course(raised=(*before, one.event_id), subject=one.subject, opened_at=one.at)
    return attrs.evolve(known, raised=(*before, one.event_id), subject=known.subject or one.subject)


def is_open(found: Mapping[Key, Course]) -> bool:
    """Tell whether any case is open."""
    return any(one.closed_at is None for one in found.values())
