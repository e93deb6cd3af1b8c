"""Two drugs one before the other, at equal exposure: which order, and how far apart."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..conditions.schedules import number_of
from ..errors import ConditionError
from ..response.combination import NOISE
from ..simulation.readouts import readouts
from .cells import SUCCESS, Array, Cells, Rows, Text, read_cells
from .settings import checked_number
from .single import unit_of
from .target import variable_of
from .timing import ORDERS, Timing, checked_delays, checked_timing, order_of

if TYPE_CHECKING:
    import xarray as xr

    from ..conditions.factors import Conditions
    from ..simulation.model import Model

# Delays of the first round of a search, evenly spaced, and inside the interval of each later one.
COARSE, INSIDE = 9, 7

# The resolution of a search where none is stated, as a part of its limits' distance.
FINEST = 1 / 64
SMALLEST = 1e-6  # finer ones cannot be told apart in an output of six digits


def sequence(
    model: Model,
    drugs: Mapping[str, Any],
    *,
    delays: Sequence[float],
    exposure: float | Mapping[str, float | None] | None = None,
    time: float | Sequence[float] | None = None,
    output: str = "viability",
    conditions: Conditions | None = None,
    **factors: Any,
) -> xr.Dataset:
    """Give the second drug before the first, with it and after it, and compare.

    The first drug is always given at the same time; the second begins `delay` later, earlier where
    it is negative. Each is given for its exposure, and the output is read when both have ended, at
    fixed times after the first drug's start: so all delays have the same exposure to each drug.

    Parameters
    ----------
    model
        From `simulator.load`.
    drugs
        First and second drug -> dose, or a list of doses, which becomes a dimension.
    delays
        Rising, in the model's unit of time: start of the second minus start of the first.
    exposure
        How long each drug is given: one length, or a mapping from both drugs, in which None is
        until the output is read; of the second drug that is not the same for all delays, which the
        attribute `comparison` then says. Default: both drugs as long as the last delay leaves time
        for before the first output.
    time
        When the output is read, after the start of the first drug: one or several. Default: the
        hours of a prediction that the model's folder states.
    output
        What is read.
    conditions, **factors
        The conditions, and options of the simulation, as of `Model.simulate`.

    Returns
    -------
    xarray.Dataset
        The output over the factors, drugs with several doses, `delay` and `time`; `status` over all
        but time; `exposure`, the time that each drug is given until the last output, over `drug`
        and `delay`; and the coordinate `order`: `pre-treat`, `together` or `after`.

    Raises
    ------
    ConditionError
        Before any run: something named does not exist, a value is not allowed, or the output would
        be read before a drug has had its exposure.
    IntegrationError
        Every run failed.
    """
    found = checked_delays(delays)
    timing = checked_timing(model, drugs, exposure, time, found)
    cells = read_cells(model, factors, conditions, timing.drugs)
    (readout,) = readouts(model, [output], dims=cells.design.dims)
    at, pairs = np.array(found), np.array(list(itertools.product(*timing.doses)))
    dims = [d for d, many in zip(timing.drugs, timing.swept, strict=True) if many]
    coordinates = _dose_coordinates(model, timing) | {
        "delay": ("delay", at, {"units": model.network.time_unit}),
        "order": ("delay", order_of(at)),
        "time": ("time", np.array(timing.times), {"units": model.network.time_unit}),
        "drug": ("drug", np.array(timing.drugs)),
    }
    name = variable_of(output)
    cells.dataset(dict.fromkeys((name, "status", "exposure"), ((), 0)), coordinates)
    values, status = _simulated(cells, timing, output, cells.every, pairs, at)
    cells.warn_of(status)
    sizes = [len(d) for d, many in zip(timing.doses, timing.swept, strict=True) if many]
    shape = (*cells.design.shape, *sizes, at.size)
    over = (*cells.design.dims, *dims, "delay")
    about = {"long_name": readout.name, "units": readout.unit}
    variables = {
        name: ((*over, "time"), values.reshape(*shape, -1), about),
        "status": (over, status.reshape(shape)),
        "exposure": (("drug", "delay"), timing.hours(at), {"units": model.network.time_unit}),
    }
    return cells.dataset(variables, coordinates).assign_attrs(_described(model, timing))


def best_schedule(
    model: Model,
    drugs: Mapping[str, Any],
    *,
    within: tuple[float, float],
    exposure: float | Mapping[str, float | None] | None = None,
    time: float | None = None,
    output: str = "viability",
    best: Literal["lowest", "highest"] = "lowest",
    noise: float | None = None,
    resolution: float | None = None,
    conditions: Conditions | None = None,
    **factors: Any,
) -> xr.Dataset:
    """The delay between two drugs that does most, at equal exposure, in every condition.

    Nine evenly spaced delays and 0 are simulated, and the neighbourhood of the best is divided
    until delays are `resolution` apart; a narrower optimum elsewhere can be missed.

    Parameters
    ----------
    model, drugs, exposure, time, output, conditions, **factors
        As of `sequence`; one time, and no exposure of the second drug until the end.
    within
        Lowest and highest delay.
    best
        Which output is best.
    noise
        Outputs within this of each other are a tie. Default 0.05 for an output that is relative to
        the vehicle or the start, as for `sim.response.combination_index`; of others to be stated.
    resolution
        Default: a 64th of the limits' distance.

    Returns
    -------
    xarray.Dataset
        Over the factors and drugs with several doses: the best `delay`, which is 0 unless another
        gains more than the noise, as `better` says; the output with it, and given `together`; the
        `gain` over that (positive is better); `tied_from` and `tied_to`, the lowest and highest
        delay tried that is in a tie with the best; `order`, the orders in that tie (`pre-treat`,
        `together`, `after`, joined by `or`, or `any`); `status`, not SUCCESS, and numbers that are
        NaN, where a run failed.

    Raises
    ------
    ConditionError, IntegrationError
        As `sequence`.
    """
    ends = checked_delays(within, "within")
    if len(ends) != 2:
        raise ConditionError(f"within is (lowest, highest) delay, not {within!r}.")
    limits = ends[0], ends[1]
    timing = checked_timing(model, drugs, exposure, time, [*limits, 0.0])
    if not timing.equal or len(timing.times) != 1:
        raise ConditionError(
            f"best_schedule compares at one time, and {timing.drugs[1]} is not given until the end."
        )
    if best not in ("lowest", "highest"):
        raise ConditionError(f'best is "lowest" or "highest", not {best!r}.')
    width = limits[1] - limits[0]
    finest = width * FINEST if resolution is None else resolution
    least_step = width * SMALLEST
    finest = checked_number("resolution", finest, least_step, math.inf, f"above {least_step:g}")
    cells = read_cells(model, factors, conditions, timing.drugs)
    least = _noise(model, output, cells, noise)
    coordinates = _dose_coordinates(model, timing)
    cells.dataset(dict.fromkeys((*BEST, variable_of(output)), ((), 0)), coordinates)
    sign = 1.0 if best == "lowest" else -1.0
    tried, values, status = _searched(cells, timing, output, limits, finest, sign)
    cells.warn_of(status)
    return _chosen(cells, timing, output, coordinates, tried, values, status, sign, least)


BEST = ("delay", "together", "gain", "better", "tied_from", "tied_to", "order", "status")


def _simulated(
    cells: Cells, timing: Timing, output: str, rows: Rows, pairs: Array, delays: Array
) -> tuple[Array, Text]:
    """The output, (rows, pairs x delays, times), and statuses; each pair with each delay."""
    each = np.repeat(pairs, delays.size, axis=0)
    every = np.tile(delays, len(pairs))
    given = {
        drug: np.broadcast_to(made, (rows.size, every.size))
        for drug, made in timing.given(each, every).items()
    }
    return cells.outputs(rows, given, output, [timing.lead + t for t in timing.times])


def _searched(
    cells: Cells,
    timing: Timing,
    output: str,
    limits: tuple[float, float],
    finest: float,
    sign: float,
) -> tuple[Array, Array, Text]:
    """Delays tried, outputs and statuses, each (cases, tries); a case is a condition and a pair."""
    grid = np.unique(np.concatenate([np.linspace(limits[0], limits[1], COARSE), [0.0]]))
    pairs = np.array(list(itertools.product(*timing.doses)))
    rows = np.repeat(cells.every, len(pairs))
    doses = np.tile(pairs, (cells.design.size, 1))
    clock = [timing.lead + timing.times[0]]
    tried = np.tile(grid, (rows.size, 1))
    delays, all_values, all_status = tried, np.empty((rows.size, 0)), np.empty((rows.size, 0), "U1")
    step = float(np.diff(grid).max())
    while True:
        each = np.repeat(doses[:, None], delays.shape[1], axis=1)
        found, status = cells.outputs(rows, timing.given(each, delays), output, clock)
        all_values = np.column_stack([all_values, found[:, :, 0]])
        all_status = np.column_stack([all_status, status])
        if step <= finest * (1 + 1e-9):
            return tried, all_values, all_status
        delays, step = _around(tried, sign * all_values, step), 2 * step / (INSIDE + 1)
        delays = np.clip(delays, limits[0], limits[1])
        tried = np.column_stack([tried, delays])


def _around(tried: Array, cost: Array, step: float) -> Array:
    """Delays (cases, INSIDE) between a step below and a step above the best of each case."""
    at = np.where(np.isnan(cost), np.inf, cost).argmin(axis=1)
    center = tried[np.arange(len(at)), at]
    share = np.arange(1, INSIDE + 1) / (INSIDE + 1)
    around: Array = center[:, None] + step * (2 * share - 1)
    return around


def _chosen(
    cells: Cells,
    timing: Timing,
    output: str,
    coordinates: Mapping[str, Any],
    tried: Array,
    values: Array,
    status: Text,
    sign: float,
    noise: float,
) -> xr.Dataset:
    """What the tries of each case say."""
    rows = np.arange(len(tried))
    failed = (status != SUCCESS) | np.isnan(values)
    lost = failed.any(axis=1)
    cost = np.where(failed, np.inf, sign * values)
    tie = cost <= cost.min(axis=1)[:, None] + noise
    zero = np.abs(tried).argmin(axis=1)
    # both together is the simplest schedule: another one must do more than the noise
    at = np.where(tie[rows, zero], zero, cost.argmin(axis=1))
    together = values[rows, zero]
    gain = sign * (together - values[rows, at])
    orders = order_of(tried)
    names = [_named(set(o[t])) for o, t in zip(orders, tie, strict=True)]
    shape = (*cells.design.shape, *(len(timing.doses[k]) for k in (0, 1) if timing.swept[k]))
    dims = (*cells.design.dims, *(timing.drugs[k] for k in (0, 1) if timing.swept[k]))
    units = {"units": cells.model.network.time_unit}
    readout = cells.model.readable[output]
    about = {"long_name": readout.name, "units": readout.unit}

    def over(found: Array, attributes: Mapping[str, str]) -> tuple[Any, ...]:
        return dims, np.where(lost, np.nan, found).reshape(shape), attributes

    variables = {
        "delay": over(tried[rows, at], units),
        variable_of(output): over(values[rows, at], about),
        "together": over(together, about),
        "gain": over(gain, about),
        "better": (dims, ((at != zero) & ~lost).reshape(shape)),
        "tied_from": over(np.where(tie, tried, np.inf).min(axis=1), units),
        "tied_to": over(np.where(tie, tried, -np.inf).max(axis=1), units),
        "order": (dims, np.where(lost, "", np.array(names)).reshape(shape)),
        "status": (dims, status[rows, failed.argmax(axis=1)].reshape(shape)),
    }
    return cells.dataset(variables, coordinates).assign_attrs(
        _described(cells.model, timing), noise=noise, time=timing.times[0]
    )


def _named(orders: set[str]) -> str:
    """The orders in a tie."""
    return "any" if len(orders) == len(ORDERS) else " or ".join(o for o in ORDERS if o in orders)


def _noise(model: Model, output: str, cells: Cells, noise: Any) -> float:
    """Differences of the output that count as none."""
    (readout,) = readouts(model, [output], dims=cells.design.dims)
    if noise is None:
        if not readout.relative_to:
            raise ConditionError(
                f'noise= is needed: "{output}" is not relative to anything, so that no difference'
                " is small of itself."
            )
        return NOISE
    number = number_of(noise)
    if number is None or not 0 <= number < math.inf:
        raise ConditionError(f"noise is a number >= 0, not {noise!r}.")
    return number


def _dose_coordinates(model: Model, timing: Timing) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for drug, doses, many in zip(timing.drugs, timing.doses, timing.swept, strict=True):
        units = {"units": unit_of(model, drug)}
        found[drug] = (drug, np.array(doses), units) if many else ((), doses[0], units)
    return found


def _described(model: Model, timing: Timing) -> dict[str, Any]:
    """Attributes of a result: what was compared."""
    first, second = timing.drugs
    comparison = "equal exposure to each drug"
    if not timing.equal:
        comparison = f"unequal exposure: {second} is given until the output is read"
    return {
        "model": model.definition.name,
        "model_hash": model.hash,
        "comparison": comparison,
        "delay": f"start of {second} minus start of {first}",
        "time_from": f"start of {first}",
    }
