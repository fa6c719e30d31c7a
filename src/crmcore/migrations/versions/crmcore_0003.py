"""Deliveries claimed run by run, counted for caps, with fields of their own; limits that adapt and break."""

from __future__ import annotations

from crmcore.migrations import revising

revision = "crmcore_0003"
down_revision = "crmcore_0002"


def upgrade() -> None:
    revising.run(revision)


def downgrade() -> None:
    revising.take_back(revision)
    revising.make_again("crmcore_0001", "ix_delivery_due")
