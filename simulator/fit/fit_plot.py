"""The figure of a fit: measurements, and what is simulated for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..petab_problem import Measurement, Observable
from ..plot.panels import logarithmic, panels
from ..plot.style import COLOURS, COLUMN, GREY, MARKERS, PALE
from .bands import Series, predict, series_of
from .observed import side_of

if TYPE_CHECKING:
    import pypesto
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .likelihood import Evaluation
    from .problem import Problem

Array = NDArray[np.float64]

PANEL = 2 * COLUMN / 3, 0.55 * COLUMN
"""Width and height of a panel, in inches."""

LEGEND = 14
"""More series than this are told apart by a legend that nobody reads: it is left out."""

FAR = 10**1.5
"""Of two gels on one linear axis, the smaller one looks flat if it is this many times smaller."""

PLAIN = {"color": COLOURS[1], "marker": "o"}
"""The look of values that no legend tells apart."""

KEY_WIDTH, CHARACTERS_PER_INCH = 6, 18
"""Of a legend: what its marks take, in characters, and how many characters fit into an inch."""

KEY_LINE = 0.15
"""Height of a line of it, in inches."""


def plot_fit(
    problem: Problem,
    result: pypesto.Result,
    bands: xr.Dataset | None = None,
    columns: int | None = None,
) -> Figure:
    """Data with the best simulation, a panel for each observable, a colour for each experiment.

    Where an experiment was measured several times with other scales or noise (gels), these are
    numbered. Gels whose intensities are far apart have panels of their own on a linear axis.

    Shaded is the noise of the measurements about the best simulation, one standard deviation (or
    scale) up and down; darker the prediction band, if `bands` of `Problem.predict` are given. Where
    each experiment is measured at one time only, measured against simulated values are shown.
    Hollow triangles are bounds of censored values and point to where these lie; a bar ends at two.

    Parameters
    ----------
    bands
        From `Problem.predict`; None: only the best simulation.
    columns
        Panels in a row; None: three or, of more than nine observables, four. Three make a page.
    """
    only_best = bands is None
    series = series_of(problem)
    best = problem.at(problem.table(problem.best(result))).evaluation
    shown = panels_of(problem, series, best.simulations)
    curves = any(panel.curves for panel in shown)
    if bands is None and curves:
        bands = predict(problem, result, members=1)
    keys = list(dict.fromkeys(_key(each, series) for each in series))
    looks = {key: _look(k, len(keys)) for k, key in enumerate(keys)}
    known = {o.id: o for o in problem.petab.observables}
    sides = {side_of(known[m.observable], m) for m in problem.petab.measurements}
    with panels(len(shown), columns or (3 if len(shown) <= 9 else 4), PANEL) as (figure, axes):
        for ax, panel in zip(axes, shown, strict=True):
            _draw_panel(ax, problem, panel, series, looks, best, bands, only_best)
        _legend(figure, looks, only_best or not curves, sorted(sides - {0}))
    return figure


def _draw_panel(
    ax: Axes,
    problem: Problem,
    panel: Panel,
    series: tuple[Series, ...],
    looks: dict[str, dict[str, Any]],
    best: Evaluation,
    bands: xr.Dataset | None,
    only_best: bool,
) -> None:
    """One observable: over time, or where nothing is, measured against simulated values."""
    own = [(k, series[k]) for k in panel.members]
    if panel.curves:
        for k, each in own:
            look = looks[_key(each, series)]
            assert bands is not None  # noqa: S101 - there are curves
            one = bands.isel(series=k)
            _draw_series(ax, problem, panel.observable, each, one, look, only_best)
        ax.set_xlabel(_time(problem))
    else:
        few = len(looks) <= LEGEND
        marks = [looks[_key(each, series)] if few else PLAIN for _, each in own]
        _draw_agreement(ax, problem, panel, [each for _, each in own], marks, best)
    if is_logarithmic(panel.observable):
        ax.set_yscale("log")  # what autoscaling makes of it is positive
        logarithmic(ax, *ax.get_ylim(), axis="y")
    ax.set_title(panel.title, fontsize="medium", loc="left")


class Panel(NamedTuple):
    """A panel: which series of an observable it shows, and whether over time."""

    observable: Observable
    members: tuple[int, ...]
    curves: bool
    title: str


def panels_of(problem: Problem, series: Sequence[Series], simulated: Array) -> list[Panel]:
    """The panels of the observables in order; `simulated` (measurements,) at the optimum."""
    found = []
    for observable in problem.petab.observables:
        own = [k for k, each in enumerate(series) if each.observable == observable.id]
        curves = not _at_one_time(problem, [series[k] for k in own])
        groups = [own] if is_logarithmic(observable) else _alike(problem, series, own, simulated)
        for number, group in enumerate(groups, start=1):
            title = observable.name or observable.id
            title += f" ({number} of {len(groups)})" if len(groups) > 1 else ""
            if group:
                found.append(Panel(observable, tuple(group), curves, title))
    return found


def has_curves(problem: Problem) -> bool:
    """Whether any panel of `plot_fit` is over time: else it needs no bands."""
    series = series_of(problem)
    names = {each.observable for each in series}
    return not all(
        _at_one_time(problem, [each for each in series if each.observable == name])
        for name in names
    )


def _alike(
    problem: Problem, series: Sequence[Series], own: Sequence[int], simulated: Array
) -> list[list[int]]:
    """Series on axes that they share: together, but for gels whose sizes are far apart.

    A gel is what has its scale and offset in common. Its series stay together: that one of them is
    small beside another is what it shows.
    """
    gels: dict[str, list[int]] = {}
    sizes: dict[str, float] = {}
    for k in own:
        observable = next(o for o in problem.petab.observables if o.id == series[k].observable)
        gel = repr([series[k].overrides.get(name) for name in observable.placeholders])
        values = [abs(problem.petab.measurements[row].value) for row in series[k].rows]
        values += np.abs(simulated[list(series[k].rows)]).tolist()
        size = max((value for value in values if math.isfinite(value)), default=0.0)
        gels.setdefault(gel, []).append(k)
        sizes[gel] = max(sizes.get(gel, 0.0), size)
    found: list[list[int]] = []
    top = math.inf
    for gel in sorted(gels, key=lambda gel: -sizes[gel]):
        if not found or sizes[gel] * FAR < top:
            found.append([])
            top = sizes[gel]
        found[-1] += gels[gel]
    return [sorted(members) for members in found]


def _time(problem: Problem) -> str:
    unit = problem.petab.network.time_unit
    return f"time ({unit})" if unit and unit != "dimensionless" else "time"


def is_logarithmic(observable: Observable) -> bool:
    """Whether the noise of an observable is on a logarithmic scale."""
    return observable.transformation != "lin" or observable.distribution.startswith("log-")


def _key(each: Series, series: tuple[Series, ...]) -> str:
    """What tells a series from the others of its observable: experiment, and which of several."""
    twins = [
        s for s in series if (s.observable, s.experiment) == (each.observable, each.experiment)
    ]
    return each.experiment if len(twins) == 1 else f"{each.experiment}, {twins.index(each) + 1}"


def _look(k: int, count: int) -> dict[str, Any]:
    if count <= len(COLOURS):
        order = (*COLOURS[1:], COLOURS[0])
        return {"color": order[k % len(order)], "marker": MARKERS[k % len(MARKERS)]}
    from matplotlib import colormaps

    shade = colormaps["viridis"](0.9 * k / max(count - 1, 1))
    return {"color": shade, "marker": MARKERS[k % len(MARKERS)]}


def _at_one_time(problem: Problem, series: list[Series]) -> bool:
    times = [{problem.petab.measurements[row].time for row in each.rows} for each in series]
    return all(len(each) == 1 for each in times)


def _draw_series(
    ax: Axes,
    problem: Problem,
    observable: Observable,
    each: Series,
    bands: xr.Dataset,
    look: dict[str, Any],
    only_best: bool,
) -> None:
    """One experiment's data, curve and bands."""
    measured = [problem.petab.measurements[row] for row in each.rows]
    times = np.array([m.time for m in measured])
    values = np.array([m.value for m in measured])
    finite = np.isfinite(times)
    last = float(times[finite].max()) if finite.any() else float(bands["time"][-1])
    shown = bands.sel(time=slice(None, last))
    x, best, noise = (shown[name].values for name in ("time", "best", "noise"))
    low, high = _noise_band(observable, best, noise)
    colour = look["color"]
    ax.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)
    if not only_best:
        edges = shown["low"].values, shown["high"].values
        ax.fill_between(x, *edges, color=colour, alpha=0.38, linewidth=0)
    ax.plot(x, best, color=colour, linewidth=1.1)
    _draw_values(
        ax, observable, times[finite], [m for m in measured if math.isfinite(m.time)], look
    )
    if not finite.all():
        beyond = np.full((~finite).sum(), last * 1.08)
        ax.plot(beyond, values[~finite], linestyle="none", fillstyle="none", markersize=4, **look)


def _noise_band(observable: Observable, best: Array, noise: Array) -> tuple[Array, Array]:
    """One noise parameter below and above a curve, on the scale of the noise."""
    if not is_logarithmic(observable):
        return best - noise, best + noise
    base = 10.0 if observable.transformation == "log10" else math.e
    with np.errstate(over="ignore"):
        return best * base**-noise, best * base**noise


MARKS: dict[int, dict[str, Any]] = {
    -1: {"marker": "v", "linestyle": "none"},
    1: {"marker": "^", "linestyle": "none"},
    2: {"marker": "_", "linestyle": "-"},
}
"""How a value is marked that is known to lie below a bound, above one, or between two."""


def _draw_values(
    ax: Axes,
    observable: Observable,
    x: Array,
    measured: Sequence[Measurement],
    look: dict[str, Any],
) -> None:
    """What was measured, at x (measurements,); of a censored value, its bounds."""
    for place, m in zip(x.tolist(), measured, strict=True):
        side = side_of(observable, m)
        if m.censoring is None or not side:
            ax.plot([place], [m.value], linestyle="none", markersize=2.8, **look)
            continue
        ends = {-1: m.censoring[1:], 1: m.censoring[:1]}.get(side, m.censoring)
        mark = look | MARKS[side]
        ax.plot([place] * len(ends), ends, fillstyle="none", markersize=4, **mark)


def _draw_agreement(
    ax: Axes,
    problem: Problem,
    panel: Panel,
    own: Sequence[Series],
    looks: Sequence[dict[str, Any]],
    best: Evaluation,
) -> None:
    """Measured against simulated values."""
    rows = [row for each in own for row in each.rows]
    for each, look in zip(own, looks, strict=True):
        measured = [problem.petab.measurements[row] for row in each.rows]
        _draw_values(ax, panel.observable, best.simulations[list(each.rows)], measured, look)
    every = [problem.petab.measurements[row] for row in rows]
    values = [end for m in every for end in (m.censoring or (m.value,))]
    on_log = is_logarithmic(panel.observable)
    low, high = _square(np.array([*values, *best.simulations[rows]]), on_log)
    line = np.geomspace(low, high, 50) if on_log else np.linspace(low, high, 50)
    noise = np.full(len(line), float(np.median(best.noise[rows])))
    band = _noise_band(panel.observable, line, noise)
    ax.fill_between(line, *band, color=GREY, alpha=0.13, linewidth=0)
    ax.plot(line, line, color=PALE, linewidth=1, zorder=0)
    if on_log:
        logarithmic(ax, low, high)
    ax.set_xlim(low, high)
    ax.set_ylim(low, high)
    ax.set_xlabel("simulated")
    ax.set_ylabel("measured")


def _square(values: Array, on_log: bool) -> tuple[float, float]:
    """Ends of both axes: a little beyond all values, and at least a decade apart if logarithmic."""
    known = values[np.isfinite(values) & ((values > 0.0) | (not on_log))]
    known = np.log10(known) if on_log else known
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    beyond = max(0.06 * (high - low), (1.0 - (high - low)) / 2 if on_log else 0.0)
    low, high = low - beyond, high + (beyond or 1.0)
    return (10.0**low, 10.0**high) if on_log else (low, high)


def _legend(
    figure: Figure, looks: dict[str, dict[str, Any]], only_best: bool, censored: Sequence[int]
) -> None:
    """What colours, shades and marks mean, below the panels."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    if 1 < len(looks) <= LEGEND:
        handles = [Line2D([], [], label=key, **look) for key, look in looks.items()]
    handles.append(Patch(color=GREY, alpha=0.2, label="measurement noise"))
    if not only_best:
        handles.append(Patch(color=GREY, alpha=0.6, label="prediction band"))
    if censored:
        hollow: dict[str, Any] = {"fillstyle": "none", "markersize": 4, "color": GREY}
        said = {-1: "below this", 1: "above this", 2: "between these"}
        upright = {2: {"marker": "|", "linestyle": "none"}}  # a bar, as it stands in a panel
        marks = MARKS | upright
        handles += [Line2D([], [], label=said[k], **hollow, **marks[k]) for k in censored]
    widest = max(len(str(handle.get_label())) for handle in handles) + KEY_WIDTH
    columns = int(figure.get_figwidth() * CHARACTERS_PER_INCH / widest)
    columns = max(1, min(len(handles), columns, 4))
    # the panels keep their height: lines beyond the first make the figure higher
    lines = -(-len(handles) // columns)
    figure.set_figheight(figure.get_figheight() + (lines - 1) * KEY_LINE)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False)
