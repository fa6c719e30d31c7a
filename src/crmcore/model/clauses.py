"""Conditions being written in Python: what combines by & | ~, and what compares with a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import attrs

from crmcore.errors import InvalidCondition
from crmcore.model.condition import TEXT_ONLY, All, AnyOf, Condition, Field, Not, Op
from crmcore.model.values import normalise


@attrs.frozen(eq=False)
class Clause:
    """A condition being written; combine with & | ~. `condition` is what it says."""

    condition: Condition

    def __and__(self, other: Clause) -> Clause:
        return Clause(All(of=(self.condition, condition_of(other))))

    def __or__(self, other: Clause) -> Clause:
        return Clause(AnyOf(of=(self.condition, condition_of(other))))

    def __invert__(self) -> Clause:
        return Clause(Not(of=self.condition))

    def __bool__(self) -> NoReturn:
        raise InvalidCondition(
            place="a condition", problem="it has no truth by itself; combine with & | ~, not and or not"
        )


def condition_of(said: object) -> Condition:
    """Return what is said in Python; raise InvalidCondition for what is no condition, or none yet, naming the fix."""
    if isinstance(said, Clause):
        return said.condition
    if isinstance(said, Condition):
        return said
    raise said.unfinished() if isinstance(said, Unfinished) else InvalidCondition(place="the tree", problem=_none(said))


def _none(said: object) -> str:
    if isinstance(said, Field):
        return f"a field of an event is no condition on customers; ask for it in event(...).where(...): {said.name}"
    if isinstance(said, list | tuple):
        return "a list is no condition; give conditions one by one, as in all_of(a, b)"
    return f'{said!r} is no condition; write one, as in attribute("city") == "Bandung" or event("order_placed").did()'


class Unfinished:
    """What is no condition until more is said of it."""

    def unfinished(self) -> InvalidCondition:
        """Return the error that names what is missing."""
        place, fix = self._missing()
        return InvalidCondition(place=place, problem=f"it is no condition yet; write {fix}")

    def _missing(self) -> tuple[str, str]:
        return type(self).__name__, "a comparison"

    def _combine(self, other: object) -> NoReturn:
        if isinstance(other, Clause | Unfinished):
            raise self.unfinished()
        problem = "& and | bind closer than == and >; put each comparison in parentheses, as in (a == 1) & (b > 2)"
        raise InvalidCondition(place=self._missing()[0], problem=problem)

    __and__ = __or__ = __rand__ = __ror__ = _combine

    def __invert__(self) -> NoReturn:
        raise self.unfinished()


class Compared(Unfinished):
    """What can be compared with a value."""

    __hash__ = None  # type: ignore[assignment]  # == makes a condition

    def _compare(self, op: Op, value: Any) -> Any:
        raise InvalidCondition(place=type(self).__name__, problem=f"{op.value} {value!r} cannot be said of it")

    def __eq__(self, value: object) -> Any:
        return self._compare(Op.EQ, value)

    def __ne__(self, value: object) -> Any:
        return self._compare(Op.NE, value)

    def __lt__(self, value: Any) -> Any:
        return self._compare(Op.LT, value)

    def __le__(self, value: Any) -> Any:
        return self._compare(Op.LE, value)

    def __gt__(self, value: Any) -> Any:
        return self._compare(Op.GT, value)

    def __ge__(self, value: Any) -> Any:
        return self._compare(Op.GE, value)


class Valued(Compared):
    """A named value: an attribute, or a field of an event."""

    _word = "attribute"

    def __init__(self, name: str) -> None:
        self._name = name

    def _missing(self) -> tuple[str, str]:
        said = f"{self._word}({self._name!r})"
        return f"{self._word} {self._name}", f"({said} == 1), in parentheses beside & and |, or {said}.exists()"

    def in_(self, values: Iterable[Any]) -> Any:
        """It is one of the values."""
        if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
            raise InvalidCondition(place=self._name, problem=f"in_ takes a list, as in in_([{values!r}])")
        return self._say(Op.IN, tuple(normalise(value, self._name) for value in values))

    def exists(self) -> Any:
        """It is there and not null."""
        return self._say(Op.EXISTS, None)

    def is_null(self) -> Any:
        """It is there and null."""
        return self._say(Op.NULL, None)

    def contains(self, text: str) -> Any:
        """Its text holds this text."""
        return self._text(Op.CONTAINS, text)

    def startswith(self, text: str) -> Any:
        """Its text begins with this text."""
        return self._text(Op.STARTS, text)

    def equals_folded(self, text: str) -> Any:
        """Its text is this text, whatever the case."""
        return self._text(Op.FOLDED, text)

    def _text(self, op: Op, text: str) -> Any:
        return self._say(op, checked_value(op, normalise(text, self._name), self._name))

    def _compare(self, op: Op, value: Any) -> Any:
        return self._say(op, checked_value(op, normalise(value, self._name), self._name))

    def _say(self, op: Op, value: Any) -> Any:
        raise InvalidCondition(place=self._name, problem=f"{op.value} {value!r} cannot be said of it")


def checked_value(op: Op, value: Any, place: str) -> Any:
    """Return a value that fits a comparison; raise InvalidCondition."""
    if op in TEXT_ONLY and not isinstance(value, str):
        raise InvalidCondition(place=place, problem=f"{op.value} needs a text, not {value!r}")
    if value is None and op not in (Op.EXISTS, Op.NULL):
        raise InvalidCondition(place=place, problem="nothing compares with None; use .is_null() or .exists()")
    return value
