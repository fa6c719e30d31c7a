"""Has a revision that makes a view over a table of the core: the core cannot change it any more."""

from __future__ import annotations

import attrs

from crm_operational.module import Operational
from tests.testing.casebook import OfCases

BREAKS = "test_without_the_module_the_core_works"


class Tying(Operational):
    schema = attrs.evolve(Operational.schema, migrations="tests.testing.revisions.tying")


class TestTying(OfCases):
    made = Tying
