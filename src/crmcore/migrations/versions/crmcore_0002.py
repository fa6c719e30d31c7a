"""Links between identities, and which import wrote what, so that both can be taken back."""

from __future__ import annotations

from crmcore.migrations import revising

revision = "crmcore_0002"
down_revision = "crmcore_0001"


def upgrade() -> None:
    revising.run(revision)


def downgrade() -> None:
    revising.take_back(revision)
