"""A claim sorts nothing, and a change of state writes one index less."""

from __future__ import annotations

from crmcore.migrations import revising

revision = "crmcore_0005"
down_revision = "crmcore_0004"


def upgrade() -> None:
    revising.run(revision)


def downgrade() -> None:
    revising.take_back(revision)
    revising.make_again("crmcore_0003", "ix_delivery_due")
    revising.make_again("crmcore_0001", "ix_delivery_run_id_state")
