"""The module `operational`: cases of the service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
import click

from crm_operational import cases, schema
from crm_operational.cases import Case, Entry
from crm_operational.commands import commands
from crm_operational.settings import OperationalSettings
from crmcore.hooks.module import Job, Route, Schema, TimelineEntry
from crmcore.hooks.tables import InTables, Tables
from crmcore.model.time import iso

EVERY = 60.0


class Operational:
    """Cases: opened and closed by events, worked on by agents, overdue after a time."""

    name = "operational"
    contract = 1
    schema: Schema | None = Schema(metadata=schema.metadata, migrations="crm_operational.migrations", head=schema.HEAD)
    routes: Sequence[Route] = ()

    def __init__(self, settings: OperationalSettings) -> None:
        self.jobs: Sequence[Job] = [Job(name="mark_overdue", every=EVERY, run=partial(_mark_overdue, settings.sla))]
        self.commands: Sequence[click.Command] = commands()

    def timeline(self, tables: Tables, customer_id: int) -> Iterable[TimelineEntry]:
        """Return when cases were opened and closed, and what was done about them."""
        found = cases.of_customer(tables, customer_id)
        about = {one.id: one for one in found}
        lines = [line for one in found for line in _lines(one)]
        return lines + [_line(about[one.case_id], one) for one in cases.entries(tables, found)]

    def export(self, tables: Tables, customer_id: int) -> Mapping[str, Any]:
        """Return all cases with all that was done about them."""
        found = cases.of_customer(tables, customer_id)
        done = cases.entries(tables, found)
        return {"cases": [told(one, done) for one in found]}

    def erase(self, tables: Tables, customer_id: int) -> int:
        """Delete all cases with all that was done about them."""
        return cases.erase(tables, customer_id)


def _mark_overdue(sla: int, in_tables: InTables) -> int:
    """Mark them some at a time, so that no transaction is long."""
    return sum(iter(lambda: in_tables(partial(cases.mark_overdue, sla=sla)), 0))


def told(one: Case, done: Iterable[Entry]) -> dict[str, Any]:
    """Return a case as JSON has it: ids are text, times ISO 8601."""
    entries = [
        {"at": iso(entry.at), "kind": entry.kind, "note": entry.note} for entry in done if entry.case_id == one.id
    ]
    times = {name: iso(at) for name, at in attrs.asdict(one).items() if name.endswith("_at") and at is not None}
    words = {"id": str(one.id), "ref": one.ref, "subject": one.subject, "agent": one.agent}
    return words | times | {"entries": entries}


def _lines(one: Case) -> list[TimelineEntry]:
    detail = {"case": str(one.id), "ref": one.ref, "subject": one.subject}
    opened = TimelineEntry(at=one.opened_at, kind="case_opened", title=f"Case opened: {_title(one)}", detail=detail)
    if one.closed_at is None:
        return [opened]
    return [
        opened,
        TimelineEntry(at=one.closed_at, kind="case_closed", title=f"Case closed: {_title(one)}", detail=detail),
    ]


def _line(about: Case, one: Entry) -> TimelineEntry:
    note = f" ({one.note})" if one.note else ""
    return TimelineEntry(
        at=one.at,
        kind=f"case_{one.kind}",
        title=f"Case {one.kind}{note}: {_title(about)}",
        detail={"case": str(about.id)},
    )


def _title(one: Case) -> str:
    return one.subject or one.ref or "a complaint"
