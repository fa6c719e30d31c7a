"""The module's tables, and what it reads of the core's. Times in microseconds UTC."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, MetaData, PrimaryKeyConstraint, Table, Text, UniqueConstraint

HEAD = "operational_0001"
metadata = MetaData()
#: The core's tables are its own to make and to change: what is named here is read, and nothing else.
core = MetaData()


def _number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _words(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


#: One row for each customer and `ref` a complaint was about ("" where it named none). `event_id` is that of a complaint: whose it
#: is, is whose the case is. `agent` is "" until somebody works on it; `overdue_at` is when that was noticed.
case = Table(
    "crm_operational_case",
    metadata,
    _number("workspace_id"),
    _number("id"),
    _number("customer_id"),
    _number("event_id"),
    _words("ref"),
    _words("subject"),
    _number("opened_at"),
    _number("closed_at", nullable=True),
    _number("overdue_at", nullable=True),
    _words("agent"),
    PrimaryKeyConstraint("workspace_id", "id"),
    UniqueConstraint("workspace_id", "customer_id", "ref", name="uq_operational_case_customer"),
    Index("ix_operational_case_event", "workspace_id", "event_id"),
    Index("ix_operational_case_open", "workspace_id", "closed_at", "overdue_at", "opened_at"),
    sqlite_with_rowid=False,
)

#: What was done about a case, or happened to it: `kind` is `assigned` (the agent is the note), `overdue` or `note`.
entry = Table(
    "crm_operational_entry",
    metadata,
    _number("workspace_id"),
    _number("id"),
    _number("case_id"),
    _number("at"),
    _words("kind"),
    _words("note"),
    PrimaryKeyConstraint("workspace_id", "id"),
    Index("ix_operational_entry_case", "workspace_id", "case_id"),
    sqlite_with_rowid=False,
)

event = Table(
    "crm_event",
    core,
    _number("workspace_id"),
    _number("id"),
    _number("customer_id"),
    _words("name"),
    _number("occurred_at"),
    Column("ref", Text, nullable=True),
    _words("properties"),
)

customer = Table("crm_customer", core, _number("workspace_id"), _number("id"), Column("key", Text, nullable=True))

identity = Table("crm_identity", core, _number("workspace_id"), _number("customer_id"), _words("kind"), _words("value"))
