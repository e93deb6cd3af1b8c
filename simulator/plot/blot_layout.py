"""Where the parts of a blot stand: y in inches downwards, x in lanes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from .blot_lanes import Line, runs_of
from .style import STYLE, text_width

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

#: Heights in inches: of a line of text, a strip of bands, a number below it, the gap to the next
#: strip and to the next antibody, and a bar with its distance to what is below.
LINE, STRIP, NUMBER, GAP, APART, BAR = 0.13, 0.2, 0.12, 0.03, 0.075, 0.06

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


SIZE: float = STYLE["font.size"] - 0.5
SMALL = 0.833 * SIZE


def left_of(names: Sequence[str], both: bool) -> float:
    """Inches that the names at the left take, and at the right "simulated" and "measured"."""
    right = 0.1 + text_width("simulated", SMALL) / 72 if both else 0.06
    return 0.14 + max((text_width(name, SIZE) for name in names), default=0) / 72 + right


def height_of(lines: Sequence[Line], lane_width: float) -> float:
    """Inches that the lines above the lanes take, with the gap below them."""
    return sum(_space(line, lane_width) for line in lines) + APART


def tops_of(strips: Sequence[Strip], numbers: bool) -> tuple[list[float], float]:
    """Where strips begin below the lines, and where the last one ends."""
    tops, y = [], 0.0
    for k, strip in enumerate(strips):
        tops.append(y)
        last = k + 1 == len(strips) or strips[k + 1].name != strip.name
        y += STRIP + (NUMBER if numbers else 0.0) + (APART if last else GAP)
    return tops, y


def draw_lines(ax: "Axes", lines: Sequence[Line], lane_width: float) -> list[float]:
    """Draw the lines from y = 0 on; the heights at which their names belong."""
    top, middles = 0.0, []
    for line in lines:
        space = _space(line, lane_width)
        bar = BAR if _has_bar(line) else 0.0
        upright = _upright(line, lane_width)
        for first, end in _runs(line):
            text = _broken(line.texts[first], (end - first) * lane_width)
            bottom = top + space - bar - 0.02
            ax.text(
                (first + end) / 2, bottom if upright else (top + bottom) / 2,
                line.texts[first] if upright else text,
                rotation=90 if upright else 0, ha="center", va="bottom" if upright else "center",
                fontsize=SIZE if line.bar or not upright else SMALL, linespacing=0.95,
            )  # fmt: skip
            if bar:
                inset = min(0.12, 0.03 / lane_width)
                ax.plot(
                    [first + inset, end - inset], [top + space - BAR + 0.015] * 2,
                    color="black", linewidth=0.7, solid_capstyle="butt", label="_bar",
                )  # fmt: skip
        middles.append(top + (space - bar) / 2)
        top += space
    return middles


def _has_bar(line: Line) -> bool:
    return line.bar and len(_runs(line)) < len(line.texts)


def _runs(line: Line) -> list[tuple[int, int]]:
    """Lanes that share a text: neighbours below a bar, else each alone."""
    return runs_of(line.texts) if line.bar else [(k, k + 1) for k in range(len(line.texts))]


def _space(line: Line, lane_width: float) -> float:
    """Inches of a line, with its bar."""
    bar = BAR if _has_bar(line) else 0.0
    if _upright(line, lane_width):
        return 0.05 + max(text_width(text, SIZE) for text in line.texts) / 72 + bar
    parts = [_broken(line.texts[a], (b - a) * lane_width).count("\n") for a, b in _runs(line)]
    return LINE * (1 + 0.85 * max(parts)) + bar


def _upright(line: Line, lane_width: float) -> bool:
    """Whether some text is wider than its lanes, even when it is broken."""
    return any(
        max(text_width(part, SIZE) for part in _broken(line.texts[a], width).split("\n"))
        > FILLED * 72 * width
        for a, b in _runs(line)
        for width in [(b - a) * lane_width]
    )


def _broken(text: str, width: float) -> str:
    """A text in one line if it fits, else broken in two where the halves are most alike."""
    places = [k + 1 for k, letter in enumerate(text[:-1]) if letter in "_+ -"]
    if text_width(text, SIZE) <= FILLED * 72 * width or not places:
        return text
    best = min(places, key=lambda k: max(text_width(text[:k], SIZE), text_width(text[k:], SIZE)))
    return f"{text[:best].rstrip()}\n{text[best:]}"
