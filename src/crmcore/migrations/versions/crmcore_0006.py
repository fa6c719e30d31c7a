"""Live segments: what is true of each customer is kept; and segments whose members are uploaded."""

from __future__ import annotations

from crmcore.migrations import revising

revision = "crmcore_0006"
down_revision = "crmcore_0005"


def upgrade() -> None:
    revising.run(revision)


def downgrade() -> None:
    revising.take_back(revision)
