"""The checks of a module's form, its tables and its revisions."""

from __future__ import annotations

from sqlalchemy import Engine

from crmcore import migrations
from crmcore.app import CRM
from crmcore.hooks.module import Module
from crmcore.loader import installed
from crmcore.migrations import modules
from crmcore.model.time import TurnedClock
from crmcore.testing.describing import Described, described, differences
from crmcore.testing.laws import AS_DECLARED, CORE_LEFT_ALONE, LEFT_AGAIN, REMOVABLE, WELL_FORMED, ask, lawful
from crmcore.testing.moduled import ADA, BOTH, Moduled
from crmcore.testing.suite import ask_named


class MigratedModule(Moduled):
    """What a database is made to hold."""

    def test_it_is_what_it_says(self) -> None:
        """It loads; names, keys, column types, jobs, commands and routes have their form, and its contract's version."""
        found = self._registered
        faults = [one.problem for one in found.faults if one.plugin == self.name and one.error]
        ask(not faults, WELL_FORMED, f"It does not load: {'; '.join(faults)}")
        ask(len(found.modules) == 1, WELL_FORMED, f"It brings {len(found.modules)} modules, one was to be checked.")
        for module in found.modules.values():
            ask_named(module, "module")

    @BOTH
    def test_revisions_lead_there_and_back_and_there_again(self, on: str) -> None:
        """From nothing to the head, to nothing, and to the head: no table stays behind, and the same are made again."""
        self._schema()
        module = self._module()
        with self._engine(on) as engine:
            first = _upgraded(engine, module)
            modules.downgrade(engine, module)
            left = sorted(described(engine, _prefix(module)))
            ask(not left, LEFT_AGAIN, f"After the way back there is still {', '.join(left)}.")
            with lawful(LEFT_AGAIN, "The second upgrade"):
                unlike = differences(first, _upgraded(engine, module))
        ask(not unlike, LEFT_AGAIN, f"The second time, other than the first, is made: {'; '.join(unlike)}.")

    @BOTH
    def test_the_revisions_make_the_tables_that_are_declared(self, on: str) -> None:
        """Columns with their types, keys, and indexes."""
        schema, module = self._schema(), self._module()
        with self._engine(on) as one, self._engine(on) as other:
            made = _upgraded(one, module)
            schema.metadata.create_all(other)
            unlike = differences(made, described(other, _prefix(module)))
        ask(not unlike, AS_DECLARED, f"Made and declared differ in {'; '.join(unlike)}.")

    @BOTH
    def test_the_revisions_leave_the_core_as_it_is(self, on: str) -> None:
        """No table of the core, and no other one, has changed; neither on the way there nor on the way back."""
        self._schema()
        module = self._module()
        with self._engine(on) as engine:
            before = _others(engine, module)
            _upgraded(engine, module)
            there = differences(before, _others(engine, module))
            modules.downgrade(engine, module)
            back = differences(before, _others(engine, module))
        ask(not there, CORE_LEFT_ALONE, f"The revisions change {'; '.join(there)}.")
        ask(not back, CORE_LEFT_ALONE, f"The way back changes {'; '.join(back)}.")

    @BOTH
    def test_without_the_module_the_core_works(self, on: str) -> None:
        """Its tables stay behind, the core is upgraded, customers come and go; back again, it has what it had."""
        self._schema()
        with self._engine(on) as engine:
            with self._site(engine) as made:
                self._put(made, ADA)
                before = made.rows()
            self._go_on_without(engine)
            with self._site(engine) as made:
                after = made.rows()
        ask(before == after, REMOVABLE, "Its rows have changed while it was away.")

    def _go_on_without(self, engine: Engine) -> None:
        with lawful(REMOVABLE, "The core without it"):
            migrations.downgrade(engine, "-1")
            migrations.upgrade(engine)
            clock = TurnedClock(self.now)
            with CRM(engine, workspace="suite", clock=clock, blocked=installed(), **self.settings) as crm:
                crm.identify("later", {"name": "Later"})
                crm.track("order_placed", ADA.key, ref="later")
                crm.work()
                told = [one.name for one in crm.timeline(ADA.key)]
        ask("order_placed" in told, REMOVABLE, f"Without it, the timeline is {told}.")


def _prefix(module: Module) -> str:
    return f"crm_{module.name}_"


def _upgraded(engine: Engine, module: Module) -> Described:
    modules.upgrade(engine, module)
    return described(engine, _prefix(module))


def _others(engine: Engine, module: Module) -> Described:
    found = described(engine, "")
    return {name: one for name, one in found.items() if not name.startswith(_prefix(module))}
