"""Which column means what: a mapping read from TOML, and a line read by it."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, DecimalException
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from crmcore.errors import InputError, InvalidFile, InvalidMoney, InvalidTime, InvalidValue
from crmcore.model.money import Money, is_currency
from crmcore.model.time import EPOCH, MICROSECOND

Kind = Literal["orders", "customers", "events"]
NEEDED: dict[str, tuple[str, ...]] = {
    "orders": ("customer", "ref", "item", "quantity", "price", "at"),
    "customers": ("customer",),
    "events": ("customer", "name", "at"),
}
KNOWN = ("customer", "ref", "item", "title", "quantity", "price", "amount", "at", "name", "currency")


@attrs.frozen(kw_only=True)
class Columns:
    """The columns of a file by what they mean; `attributes` by attribute name."""

    customer: str = ""
    ref: str = ""
    item: str = ""
    title: str = ""
    quantity: str = ""
    price: str = ""
    amount: str = ""
    at: str = ""
    name: str = ""
    currency: str = ""
    attributes: dict[str, str] = attrs.field(factory=dict)
    properties: dict[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ColumnMap:
    """How a file is read.

    Attributes: `kind` (orders, customers, events); `source`; `columns`; `currency` and `timezone` where no column says
    them; `at_format` (strptime; ISO 8601 where empty); `identity` (the kind of identity the customer column holds);
    `returns_prefix` (a ref that begins so is a return); `suffixes` to take off cells, by column.
    """

    kind: Kind
    source: str
    columns: Columns
    currency: str = ""
    timezone: str = "UTC"
    at_format: str = ""
    identity: str = "key"
    returns_prefix: str = ""
    suffixes: dict[str, str] = attrs.field(factory=dict)


def read_map(path: Path) -> ColumnMap:
    """Return the mapping of a TOML file; raise InvalidFile naming the key and the fix."""
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidFile(file=path, place="the mapping", problem=str(error)) from error
    return map_of(plain, path)


def map_of(plain: Mapping[str, Any], path: Path) -> ColumnMap:
    """Return the mapping of plain data."""
    import cattrs

    converter = cattrs.Converter(forbid_extra_keys=True)
    try:
        made = converter.structure(plain, ColumnMap)
    except Exception as error:
        raise InvalidFile(file=path, place="the mapping", problem="; ".join(cattrs.transform_error(error))) from error
    missing = [name for name in NEEDED[made.kind] if not getattr(made.columns, name)]
    if missing:
        raise InvalidFile(file=path, place="[columns]", problem=f"{made.kind} need a column for {', '.join(missing)}")
    _checked_constants(made, path)
    return made


def _checked_constants(made: ColumnMap, path: Path) -> None:
    if made.currency and not is_currency(made.currency):
        raise InvalidFile(file=path, place="currency", problem=f"{made.currency!r} is no ISO 4217 code such as 'EUR'")
    if made.kind == "orders" and not (made.currency or made.columns.currency):
        raise InvalidFile(file=path, place="currency", problem='orders need one, as in currency = "EUR"')
    try:
        ZoneInfo(made.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidFile(file=path, place="timezone", problem=f"{made.timezone!r} is no IANA time zone") from error


Cell = Callable[[Sequence[str]], str]


@attrs.frozen(kw_only=True)
class Reader:
    """A mapping bound to a header: from a line's cells to what they mean."""

    map: ColumnMap
    cells: Mapping[str, Cell]
    attributes: Mapping[str, Cell]
    properties: Mapping[str, Cell]
    zone: ZoneInfo

    def text(self, name: str, cells: Sequence[str]) -> str:
        """Return a cell without blanks around it; empty where there is no such column."""
        return self.cells[name](cells) if name in self.cells else ""

    def at(self, cells: Sequence[str]) -> int:
        """Return the time of a line in microseconds UTC; a time without zone is of the mapping's zone."""
        return _moment(self.text("at", cells), self.map.at_format, self.zone)

    def number(self, name: str, cells: Sequence[str]) -> Decimal:
        """Return a decimal number; raise InvalidValue naming the column."""
        text = self.text(name, cells)
        try:
            number = Decimal(text)
        except DecimalException as error:
            raise InvalidValue(
                place=f"column {getattr(self.map.columns, name)}", problem=f"{text!r} is no number"
            ) from error
        if not number.is_finite():
            raise InvalidValue(place=f"column {getattr(self.map.columns, name)}", problem=f"{text!r} is not finite")
        return number

    def money(self, amount: Decimal, cells: Sequence[str]) -> Money:
        """Return an amount of major units in the line's currency."""
        currency = self.text("currency", cells) or self.map.currency
        if not is_currency(currency):
            raise InvalidMoney(place="currency", problem=f"{currency!r} is no ISO 4217 code such as 'EUR'")
        return Money.of(amount, currency)


def reader(made: ColumnMap, header: Sequence[str], path: Path) -> Reader:
    """Return the mapping bound to a header; raise InvalidFile for a column that is not in it."""
    columns = {name: getattr(made.columns, name) for name in KNOWN if getattr(made.columns, name)}
    bind = {name: _cell(made, header, column, path) for name, column in columns.items()}
    attributes = {name: _cell(made, header, column, path) for name, column in made.columns.attributes.items()}
    properties = {name: _cell(made, header, column, path) for name, column in made.columns.properties.items()}
    return Reader(map=made, cells=bind, attributes=attributes, properties=properties, zone=ZoneInfo(made.timezone))


def _cell(made: ColumnMap, header: Sequence[str], column: str, path: Path) -> Cell:
    if column not in header:
        near = difflib.get_close_matches(column, header, 1)
        meant = f"did you mean {near[0]!r}?" if near else f"the file has {', '.join(header[:20])}"
        raise InvalidFile(file=path, place="[columns]", problem=f"there is no column {column!r}; {meant}")
    index, suffix = header.index(column), made.suffixes.get(column, "")
    return lambda cells: cells[index].strip().removesuffix(suffix)


@lru_cache(maxsize=4096)
def _moment(text: str, form: str, zone: ZoneInfo) -> int:
    try:
        moment = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007 - the zone follows
    except ValueError as error:
        raise InvalidTime(
            place="column of the time", problem=f"{text!r} is not of the form {form or 'ISO 8601'}"
        ) from error
    local = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    return (local - EPOCH) // MICROSECOND


__all__ = ["ColumnMap", "Columns", "InputError", "Reader", "map_of", "read_map", "reader"]
