"""Schedules of doses, and what the order of two drugs does."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..conditions.schedules import Schedule, number_of
from ..errors import ConditionError, did_you_mean
from .style import COLOURS, COLUMN, HEIGHT, MARKERS, axes_or_new, unit_text

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

# What `sim.sequence` returns beside the output.
BESIDE = ("status", "exposure")


def plot_schedule(
    result: "xr.Dataset", ax: "Axes | None" = None, *, time: float | None = None
) -> "Axes":
    """Draw what the delay between two drugs does, the two orders named at the top.

    Of `sim.sequence`: the output against the delay, a curve for each condition; a cross at the
    bottom is a failed run. Of `sim.best_schedule`: for each condition the best delay, and as a bar
    all delays tried that are in a tie with it.

    Parameters
    ----------
    result
        As one of the two returns it, with one dimension at most besides delay and time.
    time
        Which time of several; None: the last.

    Raises
    ------
    ConditionError
        It is no such result, has too many dimensions, or no such time.
    """
    if not hasattr(result, "data_vars") or "delay" not in result or "delay" not in result.attrs:
        raise ConditionError(
            "plot_schedule draws the Dataset of sim.sequence or sim.best_schedule."
        )
    best = "tied_from" in result
    if not best:
        result = _at_time(result, time)
    kept = () if best else ("delay",)
    alone = [d for d in result.dims if d not in ("delay", "drug") and result.sizes[d] == 1]
    result = result.squeeze(alone)
    others = [str(d) for d in result["status"].dims if d not in kept]
    if len(others) > 1:
        raise ConditionError(
            f"plot_schedule draws one dimension besides the delay, found {', '.join(others)};"
            " select one level of the others first."
        )
    levels = [str(v) for v in result[others[0]].values] if others else [""]
    parts = [result.isel({others[0]: k}) if others else result for k in range(len(levels))]
    height = 0.95 + 0.3 * len(levels) if best else HEIGHT * 1.1
    with axes_or_new(ax, COLUMN, height) as ax:
        if best:
            _draw_best(ax, parts, levels, result)
        else:
            _draw_curves(ax, parts, levels, others, result)
        second, _, first = (
            result.attrs["delay"].removeprefix("start of ").partition(" minus start of ")
        )
        _name_sides(ax, first, second)
        units = result["delay"].attrs.get("units", "")
        label = f"delay of {second} after {first}" + (f" ({units})" if units else "")
        if best:
            label += f"\ndiamond: best; bar: delays within {result.attrs['noise']:g} of it"
        ax.set_xlabel(label)
    return ax


def _at_time(result: "xr.Dataset", time: float | None) -> "xr.Dataset":
    """One time of the result."""
    times = result["time"].values.tolist()
    if time is not None and time not in times:
        raise ConditionError(
            f"plot_schedule: time {time!r} is not in the result, which has {times}."
        )
    return result.isel(time=times.index(time) if time is not None else -1)


def _draw_curves(
    ax: "Axes", parts: "list[xr.Dataset]", levels: list[str], others: list[str], result: Any
) -> None:
    """The output against the delay."""
    import numpy as np

    (name,) = (str(n) for n in result.data_vars if n not in BESIDE)
    delays = result["delay"].values
    for k, (part, level) in enumerate(zip(parts, levels, strict=True)):
        values = part[name].values.astype(float)
        lost = np.isnan(values) | (part["status"].values != "SUCCESS")
        look: dict[str, Any] = {"color": COLOURS[k % len(COLOURS)]}
        ax.plot(delays, np.where(lost, np.nan, values), marker=MARKERS[k % len(MARKERS)],
                label=level, markersize=max(2.6, 4.2 - 0.4 * k), **look)  # fmt: skip
        ax.plot(delays[lost], np.full(lost.sum(), 0.03 + 0.04 * k), "x", markersize=4,
                transform=ax.get_xaxis_transform(), **look)  # fmt: skip
        if lost.any():
            ax.annotate("× failed", (1, 0.03 + 0.04 * k), xycoords="axes fraction", ha="right",
                        va="center", fontsize=6, **look)  # fmt: skip
    about = result[name].attrs
    units = unit_text(str(about.get("units", "")))
    units = f" ({units})" if units not in ("", "1", "dimensionless") else ""
    ax.set_ylabel(f"{about.get('long_name') or name}{units}\n{_hours(result)}")
    ax.set_ylim(bottom=0 if not (result[name] < 0).any() else None)
    ax.set_ylim(top=ax.get_ylim()[1] * 1.12)
    if others:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=min(3, len(levels)),
                  title=others[0], frameon=False, columnspacing=1.2)  # fmt: skip


def _hours(result: Any) -> str:
    time = result["time"]
    units = time.attrs.get("units", "")
    return f"{float(time):g} {units} after {result.attrs['time_from'].removeprefix('start of ')}"


def _draw_best(ax: "Axes", parts: "list[xr.Dataset]", levels: list[str], result: Any) -> None:
    """The tie as a bar, the best delay as a mark, and the output there and together."""
    name = next(str(n) for n in result.data_vars if n != "delay")
    for i, part in enumerate(parts):
        low, high, delay = (float(part[n]) for n in ("tied_from", "tied_to", "delay"))
        if delay != delay:
            status = str(part["status"].values).replace("_", " ").lower()
            ax.text(0.5, i, f"× {status}", transform=ax.get_yaxis_transform(), ha="center",
                    va="center", fontsize=6.5, style="italic", color="0.35")  # fmt: skip
            continue
        ax.plot([low, high], [i, i], color=COLOURS[6], linewidth=5, solid_capstyle="butt")
        better = bool(part["better"])
        ax.plot([delay], [i], marker="D", color=COLOURS[1 if better else 0], markersize=4.5)
        text = f"{name} {float(part[name]):.2g}"
        if better:
            text += f" (together {float(part['together']):.2g})"
        ax.annotate(text, (delay, i), xytext=(0, 6), textcoords="offset points", ha="center",
                    fontsize=6)  # fmt: skip
    ax.set_yticks(range(len(levels)), levels)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(levels) - 0.5, -0.9)


def _name_sides(ax: "Axes", first: str, second: str) -> None:
    """What each side of the delay 0 is."""
    ax.axvline(0, color="0.6", linewidth=0.7, zorder=0)
    low, high = ax.get_xlim()
    ax.set_xlim(min(low, 0), max(high, 0))
    low, high = ax.get_xlim()
    look: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "va": "bottom",
                            "textcoords": "offset points", "fontsize": 6.5,
                            "color": "0.3"}  # fmt: skip
    # where one side is narrow, its name would cross into the other
    if -low > 0.3 * (high - low):
        ax.annotate(f"← {second} first", (0, 1), xytext=(-5, 2), ha="right", **look)
    if high > 0.3 * (high - low):
        ax.annotate(f"{first} first →", (0, 1), xytext=(5, 2), ha="left", **look)


def plot_timeline(
    schedules: Mapping[str, Schedule | float],
    ax: "Axes | None" = None,
    *,
    hours: float,
    units: str | Mapping[str, str],
) -> "Axes":
    """Draw when each drug is given: a bar over time with its dose, one row a drug.

    Parameters
    ----------
    schedules
        Drug -> `sim.schedule(...)`, or one dose from t = 0. The same drug may be drawn in several
        schedules under names like "selumetinib, late".
    hours
        End of the axis, in hours.
    units
        Unit of all doses, or name -> unit.

    Raises
    ------
    ConditionError
        There is nothing to draw, a schedule is neither, a unit is missing, or `hours` is no
        number above 0.
    """
    end = number_of(hours)
    if end is None or not 0 < end < float("inf"):
        raise ConditionError(f"plot_timeline: hours is a number above 0, not {hours!r}.")
    if not schedules:
        raise ConditionError("plot_timeline: there is no schedule to draw.")
    rows = {name: _steps(name, given) for name, given in schedules.items()}
    unit_of = dict.fromkeys(rows, units) if isinstance(units, str) else dict(units)
    for name in rows:
        if name not in unit_of:
            raise ConditionError(
                f'plot_timeline: units has none of "{name}".{did_you_mean(name, unit_of)}'
            )
    with axes_or_new(ax, COLUMN, 0.6 + 0.28 * len(rows)) as ax:
        for i, (name, steps) in enumerate(rows.items()):
            _draw_steps(ax, i, steps, end, unit_text(unit_of[name]))
        ax.set_yticks(range(len(rows)), list(rows))
        ax.tick_params(axis="y", length=0)
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_xlim(0, end)
        if end % 24 == 0 and end <= 14 * 24:
            ax.set_xticks(range(0, int(end) + 1, 24 if end > 48 else 12))
        ax.set_xlabel("time (h)")
    return ax


def _steps(name: str, given: Any) -> tuple[tuple[float, float], ...]:
    """(time, dose) of a schedule, or of one dose."""
    if isinstance(given, Schedule):
        return given.steps
    dose = number_of(given)
    if dose is None or not 0 <= dose < float("inf"):
        raise ConditionError(
            f'plot_timeline: "{name}" is sim.schedule(...) or one dose >= 0, not {given!r}.'
        )
    return ((0.0, dose),)


def _draw_steps(
    ax: "Axes", i: int, steps: tuple[tuple[float, float], ...], end: float, unit: str
) -> None:
    """Bars as high as the dose is beside the largest one of the row."""
    most = max((dose for _, dose in steps), default=0.0)
    ax.axhline(i + 0.35, color="0.7", linewidth=0.5, zorder=0)
    ends = [time for time, _ in steps[1:]] + [end]
    for (start, dose), stop in zip(steps, ends, strict=True):
        stop = min(stop, end)
        if dose <= 0 or stop <= start:
            continue
        height = 0.7 * dose / most
        ax.bar(
            start, -height, width=stop - start, bottom=i + 0.35, align="edge",
            color=COLOURS[1 + i % (len(COLOURS) - 1)], alpha=0.45, linewidth=0,
        )  # fmt: skip
        wide = stop - start > 0.09 * end
        ax.text(
            (start + stop) / 2 if wide else stop, i + 0.35 - height / 2,
            f"{dose:g} {unit}" if wide else f" {dose:g} {unit}", va="center",
            ha="center" if wide else "left", fontsize=6,
        )  # fmt: skip
    if most == 0:
        ax.text(end / 2, i, "not given", ha="center", va="center", fontsize=6, style="italic")
