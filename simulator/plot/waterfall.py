"""The starts of a fit in order of what they found."""

import math
from typing import TYPE_CHECKING, Any

from ..errors import ConditionError
from .style import COLOURS, GREY, PALE, axes_or_new

if TYPE_CHECKING:
    import numpy as np
    import pypesto
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

#: Starts whose objectives are this near to the best one count as having found it.
SAME = 0.1


def objectives(result: "pypesto.Result") -> "NDArray[np.float64]":
    """Objectives (starts,) of the starts, best first; inf where one failed.

    Raises
    ------
    ConditionError
        It is no result of a fit, or no start has a finite one.
    """
    import numpy as np

    if not hasattr(result, "optimize_result"):
        raise ConditionError(
            "plot_waterfall draws the pypesto.Result of problem.optimize, not a"
            f" {type(result).__name__}."
        )
    found = np.array([s.fval for s in result.optimize_result.list], np.float64)
    if not np.isfinite(found).any():
        raise ConditionError(
            "No start of this fit has a finite objective; there is nothing to draw."
        )
    return np.where(np.isnan(found), math.inf, found)


def plot_waterfall(result: "pypesto.Result", ax: "Axes | None" = None) -> "Axes":
    """The starts in order of their objectives: how often the best optimum was found.

    The axis is linear up to the dotted line and logarithmic above it. Starts below that line count
    as having found the best optimum; starts that failed are crosses at the upper edge.

    Parameters
    ----------
    result
        As `Problem.optimize` of `simulator.fit` returns it.
    ax
        Axes to draw on; None: new ones, one column wide.

    Raises
    ------
    ConditionError
        It is no result of a fit, or no start has a finite objective.
    """
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    values = objectives(result)
    above = values[np.isfinite(values)] - values[0]
    found = above <= SAME
    number = np.arange(1, len(values) + 1)
    with axes_or_new(ax) as ax:
        ax.plot(number[: len(above)], above, color=PALE, linewidth=0.8, zorder=1)
        look: dict[str, Any] = {"linestyle": "none", "clip_on": False, "markersize": 4}
        best = number[: len(above)][found], above[found]
        ax.plot(*best, "o", color=COLOURS[1], zorder=3, label="best optimum", **look)
        if not found.all():
            others = number[: len(above)][~found], above[~found]
            ax.plot(*others, "s", color=GREY, zorder=2, label="others", **look)
        failed = number[len(above) :]
        ax.set_yscale("symlog", linthresh=SAME, linscale=0.5)
        ax.set_ylim(-0.5 * SAME, max(10.0, 3.0 * float(above[-1])))
        if len(failed):
            top = ax.get_xaxis_transform()
            ax.plot(
                failed, np.ones(len(failed)), "x", color=COLOURS[2], label="failed", transform=top,
                **look,
            )  # fmt: skip
        ax.axhline(SAME, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        ax.set_xlim(0.5, len(values) + 0.5)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("start, best first")
        ax.set_ylabel(f"objective above the best, {values[0]:.2f}")
        ax.set_title(
            f"{int(found.sum())} of {len(values)} starts found the best optimum", loc="left"
        )
        if not found.all() or len(failed):
            ax.legend(frameon=False, loc="best")
    return ax
