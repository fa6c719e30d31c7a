"""Whoever tells plugins reads the notices that are next, however many are kept for one that cannot be told."""

from __future__ import annotations

import pytest

from crmcore import CRM
from crmcore.hooks.marker import hookimpl
from crmcore.loader import installed
from tests.store.planning import statements, steps

pytestmark = pytest.mark.untouched


class Listener:
    def __init__(self, fails):
        self.fails = fails

    @hookimpl
    def crm_event_tracked(self, batch):
        if self.fails:
            raise RuntimeError


@pytest.fixture
def telling(new_database, clock):
    plugins = {"one": Listener(fails=False), "two": Listener(fails=True)}
    with CRM(new_database("crm.db"), clock=clock, plugins=plugins, blocked=installed()) as crm:
        yield crm


def test_notices_are_found_by_their_positions(telling, clock):
    with statements(telling) as seen:
        telling.track("order_placed", "1")
        telling.work()
        clock.turn("31d")
        telling.track("page_viewed", "1")
        telling.work()
    read = [(run, step) for run, step in steps(telling, seen) if step.table == "crm_notice"]
    assert {run.split()[0] for run, _ in read} == {"SELECT", "UPDATE", "DELETE"}
    assert [(run, step) for run, step in read if "position" not in step.columns and "id" not in step.columns] == []
