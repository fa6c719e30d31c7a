"""Segments by name: their definitions, versioned on change."""

from __future__ import annotations

import json

import attrs
from sqlalchemy import select

from crmcore.errors import UnknownSegment
from crmcore.hooks.notices import SegmentChange
from crmcore.model.condition import Condition, checked
from crmcore.model.names import checked_name
from crmcore.store import bulk, notices, schema
from crmcore.store.plain import to_data, to_tree
from crmcore.store.scope import Scope

RULE = "rule"


@attrs.frozen(kw_only=True)
class Definition:
    """A standing rule; `version` grows with every change of it."""

    id: int
    name: str
    version: int
    condition: Condition


def save(scope: Scope, name: str, condition: Condition) -> Definition:
    """Define a segment, or define it anew; the same definition again changes nothing."""
    checked_name(name, "segment", "segment")
    text = json.dumps(to_data(checked(condition)), ensure_ascii=False, sort_keys=True)
    row = schema.segment.c
    query = select(row.id, row.version, row.definition).where(row.workspace_id == scope.workspace_id, row.name == name)
    known = scope.connection.execute(query).one_or_none()
    if known is None:
        return _new(scope, name, condition, text)
    one, version, definition = known
    if definition != text:
        version += 1
        changed = ("definition", "version", "updated_at")
        bulk.update(scope, schema.segment, changed, ("id",), [(text, version, scope.now, one)])
        notices.post(scope, [SegmentChange(name=name, version=version, at=scope.now)])
    return Definition(id=one, name=name, version=version, condition=condition)


def load(scope: Scope, name: str) -> Definition:
    """Return a segment; raise UnknownSegment naming those there are."""
    row = schema.segment.c
    query = select(row.id, row.version, row.definition).where(row.workspace_id == scope.workspace_id, row.name == name)
    known = scope.connection.execute(query).one_or_none()
    if known is None:
        raise UnknownSegment(name=name, known=", ".join(names(scope)) or "none")
    one, version, definition = known
    return Definition(id=one, name=name, version=version, condition=to_tree(json.loads(definition), name))


def names(scope: Scope) -> list[str]:
    """Return the names of all segments, sorted."""
    row = schema.segment.c
    query = select(row.name).where(row.workspace_id == scope.workspace_id).order_by(row.name)
    return list(scope.connection.execute(query).scalars())


def _new(scope: Scope, name: str, condition: Condition, text: str) -> Definition:
    columns = ("id", "name", "kind", "definition", "version", "created_at", "updated_at")
    new_id = scope.new_id()
    bulk.insert(scope, schema.segment, columns, [(new_id, name, RULE, text, 1, scope.now, scope.now)])
    notices.post(scope, [SegmentChange(name=name, version=1, at=scope.now)])
    return Definition(id=new_id, name=name, version=1, condition=condition)
