"""What a coin was given for; those given before were a welcome."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "wallet_0002"
down_revision = "wallet_0001"


def upgrade() -> None:
    op.add_column("crm_wallet_coin", sa.Column("note", sa.Text))
    op.execute("UPDATE crm_wallet_coin SET note = 'welcome'")


def downgrade() -> None:
    with op.batch_alter_table("crm_wallet_coin") as batch:
        batch.drop_column("note")
