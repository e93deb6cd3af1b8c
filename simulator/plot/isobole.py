"""Isoboles: doses of two drugs that together reach a target."""

from typing import TYPE_CHECKING, Any

from ..errors import ConditionError
from .dose_axis import ZERO_GAP, dose_axis, zero_place
from .style import COLOURS, COLUMN, MARKERS, axes_or_new, unit_text

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

BEYOND = 1.3  # of the largest dose alone
NEEDED = ("dose", "bound", "single", "single_bound", "best")


def plot_isobole(
    result: "xr.Dataset",
    ax: "Axes | None" = None,
    *,
    log: bool | None = None,
    legend: bool = True,
) -> "Axes":
    """Draw the doses of two drugs that reach the target together, beside Loewe's additive line.

    The second drug is on x, the first on y. The additive line goes from one drug's dose alone to
    the other's, a / A + b / B = 1: pairs below it are synergistic, above it antagonistic. A star
    is the cheapest pair. Open triangles are bounds: up, no dose of the range reaches the target;
    down, its lowest one does already. The additive line is dotted where a drug alone does not reach
    the target: A or B is then the top of the range, and the true line lies above. Crosses at the
    top are doses of the second drug with failed runs.

    Parameters
    ----------
    result
        As `sim.lowest_doses` returns it, with one dimension at most besides the doses.
    log
        Logarithmic axes, with the dose 0 apart; None: unless both drugs reach the target alone.

    Raises
    ------
    ConditionError
        It is no such result, or has several dimensions besides the doses.
    """
    missing = [n for n in NEEDED if n not in getattr(result, "data_vars", ())]
    if missing:
        raise ConditionError(
            f'plot_isobole draws the Dataset of sim.lowest_doses; this one has no "{missing[0]}".'
        )
    first, second = (str(d) for d in result["drug"].values)
    result = result.squeeze([d for d in result.dims if d not in ("drug", second)
                             and result.sizes[d] == 1])  # fmt: skip
    others = [str(d) for d in result["dose"].dims if d != second]
    if len(others) > 1:
        raise ConditionError(
            f"plot_isobole draws one dimension besides the doses, found {', '.join(others)};"
            " select one level of the others first."
        )
    levels = [str(v) for v in result[others[0]].values] if others else [""]
    parts = [result.isel({others[0]: k}) if others else result for k in range(len(levels))]
    if log is None:
        log = not all((part["single_bound"] == "=").all() for part in parts)
    own = ax is None
    with axes_or_new(ax, COLUMN, 0.95 * COLUMN) as ax:
        x = result[second].values
        most = float(result["single"].sel(drug=second).max())
        # on linear axes doses of the second drug that are more than enough alone take no room
        needed = (result["dose"] != 0).any(others) if others else result["dose"] != 0
        shown = x if log else x[(x <= BEYOND * most) | needed.values]
        y = _finite(result["dose"].values)
        zeros = (zero_place(x), zero_place(y) if (y > 0).any() else 0.0) if log else (0.0, 0.0)
        for k, part in enumerate(parts):
            _draw_isobole(ax, part, second, levels[k], k, shown, zeros)
        units = unit_text(str(result[second].attrs.get("units", "uM")))
        ax.set_xlabel(f"{second} ({units})")
        units = unit_text(str(result["dose"].attrs.get("units", "uM")))
        ax.set_ylabel(f"{first} ({units})")
        _axes(ax, x, y, bool(log))
        if "target" in result.attrs:
            hours = result.attrs.get("time")
            unit = str(result.attrs.get("time_unit", ""))
            at = "" if hours is None else f" after {hours:g} {unit}".rstrip()
            ax.set_title(f"{result.attrs['target']}{at}".replace(">=", "≥").replace("<=", "≤"),
                         loc="left")  # fmt: skip
        if legend:
            _legend(ax, parts, others, own)
    return ax


def _finite(values: Any) -> Any:
    import numpy as np

    return values[np.isfinite(values)]


def _draw_isobole(
    ax: "Axes",
    part: "xr.Dataset",
    second: str,
    name: str,
    k: int,
    shown: Any,
    zeros: tuple[float, float],
) -> None:
    """The additive line, the pairs, and the cheapest of them."""
    import numpy as np

    colour = COLOURS[k % len(COLOURS)]
    part = part.sel({second: shown})
    x, y, bound = shown, part["dose"].values, part["bound"].values
    _draw_additive(ax, part, colour, zeros)
    if zeros[0] == 0 and part["single_bound"].values[1] == "=":
        alone = float(part["single"].values[1])
        ax.plot([alone], [0], MARKERS[k % len(MARKERS)], color=colour, markersize=4, clip_on=False)
    reached = np.isfinite(y) & (bound != ">")
    px, py = _place(x, zeros[0]), _place(y, zeros[1])
    spare = reached & (y == 0) & (x > 0)  # less of the second drug would do alone
    line = reached & ~spare & ((x > 0) | (zeros[0] == 0))
    ax.plot(px[line], py[line], color=colour, linewidth=1.2)
    looks = (("=", MARKERS[k % len(MARKERS)], colour), ("<", "v", "white"), (">", "^", "white"))
    for sign, marker, fill in looks:
        # without points it must be clipped: its box would be the corner of the figure
        where = np.isfinite(y) & (bound == sign) & ~spare
        ax.plot(
            px[where], py[where], linestyle="none", marker=marker, color=colour, markersize=4,
            markerfacecolor=fill, label=name if sign == "=" else None, clip_on=not where.any(),
        )  # fmt: skip
    ax.plot(px[spare], py[spare], "o", color=colour, markersize=3, markerfacecolor="white",
            clip_on=not spare.any())  # fmt: skip
    failed = np.isnan(y)
    ax.plot(px[failed], np.full(failed.sum(), 0.97 - 0.04 * k), "x", color=colour, markersize=4,
            transform=ax.get_xaxis_transform())  # fmt: skip
    a, b = part["best"].values
    if np.isfinite(a + b):
        ax.plot(
            _place(b, zeros[0]), _place(a, zeros[1]), marker="*", color=colour, markersize=10,
            markeredgecolor="white", markeredgewidth=0.6, zorder=5, clip_on=False,
        )  # fmt: skip


def _draw_additive(ax: "Axes", part: "xr.Dataset", colour: str, zeros: tuple[float, float]) -> None:
    """Pairs with a / A + b / B = 1; dotted where A or B is a bound."""
    import numpy as np

    a, b = (float(v) for v in part["single"].values)
    if not (np.isfinite(a + b) and a > 0 and b > 0):
        return
    exact = (part["single_bound"].values == "=").all()
    if zeros[0] == 0:
        x = np.array([0.0, b])
    else:  # to where the line turns down to the other axis
        x = b * np.r_[np.geomspace(zeros[0] / b, 0.5, 80), 1 - np.geomspace(0.5, 1e-4, 80)]
    y = a * (1 - x / b)
    if zeros[1] > 0:
        x, y = x[y >= zeros[1]], y[y >= zeros[1]]
    ax.plot(x, y, color=colour, linewidth=0.9, linestyle="--" if exact else ":", alpha=0.8)


def _place(values: Any, zero: float) -> Any:
    """Where doses stand: the dose 0 has a place of its own on a logarithmic axis."""
    import numpy as np

    return np.where(np.asarray(values) == 0, zero, values)


def _axes(ax: "Axes", x: Any, y: Any, log: bool) -> None:
    """Limits, scales and ticks of both axes."""
    import numpy as np

    if not log:
        ax.set_xlim(left=0)
        ax.set_ylim(bottom=0)
        return
    dose_axis(ax, x)
    ax.set_yscale("log")
    above = y[y > 0]
    if not above.size:
        return
    low, high = above.min(), above.max()
    exponents = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    few = len(exponents) <= 3  # then 2 and 5 of a decade have a tick as well
    ticks = [m * 10.0**k for k in exponents for m in ((1, 2, 5) if few else (1,))]
    ticks = [t for t in ticks if low / 1.3 <= t <= high * 1.3]
    ticks = ticks or [float(low)]
    names = [f"{t:.3g}" for t in ticks]
    if (y == 0).any():
        zero = zero_place(y)
        _mark_break(ax, zero * 10 ** (ZERO_GAP / 2))
        ticks, names, low = [zero, *ticks], ["0", *names], zero
    ax.set_yticks(ticks, names)
    ax.yaxis.minorticks_off()
    ax.set_ylim(low / 1.6, high * 1.6)


def _mark_break(ax: "Axes", at: float) -> None:
    """Two strokes across the y axis where it is interrupted."""
    for shift in (0.94, 1.06):
        ax.plot([0], [at * shift], marker=[(-1, -0.5), (1, 0.5)], color="black", markersize=8,
                clip_on=False, transform=ax.get_yaxis_transform())  # fmt: skip


def _legend(ax: "Axes", parts: "list[xr.Dataset]", others: list[str], own: bool) -> None:
    """What the curves are, and how to read them: below own axes, inside those given."""
    from matplotlib.lines import Line2D

    handles, names = ax.get_legend_handles_labels()
    keyed = [(h, n) for h, n in zip(handles, names, strict=True) if n]
    exact = {bool((part["single_bound"] == "=").all()) for part in parts}
    bounds = {s for part in parts for s in part["bound"].values.tolist()}
    found: list[tuple[Any, str]] = [*keyed]

    def mark(text: str, **look: Any) -> None:
        found.append((Line2D([], [], color="0.35", **look), text))

    mark("cheapest pair", linestyle="none", marker="*", markersize=7)
    if ">" in bounds:
        mark("not reached in the range", linestyle="none", marker="^", markerfacecolor="white")
    if "<" in bounds:
        mark("this dose or less", linestyle="none", marker="v", markerfacecolor="white")
    if any(((part["dose"] == 0) & (part["bound"] == "=")).values[1:].any() for part in parts):
        mark("second drug alone is enough", linestyle="none", marker="o", markersize=3,
             markerfacecolor="white")  # fmt: skip
    if any(part["dose"].isnull().any() for part in parts):
        mark("failed", linestyle="none", marker="x")
    if True in exact:
        mark("additive (Loewe)", linestyle="--", linewidth=0.9)
    if False in exact:
        mark("additive, from a bound alone", linestyle=":", linewidth=0.9)
    place: dict[str, Any] = {"loc": "best", "fontsize": "small", "title_fontsize": "small"}
    if own:
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.17), "ncols": 2}
    ax.legend(
        [h for h, _ in found], [n for _, n in found], frameon=False, columnspacing=1.0,
        handletextpad=0.5, **place,
        title=(f"{others[0]}; " if others else "") + "below the line: synergy, above: antagonism",
    )  # fmt: skip
