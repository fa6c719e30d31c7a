"""What sources have sent, counted in the log: each database reads JSON in its own way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import func, select

from crmcore.model.seen import Sightings
from crmcore.model.tracking import COLUMNS
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

#: How many rows of the log one statement reads: few enough to be sorted in memory.
CHUNK = 10_000


@attrs.frozen(kw_only=True)
class Shape:
    """Events alike in source, name and the types of their properties; how many of them filled each column."""

    source_id: int | None
    event: str
    types: Mapping[str, str]
    seen: Sightings
    columns: Mapping[str, int]


@attrs.frozen(kw_only=True)
class Told:
    """Values of one type that a source has told of an attribute."""

    source_id: int | None
    attribute: str
    type: str
    seen: Sightings


#: The kind of a JSON value, from its type (as either database calls it) and its text (model.values tells of the tags).
_KIND = """CASE {type}
WHEN 'text' THEN 'text' WHEN 'string' THEN 'text'
WHEN 'integer' THEN 'int' WHEN 'number' THEN 'int'
WHEN 'true' THEN 'bool' WHEN 'false' THEN 'bool' WHEN 'boolean' THEN 'bool'
WHEN 'null' THEN 'null'
WHEN 'object' THEN CASE
WHEN substr({text}, 1, 11) = '{"$decimal"' THEN 'decimal'
WHEN substr({text}, 1, 8) = '{"$time"' THEN 'time'
WHEN substr({text}, 1, 8) = '{"$date"' THEN 'date'
ELSE 'json' END
ELSE 'json' END"""


def _kind(json_type: str, text: str) -> str:
    return _KIND.replace("{type}", json_type).replace("{text}", text)


#: The types of an event's properties as a JSON object.
_TYPES = {
    "sqlite": f"""SELECT json_group_object(field.key, {_kind("field.type", "field.value")})
FROM json_each(crm_event.properties) AS field""",
    "postgresql": f"""SELECT CAST(jsonb_object_agg(field.key, {_kind("jsonb_typeof(field.value)", "CAST(field.value AS TEXT)")}) AS TEXT)
FROM jsonb_each(CAST(crm_event.properties AS JSONB)) AS field""",
}
_TYPE = {
    "sqlite": _kind("json_type(new)", "new"),
    "postgresql": _kind("jsonb_typeof(CAST(new AS JSONB))", "new"),
}
#: The log is read in the order of its ids; SQLite would rather go through an index, row by row.
_IN_ORDER = {"sqlite": "NOT INDEXED", "postgresql": ""}

_EVENTS = """SELECT max(id), source_id, name, count(*), min(occurred_at), max(occurred_at), types, {counts}
FROM (SELECT id, source_id, name, occurred_at, ({types}) AS types, {columns} FROM crm_event {in_order}
WHERE workspace_id = :workspace AND id > :after{only} ORDER BY id LIMIT :chunk) AS happened
GROUP BY source_id, name, types"""
#: Tags, wishes and memberships are logged beside the attributes, under names with a colon.
_TOLD = """SELECT max(id), source_id, name, count(*), min(at), max(at), type
FROM (SELECT id, source_id, name, at, {type} AS type FROM crm_attribute_log {in_order}
WHERE workspace_id = :workspace AND id > :after{only} AND new IS NOT NULL AND name NOT LIKE '%:%'
ORDER BY id LIMIT :chunk) AS told
GROUP BY source_id, name, type"""


def count(scope: Scope, source_id: int | None) -> int:
    """Return how many events there are, of one source or of all."""
    row = schema.event.c
    query = select(func.count()).where(row.workspace_id == scope.workspace_id)
    return scope.connection.execute(
        query if source_id is None else query.where(row.source_id == source_id)
    ).scalar_one()


def shapes(scope: Scope, source_id: int | None) -> Iterator[list[Shape]]:
    """Yield what events look like, of one source or of all: a chunk of the log at a time."""
    columns, counts = ", ".join(COLUMNS), ", ".join(f"count({column})" for column in COLUMNS)
    dialect = scope.connection.dialect.name
    statement = _EVENTS.format(
        counts=counts, types=_TYPES[dialect], columns=columns, in_order=_IN_ORDER[dialect], only=_only(source_id)
    )
    for rows in _chunks(scope, statement, source_id):
        yield [
            Shape(
                source_id=source,
                event=name,
                seen=Sightings(count=number, first_at=first_at, last_at=last_at),
                types=json.loads(types or "{}"),
                columns=dict(zip(COLUMNS, filled, strict=True)),
            )
            for _, source, name, number, first_at, last_at, types, *filled in rows
        ]


def told(scope: Scope, source_id: int | None) -> Iterator[list[Told]]:
    """Yield what attributes were told, by one source or by all: a chunk of the log at a time."""
    dialect = scope.connection.dialect.name
    statement = _TOLD.format(type=_TYPE[dialect], in_order=_IN_ORDER[dialect], only=_only(source_id))
    for rows in _chunks(scope, statement, source_id):
        yield [
            Told(
                source_id=source,
                attribute=name,
                type=kind,
                seen=Sightings(count=number, first_at=first_at, last_at=last_at),
            )
            for _, source, name, number, first_at, last_at, kind in rows
        ]


def _only(source_id: int | None) -> str:
    return "" if source_id is None else " AND source_id = :source"


def _chunks(scope: Scope, statement: str, source_id: int | None) -> Iterator[Sequence[Any]]:
    """Run a statement from the id after the last one it saw, until it sees nothing."""
    values = {"workspace": scope.workspace_id, "after": 0, "chunk": CHUNK}
    values |= {} if source_id is None else {"source": source_id}
    while rows := bulk.run(scope, statement, values).all():
        yield rows
        values["after"] = max(row[0] for row in rows)
