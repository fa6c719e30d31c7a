"""Deletes the cases of whoever is erased, and forgets what agents have written about them."""

from __future__ import annotations

from crm_operational import cases, schema
from crm_operational.module import Operational
from tests.testing.casebook import OfCases

BREAKS = "test_an_erasure_leaves_nothing"


class Forgetful(Operational):
    def erase(self, tables, customer_id):
        mine = cases.of_customer(tables, customer_id)
        tables.run(tables.delete(schema.case).where(schema.case.c.customer_id == customer_id))
        return len(mine)


class TestForgetful(OfCases):
    made = Forgetful
