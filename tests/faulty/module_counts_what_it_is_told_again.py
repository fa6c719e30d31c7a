"""Writes down each complaint it is told of, and once more when it is told again."""

from __future__ import annotations

from crm_operational import cases
from crm_operational.complaint import RAISED
from crmcore.hooks.marker import hookimpl
from tests.testing import casebook
from tests.testing.casebook import OfCases

BREAKS = "test_told_again_nothing_changes"


class Noting(casebook.Plugin):
    @hookimpl
    def crm_event_tracked(self, batch):
        super().crm_event_tracked(batch)
        owners = [one.customer_id for one in batch.entries if one.name == RAISED]
        batch.write(lambda tables: self.note(tables, owners))

    def note(self, tables, owners):
        found = cases.cases(tables, lambda row: row.customer_id.in_(owners))
        cases.note(tables, [one.id for one in found], "note", "complained")


class TestNoting(OfCases):
    hears = Noting
