"""Leaves a table where it was."""

from __future__ import annotations

from alembic import op

from crm_operational.migrations.versions import operational_0001 as sound

revision = "operational_0001"
down_revision = None
upgrade = sound.upgrade


def downgrade():
    op.drop_table("crm_operational_case")
