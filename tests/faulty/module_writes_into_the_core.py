"""Corrects, before it looks for what is overdue, when the customers of the core were made."""

from __future__ import annotations

from functools import partial

from sqlalchemy import BigInteger, Column, MetaData, Table

from crm_operational import cases
from crm_operational.module import Operational
from crmcore.hooks.module import Job
from tests.testing.casebook import OfCases

BREAKS = "test_it_writes_into_its_own_tables"
customer = Table("crm_customer", MetaData(), Column("workspace_id", BigInteger), Column("created_at", BigInteger))


def mark(tables, sla):
    tables.run(tables.update(customer).where(customer.c.created_at > tables.now).values(created_at=tables.now))
    return cases.mark_overdue(tables, sla)


class Meddling(Operational):
    def __init__(self, settings):
        super().__init__(settings)
        marked = partial(mark, sla=settings.sla)
        self.jobs = [Job(name="mark_overdue", every=60.0, run=lambda in_tables: in_tables(marked))]


class TestMeddling(OfCases):
    made = Meddling
