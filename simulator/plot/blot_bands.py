"""Bands of a blot, as stacked soft shapes: no image, so that they stay sharp in print."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .blot_layout import NUMBER, STRIP, Strip
from .style import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, FILM = "#0d0d0d", "#f5f5f2"

#: Darkness of the darkest band in its middle, 1 = ink.
DARKEST = 0.93

#: A band is so many shapes on top of each other, from the widest to the darkest part; half widths
#: in lanes and half heights in strips of the first and the last one.
SHAPES = 7
WIDTHS, HEIGHTS = (0.45, 0.33), (0.36, 0.13)


def draw_strip(ax: "Axes", top: float, strip: Strip, folds: Sequence[str]) -> None:
    """The bands of one strip, below `top`, and texts below them."""
    import numpy as np
    from matplotlib.patches import Rectangle

    intensities = strip.values
    count = len(intensities)
    film = Rectangle(
        (0, top), count, STRIP, facecolor=FILM, edgecolor="0.35", linewidth=0.5, clip_on=False
    )
    ax.add_patch(film)
    strongest = float(np.nanmax(intensities)) if np.isfinite(intensities).any() else 0.0
    relative = intensities / strongest if strongest > 0 else intensities
    for lane, share in enumerate(relative.tolist()):
        if share != share:
            _cross_out(ax, lane, top)
        elif share > 0:
            ax.add_collection(
                _band(lane, top, share, f"{strip.name} {strip.kind}, lane {lane + 1}")
            )
    text: dict[str, Any] = {"ha": "center", "fontsize": "small"}
    for lane, sign in enumerate(strip.signs):
        colour = "white" if relative[lane] > 0.45 else "black"
        ax.text(lane + 0.5, top + STRIP / 2, sign, va="center", color=colour, zorder=4, **text)
    for lane, fold in enumerate(folds):
        ax.text(lane + 0.5, top + STRIP + NUMBER / 2, fold, va="center", **text)


def _band(lane: int, top: float, share: float, name: str) -> Any:
    """Shapes whose darkness adds up to the band's share of the darkest in the middle."""
    import numpy as np
    from matplotlib.collections import PolyCollection

    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    # A superellipse: straight along the lane's width, round at its ends.
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.45
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.8
    shapes = [
        np.column_stack([lane + 0.5 + width * x, top + STRIP * (0.5 + height * y)])
        for width, height in zip(
            np.linspace(*WIDTHS, SHAPES), np.linspace(*HEIGHTS, SHAPES), strict=True
        )
    ]
    alpha = 1.0 - (1.0 - DARKEST * share) ** (1.0 / SHAPES)
    band = PolyCollection(shapes, facecolor=INK, alpha=alpha, linewidth=0, zorder=2, clip_on=False)
    band.set_gid(name)
    return band


def _cross_out(ax: "Axes", lane: int, top: float) -> None:
    """A lane without a value."""
    across = [lane + 0.22, lane + 0.78]
    ends = [top + 0.18 * STRIP, top + 0.82 * STRIP]
    for heights in (ends, ends[::-1]):
        ax.plot(across, heights, color=GREY, linewidth=0.7, zorder=3, label="_no value")
