"""Profile likelihoods: how far the objective rises as a parameter is held off its optimum."""

from typing import TYPE_CHECKING, Any

from ..errors import ConditionError, did_you_mean
from .panels import logarithmic, panels
from .style import COLOURS, GREY, PALE, axes_or_new

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Verdict of `Problem.verdicts` in `simulator.fit` -> its colour.
VERDICT_COLOURS = {
    "identifiable": COLOURS[3],
    "one-sided": COLOURS[1],
    "flat": COLOURS[2],
    "at bound": COLOURS[4],
    "optimiser failed": COLOURS[0],
}

#: The vertical axis ends at so many times the allowed rise.
SHOWN = 1.45

COLUMNS = ("value", "rise", "estimate", "lower_bound", "upper_bound", "scale", "verdict")


def plot_profile(table: "pd.DataFrame", parameter: str, ax: "Axes | None" = None) -> "Axes":
    """The profile of one parameter with its optimum, threshold and verdict.

    The star is the optimum, the dashed line the rise that the level of confidence allows; the
    shaded part of the axis is the confidence interval. A thick grey line is a bound of the
    parameter, where the profile ends at one. Points that rise beyond the axis are not drawn.

    Parameters
    ----------
    table
        As `Problem.profile_table` of `simulator.fit` returns it: index (parameter, point), columns
        value, rise, estimate, lower, upper (ends of the interval), lower_bound, upper_bound, scale,
        verdict; attrs level and allowed_rise. Values are on linear scale.
    parameter
        Which one.
    ax
        Axes to draw on; None: new ones, one column wide.

    Raises
    ------
    ConditionError
        It is no such table, or the parameter has no profile in it.
    """
    _check(table)
    ids = _parameters(table)
    if parameter not in ids:
        raise ConditionError(
            f'plot_profile: "{parameter}" has no profile; {", ".join(ids)} have.'
            f"{did_you_mean(parameter, ids)}"
        )
    with axes_or_new(ax) as ax:
        _draw_profile(ax, table.loc[[parameter]], parameter)
        _name_threshold(ax, table)
        ax.set_ylabel("rise of the objective")
    return ax


def plot_profiles(table: "pd.DataFrame", columns: int = 2) -> "Figure":
    """The profiles of all parameters, a panel each; returns the figure.

    Parameters
    ----------
    table
        As in `plot_profile`.
    columns
        Panels in a row: two are one column of a journal wide, four a page.

    Raises
    ------
    ConditionError
        It is no such table, or there is no profile in it.
    """
    _check(table)
    ids = _parameters(table)
    if not ids:
        raise ConditionError("There are no profiles in this result; `problem.profile` makes them.")
    with panels(len(ids), columns) as (figure, axes):
        for k, (ax, parameter) in enumerate(zip(axes, ids, strict=True)):
            _draw_profile(ax, table.loc[[parameter]], parameter)
            if k % columns:
                ax.tick_params(axis="y", labelleft=False)
        _name_threshold(axes[0], table)
        figure.supylabel("rise of the objective", fontsize="medium")
    return figure


def _check(table: "pd.DataFrame") -> None:
    missing = [name for name in COLUMNS if name not in table]
    missing += [f"attrs[{name!r}]" for name in ("level", "allowed_rise") if name not in table.attrs]
    if missing:
        raise ConditionError(
            f"plot_profile draws a table of problem.profile_table(result); this one has no"
            f" {' and no '.join(missing)}."
        )


def _parameters(table: "pd.DataFrame") -> list[str]:
    return [str(name) for name in table.index.get_level_values(0).unique()]


def _draw_profile(ax: "Axes", rows: "pd.DataFrame", name: str) -> None:
    """The curve of one parameter; `rows` are its points in order."""
    import numpy as np

    first = rows.iloc[0]
    allowed = float(rows.attrs["allowed_rise"])
    colour = VERDICT_COLOURS.get(first["verdict"], COLOURS[0])
    x, rise = rows["value"].to_numpy(float), rows["rise"].to_numpy(float)
    if first["scale"] != "lin":
        logarithmic(ax, float(x.min()), float(x.max()))
    ax.axhline(allowed, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
    ax.plot(x, rise, color=colour, marker="o", markersize=2.2, linewidth=1.2, zorder=3)
    ax.plot([first["estimate"]], [0], "*", color=COLOURS[0], markersize=6, zorder=4, clip_on=False)
    ax.margins(x=0.05)
    ends = ax.get_xlim()
    ax.axvspan(*_interval(first, ends), ymax=0.03, color=colour, alpha=0.35, linewidth=0, zorder=2)
    for bound in (first["lower_bound"], first["upper_bound"]):
        if np.isfinite(bound) and ends[0] <= bound <= ends[1]:
            ax.axvline(bound, color=PALE, linewidth=2.5, zorder=0)
    ax.set_xlim(ends)
    ax.set_ylim(-0.08 * allowed, SHOWN * allowed)
    ax.set_xlabel(name)
    ax.set_title(first["verdict"], fontsize="medium", color=colour, loc="left", fontweight="bold")


def _interval(first: Any, ends: tuple[float, float]) -> tuple[float, float]:
    """The confidence interval, as far as it has ends; else to the end of the axis."""
    low, high = float(first["lower"]), float(first["upper"])
    return (ends[0] if low != low else low, ends[1] if high != high else high)


def _name_threshold(ax: "Axes", table: "pd.DataFrame") -> None:
    ax.annotate(
        f"{100 * table.attrs['level']:g} %",
        (0.5, table.attrs["allowed_rise"]),
        xytext=(0, 1.5),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize="small",
        color=GREY,
    )
