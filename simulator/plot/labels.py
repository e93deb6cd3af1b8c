"""Names beside points, out of each other's way."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Point = tuple[float, float]

# Where a name may stand: points from its point, near ones first.
PLACES = [
    (r * dx, r * dy)
    for r in (5, 10, 16, 24, 34)
    for dx, dy in ((1, 0), (1, 1), (1, -1), (0, 1.4), (0, -1.4), (-1, 0), (-1, 1), (-1, -1))
]
NEAR = 6.0  # farther than this a line leads to the point


def label_points(
    ax: "Axes", points: Sequence[Point], names: Sequence[str], others: Sequence[Point]
) -> None:
    """Write names beside points, each at the nearest place where it meets no other and no point.

    Limits and size of the axes must be set.  others : all points that are drawn.
    """
    figure: Any = ax.get_figure()
    figure.draw_without_rendering()  # the axes get their place
    renderer = figure.canvas.get_renderer()
    inside = ax.get_window_extent(renderer)
    taken = [_box(text, renderer) for text in ax.texts]
    dots = [ax.transData.transform(each) for each in others]
    for point, name in zip(points, names, strict=True):
        text: Any = ax.annotate(
            name, point, textcoords="offset points", xytext=(0, 0), fontsize=6,
            arrowprops={"arrowstyle": "-", "color": "0.5", "linewidth": 0.4, "shrinkB": 2},
        )  # fmt: skip
        for dx, dy in PLACES:
            text.set(
                position=(dx, dy),
                ha="left" if dx > 0 else "right" if dx < 0 else "center",
                va="center" if dy == 0 else "bottom" if dy > 0 else "top",
            )
            text.arrow_patch.set_visible(max(abs(dx), abs(dy)) > NEAR)
            text.update_positions(renderer)
            box = _box(text, renderer)
            free = not any(box.overlaps(each) for each in taken)
            free = free and not any(box.contains(*dot) for dot in dots)
            if free and box.x0 >= inside.x0 and box.x1 <= inside.x1 and box.y0 >= inside.y0:
                break
        taken.append(_box(text, renderer))


def _box(text: Any, renderer: Any) -> Any:
    """Where the letters of an annotation are, its line aside."""
    from matplotlib.text import Text

    return Text.get_window_extent(text, renderer)
