"""Looks after cases in the first workspace, in whichever it is asked to."""

from __future__ import annotations

from crm_operational import schema
from crm_operational.module import Operational
from crmcore.hooks.module import Job
from tests.testing.casebook import OfCases

BREAKS = "test_workspaces_do_not_leak"
FIRST, SECOND = 1, 2


def tidy(tables):
    """Name the workspaces, and pass the guard: it cannot know that a number is another one's."""
    other = SECOND if tables.workspace_id == FIRST else FIRST
    row = schema.case.c
    late = schema.case.update().where(row.workspace_id == other, row.overdue_at.is_(None))
    return tables.run(late.values(overdue_at=tables.now)).rowcount


class Tidy(Operational):
    def __init__(self, settings):
        super().__init__(settings)
        self.jobs = [*self.jobs, Job(name="tidy", every=60.0, run=lambda in_tables: in_tables(tidy))]


class TestTidy(OfCases):
    made = Tidy
