"""Bands of a blot, as stacked soft shapes: no image, so that they stay sharp in print."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .blot_layout import NUMBER, SMALL, STRIP, Strip
from .style import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, FILM = "#0d0d0d", "#f5f5f5"

#: Darkness of the darkest band in its middle, 1 = ink.
DARKEST = 0.93

#: A band is at most so many shapes on top of each other, from the widest to the darkest part, each
#: darker by the least step at least, which a screen still shows; half widths in lanes and half
#: heights in strips of the first and the last one.
SHAPES, STEP = 9, 0.015
WIDTHS, HEIGHTS = (0.46, 0.34), (0.36, 0.14)


def draw_strip(
    ax: "Axes", top: float, strip: Strip, folds: Sequence[str], size: float, number: float
) -> None:
    """The bands of one strip, below `top`, and texts of this size and height below them."""
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
    text: dict[str, Any] = {"ha": "center", "fontsize": SMALL * size}
    for lane, sign in enumerate(strip.signs):
        colour = "white" if relative[lane] > 0.45 else "black"
        ax.text(lane + 0.5, top + STRIP / 2, sign, color=colour, zorder=4, va="center", **text)
    for lane, fold in enumerate(folds):
        rotation = 90 if number > NUMBER else 0
        below = top + STRIP + 0.025
        ax.text(lane + 0.5, below, fold, rotation=rotation, va="top", **text)


def _band(lane: int, top: float, share: float, name: str) -> Any:
    """Shapes whose darkness adds up to the band's share of the darkest in the middle."""
    import numpy as np
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgba

    angle = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    # A superellipse: straight along the lane's width, round at its ends.
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.45
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.8
    count = int(np.clip(DARKEST * share / STEP, 2, SHAPES))
    shapes = [
        np.column_stack([lane + 0.5 + width * x, top + STRIP * (0.5 + height * y)])
        for width, height in zip(
            np.linspace(*WIDTHS, count), np.linspace(*HEIGHTS, count), strict=True
        )
    ]
    # With each shape the same amount darker: what is transparent so far is multiplied.
    clear = 1.0 - DARKEST * share * np.arange(count + 1) / count
    colours = [to_rgba(INK, alpha) for alpha in 1.0 - clear[1:] / clear[:-1]]
    band = PolyCollection(shapes, facecolors=colours, linewidth=0, zorder=2, clip_on=False)
    band.set_gid(name)
    return band


def _cross_out(ax: "Axes", lane: int, top: float) -> None:
    """A lane without a value."""
    across = [lane + 0.22, lane + 0.78]
    ends = [top + 0.18 * STRIP, top + 0.82 * STRIP]
    for heights in (ends, ends[::-1]):
        ax.plot(across, heights, color=GREY, linewidth=0.7, zorder=3, label="_no value")
