"""What tests share: a CRM on a new SQLite file, a clock, a channel that records."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmcore import CRM
from crmcore.testing.clock import TurnedClock
from crmcore.testing.fakes import Recorder

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its schema, made once and copied from then on."""
    path = tmp_path_factory.mktemp("schema") / "empty.db"
    with CRM(str(path), clock=TurnedClock(NOON)):
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


Opening = Callable[..., CRM]


@pytest.fixture
def open_crm(empty_database: Path, tmp_path: Path, recorder: Recorder, clock: TurnedClock) -> Iterator[Opening]:
    """Open CRMs, each on a database of its own unless a name is used again."""
    opened: list[CRM] = []

    def opening(name: str = "crm.db") -> CRM:
        path = tmp_path / name
        if not path.exists():
            shutil.copy(empty_database, path)
        crm = CRM(str(path), clock=clock, plugins={"recorder": recorder}, blocked=["crm_email", "crm_recommend"])
        opened.append(crm)
        return crm

    yield opening
    for crm in opened:
        crm.close()


@pytest.fixture
def crm(open_crm: Opening) -> CRM:
    return open_crm()
