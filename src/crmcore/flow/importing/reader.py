"""A mapping bound to a file's header: from a line's cells to what they mean."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from crmcore.errors import InvalidFile, InvalidMoney, InvalidTime, InvalidValue
from crmcore.flow.importing import escaping, sniffing
from crmcore.flow.importing.mapping import MEANINGS, ColumnMap
from crmcore.model.money import Money, is_currency
from crmcore.model.time import EPOCH, MICROSECOND
from crmcore.model.values import from_plain

_ZEROS = re.compile(r"[+-]?0\d")
#: The digits of the largest 64-bit integer, less one: "1e999999999" would take its billion digits of memory.
MAX_DIGITS = 18
Cells = Sequence[str]
Cell = Callable[[Cells], str]
Read = Callable[[Cells], Any]
TRUE = ("true", "yes", "y", "1", "t", "on", "x", "ja", "oui", "si")
FALSE = ("false", "no", "n", "0", "f", "off", "nein", "non")
_PARTS = re.compile(r'"([^"]*)"|([^",;]+)')


@attrs.frozen(kw_only=True)
class Reader:
    """Reads lines of a file with a `header`: `cells` by meaning; identities, attributes, properties and proof by name; the contact's columns."""

    map: ColumnMap
    header: Sequence[str]
    zone: ZoneInfo
    cells: Mapping[str, Cell]
    identities: Mapping[str, Cell]
    attributes: Mapping[str, Read]
    properties: Mapping[str, Read]
    proof: Mapping[str, Cell]
    contact: Mapping[str, Cell]

    def text(self, name: str, cells: Cells) -> str:
        """Return a cell without blanks around it; empty where neither a column nor a constant says it."""
        return self.cells[name](cells) if name in self.cells else ""

    def at(self, cells: Cells) -> int:
        """Return the time of a line in microseconds UTC; a time without zone is of the mapping's zone."""
        return self.moment(self.map.columns.at, self.text("at", cells))

    def at_or(self, cells: Cells, now: int) -> int:
        """Return the time of a line, or `now` where it says none."""
        return self.at(cells) if self.text("at", cells) else now

    def moment(self, column: str, text: str) -> int:
        """Return a time as microseconds UTC; raise InvalidTime naming the column."""
        form = self.map.formats.get(column, self.map.at_format)
        try:
            return _moment(text, form, self.zone)
        except (ValueError, OverflowError) as error:
            problem = f"{text!r} is not of the form {form or 'ISO 8601'}"
            raise InvalidTime(place=f"column {column}", problem=problem) from error

    def number(self, name: str, cells: Cells) -> Decimal:
        """Return a decimal number; raise InvalidValue naming the column."""
        return _number(getattr(self.map.columns, name), self.text(name, cells), self.map.decimal)

    def truth(self, name: str, cells: Cells) -> bool:
        """Return yes or no; raise InvalidValue naming the column."""
        return truth(getattr(self.map.columns, name), self.text(name, cells))

    def money(self, amount: Decimal, cells: Cells) -> Money:
        """Return an amount of major units in the line's currency."""
        currency = self.text("currency", cells) or self.map.currency
        if not is_currency(currency):
            raise InvalidMoney(place="currency", problem=f"{currency!r} is no ISO 4217 code such as 'EUR'")
        return Money.of(amount, currency)

    def filled(self, read: Mapping[str, Read], cells: Cells) -> dict[str, Any]:
        """Return what the columns of names say, where they say something."""
        return {name: value for name, one in read.items() if (value := one(cells)) is not _NOTHING}

    def cells_filled(self, cells: Cells) -> dict[str, str]:
        """Return the cells that are filled as they are, by column."""
        return {column: cell for column, cell in zip(self.header, cells, strict=True) if cell and column}


def reader(made: ColumnMap, header: Sequence[str], path: Path) -> Reader:
    """Return the mapping bound to a header; raise InvalidFile for a column that is not in it."""
    for column in (*made.types, *made.formats, *made.suffixes):
        _index(header, column, path)

    def bind(column: str) -> Cell:
        return _cell(made, header, column, path)

    named = {name: column for name in MEANINGS if (column := getattr(made.columns, name))}
    constants = {name: _constant(text) for name, text in made.constants.items() if name not in named}
    return Reader(
        map=made,
        header=header,
        zone=ZoneInfo(made.timezone),
        cells=constants | {name: bind(column) for name, column in named.items()},
        identities={name: bind(column) for name, column in made.columns.identities.items()},
        attributes={name: _value(made, bind(column), column) for name, column in made.columns.attributes.items()},
        properties={name: _value(made, bind(column), column) for name, column in made.columns.properties.items()},
        proof={name: bind(column) for name, column in made.columns.proof.items()},
        contact={column: bind(column) for column in made.contact.columns} if made.contact is not None else {},
    )


def listed(text: str) -> list[str]:
    """Return the parts of a cell, apart by `,` or `;` outside of double quotes."""
    return [part for quoted, plain in _PARTS.findall(text) if (part := (quoted or plain).strip())]


def _constant(text: str) -> Cell:
    return lambda _cells: text


def _index(header: Sequence[str], column: str, path: Path) -> int:
    if column not in header:
        near = difflib.get_close_matches(column, header, 1)
        meant = f"did you mean {near[0]!r}?" if near else f"the file has {', '.join(header[:20])}"
        raise InvalidFile(file=path, place="[columns]", problem=f"there is no column {column!r}; {meant}")
    return header.index(column)


def _cell(made: ColumnMap, header: Sequence[str], column: str, path: Path) -> Cell:
    index, suffix = _index(header, column, path), made.suffixes.get(column, "")
    if made.escaped:
        return lambda cells: cells[index]
    if suffix:
        return lambda cells: cells[index].strip().removesuffix(suffix)
    return lambda cells: cells[index].strip()


#: A cell that says nothing.
_NOTHING = object()


def _value(made: ColumnMap, cell: Cell, column: str) -> Read:
    """Return what reads a column as its type; an empty cell says nothing."""
    kind = made.types.get(column, "text")
    convert = _convert(made, column, kind)

    def read(cells: Cells) -> Any:
        text = cell(cells)
        return convert(text) if text else _NOTHING

    return read


def _convert(made: ColumnMap, column: str, kind: str) -> Callable[[str], Any]:
    zone, form, sign = ZoneInfo(made.timezone), made.formats.get(column, made.at_format), made.decimal
    kinds: dict[str, Callable[[str], Any]] = {
        "text": escaping.unescaped if made.escaped else str,
        "int": lambda text: _whole(column, text, sign),
        "decimal": lambda text: _number(column, text, sign),
        "bool": lambda text: truth(column, text),
        "date": lambda text: _date(column, text, form),
        "time": lambda text: _aware(column, text, form, zone),
        "json": lambda text: _json(column, text),
    }
    return kinds[kind]


def _number(column: str, text: str, sign: str) -> Decimal:
    try:
        number = sniffing.read_number(text, sign)
    except ValueError as error:
        raise InvalidValue(place=f"column {column}", problem=f"{text!r} is no number") from error
    if not number.is_finite():
        raise InvalidValue(place=f"column {column}", problem=f"{text!r} is not finite")
    if number.adjusted() > MAX_DIGITS:
        raise InvalidValue(place=f"column {column}", problem=f"{text!r} has more than {MAX_DIGITS + 1} digits")
    return number


def _whole(column: str, text: str, sign: str) -> int:
    if _ZEROS.match(text):
        problem = f"{text!r} begins with 0 as no number does; if these are codes, let the column be text"
        raise InvalidValue(place=f"column {column}", problem=problem)
    number = _number(column, text, sign)
    if number != number.to_integral_value():
        raise InvalidValue(place=f"column {column}", problem=f"{text!r} is no whole number")
    return int(number)


def truth(column: str, text: str) -> bool:
    """Return the yes or no a cell says; raise InvalidValue naming the column."""
    folded = text.casefold()
    if folded not in TRUE + FALSE:
        raise InvalidValue(place=f"column {column}", problem=f"{text!r} is neither yes nor no")
    return folded in TRUE


def _date(column: str, text: str, form: str) -> date:
    return _read_time(column, text, form).date()


def _aware(column: str, text: str, form: str, zone: ZoneInfo) -> datetime:
    moment = _read_time(column, text, form)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _read_time(column: str, text: str, form: str) -> datetime:
    try:
        return sniffing.read_time(text, form)
    except (ValueError, OverflowError) as error:
        problem = f"{text!r} is not of the form {form or 'ISO 8601'}"
        raise InvalidTime(place=f"column {column}", problem=problem) from error


def _json(column: str, text: str) -> Any:
    try:
        return from_plain(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise InvalidValue(place=f"column {column}", problem=f"it is no JSON ({error})") from error


@lru_cache(maxsize=4096)
def _moment(text: str, form: str, zone: ZoneInfo) -> int:
    moment = sniffing.read_time(text, form)
    local = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    return (local - EPOCH) // MICROSECOND
