"""Takes the time at which a case is overdue from the machine, and not from the transaction it is in."""

from __future__ import annotations

import time
from functools import partial

from crm_operational import cases, schema
from crm_operational.module import Operational
from crmcore.hooks.module import Job
from tests.testing.casebook import OfCases

BREAKS = "test_it_asks_neither_the_machines_clock_nor_the_network"


def mark(tables, sla):
    count = cases.mark_overdue(tables, sla)
    row = schema.case.c
    marked = tables.update(schema.case).where(row.overdue_at == tables.now)
    tables.run(marked.values(overdue_at=time.time_ns() // 1000))
    return count


class Punctual(Operational):
    def __init__(self, settings):
        super().__init__(settings)
        marked = partial(mark, sla=settings.sla)
        self.jobs = [Job(name="mark_overdue", every=60.0, run=lambda in_tables: in_tables(marked))]


class TestPunctual(OfCases):
    made = Punctual
