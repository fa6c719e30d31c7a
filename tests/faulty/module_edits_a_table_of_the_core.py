"""Has a revision that adds a column to the core's table of customers."""

from __future__ import annotations

import attrs

from crm_operational.module import Operational
from tests.testing.casebook import OfCases

BREAKS = "test_the_revisions_leave_the_core_as_it_is"


class Editing(Operational):
    schema = attrs.evolve(Operational.schema, migrations="tests.testing.revisions.editing")


class TestEditing(OfCases):
    made = Editing
