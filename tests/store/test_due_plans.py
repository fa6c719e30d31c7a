"""When something is due next is one look into an index of each table, however many rows wait."""

from __future__ import annotations

import pytest

from crmcore.store.due import next_due
from tests.store.planning import statements, steps

pytestmark = pytest.mark.untouched

#: What finds the earliest row: no table is read from its beginning, or sorted.
FOUND_BY = {
    "crm_enrolment": {"workspace_id", "run_id", "due_at"},
    "crm_delivery": {"workspace_id", "run_id", "due_at"},
    "crm_webhook": {"workspace_id", "due_at"},
    "crm_standing": {"workspace_id", "due_at"},
    "crm_timer": {"workspace_id", "due_at"},
    "crm_job": {"workspace_id", "due_at"},
}
LEASED = {"workspace_id", "lease_until"}


def test_the_next_due_time_is_looked_up_by_the_indexes_over_what_waits(crm):
    with statements(crm) as seen, crm._opened.reading() as scope:
        assert next_due(scope, 0) is None
    found = [step for _, step in steps(crm, seen) if step.table in FOUND_BY]
    assert {step.table for step in found} == set(FOUND_BY)
    strayed = [one for one in found if not (FOUND_BY[one.table] <= one.columns or one.columns >= LEASED)]
    assert not strayed, strayed
