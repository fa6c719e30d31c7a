"""`crm case`: what agents do with cases. Each answers `--json`, which stands before the command."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click
from sqlalchemy import and_, select

from crm_operational import cases, schema
from crm_operational.cases import Case, Entry
from crm_operational.complaint import CLOSED
from crmcore.errors import NotFound
from crmcore.hooks.module import CommandContext
from crmcore.hooks.tables import Tables
from crmcore.model.time import iso, moment

SHOWN = 100


def commands() -> list[click.Command]:
    """Return the commands of the module."""
    return [case]


@click.group()
def case() -> None:
    """Look at the cases of the service, and work on them.

    \b
    crm case list
    crm case assign 7421088812345344 ada
    """


@case.command("list")
@click.option("--all", "closed_too", is_flag=True, help="Closed cases as well.")
@click.option("--agent", help="Only those of an agent; of nobody yet: ''.")
@click.option("--limit", default=SHOWN, show_default=True, help="How many to show.")
@click.pass_obj
def show_all(context: CommandContext, closed_too: bool, agent: str | None, limit: int) -> None:
    """List open cases, the oldest first.

    \b
    crm case list --agent ada
    """

    def meant(row: Any) -> Any:
        parts = [] if closed_too else [row.closed_at.is_(None)]
        return and_(True, *parts, *([] if agent is None else [row.agent == agent]))  # noqa: FBT003 - SQL's true

    with context.crm() as crm:
        found, keys = crm.in_tables(lambda tables: _with_keys(tables, cases.cases(tables, meant, limit)))
    said = [_told(one, keys) for one in found]
    _answer(context, said, [_row(one) for one in said] or ["There is no open case."])


@case.command("show")
@click.argument("case_id", type=int)
@click.pass_obj
def show(context: CommandContext, case_id: int) -> None:
    """Show a case, and what was done about it.

    \b
    crm case show 7421088812345344
    """
    with context.crm() as crm:
        _tell(context, crm, case_id)


@case.command("assign")
@click.argument("case_id", type=int)
@click.argument("agent")
@click.pass_obj
def assign(context: CommandContext, case_id: int, agent: str) -> None:
    """Let an agent work on a case.

    \b
    crm case assign 7421088812345344 ada
    """

    def assigned(tables: Tables) -> None:
        _found(tables, case_id)
        cases.assign(tables, case_id, agent)

    with context.crm() as crm:
        crm.in_tables(assigned)
        _tell(context, crm, case_id)


@case.command("close")
@click.argument("case_id", type=int)
@click.option("--note", default="", help="What came of it.")
@click.pass_obj
def close(context: CommandContext, case_id: int, note: str) -> None:
    """Close a case: the event `complaint_closed` is tracked, and campaigns and segments hear of it.

    \b
    crm case close 7421088812345344 --note "A new bulb is on its way"
    """
    with context.crm() as crm:
        one, who = crm.in_tables(lambda tables: (_found(tables, case_id), _who(tables, case_id)))
        if one.closed_at is None:
            crm.track(CLOSED, who, ref=one.ref or None)
            crm.in_tables(lambda tables: _closed(tables, one, note))
        _tell(context, crm, case_id)


def _closed(tables: Tables, one: Case, note: str) -> None:
    """The event closes it; whoever looks before work has told of it sees it closed all the same."""
    cases.close(tables, one.id)
    if note:
        cases.note(tables, [one.id], "note", note)


def _tell(context: CommandContext, crm: Any, case_id: int) -> None:
    def read(tables: Tables) -> tuple[Case, list[Entry], Mapping[int, str | None]]:
        one = _found(tables, case_id)
        return one, cases.entries(tables, [one]), _with_keys(tables, [one])[1]

    one, done, keys = crm.in_tables(read)
    entries = [{"at": iso(entry.at), "kind": entry.kind, "note": entry.note} for entry in done]
    said = _told(one, keys)
    lines = [f"{name}: {value}" for name, value in said.items() if value]
    lines += [f"{moment(entry.at):%Y-%m-%d %H:%M}  {entry.kind}  {entry.note}" for entry in done]
    _answer(context, said | {"entries": entries}, lines)


def _found(tables: Tables, case_id: int) -> Case:
    for one in cases.cases(tables, lambda row: row.id == case_id):
        return one
    raise NotFound(kind="case", name=str(case_id))


def _who(tables: Tables, case_id: int) -> dict[str, str]:
    """Return an identity of the customer: the key where there is one."""
    mine, rows = tables.table(schema.case), tables.table(schema.identity)
    query = select(rows.c.kind, rows.c.value).join(mine, mine.c.customer_id == rows.c.customer_id)
    named = tables.run(query.where(mine.c.id == case_id).order_by(rows.c.kind)).mappings()
    found = {one["kind"]: one["value"] for one in named}
    return {"key": found["key"]} if "key" in found else dict(list(found.items())[:1])


def _with_keys(tables: Tables, found: Sequence[Case]) -> tuple[Sequence[Case], dict[int, str | None]]:
    row = tables.table(schema.customer).c
    query = select(row.id, row.key).where(row.id.in_({one.customer_id for one in found}))
    return found, {one["id"]: one["key"] for one in tables.run(query).mappings()}


def _told(one: Case, keys: Mapping[int, str | None]) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "customer": keys.get(one.customer_id),
        "ref": one.ref,
        "subject": one.subject,
        "agent": one.agent,
        "opened_at": iso(one.opened_at),
        "closed_at": None if one.closed_at is None else iso(one.closed_at),
        "overdue": one.overdue_at is not None,
    }


def _row(said: Mapping[str, Any]) -> str:
    mark = "overdue" if said["overdue"] and said["closed_at"] is None else ""
    words = (said["id"], said["opened_at"][:16], said["customer"] or "", said["agent"], said["subject"], mark)
    return "  ".join(one for one in words if one)


def _answer(context: CommandContext, said: Any, lines: Sequence[str]) -> None:
    click.echo(json.dumps(said, ensure_ascii=False) if context.as_json else "\n".join(map(_plain, lines)))


def _plain(line: str) -> str:
    """What customers write may hold what a terminal obeys."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in line)
