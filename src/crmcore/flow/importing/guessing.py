"""A mapping guessed from a file's header and first lines, with what was found out said in words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import attrs

from crmcore.errors import InvalidFile
from crmcore.flow.importing import exported, marks, presets, sniffing
from crmcore.flow.importing.mapping import (
    NEEDED,
    ColumnMap,
    Columns,
    Kind,
    Type,
    check_form,
    checked,
    columns_of,
    distinct,
)
from crmcore.flow.importing.reading import is_text, layout_of, sample
from crmcore.model.names import slug
from crmcore.model.verbs import ADDRESS_ATTRIBUTES

#: What each kind of file says, beside the customer.
SAID = {
    "customers": ("tags",),
    "orders": ("ref", "item", "title", "quantity", "price", "at", "currency"),
    "events": ("name", "at", "item", "quantity", "amount", "currency", "ref"),
    "consents": ("purpose", "channel", "granted", "basis", "text_version", "at"),
    "accounts": ("account", "title", "parent", "role", "at"),
}
NUMBERS = ("quantity", "price", "amount")
#: Of a file of orders or consents only these say something of the customer.
OF_CUSTOMER = ("email", "phone", "name", "country", "city", "postcode", "language", "locale", "gender", "birth_date")
SIGNS = {"€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "zł": "PLN", "₩": "KRW", "₺": "TRY"}
_BOOLS = {"true", "false", "yes", "no"}
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
_FRACTION = re.compile(r"-?\d{1,12}[.,]\d{1,6}")


@cache
def called() -> Mapping[str, Sequence[str]]:
    """Return what columns are called, by what they mean."""
    return tomllib.loads(files("crmcore.flow.importing").joinpath("called.toml").read_text(encoding="utf-8"))


@attrs.frozen(kw_only=True)
class Guess:
    """A mapping, and in words what it rests on: `notes` to read before anything is written."""

    mapping: ColumnMap
    notes: tuple[str, ...]


@attrs.frozen(kw_only=True)
class _File:
    """A file's beginning: cells by column."""

    path: Path
    kind: Kind
    header: tuple[str, ...]
    cells: Mapping[str, Sequence[str]]


def guess(path: Path, kind: Kind, given: Mapping[str, Any]) -> Guess:
    """Return the mapping a file seems to need; `given` holds top-level values of a mapping that are known already.

    Raise InvalidFile where a column cannot be found, naming those there are.
    """
    form = attrs.evolve(ColumnMap(kind=kind, source="", columns=Columns()), **given)
    check_form(form, path)
    layout = layout_of(path, form.encoding, form.delimiter)
    header, rows = sample(path, layout, form.sheet or None)
    own = marks.columns_of(header)
    cells = {header[at]: [row.cells[at].strip() for row in rows] for at in own if header[at]}
    header = tuple(header[at] for at in own)
    file = _File(path=path, kind=kind, header=header, cells=cells)
    said = (str(layout),) if is_text(path) else ()
    if written := exported.recognised(header):
        made, notes = exported.mapping(path, header, kind), [f"it is a crmcore export of {written}"]
        return Guess(mapping=_from(file, made, given), notes=(*said, *notes))
    preset = presets.matching(header, path.name) if kind == "customers" else None
    made, notes = _by_preset(file, preset) if preset is not None else _by_names(file)
    return Guess(mapping=_with_currency(file, _from(file, made, given)), notes=(*said, *notes))


def _from(file: _File, made: ColumnMap, given: Mapping[str, Any]) -> ColumnMap:
    return attrs.evolve(made, **{"source": file.path.name.split(".")[0] or "import"} | dict(given))


def _by_names(file: _File) -> tuple[ColumnMap, list[str]]:
    found = _meanings(file)
    customer, identity = _customer(file, found)
    taken = {*found.values(), customer}
    rest = [column for column in file.cells if column not in taken]
    columns = _columns(file, found, customer, rest)
    if identity == "email":
        columns = attrs.evolve(columns, attributes=_without_phones(columns.attributes))
    return _typed(file, ColumnMap(kind=file.kind, source="", columns=columns, identity=identity))


def _by_preset(file: _File, preset: presets.Preset) -> tuple[ColumnMap, list[str]]:
    made = presets.fitted(preset, file.cells, file.path)
    attributes = made.columns.attributes | _further(file, made)
    made, notes = _typed(file, attrs.evolve(made, columns=attrs.evolve(made.columns, attributes=attributes)))
    return made, [*presets.remarks(preset, file.header), *notes]


def _further(file: _File, made: ColumnMap) -> dict[str, str]:
    """Return the other columns as attributes, none an address: contacts with one telephone are not one customer."""
    rest = {column: slug(column) for column in file.cells if column not in columns_of(made)}
    return distinct(rest, {*made.columns.attributes, *ADDRESS_ATTRIBUTES})


def _meanings(file: _File) -> dict[str, str]:
    """Return the column of each meaning, every column at most once."""
    plain = {_plain(column): column for column in reversed(file.header) if column}
    found: dict[str, str] = {}
    for meaning in ("customer", *SAID[file.kind]):
        names = (_plain(name) for name in called()[meaning])
        column = next((plain[name] for name in names if name in plain and plain[name] not in found.values()), None)
        if column is not None:
            found[meaning] = column
    return found


def _plain(name: str) -> str:
    return slug(name).replace("_", "")


def _customer(file: _File, found: dict[str, str]) -> tuple[str, str]:
    """Return the column that names the customer, and the kind of identity it holds."""
    if "customer" in found:
        return found["customer"], "key"
    plain = {_plain(column): column for column in reversed(file.header) if column}
    for kind in ("email", "phone"):
        for name in called()[kind]:
            if _plain(name) in plain:
                return plain[_plain(name)], kind
    if file.kind == "accounts":
        return "", "key"
    raise InvalidFile(
        file=file.path,
        place="the header",
        problem=f"no column says whose line it is; the file has {', '.join(file.header[:20])}: write a mapping (--map)",
    )


def _columns(file: _File, found: dict[str, str], customer: str, rest: Sequence[str]) -> Columns:
    missing = [name for name in NEEDED[file.kind] if name not in found and name != "customer"]
    if missing:
        raise InvalidFile(
            file=file.path,
            place="the header",
            problem=f"no column is called {' or '.join(missing)}; it has {', '.join(file.header[:20])}: write a mapping (--map)",
        )
    named = _named(rest, set())
    single: dict[str, Any] = {**found, "customer": customer}
    columns = Columns(**single)
    if file.kind == "events":
        return attrs.evolve(columns, properties=named)
    kept = named if file.kind in ("customers", "accounts") else {one: named[one] for one in OF_CUSTOMER if one in named}
    return attrs.evolve(columns, attributes=kept)


def _named(columns: Sequence[str], taken: set[str]) -> dict[str, str]:
    """Return columns by the names their attributes get."""
    return distinct({column: _standard(column) for column in columns}, taken)


def _is_code(column: str) -> bool:
    return _plain(column) in {_plain(name) for kind in ("code", "phone") for name in called()[kind]}


def _without_phones(attributes: Mapping[str, str]) -> dict[str, str]:
    """Keep telephones from being identities of people known by address alone: those who share one would be joined."""
    return {"phone_number" if name == "phone" else name: column for name, column in attributes.items()}


def _standard(column: str) -> str:
    plain = _plain(column)
    return next((name for name in ("email", "phone") if plain in map(_plain, called()[name])), slug(column))


def _typed(file: _File, made: ColumnMap) -> tuple[ColumnMap, list[str]]:
    """Find out the types, formats and the decimal sign of the columns that are mapped."""
    notes: list[str] = []
    values = [*made.columns.attributes.items(), *made.columns.properties.items()]
    times = [column for column in _times(made) if column]
    formats: dict[str, str] = {}
    types: dict[str, Type] = {}
    for column in times:
        formats |= _format(file, column, notes)
    for name, column in values:
        kind: Type = "text" if name in ("email", "phone") or _is_code(column) else _type(file.cells[column])
        if kind in ("time", "date"):
            formats |= _format(file, column, notes)
        if kind != "text" and column not in made.types:
            types[column] = kind
            notes.append(f"{column}: {kind}")
    numbers = [getattr(made.columns, name) for name in NUMBERS if getattr(made.columns, name)]
    numbers += [column for column, kind in types.items() if kind == "decimal"]
    decimal = _sign(file, numbers, notes)
    made = attrs.evolve(made, types=made.types | types, formats=made.formats | formats, decimal=decimal)
    return made, notes


def _times(made: ColumnMap) -> list[str]:
    contact = made.contact
    return [made.columns.at, *(contact.times if contact is not None else ())]


def _format(file: _File, column: str, notes: list[str]) -> dict[str, str]:
    fitting = sniffing.time_formats(cell for cell in file.cells.get(column, ()) if any(map(str.isdigit, cell)))
    if not fitting:
        return {}
    if len({form.replace("%d", "").replace("%m", "") for form in fitting}) < len(fitting):
        notes.append(f"{column}: day and month cannot be told apart; read as {fitting[0]}, change it if that is wrong")
    else:
        notes.append(f"{column}: {fitting[0] or 'ISO 8601'}")
    return {column: fitting[0]} if fitting[0] else {}


def _type(cells: Sequence[str]) -> Type:
    """Return the type all filled cells have; what begins with zeros or is long is a number only in looks."""
    filled = [cell for cell in cells if cell]
    if not filled:
        return "text"
    if all(cell.casefold() in _BOOLS for cell in filled):
        return "bool"
    if all(map(_WHOLE.fullmatch, filled)):
        return "int"
    if all(_WHOLE.fullmatch(cell) or _FRACTION.fullmatch(cell) for cell in filled):
        return "decimal"
    fitting = [form for form in sniffing.time_formats(filled) if form != sniffing.EPOCH]
    if not fitting:
        return "text"
    return "time" if "H" in fitting[0] or "I" in fitting[0] or any(":" in cell for cell in filled) else "date"


def _sign(file: _File, numbers: Sequence[str], notes: list[str]) -> Any:
    cells = [cell for column in numbers for cell in file.cells.get(column, ()) if "," in cell or "." in cell]
    sign = sniffing.decimal_sign(cells) or "."
    if cells:
        notes.append(f"{', '.join(numbers)}: decimal {'comma' if sign == ',' else 'point'}")
    return sign


def _with_currency(file: _File, made: ColumnMap) -> ColumnMap:
    """Return the mapping with the currency that the cells of prices show; raise InvalidFile where orders have none."""
    if made.kind == "orders" and not (made.currency or made.columns.currency):
        cells = "".join(file.cells.get(made.columns.price, ())[:100])
        shown = next((code for sign, code in SIGNS.items() if sign in cells), "")
        made = attrs.evolve(made, currency=shown)
    if made.kind == "orders" and not (made.currency or made.columns.currency or "currency" in made.constants):
        problem = "nothing says the currency; give it, as in --set currency=EUR"
        raise InvalidFile(file=file.path, place="the header", problem=problem)
    return checked(made, file.path)
