"""Makes a view over a table of the core, which then cannot be changed any more."""

from __future__ import annotations

from alembic import op

from crm_operational.migrations.versions import operational_0001 as sound

revision = "operational_0001"
down_revision = None


def upgrade():
    sound.upgrade()
    op.execute("CREATE VIEW operational_way AS SELECT customer_id, path FROM crm_enrolment")


def downgrade():
    op.execute("DROP VIEW operational_way")
    sound.downgrade()
