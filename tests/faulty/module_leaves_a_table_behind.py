"""Has a revision whose way back leaves a table where it was."""

from __future__ import annotations

import attrs

from crm_operational.module import Operational
from tests.testing.casebook import OfCases

BREAKS = "test_revisions_lead_there_and_back_and_there_again"


class Leaving(Operational):
    schema = attrs.evolve(Operational.schema, migrations="tests.testing.revisions.leaving")


class TestLeaving(OfCases):
    made = Leaving
