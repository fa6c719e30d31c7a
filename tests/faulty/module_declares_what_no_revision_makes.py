"""Declares an index that no revision makes."""

from __future__ import annotations

import attrs
from sqlalchemy import Index, MetaData

from crm_operational import schema
from crm_operational.module import Operational
from tests.testing.casebook import OfCases

BREAKS = "test_the_revisions_make_the_tables_that_are_declared"
declared = MetaData()
for table in schema.metadata.sorted_tables:
    table.to_metadata(declared)
Index(
    "ix_operational_case_agent",
    *(declared.tables["crm_operational_case"].c[name] for name in ("workspace_id", "agent")),
)


class Declaring(Operational):
    schema = attrs.evolve(Operational.schema, metadata=declared)


class TestDeclaring(OfCases):
    made = Declaring
