"""Deletes, with the cases of whoever is erased, all that has been written about anybody's."""

from __future__ import annotations

from crm_operational import schema
from crm_operational.module import Operational
from tests.testing.casebook import OfCases

BREAKS = "test_an_erasure_leaves_everybody_else"


class Thorough(Operational):
    def erase(self, tables, customer_id):
        erased = super().erase(tables, customer_id)
        return erased and erased + tables.run(tables.delete(schema.entry)).rowcount


class TestThorough(OfCases):
    made = Thorough
