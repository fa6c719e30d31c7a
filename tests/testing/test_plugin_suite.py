"""The suite lets a good plugin pass, and catches each of many bad ones by the check that is about its fault."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import ClassVar

import pytest

from crmcore.errors import SettingsError
from crmcore.hooks.marker import hookimpl, implements
from crmcore.hooks.specs import crm_register_gates
from crmcore.testing import laws
from crmcore.testing.laws import LawBroken
from crmcore.testing.plugin_suite import PluginSuite
from tests.testing.test_gate_suite import Curfew


class Night:
    """A plugin with a gate."""

    @hookimpl
    def crm_register_gates(self, setup):
        return [Curfew()]


class TestNight(PluginSuite):
    name = "night"

    def plugin(self):
        return Night()


class Wanting(Night):
    """Wants a setting, and says which."""

    @hookimpl
    def crm_register_gates(self, setup):
        if "until" not in setup.section("night"):
            raise SettingsError(key="night.until", place="crm.toml", problem="it is missing")
        return [Curfew()]


class TestWanting(TestNight):
    settings: ClassVar = {"night": {"until": 6}}

    def plugin(self):
        return Wanting()


class Marked:
    """A plugin whose class has the spec at hand, as a module has that imports it."""

    crm_register_gates = staticmethod(crm_register_gates)

    @implements(crm_register_gates)
    def gates(self, setup):
        return [Curfew()]


class TestMarked(TestNight):
    def plugin(self):
        return Marked()


class Raising(Night):
    """Raises where it finds no settings."""

    @hookimpl
    def crm_register_gates(self, setup):
        return [Curfew() for _ in setup.settings["night"]]


class Half(Night):
    """Registers what is no gate."""

    @hookimpl
    def crm_register_gates(self, setup):
        return [object()]


class Misspelt:
    """Has a hook that nobody knows."""

    @hookimpl
    def crm_register_gate(self, setup):
        return [Curfew()]


class Otherwise(Night):
    """Wants what no hook gives."""

    @hookimpl
    def crm_register_gates(self, setup, config):
        return [Curfew()]


class Unmarked(Night):
    """Has not marked its hook."""

    def crm_register_gates(self, setup):
        return [Curfew()]


class Newer(Night):
    """Speaks a version that there is not."""

    @hookimpl
    def crm_register_gates(self, setup):
        gate = Curfew()
        gate.contract = 2
        return [gate]


class Calling(Night):
    """Looks something up when it is loaded."""

    @hookimpl
    def crm_register_gates(self, setup):
        with suppress(OSError):
            socket.getaddrinfo("localhost", 80)
        return [Curfew()]


class Threading(Night):
    """Starts a thread when it is loaded."""

    ended = threading.Event()

    @hookimpl
    def crm_register_gates(self, setup):
        threading.Thread(target=self.ended.wait, daemon=True).start()
        return [Curfew()]


class Sleepy(Night):
    """Waits a moment when it is loaded."""

    @hookimpl
    def crm_register_gates(self, setup):
        time.sleep(0.01)
        return [Curfew()]


LOADS, FIT, SPEAKS = "test_it_loads", "test_its_hooks_fit", "test_what_it_registers_speaks_this_release"
FREE, STILL = "test_its_names_are_free", "test_loading_it_starts_nothing"
FAULTS = [
    (Raising, LOADS, laws.LOADED),
    (Half, LOADS, laws.LOADED),
    (Misspelt, FIT, laws.FITTING),
    (Otherwise, FIT, laws.FITTING),
    (Unmarked, FIT, laws.FITTING),
    (Newer, SPEAKS, laws.CURRENT),
    (Calling, STILL, laws.STILL),
    (Threading, STILL, laws.STILL),
    (Sleepy, STILL, laws.STILL),
]


@pytest.mark.parametrize(("fault", "check", "law"), FAULTS, ids=lambda one: getattr(one, "__name__", None))
def test_a_faulty_plugin_is_caught_by_the_check_that_is_about_it(fault, check, law):
    suite = type(fault.__name__, (TestNight,), {"plugin": lambda _: fault()})()
    with pytest.raises(LawBroken) as caught:
        getattr(suite, check)()
    assert caught.value.law is law


@pytest.mark.parametrize("other", ["another", "zoo"])
def test_a_name_that_is_taken_is_found_out_whoever_loads_first(other):
    suite = type("Beside", (TestNight,), {"others": lambda _: {other: Night()}})()
    with pytest.raises(LawBroken) as caught:
        suite.test_its_names_are_free()
    assert caught.value.law is laws.FREE


@pytest.fixture(autouse=True)
def ended():
    """What a bad plugin has started ends with its test."""
    Threading.ended = threading.Event()
    yield
    Threading.ended.set()
