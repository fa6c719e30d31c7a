"""Says of a job that it has done again what was done before."""

from __future__ import annotations

from functools import partial

from crm_operational import cases
from crm_operational.module import Operational
from crmcore.hooks.module import Job
from tests.testing.casebook import OfCases

BREAKS = "test_a_job_counts_what_it_does_and_does_it_once"


def mark(tables, sla):
    cases.mark_overdue(tables, sla)
    return len(cases.cases(tables, lambda row: row.overdue_at.is_not(None)))


class Busy(Operational):
    def __init__(self, settings):
        super().__init__(settings)
        marked = partial(mark, sla=settings.sla)
        self.jobs = [Job(name="mark_overdue", every=60.0, run=lambda in_tables: in_tables(marked))]


class TestBusy(OfCases):
    made = Busy
