"""Erasing, giving out, retaining and sealing read the rows they are about: no big table is looked through."""

from __future__ import annotations

import pytest
from sqlalchemy import Select

from crmcore import CRM
from crmcore.loader import installed
from crmcore.store import aging
from crmcore.testing.fakes import Recorder
from crmcore.testing.planted import KEY, plant
from tests.store.planning import BIG, scans, statements, steps

pytestmark = pytest.mark.untouched
KEPT = {"events": "1d", "receipts": "1d", "contexts": "1d", "quarantine": "1d", "webhooks": "1d"}


@pytest.fixture
def crm(new_database, clock):
    plugins = {"recorder": Recorder()}
    with CRM(new_database("crm.db"), clock=clock, plugins=plugins, blocked=installed(), retention=KEPT) as crm:
        plant(crm)
        yield crm


def test_a_share_is_found(crm):
    with statements(crm) as seen:
        crm.export(KEY)
    assert scans(crm, seen) == []


def test_an_erasure_finds_what_it_erases(crm):
    with statements(crm) as seen:
        crm.erase(KEY)
    assert scans(crm, seen) == []


def test_work_finds_what_is_old_and_what_waits_for_its_seal(crm, clock):
    clock.turn("9d")
    crm.suppress("bob")
    with statements(crm) as seen:
        crm.work()
    assert scans(crm, seen) == []


def test_old_events_are_found_by_name_and_time(crm):
    with crm._opened.reading() as scope:
        query: Select = aging.old_events(scope, "seen", scope.now).limit(aging.BATCH)
    with statements(crm) as seen, crm._opened.reading() as scope:
        scope.connection.execute(query)
    read = [step for _, step in steps(crm, seen) if step.table in BIG]
    assert [(step.table, {"name", "occurred_at"} <= step.columns) for step in read] == [("crm_event", True)]
