"""The figure of a fit: measurements, and what is simulated for them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..petab_problem import Observable
from ..plot import COLOURS, MARKERS
from .bands import Series, predict, series_of
from .plots import FAINT, OTHER, panels

if TYPE_CHECKING:
    import pypesto
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .problem import Problem

Array = NDArray[np.float64]

LEGEND = 14
"""More series than this are told apart by a legend that nobody reads: it is left out."""


KEY_WIDTH, CHARACTERS_PER_INCH = 6, 13
"""Of a legend: what its marks take, in characters, and how many characters fit into an inch."""


def plot_fit(
    problem: Problem,
    result: pypesto.Result,
    bands: xr.Dataset | None = None,
    columns: int = 3,
) -> Figure:
    """Data with the best simulation, a panel for each observable, a colour for each experiment.

    Where an experiment was measured several times with other scales or noise (gels), these are
    numbered.

    Shaded is the noise of the measurements about the best simulation, one standard deviation (or
    scale) up and down; darker the prediction band, if `bands` of `Problem.predict` are given. Where
    each experiment is measured at one time only, measured against simulated values are shown.

    Parameters
    ----------
    bands
        From `Problem.predict`; None: only the best simulation.
    """
    only_best = bands is None
    if bands is None:
        bands = predict(problem, result, members=1)
    series = series_of(problem)
    observables = [
        o for o in problem.petab.observables if any(s.observable == o.id for s in series)
    ]
    figure, axes = panels(len(observables), columns)
    keys = list(dict.fromkeys(_key(each, series) for each in series))
    looks = {key: _look(k, len(keys)) for k, key in enumerate(keys)}
    simulated = problem.at(problem.table(problem.best(result))).evaluation.simulations
    for ax, observable in zip(axes, observables, strict=True):
        own = [(k, s) for k, s in enumerate(series) if s.observable == observable.id]
        if _at_one_time(problem, [s for _, s in own]):
            _draw_agreement(ax, problem, simulated, own, series, looks)
        else:
            for k, each in own:
                look = looks[_key(each, series)]
                _draw_series(ax, problem, observable, each, bands.isel(series=k), look, only_best)
            ax.set_xlabel(_time(problem))
        if is_logarithmic(observable):
            ax.set_yscale("log")
        ax.set_title(observable.name or observable.id, fontsize=10, loc="left")
    _legend(figure, looks, only_best)
    return figure


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
    ax.plot(x, best, color=colour, linewidth=1.6)
    ax.plot(times[finite], values[finite], linestyle="none", markersize=4.5, **look)
    if not finite.all():
        beyond = np.full((~finite).sum(), last * 1.08)
        ax.plot(beyond, values[~finite], linestyle="none", fillstyle="none", markersize=6, **look)


def _noise_band(observable: Observable, best: Array, noise: Array) -> tuple[Array, Array]:
    """One noise parameter below and above a curve, on the scale of the noise."""
    if not is_logarithmic(observable):
        return best - noise, best + noise
    base = 10.0 if observable.transformation == "log10" else math.e
    with np.errstate(over="ignore"):
        return best * base**-noise, best * base**noise


def _draw_agreement(
    ax: Axes,
    problem: Problem,
    simulated: Array,
    own: list[tuple[int, Series]],
    series: tuple[Series, ...],
    looks: dict[str, dict[str, Any]],
) -> None:
    """Measured against simulated values."""
    every = []
    for _, each in own:
        measured = [problem.petab.measurements[row].value for row in each.rows]
        given = simulated[list(each.rows)]
        look = looks[_key(each, series)]
        ax.plot(given, measured, linestyle="none", markersize=4.5, **look)
        every += [*measured, *given]
    ends = [min(every), max(every)]
    ax.plot(ends, ends, color=FAINT, linewidth=1, zorder=0)
    ax.set_xlabel("simulated")
    ax.set_ylabel("measured")


def _legend(figure: Figure, looks: dict[str, dict[str, Any]], only_best: bool) -> None:
    """What colours and shades mean, below the panels."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    if 1 < len(looks) <= LEGEND:
        handles = [Line2D([], [], label=key, **look) for key, look in looks.items()]
    handles.append(Patch(color=OTHER, alpha=0.2, label="measurement noise"))
    if not only_best:
        handles.append(Patch(color=OTHER, alpha=0.6, label="prediction band"))
    widest = max(len(str(handle.get_label())) for handle in handles) + KEY_WIDTH
    columns = int(figure.get_figwidth() * CHARACTERS_PER_INCH / widest)
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=max(1, min(len(handles), columns, 4)),
        frameon=False,
        fontsize=9,
    )
