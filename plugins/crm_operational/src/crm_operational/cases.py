"""Cases as rows: kept as the log of events says, whatever it comes to say later. Sets, not loops."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import case as chosen
from sqlalchemy import or_, select

from crm_operational import schema
from crm_operational.complaint import NAMES, Complaint, Course, Key, courses
from crmcore.hooks.tables import Tables

#: A transaction is short, however many cases are late.
MOST = 1000


@attrs.frozen(kw_only=True)
class Case:
    """A case; times in microseconds UTC. See `schema.case`."""

    id: int
    customer_id: int
    event_id: int
    ref: str
    subject: str
    opened_at: int
    closed_at: int | None = None
    overdue_at: int | None = None
    agent: str = ""


@attrs.frozen(kw_only=True)
class Entry:
    """What was done about a case, or happened to it."""

    id: int
    case_id: int
    at: int
    kind: str
    note: str


# -- reading ----------------------------------------------------------------------------------------------------------


def cases(tables: Tables, meant: Callable[[Any], Any], limit: int | None = None) -> list[Case]:
    """Return the cases that are meant by a condition on columns, the oldest first."""
    rows = tables.table(schema.case)
    query = select(rows).where(meant(rows.c)).order_by(rows.c.opened_at, rows.c.id).limit(limit)
    return [Case(**_named(row)) for row in tables.run(query).mappings()]


def of_customer(tables: Tables, customer_id: int) -> list[Case]:
    """Return a customer's cases."""
    return cases(tables, lambda row: row.customer_id == customer_id)


def entries(tables: Tables, of: Iterable[Case]) -> list[Entry]:
    """Return what was done about cases, in order."""
    rows = tables.table(schema.entry)
    query = select(rows).where(rows.c.case_id.in_([one.id for one in of])).order_by(rows.c.at, rows.c.id)
    return [Entry(**_named(row)) for row in tables.run(query).mappings()]


def owners(tables: Tables, event_ids: Collection[int]) -> set[int]:
    """Return whose events these are by now."""
    rows = tables.table(schema.event)
    return set(tables.run(select(rows.c.customer_id).where(rows.c.id.in_(event_ids))).scalars())


def _named(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "workspace_id"}


# -- keeping ----------------------------------------------------------------------------------------------------------


def reconcile(tables: Tables, customers: Collection[int]) -> None:
    """Make the cases of customers what the log says.

    A case follows the event it began with, so that a merge takes it along and a taken-back merge brings it back. Said
    twice, nothing changes.
    """
    known = cases(tables, lambda row: row.customer_id.in_(customers))
    everybody = {*customers, *owners(tables, [one.event_id for one in known])}
    complaints = _complaints(tables, everybody)
    ids = [one.event_id for one in complaints]
    known = cases(tables, lambda row: or_(row.customer_id.in_(everybody), row.event_id.in_(ids)))
    found = courses(complaints)
    keys = {event_id: key for key, course in found.items() for event_id in course.raised}
    kept, absorbed, orphaned = _sorted_out(known, keys)
    _absorb(tables, absorbed, kept)
    _drop(tables, orphaned)
    _store(tables, {one.id: one for one in known}, _wanted(tables, kept, found))


def _complaints(tables: Tables, customers: Collection[int]) -> list[Complaint]:
    row = tables.table(schema.event).c
    columns = (row.id, row.customer_id, row.name, row.occurred_at, row.ref, row.properties)
    query = select(*columns).where(row.customer_id.in_(sorted(customers)), row.name.in_(NAMES))
    return [_complaint(one) for one in tables.run(query).mappings()]


def _complaint(row: Mapping[Any, Any]) -> Complaint:
    return Complaint(
        event_id=row["id"],
        customer_id=row["customer_id"],
        name=row["name"],
        at=row["occurred_at"],
        ref=row["ref"] or "",
        subject=_subject(row["properties"]),
    )


def _subject(properties: str) -> str:
    said = json.loads(properties).get("subject", "")
    return said if isinstance(said, str) else ""


def _sorted_out(
    known: Sequence[Case], keys: Mapping[int, Key]
) -> tuple[dict[Key, Case], list[tuple[Case, Key]], list[Case]]:
    """Return the case of each key, those that a merge has made superfluous, and those whose events are gone."""
    kept: dict[Key, Case] = {}
    absorbed: list[tuple[Case, Key]] = []
    for one in sorted(known, key=lambda one: one.id):
        if (key := keys.get(one.event_id)) is None:
            continue
        if key in kept:
            absorbed.append((one, key))
            kept[key] = attrs.evolve(kept[key], agent=kept[key].agent or one.agent)
        else:
            kept[key] = one
    return kept, absorbed, [one for one in known if one.event_id not in keys]


def _absorb(tables: Tables, absorbed: Sequence[tuple[Case, Key]], kept: Mapping[Key, Case]) -> None:
    if absorbed:
        row, into = schema.entry.c, {one.id: kept[key].id for one, key in absorbed}
        moved = tables.update(schema.entry).where(row.case_id.in_(into))
        tables.run(moved.values(case_id=chosen(into, value=row.case_id, else_=row.case_id)))
        _delete(tables, list(into))


def _drop(tables: Tables, orphaned: Sequence[Case]) -> None:
    if ids := [one.id for one in orphaned]:
        tables.run(tables.delete(schema.entry).where(schema.entry.c.case_id.in_(ids)))
        _delete(tables, ids)


def _wanted(tables: Tables, kept: Mapping[Key, Case], found: Mapping[Key, Course]) -> list[Case]:
    """Return the cases as they are to be, new ones among them."""
    new = [key for key in found if key not in kept]
    blank = {key: _blank(new_id, found[key]) for key, new_id in zip(new, tables.new_ids(len(new)), strict=True)}
    return [_following(one, key, found[key]) for key, one in (dict(kept) | blank).items()]


def _store(tables: Tables, known: Mapping[int, Case], wanted: Sequence[Case]) -> None:
    """Changed rows are made anew: one statement for all of them, whatever each comes to say."""
    changed = [one for one in wanted if known.get(one.id) != one]
    _delete(tables, [one.id for one in changed])
    tables.insert(schema.case, [attrs.asdict(one) for one in changed])


def _blank(new_id: int, course: Course) -> Case:
    first = course.raised[0]
    return Case(id=new_id, customer_id=0, event_id=first, ref="", subject="", opened_at=-1)


def _following(one: Case, key: Key, course: Course) -> Case:
    """Opened anew, a case has all its time again."""
    customer_id, ref = key
    return attrs.evolve(
        one,
        customer_id=customer_id,
        ref=ref,
        subject=course.subject,
        opened_at=course.opened_at,
        closed_at=course.closed_at,
        overdue_at=one.overdue_at if one.opened_at == course.opened_at else None,
    )


def _delete(tables: Tables, ids: Sequence[int]) -> None:
    if ids:
        tables.run(tables.delete(schema.case).where(schema.case.c.id.in_(ids)))


# -- working on them --------------------------------------------------------------------------------------------------


def note(tables: Tables, case_ids: Sequence[int], kind: str, text: str) -> None:
    """Write down what was done about cases."""
    ids = tables.new_ids(len(case_ids))
    rows = [
        {"id": new_id, "case_id": one, "at": tables.now, "kind": kind, "note": text}
        for new_id, one in zip(ids, case_ids, strict=True)
    ]
    tables.insert(schema.entry, rows)


def assign(tables: Tables, case_id: int, agent: str) -> None:
    """Let an agent work on a case."""
    tables.run(tables.update(schema.case).where(schema.case.c.id == case_id).values(agent=agent))
    note(tables, [case_id], "assigned", agent)


def close(tables: Tables, case_id: int) -> None:
    """Close a case that is open, as the event that closes it will once more."""
    row = schema.case.c
    tables.run(
        tables.update(schema.case).where(row.id == case_id, row.closed_at.is_(None)).values(closed_at=tables.now)
    )


def mark_overdue(tables: Tables, sla: int) -> int:
    """Mark the cases that have been open for `sla` microseconds; return how many."""
    until = tables.now - sla
    late = cases(
        tables, lambda row: row.closed_at.is_(None) & row.overdue_at.is_(None) & (row.opened_at <= until), limit=MOST
    )
    ids = [one.id for one in late]
    tables.run(tables.update(schema.case).where(schema.case.c.id.in_(ids)).values(overdue_at=tables.now))
    note(tables, ids, "overdue", "")
    return len(ids)


def erase(tables: Tables, customer_id: int) -> int:
    """Delete a customer's cases and what was done about them; return how many rows."""
    mine = of_customer(tables, customer_id)
    done = entries(tables, mine)
    _drop(tables, mine)
    return len(mine) + len(done)
