"""Segments by name: their definitions, versioned on change."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Sequence

import attrs
from sqlalchemy import ColumnElement, select

from crmcore.errors import SegmentTaken, UnknownSegment
from crmcore.hooks.notices import SegmentChange
from crmcore.model.condition import Condition, InSegment, checked
from crmcore.model.names import checked_name
from crmcore.store import bulk, notices, schema
from crmcore.store.plain import to_data, to_tree
from crmcore.store.scope import Scope

RULE, UPLOADED = "rule", "static"
_KINDS = {RULE: "a segment with a condition", UPLOADED: "a list that was uploaded"}


@attrs.frozen(kw_only=True)
class Definition:
    """A standing rule, or a list of customers that was uploaded; `version` grows with every change of it."""

    id: int
    name: str
    version: int
    condition: Condition
    kind: str = RULE


def save(scope: Scope, name: str, condition: Condition) -> Definition:
    """Define a segment, or define it anew; the same definition again changes nothing. Raise SegmentTaken."""
    return _save(scope, name, condition, RULE)


def save_uploaded(scope: Scope, name: str) -> Definition:
    """Name a segment whose members are uploaded; raise SegmentTaken."""
    return _save(scope, name, InSegment(segment=name), UPLOADED)


def _save(scope: Scope, name: str, condition: Condition, kind: str) -> Definition:
    checked_name(name, "segment", "segment")
    text = _text(checked(condition))
    known = find(scope, name)
    if known is None:
        return _new(scope, name, condition, text, kind)
    if known.kind != kind:
        raise SegmentTaken(name=name, kind=_KINDS[known.kind])
    # To Python 1, 1.0 and True are equal.
    if _text(known.condition) == text:
        return known
    columns = ("definition", "version", "updated_at")
    bulk.update(scope, schema.segment, columns, ("id",), [(text, known.version + 1, scope.now, known.id)])
    notices.post(scope, [SegmentChange(name=name, version=known.version + 1, at=scope.now)])
    return attrs.evolve(known, condition=condition, version=known.version + 1)


def _text(condition: Condition) -> str:
    return json.dumps(to_data(condition), ensure_ascii=False, sort_keys=True)


def load(scope: Scope, name: str) -> Definition:
    """Return a segment; raise UnknownSegment naming those that are called much the same, else all there are."""
    if (found := find(scope, name)) is None:
        known = names(scope)
        raise UnknownSegment(name=name, known=", ".join(known) or "none", meant=_meant(name, known))
    return found


def _meant(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(str(name), known)
    return f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known) or 'none'}"


def find(scope: Scope, name: str) -> Definition | None:
    """Return a segment; None where there is none of this name."""
    return next(iter(_definitions(scope, schema.segment.c.name == name)), None)


def hold(scope: Scope, names: Collection[str]) -> None:
    """Hold segments: until the transaction ends nobody else changes or deletes them."""
    row = schema.segment.c
    mine = select(row.id).where(row.workspace_id == scope.workspace_id, bulk.among(scope, row.name, sorted(names)))
    scope.connection.execute(mine.order_by(row.name).with_for_update())


def delete(scope: Scope, segment_id: int) -> None:
    """Remove the definition of a segment."""
    bulk.delete(scope, schema.segment, ("id",), [(segment_id,)])


def of_rules(scope: Scope) -> list[Definition]:
    """Return the segments that have a condition, by id."""
    return _definitions(scope, schema.segment.c.kind == RULE)


def _definitions(scope: Scope, which: ColumnElement[bool]) -> list[Definition]:
    row = schema.segment.c
    query = select(row.id, row.name, row.kind, row.version, row.definition).where(
        row.workspace_id == scope.workspace_id, which
    )
    return [
        Definition(id=one, name=name, kind=kind, version=version, condition=to_tree(json.loads(text), name))
        for one, name, kind, version, text in scope.connection.execute(query.order_by(row.id))
    ]


def names(scope: Scope) -> list[str]:
    """Return the names of all segments, sorted."""
    row = schema.segment.c
    query = select(row.name).where(row.workspace_id == scope.workspace_id).order_by(row.name)
    return list(scope.connection.execute(query).scalars())


def _new(scope: Scope, name: str, condition: Condition, text: str, kind: str) -> Definition:
    columns = ("id", "name", "kind", "definition", "version", "created_at", "updated_at")
    new_id = scope.new_id()
    bulk.insert(scope, schema.segment, columns, [(new_id, name, kind, text, 1, scope.now, scope.now)])
    notices.post(scope, [SegmentChange(name=name, version=1, at=scope.now)])
    return Definition(id=new_id, name=name, version=1, condition=condition, kind=kind)
