"""Cohorts: samples in the order of a value."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConditionError
from .cohort_groups import (
    ARROW,
    BEYOND,
    Group,
    draw_legend,
    groups_of,
    label_of,
    name_marks,
    samples_of,
)
from .style import GREY, axes_or_new, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .cohort_groups import Values


def plot_cohort_waterfall(
    values: "Values",
    ax: "Axes | None" = None,
    *,
    by: "Values | str | Sequence[Any] | None" = None,
    threshold: float | None = None,
    names: bool | None = None,
    ylabel: str | None = None,
    legend: bool = True,
) -> "Axes":
    """Draw a bar for each sample, in the order of their values.

    A value that is a bound has an arrow to where the true one lies; samples without a value (NaN)
    are crosses at the right.

    Parameters
    ----------
    values
        Shape (samples,), dimensions of length 1 aside: an AUC, or the change of one. A coordinate
        `bound` marks what is a bound.
    ax
        Axes to draw on; None: new ones, one column wide.
    by
        As in `plot_cohort`.
    threshold
        A dashed line, such as the AUC above which a sample is called resistant.
    names
        Whether samples are named below their bars; None: if the names fit.
    ylabel
        None: name and unit of the values.

    Raises
    ------
    ConditionError
        As from `plot_cohort`.
    """
    import numpy as np

    table = samples_of(values, "plot_cohort_waterfall")
    groups, title = groups_of(by, values, table.index, "plot_cohort_waterfall")
    height = table["value"].to_numpy(float)
    if not np.isfinite(height).any():
        raise ConditionError("plot_cohort_waterfall: no sample has a value.")
    order = np.argsort(height, kind="stable")  # NaN last
    place = np.empty(len(order))
    place[order] = np.arange(len(order))
    with axes_or_new(ax) as ax:
        size = min(3.4, 0.6 * 72 * ax.bbox.width / ax.figure.dpi / len(order))
        for group in groups:
            _draw_bars(ax, place[group.members], height[group.members], group, size)
        ax.axhline(0, color="black", linewidth=0.6)
        if threshold is not None:
            ax.axhline(threshold, color=GREY, linewidth=0.8, linestyle="--", zorder=4)
        _draw_ends(ax, place, height, table["bound"])
        lost = int(np.isnan(height).sum())
        name_marks(ax, {"no value": lost})
        ax.set_xlim(-0.8, len(order) - 0.2)
        _name_samples(ax, [str(table.index[k]) for k in order], names, str(table.index.name))
        ax.set_ylabel(ylabel or label_of(values))
        if legend and (title or len(groups) > 1 or lost or (table["bound"] != "=").any()):
            draw_legend(ax, title, below=False)
    return ax


def _draw_bars(ax: "Axes", place: Any, height: Any, group: Group, size: float) -> None:
    """Bars of one group, each with the group's marker at its end; crosses where none is known."""
    import numpy as np

    known, colour = np.isfinite(height), group.look["color"]
    ax.bar(place[known], height[known], width=0.72, color=colour, alpha=0.55, linewidth=0)
    ax.plot(
        place[known], height[known], linestyle="none", markersize=size, label=group.label,
        clip_on=False, zorder=3, **group.look,
    )  # fmt: skip
    lost = place[~known]
    if len(lost):
        ax.plot(lost, np.zeros(len(lost)), "x", color=colour, label="_no value", clip_on=False)


def _draw_ends(ax: "Axes", place: Any, height: Any, bounds: Any) -> None:
    """Arrows at the ends of bars that are bounds."""
    import numpy as np

    step = 0.055 * (max(0.0, np.nanmax(height)) - min(0.0, np.nanmin(height)))
    for end, (_, marker) in BEYOND.items():
        at = (bounds == end).to_numpy() & np.isfinite(height)
        if at.any():
            ends = height[at] + (step if end == ">" else -step)
            ax.plot(place[at], ends, marker=marker, zorder=4, label="_bound", **ARROW)


def _name_samples(ax: "Axes", names: list[str], wanted: bool | None, what: str) -> None:
    """Names below the bars if there is room for them, else how many samples there are."""
    import matplotlib as mpl

    size = mpl.rcParams["font.size"] * 0.83
    room = 72 * ax.bbox.width / ax.figure.dpi / len(names)
    level = max(text_width(name, size) for name in names) < 0.9 * room
    if wanted or (wanted is None and (level or 1.05 * size < room)):
        rotation = 0 if level else 90
        ax.set_xticks(range(len(names)), names, rotation=rotation, fontsize=size)
        ax.set_xlabel(what)
    else:
        ax.set_xticks([])
        ax.set_xlabel(f"{len(names)} samples, in order")
    ax.tick_params(axis="x", length=0)
    ax.spines["bottom"].set_visible(False)
