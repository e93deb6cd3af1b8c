"""Dose-response curves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConditionError, did_you_mean
from .dose_axis import dose_axis, dose_dimension, dose_label, zero_place
from .style import COLOURS, MARKERS, axes_or_new

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes


def plot_dose_response(
    da: "xr.DataArray",
    dose: str | None = None,
    ax: "Axes | None" = None,
    *,
    labels: Sequence[str] | None = None,
    ylabel: str = "viability (fraction of vehicle)",
    legend: bool = True,
    **style: Any,
) -> "Axes":
    """Draw viability against dose on a log axis, the dose 0 shown apart at its left.

    Parameters
    ----------
    da
        One curve, shape (doses,), or several, with one dimension besides the doses; dimensions of
        length 1 do not count.
    dose
        Dose dimension; None: the only numeric dimension that contains the dose 0, `time` aside.
    ax
        Axes to draw on; None: new ones.
    labels
        Names of the curves; None: the other dimension's levels.
    style
        Handed to `Axes.plot`.

    Raises
    ------
    ConditionError
        No or more than one dimension could be the dose, or too many dimensions are left.
    """
    da = da.squeeze()
    dose = dose_dimension(da, "plot_dose_response") if dose is None else dose
    if dose not in da.dims:
        raise ConditionError(
            f'plot_dose_response: "{dose}" is no dimension of the data, which has'
            f" {', '.join(map(str, da.dims)) or 'none'}.{did_you_mean(dose, map(str, da.dims))}"
        )
    others = [str(d) for d in da.dims if d != dose]
    if len(others) > 1:
        raise ConditionError(
            f"plot_dose_response draws one dimension besides the dose, found {', '.join(others)};"
            " select one level of the others first."
        )
    with axes_or_new(ax) as ax:
        _draw(ax, da.sortby(dose), dose, others, labels, ylabel, legend, style)
    return ax


def _draw(
    ax: "Axes",
    da: "xr.DataArray",
    dose: str,
    others: list[str],
    labels: Sequence[str] | None,
    ylabel: str,
    legend: bool,
    style: dict[str, Any],
) -> None:
    import numpy as np

    curves = da.transpose(*others, dose).values.reshape(-1, da.sizes[dose])
    names = labels or ([str(v) for v in da[others[0]].values] if others else [""])
    doses = np.asarray(da[dose].values, dtype=float)
    for i, (curve, name) in enumerate(zip(curves, names, strict=True)):
        _draw_curve(ax, doses, curve, str(name), i, style)
    dose_axis(ax, doses)
    ax.set_xlabel(dose_label(da, dose))
    ax.set_ylabel(ylabel)
    ax.set_ylim(0, max(1.05, 1.05 * float(np.nanmax(curves)) if np.isfinite(curves).any() else 1))
    if legend and any(names):
        ax.legend(frameon=False, title=others[0] if others else None)


def _draw_curve(
    ax: "Axes", doses: Any, curve: Any, name: str, i: int, style: dict[str, Any]
) -> None:
    """One curve with its zero dose, to which no line leads."""
    above = doses > 0
    look: dict[str, Any] = {
        "color": COLOURS[i % len(COLOURS)],
        "marker": MARKERS[i % len(MARKERS)],
        # Later markers are smaller, so that curves that coincide are all seen.
        "markersize": max(3.0, 6.0 - 1.2 * i),
    } | style
    ax.plot(doses[above], curve[above], label=name, **look)
    if above.any() and not above.all():
        ax.plot([zero_place(doses)], curve[~above][:1], **{**look, "linestyle": "none"})
