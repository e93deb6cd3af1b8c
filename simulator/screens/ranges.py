"""Global sensitivity: parameters vary together over ranges, and share the measure's variance.

Sobol' indices by Saltelli's design and Jansen's estimator of the total effect (Saltelli et al.
2010), elementary effects by Morris (1991) with the absolute mean of Campolongo et al. (2007): both
as SALib has them. The runs are one call of `Model.simulate`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..conditions.schedules import number_of
from ..errors import ConditionError, IntegrationError, did_you_mean
from ..integrator.status import Status
from ..simulation.sensitivities import PARAMETER, checked_constants, constants
from .measures import Asked, Function, asked
from .perturbations import base_rows, combined, values_of

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    import xarray as xr

    from ..simulation.model import Model

Array = NDArray[np.float64]

DRAW = "draw"
"""Dimension of the points that are simulated."""

AROUND = 2.0
"""Factor around its value by which a parameter without a stated range varies."""

LEVELS = 4
"""Levels of each parameter in Morris's design, as he recommends."""

METHODS = {"sobol": 256, "morris": 20}
"""Base points, or trajectories, where n is not given."""


class Range(NamedTuple):
    """Plausible values of a parameter: uniform on their own scale, or on that of the logarithm."""

    low: float
    high: float
    log: bool

    @property
    def bounds(self) -> tuple[float, float]:
        """Ends on the scale that is drawn on."""
        return (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)

    def values(self, drawn: Array) -> Array:
        """Values of what is drawn."""
        if not self.log:
            return drawn
        found: Array = np.clip(np.exp(drawn), self.low, self.high)
        return found


def global_sensitivity(
    model: Model | str | PathLike[str],
    measure: str | Function | None = None,
    ranges: Mapping[str, Any] | Sequence[str] | None = None,
    *,
    method: str = "sobol",
    n: int | None = None,
    seed: int = 0,
    groups: Mapping[str, Sequence[str]] | None = None,
    second_order: bool = False,
    resamples: int = 200,
    confidence: float = 0.95,
    time: Any = None,
    output: str | None = None,
    dose: str | None = None,
    **factors: Any,
) -> xr.Dataset:
    """How much of a measure's variation is due to each parameter, while all of them vary.

    Parameters
    ----------
    ranges
        Constant -> (low, high), uniform, or (low, high, "log"), log-uniform; of constants that are
        listed without a range (also by the value None) the one that the model's parameters.tsv
        says is plausible, log-uniform where the low end is above 0, or, where it says none, from
        half to twice the value. None: all constants whose value is not 0.
    method
        "sobol" (shares of variance) or "morris" (elementary effects: few runs, a ranking).
    n
        Base points of Sobol' sequences, a power of 2 (default 256): n (k + 2) runs for k
        parameters, n (2 k + 2) with `second_order`; or trajectories of Morris (default 20):
        n (k + 1) runs. Each is one dose-response where the measure is of one.
    seed
        The same seed gives the same draw, for any number of workers.
    groups
        Name -> constants that vary independently but are judged together; every constant is in one.
    second_order
        Also Sobol' indices of pairs.
    resamples, confidence
        Of the bootstrap that gives the confidence intervals.
    model, measure, time, output, dose, **factors
        As of `screen`.

    Returns
    -------
    xarray.Dataset
        Dims (parameter, what is swept); sobol: ``S1`` and ``ST``, shares of the variance, and
        ``S2`` with `second_order`; morris: ``mu``, ``mu_star`` and ``sigma``, in the measure's
        unit, for a change across the whole range (of groups ``mu_star`` alone: their effects have
        no sign); ``<name>_conf`` are half widths of confidence intervals. Coordinates ``low``,
        ``high`` and ``scale``; ``mean`` and ``variance`` of the measure over the draw, and
        ``bounded``, the share of runs of which it is a bound.

    Raises
    ------
    ConditionError
        As `screen`; also for a range without meaning.
    IntegrationError
        Some runs failed: indices need all of them, and nothing is left out silently.
    """
    what = asked(model, measure, time, output, dose, factors)
    count = _checked_count(method, n)
    options = dict(what.options)
    rows, conditions, rest = base_rows(options.pop("conditions", None), what.factors)
    if conditions.columns.size:
        raise ConditionError("conditions= has no place in a global sensitivity: it draws its own.")
    chosen = _checked_ranges(what, ranges, rows, rest)
    problem = _problem(chosen, groups)
    drawn = _sampled(problem, method, count, seed, second_order)
    table = _table(chosen, drawn, rows[0])
    options["outputs"] = what.measure.outputs
    options.setdefault("on_failure", "mark")
    ds = what.model.simulate(what.time, conditions=table, set=what.set or None, **options, **rest)
    measured = what.measure.of(ds)
    others = [dim for dim in measured.dims if dim != DRAW]
    measured = measured.transpose(DRAW, *others)
    _refuse_failures(what, ds, measured)

    def analysed(y: Array) -> Mapping[str, Any]:
        return _indices(problem, method, drawn, y, second_order, resamples, confidence, seed)

    labels = list(dict.fromkeys(problem.get("groups", problem["names"])))
    found = _dataset(labels, measured, analysed)
    if groups is None:
        found = found.assign_coords(_range_coordinates(chosen))
    found.attrs = {
        "model": what.model.definition.name,
        "model_hash": what.model.hash,
        "measure": what.measure.name,
        "units": str(measured.attrs.get("units", "")),
        "method": method,
        "n": count,
        "seed": seed,
        "draws": len(drawn),
        "confidence": confidence,
    }
    return found


def _checked_count(method: str, n: int | None) -> int:
    if method not in METHODS:
        known = " or ".join(f'"{name}"' for name in METHODS)
        raise ConditionError(f"method is {known}, not {method!r}.{did_you_mean(method, METHODS)}")
    if n is None:
        return METHODS[method]
    number = number_of(n)
    least = 2
    if number is None or number != int(number) or number < least:
        raise ConditionError(f"n is a whole number >= {least}, not {n!r}.")
    if method == "sobol" and int(n) & (int(n) - 1):
        raise ConditionError(f"n is a power of 2 for Sobol' sequences, like 256, not {n}.")
    return int(n)


def _checked_ranges(
    what: Asked,
    ranges: Mapping[str, Any] | Sequence[str] | None,
    rows: Sequence[dict[str, Any]],
    rest: Mapping[str, Any],
) -> dict[str, Range]:
    model = what.model
    if isinstance(ranges, str):
        raise ConditionError(f'ranges is a mapping or a list of ids, like ["{ranges}"].')
    free = [n for n in constants(model) if n not in rest and n not in what.set]
    named = dict.fromkeys(free) if ranges is None else ranges
    given = dict(named) if isinstance(named, Mapping) else dict.fromkeys(named)
    checked_constants(model, list(given))
    for name in given:
        if name in rest or name in what.set:
            raise ConditionError(f'parameter "{name}" is both a factor and in ranges=.')
    stated = [name for name, ends in given.items() if ends is None]
    (values,) = values_of(model, rows, stated, rest, what.set) if stated else ({},)
    found = {}
    for name, ends in given.items():
        if ends is not None:
            found[name] = _given_range(name, ends)
        elif values[name] != 0 or ranges is not None:
            found[name] = _stated_range(what, name, values[name])
    return found


def _given_range(name: str, ends: Any) -> Range:
    try:
        low, high, *scale = ends
    except (TypeError, ValueError):
        low = high = scale = None
    numbers = number_of(low), number_of(high)
    if scale not in ([], ["log"], ["lin"]) or None in numbers:
        raise ConditionError(
            f'range of "{name}" is {ends!r}; write (low, high) or (low, high, "log").'
        )
    first, last = float(low), float(high)
    log = scale == ["log"]
    if not (math.isfinite(first) and math.isfinite(last) and first < last) or (log and first <= 0):
        need = "above 0 and rising" if log else "finite and rising"
        raise ConditionError(f'range of "{name}" is {ends!r}, but its ends must be {need}.')
    return Range(first, last, log)


def _stated_range(what: Asked, name: str, value: float) -> Range:
    """The plausible range of the model's folder, or factor 2 around the value in the condition."""
    record = what.model.definition.parameters.get(name)
    if (
        record is not None
        and math.isfinite(record.lower)
        and record.lower < record.upper < math.inf
    ):
        return Range(record.lower, record.upper, record.lower > 0)
    if value == 0:
        raise ConditionError(
            f'"{name}" is 0 and has no plausible range: give one, ranges={{"{name}": (low, high)}}.'
        )
    low, high = sorted((value / AROUND, value * AROUND))
    return Range(low, high, value > 0)


def _problem(
    chosen: Mapping[str, Range], groups: Mapping[str, Sequence[str]] | None
) -> dict[str, Any]:
    """The problem as SALib takes it."""
    problem: dict[str, Any] = {
        "num_vars": len(chosen),
        "names": list(chosen),
        "bounds": [list(each.bounds) for each in chosen.values()],
    }
    if groups is None:
        return problem
    of = {name: group for group, names in groups.items() for name in names}
    for name in of:
        if name not in chosen:
            raise ConditionError(
                f'groups= names "{name}", which does not vary.{did_you_mean(name, chosen)}'
            )
    left = [name for name in chosen if name not in of]
    if left or len(of) < sum(map(len, groups.values())):
        what = f'"{left[0]}" is in none' if left else "a constant is in two"
        raise ConditionError(f"groups= must have every constant once, but {what}.")
    if len(groups) < 2:
        raise ConditionError("groups= needs at least two groups.")
    # SALib judges groups in the order of their first members
    return problem | {"groups": [of[name] for name in chosen]}


def _sampled(problem: dict[str, Any], method: str, n: int, seed: int, second_order: bool) -> Array:
    from SALib.sample import morris, sobol  # which write into the problem

    if method == "morris":
        drawn: Array = morris.sample(dict(problem), n, num_levels=LEVELS, seed=seed)
    else:
        drawn = sobol.sample(dict(problem), n, calc_second_order=second_order, seed=seed)
    return drawn


def _table(chosen: Mapping[str, Range], drawn: Array, row: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    columns = {name: each.values(drawn[:, k]) for k, (name, each) in enumerate(chosen.items())}
    return pd.DataFrame(combined(row, columns), index=pd.RangeIndex(len(drawn), name=DRAW))


def _refuse_failures(what: Asked, ds: xr.Dataset, measured: xr.DataArray) -> None:
    """Raise IntegrationError where a number is missing."""
    failed = ds["status"] != Status.SUCCESS.name
    missing = int(np.isnan(measured.values).sum())
    if not failed.any() and not missing:
        return
    kinds = sorted(set(ds["status"].values[failed.values].tolist()))
    why = f"{int(failed.sum())} of {failed.size} runs failed ({', '.join(kinds)})"
    if not kinds:
        why = f"{what.measure.name} is NaN for {missing} of {measured.size} draws"
    raise IntegrationError(
        f"{why}: indices need every one. Narrow the ranges, raise max_steps= or loosen rtol=."
    )


def _indices(
    problem: dict[str, Any],
    method: str,
    drawn: Array,
    y: Array,
    second_order: bool,
    resamples: int,
    confidence: float,
    seed: int,
) -> Mapping[str, Any]:
    """Indices of one measure (draws,), each (parameters,) or (parameters, parameters)."""
    from SALib.analyze import morris, sobol

    more = {"num_resamples": resamples, "conf_level": confidence, "seed": seed}
    if method == "morris":
        found = morris.analyze(dict(problem), drawn, y, num_levels=LEVELS, **more)
        names: tuple[str, ...] = ("mu", "mu_star", "mu_star_conf", "sigma")
        if "groups" in problem:  # members move up and down independently: no effect has a sign
            names = ("mu_star", "mu_star_conf")
    else:
        found = sobol.analyze(dict(problem), y, calc_second_order=second_order, **more)
        names = ("S1", "S1_conf", "ST", "ST_conf", *(("S2", "S2_conf") if second_order else ()))
    return {name: np.ma.filled(np.asarray(found[name], float), np.nan) for name in names}


def _range_coordinates(chosen: Mapping[str, Range]) -> dict[str, Any]:
    every = list(chosen.values())
    return {
        "low": (PARAMETER, [each.low for each in every]),
        "high": (PARAMETER, [each.high for each in every]),
        "scale": (PARAMETER, ["log" if each.log else "lin" for each in every]),
    }


def _dataset(
    labels: Sequence[str],
    measured: xr.DataArray,
    analysed: Callable[[Array], Mapping[str, Any]],
) -> xr.Dataset:
    """Indices of every condition, labelled."""
    import xarray as xr

    values = np.asarray(measured.values, float)
    others = [str(dim) for dim in measured.dims[1:]]
    flat = values.reshape(len(values), -1)
    parts = [_guarded(y, analysed) for y in flat.T]
    unit = str(measured.attrs.get("units", ""))
    variables: dict[str, Any] = {}
    for name in parts[0]:
        stacked = np.stack([part[name] for part in parts], axis=-1)
        first = [PARAMETER] if stacked.ndim == 2 else [PARAMETER, f"{PARAMETER}_2"]
        shape = *stacked.shape[:-1], *values.shape[1:]
        attrs = {"units": unit if name.startswith(("mu", "sigma")) else "dimensionless"}
        variables[name] = ([*first, *others], stacked.reshape(shape), attrs)
    variables["mean"] = (others, values.mean(axis=0), {"units": unit})
    variables["variance"] = (others, values.var(axis=0), {"units": f"({unit})^2" if unit else ""})
    if "bound" in measured.coords:
        bound = measured["bound"].broadcast_like(measured).transpose(*measured.dims)
        variables["bounded"] = (others, (bound.values != "=").mean(axis=0))
    coordinates: dict[str, Any] = {PARAMETER: labels}
    coordinates |= {dim: measured[dim] for dim in others if dim in measured.coords}
    if "S2" in variables:
        coordinates[f"{PARAMETER}_2"] = labels
    return xr.Dataset(variables, coordinates)


def _guarded(y: Array, analysed: Callable[[Array], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Indices of a measure; NaN where it does not vary, so that there is nothing to share."""
    if np.ptp(y) > 1e-12 * np.abs(y).max():
        return analysed(y)
    spread = analysed(np.linspace(0.0, 1.0, y.size))
    return {name: np.full_like(values, np.nan) for name, values in spread.items()}
