"""Reads attributes of all workspaces."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from crmcore.store import schema
from tests.testing import test_rule_suite as sound

BREAKS = "test_its_sql_reads_one_workspace"


class Leaking(sound.Busy):
    def window(self, scope, event):
        known = select(schema.attribute.c.customer_id).where(schema.attribute.c.name == "b")
        return [*super().window(scope, event), event.customer_id.not_in(known)]


class TestLeaking(sound.BusySuite):
    examples = 10
    customers = 30

    def rule(self):
        return Leaking()

    def postgresql(self):
        pytest.skip("both stores would tell the same")
