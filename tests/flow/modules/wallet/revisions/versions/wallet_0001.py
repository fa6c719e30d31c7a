"""Coins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "wallet_0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "crm_wallet_coin",
        sa.Column("workspace_id", sa.BigInteger, nullable=False),
        sa.Column("id", sa.BigInteger, nullable=False),
        sa.Column("customer_id", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id"),
    )
    op.create_index("ix_wallet_coin_customer_id", "crm_wallet_coin", ["workspace_id", "customer_id"])


def downgrade() -> None:
    op.drop_table("crm_wallet_coin")
