"""A plugin written by the scaffold, and the processes it is tried in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from crmcore.scaffold.plugin import NewPlugin, checked, rendered, write

ROOT = Path(__file__).parents[2]
#: Few messages and one kill: how many there have to be is not the question here.
QUICK = {"CRM_SUITE_MESSAGES": "100", "CRM_SUITE_KILLS": "1"}


def kind(name: str, suite: str = "", **given: str) -> object:
    is_there = not suite or find_spec(f"crmcore.testing.{suite}") is not None
    skip = pytest.mark.skipif(not is_there, reason=f"there is no crmcore.testing.{suite} yet")
    return pytest.param({"kind": name, **given}, id=" ".join((name, *given.values())), marks=skip)


KINDS = [
    kind("channel"),
    kind("channel", channel="sms"),
    kind("provider", channel="email", address_kind="email"),
    kind("recommender", "recommender_suite"),
    kind("rule"),
    kind("step"),
    kind("gate"),
    kind("module", "module_suite"),
]


def written(folder: Path, name: str = "crm_pigs", **given: str) -> Path:
    place = folder / name
    asked = checked(NewPlugin(**{"name": name, "licence": "MIT", "author": "Ada", "year": 2026, **given}))
    write(place, rendered(asked), overwrite=False)
    return place


def tried(folder: Path, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = [folder / "src", ROOT / "src", *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    paths_there = os.pathsep.join(map(str, paths))
    given = {**os.environ, "PYTHONPATH": paths_there, "MYPYPATH": paths_there, **environment}
    words: Sequence[str] = [sys.executable, "-m", *map(str, command)]
    return subprocess.run(words, cwd=folder, env=given, capture_output=True, text=True, check=False, timeout=300)
