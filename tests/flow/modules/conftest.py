"""CRMs with the module `wallet`."""

from __future__ import annotations

import pytest

from crmcore import CRM
from crmcore.loader import installed
from crmcore.migrations import modules
from crmcore.store.engine import open_engine
from tests.flow.modules.wallet import Wallet


@pytest.fixture
def wallet():
    return Wallet()


@pytest.fixture
def engine(new_database):
    """A database with the core's tables."""
    engine = open_engine(new_database("crm.db"))
    yield engine
    engine.dispose()


@pytest.fixture
def opening(engine, clock, recorder):
    """Open CRMs on that database, with the modules given."""
    opened = []

    def opening(*given, workspace="default"):
        plugins = {"recorder": recorder, **{f"crm_{one.name}": one for one in given}}
        opened.append(CRM(engine, workspace=workspace, clock=clock, plugins=plugins, blocked=installed()))
        return opened[-1]

    yield opening
    for one in opened:
        one.close()


@pytest.fixture
def crm(opening, engine, wallet):
    modules.upgrade(engine, wallet)
    return opening(wallet)
