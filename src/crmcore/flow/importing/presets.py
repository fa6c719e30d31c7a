"""Lists of contacts as other systems export them: which columns they have, and what those say of who may be written to."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import attrs

from crmcore.flow.importing.mapping import ColumnMap, columns_of, distinct, map_of
from crmcore.flow.importing.reader import FALSE, TRUE
from crmcore.model.names import slug

#: The cells of a file's first lines, by column in the order of the header.
Cells = Mapping[str, Sequence[str]]


@attrs.frozen(kw_only=True)
class Preset:
    """An export of another system, told by its columns and its file's name.

    A column is named as in the file, upper or lower case being the same and `*` any text.

    Attributes: `title`; `needs`, the columns that are all there; `shows` and `named`: where one is given, some column or
    the file's name is of these; `notes` to be read before anything is written, `missing` what is to be said where a column
    is not there; `opt_outs`, the columns of topics: yes, it is not wanted; `mapping`, where a list of columns stands for
    the first that is there.
    """

    title: str
    needs: tuple[str, ...]
    mapping: Mapping[str, Any]
    shows: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    missing: Mapping[str, str] = attrs.field(factory=dict)
    opt_outs: str = ""


#: Parts of a mapping that say something by column, and such as name no column.
_BY_COLUMN = ("types", "formats", "suffixes", "states", "elsewhere")
_NO_COLUMNS = ("channel", "purposes", "otherwise", "origin")


@cache
def presets() -> tuple[Preset, ...]:
    """Return the presets that come with crmcore."""
    import cattrs

    folder = files("crmcore.flow.importing").joinpath("presets_of")
    texts = [path.read_text(encoding="utf-8") for path in folder.iterdir() if path.name.endswith(".toml")]
    made = [cattrs.structure(tomllib.loads(text), Preset) for text in texts]
    return tuple(sorted(made, key=lambda one: one.title))


def matching(header: Sequence[str], name: str) -> Preset | None:
    """Return the preset that a header and the name of its file fit best, if any."""
    fits = [(how, one) for one in presets() if (how := _fit(one, header, name)) is not None]
    return max(fits, key=lambda fit: fit[0])[1] if fits else None


def fitted(preset: Preset, cells: Cells, path: Path) -> ColumnMap:
    """Return the mapping of a preset, of columns only those that are there; raise InvalidFile naming the path."""
    said = {name: preset.mapping[name] for name in preset.mapping.keys() & {"columns", "contact", *_BY_COLUMN}}
    there = _there(said, list(cells))
    there["contact"]["origin"] = preset.title
    made = map_of({**preset.mapping, **there, "kind": "customers", "source": preset.title}, path)
    if made.contact is None or not preset.opt_outs:
        return made
    rest = {column: cells[column] for column in cells if column not in columns_of(made)}
    return attrs.evolve(made, contact=attrs.evolve(made.contact, unwanted=_topics(preset.opt_outs, rest)))


def remarks(preset: Preset, header: Sequence[str]) -> list[str]:
    """Return what is to be read before such a file is imported."""
    lacking = [f"no column {name!r}: {text}" for name, text in preset.missing.items() if not _found(name, header)]
    return [f"it looks like {preset.title}", *preset.notes, *lacking]


def _fit(preset: Preset, header: Sequence[str], name: str) -> tuple[int, bool, bool] | None:
    """What a column shows tells more than a file's name, which anybody may change."""
    if not all(_found(column, header) for column in preset.needs):
        return None
    shown = any(_found(column, header) for column in preset.shows)
    named = any(_is(name, pattern) for pattern in preset.named)
    is_told = shown or named or not (preset.shows or preset.named)
    return (len(preset.needs), shown, named) if is_told else None


def _is(name: str, pattern: str) -> bool:
    return fnmatchcase(name.casefold(), pattern.casefold())


def _found(column: str | Sequence[str], header: Iterable[str]) -> str:
    """Return the column of a header that is meant, the first of several that is there; empty where none is."""
    wanted = [column] if isinstance(column, str) else column
    return next((name for one in wanted for name in header if _is(name, one)), "")


def _there(table: Mapping[str, Any], header: Sequence[str]) -> dict[str, Any]:
    """Return a part of a mapping without the columns that are not there."""
    kept: dict[str, Any] = {}
    for name, value in table.items():
        if name in _BY_COLUMN:
            kept[name] = {column: said for one, said in value.items() if (column := _found(one, header))}
        elif name in _NO_COLUMNS:
            kept[name] = value
        elif isinstance(value, dict):
            kept[name] = _there(value, header)
        elif column := _found(value, header):
            kept[name] = column
    return kept


def _topics(pattern: str, cells: Cells) -> dict[str, str]:
    """Return the columns of topics, each by what stands for the `*`; where any may be one, those of yes and no."""
    yes_or_no = {"", *TRUE, *FALSE}
    columns = [column for column in cells if _is(column, pattern)]
    if pattern == "*":
        columns = [column for column in columns if {cell.casefold() for cell in cells[column]} <= yes_or_no]
    return distinct({column: slug(column[pattern.index("*") :].strip()) for column in columns}, ())
