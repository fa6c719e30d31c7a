"""A module at work, for its suite: a database with its tables, customers who are planted in them, and what is found there."""

from __future__ import annotations

import atexit
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from shutil import copy
from typing import Any, TypeVar

import attrs
from sqlalchemy import Engine, Table, delete, event, select

from crmcore import migrations
from crmcore.app import CRM
from crmcore.hooks.module import Job, Module, TimelineEntry
from crmcore.hooks.notices import CustomerErased, Notices
from crmcore.hooks.setup import Setup
from crmcore.hooks.tables import InTables, Tables
from crmcore.loader import installed, load
from crmcore.migrations import modules
from crmcore.model.time import TurnedClock, iso
from crmcore.registry import Registry
from crmcore.store import schema as core
from crmcore.store.engine import open_engine
from crmcore.store.guarding import unguarded
from crmcore.store.tables import ScopedTables, in_tables
from crmcore.testing.laws import COUNTED, ERASED, EXPORTED, TIMELINED, TOLD_AGAIN, lawful
from crmcore.testing.watching import forms_of

Outcome = TypeVar("Outcome")
Row = Mapping[str, Any]
#: All rows of each table.
Rows = Mapping[str, Sequence[Row]]
#: What the core itself writes while a module acts: new row ids may need a lease.
OF_THE_CORE = frozenset({"crm_node"})
_WRITTEN = re.compile(
    r"\b(?:insert\s+into|update|delete\s+from|truncate(?:\s+table)?|(?:create|alter|drop)\s+table(?:\s+if(?:\s+not)?\s+exists)?"
    r"|create\s+(?:unique\s+)?index\s+\S+\s+on)\s+\"?(crm_\w+|\w+_\w+)",
    re.IGNORECASE,
)


@attrs.frozen(kw_only=True)
class Person:
    """A customer whom nothing else in a database looks like; `identifiers` are texts to be found again."""

    key: str
    identifiers: tuple[str, ...]

    @property
    def traces(self) -> frozenset[str]:
        """All ways in which one of the texts may be written."""
        return frozenset(form for one in (self.key, *self.identifiers) for form in forms_of(one))


def person(name: str) -> Person:
    """Return the person of a name."""
    return Person(
        key=f"{name}-key-9d3f71",
        identifiers=(f"{name}.9d3f71@example.com", f"{name} Nobody 9d3f71", f"{name}-ref-9d3f71"),
    )


class Site:
    """One workspace of a database that a module has its tables in."""

    def __init__(self, crm: CRM, module: Module, clock: TurnedClock) -> None:
        self.crm, self.module, self.clock = crm, module, clock
        #: The tables that were written to while the module acted.
        self.written = set[str]()
        self._acting = False
        self._told: list[tuple[Callable[..., None], Notices[Any]]] = []
        crm.registry = attrs.evolve(crm.registry, listeners=self._overheard(crm.registry))
        event.listen(self.engine, "before_cursor_execute", self._note)

    @property
    def engine(self) -> Engine:
        """The database's."""
        return self.crm._opened.engine  # noqa: SLF001 - as the core's own commands do

    @property
    def tables(self) -> Sequence[Table]:
        """The module's."""
        return () if self.module.schema is None else self.module.schema.metadata.sorted_tables

    def close(self) -> None:
        """Leave the engine as it was."""
        event.remove(self.engine, "before_cursor_execute", self._note)

    def id_of(self, one: Person) -> int:
        """Return a customer's id."""
        return self.crm.customer(one.key).id

    def rows(self) -> Rows:
        """Return all rows of the module's tables, of whatever workspace, each table's in one order."""
        with unguarded(self.engine).connect() as connection:
            found = {one.name: connection.execute(select(one)).mappings().all() for one in self.tables}
        return {name: sorted(map(dict, rows), key=_order) for name, rows in found.items()}

    # -- what the module does -----------------------------------------------------------------------------------------

    def write(self, act: Callable[[Tables], Outcome], /) -> Outcome:
        """Let the module act in a transaction of its own."""
        return in_tables(self.crm._opened.write)(lambda tables: self._watched(lambda: act(tables)))  # noqa: SLF001 - the same

    def read(self, act: Callable[[Tables], Outcome], /) -> Outcome:
        """Let the module look."""
        with self.crm._opened.reading() as scope:  # noqa: SLF001 - the same
            return self._watched(lambda: act(ScopedTables(scope)))

    def timeline(self, customer_id: int) -> list[TimelineEntry]:
        """Return its lines about a customer."""
        with lawful(TIMELINED, "timeline"):
            return self.read(lambda tables: list(self.module.timeline(tables, customer_id)))

    def export(self, customer_id: int) -> Mapping[str, Any]:
        """Return what it holds about a customer."""
        with lawful(EXPORTED, "export"):
            return self.read(lambda tables: self.module.export(tables, customer_id))

    def erase(self, customer_id: int) -> int:
        """Let it forget a customer."""
        with lawful(ERASED, "erase"):
            return self.write(lambda tables: self.module.erase(tables, customer_id))

    def forget(self, customer_id: int) -> None:
        """Let the module forget a customer, and then the core."""
        self.erase(customer_id)
        with unguarded(self.engine).begin() as connection:
            for one in core.metadata.sorted_tables:
                if "customer_id" in one.c:
                    connection.execute(delete(one).where(one.c.customer_id == customer_id))
            connection.execute(delete(core.customer).where(core.customer.c.id == customer_id))

    def tell_erased(self, customer_id: int) -> None:
        """Tell it that a customer was erased, where it listens."""
        told = CustomerErased(customer_id=customer_id, at=self.clock.now())
        setup = Setup(clock=self.clock, settings=self.crm.settings.tables)
        batch = Notices(workspace="suite", entries=(told,), setup=setup, write=self.write)
        for _, listener in self.crm.registry.listeners.get("crm_customer_erased", ()):
            listener(batch)

    def run(self, job: Job) -> int:
        """Do a job once."""
        with lawful(COUNTED, f"The job {job.name!r}"):
            return job.run(self.write)

    def tell_again(self) -> None:
        """Tell it all over again what it has been told."""
        for listener, batch in list(self._told):
            with lawful(TOLD_AGAIN, "Told again, it"):
                listener(batch)

    def _overheard(self, registry: Registry) -> dict[str, tuple[tuple[str, Callable[..., None]], ...]]:
        return {
            hook: tuple((plugin, self._listening(listener)) for plugin, listener in some)
            for hook, some in registry.listeners.items()
        }

    def _listening(self, listener: Callable[..., None]) -> Callable[..., None]:
        def told(batch: Notices[Any]) -> None:
            watched = attrs.evolve(batch, write=self._writing(batch.write))
            self._told.append((listener, watched))
            listener(watched)

        return told

    def _writing(self, write: InTables) -> InTables:
        def written(act: Callable[[Tables], Outcome], /) -> Outcome:
            return write(lambda tables: self._watched(lambda: act(tables)))

        return written

    def _watched(self, act: Callable[[], Outcome]) -> Outcome:
        self._acting = True
        try:
            return act()
        finally:
            self._acting = False

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if self._acting:
            self.written |= set(_WRITTEN.findall(statement)) - OF_THE_CORE


def _order(row: Row) -> list[str]:
    return [str(value) for value in row.values()]


# -- opening ----------------------------------------------------------------------------------------------------------


def assembled(name: str, plugin: Any, settings: Mapping[str, Any], now: int) -> Registry:
    """Return what a plugin registers, by itself."""
    setup = Setup(clock=TurnedClock(now), settings=settings)
    return load(setup, plugins={name: plugin}, blocked=frozenset(installed()))


@contextmanager
def opened_engine(url: str) -> Iterator[Engine]:
    """Open a database; an empty file gets the core's tables."""
    engine = open_engine(url)
    try:
        migrations.prepare(engine)
        yield engine
    finally:
        engine.dispose()


@contextmanager
def site(
    engine: Engine, name: str, plugin: Any, module: Module, now: int, workspace: str = "suite", **given: Any
) -> Iterator[Site]:
    """Open a workspace with the plugin loaded and the module's tables at its head."""
    modules.upgrade(engine, module)
    clock = TurnedClock(now)
    blocked = installed()
    with ExitStack() as stack:
        crm = stack.enter_context(
            CRM(engine, workspace=workspace, clock=clock, plugins={name: plugin}, blocked=blocked, **given)
        )
        [loaded] = crm.registry.modules.values()
        made = Site(crm, loaded, clock)
        stack.callback(made.close)
        yield made


@contextmanager
def new_file() -> Iterator[str]:
    """Yield the URL of a new SQLite database with the core's tables."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{copy(_prepared(), Path(folder) / 'suite.db')}"


@cache
def _prepared() -> Path:
    folder = _HELD.enter_context(tempfile.TemporaryDirectory())
    path = Path(folder) / "prepared.db"
    with opened_engine(f"sqlite:///{path}"):
        """It is prepared."""
    return path


#: Closed when the process ends, with what it holds.
_HELD = ExitStack()
atexit.register(_HELD.close)


# -- looking ----------------------------------------------------------------------------------------------------------


def added(before: Rows, after: Rows) -> dict[str, list[Row]]:
    """Return the rows that are new, by table."""
    return {name: [row for row in rows if row not in before[name]] for name, rows in after.items()}


def told_of(one: Person, text: str) -> list[str]:
    """Return the traces of a person in a text."""
    return sorted(trace for trace in one.traces if trace in text)


def texts(rows: Rows) -> str:
    """Return all texts and bytes in rows as one text."""
    values = (value for some in rows.values() for row in some for value in row.values())
    return "\n".join(_text(value) for value in values if isinstance(value, str | bytes))


def places_of(rows: Rows, customer_id: int, one: Person) -> list[str]:
    """Return the columns in which there is something of a customer: the id as a number or a text, or a trace."""
    return sorted(
        {
            f"{name}.{column}"
            for name, some in rows.items()
            for row in some
            for column, value in row.items()
            if _is_of(value, customer_id, one)
        }
    )


def _is_of(value: Any, customer_id: int, one: Person) -> bool:
    if isinstance(value, str | bytes):
        said = _text(value)
        return str(customer_id) in said or bool(told_of(one, said))
    return bool(value == customer_id)


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def unexported(export: Any, rows: Mapping[str, Sequence[Row]]) -> list[str]:
    """Return the columns of rows with a value that an export does not hold; ids of rows are the module's own business."""
    held = frozenset(values_in(export))
    said = "\n".join(one for one in held if isinstance(one, str))
    return sorted(
        {
            f"{name}.{column}"
            for name, some in rows.items()
            for row in some
            for column, value in row.items()
            if not (column == "id" or column.endswith("_id")) and not _is_held(value, held, said)
        }
    )


def values_in(value: Any) -> Iterator[Any]:
    """Yield what stands in mappings and lists, however deep."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from values_in(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for inner in value:
            yield from values_in(inner)
    else:
        yield value


def _is_held(value: Any, held: frozenset[Any], said: str) -> bool:
    if value is None or value in held:
        return True
    if isinstance(value, bytes):
        return value.hex() in said
    if isinstance(value, int):
        return str(value) in held or _moment(value) in held
    return value in said or all(one in held for one in values_in(_json(value)))


def _moment(at: int) -> str:
    try:
        return iso(at)
    except (OverflowError, ValueError):
        return ""


def _json(text: str) -> Any:
    """A column may hold JSON, which is exported as what it says."""
    try:
        return json.loads(text)
    except ValueError:
        return text
