"""Prediction bands: observables at dense times over many parameter vectors that fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pypesto
import xarray as xr
from numpy.typing import NDArray

from ..errors import ConditionError
from ..network.expression import Expression, Number, Symbol
from ..petab_problem import Measurement
from .objective import Search
from .profiles import best_start
from .sampling import settled_samples
from .verdicts import allowed_rise

if TYPE_CHECKING:
    from .problem import Problem

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """Measurements of one observable in one experiment with the same placeholders' values.

    rows : of `petab.measurements`.
    """

    observable: str
    experiment: str
    overrides: Mapping[str, Expression]
    rows: tuple[int, ...]

    @property
    def label(self) -> str:
        """The placeholders' values, as text."""
        return ", ".join(_text(value) for value in self.overrides.values())


def _text(value: Expression) -> str:
    if isinstance(value, Symbol):
        return value.name
    return f"{value.value:g}" if isinstance(value, Number) else "..."


def series_of(problem: Problem) -> tuple[Series, ...]:
    """The problem's measurements as series, in order of their first rows."""
    found: dict[tuple[object, ...], list[int]] = {}
    for k, m in enumerate(problem.petab.measurements):
        key = (
            m.observable,
            m.experiment,
            tuple(sorted((n, repr(v)) for n, v in m.overrides.items())),
        )
        found.setdefault(key, []).append(k)
    first = [problem.petab.measurements[rows[0]] for rows in found.values()]
    return tuple(
        Series(m.observable, m.experiment, m.overrides, tuple(rows))
        for m, rows in zip(first, found.values(), strict=True)
    )


def predict(
    problem: Problem,
    result: pypesto.Result,
    times: int | Sequence[float] = 100,
    level: float = 0.95,
    members: int = 200,
) -> xr.Dataset:
    """Prediction bands; see `Problem.predict`."""
    if not 0.0 < level < 1.0:
        raise ConditionError(f"level is between 0 and 1, not {level!r}.")
    search = Search(problem)
    best = np.asarray(best_start(result).x, np.float64)
    points, kind = vectors(search, result, level, members)
    series = series_of(problem)
    grid = _grid(problem, series, times)
    dense = _Dense(problem, series, grid)
    curves, noise = dense.curves(search.table(best))
    every = np.array([dense.curves(search.table(x))[0] for x in points])
    every = every[np.isfinite(every).any(axis=(1, 2))]
    if not len(every):
        every = curves[None]
    tail = (1.0 - level) / 2 if kind == "samples" else 0.0
    low, median, high = np.quantile(every, [tail, 0.5, 1.0 - tail], axis=0)
    names = ("observable", "experiment", "label")
    columns = {name: ("series", [getattr(each, name) for each in series]) for name in names}
    dims = ("series", "time")
    what = {
        "samples": f"quantiles of {len(every)} samples of the posterior",
        "threshold": f"range over {len(every)} parameter vectors within the chi2 threshold",
    }
    return xr.Dataset(
        {
            "best": (dims, curves),
            "noise": (dims, noise),
            "low": (dims, low),
            "median": (dims, median),
            "high": (dims, high),
        },
        coords={"time": grid} | columns,
        attrs={"level": level, "members": len(every), "band": what[kind]},
    )


def vectors(
    search: Search, result: pypesto.Result, level: float, members: int
) -> tuple[Array, str]:
    """Parameter vectors (members, free) that fit, and what they are: "samples" or "threshold".

    Samples after the burn-in where there are some; else the points of profiles, and ends of starts,
    whose objective is within half a chi2 quantile of the optimum.
    """
    if members < 1:
        raise ConditionError(f"members is a whole number >= 1, not {members!r}.")
    if getattr(result.sample_result, "trace_x", None) is not None:
        found, kind = settled_samples(result), "samples"
    else:
        found, kind = _near_optimum(result, level), "threshold"
    if len(found) > members:
        found = found[np.linspace(0, len(found) - 1, members).round().astype(np.intp)]
    return np.clip(found, search.lower, search.upper), kind


def _near_optimum(result: pypesto.Result, level: float) -> Array:
    best = best_start(result)
    limit = float(best.fval) + allowed_rise(level)
    found = [np.asarray(s.x) for s in result.optimize_result.list if s.fval <= limit]
    for paths in result.profile_result.list:
        for path in paths:
            if path is not None:
                found += list(np.asarray(path.x_path).T[np.asarray(path.fval_path) <= limit])
    return np.array(found, np.float64)


def _grid(problem: Problem, series: Sequence[Series], times: int | Sequence[float]) -> Array:
    """Times of the curves: those given, or the measured ones and points between them."""
    if not isinstance(times, int):
        found = np.array(times, np.float64)
        if found.ndim != 1 or not (np.isfinite(found).all() and (np.diff(found) > 0).all()):
            raise ConditionError("times are increasing and finite.")
        return found
    if times < 2:
        raise ConditionError(f"times is a whole number >= 2, or a list of times, not {times!r}.")
    measured = {m.time for m in problem.petab.measurements if math.isfinite(m.time)}
    starts = {begin for each in series if math.isfinite(begin := _begin(problem, each))}
    known = np.array(sorted(measured | starts), np.float64)
    if len(known) < 2:
        return known if len(known) else np.zeros(1)
    between = max(2, -(-times // (len(known) - 1)) + 1)
    parts = [np.linspace(a, b, between)[:-1] for a, b in pairwise(known)]
    return np.append(np.concatenate(parts), known[-1])


def _begin(problem: Problem, series: Series) -> float:
    """When the experiment of a series begins, pre-equilibration aside."""
    periods = next(e.periods for e in problem.petab.experiments if e.id == series.experiment)
    return min((p.start for p in periods if math.isfinite(p.start)), default=0.0)


class _Dense:
    """The problem as if each series were measured at all times of the grid."""

    def __init__(self, problem: Problem, series: Sequence[Series], grid: Array) -> None:
        starts = [_begin(problem, each) for each in series]
        self.shape = len(series), len(grid)
        places = [(k, t) for k, t in np.ndindex(self.shape) if grid[t] >= starts[k]]
        self._places = tuple(np.array(places, np.intp).T)
        rows = [
            Measurement(each.observable, each.experiment, float(grid[t]), 1.0, each.overrides, row)
            for row, (k, t) in enumerate(places)
            for each in (series[k],)
        ]
        self._problem = problem.with_measurements(rows)

    def curves(self, table: Array) -> tuple[Array, Array]:
        """Simulations and noise (series, times) of a parameter table; NaN where there are none."""
        found = self._problem.at(table).evaluation
        curves = np.full((2, *self.shape), np.nan)
        curves[0][self._places], curves[1][self._places] = found.simulations, found.noise
        return curves[0], curves[1]
