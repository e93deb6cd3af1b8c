"""Cohorts: one condition against another, sample by sample."""

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
from .style import COLUMN, GREY, PALE, axes_or_new

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from .cohort_groups import Values

#: auc400 of no effect: the end of its axes.
NO_EFFECT = 400.0


def plot_cohort(
    x: "Values",
    y: "Values",
    ax: "Axes | None" = None,
    *,
    by: "Values | str | Sequence[Any] | None" = None,
    ratio: float | None = None,
    resistant_above: float | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    legend: bool = True,
) -> "Axes":
    """Draw a measure of each sample in one condition against that in another.

    Points above the grey diagonal have the larger value in the condition of `y`. A value that is a
    bound has an arrow to where the true one lies. A sample without one of the values (NaN) is a
    cross at the edge, at the height of the other; the legend counts those without both.

    Parameters
    ----------
    x, y
        Shape (samples,), dimensions of length 1 aside, of the same samples in any order: such as
        `sim.response.auc400` without and with IL7. A coordinate `bound` marks what is a bound.
    ax
        Axes to draw on; None: new ones, one column wide.
    by
        Groups, told apart by colour and marker: a value for each sample, or the name of a
        coordinate of `x`. At most seven. The legend counts the samples of each.
    ratio
        Also the line y = ratio * x, such as 1.5.
    resistant_above
        Shades what lies above this value: in x, in y, and darker in both.
    xlabel, ylabel
        None: name of the values and the coordinates in which they differ.

    Raises
    ------
    ConditionError
        Not one value a sample, not the same samples, more groups than can be told apart, or no
        sample with a value.
    """
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    a, b = (samples_of(each, "plot_cohort") for each in (x, y))
    if sorted(a.index, key=str) != sorted(b.index, key=str):
        raise ConditionError(
            f"plot_cohort: x and y are of different samples, {_named(a.index)} and"
            f" {_named(b.index)}; select the same ones."
        )
    b = b.loc[a.index]
    groups, title = groups_of(by, x, a.index, "plot_cohort")
    values = np.column_stack([a["value"], b["value"]]).astype(float)
    if not np.isfinite(values).any():
        raise ConditionError("plot_cohort: no sample has a value.")
    low, high = _limits(values, (x, y))
    names = [xlabel or label_of(x, y), ylabel or label_of(y, x)]
    with axes_or_new(ax, COLUMN, 1.02 * COLUMN) as ax:
        ax.set(xlim=(low, high), ylim=(low, high), xlabel=names[0], ylabel=names[1])
        ax.set_aspect("equal")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        _draw_lines(ax, low, high, ratio, resistant_above)
        for group in groups:
            _draw_points(ax, values[group.members], group)
        _draw_bounds(ax, values, np.column_stack([a["bound"], b["bound"]]))
        missing = np.isnan(values).sum(axis=1)
        name_marks(
            ax, {"one value only": int((missing == 1).sum()), "no value": int((missing == 2).sum())}
        )
        if legend:
            draw_legend(ax, title, below=True)
    return ax


def _named(index: Any) -> str:
    """`46 (0, 1, 2, ...)`."""
    few = ", ".join(map(str, index[:3]))
    return f"{len(index)} ({few}{', ...' if len(index) > 3 else ''})"


def _limits(values: "NDArray[np.float64]", of: Sequence["Values"]) -> tuple[float, float]:
    """Ends of both axes: those of auc400, else a little beyond all values."""
    import numpy as np

    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if all(each.name == "auc400" for each in of):
        low, high = min(low, 0.0), max(high, NO_EFFECT)
    beyond = 0.035 * (high - low) or 1.0
    return low - beyond, high + beyond


def _draw_lines(
    ax: "Axes", low: float, high: float, ratio: float | None, resistant: float | None
) -> None:
    """Equality, the line of a ratio with its name, and the resistant halves."""
    ax.plot([low, high], [low, high], color=GREY, linewidth=0.8, zorder=1)
    if resistant is not None and resistant < high:
        look: dict[str, Any] = {"color": PALE, "alpha": 0.3, "linewidth": 0, "zorder": 0}
        ax.axvspan(resistant, high, label=f"above {resistant:g}: resistant", **look)
        ax.axhspan(resistant, high, **look)
    if ratio is None:
        return
    ends = [end for end in (low, high) if low <= ratio * end <= high] + [low / ratio, high / ratio]
    first, last = min(e for e in ends if low <= e <= high), max(e for e in ends if low <= e <= high)
    ax.plot([first, last], [ratio * first, ratio * last], "--", color=GREY, linewidth=0.8, zorder=1)
    ax.annotate(
        f"{ratio:g}-fold", (last, ratio * last), xytext=(0, 3), textcoords="offset points",
        ha="center", va="bottom", fontsize="small", color=GREY,
    )  # fmt: skip


def _draw_points(ax: "Axes", values: "NDArray[np.float64]", group: Group) -> None:
    """One group; a sample that lacks one of its values is a cross at the edge."""
    import numpy as np

    known = np.isfinite(values)
    both = known.all(axis=1)
    ax.plot(
        *values[both].T, linestyle="none", markeredgecolor="white", markeredgewidth=0.4,
        markersize=4.5, zorder=3, label=group.label, clip_on=not both.any(), **group.look,
    )  # fmt: skip
    for axis, transform in enumerate((ax.get_xaxis_transform(), ax.get_yaxis_transform())):
        lone = values[known[:, axis] & ~both]
        if len(lone):
            at = [np.zeros(len(lone)), np.zeros(len(lone))]
            at[axis] = lone[:, axis]
            ax.plot(
                *at, "x", color=group.look["color"], markersize=4.5, transform=transform, zorder=4,
                clip_on=False, label="_one value",
            )  # fmt: skip


def _draw_bounds(ax: "Axes", values: "NDArray[np.float64]", bounds: Any) -> None:
    """Arrows from values that are bounds to where the true ones lie."""
    for end, markers in BEYOND.items():
        sign = 1 if end == ">" else -1
        for axis in (0, 1):
            at = values[bounds[:, axis] == end].copy()
            at[:, axis] += sign * 0.032 * (ax.get_xlim()[1] - ax.get_xlim()[0])
            if len(at):
                ax.plot(*at.T, marker=markers[axis], label="_bound", zorder=2, **ARROW)
