"""A plugin that hears of everything, and a module that keeps a row for each customer it hears of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crmcore.hooks.marker import hookimpl
from crmcore.hooks.module import Module, TimelineEntry
from crmcore.hooks.setup import Setup
from crmcore.hooks.tables import Tables


class Ear:
    """Hears of customers, events, deliveries and erasures."""

    def __init__(self) -> None:
        self.erased: list[int] = []

    @hookimpl
    def crm_customer_changed(self, batch: Any) -> None:
        """Hear of it."""

    @hookimpl
    def crm_customer_merged(self, batch: Any) -> None:
        """Hear of it."""

    @hookimpl
    def crm_event_tracked(self, batch: Any) -> None:
        """Hear of it."""

    @hookimpl
    def crm_delivery_changed(self, batch: Any) -> None:
        """Hear of it."""

    @hookimpl
    def crm_customer_erased(self, batch: Any) -> None:
        """Remember who was erased."""
        self.erased += [entry.customer_id for entry in batch.entries]


class Notebook:
    """A module that notes customers in memory: what it is asked is what tests look at."""

    name = "notebook"
    contract = 1
    schema = None
    jobs: Sequence[Any] = ()
    commands: Sequence[Any] = ()
    routes: Sequence[Any] = ()

    def __init__(self, fails: BaseException | None = None) -> None:
        self.fails = fails
        self.asked: list[int] = []

    @hookimpl
    def crm_register_modules(self, setup: Setup) -> Sequence[Module]:
        return [self]

    def timeline(self, tables: Tables, customer_id: int) -> Iterable[TimelineEntry]:
        return []

    def export(self, tables: Tables, customer_id: int) -> Mapping[str, Any]:
        if self.fails:
            raise self.fails
        return {"noted": str(customer_id)}

    def erase(self, tables: Tables, customer_id: int) -> int:
        if self.fails:
            raise self.fails
        self.asked.append(customer_id)
        return 2
