"""The first schema, written out for each dialect beside this file."""

from __future__ import annotations

from alembic import op

from crmcore.migrations import revising

revision = "crmcore_0001"
down_revision = None


def upgrade() -> None:
    revising.run(revision)


def downgrade() -> None:
    for table in revising.tables(revision):
        op.drop_table(table)
