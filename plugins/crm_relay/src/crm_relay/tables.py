"""The table crm_relay_notice: what waits to be posted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import attrs
from sqlalchemy import BigInteger, Column, Index, MetaData, PrimaryKeyConstraint, Table, Text, func, select

from crmcore.hooks.tables import Tables

metadata = MetaData()

#: Ids are in the order the notices came; `key` is what one is known by wherever it is told; `body` is the entry as JSON;
#: times in microseconds UTC.
notice = Table(
    "crm_relay_notice",
    metadata,
    Column("workspace_id", BigInteger, nullable=False),
    Column("id", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("customer_id", BigInteger),
    Column("body", Text, nullable=False),
    Column("kept_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace_id", "id"),
    Index("ix_relay_notice_key", "workspace_id", "key", unique=True),
    Index("ix_relay_notice_customer", "workspace_id", "customer_id"),
)

#: How the address has answered: since when it fails, how often in a row, and when it is asked again.
line = Table(
    "crm_relay_line",
    metadata,
    Column("workspace_id", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("problem", Text, nullable=False),
    PrimaryKeyConstraint("workspace_id"),
)


@attrs.frozen
class Kept:
    """One notice that waits: `key` is what it is known by, `body` is JSON."""

    id: int
    key: str
    kind: str
    body: str


@attrs.frozen(kw_only=True)
class Waiting:
    """How many notices wait, since when the first does, and how the address has answered."""

    count: int
    since: int | None
    failures: int = 0
    due_at: int = 0
    problem: str = ""


def add(tables: Tables, kind: str, entries: Sequence[Any]) -> None:
    """Keep notices to be posted; what waits already, as a notice that is told again, is kept once."""
    found = {_key(kind, body): (one, body) for one in entries for body in [json.dumps(_plain(one))]}
    row = tables.table(notice)
    known = set(tables.run(select(row.c.key).where(row.c.key.in_(found))).scalars())
    new = {key: one for key, one in found.items() if key not in known}
    rows = [
        {
            "id": new_id,
            "key": key,
            "kind": kind,
            "customer_id": getattr(one, "customer_id", getattr(one, "into_id", None)),
            "body": body,
            "kept_at": tables.now,
        }
        for new_id, (key, (one, body)) in zip(tables.new_ids(len(new)), new.items(), strict=True)
    ]
    tables.insert(notice, rows)


def _key(kind: str, body: str) -> str:
    return blake2b(f"{kind}:{body}".encode(), digest_size=16).hexdigest()


def _plain(one: Any) -> dict[str, Any]:
    """Ids are text in JSON: 63 bits are more than many readers of numbers hold."""
    return {key: str(value) if key.endswith("_id") else value for key, value in attrs.asdict(one).items()}


def first(tables: Tables, limit: int) -> list[Kept]:
    """Return the notices that have waited longest."""
    row = tables.table(notice)
    found = tables.run(select(row.c.id, row.c.key, row.c.kind, row.c.body).order_by(row.c.id).limit(limit))
    return [Kept(*one) for one in found]


def remove(tables: Tables, ids: Sequence[int]) -> None:
    """Forget notices that have been taken."""
    tables.run(tables.delete(notice).where(notice.c.id.in_(ids)))


def give_up(tables: Tables, before: int) -> int:
    """Forget notices that were kept before a time; return how many."""
    return int(tables.run(tables.delete(notice).where(notice.c.kept_at < before)).rowcount)


def waiting(tables: Tables) -> Waiting:
    """Return what waits."""
    row, known = tables.table(notice), tables.table(line)
    count, since = tables.run(select(func.count(), func.min(row.c.kept_at)).select_from(row)).one()
    said = tables.run(select(known.c.failures, known.c.due_at, known.c.problem)).first()
    if said is None:
        return Waiting(count=count, since=since)
    return Waiting(count=count, since=since, failures=said.failures, due_at=said.due_at, problem=said.problem)


def answered(tables: Tables, failures: int, due_at: int, problem: str) -> None:
    """Keep how the address has answered."""
    tables.run(tables.delete(line))
    tables.insert(line, [{"failures": failures, "due_at": due_at, "problem": problem}])


def of_customer(tables: Tables, customer_id: int) -> list[dict[str, Any]]:
    """Return the notices about a customer that wait."""
    row = tables.table(notice)
    found = tables.run(
        select(row.c.key, row.c.kind, row.c.body, row.c.kept_at)
        .where(row.c.customer_id == customer_id)
        .order_by(row.c.id)
    )
    return [{"id": key, "kind": kind, "notice": json.loads(body), "kept_at": at} for key, kind, body, at in found]


def forget(tables: Tables, customer_ids: Sequence[int]) -> int:
    """Forget the notices about customers; return how many."""
    return int(tables.run(tables.delete(notice).where(notice.c.customer_id.in_(customer_ids))).rowcount)
