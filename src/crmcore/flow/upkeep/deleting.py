"""A segment goes, and with it all that was kept for it; what was told of it stays, and ends with everybody's leaving."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from crmcore.errors import SegmentInUse
from crmcore.flow.upkeep import planning
from crmcore.flow.upkeep.telling import Change, tell
from crmcore.store import memberships, runs, segments, standings
from crmcore.store.scope import Scope
from crmcore.store.segments import RULE, Definition


def delete(scope: Scope, name: str, ask_anew: Callable[[Scope], None]) -> None:
    """Delete a segment: the name is as good as new. Raise UnknownSegment, SegmentInUse naming what asks for it."""
    segments.hold(scope, {name})
    definition = segments.load(scope, name)
    if asking := [*_segments_asking(scope, name), *_campaigns_asking(scope, name)]:
        raise SegmentInUse(name=name, asking=" and ".join(asking))
    segments.delete(scope, definition.id)
    if definition.kind == RULE:
        # Whoever looks at customers for the generation before has come to an end then: all is told that will be.
        ask_anew(scope)
    memberships.forget_segment(scope, definition.id)
    _let_all_leave(scope, definition)


def _let_all_leave(scope: Scope, definition: Definition) -> None:
    inside = sorted(memberships.told_of(scope, definition.name))
    gone = standings.gone(scope, inside)
    left = [
        Change(segment_id=definition.id, segment=definition.name, customer_id=one, is_in=False, at=scope.now)
        for one in inside
        if one not in gone
    ]
    if left:
        tell(scope, left)


def _segments_asking(scope: Scope, name: str) -> Iterator[str]:
    for one in segments.of_rules(scope):
        if name in planning.named_segments(one.condition):
            yield f"segment {one.name!r}"


def _campaigns_asking(scope: Scope, name: str) -> Iterator[str]:
    for run in runs.open_ones(scope):
        audience = run.campaign.audience
        if name == audience if isinstance(audience, str) else name in planning.named_segments(audience):
            yield f"campaign {run.campaign.name!r} ({run.state})"
