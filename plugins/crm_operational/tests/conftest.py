"""What the tests share: a CRM with the plugin, whose time is turned."""

from __future__ import annotations

import pytest

import crm_operational
from crm_operational import cases
from crmcore import CRM
from crmcore.loader import installed
from crmcore.testing.clock import TurnedClock

#: 2026-03-01 12:00 UTC, in microseconds.
NOW = 1_772_366_400_000_000


@pytest.fixture
def clock():
    return TurnedClock(NOW)


@pytest.fixture
def crm(tmp_path, clock):
    plugins, modules = {"crm_operational": crm_operational}, {"operational": {}}
    with CRM(str(tmp_path / "crm.db"), clock=clock, plugins=plugins, blocked=installed(), modules=modules) as crm:
        yield crm


@pytest.fixture
def cases_of(crm):
    """Return a customer's cases, once all is told."""

    def found(customer):
        crm.work()
        customer_id = crm.customer(customer).id
        return crm.in_tables(lambda tables: cases.of_customer(tables, customer_id))

    return found
