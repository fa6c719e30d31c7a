"""CRM: the one object a host holds. Each method is a few lines that open a transaction and hand on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import attrs
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from crmcore import loader
from crmcore.errors import UnknownCustomer
from crmcore.flow import applying, folding
from crmcore.flow.applying import Taken
from crmcore.hooks.setup import Setup
from crmcore.model import verbs
from crmcore.model.event import Event
from crmcore.model.identity import Who, identities
from crmcore.model.time import Clock, SystemClock
from crmcore.model.wire import Statement
from crmcore.opening import Opened, opened
from crmcore.registry import Registry
from crmcore.settings import Settings, settings
from crmcore.store import customers, events
from crmcore.store import identities as identity_rows
from crmcore.store.customers import CustomerView
from crmcore.store.events import TimelineLine
from crmcore.store.host import adopt
from crmcore.store.scope import Scope
from crmcore.verbs import Verbs
from crmcore.writer import Writer

BATCH = 1000

__all__ = ["CRM", "adopt"]


class CRM(Verbs):
    """A CRM beside a host's own tables; safe to share between threads.

    `database` is a SQLAlchemy Engine of the host, a URL, or the path of a SQLite file; left out, the settings name it.
    Settings may be given by keyword, by CRM_* variables and by crm.toml, in this order. `clock` and `plugins` (by name)
    are for tests and for hosts that register plugins of their own.
    """

    def __init__(
        self,
        database: Engine | str | None = None,
        *,
        workspace: str | None = None,
        clock: Clock | None = None,
        plugins: Mapping[str, Any] | None = None,
        config: Path | None = None,
        **given: Any,
    ) -> None:
        url = database if isinstance(database, str) else None
        self.settings: Settings = settings({"database": url, "workspace": workspace, **given}, file=config)
        engine = self.settings.database if database is None else database
        opening = opened(engine, self.settings.workspace, clock)
        setup = Setup(clock=opening.clock, settings=self.settings.tables)
        self.registry: Registry = loader.load(setup, plugins=plugins, blocked=frozenset(self.settings.blocked))
        self._opened: Opened = attrs.evolve(opening, listened=frozenset(self.registry.listeners))

    def close(self) -> None:
        """Give back what is held; the host's engine stays open."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def now(self) -> int:
        """Return the time in microseconds UTC."""
        return self._opened.clock.now()

    # -- ways in ------------------------------------------------------------------------------------------------------

    def identify_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `identify` for each row of arguments, a thousand a transaction."""
        return self._say_many(verbs.identify, rows)

    def group_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `group` for each row of arguments, a thousand a transaction."""
        return self._say_many(verbs.group, rows)

    def track_many(self, rows: Iterable[Event | Mapping[str, Any]]) -> Taken:
        """Say `track` for each row of arguments (or Event), a thousand a transaction; count the new and the repeated."""
        return self._say_many(verbs.event, rows)

    def merge_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `merge` for each row of arguments, a thousand a transaction."""
        return self._say_many(verbs.merge, rows)

    def consent_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `consent` for each row of arguments, a thousand a transaction."""
        return self._say_many(verbs.consent, rows)

    def subscribe_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `subscribe` for each row of arguments, a thousand a transaction."""
        return self._say_many(verbs.subscribe, rows)

    def suppress_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `suppress` for each row of arguments, a thousand a transaction."""
        return self._say_many(verbs.suppress, rows)

    def offer_many(self, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Say `offer` for each row of arguments, a thousand a transaction."""
        return self._say_many(verbs.offer, rows)

    def using(self, connection: Connection | Session) -> Writer:
        """Return the verbs inside a host's transaction; `adopt` makes a Connection of a DBAPI one."""
        joined = connection.connection() if isinstance(connection, Session) else connection
        return Writer(self._opened.clock, lambda now: self._opened.scope(joined, now))

    def _say(self, statements: Sequence[Statement]) -> None:
        with self._opened.writing() as scope:
            applying.apply(scope, statements)

    def _say_many(self, build: Callable[..., Statement], rows: Iterable[Any]) -> Taken:
        taken, left = Taken(), iter(rows)
        while batch := list(islice(left, BATCH)):
            now = self.now()
            statements = [row if isinstance(row, Event) else build(now, **row) for row in batch]
            with self._opened.writing() as scope:
                taken += applying.apply(scope, statements)
        return taken

    # -- reading ------------------------------------------------------------------------------------------------------

    def customer(self, who: Who) -> CustomerView:
        """Return all that is known of a customer; raise UnknownCustomer."""
        self._fold()
        with self._opened.reading() as scope:
            return customers.view(scope, _known(scope, who))

    def timeline(self, who: Who, limit: int = 100) -> list[TimelineLine]:
        """Return a customer's latest events, newest first."""
        self._fold()
        with self._opened.reading() as scope:
            return events.timeline(scope, _known(scope, who), limit)

    def _fold(self) -> Taken:
        return folding.fold(self._opened.writing, self._opened.reading)


def _known(scope: Scope, who: Who) -> int:
    named = identities(who)
    found = identity_rows.find(scope, named)
    for one in named:
        if one in found:
            return found[one][0]
    raise UnknownCustomer(kind=named[0].kind, value=named[0].value)
