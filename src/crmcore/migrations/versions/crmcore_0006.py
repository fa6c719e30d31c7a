"""Live segments: what is true of each customer is kept; segments whose members are uploaded; sums of events by day."""

from __future__ import annotations

from crmcore.migrations import revising

revision = "crmcore_0006"
down_revision = "crmcore_0005"
#: What the sums by day add up to.
_SUMS = """SELECT workspace_id, customer_id, name, currency, sum(count), min(first_at), max(last_at), sum(quantity), sum(amount)
FROM crm_event_day GROUP BY 1, 2, 3, 4"""


def upgrade() -> None:
    revising.run(revision)


def downgrade() -> None:
    revising.make_table_again("crmcore_0001", "crm_event_stat", _SUMS)
    revising.take_back(revision)
