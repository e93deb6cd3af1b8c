"""One output over time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..conditions.schedules import Schedule, parse_schedule
from ..errors import ConditionError, did_you_mean
from .curves import Curve, curves_of, dimension, level_names, looks_of, marker_size
from .marks import (
    CROSS,
    NO_VALUE,
    ROW_HEIGHT,
    axis_label,
    leave_room,
    mark_missing,
    next_row,
    place_legend,
    sign,
)
from .style import axes_or_new, unit_text

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from matplotlib.axes import Axes

# Up to so many points, each has its marker; on longer curves markers stand apart.
FEW_POINTS = 12

# Hours between ticks, of which the first is taken that needs no more than MOST_TICKS.
HOURS = (1, 2, 4, 6, 12, 24, 48, 96, 168)
MOST_TICKS = 6

# Text about a bar that begins after this share of the time ends where the bar ends.
LATE = 0.75

# Letters of the label of an axis in one line.
AXIS_LETTERS = 38


def plot_time_course(
    data: "xr.Dataset | xr.DataArray",
    output: str | None = None,
    ax: "Axes | None" = None,
    *,
    labels: Sequence[str] | None = None,
    legend: bool = True,
    reference: object = None,
    band: "xr.Dataset | tuple[xr.DataArray, xr.DataArray] | None" = None,
    **style: Any,
) -> "Axes":
    """Draw one output over time.

    A drug that is given by the same schedule in all curves is a bar at the top. Where a curve has
    no further value, since its run failed, a cross stands at its end and is named in the legend.

    Parameters
    ----------
    data
        What `simulate` returns, or one output of it, over `time` and at most one other dimension;
        dimensions of length 1 do not count.
    output
        The output to draw; None where the data have only one.
    ax
        Axes to draw on; None: new ones.
    labels
        Names of the curves; None: the other dimension's levels.
    legend
        Name the curves at the right of the axes; a figure of your own needs
        `layout="constrained"` to make room for them.
    reference
        Level of the other dimension that is drawn and named first, in black; None: the first.
    band
        Range around each curve, shaded: a pair (low, high) of the dimensions of the output, or a
        Dataset with `low` and `high`, or with `<output>_low` and `<output>_high`.
    style
        Handed to `Axes.plot`.

    Raises
    ------
    ConditionError
        The output is not there, the data have no time or too many other dimensions, or labels,
        reference or band are not those of the curves.
    """
    call = "plot_time_course"
    da, failed = output_over_time(data, output, call)
    dimension(da, "time", call)
    curves, title = curves_of(da, "time", call, labels, band)
    curves = _reference_first(curves, da, reference, call)
    with axes_or_new(ax) as ax:
        for i, curve in enumerate(curves):
            _draw_curve(ax, da["time"].values, curve, i, len(curves), failed, style)
        _draw_doses(ax, da)
        _time_axis(ax, da)
        ax.set_ylabel(axis_label(da, AXIS_LETTERS))
        leave_room(ax, least_top=0.0)
        if legend:
            place_legend(ax, title)
    return ax


def outputs_over_time(ds: "xr.Dataset") -> list[str]:
    """Variables over time."""
    return [str(name) for name, da in ds.data_vars.items() if "time" in da.dims]


def output_over_time(
    data: "xr.Dataset | xr.DataArray", output: str | None, call: str
) -> tuple["xr.DataArray", str]:
    """One output without dimensions of length 1, and the name of its ends without a value."""
    import xarray as xr

    if isinstance(data, xr.DataArray):
        if output is not None and output != data.name:
            raise ConditionError(
                f'{call}: "{output}" is asked for, but the data are one output,'
                f' "{data.name}"; give the Dataset, or no output.'
            )
        return _without_single(data), NO_VALUE
    if not isinstance(data, xr.Dataset):
        raise ConditionError(
            f"{call} draws an xarray.Dataset or DataArray, found a {type(data).__name__}."
        )
    names = outputs_over_time(data)
    if output is None and len(names) != 1:
        found = f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}" or "none over time"
        raise ConditionError(f"{call}: name the output to draw; the data have {found}.")
    name = names[0] if output is None else output
    if name not in names:
        raise ConditionError(
            f'{call}: "{name}" is no output over time of the data.{did_you_mean(name, names)}'
        )
    ends = []
    if "status" in data:
        ends = sorted(set(data["status"].values.ravel().tolist()) - {"SUCCESS"})
    return _without_single(data[name]), f"failed ({', '.join(ends)})" if ends else NO_VALUE


def _without_single(da: "xr.DataArray") -> "xr.DataArray":
    """Without dimensions of length 1; time stays."""
    return da.squeeze([d for d in da.dims if d != "time" and da.sizes[d] == 1])


def _reference_first(
    curves: list[Curve], da: "xr.DataArray", reference: object, call: str
) -> list[Curve]:
    """The curves with the reference at the front, each with the look of its place."""
    if reference is None:
        return curves
    other = next((str(d) for d in da.dims if d != "time"), None)
    levels = da[other].values.tolist() if other else []
    if reference not in levels:
        texts = level_names(da, other) if other else []
        raise ConditionError(
            f'{call}: the reference "{reference}" is no level of'
            f" {other or 'the data, which are one curve'}.{did_you_mean(reference, texts)}"
        )
    k = levels.index(reference)
    order = [k, *(i for i in range(len(curves)) if i != k)]
    looks = looks_of(len(curves))
    return [
        replace(c, look=look) for c, look in zip([curves[i] for i in order], looks, strict=True)
    ]


def _draw_curve(
    ax: "Axes", time: "np.ndarray", curve: Curve, i: int, n: int, failed: str, style: dict[str, Any]
) -> None:
    """One curve; of curves that coincide, dashes or markers let the others be seen."""
    import numpy as np
    from matplotlib import rcParams

    own: dict[str, Any] = {"markersize": marker_size(i), "linestyle": "-"}
    if len(time) > FEW_POINTS:
        # Wide below, narrow above.
        wider = 0.8 * (n - 1 - i) / max(1, n - 1)
        own = {"marker": "none", "linewidth": rcParams["lines.linewidth"] * (0.8 + wider)}
    look = curve.look | own | style
    ax.plot(time, curve.values, label=curve.name, **look)
    if curve.low is not None and curve.high is not None:
        shade: dict[str, Any] = {"color": look["color"], "alpha": 0.2, "linewidth": 0, "zorder": 1}
        ax.fill_between(time, curve.low, curve.high, **shade)
    known = np.isfinite(curve.values)
    if not known.any():
        mark_missing(ax, time[:1], look["color"], failed)
    elif not known.all():
        # Known, with an unknown neighbour.
        end = known & ~(np.r_[True, known[:-1]] & np.r_[known[1:], True])
        ax.plot(time[end], curve.values[end], color=look["color"], zorder=5, **CROSS)
        sign(ax, failed, **CROSS)


def _draw_doses(ax: "Axes", da: "xr.DataArray") -> None:
    """A bar at the top for each drug that all curves are given by one schedule."""
    for name, coordinate in da.coords.items():
        if coordinate.ndim == 0 and coordinate.dtype.kind == "U":
            schedule = parse_schedule(str(coordinate.values))
            if schedule is not None:
                units = unit_text(str(coordinate.attrs.get("units", "")))
                _draw_bar(ax, str(name), schedule, units, float(da["time"].max()))


def _draw_bar(ax: "Axes", drug: str, schedule: Schedule, units: str, last: float) -> None:
    """Grey while a drug is there, with its dose where that changes."""
    row = next_row(ax)
    top = 1 - ROW_HEIGHT * row
    said, text = 0.0, f"{drug} "
    ends = [time for time, _ in schedule.steps[1:]] + [last]
    for (start, dose), end in zip(schedule.steps, ends, strict=True):
        if dose == 0 or start >= last:
            continue
        end = min(end, last)
        look: dict[str, Any] = {"color": "0.85", "linewidth": 0, "gid": f"row {row}"}
        ax.axvspan(start, end, top - 0.9 * ROW_HEIGHT, top, **look)
        if dose != said:
            late = start > LATE * last
            ax.text(
                end if late else start, top - 0.5 * ROW_HEIGHT, f" {text}{dose:g} {units} ",
                ha="right" if late else "left", va="center", fontsize="small",
                transform=ax.get_xaxis_transform(),
            )  # fmt: skip
        said, text = dose, ""


def _time_axis(ax: "Axes", da: "xr.DataArray") -> None:
    """Time with its unit, and in hours ticks at parts of days."""
    from matplotlib.ticker import MultipleLocator

    units = str(da["time"].attrs.get("units", ""))
    ax.set_xlabel(f"time ({units})" if units else "time (unit of the model)")
    first, last = float(ax.dataLim.x0), float(ax.dataLim.x1)
    if last > first:
        ax.set_xlim(first - 0.02 * (last - first), last + 0.02 * (last - first))
    step = next((s for s in HOURS if (last - first) / s <= MOST_TICKS), None)
    if units == "h" and step is not None and last - first >= MOST_TICKS:
        ax.xaxis.set_major_locator(MultipleLocator(step))
