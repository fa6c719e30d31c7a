"""Exports cases without what agents have written about them."""

from __future__ import annotations

from crm_operational.module import Operational
from tests.testing.casebook import OfCases

BREAKS = "test_an_export_holds_everything"


class Discreet(Operational):
    def export(self, tables, customer_id):
        found = super().export(tables, customer_id)["cases"]
        return {"cases": [{name: value for name, value in one.items() if name != "entries"} for one in found]}


class TestDiscreet(OfCases):
    made = Discreet
