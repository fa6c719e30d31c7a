"""Comparisons of a value: `= "x"`, `in ("a", "b")`, `starts with "x"`, `is null`."""

from __future__ import annotations

from collections.abc import Callable

from crmcore.model.condition import Op
from crmcore.model.values import Value
from crmcore.model.wording import literals
from crmcore.model.wording.cursor import Cursor
from crmcore.model.wording.words import COMPARING, SIGNS

Compared = tuple[Op, Value | tuple[Value, ...]]
EXPECTED = "a comparison (= < >= in contains `starts with` `is null` exists)"


def comparison(cursor: Cursor) -> Compared:
    """Return how a value is compared, and with what."""
    if cursor.at(*SIGNS):
        return _signed(cursor)
    if not cursor.at(*COMPARING):
        raise cursor.unexpected(EXPECTED)
    return _WORDED[cursor.next().raw.lower()](cursor)


def sign(cursor: Cursor) -> Op:
    """Return the operator of a sign."""
    if cursor.said() not in SIGNS:
        raise cursor.unexpected("one of = != < <= > >=")
    return SIGNS[cursor.next().raw]


def _signed(cursor: Cursor) -> Compared:
    op, token = sign(cursor), cursor.peek()
    found = literals.value(cursor)
    if found is None:
        raise cursor.refused(token, "nothing compares with null; write `is null` or `exists`")
    if op is Op.EQ and isinstance(found, str) and cursor.take("ignoring"):
        cursor.need("case")
        return Op.FOLDED, found
    return op, found


def _listed(cursor: Cursor) -> Compared:
    cursor.need("(")
    found: list[Value] = []
    while not cursor.take(")"):
        if found and not cursor.take(","):
            raise cursor.unexpected("`,` or `)`")
        found.append(literals.value(cursor))
    return Op.IN, tuple(found)


def _starting(cursor: Cursor) -> Compared:
    cursor.need("with")
    return Op.STARTS, literals.text(cursor)


def _null(cursor: Cursor) -> Compared:
    cursor.need("null")
    return Op.NULL, None


_WORDED: dict[str, Callable[[Cursor], Compared]] = {
    "in": _listed,
    "contains": lambda cursor: (Op.CONTAINS, literals.text(cursor)),
    "starts": _starting,
    "is": _null,
    "exists": lambda _cursor: (Op.EXISTS, None),
}
