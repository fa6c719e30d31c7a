"""The customer has a tag, or is in a segment whose members are uploaded; everyone is in everyone."""

from __future__ import annotations

from sqlalchemy import select, true

from crmcore.hooks.rule import Touches
from crmcore.model.condition import Everyone, InSegment, Tag
from crmcore.rules.leaf import LeafRule, Truth, among, never
from crmcore.store import schema
from crmcore.store.scope import Scope


def _tag_sql(scope: Scope, leaf: Tag) -> Truth:
    row = schema.tag.c
    return among(select(row.customer_id).where(row.workspace_id == scope.workspace_id, row.name == leaf.name))


def _in_segment_sql(scope: Scope, leaf: InSegment) -> Truth:
    row, segment = schema.segment_member.c, schema.segment.c
    named = select(segment.id).where(segment.workspace_id == scope.workspace_id, segment.name == leaf.segment)
    members = select(row.customer_id).where(
        row.workspace_id == scope.workspace_id, row.segment_id == named.scalar_subquery()
    )
    return among(members)


EVERYONE = LeafRule[Everyone](
    sql=lambda _scope, _leaf: true(),
    holds=lambda _history, _leaf, _now: True,
    touches=lambda _: Touches(),
    next_change=never,
)
TAG = LeafRule[Tag](
    sql=_tag_sql,
    holds=lambda history, leaf, _now: leaf.name in history.tags,
    touches=lambda leaf: Touches(tags=frozenset({leaf.name})),
    next_change=never,
)
#: A rule's segment is replaced by its tree before (`rules.naming`).
IN_SEGMENT = LeafRule[InSegment](
    sql=_in_segment_sql,
    holds=lambda history, leaf, _now: leaf.segment in history.segments,
    touches=lambda leaf: Touches(segments=frozenset({leaf.segment})),
    next_change=never,
)
