"""Fields inside an event's JSON, as each database reads them; JSON is as `model.values.to_json` writes it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Text, case, cast, collate, false, func, literal

from crmcore.model.values import INT64, SCALE

#: What is still an int of 64 bits times 10^6.
FITTING = INT64 // 10**SCALE
TAGGED = frozenset({"decimal", "time", "date"})
_SQLITE_TYPES = {"text": ("text",), "int": ("integer",), "bool": ("true", "false")}
_POSTGRESQL_TYPES = {"text": "string", "int": "number", "bool": "boolean"}


def exists(dialect: str, json: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """The field is there and not null."""
    if dialect == "sqlite":
        return func.coalesce(func.json_type(json, _path(name)), "null") != "null"
    return func.coalesce(func.jsonb_typeof(_jsonb(json, name)), "null") != "null"


def is_null(dialect: str, json: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """The field is there and null."""
    if dialect == "sqlite":
        return func.coalesce(func.json_type(json, _path(name)), "") == "null"
    return func.coalesce(func.jsonb_typeof(_jsonb(json, name)), "") == "null"


def is_kind(dialect: str, json: ColumnElement[str], name: str, kind: str) -> ColumnElement[bool]:
    """The field holds a value of this kind."""
    if dialect == "sqlite":
        path = _path(name, kind) if kind in TAGGED else _path(name)
        return func.coalesce(func.json_type(json, path), "").in_(_SQLITE_TYPES.get(kind, ("integer",)))
    found = _jsonb(json, name)
    if kind in TAGGED:
        return func.coalesce(func.jsonb_typeof(found.op("->")(literal(f"${kind}"))), "") == "number"
    return func.coalesce(func.jsonb_typeof(found), "") == _POSTGRESQL_TYPES[kind]


def value(dialect: str, json: ColumnElement[str], name: str, kind: str) -> ColumnElement[Any]:
    """What the field holds: text as text, everything else as the integer that stands for it."""
    if dialect == "sqlite":
        return func.json_extract(json, _path(name, kind) if kind in TAGGED else _path(name))
    from sqlalchemy.dialects.postgresql import JSONB

    found = _jsonb(json, name)
    if kind in TAGGED:
        return cast(found.op("->>")(literal(f"${kind}")), BigInteger)
    said = collate(cast(json, JSONB).op("->>", return_type=Text())(literal(name)), "C")
    if kind == "text":
        return said
    return cast(cast(said == "true", Integer) if kind == "bool" else said, BigInteger)


def guarded(kind: ColumnElement[bool], comparison: ColumnElement[bool]) -> ColumnElement[bool]:
    """Compare only values of the kind, which a CASE looks at first; false for all others, never null."""
    return case((kind, comparison), else_=false())


def number(dialect: str, json: ColumnElement[str], name: str) -> ColumnElement[int]:
    """The number the field holds, an int or decimal, times 10^6; an int too large for that is the last that fits."""
    whole, decimal = (value(dialect, json, name, kind) for kind in ("int", "decimal"))
    fitting = case(
        (whole > FITTING, literal(INT64 - 1, BigInteger)),
        (whole < -FITTING, literal(-INT64, BigInteger)),
        else_=whole * literal(10**SCALE, BigInteger),
    )
    return case((is_kind(dialect, json, name, "int"), fitting), (is_kind(dialect, json, name, "decimal"), decimal))


def text(dialect: str, json: ColumnElement[str], name: str) -> ColumnElement[str]:
    """The text the field holds, null where it holds none."""
    return case((is_kind(dialect, json, name, "text"), value(dialect, json, name, "text")))


def _path(name: str, kind: str = "") -> str:
    return f'$."{name}"' + (f'."${kind}"' if kind else "")


def _jsonb(json: ColumnElement[str], name: str) -> ColumnElement[Any]:
    from sqlalchemy.dialects.postgresql import JSONB

    return cast(json, JSONB).op("->")(literal(name))
