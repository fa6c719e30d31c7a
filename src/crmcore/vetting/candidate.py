"""Which plugin is meant: the folder of a distribution, or the name of one that is installed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs

from crmcore.errors import InvalidFile, UnknownPlugin
from crmcore.loader import GROUP
from crmcore.registry import alternatives

PROJECT = "pyproject.toml"


@attrs.frozen(kw_only=True)
class Candidate:
    """A plugin to look at; `folder` is its distribution's, None where only what was built of it is installed."""

    name: str
    value: str
    distribution: str
    version: str
    dependencies: tuple[str, ...]
    folder: Path | None = None

    @property
    def package(self) -> str:
        """The package that its entry point leads to."""
        return self.value.partition(":")[0].partition(".")[0]

    @property
    def sources(self) -> Path | None:
        """Where its package is imported from; None for the environment's own place."""
        if self.folder is None:
            return None
        return next((one for one in (self.folder / "src", self.folder) if (one / self.package).is_dir()), self.folder)


def candidates(given: str) -> list[Candidate]:
    """Return the plugins of a folder, or the one of that name; raise UnknownPlugin, or InvalidFile for another folder."""
    folder = Path(given)
    if folder.is_dir():
        return _in_folder(folder.resolve())
    found = {one.name: one for one in entry_points(group=GROUP)}
    if given not in found:
        raise UnknownPlugin(kind="plugin", name=given, known=alternatives(given, found))
    return [_installed(found[given])]


def _in_folder(folder: Path) -> list[Candidate]:
    project = _project(folder / PROJECT)
    points = _table(_table(project, "entry-points"), GROUP)
    if not points or not all(isinstance(value, str) for value in points.values()):
        problem = f"it names no entry point in the group {GROUP}; a plugin has [project.entry-points.{GROUP}]"
        raise InvalidFile(file=folder / PROJECT, place="[project]", problem=problem)
    return [
        Candidate(
            name=name,
            value=value,
            distribution=str(project.get("name", "")),
            version=str(project.get("version", "")),
            dependencies=tuple(map(str, project.get("dependencies", ()))),
            folder=folder,
        )
        for name, value in sorted(points.items())
    ]


def _project(path: Path) -> Mapping[str, Any]:
    try:
        return _table(tomllib.loads(path.read_text(encoding="utf-8")), "project")
    except (OSError, ValueError) as error:
        raise InvalidFile(file=path, place="the file", problem=f"it cannot be read: {error}") from error


def _table(within: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a table; an empty one where something else is called so."""
    found = within.get(name)
    return found if isinstance(found, dict) else {}


def _installed(point: EntryPoint) -> Candidate:
    distribution = point.dist
    folder = None if distribution is None else _editable(distribution)
    if folder is not None:
        return next(one for one in _in_folder(folder) if one.name == point.name)
    return Candidate(
        name=point.name,
        value=point.value,
        distribution="" if distribution is None else distribution.name,
        version="" if distribution is None else distribution.version,
        dependencies=() if distribution is None else tuple(distribution.requires or ()),
    )


def _editable(distribution: Distribution) -> Path | None:
    """Return the folder that a distribution is edited in (PEP 610)."""
    said = json.loads(distribution.read_text("direct_url.json") or "{}")
    folder = Path(unquote(urlsplit(said.get("url", "")).path))
    is_there = said.get("dir_info", {}).get("editable") and (folder / PROJECT).is_file()
    return folder if is_there else None
