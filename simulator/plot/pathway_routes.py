"""Where the arrows of a pathway map run: from the border of one box to the border of another."""

from collections.abc import Sequence
from math import hypot

from .pathway_layout import Box, Edge, PathwayMap, Point

CORNER = 2.0  # radius of a turn, mm
GAP = 0.7  # between an arrow and the box at either end, mm


def box_of(at: Point, size: Point) -> Box:
    """(left, top, right, bottom) of a box around a point."""
    (x, y), (width, height) = at, size
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def edge_route(edge: Edge, layout: PathwayMap) -> list[Point]:
    """The corners of an edge's way; with a bend, three points of which the middle one bends it."""
    source, target = layout.nodes[edge.source], layout.nodes[edge.target]
    start, end = box_of(source.at, source.size), box_of(target.at, target.size)
    if not edge.bend:
        return route(start, end, edge.via)
    (x0, y0), (x1, y1) = source.at, target.at
    middle = (
        (x0 + x1) / 2 - edge.bend * (y1 - y0),
        (y0 + y1) / 2 + edge.bend * (x1 - x0),
    )
    return [_leave(start, middle), middle, _leave(end, middle)]


def route(start: Box, end: Box, via: Sequence[Point] = ()) -> list[Point]:
    """The corners of a way between two boxes through some points.

    Boxes beside or above each other are joined by a level or upright line; so is a box with a
    point that lies straight above, below or beside it.
    """
    if via:
        return [_leave(start, via[0]), *via, _leave(end, via[-1])]
    for axis in (0, 1):
        low = max(start[axis], end[axis])
        high = min(start[axis + 2], end[axis + 2])
        if high - low > 1.0:
            level = (low + high) / 2
            ends = [
                (level, _middle(box, 1)) if axis == 0 else (_middle(box, 0), level)
                for box in (start, end)
            ]
            return [_leave(start, ends[1]), _leave(end, ends[0])]
    first, last = (_middle(start, 0), _middle(start, 1)), (_middle(end, 0), _middle(end, 1))
    return [_leave(start, last), _leave(end, first)]


def _middle(box: Box, axis: int) -> float:
    return (box[axis] + box[axis + 2]) / 2


def _leave(box: Box, to: Point) -> Point:
    """Where the way from a box to a point outside begins: just off its border."""
    left, top, right, bottom = box
    x, y = to
    if left <= x <= right:
        return x, (top - GAP if y < top else bottom + GAP)
    if top <= y <= bottom:
        return (left - GAP if x < left else right + GAP), y
    x0, y0 = _middle(box, 0), _middle(box, 1)
    share = min((right - x0 + GAP) / abs(x - x0), (bottom - y0 + GAP) / abs(y - y0))
    return x0 + share * (x - x0), y0 + share * (y - y0)


def outline(corners: Sequence[Point], *, bent: bool = False) -> tuple[list[Point], list[int]]:
    """Points and codes of a `matplotlib.path.Path` through these corners, turns rounded.

    bent : the three corners are start, control point and end of a curve.
    """
    move, line, curve = 1, 2, 3  # matplotlib.path.Path.MOVETO, LINETO, CURVE3
    if bent:
        return list(corners), [move, curve, curve]
    points, codes = [corners[0]], [move]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        points += [_towards(corner, before), corner, _towards(corner, after)]
        codes += [line, curve, curve]
    return [*points, corners[-1]], [*codes, line]


def _towards(corner: Point, other: Point) -> Point:
    """The point at which a turn at a corner begins or ends."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    share = min(CORNER / (hypot(dx, dy) or 1.0), 0.5)
    return corner[0] + share * dx, corner[1] + share * dy
