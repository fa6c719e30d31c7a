"""Adds a column to the core's table of customers, beside the module's own tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from crm_operational.migrations.versions import operational_0001 as sound

revision = "operational_0001"
down_revision = None


def upgrade():
    sound.upgrade()
    op.add_column("crm_customer", sa.Column("open_cases", sa.BigInteger))


def downgrade():
    op.drop_column("crm_customer", "open_cases")
    sound.downgrade()
