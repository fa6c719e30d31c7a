"""How a value compares, in Python and in SQL: two-valued, with no coercion between kinds, text by code point."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import attrs
from sqlalchemy import and_, false, func, or_

from crmcore.model.condition import Attribute, OfAccount, Op
from crmcore.model.values import kind_of, number_of
from crmcore.rules.leaf import Truth
from crmcore.store.functions import grouped, position

ORDER: dict[Op, Callable[[Any, Any], Any]] = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}
_TEXT: dict[Op, Callable[[str, str], bool]] = {
    Op.CONTAINS: lambda text, part: part in text,
    Op.STARTS: str.startswith,
    Op.FOLDED: lambda text, same: text.casefold() == same.casefold(),
}
#: Stands for a value that is not there at all, unlike null.
MISSING = object()
#: SQLite nests an AND or OR of n parts n deep, at most 1,000; parts of parts stay shallow.
WIDTH = 8


def compare(found: object, op: Op, value: Any) -> bool:
    """Compare a value found (or MISSING) as the module `model.condition` says."""
    if found is MISSING:
        return False
    if op is Op.NULL or found is None:
        return op is Op.NULL and found is None
    if op is Op.EXISTS:
        return True
    if op is Op.IN:
        return any(compare(found, Op.EQ, one) for one in value)
    if isinstance(found, list | dict) or kind_of(found) != kind_of(value):  # type: ignore[arg-type]  # what is left is a value
        return False
    compared: Callable[[Any, Any], bool] = ORDER.get(op) or _TEXT[op]
    return compared(found, value)


def fitting(op: Op, value: Any) -> Callable[[object], bool]:
    """Return `compare` with one value, made once for many found."""
    if op is not Op.IN:
        return lambda found: compare(found, op, value)
    wanted = frozenset((kind_of(one), one) for one in value if one is not None)
    return lambda found: not isinstance(found, list | dict) and (kind_of(found), found) in wanted  # type: ignore[arg-type]  # what is left is a value or MISSING


def joined(join: Callable[..., Truth], parts: Sequence[Truth], neutral: Truth) -> Truth:
    """Join truths by AND or OR, however many there are."""
    if len(parts) <= WIDTH:
        return join(neutral, *parts)
    shares = [parts[start : start + WIDTH] for start in range(0, len(parts), WIDTH)]
    groups: list[Any] = [grouped(joined(join, share, neutral)) for share in shares]
    return joined(join, groups, neutral)


def one_of(values: Any, among: Callable[[str, list[Any]], Truth]) -> Truth:
    """It is one of the values: `among` says so of those of one kind, as they are stored."""
    kinds = sorted({kind_of(one) for one in values} - {"null"})
    stored = {
        kind: [one if kind == "text" else number_of(one) for one in values if kind_of(one) == kind] for kind in kinds
    }
    return or_(false(), *(among(kind, some) for kind, some in stored.items()))


def stored(leaf: Attribute | OfAccount, row: Any) -> Truth:
    """Compare a row of values as `model.values.stored` writes them, with its casefold; for `in`, values of one kind."""
    wanted: Any = leaf.value
    match leaf.op:
        case Op.NULL:
            return row.kind == "null"  # type: ignore[no-any-return]  # a comparison of a column
        case Op.EXISTS:
            return row.kind != "null"  # type: ignore[no-any-return]  # a comparison of a column
        case Op.IN:
            return one_of(wanted, lambda kind, some: and_(row.kind == kind, _column(row, kind).in_(some)))
        case Op.FOLDED:
            return and_(row.kind == "text", row.folded == str(wanted).casefold())
    if isinstance(wanted, str):
        return and_(row.kind == "text", compared(leaf.op, row.text, wanted))
    return and_(row.kind == kind_of(wanted), compared(leaf.op, row.number, wanted))


def by_kind(leaf: Any) -> list[Any]:
    """Return leaves of which one has to hold, each about values of one kind: an index finds one kind at a time."""
    if leaf.op is not Op.IN:
        return [leaf]
    kinds = sorted({kind_of(one) for one in leaf.value})
    return [attrs.evolve(leaf, value=tuple(one for one in leaf.value if kind_of(one) == kind)) for kind in kinds]


def _column(row: Any, kind: str) -> Any:
    return row.text if kind == "text" else row.number


def compared(op: Op, column: Any, wanted: Any) -> Truth:
    """Compare a column of the right kind with a value."""
    if not isinstance(wanted, str):
        return ORDER[op](column, number_of(wanted))  # type: ignore[no-any-return]  # a comparison of a column
    if op is Op.CONTAINS:
        return position(column, wanted) > 0
    if op is Op.STARTS:
        return func.substr(column, 1, len(wanted)) == wanted
    return ORDER[op](column, wanted)  # type: ignore[no-any-return]  # a comparison of a column
