"""What all parts of a panel share: colours, and how much room text takes."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from ..plot import COLOURS, MARKERS
from .panel import Curve, CurvePane, Panel

# Green for what the finding allows, blue for values, vermilion for a value outside: told apart
# with any colour vision.
ALLOWED, VALUE, OUTSIDE, REFERENCE = COLOURS[3], COLOURS[1], COLOURS[2], "0.62"
SAMPLE_REFERENCE = "0.3"

# Of dots: those of the first draw of a cohort, and those of the others.
DARK, PALE = 0.8, 0.22

WIDTH = 9.0  # inches of a panel

# Points of the text of titles of columns, of axes, of rows, and of rows where there are many.
TITLE, AXIS, ROW, SMALL_ROW = 9.0, 8.0, 8.5, 7.5

# Mean width of a letter of DejaVu Sans, plain and bold, and height of a line, in its size.
LETTER, BOLD_LETTER, LINE = 0.6, 0.68, 1.25

# Colour and marker by label.
Looks = Mapping[str, tuple[str, str]]


def looks_of(panel: Panel) -> Looks:
    """Colour and marker of every curve and group, by label, the same in all panes."""
    labels: dict[str, None] = {}
    for pane in panel.panes:
        for part in pane.curves if isinstance(pane, CurvePane) else pane.groups:
            labels[part.label if isinstance(part, Curve) else part[0]] = None
    n = len(COLOURS)
    # past the seven colours, colour and marker shift against each other
    return {
        label: (COLOURS[i % n], MARKERS[(i + i // n) % len(MARKERS)])
        for i, label in enumerate(labels)
    }


def shades(draws: Sequence[Any] | None) -> list[float]:
    """Opacity of the dots of each draw."""
    return [DARK, *[PALE] * (len(draws) - 1)] if draws else []


def letters(inches: float, points: float, *, bold: bool = False) -> int:
    """How many letters of a size, mean ones, stand in so much room; at least 8."""
    return max(8, int(inches * 72 / (points * (BOLD_LETTER if bold else LETTER))))


def room(text: str, points: float) -> float:
    """Inches that the longest line of a text needs."""
    return max(map(len, text.splitlines() or [""])) * points * LETTER / 72


def height(text: str, points: float) -> float:
    """Inches that the lines of a text need."""
    return (text.count("\n") + 1) * points * LINE / 72


def filled(text: str, width: int) -> str:
    """Text in lines of at most so many letters; hyphens, signs and units stay where they belong."""
    whole = re.sub(r"(?<=[<>≤≥×]) | (?=(?:h|µM|nM|%)\b)", "\u00a0", text)
    return textwrap.fill(whole, width, break_on_hyphens=False)


def number(value: float, _: Any = None) -> str:
    """A number on an axis, as short as it can be and never with a factor apart from it."""
    return f"{value:g}".replace("-", "−")


def in_lines(parts: Sequence[Any], at_most: int) -> list[Any]:
    """Parts in as few lines as possible, about equally many in each."""
    if not parts:
        return []
    lines = -(-len(parts) // at_most)
    size = -(-len(parts) // lines)
    return [parts[k : k + size] for k in range(0, len(parts), size)]
