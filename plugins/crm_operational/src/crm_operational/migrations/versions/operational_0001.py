"""The tables of the first release: cases, and what was done about them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "operational_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "crm_operational_case",
        sa.Column("workspace_id", sa.BigInteger, nullable=False),
        sa.Column("id", sa.BigInteger, nullable=False),
        sa.Column("customer_id", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.BigInteger, nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("overdue_at", sa.BigInteger),
        sa.Column("agent", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
        sa.UniqueConstraint("workspace_id", "customer_id", "ref", name="uq_operational_case_customer"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_operational_case_event", "crm_operational_case", ["workspace_id", "event_id"])
    op.create_index(
        "ix_operational_case_open", "crm_operational_case", ["workspace_id", "closed_at", "overdue_at", "opened_at"]
    )
    op.create_table(
        "crm_operational_entry",
        sa.Column("workspace_id", sa.BigInteger, nullable=False),
        sa.Column("id", sa.BigInteger, nullable=False),
        sa.Column("case_id", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_operational_entry_case", "crm_operational_entry", ["workspace_id", "case_id"])


def downgrade() -> None:
    op.drop_table("crm_operational_entry")
    op.drop_table("crm_operational_case")
