"""Figures of a fit: waterfall, parameters, profiles, and data with the simulation.

None of them shows a window. Colours are told apart with any colour vision.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConditionError
from ..plot import COLOURS
from .objective import Search
from .scales import Scales
from .verdicts import AT_BOUND, BOUND, FAILED, FLAT, IDENTIFIABLE, LEVEL, ONE_SIDED, allowed_rise
from .verdicts import verdicts as verdicts_of

if TYPE_CHECKING:
    import pypesto
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .problem import Problem

Array = NDArray[np.float64]

SAME = 0.1
"""Starts whose objectives are this near to the best one count as having found it."""

BEST, OTHER, FAINT = COLOURS[1], "#7f7f7f", "#c8c8c8"
VERDICT_COLOURS = {
    IDENTIFIABLE: COLOURS[3],
    ONE_SIDED: COLOURS[5],
    FLAT: COLOURS[2],
    BOUND: COLOURS[4],
    FAILED: "#000000",
}
PANEL = (3.3, 2.5)


def new_axes(ax: Axes | None, size: tuple[float, float] = (6.0, 4.0)) -> Axes:
    """The axes given, or new ones of this size in inches."""
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=size, layout="constrained")[1]
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def panels(count: int, columns: int = 4) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels."""
    from matplotlib.figure import Figure

    columns = min(columns, max(count, 1))
    rows = -(-max(count, 1) // columns)
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows + 0.4), layout="constrained")
    axes = list(np.atleast_1d(figure.subplots(rows, columns)).flat)
    for ax in axes[count:]:
        ax.set_visible(False)
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes[:count]


def objectives(result: pypesto.Result) -> Array:
    """Objectives (starts,) of the starts, best first; inf where one failed.

    Raises
    ------
    ConditionError
        There are none.
    """
    found = np.array([s.fval for s in result.optimize_result.list], np.float64)
    if not np.isfinite(found).any():
        raise ConditionError(
            "No start of this fit has a finite objective; there is nothing to draw."
        )
    return np.where(np.isnan(found), math.inf, found)


def plot_waterfall(result: pypesto.Result, ax: Axes | None = None) -> Axes:
    """The starts in order of their objectives: how often the best optimum was found.

    Parameters
    ----------
    ax
        Axes to draw on; None: new ones.
    """
    from matplotlib.ticker import MaxNLocator

    values = objectives(result)
    finite = values[np.isfinite(values)]
    above = finite - finite[0]
    found = above <= SAME
    ax = new_axes(ax)
    number = np.arange(1, len(finite) + 1)
    ax.plot(number, above, color=FAINT, linewidth=1, zorder=1)
    ax.scatter(number[found], above[found], color=BEST, s=34, zorder=3, label="best optimum")
    if not found.all():
        ax.scatter(number[~found], above[~found], color=OTHER, s=22, zorder=2, label="others")
        ax.legend(frameon=False, loc="upper left")
    ax.set_yscale("symlog", linthresh=SAME, linscale=0.5)
    ax.set_ylim(-0.5 * SAME, max(10.0, 3.0 * float(above[-1])))
    ax.axhline(SAME, color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
    ax.set_xlim(0, len(values) + 1)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("start, best first")
    ax.set_ylabel(f"objective above the best, {finite[0]:.2f}")
    failed = len(values) - len(finite)
    title = f"{int(found.sum())} of {len(values)} starts found the best optimum"
    ax.set_title(title + (f"; {failed} failed" if failed else ""), fontsize=10, loc="left")
    return ax


def plot_parameters(
    problem: Problem, result: pypesto.Result, ax: Axes | None = None, shown: int = 20
) -> Axes:
    """Parameters of the best starts between their bounds, a line for each start.

    Parameters
    ----------
    shown
        At most so many starts; those that found the best optimum are in colour.
    """
    search = Search(problem)
    values = objectives(result)[:shown]
    count = len(search.ids)
    ax = new_axes(ax, (6.0, max(2.5, 0.32 * count + 1.2)))
    rows = np.arange(count)[::-1]
    low, high = search.lower, search.upper
    for k in reversed(range(len(values))):
        if not math.isfinite(values[k]):
            continue
        x = (np.asarray(result.optimize_result.list[k].x) - low) / (high - low)
        same = values[k] - values[0] <= SAME
        look: dict[str, Any] = {"color": BEST if same else FAINT, "zorder": 3 if same else 2}
        width = 2.0 if k == 0 else 1.0
        ax.plot(x, rows, marker="o", markersize=4 if same else 3, linewidth=width, **look)
    ax.set_yticks(rows, _with_scales(search))
    for row, a, b, scale in zip(rows, low, high, search.scales.names, strict=True):
        ends = Scales([scale] * 2).linear(np.array([a, b]))
        ax.text(-0.02, row, f"{ends[0]:.3g}", ha="right", va="center", fontsize=7, color=OTHER)
        ax.text(1.02, row, f"{ends[1]:.3g}", ha="left", va="center", fontsize=7, color=OTHER)
    ax.set_xlim(-0.16, 1.16)
    ax.set_xticks([0, 1], ["lower bound", "upper bound"])
    for end in (0, 1):
        ax.axvline(end, color=FAINT, linewidth=0.8, zorder=0)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.plot([], [], color=BEST, marker="o", label="best optimum")
    ax.plot([], [], color=FAINT, marker="o", label="other starts")
    ax.legend(frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=9)
    return ax


def _with_scales(search: Search) -> list[str]:
    return [
        name if scale != "lin" else f"{name} (linear)"
        for name, scale in zip(search.ids, search.scales.names, strict=True)
    ]


def plot_profiles(problem: Problem, result: pypesto.Result, level: float = LEVEL) -> Figure:
    """The profile of each parameter with its threshold and verdict, a panel each.

    Raises
    ------
    ConditionError
        The result has no profiles.
    """
    search = Search(problem)
    table = verdicts_of(search, result, level)
    if not len(table):
        raise ConditionError("There are no profiles in this result; `problem.profile` makes them.")
    figure, axes = panels(len(table))
    for ax, (name, row) in zip(axes, table.iterrows(), strict=True):
        _draw_profile(ax, search, result, str(name), row, allowed_rise(level))
    for k, ax in enumerate(axes):
        if k % 4 == 0:
            ax.set_ylabel("rise of the objective")
    axes[0].annotate(
        f"{100 * level:g} %", (1.0, allowed_rise(level)), xycoords=("axes fraction", "data"),
        ha="right", va="bottom", fontsize=8, color=OTHER,
    )  # fmt: skip
    return figure


def _draw_profile(
    ax: Axes, search: Search, result: pypesto.Result, name: str, row: Any, allowed: float
) -> None:
    k = search.ids.index(name)
    path = result.profile_result.list[-1][k]
    scale = search.scales.names[k]
    points = np.asarray(path.x_path)[k]
    rise = np.asarray(path.fval_path) - float(result.optimize_result.list[0].fval)
    colour = VERDICT_COLOURS[row["verdict"]]
    span = search.upper[k] - search.lower[k]
    x = Scales([scale]).linear(points[:, None])[:, 0]
    low, high = Scales([scale] * 2).linear(np.array([search.lower[k], search.upper[k]]))
    if scale != "lin":
        logarithmic(ax, float(x.min()), float(x.max()))
    ax.axhline(allowed, color=OTHER, linewidth=0.9, linestyle="--", zorder=1)
    ax.plot(x, rise, color=colour, marker="o", markersize=3, linewidth=1.6, zorder=2)
    ax.plot([row["estimate"]], [0], marker="*", color="#000000", markersize=10, zorder=3)
    for end, near in ((low, points[0] - search.lower[k]), (high, search.upper[k] - points[-1])):
        if near <= AT_BOUND * span:
            ax.axvline(end, color=FAINT, linewidth=3, zorder=0)
    ax.set_ylim(-0.06 * allowed, 1.35 * allowed)
    ax.set_xlabel(name)
    ax.set_title(row["verdict"], fontsize=10, color=colour, loc="left", fontweight="bold")


def logarithmic(ax: Axes, low: float, high: float, axis: str = "x") -> None:
    """A logarithmic axis with a few labels, also where low to high is less than a decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    ax.set(**{f"{axis}scale": "log"})
    its = ax.xaxis if axis == "x" else ax.yaxis
    decades = math.log10(high / low)
    if decades < 0.7:
        its.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    else:
        few = (1.0, 2.0, 5.0) if decades < 1.7 else (1.0,)
        its.set_major_locator(LogLocator(subs=few, numticks=5))
    its.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    its.set_minor_locator(NullLocator())
