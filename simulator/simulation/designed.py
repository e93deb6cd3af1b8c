"""Simulating a design, over time or at rest: from checked options to the labelled result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..conditions import Design, vehicle
from ..errors import ConditionError
from ..integrator.status import Status
from .dataset import failed_runs, report_failures, to_dataset
from .options import Array, Options
from .plan import Plan, plan
from .progress import run_progress
from .readouts import Readout
from .rest import equilibrate
from .runs import Outcome, Progress, simulate_runs

if TYPE_CHECKING:
    import xarray as xr

    from .model import Model


def simulated(
    model: Model, design: Design, times: Array, wanted: Sequence[Readout], options: Options
) -> xr.Dataset:
    """What is wanted of every run of a design at some times, labelled."""
    with run_progress(options.progress, design.size, "simulating") as advance:
        outcome = simulate_design(model, design, times, wanted, options, advance)
    report_failures(model, design, failed_runs(outcome), options)
    return to_dataset(model, design, outcome, times, wanted, options)


def simulate_design(
    model: Model,
    design: Design,
    times: Array,
    wanted: Sequence[Readout],
    options: Options,
    advance: Progress | None = None,
) -> Outcome:
    """What is wanted of every run of a design at some times, in arrays.

    advance : called now and then with the number of runs just finished, vehicles included.
    """
    grid, columns = with_zero(times, wanted)
    plans, twin = planned(model, design, wanted)
    rest = None
    if options.start == "steady_state":
        rest = equilibrate(
            model.kernel,
            plans,
            model.definition.population,
            options.tolerances,
            options.workers,
            options.deadline,
        )
    outcome = simulate_runs(
        model.kernel,
        plans,
        grid,
        [readout.quantity for readout in wanted],
        rest=rest,
        tolerances=options.tolerances,
        method=options.method,
        workers=options.workers,
        progress=advance,
        deadline=options.deadline,
    )
    outcome = related(outcome, wanted, design.size, twin)
    return outcome._replace(outputs=outcome.outputs[:, :, columns])


def at_rest(
    model: Model, design: Design, wanted: Sequence[Readout], options: Options
) -> xr.Dataset:
    """What is wanted of the untreated cell of every run of a design, at rest."""
    plans, held = [plan(model.kernel, design)], model.definition.population
    rest = equilibrate(
        model.kernel, plans, held, options.tolerances, options.workers, options.deadline
    )
    outcome = simulate_runs(
        model.kernel,
        plans,
        np.zeros(1),
        [readout.quantity for readout in wanted],
        rest=rest,
        tolerances=options.tolerances,
        method=options.method,
        workers=options.workers,
    )
    report_failures(model, design, failed_runs(outcome), options)
    return to_dataset(model, design, outcome, None, wanted, options)


def refuse_treatment(design: Design) -> None:
    """Raise ConditionError where a design changes anything after the cell has come to rest."""
    timed = [c.target for c in design.fixed if c.time is not None]
    timed += [c.target for axis in design.axes for c in axis.columns if c.time is not None]
    if timed:
        raise ConditionError(
            f'steady_state() is of the untreated cell: leave out "{timed[0]}", or call'
            " simulate() over a long time."
        )


def planned(
    model: Model, design: Design, wanted: Sequence[Readout]
) -> tuple[list[Plan], NDArray[np.intp] | None]:
    """Plans of the design's runs, then of vehicles that are not among them; each run's vehicle.

    The vehicle (runs,) is a position among the runs of all plans; None where no readout asks.
    """
    plans = [plan(model.kernel, design)]
    if all(readout.relative_to != "vehicle" for readout in wanted):
        return plans, None
    drug_free = vehicle(design, model.definition)
    extra = np.flatnonzero(drug_free.twin < 0)
    if extra.size:
        plans.append(plan(model.kernel, drug_free.design, extra))
    place = drug_free.twin.copy()
    place[extra] = design.size + np.arange(extra.size)
    return plans, place[drug_free.run]


def with_zero(times: Array, wanted: Sequence[Readout]) -> tuple[Array, slice]:
    """Times to integrate to: t = 0 is added in front where a readout is relative to the start."""
    if times[0] != 0 and any(r.relative_to == "start" for r in wanted):
        return np.concatenate([[0.0], times]), slice(1, None)
    return times, slice(None)


def related(
    outcome: Outcome, wanted: Sequence[Readout], runs: int, twin: NDArray[np.intp] | None
) -> Outcome:
    """Divide by the vehicle or the start where a readout says so; then drop the extra runs.

    A run whose vehicle failed has no such readout from there on, and takes the vehicle's status.
    """
    outputs, status = outcome.outputs[:, :runs], outcome.status[:runs]
    failed_at = outcome.failed_at[:runs]
    with np.errstate(divide="ignore", invalid="ignore"):
        for k, readout in enumerate(wanted):
            if readout.relative_to == "start":
                outputs[k] /= outputs[k, :, :1].copy()
            elif readout.relative_to == "vehicle" and twin is not None:
                outputs[k] /= outcome.outputs[k, twin]
    if twin is not None:
        inherits = (status == Status.SUCCESS) & (outcome.status[twin] != Status.SUCCESS)
        status = np.where(inherits, outcome.status[twin], status)
        failed_at = np.where(inherits, outcome.failed_at[twin], failed_at)
    return Outcome(outputs, status, failed_at, outcome.state[:runs])
