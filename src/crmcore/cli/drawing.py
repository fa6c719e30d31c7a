"""A campaign drawn: as a tree for the terminal, and as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from rich.markup import escape as plain_markup
from rich.tree import Tree

from crmcore.model.layout import Arrow, Box, Layout, layout
from crmcore.model.outline import Lead, Outline, OutlinedStep, Stop, told
from crmcore.model.steps import END

# -- the terminal ---------------------------------------------------------------------------------------------------------

_AGAIN = {"": "", "back": "↩ back to ", "told": "→ "}


def tree(found: Outline) -> Tree:
    """Return the steps as a tree: one below the other, and where ways part, each way with what lies on it."""
    root = Tree(f"[bold]{plain_markup(found.trigger)}[/bold]{_count(found.setting_out, 'setting out')}")
    _grow(root, told(found.steps), {one.name: one for one in found.steps})
    return root


def _grow(node: Tree, stops: Sequence[Stop], steps: Mapping[str, OutlinedStep]) -> None:
    for stop in stops:
        here = node.add(_line(stop, steps))
        for lead, below in stop.parts:
            _grow(here.add(f"[italic]{plain_markup(_label(lead))}[/italic]"), below, steps)


def _line(stop: Stop, steps: Mapping[str, OutlinedStep]) -> str:
    if stop.again or stop.step == END:
        return f"[dim]{_AGAIN[stop.again]}{plain_markup(stop.step)}[/dim]"
    step = steps[stop.step]
    return f"[bold]{plain_markup(step.name)}[/bold]: {plain_markup(step.says)}{_count(step.standing, 'here')}"


def _label(lead: Lead) -> str:
    return lead.says or lead.way


def _count(count: int | None, where: str) -> str:
    return f" [reverse] {count:,} {where} [/reverse]" if count else ""


# -- SVG ------------------------------------------------------------------------------------------------------------------

_WIDTH, _HEIGHT, _COLUMN, _LAYER, _EDGE, _TOP = 220, 50, 250, 100, 30, 60
#: So many signs of a line fit into a box.
_SIGNS = 30
#: How far apart ways back go up beside the boxes.
_LANE = 18
_STYLE = """
svg { color-scheme: light dark; --ink: #1f2328; --paper: #ffffff; --box: #f3f5f8; --line: #6b7684; --mark: #0b62c4; }
@media (prefers-color-scheme: dark) {
  svg { --ink: #e6e9ee; --paper: #15181d; --box: #232830; --line: #8d97a5; --mark: #6cb0ff; }
}
.paper { fill: var(--paper); }
.box { fill: var(--box); stroke: var(--line); }
.way { fill: none; stroke: var(--line); stroke-width: 1.5; }
.back { stroke-dasharray: 5 4; }
.tip { fill: var(--line); }
text { fill: var(--ink); font: 12px system-ui, sans-serif; text-anchor: middle; }
.name { font-weight: 600; }
.halo { stroke: var(--paper); stroke-width: 4px; }
.count { fill: var(--mark); font-weight: 600; text-anchor: end; }
"""
_NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
#: The tip of every arrow.
_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>'
)


def svg(found: Outline) -> str:
    """Return the steps as a drawing; the same for the same campaign."""
    placed = layout(found.steps)
    steps = {one.name: one for one in found.steps}
    lanes = [one for one in placed.arrows if one.is_back]
    reach = max(abs(box.across) for box in placed.boxes) + 1
    via = max((abs(across) + 1 for one in placed.arrows for _, across in one.via), default=0)
    middle = _EDGE + max(reach, via) * _COLUMN // 2
    width = 2 * middle + _LANE * (len(lanes) + 1)
    height = _TOP + _EDGE + max(box.layer for box in placed.boxes) * _LAYER + _HEIGHT
    ways = _arrows(placed, middle, width)
    drawn = [*(path for path, _ in ways), *(_box(one, steps.get(one.name), middle) for one in placed.boxes)]
    title = f"Campaign {found.campaign}: {found.trigger}"
    inside = [
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        _TIP,
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<text class="name" x="{middle}" y="24">{escape(_short(title, 2 * middle // 7))}</text>',
        *drawn,
        *filter(None, (label for _, label in ways)),
    ]
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return "\n".join([f'<svg {_NAMESPACE} {size} role="img" aria-label={quoteattr(title)}>', *inside, "</svg>\n"])


def _x(across: int, middle: int) -> int:
    return middle + across * _COLUMN // 2


def _y(layer: int) -> int:
    return _TOP + layer * _LAYER


def _box(box: Box, step: OutlinedStep | None, middle: int) -> str:
    x, y = _x(box.across, middle), _y(box.layer)
    corner = f'x="{x - _WIDTH // 2}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}"'
    if step is None:
        return (
            f'<g><rect class="box" x="{x - 40}" y="{y}" width="80" height="28" rx="14"/>'
            f'<text class="name" x="{x}" y="{y + 18}">{escape(box.name)}</text></g>'
        )
    count = (
        f'<text class="count" x="{x + _WIDTH // 2 - 8}" y="{y + 19}">{step.standing:,}</text>' if step.standing else ""
    )
    return (
        f'<g><title>{escape(f"{step.name}: {step.says}")}</title><rect class="box" {corner} rx="6"/>'
        f'<text class="name" x="{x}" y="{y + 19}">{escape(_short(step.name, _SIGNS - 8))}</text>'
        f'<text x="{x}" y="{y + 38}">{escape(_short(step.says, _SIGNS))}</text>{count}</g>'
    )


def _short(text: str, signs: int) -> str:
    return text if len(text) <= signs else f"{text[: signs - 1]}…"


def _arrows(placed: Layout, middle: int, width: int) -> list[tuple[str, str]]:
    """Return each way with what is said of it, which is drawn above all ways."""
    boxes = {one.name: one for one in placed.boxes}
    back = [one for one in placed.arrows if one.is_back]
    ahead = [_ahead(one, boxes, middle) for one in placed.arrows if not one.is_back]
    return [*ahead, *(_back(one, boxes, middle, width - _LANE * (lane + 1)) for lane, one in enumerate(back))]


def _ahead(arrow: Arrow, boxes: Mapping[str, Box], middle: int) -> tuple[str, str]:
    start, end = boxes[arrow.start], boxes[arrow.end]
    points = [(_x(start.across, middle), _y(start.layer) + _HEIGHT)]
    path = f"M{points[0][0]} {points[0][1]}"
    for layer, across in arrow.via:
        path += _curve(points[-1], (_x(across, middle), _y(layer)))
        points.append((_x(across, middle), _y(layer) + _HEIGHT))
        path += f" V{points[-1][1]}"
    last = (_x(end.across, middle), _y(end.layer))
    first = (_x(arrow.via[0][1], middle), _y(arrow.via[0][0])) if arrow.via else last
    path += _curve(points[-1], last)
    at = (points[0][0] + first[0]) // 2, (points[0][1] + first[1]) // 2 + 4
    return _way(path, "way", arrow.says, at)


def _curve(start: tuple[int, int], end: tuple[int, int]) -> str:
    half = (start[1] + end[1]) // 2
    return f" C{start[0]} {half} {end[0]} {half} {end[0]} {end[1]}"


def _back(arrow: Arrow, boxes: Mapping[str, Box], middle: int, lane: int) -> tuple[str, str]:
    """A way back goes up beside all boxes: it leaves below its step, between two layers, and comes in above the other."""
    start, end = boxes[arrow.start], boxes[arrow.end]
    x, y = _x(start.across, middle), _y(start.layer) + _HEIGHT
    to_x, to_y = _x(end.across, middle), _y(end.layer)
    path = f"M{x + 40} {y} V{y + 16} H{lane} V{to_y - 16} H{to_x + 40} V{to_y}"
    return _way(path, "way back", arrow.says, ((x + 40 + lane) // 2, y + 20))


def _way(path: str, kind: str, said: str, at: tuple[int, int]) -> tuple[str, str]:
    where = f'x="{at[0]}" y="{at[1]}"'
    text = escape(_short(said, _SIGNS))
    label = f'<text class="halo" aria-hidden="true" {where}>{text}</text><text {where}>{text}</text>' if said else ""
    return f'<path class="{kind}" marker-end="url(#tip)" d="{path}"/>', label
