"""Opens a case for whomever it is told of, without a look at whether there is still such a customer."""

from __future__ import annotations

from crm_operational import cases, schema
from crm_operational.complaint import RAISED
from crmcore.hooks.marker import hookimpl
from tests.testing import casebook
from tests.testing.casebook import OfCases

BREAKS = "test_whoever_is_erased_stays_erased"


class Trusting(casebook.Plugin):
    @hookimpl
    def crm_event_tracked(self, batch):
        super().crm_event_tracked(batch)
        raised = {one.customer_id: one for one in batch.entries if one.name == RAISED}
        batch.write(lambda tables: self.open(tables, raised))

    def open(self, tables, raised):
        there = {one.customer_id for one in cases.cases(tables, lambda row: row.customer_id.in_(raised))}
        rows = [
            {
                "id": tables.new_ids(1)[0],
                "customer_id": owner,
                "event_id": one.event_id,
                "ref": "",
                "subject": "",
                "opened_at": one.at,
            }
            for owner, one in raised.items()
            if owner not in there
        ]
        tables.insert(schema.case, [{**row, "closed_at": None, "overdue_at": None, "agent": ""} for row in rows])


class TestTrusting(OfCases):
    hears = Trusting
