"""Dose-response curves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..response.doses import check_doses
from .curves import Curve, curves_of, dimension, marker_size, squeezed
from .dose_axis import dose_axis, dose_dimension, dose_label, zero_place
from .marks import leave_room, mark_missing, place_legend, sign
from .style import axes_or_new

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from matplotlib.axes import Axes

# The viability that an IC50 leaves.
HALF = 0.5

DROP: dict[str, Any] = {"linestyle": (0, (2.5, 1.5)), "linewidth": 0.8, "marker": "none"}


def plot_dose_response(
    da: "xr.DataArray",
    dose: str | None = None,
    ax: "Axes | None" = None,
    *,
    labels: Sequence[str] | None = None,
    ylabel: str = "viability (fraction of vehicle)",
    legend: bool = True,
    ic50: bool = False,
    band: "xr.Dataset | tuple[xr.DataArray, xr.DataArray] | None" = None,
    **style: Any,
) -> "Axes":
    """Draw viability against dose on a log axis, the dose 0 shown apart at its left.

    Parameters
    ----------
    da
        One curve, shape (doses,), or several, with one dimension besides the doses; dimensions of
        length 1 do not count. A dose without a value is a cross at the top of the axes.
    dose
        Dose dimension; None: the only numeric dimension that contains the dose 0, `time` aside.
    ax
        Axes to draw on; None: new ones.
    labels
        Names of the curves; None: the other dimension's levels.
    legend
        Name the curves at the right of the axes; a figure of your own needs
        `layout="constrained"` to make room for them.
    ic50
        Mark the IC50 of each curve, as `simulator.response.ic50` finds it, by a line down to the
        axis; where the doses only bound it, by an arrow at the dose that it lies beyond.
    band
        Range around each curve, shaded: a pair (low, high) of the dimensions of `da`, or a Dataset
        with `low` and `high`, or with `<name of da>_low` and `<name of da>_high`.
    style
        Handed to `Axes.plot`.

    Raises
    ------
    ConditionError
        No or more than one dimension could be the dose, too many dimensions are left, labels or
        band are not those of the curves, or, with `ic50`, the data are no viability over doses.
    """
    call = "plot_dose_response"
    da = squeezed(da, call)
    dose = dimension(da, dose_dimension(da, call) if dose is None else dose, call)
    check_doses(da, dose, call, zero_needed=False, fewest=1)
    curves, title = curves_of(da, dose, call, labels, band)
    order = da[dose].values.argsort()
    doses = da[dose].values[order].astype(float)
    with axes_or_new(ax) as ax:
        for i, curve in enumerate(curves):
            _draw_curve(ax, doses, curve, order, i, style)
        if ic50:
            _draw_ic50(ax, da, dose, curves, style)
        dose_axis(ax, doses)
        ax.set_xlabel(dose_label(da, dose))
        ax.set_ylabel(ylabel)
        leave_room(ax, least_top=1.0)
        if legend:
            place_legend(ax, title)
    return ax


def _draw_curve(
    ax: "Axes", doses: "np.ndarray", curve: Curve, order: Any, i: int, style: dict[str, Any]
) -> None:
    """One curve with its zero dose, to which no line leads."""
    import numpy as np

    above, values = doses > 0, curve.values[order]
    own: dict[str, Any] = {"markersize": marker_size(i), "linestyle": "-"}
    look = curve.look | own | style
    apart = zero_place(doses) if above.any() and not above.all() else 0.0
    ax.plot(doses[above], values[above], label=curve.name, **look)
    if apart:
        ax.plot([apart], values[~above][:1], **look | {"linestyle": "none"})
    if curve.low is not None and curve.high is not None:
        low, high = curve.low[order], curve.high[order]
        shade: dict[str, Any] = {"color": look["color"], "alpha": 0.2, "zorder": 1}
        ax.fill_between(doses[above], low[above], high[above], linewidth=0, **shade)
        if apart:
            ax.vlines([apart], low[~above][:1], high[~above][:1], linewidth=4, **shade)
    missing = ~np.isfinite(values)
    if missing.any():
        mark_missing(ax, np.where(above, doses, apart)[missing], look["color"])


def _draw_ic50(
    ax: "Axes", da: "xr.DataArray", dose: str, curves: list[Curve], style: dict[str, Any]
) -> None:
    """A line down from each IC50; arrows, below each other, at the dose that an IC50 is beyond."""
    from matplotlib.transforms import offset_copy

    from ..response import ic50

    found = ic50(da, dose)
    arrows = {"<": 0, ">": 0}
    for curve, value, bound in zip(
        curves, found.values.ravel(), found["bound"].values.ravel(), strict=True
    ):
        colour = (curve.look | style)["color"]
        if value != value:
            continue
        if bound == "=":
            ax.plot([value, value], [0, HALF], color=colour, **DROP)
            sign(ax, "IC50", **DROP)
            continue
        right = 1 if bound == ">" else -1
        aside = offset_copy(
            ax.transData, ax.get_figure(root=True), 4 * right, -5 * arrows[bound], "points"
        )
        arrows[bound] += 1
        ax.plot([value], [HALF], color=colour, transform=aside, **_arrow(bound))
        sign(ax, "IC50 above doses" if bound == ">" else "IC50 below doses", **_arrow(bound))
    ax.axhline(HALF, color="0.8", linewidth=0.6, zorder=0)


def _arrow(bound: str) -> dict[str, Any]:
    """An arrow head to the right for `>`, to the left for `<`."""
    return {"marker": bound, "markersize": 4.0, "linestyle": "none", "clip_on": False, "zorder": 4}
