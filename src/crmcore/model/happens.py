"""An event that a campaign looks out for: to begin with, to wait for, to end with, to be measured by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmcore.errors import InvalidValue
from crmcore.model.condition import HOT, Field, Op
from crmcore.model.event_clauses import EventClause
from crmcore.model.fields import checked_field
from crmcore.model.names import checked_name
from crmcore.model.values import checked_text, normalise

#: The events that say who enters a segment and who leaves it; `ref` is its name.
ENTERED, LEFT = "segment_entered", "segment_left"
#: The longest key of a run; what is longer keys nothing.
LONGEST_KEY = 200


def checked_key(key: str, place: str) -> str:
    """Return the key of a way; raise InvalidValue for what no event could have for one."""
    if not isinstance(key, str) or len(key) > LONGEST_KEY:
        raise InvalidValue(place=place, problem=f"a key is a text of at most {LONGEST_KEY} characters")
    return checked_text(key, place)


def _fields(given: Mapping[str, Any] | tuple[Field, ...]) -> tuple[Field, ...]:
    if isinstance(given, Mapping):
        return tuple(Field(name=name, op=Op.EQ, value=normalise(value, name)) for name, value in given.items())
    return tuple(given)


@attrs.frozen(kw_only=True)
class Happens:
    """An event of a name, with fields as given.

    `key` is the field that says which cart, order or subscription it is about: of a trigger it becomes the key of the
    customer's way through the campaign; elsewhere only the way of the same key is meant. Left empty, all ways are.
    """

    event: str
    where: tuple[Field, ...] = attrs.field(default=(), converter=_fields)
    key: str = ""

    def __attrs_post_init__(self) -> None:
        checked_name(self.event, "event", "an event of a campaign")
        if self.key:
            checked_field(self.key)

    @property
    def fields(self) -> frozenset[str]:
        """What is read of the event beside its hot columns."""
        named = {one.name for one in self.where} | ({self.key} if self.key else set())
        return frozenset(named - HOT.keys())


Happening = Happens | EventClause | str


def happens(given: Happening) -> Happens:
    """Return the event of a name or of `event("order_placed").where(...)`."""
    if isinstance(given, EventClause):
        return Happens(event=given.events.name, where=given.events.where)
    return Happens(event=given) if isinstance(given, str) else given


def entered(segment: str) -> Happens:
    """Return that a customer enters a segment."""
    return Happens(event=ENTERED, where={"ref": checked_name(segment, "segment", "entered")})


def left(segment: str) -> Happens:
    """Return that a customer leaves a segment."""
    return Happens(event=LEFT, where={"ref": checked_name(segment, "segment", "left")})
