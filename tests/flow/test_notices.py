"""Plugins are told what has happened: at least once, in order, each apart from the others."""

from __future__ import annotations

import pytest

from crmcore import CRM
from crmcore.hooks.marker import hookimpl
from crmcore.loader import installed
from crmcore.store.guarding import unguarded


class Listener:
    def __init__(self):
        self.told = []
        self.fails = False

    @hookimpl
    def crm_event_tracked(self, batch):
        if self.fails:
            raise RuntimeError("down")
        self.told += [entry.name for entry in batch.entries]

    @hookimpl
    def crm_customer_merged(self, batch):
        self.told += ["merged" for _ in batch.entries]


@pytest.fixture
def listeners():
    return {"one": Listener(), "two": Listener()}


@pytest.fixture
def heard(database, clock, listeners):
    with CRM(str(database), clock=clock, plugins=listeners, blocked=installed()) as crm:
        yield crm


def test_each_is_told_once_and_in_order(heard, listeners):
    heard.track("order_placed", "1")
    heard.track("page_viewed", {"anonymous": "a"})
    heard.merge({"anonymous": "a"}, "1")
    assert heard.work().notices == 6
    assert heard.work().notices == 0
    assert [one.told for one in listeners.values()] == [["order_placed", "page_viewed", "merged"]] * 2


def test_one_that_fails_is_told_again_and_keeps_nobody_waiting(heard, listeners):
    listeners["one"].fails = True
    heard.track("order_placed", "1")
    heard.work()
    assert (listeners["one"].told, listeners["two"].told) == ([], ["order_placed"])
    listeners["one"].fails = False
    heard.work()
    assert [one.told for one in listeners.values()] == [["order_placed"], ["order_placed"]]


def test_nothing_is_written_where_nobody_listens(crm):
    crm.track("order_placed", "1")
    with crm._opened.reading() as scope:
        assert unguarded(scope.connection).exec_driver_sql("SELECT count(*) FROM crm_notice").scalar() == 0
