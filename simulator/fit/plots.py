"""Figures of a fit that need its problem: parameters, and profiles.

None of them shows a window. Colours are told apart with any colour vision.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..plot.panels import number_text
from ..plot.profile import plot_profiles as draw_profiles
from ..plot.style import COLOURS, COLUMN, GREY, PALE, axes_or_new
from ..plot.waterfall import SAME, objectives, plot_waterfall
from .objective import Search
from .scales import Scales
from .verdicts import LEVEL

if TYPE_CHECKING:
    import pypesto
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .problem import Problem

__all__ = ["plot_parameters", "plot_profiles", "plot_waterfall"]

ROW = 0.17
"""Height of a parameter's row, in inches."""


def plot_parameters(
    problem: Problem, result: pypesto.Result, ax: Axes | None = None, shown: int = 20
) -> Axes:
    """Parameters of the best starts between their bounds, a line for each start.

    Parameters
    ----------
    ax
        Axes to draw on; None: new ones, one column wide.
    shown
        At most so many starts; those that found the best optimum are in colour.
    """
    search = Search(problem)
    values = objectives(result)[:shown]
    with axes_or_new(ax, COLUMN, ROW * len(search.ids) + 0.75) as ax:
        _draw_starts(ax, search, result, values)
        _draw_bounds(ax, search)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.plot([], [], color=COLOURS[1], marker="o", label="best optimum")
        ax.plot([], [], color=PALE, marker="s", label="other starts")
        ax.legend(frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return ax


def _draw_starts(ax: Axes, search: Search, result: pypesto.Result, values: Any) -> None:
    """A line for each start over all parameters, from bound to bound on their scales."""
    rows = np.arange(len(search.ids))[::-1]
    low, high = search.lower, search.upper
    for k in reversed(range(len(values))):
        if not math.isfinite(values[k]):
            continue
        x = (np.asarray(result.optimize_result.list[k].x) - low) / (high - low)
        same = values[k] - values[0] <= SAME
        look: dict[str, Any] = {"color": PALE, "marker": "s", "markersize": 2.5, "zorder": 2}
        if same:
            look = {"color": COLOURS[1], "marker": "o", "markersize": 3.0, "zorder": 3}
        ax.plot(x, rows, linewidth=1.4 if k == 0 else 0.7, **look)


def _draw_bounds(ax: Axes, search: Search) -> None:
    """Names of the parameters, and their bounds on linear scale at both sides."""
    rows = np.arange(len(search.ids))[::-1]
    ax.set_yticks(rows, _with_scales(search))
    ax.tick_params(axis="y", length=0)
    text: dict[str, Any] = {"va": "center", "fontsize": "small", "color": GREY}
    for row, a, b, scale in zip(rows, search.lower, search.upper, search.scales.names, strict=True):
        ends = Scales([scale] * 2).linear(np.array([a, b]))
        ax.text(-0.03, row, number_text(ends[0]), ha="right", **text)
        ax.text(1.03, row, number_text(ends[1]), ha="left", **text)
    ax.set_xlim(-0.22, 1.22)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set_xticks([0, 1], ["lower bound", "upper bound"])
    for end in (0, 1):
        ax.axvline(end, color=PALE, linewidth=0.8, zorder=0)


def _with_scales(search: Search) -> list[str]:
    return [
        name if scale != "lin" else f"{name} (linear)"
        for name, scale in zip(search.ids, search.scales.names, strict=True)
    ]


def plot_profiles(
    problem: Problem, result: pypesto.Result, level: float = LEVEL, columns: int = 2
) -> Figure:
    """The profile of each parameter with its threshold and verdict, a panel each.

    As `simulator.plot.plot_profiles` draws `problem.profile_table(result, level)`.

    Raises
    ------
    ConditionError
        The result has no profiles.
    """
    return draw_profiles(problem.profile_table(result, level), columns)
