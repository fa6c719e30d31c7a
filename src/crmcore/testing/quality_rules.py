"""The rules a plugin's quality is judged by, each a look at its folder."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

GRADES = ("bronze", "silver", "gold", "platinum")
LONGEST = 400
#: The suite that proves what a hook registers.
SUITES = {
    "crm_register_channels": "ChannelSuite",
    "crm_register_providers": "ProviderSuite",
    "crm_register_recommenders": "RecommenderSuite",
    "crm_register_rules": "RuleSuite",
    "crm_register_steps": "StepSuite",
    "crm_register_gates": "GateSuite",
    "crm_register_modules": "ModuleSuite",
}
#: What tells the machine's time, waits for it, or is left to chance.
_OUTSIDE = re.compile(
    r"^(time\.(time|time_ns|sleep)|datetime\.(now|utcnow|today)|date\.today|random\.\w+|uuid\.uuid[14])$"
)
_SILENCED = re.compile(r"#\s*(type:\s*ignore\[[\w, -]+\]|noqa:\s*[A-Z0-9, ]+)(.*)$")


@attrs.frozen(kw_only=True)
class Folder:
    """What a plugin's folder has: its project, its sources and tests as text by their path, its README."""

    path: Path
    project: Mapping[str, Any]
    sources: Mapping[Path, str]
    tests: Mapping[Path, str]
    readme: str

    @property
    def name(self) -> str:
        """The name of the distribution."""
        return str(self.project.get("project", {}).get("name", self.path.name))


@attrs.frozen(kw_only=True)
class Rule:
    """One rule: its grade, what it asks for, and how it is told; `broken` returns what is wrong, "" where nothing is.

    It is given what quality.toml says under the rule's name, None where it says nothing.
    """

    name: str
    grade: str
    asks: str
    broken: Callable[[Folder, Any], str]


def folder_of(path: Path) -> Folder:
    """Read a plugin's folder."""
    readme = path / "README.md"
    return Folder(
        path=path,
        project=tomllib.loads((path / "pyproject.toml").read_text()),
        sources=_texts(path / "src"),
        tests=_texts(path / "tests"),
        readme=readme.read_text() if readme.exists() else "",
    )


def _texts(path: Path) -> dict[Path, str]:
    return {one: one.read_text() for one in sorted(path.glob("**/*.py"))}


def _entry_point(folder: Folder, _said: Any) -> str:
    points = folder.project.get("project", {}).get("entry-points", {}).get("crmcore")
    return "" if points else "pyproject.toml has no [project.entry-points.crmcore]"


def _typed(folder: Folder, _said: Any) -> str:
    found = list(folder.path.glob("src/*/py.typed"))
    return "" if found else "there is no src/PACKAGE/py.typed"


def _readme(folder: Folder, _said: Any) -> str:
    return "" if "```python" in folder.readme else "README.md has no block of Python"


def _suites(folder: Folder, _said: Any) -> str:
    source, subclassed = "\n".join(folder.sources.values()), set(_bases(folder))
    missing = [f"{suite} ({hook})" for hook, suite in SUITES.items() if hook in source and suite not in subclassed]
    return f"its tests subclass no {', '.join(missing)}" if missing else ""


def _bases(folder: Folder) -> Iterator[str]:
    for text in folder.tests.values():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                yield from (ast.unparse(base).rpartition(".")[2] for base in node.bases)


def _clock(folder: Folder, _said: Any) -> str:
    found = [f"{path.name}: {name}" for path, text in folder.sources.items() for name in _called(text)]
    return f"time and chance come from outside, and it calls {', '.join(sorted(found))}" if found else ""


def _called(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and _OUTSIDE.match(name := ast.unparse(node.func)):
            yield name


def _errors(folder: Folder, _said: Any) -> str:
    found = sorted(
        {path.name for path, text in folder.sources.items() if any(map(_swallows, ast.walk(ast.parse(text))))}
    )
    return f"an except that only passes hides any error, in {', '.join(found)}" if found else ""


def _swallows(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    is_broad = node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")
    return is_broad and all(isinstance(one, ast.Pass) for one in node.body)


def _settings(folder: Folder, _said: Any) -> str:
    read = {name for text in folder.sources.values() for name in re.findall(r'section\("([\w.]+)"\)', text)}
    missing = sorted(name for name in read if f"[{name}" not in folder.readme)
    return f"README.md says nothing of the settings [{'], ['.join(missing)}]" if missing else ""


def _reasons(folder: Folder, _said: Any) -> str:
    found = sorted({path.name for path, text in folder.sources.items() if any(map(_is_unexplained, text.splitlines()))})
    return f"a check is silenced without a reason beside it, in {', '.join(found)}" if found else ""


def _is_unexplained(line: str) -> bool:
    silenced = _SILENCED.search(line)
    return silenced is not None and not re.search(r"\w{3,}", silenced[2])


def _size(folder: Folder, _said: Any) -> str:
    long = [path.name for path, text in folder.sources.items() if len(text.splitlines()) > LONGEST]
    return f"longer than {LONGEST} lines: {', '.join(long)}" if long else ""


def _docs(folder: Folder, said: Any) -> str:
    return _named_files(folder, said, "docs", "the page that shows how it is used")


def _faults(folder: Folder, said: Any) -> str:
    return _named_files(folder, said, "faults", "the tests in which it is killed, cut off or lied to")


def _benchmark(folder: Folder, said: Any) -> str:
    return _named_files(folder, said, "benchmark", "the script that measures what it claims")


def _named_files(folder: Folder, said: Any, rule: str, what: str) -> str:
    names = [said] if isinstance(said, str) else list(said or ())
    if not names:
        return f'quality.toml does not name {what}: {rule} = "PATH"'
    missing = [name for name in names if not (folder.path / name).is_file()]
    return f"{what} is not there: {', '.join(missing)}" if missing else ""


def _counterpart(folder: Folder, said: Any) -> str:
    return _named_files(folder, said, "counterpart", "the tests that hold it against work that is not its own")


RULES = (
    Rule(
        name="entry_point",
        grade="bronze",
        asks="It is found: an entry point in the group crmcore.",
        broken=_entry_point,
    ),
    Rule(name="readme", grade="bronze", asks="Its README shows code.", broken=_readme),
    Rule(name="suites", grade="bronze", asks="What it registers is proved by the shipped suites.", broken=_suites),
    Rule(name="typed", grade="bronze", asks="It ships its types.", broken=_typed),
    Rule(name="clock", grade="silver", asks="It asks neither the machine's clock nor chance.", broken=_clock),
    Rule(name="errors", grade="silver", asks="No except swallows everything.", broken=_errors),
    Rule(name="settings", grade="silver", asks="Its README has the settings it reads.", broken=_settings),
    Rule(name="reasons", grade="silver", asks="A silenced check has its reason beside it.", broken=_reasons),
    Rule(name="docs", grade="gold", asks="A page shows how it is used.", broken=_docs),
    Rule(name="faults", grade="gold", asks="Tests kill it, cut it off, or lie to it.", broken=_faults),
    Rule(name="size", grade="gold", asks=f"No file is longer than {LONGEST} lines.", broken=_size),
    Rule(name="benchmark", grade="platinum", asks="A script measures what it claims.", broken=_benchmark),
    Rule(
        name="counterpart",
        grade="platinum",
        asks="Its tests hold it against work that is not its own.",
        broken=_counterpart,
    ),
)
