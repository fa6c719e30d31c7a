"""Which column means what: the mapping of a file, read from TOML and written to it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from crmcore.errors import InvalidFile
from crmcore.flow.importing.sniffing import EPOCH, GO, ISO
from crmcore.model.money import is_currency

Kind = Literal["customers", "orders", "events", "consents", "accounts"]
#: What a cell says of a customer's wish to be written to; `unconfirmed` is neither agreed nor refused for sure.
State = Literal["subscribed", "unconfirmed", "unsubscribed", "bounced", "complained", "suppressed", "unknown"]
Type = Literal["text", "int", "decimal", "bool", "date", "time", "json"]
NEEDED: dict[str, tuple[str, ...]] = {
    "customers": ("customer",),
    "orders": ("customer", "ref", "item", "quantity", "price", "at"),
    "events": ("customer", "name", "at"),
    "consents": ("customer", "purpose"),
    "accounts": ("account",),
}
KINDS = tuple(NEEDED)


@attrs.frozen(kw_only=True)
class Columns:
    """The columns of a file by what they mean; `identities` by kind, `attributes` and `properties` by name.

    `entries` holds a JSON object, each entry of which is an attribute of its own.
    """

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
    purpose: str = ""
    channel: str = ""
    granted: str = ""
    basis: str = ""
    text_version: str = ""
    account: str = ""
    parent: str = ""
    role: str = ""
    tags: str = ""
    entries: str = ""
    identities: dict[str, str] = attrs.field(factory=dict)
    attributes: dict[str, str] = attrs.field(factory=dict)
    properties: dict[str, str] = attrs.field(factory=dict)
    proof: dict[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Contact:
    """What a list of contacts says of who may be written to; an address is of the channel's identity kind.

    Attributes: `channel`; `purposes` a subscriber has agreed to; `states`, by column what its cells mean ("*" stands for
    any text, several in one cell are apart by `,` or `;`); `elsewhere`, by column the cells that say that a line is about
    another channel; columns: `subscribed_at`, `unsubscribed_at`, `bounced_at` (filled, it is so), `confirmed_at` (the
    better time of a subscription), `topics` with names apart by `,` or `;`, `unwanted` by topic (yes, it is not wanted),
    `proof` by name; `otherwise` is what a line means that says nothing of this, and holds of every line where it refuses;
    `origin`, kept with each consent, is where the list comes from.
    """

    channel: str = "email"
    purposes: tuple[str, ...] = ("newsletter",)
    states: dict[str, dict[str, State]] = attrs.field(factory=dict)
    elsewhere: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    otherwise: State = "unknown"
    subscribed_at: str = ""
    confirmed_at: str = ""
    unsubscribed_at: str = ""
    bounced_at: str = ""
    topics: str = ""
    unwanted: dict[str, str] = attrs.field(factory=dict)
    proof: dict[str, str] = attrs.field(factory=dict)
    origin: str = ""

    @property
    def times(self) -> tuple[str, ...]:
        """The columns that hold times, if they are named."""
        return (self.subscribed_at, self.confirmed_at, self.unsubscribed_at, self.bounced_at)

    @property
    def columns(self) -> frozenset[str]:
        """The columns it speaks of."""
        by_name = (*self.states, *self.elsewhere, *self.unwanted.values(), *self.proof.values())
        return frozenset((*self.times, self.topics, *by_name)) - {""}


@attrs.frozen(kw_only=True)
class ColumnMap:
    """How a file is read.

    Attributes: `kind`; `source`; `columns`; `constants` for what no column says, by meaning; `types` of columns that are no
    text; `formats` of columns with times (strptime, "epoch", "go", "" for ISO 8601); `at_format` for all others; `decimal` is the
    decimal sign; `currency` and `timezone` where no column says them; `identity` (the kind of identity the customer column
    holds); `returns_prefix` (a ref that begins so is a return); `suffixes` to take off cells, by column; `contact` for
    lists of contacts; `encoding`, `delimiter` and `sheet` where they are not to be found out; `escaped` for files that
    `crm export-file` wrote, which are read by their own header.
    """

    kind: Kind
    source: str
    columns: Columns
    constants: dict[str, str] = attrs.field(factory=dict)
    types: dict[str, Type] = attrs.field(factory=dict)
    formats: dict[str, str] = attrs.field(factory=dict)
    at_format: str = ""
    decimal: Literal[".", ","] = "."
    currency: str = ""
    timezone: str = "UTC"
    identity: str = "key"
    returns_prefix: str = ""
    suffixes: dict[str, str] = attrs.field(factory=dict)
    contact: Contact | None = None
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    escaped: bool = False


#: Meanings that have one column each.
MEANINGS = tuple(field.name for field in attrs.fields(Columns) if field.default == "")


def columns_of(made: ColumnMap) -> set[str]:
    """Return the columns a mapping speaks of."""
    parts = attrs.asdict(made.columns, recurse=False).values()
    used = {column for part in parts for column in (part.values() if isinstance(part, dict) else [part])}
    return (used | (made.contact.columns if made.contact is not None else set())) - {""}


def distinct(wanted: Mapping[str, str], taken: Collection[str]) -> dict[str, str]:
    """Return things by the names wanted for them, changed where one is taken."""
    named: dict[str, str] = {}
    for thing, name in wanted.items():
        while name in named or name in taken:
            name = f"{name[:97]}_2" if not name.endswith("_2") else f"{name[:97]}_x"  # noqa: PLW2901 - until it is free
        named[name] = thing
    return named


def read_map(path: Path) -> ColumnMap:
    """Return the mapping of a TOML file; raise InvalidFile naming the key and the fix."""
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidFile(file=path, place="the mapping", problem=str(error)) from error
    return map_of(plain, path)


def map_of(plain: Mapping[str, Any], path: Path) -> ColumnMap:
    """Return the mapping of plain data; `path` is where errors say it comes from."""
    import cattrs

    converter = cattrs.Converter(forbid_extra_keys=True)
    for kind in (str, bool):
        converter.register_structure_hook(kind, _of_type)
    converter.register_structure_hook_func(lambda kind: kind == tuple[str, ...], _texts)
    try:
        made = converter.structure(plain, ColumnMap)
    except Exception as error:
        raise InvalidFile(file=path, place="the mapping", problem="; ".join(cattrs.transform_error(error))) from error
    return checked(made, path)


def _of_type(value: Any, kind: type) -> Any:
    """Return a value that is of a type; raise TypeError for one that only could be made so."""
    if type(value) is not kind:
        raise TypeError(value)
    return value


def _texts(value: Any, _kind: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError(value)
    return tuple(_of_type(one, str) for one in value)


def checked(made: ColumnMap, path: Path) -> ColumnMap:
    """Return a mapping that names all its kind needs; raise InvalidFile."""
    if not made.source.strip():
        raise InvalidFile(file=path, place="source", problem="it is empty; say where the lines come from")
    missing = [name for name in NEEDED[made.kind] if not getattr(made.columns, name) and name not in made.constants]
    if missing:
        raise InvalidFile(file=path, place="[columns]", problem=f"{made.kind} need a column for {', '.join(missing)}")
    unknown = sorted(made.constants.keys() - set(MEANINGS))
    if unknown:
        raise InvalidFile(file=path, place="[constants]", problem=f"{unknown[0]!r} is none of {', '.join(MEANINGS)}")
    mixed = [text for column in _states(made) for text in column if "," in text or ";" in text]
    if mixed:
        problem = f"{mixed[0]!r} holds what keeps several states in a cell apart; say each of them"
        raise InvalidFile(file=path, place="[contact.states]", problem=problem)
    if made.currency and not is_currency(made.currency):
        raise InvalidFile(file=path, place="currency", problem=f"{made.currency!r} is no ISO 4217 code such as 'EUR'")
    if made.kind == "orders" and not (made.currency or made.columns.currency or "currency" in made.constants):
        raise InvalidFile(file=path, place="currency", problem='orders need one, as in currency = "EUR"')
    check_form(made, path)
    return made


def _states(made: ColumnMap) -> list[dict[str, State]]:
    return list(made.contact.states.values()) if made.contact is not None else []


def check_form(made: ColumnMap, path: Path) -> None:
    """Raise InvalidFile where what says how the cells are written cannot be meant."""
    try:
        ZoneInfo(made.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidFile(file=path, place="timezone", problem=f"{made.timezone!r} is no IANA time zone") from error
    if made.decimal not in (".", ","):
        raise InvalidFile(file=path, place="decimal", problem=f"{made.decimal!r} is neither '.' nor ','")
    if len(made.delimiter) > 1:
        raise InvalidFile(file=path, place="delimiter", problem=f"{made.delimiter!r} is no single character")
    try:
        "".encode(made.encoding or "utf-8")
    except (LookupError, ValueError) as error:
        raise InvalidFile(
            file=path, place="encoding", problem=f"{made.encoding!r} is no encoding of text that Python knows"
        ) from error
    for form in (made.at_format, *made.formats.values()):
        _check_format(form, path)


def _check_format(form: str, path: Path) -> None:
    """Raise InvalidFile for what no time can be written and read back in."""
    if form not in (ISO, EPOCH, GO):
        try:
            datetime.strptime(datetime.now(UTC).strftime(form), form)  # noqa: DTZ007 - only whether it can be read
        except (ValueError, re.error) as error:
            raise InvalidFile(file=path, place="formats", problem=f"{form!r} is no form of times ({error})") from error


def to_toml(made: ColumnMap) -> str:
    """Return a mapping as the TOML text that `read_map` reads."""
    plain = _told(made)
    tables = {name: value for name, value in plain.items() if isinstance(value, dict)}
    lines = [f"{name} = {_toml(value)}" for name, value in plain.items() if name not in tables]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *_entries(table)]
    return "\n".join(lines) + "\n"


def _told(value: Any) -> dict[str, Any]:
    """Return what differs from the defaults."""
    plain = attrs.asdict(value, recurse=False)
    defaults = {field.name: field.default for field in attrs.fields(type(value))}
    told = {name: _told(one) if attrs.has(type(one)) else one for name, one in plain.items()}
    return {name: one for name, one in told.items() if one not in ({}, None) and one != defaults[name]}


def _entries(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        yield f"{_key(key)} = {_toml(value)}"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_entries(value)) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("_", "").isalnum() else _toml(name)
