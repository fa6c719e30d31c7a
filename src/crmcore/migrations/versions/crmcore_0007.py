"""Campaigns of steps: where enrolments go next, what runs look out for, refusals, coupons, webhooks."""

from __future__ import annotations

from crmcore.migrations import revising

revision = "crmcore_0007"
down_revision = "crmcore_0006"


def upgrade() -> None:
    revising.run(revision)


def downgrade() -> None:
    revising.take_back(revision)
    revising.make_again("crmcore_0001", "ix_enrolment_due")
