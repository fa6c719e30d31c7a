"""Fields inside an event's JSON, as each database reads them; JSON is as `model.values.to_json` writes it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, and_, cast, func, literal

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
    found = _jsonb(json, name)
    if kind == "text":
        return found.op("#>>")(literal("{}"))
    if kind == "bool":
        return cast(cast(found.op("#>>")(literal("{}")), Text) == "true", BigInteger)
    return cast(found.op("->>")(literal(f"${kind}")) if kind in TAGGED else found.op("#>>")(literal("{}")), BigInteger)


def guarded(kind: ColumnElement[bool], comparison: ColumnElement[bool]) -> ColumnElement[bool]:
    """Compare only values of the kind; false for all others, never null."""
    return func.coalesce(and_(kind, comparison), literal(False))  # noqa: FBT003 - SQL's own false


def _path(name: str, kind: str = "") -> str:
    return f'$."{name}"' + (f'."${kind}"' if kind else "")


def _jsonb(json: ColumnElement[str], name: str) -> ColumnElement[Any]:
    from sqlalchemy.dialects.postgresql import JSONB

    return cast(json, JSONB).op("->")(literal(name))
