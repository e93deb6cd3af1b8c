"""An axis of doses: logarithmic, with the dose 0 shown apart at its left."""

from typing import TYPE_CHECKING, Any

from ..errors import ConditionError
from .style import unit_text

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

# Where the dose 0 stands: this many decades left of the lowest dose.
ZERO_GAP = 0.6

# More decades than this, and every other one gets a label.
LABELLED_DECADES = 4


def dose_dimension(da: "xr.DataArray", call: str) -> str:
    """The dimension that looks like doses of a drug: numeric, with the level 0, and not time.

    call : the function that asks, for its error.
    """
    found = [
        str(dim)
        for dim in da.dims
        if dim != "time" and dim in da.coords and da[dim].dtype.kind in "if" and 0 in da[dim].values
    ]
    if len(found) != 1:
        raise ConditionError(
            f"{call}: name the dose dimension, since"
            f" {' and '.join(found) if found else 'no dimension'} could be it."
        )
    return found[0]


def dose_label(da: "xr.DataArray", dose: str) -> str:
    """`prednisolone (µM)`."""
    return f"{dose} ({unit_text(da[dose].attrs.get('units', 'uM'))})"


def zero_place(doses: Any) -> float:
    """Where the dose 0 is drawn beside these doses; one of them at least is above 0."""
    import numpy as np

    doses = np.asarray(doses, dtype=float)
    return float(10 ** (np.log10(doses[doses > 0].min()) - ZERO_GAP))


def dose_axis(ax: "Axes", doses: Any) -> None:
    """Make x a logarithmic axis of these doses; with 0 among them, it has a place and a break."""
    import numpy as np

    doses = np.asarray(doses, dtype=float)
    ax.set_xscale("log")
    if not (doses > 0).any():
        return
    low, high = doses[doses > 0].min(), doses.max()
    labelled, between = log_ticks(low, high)
    ticks, names = list(labelled), [dose_text(d) for d in labelled]
    if (doses == 0).any():
        zero = zero_place(doses)
        _mark_break(ax, 10 ** (np.log10(zero) + ZERO_GAP / 2))
        ticks, names, low = [zero, *ticks], ["0", *names], zero
    ax.set_xticks(ticks, names)
    ax.set_xticks(between, [""] * len(between), minor=True)
    ax.set_xlim(low / 1.8, high * 1.5)


def dose_text(dose: float) -> str:
    """A dose in three digits: `1000`, `31.6`, `0.01`."""
    return f"{float(f'{dose:.3g}'):g}"


def log_ticks(low: float, high: float) -> tuple[list[float], list[float]]:
    """Doses from `low` to `high` that get a label, and those that get a small tick only.

    Decades have labels, every other one where there are many; with less than two of them, 1, 2 and
    5 of each decade, and failing that the ends.
    """
    import numpy as np

    exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    inside = [
        round(m * 10.0**k, 12 - k)
        for k in exponents
        for m in range(1, 10)
        if low * (1 - 1e-9) <= m * 10.0**k <= high * (1 + 1e-9)
    ]
    labelled = [d for d in inside if f"{d:e}"[0] == "1"]
    if len(labelled) > LABELLED_DECADES:
        labelled = labelled[::2]
    elif len(labelled) < 2:
        labelled = [d for d in inside if f"{d:e}"[0] in "125"]
    if len(labelled) < 2:
        labelled = sorted({float(low), float(high)})
    return labelled, [d for d in inside if d not in labelled]


def _mark_break(ax: "Axes", at: float) -> None:
    """Two strokes across the axis where it is interrupted."""
    from matplotlib.transforms import offset_copy

    for aside in (-1.5, 1.5):
        place = offset_copy(ax.get_xaxis_transform(), ax.get_figure(root=True), aside, 0, "points")
        ax.plot(
            [at], [0], marker=[(-0.5, -1), (0.5, 1)], transform=place, color="black",
            clip_on=False, markersize=8, linestyle="none",
        )  # fmt: skip
