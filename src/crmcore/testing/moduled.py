"""What a subclass of ModuleSuite gives, and the databases that its checks are made on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from crmcore.hooks.module import Module, Schema
from crmcore.registry import Registry
from crmcore.testing import postgres
from crmcore.testing.laws import PLANTED, ask
from crmcore.testing.planting import Person, Rows, Site, added, assembled, new_file, opened_engine, person, site, texts
from crmcore.testing.suite import Suite, needs

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from crmcore.app import CRM

#: Each check of a database is made on both stores.
BOTH = pytest.mark.parametrize("on", ["sqlite", "postgresql"])
ADA, BEN = person("ada"), person("ben")


class Moduled(Suite):
    """What the checks of modules have in common."""

    #: The plugin's name, that of its entry point.
    name: ClassVar[str]
    #: The plugin's tables of the settings.
    settings: ClassVar[Mapping[str, Any]] = {}
    #: Microseconds UTC, far from any machine's clock: a module that asks one is found out.
    now: ClassVar[int] = 2_208_988_800_000_000
    #: The time after which each job has something to do about who was planted.
    later: ClassVar[str] = "60d"
    #: Whether what customers are called and say can stand in its tables; a module that keeps ids alone says no.
    holds_text: ClassVar[bool] = True
    #: Tables that hold nothing about customers.
    apart: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def plugin(self) -> Any:
        """Return the plugin."""
        raise NotImplementedError

    @abstractmethod
    def plant(self, crm: CRM, customer: str, identifiers: Sequence[str]) -> None:
        """Let the module come to know a customer, by its own ways: each table gets a row, each identifier stands in one.

        The customer is there already; what has to be told to the module by notices is told after it.
        """
        raise NotImplementedError

    def calls(self, crm: CRM, customer: str) -> Sequence[Sequence[str]]:  # noqa: ARG002 - for those who have commands
        """Return words to call each command by, about a customer who is planted."""
        return ()

    @contextmanager
    def postgresql(self) -> Iterator[str]:
        """Yield the URL of a new database; as it is, on a server that all checks share."""
        with needs(postgres.shared(), "there is no PostgreSQL here").untouched() as url:
            yield url

    @contextmanager
    def _engine(self, on: str) -> Iterator[Engine]:
        """Open a new database on a store."""
        with new_file() if on == "sqlite" else self.postgresql() as url, opened_engine(url) as engine:
            yield engine

    def _module(self) -> Module:
        """Return the module; skip where it does not load, which is a check of its own."""
        return next(iter(needs(self._registered.modules, "a module that loads").values()))

    @cached_property
    def _registered(self) -> Registry:
        """What the plugin registers by itself."""
        return assembled(self.name, self.plugin(), self.settings, self.now)

    def _schema(self) -> Schema:
        """Return what the module says of its tables; skip where it has none."""
        return needs(self._module().schema, "schema")

    @contextmanager
    def _planted(self, on: str, *people: Person) -> Iterator[Site]:
        """Open a database in which people are planted."""
        with self._engine(on) as engine, self._site(engine) as made:
            for one in people:
                self._put(made, one)
            yield made

    @contextmanager
    def _site(self, engine: Engine, workspace: str = "suite") -> Iterator[Site]:
        """Open a workspace, with the module's tables."""
        given = {"workspace": workspace, **self.settings}
        with ExitStack() as stack:
            yield stack.enter_context(site(engine, self.name, self.plugin(), self._module(), self.now, **given))

    def _put(self, made: Site, one: Person) -> Mapping[str, Any]:
        """Plant a person; return the rows that are there of them."""
        before = made.rows()
        made.crm.identify(one.key)
        self.plant(made.crm, one.key, one.identifiers)
        made.crm.work()
        return added(before, made.rows())

    def _ask_planted(self, rows: Rows, one: Person) -> None:
        """Raise LawBroken where little is there that could be lost."""
        bare = [name for name, some in rows.items() if not some and name not in self.apart]
        ask(not bare, PLANTED, f"Nothing was planted in {', '.join(bare)}.")
        said = texts(rows)
        missing = [text for text in one.identifiers if self.holds_text and text not in said]
        ask(not missing, PLANTED, f"Nowhere in the module's tables there is {', '.join(missing)}.")
