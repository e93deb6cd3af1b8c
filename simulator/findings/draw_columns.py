"""Drawing columns of values side by side over the same rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .panel import Column, Mark, rows_of
from .style import (
    ALLOWED,
    AXIS,
    OUTSIDE,
    REFERENCE,
    ROW,
    SAMPLE_REFERENCE,
    SMALL_ROW,
    TITLE,
    VALUE,
    Looks,
    filled,
    height,
    in_lines,
    letters,
    number,
    room,
    shades,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_COLUMNS = 5  # in a line
NARROWEST = 1.4  # inches of a column
GAP = 0.25  # inches between columns, and at the edges
LABEL_WIDTH = 44  # letters of a row's label in a line
MANY_ROWS = 14  # from so many on, labels are smaller

# Inches of a row, at least and at most: a bar as high as the page looks like a wall. Dots of
# samples take twice what a label needs.
LOWEST, LOWEST_SAMPLES, HIGHEST = 0.25, 0.5, 0.5
FEWEST_ROWS = 3  # fewer leave room above and below


@dataclass(frozen=True, slots=True)
class Line:
    """Columns that stand side by side, with all of their text as it is broken."""

    columns: Sequence[Column]
    rows: Sequence[str]
    labels: Sequence[str]
    titles: Sequence[str]
    axes: Sequence[str]
    size: float

    @property
    def lowest(self) -> float:
        """Inches that a row needs."""
        sampled = any(m.samples is not None for column in self.columns for m in column.marks)
        label = max(height(text, self.size) for text in self.labels)
        return max(LOWEST_SAMPLES if sampled else LOWEST, label + 0.07)

    @property
    def around(self) -> float:
        """Inches of titles, numbers on the axes, and names of these."""
        title = max(height(text, TITLE) for text in self.titles)
        axis = max(height(text, AXIS) for text in self.axes)
        return title + axis + 0.55

    @property
    def height(self) -> float:
        """Inches of everything."""
        return self.around + max(len(self.rows), FEWEST_ROWS) * self.lowest


def lines_of(columns: Sequence[Column], width: float) -> list[Line]:
    """Columns in lines of `width` inches; if one is not enough, those without common rows apart."""
    if not columns:
        return []
    return [_line(line, width) for line in _split(columns, width)]


def _line(columns: Sequence[Column], width: float) -> Line:
    rows = rows_of(columns)
    size = ROW if len(rows) < MANY_ROWS else SMALL_ROW
    labels = [filled(row, LABEL_WIDTH) for row in rows]
    each = _each(labels, size, len(columns), width)
    return Line(
        columns=columns,
        rows=rows,
        labels=labels,
        titles=[filled(c.title, letters(each, TITLE, bold=True)) for c in columns],
        axes=[filled(c.axis, letters(each, AXIS)) for c in columns],
        size=size,
    )


def _each(labels: Sequence[str], size: float, columns: int, width: float) -> float:
    """Inches of each of so many columns beside the labels."""
    left = max((room(text, size) for text in labels), default=0.0)
    return (width - left - GAP * (columns + 1)) / columns


def _split(columns: Sequence[Column], width: float) -> list[Sequence[Column]]:
    labels = [filled(row, LABEL_WIDTH) for row in rows_of(columns)]
    fit = (n for n in range(MOST_COLUMNS, 1, -1) if _each(labels, ROW, n, width) >= NARROWEST)
    at_most = next(fit, 1)
    if len(columns) <= at_most:
        return [columns]
    groups: list[list[Column]] = []
    for column in columns:
        rows = set(rows_of([column]))
        group = next((g for g in groups if rows & set(rows_of(g))), None)
        if group is None:
            groups.append([column])
        else:
            group.append(column)
    lines: list[Sequence[Column]] = []
    for line in (line for group in groups for line in in_lines(group, at_most)):
        if lines and len(lines[-1]) + len(line) <= at_most:
            lines[-1] = [*lines[-1], *line]
        else:
            lines.append(line)
    return lines


def draw_columns(figure: Any, line: Line, tall: float, looks: Looks) -> None:
    """Columns side by side over the same rows, named at the left, in `tall` inches."""
    axes = figure.subplots(1, len(line.columns), sharey=True, squeeze=False)[0]
    for k, ax in enumerate(axes):
        _draw_column(ax, line.columns[k], line.rows, looks)
        ax.set_title(line.titles[k], fontsize=TITLE, fontweight="bold")
        ax.set_xlabel(line.axes[k], fontsize=AXIS)
        ax.tick_params(axis="x", labelsize=AXIS)
        ax.tick_params(axis="y", length=0, pad=6, labelsize=line.size)
    count = len(line.rows)
    axes[0].set_yticks(range(count), line.labels)
    highest = max(HIGHEST, line.lowest)
    spare = max(0.0, (max(FEWEST_ROWS, (tall - line.around) / highest) - count) / 2)
    axes[0].set_ylim(count - 0.5 + spare, -0.5 - spare)


def _draw_column(ax: "Axes", column: Column, rows: Sequence[str], looks: Looks) -> None:
    low, high = _limits(column)
    if column.log:
        ax.set_xscale("log")
    ax.set_xlim(low, high)
    for mark in column.marks:
        y = rows.index(mark.row)
        if mark.allowed is not None:
            _draw_allowed(ax, y, mark.allowed, (low, high))
        if mark.samples is not None:
            _draw_samples(ax, y, mark)
        else:
            _draw_value(ax, y, mark, column, looks)
        if mark.spread is not None and np.isfinite(mark.spread).all():
            ax.plot(mark.spread, [y, y], color="black", lw=1.1, zorder=4)
            ax.plot(mark.spread, [y, y], "|", color="black", ms=5, mew=1.1, zorder=4)
        if mark.failed:
            ax.annotate(
                "✗", (1.0, y), xycoords=("axes fraction", "data"), ha="right", va="center",
                color=OUTSIDE, fontweight="bold", fontsize=12, zorder=6,
            )  # fmt: skip
    if column.line is not None:
        ax.axvline(column.line, color="0.3", lw=1, ls="--", zorder=1)
    if column.log:
        ax.minorticks_off()
    else:
        ax.locator_params(axis="x", nbins=4)
    ax.xaxis.set_major_formatter(number)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="y", color="0.93", lw=0.8)
    ax.set_axisbelow(True)


def _limits(column: Column) -> tuple[float, float]:
    """Of the axis: every value, every member and every finite bound."""
    numbers: list[float] = []
    for mark in column.marks:
        numbers += [mark.value, *(mark.allowed or ()), *(mark.spread or ())]
        if mark.samples is not None:
            numbers += np.concatenate(mark.samples).tolist()
    if column.line is not None:
        numbers.append(column.line)
    finite = np.array([n for n in numbers if np.isfinite(n)] or [1.0])
    if column.log:
        positive = finite[finite > 0]
        ends = np.floor(np.log10(positive.min() * 0.99)), np.ceil(np.log10(positive.max() * 1.01))
        return float(10.0 ** ends[0]), float(10.0 ** ends[1])
    low, high = min(0.0, float(finite.min())), max(0.0, float(finite.max()))
    if high <= low:
        return 0.0, 1.0
    if column.most is not None:
        high = min(high, column.most)
    margin = 0.1 * (high - low)
    return low - (margin if low < 0 else 0.0), high + margin


def _draw_allowed(
    ax: "Axes", y: float, allowed: tuple[float, float], limits: tuple[float, float]
) -> None:
    """The shaded interval in one row, with a stroke at each of its ends inside the axis."""
    from matplotlib.patches import Rectangle

    low, high = max(allowed[0], limits[0]), min(allowed[1], limits[1])
    if high > low:
        box = Rectangle((low, y - 0.44), high - low, 0.88, fc=ALLOWED, alpha=0.22, lw=0, zorder=1)
        ax.add_patch(box)
    for edge in allowed:
        if np.isfinite(edge):
            ax.plot([edge, edge], [y - 0.44, y + 0.44], color=ALLOWED, lw=1.8, zorder=2)


def _draw_value(ax: "Axes", y: float, mark: Mark, column: Column, looks: Looks) -> None:
    colour, marker = REFERENCE if mark.allowed is None else VALUE, "o"
    if column.of_curves and mark.row in looks:
        colour, marker = looks[mark.row]
    if column.points:
        ax.plot([mark.value], [y], marker, color=colour, ms=7, zorder=5, clip_on=False)
    else:
        ax.barh(y, mark.value, height=0.46, color=colour, alpha=0.9, zorder=3)
        # what is next to nothing is seen to be there
        ax.plot([mark.value] * 2, [y - 0.23, y + 0.23], color=colour, lw=1.5, zorder=3)


def _draw_samples(ax: "Axes", y: float, mark: Mark) -> None:
    """A dot for each sample, spread over the row's height by rank, and the median as a stroke."""
    reference = mark.allowed is None and np.isfinite(mark.value)
    colour = SAMPLE_REFERENCE if reference else VALUE
    for values, alpha in zip(mark.samples or (), shades(mark.samples), strict=True):
        spread = (np.arange(values.size) * 0.6180339887 % 1.0 - 0.5) * 0.56
        ax.plot(
            np.sort(values), y + spread, "o", color=colour, ms=3.6, alpha=alpha, mew=0, zorder=3,
            clip_on=False,
        )  # fmt: skip
    if np.isfinite(mark.value):
        ax.plot([mark.value] * 2, [y - 0.36, y + 0.36], color="black", lw=2, zorder=5)
