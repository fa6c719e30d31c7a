"""Lists of contacts as other systems export them: which columns they have, and what those say of who may be written to."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import attrs

from crmcore.flow.importing.mapping import ColumnMap, map_of


@attrs.frozen(kw_only=True)
class Preset:
    """An export of another system: columns it `needs` to be recognised, those that are `ignored`, and its mapping.

    `warning` is said where none of the columns in `unless` is there.
    """

    title: str
    needs: tuple[str, ...]
    mapping: Mapping[str, Any]
    ignored: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    warning: str = ""


@cache
def presets() -> tuple[Preset, ...]:
    """Return the presets that come with crmcore, those with most columns to be recognised by first."""
    import cattrs

    folder = files("crmcore.flow.importing").joinpath("presets_of")
    texts = [path.read_text(encoding="utf-8") for path in folder.iterdir() if path.name.endswith(".toml")]
    made = [cattrs.structure(tomllib.loads(text), Preset) for text in texts]
    return tuple(sorted(made, key=lambda one: (-len(one.needs), one.title)))


def matching(header: Sequence[str]) -> Preset | None:
    """Return the preset that a header fits, if any."""
    return next((one for one in presets() if set(one.needs) <= set(header)), None)


def fitted(preset: Preset, header: Collection[str]) -> ColumnMap:
    """Return the mapping of a preset, of columns only those that are there."""
    plain = {name: _there(value, header) for name, value in preset.mapping.items() if name in ("columns", "contact")}
    return map_of({**preset.mapping, **plain, "kind": "customers", "source": preset.title}, Path(preset.title))


def warnings(preset: Preset, header: Collection[str]) -> list[str]:
    """Return what has to be said where a header lacks the columns that matter."""
    return [preset.warning] if preset.warning and not set(preset.unless) & set(header) else []


#: Parts of a mapping that hold no names of columns.
_NO_COLUMNS = ("channel", "purposes", "states", "otherwise")


def _there(table: Mapping[str, Any], header: Collection[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in table.items():
        if name in _NO_COLUMNS:
            kept[name] = value
        elif isinstance(value, dict):
            kept[name] = {key: column for key, column in value.items() if column in header}
        elif value in header:
            kept[name] = value
    return kept
