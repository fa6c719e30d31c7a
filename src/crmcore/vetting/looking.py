"""What can be seen of a plugin without running its suites: names, versions, types, README, quality.toml.

Whether what the README shows works is not tried: it is for a test of the plugin's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from crmcore.errors import InvalidName
from crmcore.model.names import checked_name
from crmcore.vetting.candidate import Candidate
from crmcore.vetting.inventory import Inventory
from crmcore.vetting.verdict import UNLOADED, Check

QUALITY = "quality.toml"
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


def looked_at(candidate: Candidate, inventory: Inventory) -> list[Check]:
    """Return what is right and what is wrong."""
    loaded = {"versions": _versions(candidate, inventory), "registers": _nothing(inventory)}
    checks = _each({"loads": iter(inventory.faults), "names": _names(candidate, inventory)})
    checks += _unlooked(loaded) if inventory.faults else _each(loaded)
    return checks if candidate.folder is None else checks + _each(_of_folder(candidate, candidate.folder))


def _of_folder(candidate: Candidate, folder: Path) -> dict[str, Iterator[str]]:
    quality = {QUALITY: _quality(folder)} if (folder / QUALITY).exists() else {}
    return {"py.typed": _types(candidate), "README shows code": _readme(folder), **quality}


def _unlooked(names: Iterable[str]) -> list[Check]:
    return [Check(name=name, outcome="not looked at", said=UNLOADED) for name in names]


def _each(problems: Mapping[str, Iterator[str]]) -> list[Check]:
    return [check for name, found in problems.items() for check in _checks(name, list(found))]


def _checks(name: str, problems: list[str]) -> list[Check]:
    if not problems:
        return [Check(name=name, outcome="passed")]
    return [Check(name=name, outcome="failed", said=one) for one in problems]


def _names(candidate: Candidate, inventory: Inventory) -> Iterator[str]:
    try:
        checked_name(candidate.name, "plugin", "the entry point")
    except InvalidName as error:
        yield str(error)
    if candidate.package != candidate.name:
        yield f"the entry point is called {candidate.name}, its package {candidate.package}; let them be the same"
    if _canonical(candidate.distribution) != (wanted := _canonical(candidate.package)):
        yield f"the distribution is called {candidate.distribution!r}, its package makes one look for {wanted}"
    for one in inventory.taken:
        yield f"the {one} is registered by another plugin that is installed here"


def _versions(candidate: Candidate, inventory: Inventory) -> Iterator[str]:
    if not inventory.version:
        yield "the plugin has no __version__"
    elif candidate.version and inventory.version != candidate.version:
        yield f"__version__ is {inventory.version}, the distribution's version {candidate.version}"
    names = {_canonical(match[0]) for one in candidate.dependencies if (match := _REQUIREMENT.match(one))}
    if "crmcore" not in names:
        yield "crmcore is not among its dependencies; say which versions it works with, such as crmcore>=0.1,<0.2"


def _nothing(inventory: Inventory) -> Iterator[str]:
    if not inventory.objects and not inventory.hooks:
        yield "it registers nothing and listens to nothing"


def _types(candidate: Candidate) -> Iterator[str]:
    assert candidate.sources is not None
    if not (candidate.sources / candidate.package / "py.typed").is_file():
        yield f"{candidate.package}/py.typed is missing: nobody's type checker reads its annotations"


def _readme(folder: Path) -> Iterator[str]:
    path = folder / "README.md"
    if not path.is_file():
        yield "there is no README.md"
    elif "```python" not in path.read_text(encoding="utf-8", errors="replace"):
        yield "README.md has no block of Python"


def _quality(folder: Path) -> Iterator[str]:
    """Yield where it claims more, or less, than its rules come to."""
    from crmcore.testing.quality import quality

    try:
        yield from quality(folder).problems
    except (OSError, ValueError) as error:
        yield f"it cannot be read: {error}"


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
