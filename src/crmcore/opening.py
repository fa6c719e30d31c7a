"""Opening a workspace: engine, schema, ids and the scope every statement runs in."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event
from typing import TypeVar

import attrs
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, NoSuchModuleError, OperationalError

from crmcore import migrations
from crmcore.errors import DatabaseUnusable, MissingExtra, NoNodeFree, SettingsError
from crmcore.flow import addressing
from crmcore.flow.addressing import Checks
from crmcore.flow.journeys import dating
from crmcore.flow.journeys.entering import Entering
from crmcore.flow.upkeep.settling import Upkeep
from crmcore.model.time import Clock, PinnedClock, SystemClock
from crmcore.model.wire import Statement
from crmcore.store import isolation, workspaces
from crmcore.store.engine import open_engine, reading, write
from crmcore.store.nodes import Ids
from crmcore.store.scope import Scope
from crmcore.store.workspaces import Workspace

Result = TypeVar("Result")
log = logging.getLogger("crmcore.opening")


@attrs.frozen(kw_only=True)
class Opened:
    """One workspace of one database, ready; `own_engine` tells whether closing disposes of the engine, `is_new` whether its schema was made just now.

    `actor` is who acts, as the audit log names them; `checks` are of the addresses of devices. `upkeep` keeps segments as they are to be, `entering` lets customers into campaigns and out of them. Where row-level security is on (`isolated`), every transaction says first which workspace it is in.
    """

    engine: Engine
    own_engine: bool
    workspace: Workspace
    clock: Clock
    ids: Ids
    listened: frozenset[str] = frozenset()
    address_kinds: Mapping[str, frozenset[str]] = attrs.field(factory=dict)
    each_address: frozenset[str] = frozenset()
    checks: Checks = attrs.field(factory=dict)
    closed: Event = attrs.field(factory=Event)
    isolated: bool = False
    is_new: bool = False
    actor: str = ""
    upkeep: Upkeep = attrs.field(factory=Upkeep)
    entering: Entering = attrs.field(factory=Entering)

    def checked(self, statements: Sequence[Statement]) -> Sequence[Statement]:
        """Return statements with the addresses of devices in normal form; raise InvalidIdentity."""
        return addressing.checked(self.checks, statements)

    def write(self, act: Callable[[Scope], Result], /) -> Result:
        """Do something in a transaction that may write; where others were in its way it is done again."""
        now = self.clock.now()
        self.ids.ready(now)
        return write(self.engine, lambda connection: self._written(self._ours(connection, now), act))

    def _written(self, scope: Scope, act: Callable[[Scope], Result]) -> Result:
        result = act(scope)
        scope.settle()
        return result

    def _settle(self, scope: Scope) -> None:
        touched = scope.touched.take()
        self.upkeep.settle(scope, touched)
        dating.settle(scope, touched, self.entering.zone)
        self.entering.settle(scope)

    def _ours(self, connection: Connection, now: int) -> Scope:
        return attrs.evolve(self.scope(connection, now), settling=self._settle)

    @contextmanager
    def reading(self) -> Iterator[Scope]:
        """Open a transaction that only reads."""
        with reading(self.engine) as connection:
            yield self.scope(connection, self.clock.now())

    def scope(self, connection: Connection, now: int) -> Scope:
        """Return what statements on a connection need, in the transaction it is in."""
        if self.isolated:
            isolation.enter(connection, self.workspace.id)
        return Scope(
            connection=connection,
            workspace_id=self.workspace.id,
            now=now,
            new_ids=lambda count: self.ids.take(connection, count, now),
            secret=self.workspace.secret,
            listened=self.listened,
            address_kinds=self.address_kinds,
            each_address=self.each_address,
            isolated=self.isolated,
            actor=self.actor,
        )

    def join(self, plugins: Collection[str]) -> None:
        """Let plugins that are new here be told of what happens from now on; where that cannot be written, `work` does it."""
        if not plugins:
            return
        from crmcore.flow.notifying import welcome

        try:
            welcome(self.write, self.reading, plugins)
        except (DBAPIError, NoNodeFree) as error:
            log.info("new plugins are told of what happens once there was work: %s", error)

    def close(self) -> None:
        """Give the id node back, and close connections of our own."""
        self.closed.set()
        self.ids.release()
        if self.own_engine:
            self.engine.dispose()


def opened(database: Engine | str, workspace: str, clock: Clock | None) -> Opened:
    """Open a workspace, made where it is new; an empty SQLite database gets its schema.

    Raise SchemaMissing or SchemaError where `crm db upgrade` is needed, DatabaseUnusable where nothing can be opened.
    """
    engine = database if isinstance(database, Engine) else engine_of(database)
    with reached(engine):
        is_new = migrations.prepare(engine)
    found = _workspace(engine, workspace, clock or SystemClock())
    if clock is None:
        clock = SystemClock() if found.pinned_now is None else PinnedClock(found.pinned_now)
    return Opened(
        engine=engine,
        own_engine=not isinstance(database, Engine),
        workspace=found,
        clock=clock,
        ids=_leased(engine, clock.now()),
        isolated=_is_isolated(engine),
        is_new=is_new,
    )


def _is_isolated(engine: Engine) -> bool:
    with reading(engine) as connection:
        return isolation.is_on(connection)


def _leased(engine: Engine, now: int) -> Ids:
    ids = Ids(engine)
    try:
        ids.ready(now)
    except (OperationalError, NoNodeFree) as error:
        # Whoever only reads needs none, and a host's transaction borrows one.
        log.info("no id node is leased yet: %s", error)
    return ids


def engine_of(database: str) -> Engine:
    """Return an engine of our own for a URL, or for the path of a SQLite file.

    Raise SettingsError for what is no such address, MissingExtra where the driver of PostgreSQL is not installed.
    """
    try:
        return open_engine(url_of(database))
    except ImportError as error:
        if error.name != "psycopg":
            raise _no_address(f"its driver cannot be imported: {error}") from error
        raise MissingExtra(what="PostgreSQL", extra="postgresql") from error
    except (ArgumentError, NoSuchModuleError) as error:
        is_short = database.startswith("postgres://")
        fix = (
            "write postgresql:// instead of postgres://"
            if is_short
            else "postgresql://HOST/NAME and a path are addresses"
        )
        raise _no_address(f"it is no database URL that can be used here; {fix}") from error


def _no_address(problem: str) -> SettingsError:
    return SettingsError(key="database", place="the settings", problem=problem)


@contextmanager
def reached(engine: Engine) -> Iterator[None]:
    """Turn what the driver says of a database that cannot be opened into DatabaseUnusable."""
    try:
        yield
    except DatabaseError as error:
        shown = engine.url.render_as_string(hide_password=True)
        said = "; ".join(line.strip() for line in str(error.orig).splitlines() if line.strip())
        raise DatabaseUnusable(url=shown, problem=said) from error


def url_of(database: str) -> str:
    """Return a database URL; a bare path is a SQLite file."""
    return database if "://" in database else f"sqlite:///{database}"


def _workspace(engine: Engine, name: str, clock: Clock) -> Workspace:
    with reading(engine) as connection:
        found = workspaces.find(connection, name)
    if found is not None:
        return found
    return write(engine, lambda connection: _made(connection, name, clock.now()))


def _made(connection: Connection, name: str, now: int) -> Workspace:
    if (found := workspaces.find(connection, name)) is not None:
        return found
    workspaces.make(connection, name, now=now, secret=secrets.token_bytes(32))
    made = workspaces.find(connection, name)
    assert made is not None
    return made
