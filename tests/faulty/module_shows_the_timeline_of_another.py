"""Shows in a customer's timeline what agents have written about everybody's cases."""

from __future__ import annotations

from crm_operational import cases
from crm_operational.module import Operational
from crmcore.hooks.module import TimelineEntry
from tests.testing.casebook import OfCases

BREAKS = "test_a_timeline_is_about_one_customer"


class Chatty(Operational):
    def timeline(self, tables, customer_id):
        mine = list(super().timeline(tables, customer_id))
        everybody = cases.cases(tables, lambda row: row.id > 0) if mine else []
        said = [TimelineEntry(at=one.at, kind="case_note", title=one.note) for one in cases.entries(tables, everybody)]
        return [*mine, *said]


class TestChatty(OfCases):
    made = Chatty
