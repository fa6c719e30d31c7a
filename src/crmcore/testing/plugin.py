"""A pytest plugin: `pytest_plugins = ["crmcore.testing.plugin"]` in conftest.py gives tests the fixture `crm`.

It is a CRM on a new SQLite file, with a clock to turn and channels from which nothing leaves. The marker
`@pytest.mark.crm(start=..., seed=..., silent=..., plugins=..., policy=...)` says what it is made of, for a test, a class
or a module; what is nearer to the test counts.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crmcore.testing.simulation import Simulation, make_tables


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker is for."""
    config.addinivalue_line("markers", "crm(start, seed, silent, plugins, ...): what the fixture crm is made of")


@pytest.fixture(scope="session")
def crm_schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables, made once and copied for each test."""
    path = tmp_path_factory.mktemp("crm") / "schema.db"
    make_tables(path)
    return path


@pytest.fixture
def crm(request: pytest.FixtureRequest, tmp_path: Path, crm_schema: Path) -> Iterator[Simulation]:
    """A CRM whose time is turned by the test."""
    given: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("crm"))):
        given |= marker.kwargs
    with Simulation(Path(shutil.copy(crm_schema, tmp_path / "crm.db")), **given) as crm:
        yield crm
