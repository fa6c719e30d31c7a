"""Faulty plugins, and which checks of their suites they fail.

Each file `<kind>_<promise>.py` beside this one holds a suite for one plugin; its docstring says which promise the plugin
breaks, and `BREAKS` which check is meant for that. The suites of a kind run in a process of their own.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import attrs

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
#: What is beside the faulty plugins.
OTHERS = {"__init__", "catching", "couriers", "test_faulty"}
TIME_LIMIT = 300.0
COMMAND = (sys.executable, "-m", "pytest", "-q", "--noconftest", "--hypothesis-seed=0")
#: What a plugin leaves behind is no fault of the test that runs when it is found.
WITHOUT = ("cacheprovider", "randomly", "xdist", "unraisableexception", "threadexception")


@attrs.frozen(kw_only=True)
class Faulty:
    """A plugin that breaks a promise: its kind, the promise in a sentence, and the check that is about it."""

    name: str
    kind: str
    promise: str
    breaks: str


@attrs.frozen
class Checked:
    """What came of a suite: how many of its checks ran, and which failed; for what else than a law, after a colon."""

    ran: int = 0
    failed: frozenset[str] = frozenset()


def all_faulty() -> list[Faulty]:
    """Return the plugins, by name."""
    return [_read(path) for path in sorted(HERE.glob("*.py")) if path.stem not in OTHERS]


def checked(plugins: Sequence[Faulty]) -> dict[str, Checked]:
    """Return, by the names of plugins, what comes of their suites."""
    kinds = defaultdict[str, list[Faulty]](list)
    for one in plugins:
        kinds[one.kind].append(one)
    return {name: found for some in kinds.values() for name, found in _run(some).items()}


def _read(path: Path) -> Faulty:
    tree = ast.parse(path.read_text())
    said = [one.value for one in tree.body if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "BREAKS"]
    promise = ast.get_docstring(tree) or ""
    if len(said) != 1 or not promise:
        raise ValueError(
            f"{path} is to say in its docstring which promise is broken, and in BREAKS which check is meant."
        )
    return Faulty(name=path.stem, kind=path.stem.partition("_")[0], promise=promise, breaks=ast.literal_eval(said[0]))


def _run(plugins: Sequence[Faulty]) -> dict[str, Checked]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        without = [part for name in WITHOUT for part in ("-p", f"no:{name}")]
        files = [str(HERE / f"{one.name}.py") for one in plugins]
        done = subprocess.run(
            [*COMMAND, *without, f"--junit-xml={report}", *files],
            cwd=ROOT,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIME_LIMIT,
        )
        if not report.exists():
            raise RuntimeError(f"pytest ended with {done.returncode}: {done.stdout}{done.stderr}")
        found = _found(ET.parse(report).getroot())
    return {one.name: found.get(one.name, Checked()) for one in plugins}


def _found(report: ET.Element) -> Mapping[str, Checked]:
    cases = defaultdict[str, list[ET.Element]](list)
    for case in report.iter("testcase"):
        place = case.get("classname") or case.get("name") or ""
        cases[next((part for part in place.split(".") if "_" in part), place)].append(case)
    return {
        name: Checked(ran=len(some), failed=frozenset(filter(None, map(_failure, some))))
        for name, some in cases.items()
    }


def _failure(case: ET.Element) -> str:
    """Return the name of a check that failed; a parametrised one has one name."""
    trouble = next((one for one in case if one.tag in ("failure", "error")), None)
    if trouble is None:
        return ""
    name, said = (case.get("name") or "").partition("[")[0], trouble.get("message") or ""
    return name if said.startswith("crmcore.testing.laws.LawBroken") else f"{name}: {said[:200]}"
