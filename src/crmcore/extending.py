"""The part of a CRM that its modules extend: their tables, and what they know of a customer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from crmcore.facet import Facet

if TYPE_CHECKING:
    from crmcore.flow.modules.admitting import Admit
    from crmcore.hooks.tables import Tables
    from crmcore.model.identity import Who
    from crmcore.opening import Opened
    from crmcore.registry import Registry
    from crmcore.store.events import TimelineLine
    from crmcore.store.jobs import Failing

Returned = TypeVar("Returned")


class Extending(Facet):
    """What modules add to a CRM."""

    registry: Registry

    def in_tables(self, act: Callable[[Tables], Returned], /) -> Returned:
        """Return what `act` returns, given the tables of modules, once it is committed: for a module's own functions.

        It is called again where others were in its way: it has to be rows and nothing else.
        """
        from crmcore.store.tables import in_tables

        return in_tables(self._opened.write)(act)

    def timeline(self, who: Who, limit: int = 100) -> list[TimelineLine]:
        """Return a customer's latest events and what modules know of the customer, newest first.

        A module that fails is left out, and the log says so.
        """
        from crmcore.flow.modules import timeline

        self._fold()
        return timeline.latest(self._opened.reading, self.registry.modules, who, limit)

    def failing_jobs(self) -> list[Failing]:
        """Return the jobs of modules that failed when they ran last, and how often in a row."""
        from crmcore.store import jobs

        with self._opened.reading() as scope:
            return [one for one in jobs.failing(scope) if one.module in self.registry.modules]

    def _admission(self, opened: Opened) -> Admit:
        """Return which modules are taken in: in a new file their tables are made as well."""
        from crmcore.flow.modules import admitting

        return (admitting.made_ready if opened.is_new else admitting.at_head)(opened.engine)
