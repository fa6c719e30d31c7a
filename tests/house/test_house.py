"""The house keeps its own rules."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shutil
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from crmcore import errors
from crmcore.hooks import specs

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("src/crmcore/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")])
#: Written by tools/write_aio.py, one method a method of CRM: nobody reads it top to bottom, so its length does not count.
GENERATED = {ROOT / "src" / "crmcore" / "aio.py"}
WRITTEN = [path for path in SOURCES if path not in GENERATED]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
FORBIDDEN = {"Manager", "Helper", "Util", "Utils", "Data", "Info", "Base"}
HOOKS = {name: hook for name, hook in vars(specs).items() if name.startswith("crm_")}


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]


def length(node: ast.FunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_file_is_longer_than_400_lines():
    assert {str(path): lines for path in WRITTEN if (lines := len(path.read_text().splitlines())) > 400} == {}


def test_no_function_is_longer_than_60_lines_and_most_are_short():
    lengths = {f"{path}:{node.name}": length(node) for path in WRITTEN for node in functions(path)}
    assert {name: lines for name, lines in lengths.items() if lines > 60} == {}
    assert statistics.median(lengths.values()) <= 10


def test_names_say_what_a_thing_is():
    named = {
        node.name
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    }
    words = {(name, word) for name in named for word in re.findall(r"[A-Z][a-z]+", name.title().replace("_", ""))}
    camel = {(name, word) for name in named for word in re.findall(r"[A-Z][a-z]*", name)}
    assert {name for name, word in words | camel if word in FORBIDDEN and name[:1].isupper()} == set()


def test_every_module_says_what_it_is():
    assert [
        str(path) for path in SOURCES if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ] == []


#: Where SQL is written out, or a driver's connection touched: everybody else says it in Core, or through store/bulk.py.
IN_WORDS = {
    "store/bulk.py",
    "store/lists.py",
    "store/compacting.py",
    "store/copying.py",
    "store/deliveries.py",
    "store/engine.py",
    "store/isolation.py",
    "store/nodes.py",
}
IN_WORDS |= {"migrations/revising.py"}


def test_sql_in_words_stands_in_few_named_files():
    words = r"exec_driver_sql\(|from sqlalchemy import [^\n]*\btext\b|sqlalchemy\.text|\b(?:driver|dbapi|raw)_connection\b|\.cursor\("
    found = {path for path in SOURCES if re.search(words, path.read_text()) and "testing" not in path.parts}
    assert found == {ROOT / "src" / "crmcore" / name for name in IN_WORDS}


def test_who_asks_for_a_plan_asks_a_database_that_nobody_used_before():
    asking = re.compile(r"^from tests\.store\.planning import .*\b(planned|scans|sorted_ones|steps)\b", re.MULTILINE)
    modules = {path: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    found = {path: text for path, text in modules.items() if asking.search(text)}
    assert len(found) > 10
    assert {path for path, text in found.items() if "mark.untouched" not in text} == set()


def test_a_plugin_imports_nothing_but_the_boundary():
    allowed = ("crmcore.hooks", "crmcore.model", "crmcore.errors", "crmcore.settings")
    for path in ROOT.glob("plugins/*/src/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("crmcore"):
                assert node.module.startswith(allowed), (path, node.module)


@pytest.mark.parametrize("name", ["crmcore", "crmcore.aio", *(one.name for one in PLUGINS), "crmcore.store.schema"])
def test_what_a_package_exports_is_sorted_and_there(name):
    module = importlib.import_module(name)
    assert list(module.__all__) == sorted(module.__all__)
    assert all(hasattr(module, one) for one in module.__all__)


def error_classes() -> dict[str, type[errors.CRMError]]:
    return {
        name: one for name, one in vars(errors).items() if inspect.isclass(one) and issubclass(one, errors.CRMError)
    }


def test_every_error_stands_in_the_tree():
    drawn = re.findall(r"^ *(?:[|` -]*)(\w+)", (errors.__doc__ or "").partition("::")[2], re.MULTILINE)
    assert set(error_classes()) <= set(drawn) | {"text"}


@pytest.mark.parametrize("name", sorted(error_classes()))
def test_the_docstring_of_an_error_is_its_message(name):
    fields = re.findall(r"\{(\w+)", error_classes()[name].__doc__ or "")
    made = error_classes()[name](**dict.fromkeys(fields, "<field>"))
    assert str(made).count("<field>") == len(fields)


@pytest.mark.parametrize(("problem", "end"), [("it is none", "none."), ("is it?", "it?"), ("It is not.", "not.")])
def test_a_message_ends_with_one_sign(problem, end):
    assert str(errors.DatabaseUnusable(url="shop.db", problem=problem)).endswith(
        f": {problem.rpartition(' ')[0]} {end}"
    )


def test_there_are_at_most_16_hooks():
    assert len(HOOKS) <= 16


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_every_hook_has_a_heading_with_its_exact_signature(name):
    given = inspect.signature(HOOKS[name])
    parameters = ", ".join(f"{one.name}: {one.annotation}" for one in given.parameters.values())
    heading = f"## `{name}({parameters}) -> {given.return_annotation}`"
    assert heading in (ROOT / "docs" / "reference" / "hooks.md").read_text()
    assert "versionadded" in (HOOKS[name].__doc__ or "")


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_every_plugin_is_whole(plugin):
    project = tomllib.loads((plugin / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["crmcore"] == {plugin.name: plugin.name}
    assert "```python" in (plugin / "README.md").read_text()
    assert list((plugin / "tests").glob("test_*.py"))
    others = {path.name.replace("_", "-") for path in PLUGINS if path != plugin}
    assert not {re.split(r"[<>=]", one)[0] for one in project["dependencies"]} & others


def tracked() -> list[str]:
    return subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_lock_names_no_place():
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert not re.search(r"(?m)^(-|/|\.)", lock)
    assert [name for name in tracked() if re.search(r"(^|/)(uv\.lock|pylock.*\.toml)$", name)] == []


def test_every_pinned_version_is_hashed():
    entries = re.split(r"(?m)^(?=\S)", (ROOT / "requirements.lock").read_text())
    assert [entry for entry in entries if entry.strip() and "--hash=sha256:" not in entry] == []


CONTROLS = {
    "app.py": "from crmcore import aio",
    "model/money.py": "import sqlalchemy",
    "model/time.py": "from crmcore.store import events",
    "hooks/gate.py": "from crmcore.flow import applying",
    "store/tags.py": "from crmcore.flow import folding",
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    command = [program, "--no-cache", "--config", folder / "pyproject.toml"]
    paths = ":".join(map(str, (folder / "src", *sorted((folder / "plugins").glob("*/src")))))
    environment = {"PYTHONPATH": paths, "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture
def copy(tmp_path):
    for name in ("src", "plugins"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.xz"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_floors_are_kept(copy):
    done = lint(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", CONTROLS)
def test_a_floor_that_is_broken_is_reported(copy, name):
    path = copy / "src" / "crmcore" / name
    path.write_text(f"{path.read_text()}\n{CONTROLS[name]}\n")
    done = lint(copy)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout


def test_a_plugin_that_reaches_inside_is_reported(copy):
    path = copy / "plugins" / "crm_email" / "src" / "crm_email" / "file.py"
    path.write_text(f"{path.read_text()}\nfrom crmcore.store import events\n")
    assert "BROKEN" in lint(copy).stdout


def mypy(folder: Path, source: str) -> str:
    # A name of its own: mypy knows a file by its name, second and size, and would not look at it again.
    path = folder / f"plugin_{len(list(folder.iterdir()))}.py"
    path.write_text(source)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", ROOT / "pyproject.toml", path]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


PLUGIN = """
from collections.abc import Sequence
from crmcore.hooks.gate import Gate
from crmcore.hooks.marker import implements
from crmcore.hooks.notices import CustomerChange, EventTracked, Notices
from crmcore.hooks.setup import Setup
from crmcore.hooks.specs import crm_event_tracked, crm_register_gates

@implements(crm_register_gates)
def gates(setup: {setup}) -> Sequence[Gate]:
    return []

@implements(crm_event_tracked)
def tracked(batch: Notices[{entry}]) -> {answer}:
    raise NotImplementedError
"""


def test_a_hook_with_a_wrong_signature_is_refused_by_the_type_checker(tmp_path):
    assert "Success" in mypy(tmp_path, PLUGIN.format(setup="Setup", entry="EventTracked", answer="None"))
    assert mypy(tmp_path, PLUGIN.format(setup="int", entry="CustomerChange", answer="None")).count("[arg-type]") == 2
    assert mypy(tmp_path, PLUGIN.format(setup="Setup", entry="EventTracked", answer="int")).count("[arg-type]") == 1
