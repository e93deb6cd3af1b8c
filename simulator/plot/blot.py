"""Lanes of an immunoblot, drawn from simulated intensities, beside measured ones."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConditionError, did_you_mean
from .blot_bands import draw_strip
from .blot_lanes import MINUS, Lanes, Line, lanes_of, line_of_marks, lines_of, values_of
from .blot_layout import (
    LINE,
    NARROWEST,
    SIZE,
    STRIP,
    WIDEST,
    Strip,
    draw_lines,
    height_of,
    left_of,
    number_height,
    tops_of,
)
from .blot_measured import measured_strips
from .style import COLUMN, axes_or_new

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

#: A simulated intensity may be this far below 0, relative to the largest, and counts as 0.
ROUNDING = 1e-6

#: What a sign on a measured band says.
BOUNDS = {"<": "fainter than drawn", ">": "darker than drawn", "~": "in a range about this"}


def plot_blot(
    data: "xr.Dataset",
    ax: "Axes | None" = None,
    *,
    rows: Sequence[str] | Mapping[str, str] | None = None,
    measured: "pd.DataFrame | None" = None,
    marks: Mapping[str, Sequence[str]] | None = None,
    numbers: bool = False,
    reference: int | Mapping[str, Any] = 0,
) -> "Axes":
    """Draw simulated intensities as the lanes of an immunoblot.

    A row for each antibody, a lane for each run. A band's darkness is proportional to its intensity
    over that of the darkest lane of its row, as on a film that was exposed for that lane: rows
    cannot be compared with each other. Above the lanes stands what differs between them: names
    (cell, alteration) over a bar, a drug of one dose as + and -, and several doses as numbers. A
    lane without a value (a failed run, a band that was not measured) is crossed out.

    A band of a real blot is proportional to the amount of protein only in the linear range of its
    detection: film and saturated pixels level off. Observables such as pERK are the phosphorylated
    *share* of a protein; where its total differs between lanes, draw the phosphorylated species.

    Parameters
    ----------
    data
        Quantities over at most some dozens of runs: dimensions are stacked in their order, the last
        one fastest; those of length 1 do not count. Of a time course, select one time, or few.
    ax
        Axes to draw on; None: new ones, as high as the rows need, and one column wide, or wider
        for more than some twenty lanes.
    rows
        Which quantities are shown, from above; a mapping gives antibodies' names to be written in
        their place. None: all.
    measured
        Bands that were measured, drawn below the simulated ones of their row, in the same lanes and
        over the darkest measured lane of the row. Either a row for each antibody (index: as in
        `rows`, or its written name) and a column for each lane, in order; or a table as in
        docs/blots.md, with the columns antibody, lane, intensity. If this has a column for
        each factor that differs between the lanes, its rows find their lanes by these (empty: not
        done), else its lanes are those drawn, in order. Bands in the column `censored` have a
        `<`, `>` or `~` (between), and of intervals the middle is drawn. Intensities are drawn as
        they are, not over a loading control.
    marks
        Lines above the lanes in place of those made from the data: name -> a text for each lane.
    numbers
        Write each band's intensity below it, as a multiple of that in the lane `reference`.
    reference
        Of `numbers`: the lane's place, from 0, or one that a mapping {factor: level} describes.

    Returns
    -------
    Axes with a unit of x for each lane, the first from 0 to 1, and y in inches downwards.

    Raises
    ------
    ConditionError
        A row that the data do not have, negative or infinite intensities, too many lanes, a table
        that does not fit the lanes, or a reference lane without a band.
    """
    names = _rows(data, rows)
    lanes = lanes_of(data, list(names))
    below = {} if measured is None else measured_strips(measured, names, lanes)
    strips = []
    for name, written in names.items():
        kind = "simulated" if below else ""
        strips.append(Strip(written, kind, _intensities(data, lanes, name), [""] * lanes.count))
        if name in below:
            strips.append(Strip(written, "measured", *below[name]))
    lines = lines_of(lanes) if marks is None else _given(marks, lanes.count)
    place = lanes.place_of(reference) if numbers else None
    folds = [_folds(strip, place) if place is not None else [] for strip in strips]
    size = SIZE if ax is None else _size(ax)
    left = left_of([*(line.name for line in lines), *names.values()], bool(below), size)
    if ax is None:
        width = max(COLUMN - left, lanes.count * NARROWEST)
    else:
        width = ax.bbox.width / ax.figure.dpi
    lane_width = min(width / lanes.count, WIDEST)
    above, number = height_of(lines, lane_width, size), number_height(folds, lane_width, size)
    tops, end = tops_of(strips, number)
    caption = _caption(lanes, strips, place)
    height = above + end + LINE * (caption.count("\n") + 1) + 0.12
    with axes_or_new(ax, left + width, height) as ax:
        middles = draw_lines(ax, lines, lane_width, size)
        for strip, top, texts in zip(strips, tops, folds, strict=True):
            draw_strip(ax, above + top, strip, texts, size, number)
        _name(ax, lines, middles, strips, [above + top for top in tops])
        ax.set_xlim(0, width / lane_width)
        ax.set_ylim(above + end, 0)
        ax.set_xlabel(caption, color="0.35", fontsize=size, loc="left", multialignment="left")
    return ax


def _size(ax: "Axes") -> float:
    """Points of the names at the left of axes that are given."""
    return float(ax.yaxis.get_major_ticks()[0].label1.get_fontsize())


def _rows(data: "xr.Dataset", rows: Sequence[str] | Mapping[str, str] | None) -> dict[str, str]:
    """Quantity -> name of the antibody, from above."""
    import xarray as xr

    if not isinstance(data, xr.Dataset):
        raise ConditionError(f"plot_blot draws a Dataset, not {type(data).__name__}.")
    have = [str(name) for name in data.data_vars if data[name].dtype.kind in "fiu"]
    if rows is None:
        rows = have
    elif isinstance(rows, str):
        rows = [rows]
    for name in rows:
        if name not in have:
            raise ConditionError(
                f'plot_blot: "{name}" is not in the data, which have {", ".join(have)}; ask for it'
                f" by outputs=[...].{did_you_mean(name, have)}"
            )
    if not rows:
        raise ConditionError("plot_blot: there is no row to draw.")
    return dict(rows) if isinstance(rows, Mapping) else {name: name for name in rows}


def _intensities(data: "xr.Dataset", lanes: Lanes, name: str) -> "NDArray[np.float64]":
    """A row (lanes,), NaN where a run failed."""
    import numpy as np

    values = values_of(data, lanes, name)
    finite = values[np.isfinite(values)]
    least = -ROUNDING * float(np.abs(finite).max(initial=0.0))
    if np.isinf(values).any() or (finite < least).any():
        raise ConditionError(
            f"plot_blot: {name} is negative or infinite in some lane, which no band can be; select"
            " amounts, concentrations or shares."
        )
    return np.maximum(values, 0.0)


def _given(marks: Mapping[str, Sequence[str]], count: int) -> list[Line]:
    """Lines that were given."""
    for name, texts in marks.items():
        if len(texts) != count:
            raise ConditionError(
                f'plot_blot: marks "{name}" has {len(texts)} texts for {count} lanes.'
            )
    return [
        line_of_marks(name, [MINUS if str(text) == "-" else str(text) for text in texts])
        for name, texts in marks.items()
    ]


def _folds(strip: Strip, place: int) -> list[str]:
    """Each intensity over that of the reference lane, as text."""
    unit = float(strip.values[place])
    if not unit > 0:
        what = "is missing" if unit != unit else "is 0"
        raise ConditionError(
            f"plot_blot: {f'{strip.kind} {strip.name}'.strip()} {what} in the reference lane"
            f" {place}; name another by reference=, or leave out numbers."
        )
    return [_fold_text(value / unit) for value in strip.values.tolist()]


def _fold_text(fold: float) -> str:
    if fold != fold:
        return ""
    if 0 < fold < 0.01:
        return "<0.01"
    digits = 0 if fold >= 9.95 else 1 if fold >= 0.995 else 2
    return f"{fold:.{digits}f}" if fold else "0"


def _caption(lanes: Lanes, strips: Sequence[Strip], place: int | None) -> str:
    """What is the same in all lanes, and how darkness, marks and numbers are read."""
    names = [str(x) for x in lanes.same.values() if isinstance(x, str) and x != "none"]
    doses = [
        f"{level:g} {lanes.units.get(name, '')}" if name == "time"
        else f"{name} {level:g} {lanes.units.get(name, '')}"
        for name, level in lanes.same.items()
        if isinstance(level, int | float) and level != 0 and level == level
    ]  # fmt: skip
    same = ", ".join(part.strip() for part in [*names, *doses])
    signs = {sign for strip in strips for sign in strip.signs if sign}
    lost = any((strip.values != strip.values).any() for strip in strips)
    lines = [
        same,
        "darkest lane of each row = 1",
        f"numbers: fold of lane {place + 1}" if place is not None else "",
        "crossed out: no value" if lost else "",
        ", ".join(f"{sign} {BOUNDS[sign]}" for sign in BOUNDS if sign in signs),
    ]
    return "\n".join(line for line in lines if line)


def _name(
    ax: "Axes",
    lines: Sequence[Line],
    middles: Sequence[float],
    strips: Sequence[Strip],
    tops: Sequence[float],
) -> None:
    """Names of lines and antibodies at the left, and at the right what is simulated."""
    places: dict[str, list[float]] = {}
    for strip, top in zip(strips, tops, strict=True):
        places.setdefault(strip.name, []).append(top + STRIP / 2)
        if strip.kind:
            ax.annotate(
                strip.kind, (len(strip.values), top + STRIP / 2), xytext=(3, 0),
                textcoords="offset points", va="center", fontsize="small", color="0.35",
                annotation_clip=False,
            )  # fmt: skip
    heights = [*middles, *(sum(each) / len(each) for each in places.values())]
    ax.set_yticks(heights, [*(line.name for line in lines), *places])
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_ticks([])
    ax.spines[:].set_visible(False)
