"""What waits for a customer is found at once: caps ask who else is about to be sent something."""

from __future__ import annotations

from crmcore.migrations import revising

revision = "crmcore_0004"
down_revision = "crmcore_0003"


def upgrade() -> None:
    revising.run(revision)


def downgrade() -> None:
    revising.take_back(revision)
