"""The code in README files and docs runs as tests, each in a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sybil import Sybil
from sybil.integration.pytest import SybilItem
from sybil.parsers.markdown import PythonCodeBlockParser

pytest_plugins = ["crmcore.testing.plugin"]


@pytest.fixture(scope="module")
def somewhere_else(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Examples write where they stand; let that be a new folder."""
    folder, before = tmp_path_factory.mktemp("example"), Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def close(namespace: dict[str, Any]) -> None:
    """Close what an example has opened."""
    for one in namespace.values():
        for name in ("close", "dispose"):
            if not isinstance(one, type) and callable(getattr(one, name, None)):
                getattr(one, name)()
                break


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser()],
    patterns=["*.md"],
    excludes=["publish-a-channel.md"],  # its blocks are the files of a plugin: tests/examples/test_publish_channel.py
    fixtures=["somewhere_else"],
    teardown=close,
).pytest()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The blocks of a page build on one another: whatever the order of the tests, theirs is that of the page."""
    blocks = iter(sorted((item for item in items if isinstance(item, SybilItem)), key=_place))
    items[:] = [next(blocks) if isinstance(item, SybilItem) else item for item in items]


def _place(item: SybilItem) -> tuple[str, int]:
    return str(item.path), item.example.line
