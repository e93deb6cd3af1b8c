"""Where the parts of a blot stand: y in inches downwards, x in lanes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from .blot_lanes import Line
from .style import STYLE, text_width

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

#: Size in points of the text that these heights are for.
SIZE: float = STYLE["ytick.labelsize"]

#: Heights in inches: of a line of text, a strip of bands, a number below it, the gap to the next
#: strip and to the next antibody, and a bar with its distance to what is below.
LINE, STRIP, NUMBER, GAP, APART, BAR = 0.13, 0.2, 0.12, 0.03, 0.075, 0.06

#: Lanes are at most and, in a figure of our own, at least so wide, in inches: few of them leave
#: room at the right, and many make the figure wider, so that upright texts stand apart.
WIDEST, NARROWEST = 0.36, 0.11

#: Of what a lane or a run of lanes is wide, a text may take this part.
FILLED = 0.94


class Strip(NamedTuple):
    """Bands of an antibody.

    name : as it is written.  kind : simulated, measured or nothing.  values : (lanes,), NaN where
    there is none.  signs : `<`, `>` or `~` on a band that is a bound, else nothing.
    """

    name: str
    kind: str
    values: "NDArray[np.float64]"
    signs: Sequence[str]


#: Size of numbers, over that of names.
SMALL = 0.85

#: Upright names that are longer than this are broken in two where lanes are this wide, in inches.
LONG, WIDE = 0.6, 0.22


def left_of(names: Sequence[str], both: bool, size: float) -> float:
    """Inches that the names at the left take, and at the right "simulated" and "measured"."""
    right = 0.1 + text_width("simulated", SMALL * size) / 72 if both else 0.06
    return 0.14 + max((text_width(name, size) for name in names), default=0) / 72 + right


def height_of(lines: Sequence[Line], lane_width: float, size: float) -> float:
    """Inches that the lines above the lanes take, with the gap below them."""
    return sum(_space(line, lane_width, size) for line in lines) + APART


def number_height(folds: Sequence[Sequence[str]], lane_width: float, size: float) -> float:
    """Inches of the numbers below the bands: upright ones are higher."""
    widest = max(
        (text_width(text, SMALL * size) / 72 for each in folds for text in each), default=0
    )
    if not widest:
        return 0.0
    return NUMBER if widest < lane_width else widest + 0.06


def tops_of(strips: Sequence[Strip], number: float) -> tuple[list[float], float]:
    """Where strips begin below the lines, and where the last one ends."""
    tops, y = [], 0.0
    for k, strip in enumerate(strips):
        tops.append(y)
        last = k + 1 == len(strips) or strips[k + 1].name != strip.name
        y += STRIP + number + (APART if last else GAP)
    return tops, y


def draw_lines(ax: "Axes", lines: Sequence[Line], lane_width: float, size: float) -> list[float]:
    """Draw the lines from y = 0 on; the heights at which their names belong."""
    top, middles = 0.0, []
    for line in lines:
        space, bar = _space(line, lane_width, size), BAR if _has_bar(line) else 0.0
        middle, bottom = top + (space - bar) / 2, top + space
        upright = _upright(line, lane_width, size)
        for first, end in line.runs:
            ax.text(
                (first + end) / 2, bottom - bar - 0.02 if upright else middle,
                _shown(line.texts[first], (end - first) * lane_width, size, upright),
                rotation=90 if upright else 0, ha="center", fontsize=size,
                linespacing=1.15 if upright else 0.95,
                va="bottom" if upright else "center_baseline",
            )  # fmt: skip
            if bar:
                inset = min(0.12, 0.03 / lane_width)
                ax.plot(
                    [first + inset, end - inset], [bottom - 0.75 * bar] * 2, color="black",
                    linewidth=0.7, solid_capstyle="butt", label="_bar",
                )  # fmt: skip
        middles.append(middle)
        top = bottom
    return middles


def _has_bar(line: Line) -> bool:
    return len(line.runs) < len(line.texts)


def _space(line: Line, lane_width: float, size: float) -> float:
    """Inches of a line, with its bar."""
    bar = BAR if _has_bar(line) else 0.0
    upright = _upright(line, lane_width, size)
    shown = [_shown(line.texts[a], (b - a) * lane_width, size, upright) for a, b in line.runs]
    if upright:
        return 0.06 + max(_width(text, size) for text in shown) + bar
    return LINE * size / SIZE * (1 + 0.85 * max(text.count("\n") for text in shown)) + bar


def _upright(line: Line, lane_width: float, size: float) -> bool:
    """Whether some text is wider than its lanes, even when it is broken."""
    widths = [(line.texts[a], (b - a) * lane_width) for a, b in line.runs]
    return any(_width(_shown(text, w, size, False), size) > FILLED * w for text, w in widths)


def _width(text: str, size: float) -> float:
    """Inches of the longest line of a text."""
    return max(text_width(part, size) for part in text.split("\n")) / 72


def _shown(text: str, width: float, size: float, upright: bool) -> str:
    """A text in one line if it fits, else broken in two where the halves are most alike."""
    places = [k + 1 for k, letter in enumerate(text[:-1]) if letter in "_+,- "]
    fits = _width(text, size) <= (LONG if upright else FILLED * width)
    if fits or not places or (upright and width < WIDE * size / SIZE):
        return text
    best = min(places, key=lambda k: max(_width(text[:k], size), _width(text[k:], size)))
    return f"{text[:best].rstrip()}\n{text[best:]}"
