"""Fields inside an event's JSON, by their path (`model.fields`), as each database reads them; JSON is as `to_json` writes it.

Steps go by name alone: a database that is asked for the name "0" must not take the first of a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Text, case, cast, collate, false, func, literal

from crmcore.model.fields import names_of
from crmcore.model.values import INT64, SCALE

#: What is still an int of 64 bits times 10^6.
FITTING = INT64 // 10**SCALE
TAGGED = frozenset({"decimal", "time", "date"})
_SQLITE_TYPES = {"text": ("text",), "int": ("integer",), "bool": ("true", "false")}
_POSTGRESQL_TYPES = {"text": "string", "int": "number", "bool": "boolean"}


def exists(dialect: str, json: ColumnElement[str], path: str) -> ColumnElement[bool]:
    """The field is there and not null."""
    if dialect == "sqlite":
        return func.coalesce(func.json_type(json, _path(path)), "null") != "null"
    return func.coalesce(func.jsonb_typeof(_jsonb(json, path)), "null") != "null"


def is_null(dialect: str, json: ColumnElement[str], path: str) -> ColumnElement[bool]:
    """The field is there and null."""
    if dialect == "sqlite":
        return func.coalesce(func.json_type(json, _path(path)), "") == "null"
    return func.coalesce(func.jsonb_typeof(_jsonb(json, path)), "") == "null"


def is_kind(dialect: str, json: ColumnElement[str], path: str, kind: str) -> ColumnElement[bool]:
    """The field holds a value of this kind."""
    if dialect == "sqlite":
        path = _path(path, kind) if kind in TAGGED else _path(path)
        return func.coalesce(func.json_type(json, path), "").in_(_SQLITE_TYPES.get(kind, ("integer",)))
    found = _jsonb(json, path)
    if kind in TAGGED:
        return func.coalesce(func.jsonb_typeof(found.op("->")(literal(f"${kind}"))), "") == "number"
    return func.coalesce(func.jsonb_typeof(found), "") == _POSTGRESQL_TYPES[kind]


def value(dialect: str, json: ColumnElement[str], path: str, kind: str) -> ColumnElement[Any]:
    """What the field holds: text as text, everything else as the integer that stands for it."""
    if dialect == "sqlite":
        return func.json_extract(json, _path(path, kind) if kind in TAGGED else _path(path))
    if kind in TAGGED:
        return cast(_jsonb(json, path).op("->>")(literal(f"${kind}")), BigInteger)
    *outer, last = names_of(path)
    said = collate(_stepped(json, outer).op("->>", return_type=Text())(literal(last)), "C")
    if kind == "text":
        return said
    return cast(cast(said == "true", Integer) if kind == "bool" else said, BigInteger)


def guarded(kind: ColumnElement[bool], comparison: ColumnElement[bool]) -> ColumnElement[bool]:
    """Compare only values of the kind, which a CASE looks at first; false for all others, never null."""
    return case((kind, comparison), else_=false())


def number(dialect: str, json: ColumnElement[str], path: str) -> ColumnElement[int]:
    """The number the field holds, an int or decimal, times 10^6; an int too large for that is the last that fits."""
    whole, decimal = (value(dialect, json, path, kind) for kind in ("int", "decimal"))
    fitting = case(
        (whole > FITTING, literal(INT64 - 1, BigInteger)),
        (whole < -FITTING, literal(-INT64, BigInteger)),
        else_=whole * literal(10**SCALE, BigInteger),
    )
    return case((is_kind(dialect, json, path, "int"), fitting), (is_kind(dialect, json, path, "decimal"), decimal))


def text(dialect: str, json: ColumnElement[str], path: str) -> ColumnElement[str]:
    """The text the field holds, null where it holds none."""
    return case((is_kind(dialect, json, path, "text"), value(dialect, json, path, "text")))


def _path(path: str, kind: str = "") -> str:
    names = [*names_of(path), f"${kind}"] if kind else names_of(path)
    return "$" + "".join(f'."{one}"' for one in names)


def _jsonb(json: ColumnElement[str], path: str) -> ColumnElement[Any]:
    return _stepped(json, names_of(path))


def _stepped(json: ColumnElement[str], names: Sequence[str]) -> ColumnElement[Any]:
    from sqlalchemy.dialects.postgresql import JSONB

    return reduce(lambda found, one: found.op("->")(literal(one)), names, cast(json, JSONB))
