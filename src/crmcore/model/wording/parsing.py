"""A text read as a condition: `or` binds less than `and`, `and` less than `not`."""

from __future__ import annotations

from collections.abc import Callable

from crmcore.errors import InvalidCondition
from crmcore.model.condition import All, AnyOf, Condition, Not, checked
from crmcore.model.wording import happenings, traits
from crmcore.model.wording.cursor import Cursor
from crmcore.model.wording.naming import is_reserved
from crmcore.model.wording.words import STARTS

#: Longer texts are refused unread.
MAX_LENGTH = 1_000_000
EXPECTED = 'a condition, as in city = "Bandung", did order_placed or tag "vip"'


def to_condition(text: str) -> Condition:
    """Return the condition that a text says; raise InvalidCondition with `line` and `column` among its `fields`."""
    if len(text) > MAX_LENGTH:
        problem = f"{len(text):,} characters, at most {MAX_LENGTH:,} fit"
        raise InvalidCondition(place="the text", problem=problem)
    cursor = Cursor(text)
    condition = _either(cursor)
    cursor.end()
    return checked(condition)


def _either(cursor: Cursor) -> Condition:
    parts = [_both(cursor)]
    while cursor.take("or"):
        parts.append(_both(cursor))
    return parts[0] if len(parts) == 1 else AnyOf(of=tuple(parts))


def _both(cursor: Cursor) -> Condition:
    parts = [_unit(cursor)]
    while cursor.take("and"):
        parts.append(_unit(cursor))
    return parts[0] if len(parts) == 1 else All(of=tuple(parts))


def _unit(cursor: Cursor) -> Condition:
    if cursor.take("not"):
        with cursor.nested():
            return Not(of=_unit(cursor))
    if cursor.take("("):
        with cursor.nested():
            inner = _either(cursor)
        if not cursor.take(")"):
            raise cursor.unexpected("`and`, `or` or `)`")
        return inner
    if cursor.take("all"):
        return All(of=_listed(cursor))
    return AnyOf(of=_listed(cursor)) if cursor.take("any") else _leaf(cursor)


def _listed(cursor: Cursor) -> tuple[Condition, ...]:
    cursor.need("of", "(")
    found: list[Condition] = []
    with cursor.nested():
        while not cursor.take(")"):
            if found and not cursor.take(","):
                raise cursor.unexpected("`and`, `or`, `,` or `)`")
            found.append(_either(cursor))
    return tuple(found)


def _leaf(cursor: Cursor) -> Condition:
    cursor.count_leaf()
    token = cursor.peek()
    with cursor.placed(token):
        if token.kind == "text" or (token.kind == "word" and not is_reserved(token.raw)):
            return traits.attribute(cursor)
        read = _LEAVES.get(cursor.said())
        if read is None:
            raise cursor.unexpected(EXPECTED, STARTS)
        cursor.next()
        return read(cursor)


_LEAVES: dict[str, Callable[[Cursor], Condition]] = {
    "everyone": traits.everyone,
    "tag": traits.tag,
    "did": happenings.did,
    "sum": happenings.total,
    "least": happenings.least,
    "greatest": happenings.greatest,
    "distinct": happenings.distinct,
    "first": happenings.first,
    "last": happenings.last,
    "account": traits.account,
    "bucket": traits.bucket,
    "in": traits.in_segment,
    "consents": traits.consented,
    "subscribed": traits.subscribed,
    "rule": traits.plugin_rule,
}
