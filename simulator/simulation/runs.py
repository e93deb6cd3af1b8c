"""Integrating planned runs, block by block.

Only the runs of one block are ever written out in full: memory is bounded by the result, a state
for each distinct untreated cell, and one block. No number depends on where blocks begin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..codegen import Kernel
from ..codegen.initial import at_levels
from ..integrator.batch import integrate_batch
from ..integrator.status import Status
from ..integrator.system import Tolerances
from ..integrator.tableau import rodas5p, tsit5
from .plan import Array, Indices, Plan, blocks, pieces, runs_at_once, schedules
from .rest import Rest

__all__ = ["Outcome", "simulate_runs", "start_values"]

Progress = Callable[[int], None]

METHODS = {"auto": None, "Rodas5P": rodas5p(), "Tsit5": tsit5()}
"""Methods of integration by name; None chooses for each run."""


class Outcome(NamedTuple):
    """What simulated runs give.

    outputs : (selected, runs, times).  status : (runs,) values of Status.  failed_at : (runs,)
    times of failures.  state : (runs,) which state held a failed run up, -1 where none did.
    """

    outputs: Array
    status: NDArray[np.int64]
    failed_at: Array
    state: Indices


def start_values(plans: Sequence[Plan], rest: Rest | None, runs: Indices) -> tuple[Array, Array]:
    """States (runs, n) and parameters (runs, parameters) at t = 0 of some runs of plans in turn."""
    states = np.empty((runs.size, plans[0].start.base.size))
    parameters = np.empty((runs.size, plans[0].parameters.base.size))
    for each, own, place in pieces(plans, runs):
        levels = each.levels(own)
        each.parameters.write(parameters[place], levels)
        if rest is None:
            each.start.write(states[place], levels)
            continue
        states[place] = rest.states[rest.cell[runs[place]]]
        for i, values in each.replaced.items():
            given = at_levels(values, levels)
            states[place, i] = np.where(np.isnan(given), states[place, i], given)
    return states, parameters


def simulate_runs(
    kernel: Kernel,
    plans: Sequence[Plan],
    times: Array,
    names: Sequence[str],
    *,
    rest: Rest | None,
    tolerances: Tolerances,
    method: str,
    workers: int,
    progress: Progress | None = None,
    deadline: float = math.inf,
) -> Outcome:
    """Integrate the runs of plans in turn.

    Parameters
    ----------
    names
        Ids of the quantities to report.
    rest
        Where the runs begin; None begins from the initial values.
    method
        A name from `METHODS`.
    deadline
        As of `equilibrate`.
    """
    runs = sum(each.runs.size for each in plans)
    outputs = np.empty((len(names), runs, times.size))
    status = np.zeros(runs, np.int64) if rest is None else rest.status[rest.cell]
    failed_at, state = np.zeros(runs), np.full(runs, -1)
    settled = np.flatnonzero(status == Status.SUCCESS)
    if settled.size < runs:
        outputs[:, status != Status.SUCCESS] = np.nan
        if progress is not None:
            progress(runs - settled.size)
    system, tableau, scheduled = kernel.system(names), METHODS[method], schedules(plans)
    numbers = len(kernel.states) + len(kernel.parameters)
    for block in blocks(settled, runs_at_once(workers, numbers)):
        states, parameters = start_values(plans, rest, block)
        ends = integrate_batch(
            system,
            tableau,
            tolerances,
            states,
            parameters,
            times,
            scheduled.of(block),
            outputs,
            block,
            workers,
            progress,
            deadline,
        )
        status[block], failed_at[block], state[block] = ends.status, ends.time, ends.state
    return Outcome(outputs, status, failed_at, state)
