"""Several processes write and work, plugins fail, processes die: nothing is lost, and each customer's notices come in order."""

from __future__ import annotations

import shutil
from itertools import count

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore import CRM
from crmcore.flow import notifying
from crmcore.hooks.marker import hookimpl
from crmcore.loader import installed
from crmcore.model.telling import Telling
from crmcore.testing.clock import TurnedClock
from tests.conftest import NOON

PROCESSES, CUSTOMERS, PLUGINS = 3, ("ada", "bob"), ("one", "two")
FILES = count()


class Died(BaseException):
    """The process is no more."""


@attrs.define(eq=False)
class Hearing:
    """One plugin, in all processes: what it was told, and whether it fails the next times it is called."""

    told: list[tuple[int, str]] = attrs.field(factory=list)
    fails: list[bool] = attrs.field(factory=list)

    @hookimpl
    def crm_event_tracked(self, batch):
        self.told += [(one.customer_id, one.name) for one in batch.entries]
        if self.fails and self.fails.pop():
            raise RuntimeError


#: A process writes of a customer, works, or dies while it works; the clock is turned.
WRITES = st.tuples(st.just("write"), st.integers(0, PROCESSES - 1), st.sampled_from(CUSTOMERS))
WORKS = st.tuples(st.sampled_from(["work", "die"]), st.integers(0, PROCESSES - 1), st.lists(st.booleans(), max_size=4))
TURNS = st.tuples(st.just("turn"), st.sampled_from(["1s", "40s", "2h"]), st.none())


class World:
    """Processes on one database, which hold the same two plugins."""

    def __init__(self, path, monkeypatch):
        self.clock, self.plugins, self.written = TurnedClock(NOON), {name: Hearing() for name in PLUGINS}, []
        self.path, self.monkeypatch = path, monkeypatch
        self.open = [self.opened() for _ in range(PROCESSES)]

    def opened(self):
        return CRM(str(self.path), clock=self.clock, plugins=self.plugins, blocked=installed())

    def write(self, process, customer):
        self.written.append((customer, f"e{len(self.written)}"))
        self.open[process].track(self.written[-1][1], customer)

    def work(self, process, fails):
        for one in self.plugins.values():
            one.fails = list(fails)
        self.open[process].work()

    def die(self, process, fails):
        """Die after a plugin was told, before that is written."""
        with self.monkeypatch.context() as patch:
            patch.setattr(notifying, "_go_on", _dying)
            try:
                self.work(process, fails)
            except Died:
                self.open[process].close()
                self.open[process] = self.opened()

    def turn(self, span, _nothing):
        self.clock.turn(span)

    def settle(self):
        self.clock.turn("2h")
        self.work(0, [])
        ids = {name: self.open[0].customer(name).id for name in {customer for customer, _ in self.written}}
        expected = [(ids[customer], name) for customer, name in self.written]
        for crm in self.open:
            crm.close()
        return expected


def _dying(*_how, **_named):
    raise Died


def first(told):
    return list(dict.fromkeys(told))


def of(customer_id, told):
    return [one for one in told if one[0] == customer_id]


@given(turns=st.lists(st.one_of(WRITES, WORKS, TURNS), max_size=25))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_plugin_is_told_everything_and_of_each_customer_in_order(turns, empty_database, tmp_path, monkeypatch):
    world = World(shutil.copy(empty_database, tmp_path / f"{next(FILES)}.db"), monkeypatch)
    for deed, *how in turns:
        getattr(world, deed)(*how)
    expected = world.settle()
    for plugin in world.plugins.values():
        assert sorted(set(plugin.told)) == sorted(expected)
        for customer_id in {one for one, _ in expected}:
            assert of(customer_id, first(plugin.told)) == of(customer_id, expected)


def test_the_settings_give_a_plugin_five_seconds_and_keep_notices_for_a_month():
    assert Telling() == Telling(budget=5_000_000, keep=30 * 86_400_000_000)
