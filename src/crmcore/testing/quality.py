"""How good a plugin is: what its quality.toml claims, held against what its folder has.

The rules are graded from bronze to platinum. A plugin has a grade where it keeps every rule of it and of those below, or is
exempt with a reason; a rule that is still to be kept is said, and keeps the grade down. See docs/reference/quality.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs

from crmcore.testing.quality_rules import GRADES, RULES, Folder, Rule, folder_of

Status = Literal["done", "todo", "exempt", "broken"]
NONE = "none"
_WORDS = frozenset({"grade", "todo", "exempt"})


@attrs.frozen(kw_only=True)
class Judged:
    """One rule, held against a plugin; `why` is the reason of what is exempt or to be done, or what is wrong."""

    rule: str
    grade: str
    asks: str
    status: Status
    why: str = ""


@attrs.frozen(kw_only=True)
class Quality:
    """What a plugin's quality comes to: the grade it has, and what is wrong with what it claims."""

    plugin: str
    grade: str
    claimed: str
    rules: tuple[Judged, ...]
    problems: tuple[str, ...]


def quality(folder: Path) -> Quality:
    """Return how good the plugin in a folder is: that of its pyproject.toml, README.md, quality.toml, src and tests.

    Raise FileNotFoundError where there is no pyproject.toml.
    """
    found = folder_of(folder)
    claims = _claims(folder / "quality.toml")
    rules = tuple(_judged(rule, found, claims) for rule in RULES)
    grade, claimed = _grade(rules), str(claims.get("grade", NONE))
    problems = (*_misspelt(claims), *_wrong(rules), *_overstated(grade, claimed))
    return Quality(plugin=found.name, grade=grade, claimed=claimed, rules=rules, problems=problems)


def _claims(path: Path) -> Mapping[str, Any]:
    return tomllib.loads(path.read_text()) if path.exists() else {}


def _judged(rule: Rule, folder: Folder, claims: Mapping[str, Any]) -> Judged:
    problem = rule.broken(folder, claims.get(rule.name))
    status, why = _status(rule, claims, problem)
    return Judged(rule=rule.name, grade=rule.grade, asks=rule.asks, status=status, why=why)


def _status(rule: Rule, claims: Mapping[str, Any], problem: str) -> tuple[Status, str]:
    if rule.name in claims.get("exempt", {}):
        return "exempt", str(claims["exempt"][rule.name])
    if rule.name in claims.get("todo", {}):
        return "todo", str(claims["todo"][rule.name])
    return ("broken", problem) if problem else ("done", "")


def _grade(rules: tuple[Judged, ...]) -> str:
    """Return the highest grade of which, and below which, every rule is kept."""
    had = NONE
    for grade in GRADES:
        if any(one.status in ("todo", "broken") for one in rules if one.grade == grade):
            return had
        had = grade
    return had


def _misspelt(claims: Mapping[str, Any]) -> Iterator[str]:
    known = {rule.name for rule in RULES}
    for name in sorted(claims.keys() - known - _WORDS):
        yield f"quality.toml: {name} is no rule; rules are {', '.join(sorted(known))}"
    for table in ("todo", "exempt"):
        for name, why in claims.get(table, {}).items():
            if name not in known:
                yield f"quality.toml: {table}.{name} is no rule; rules are {', '.join(sorted(known))}"
            if not str(why).strip():
                yield f"quality.toml: {table}.{name} says no reason: {name} = 'why'"


def _wrong(rules: tuple[Judged, ...]) -> Iterator[str]:
    for one in rules:
        if one.status == "broken":
            yield f"{one.rule}: {one.why}; keep it, or say in quality.toml why not, under [todo] or [exempt]"


def _overstated(grade: str, claimed: str) -> Iterator[str]:
    if grade != claimed:
        yield f'quality.toml says grade = "{claimed}"; by its rules it is "{grade}"'
