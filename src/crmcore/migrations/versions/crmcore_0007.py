"""Campaigns of steps: where enrolments go next, what runs look out for, refusals, coupons, webhooks, jobs of modules.

On PostgreSQL the index over a customer's events is made again: without statistics two indexes seem equally good for the
recent events of one name of a customer, and of two such the planner takes the younger. The other reads those of everybody.
"""

from __future__ import annotations

from crmcore.migrations import revising

revision = "crmcore_0007"
down_revision = "crmcore_0006"


def upgrade() -> None:
    revising.run(revision)


def downgrade() -> None:
    revising.take_back(revision)
    for index in revising.made_again(revision):
        revising.make_again("crmcore_0001", index)
