"""What holds of several permissions given and withdrawn, where customers were joined in between.

Of one customer the latest statement holds, a withdrawal winning a tie. When two become one, the stricter holds from
that moment on, until a later statement about either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs


@attrs.frozen(kw_only=True)
class Permission:
    """One statement: `yes` or withdrawn, at a time, under an origin; `row` is what it is stored as."""

    yes: bool
    at: int
    origin: int
    row: int


def settled(said: Sequence[Permission], joins: Iterable[tuple[int, int, int]]) -> Permission:
    """Return what holds in the end; joins are (at, one origin, other origin). At least one statement is needed."""
    acts: list[tuple[int, int, Permission | tuple[int, int]]] = [(one.at, 0 if one.yes else 1, one) for one in said]
    acts += [(at, 2, (one, other)) for at, one, other in joins]
    groups: dict[int, int] = {}
    states: dict[int, Permission] = {}
    for at, _, act in sorted(acts, key=lambda act: act[:2]):
        if isinstance(act, Permission):
            states[_lead(groups, act.origin)] = act
        else:
            _join(groups, states, *act, at)
    ends = list(states.values())
    holds = ends[0]
    for other in ends[1:]:
        holds = stricter(holds, other, max(holds.at, other.at))
    return holds


def stricter(one: Permission, other: Permission, at: int) -> Permission:
    """Return which of two holds when their customers become one at a time; a withdrawal is dated by that time."""
    if one.yes and other.yes:
        return max(one, other, key=lambda each: (each.at, each.row))
    return attrs.evolve(min(one, other, key=lambda each: (each.yes, -each.at, -each.row)), at=at)


def _lead(groups: dict[int, int], origin: int) -> int:
    while (parent := groups.get(origin, origin)) != origin:
        origin = parent
    return origin


def _join(groups: dict[int, int], states: dict[int, Permission], one: int, other: int, at: int) -> None:
    stays, goes = _lead(groups, one), _lead(groups, other)
    if stays == goes:
        return
    groups[goes] = stays
    gone, kept = states.pop(goes, None), states.get(stays)
    if gone is not None:
        states[stays] = gone if kept is None else stricter(kept, gone, at)
