"""Where the steps of a campaign stand when they are drawn: in layers, each below all that lead to it.

The drawing of Sugiyama, Tagawa and Toda (1981), Methods for Visual Understanding of Hierarchical System Structures, IEEE
Transactions on Systems, Man and Cybernetics 11: 109-125, in small: ways back are set aside, layers follow from the longest
path, a way over several layers takes a place in each, and places are ordered by the middle of what leads to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import attrs

from crmcore.model.outline import OutlinedStep

#: The ways between steps: from one to another, and what is said of the way.
Ways = Mapping[tuple[str, str], str]
#: A place in a layer: that of a step (its name and ""), or one that a way over several layers takes (from and to).
_Place = tuple[int, str, str]


@attrs.frozen(kw_only=True)
class Box:
    """A step: in which layer (0 is the topmost), and how far right of the middle, in half widths of a column."""

    name: str
    layer: int
    across: int


@attrs.frozen(kw_only=True)
class Arrow:
    """A way from a step to another; `via` are the places it comes by (layer and `across`), none where it leads back."""

    start: str
    end: str
    says: str
    via: tuple[tuple[int, int], ...] = ()
    is_back: bool = False


@attrs.frozen(kw_only=True)
class Layout:
    """All boxes and arrows, the upper and the earlier first."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def layout(steps: Sequence[OutlinedStep]) -> Layout:
    """Return where steps stand; the same for the same steps."""
    ways = _ways(steps)
    back = _back(steps[0].name, ways)
    forward = [pair for pair in ways if pair not in back]
    layers = _layers([one.name for one in steps], forward)
    placed = _across(_rows(layers, forward), _above(layers, forward))
    boxes = [Box(name=name, layer=layer, across=placed[layer, name, ""]) for name, layer in layers.items()]
    return Layout(
        boxes=tuple(sorted(boxes, key=lambda one: (one.layer, one.across))),
        arrows=tuple(
            Arrow(start=a, end=b, says=said, is_back=(a, b) in back, via=_via(a, b, layers, placed))
            for (a, b), said in ways.items()
        ),
    )


def _ways(steps: Sequence[OutlinedStep]) -> dict[tuple[str, str], str]:
    """Return the ways; those between the same two steps are one."""
    said: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        for lead in step.leads:
            said.setdefault((step.name, lead.to), []).append(lead.says)
    return {pair: " / ".join(filter(None, words)) for pair, words in said.items()}


def _back(first: str, ways: Ways) -> set[tuple[str, str]]:
    """Return the ways that lead back to where one has come from; without them nothing goes round."""
    leads: dict[str, list[str]] = {}
    for start, end in ways:
        leads.setdefault(start, []).append(end)
    back: set[tuple[str, str]] = set()
    done: set[str] = set()
    ahead = [(first, list(reversed(leads.get(first, []))))]
    while ahead:
        name, ends = ahead[-1]
        if not ends:
            done.add(name)
            ahead.pop()
        elif any(ends[-1] == one for one, _ in ahead):
            back.add((name, ends.pop()))
        elif (end := ends.pop()) not in done:
            ahead.append((end, list(reversed(leads.get(end, [])))))
    return back


def _layers(names: Sequence[str], forward: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return the layer of each: one below the lowest of those that lead to it."""
    layers = dict.fromkeys([*names, *(end for _, end in forward)], 0)
    for _ in layers:
        for start, end in forward:
            layers[end] = max(layers[end], layers[start] + 1)
    return layers


def _rows(layers: Mapping[str, int], forward: Sequence[tuple[str, str]]) -> list[list[_Place]]:
    rows: list[list[_Place]] = [[] for _ in range(max(layers.values()) + 1)]
    for name, layer in layers.items():
        rows[layer].append((layer, name, ""))
    for start, end in forward:
        for layer in range(layers[start] + 1, layers[end]):
            rows[layer].append((layer, start, end))
    return rows


def _above(layers: Mapping[str, int], forward: Sequence[tuple[str, str]]) -> dict[_Place, list[_Place]]:
    """Return the places from which each place is come to, in the layer above."""
    above: dict[_Place, list[_Place]] = {}
    for start, end in forward:
        before = (layers[start], start, "")
        for layer in range(layers[start] + 1, layers[end]):
            above[layer, start, end] = [before]
            before = (layer, start, end)
        above.setdefault((layers[end], end, ""), []).append(before)
    return above


def _across(rows: list[list[_Place]], above: Mapping[_Place, Sequence[_Place]]) -> dict[_Place, int]:
    """Return how far right of the middle each place is."""
    placed: dict[_Place, int] = {}
    for row in rows:
        middles = {one: fmean([placed[place] for place in above.get(one, ())] or [0]) for one in row}
        row.sort(key=middles.__getitem__)
        placed |= {one: 2 * place - (len(row) - 1) for place, one in enumerate(row)}
    return placed


def _via(start: str, end: str, layers: Mapping[str, int], placed: Mapping[_Place, int]) -> tuple[tuple[int, int], ...]:
    """Return the places of a way; one back has none, as it leads up."""
    return tuple((layer, placed[layer, start, end]) for layer in range(layers[start] + 1, layers[end]))
