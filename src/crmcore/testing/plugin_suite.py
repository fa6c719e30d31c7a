"""The suite of a plugin as the loader meets it: subclass it, say how it is called and what it is, and pytest does the rest.

class TestMyPlugin(PluginSuite):
    name = "my_plugin"

    def plugin(self):
        return my_plugin
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from crmcore.errors import ContractVersion, HookMismatch, NameTaken, SettingsError
from crmcore.hooks.setup import Setup
from crmcore.loader import installed, load
from crmcore.registry import Fault, Registry
from crmcore.testing.batches import ask_offline
from crmcore.testing.clock import TurnedClock
from crmcore.testing.laws import CURRENT, FITTING, FREE, LOADED, STILL, Law, ask
from crmcore.testing.suite import Suite
from crmcore.testing.watching import watched

#: What may be wrong with a plugin that a check of its own tells of.
TOLD_APART = {one.__name__ for one in (ContractVersion, HookMismatch, NameTaken)}


class PluginSuite(Suite):
    """What every plugin has to pass, whatever it registers."""

    #: The name of its entry point.
    name: ClassVar[str]
    #: What `crm.toml` says; as it is, nothing.
    settings: ClassVar[Mapping[str, Any]] = {}
    #: Microseconds UTC.
    now: ClassVar[int] = 2_208_988_800_000_000

    @abstractmethod
    def plugin(self) -> Any:
        """Return what its entry point names: a module, or an object."""
        raise NotImplementedError

    def others(self) -> Mapping[str, Any]:
        """Return further plugins, by name, beside which it is to load; those that are installed are beside it anyway."""
        return {}

    def test_it_loads(self) -> None:
        """With the settings that the suite names; without any it loads too, or says which one it wants."""
        for settings, fine in ((self.settings, TOLD_APART), ({}, TOLD_APART | {SettingsError.__name__})):
            wrong = [one for one in self._faults(settings) if one.plugin == self.name and one.error not in fine]
            with_ = f"With the settings {sorted(settings)}" if settings else "Without settings"
            ask(not wrong, LOADED, f"{with_}: {'; '.join(one.problem for one in wrong)}")

    def test_its_hooks_fit(self) -> None:
        """Each has the name and the argument of a spec, and is marked, so that it is called."""
        self._has_no(HookMismatch, FITTING)

    def test_what_it_registers_speaks_this_release(self) -> None:
        """Each contract has a version of its own."""
        self._has_no(ContractVersion, CURRENT)

    def test_its_names_are_free(self) -> None:
        """Beside all plugins that are installed here, and the suite's others."""
        self._has_no(NameTaken, FREE)

    def test_loading_it_starts_nothing(self) -> None:
        """Whoever opens a CRM for a moment pays for nothing, and a fork takes nothing along."""
        before = threading.active_count()
        with watched(getattr(self.plugin(), "__name__", type(self.plugin()).__module__)) as watch:
            ask_offline(lambda: self._loaded(self.settings, alone=True), STILL)
        ask(threading.active_count() <= before, STILL, "It has started a thread.")
        ask(not watch.slept, STILL, f"{'; '.join(watch.slept)}.")

    def _has_no(self, error: type[Exception], law: Law) -> None:
        found = [one for one in self._faults(self.settings) if one.error == error.__name__]
        ask(not found, law, "; ".join(one.problem for one in found))

    def _faults(self, settings: Mapping[str, Any]) -> list[Fault]:
        """Return what was raised; that the installed one is blocked was not."""
        return [one for one in self._loaded(settings).faults if one.error]

    def _loaded(self, settings: Mapping[str, Any], *, alone: bool = False) -> Registry:
        blocked = frozenset(installed()) if alone else frozenset({self.name})
        plugins = {**({} if alone else self.others()), self.name: self.plugin()}
        return load(Setup(clock=TurnedClock(self.now), settings=settings), plugins=plugins, blocked=blocked)
