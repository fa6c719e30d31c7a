"""What waits to be posted, and how the address has answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "crm_relay_0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "crm_relay_notice",
        sa.Column("workspace_id", sa.BigInteger, nullable=False),
        sa.Column("id", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("customer_id", sa.BigInteger),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("kept_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index("ix_relay_notice_key", "crm_relay_notice", ["workspace_id", "key"], unique=True)
    op.create_index("ix_relay_notice_customer", "crm_relay_notice", ["workspace_id", "customer_id"])
    op.create_table(
        "crm_relay_line",
        sa.Column("workspace_id", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id"),
    )


def downgrade() -> None:
    op.drop_table("crm_relay_line")
    op.drop_table("crm_relay_notice")
