"""Integrating planned runs, block by block.

Only the runs of one block are ever written out in full: memory is bounded by the result, a state
for each distinct untreated cell, and one block. No number depends on where blocks begin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..codegen import Kernel
from ..codegen.initial import Levels, at_levels
from ..conditions.resolve import distinct_rows
from ..integrator.batch import integrate_batch
from ..integrator.status import Status
from ..integrator.steady import settle_batch
from ..integrator.system import Tolerances
from ..integrator.tableau import rodas5p
from .plan import Array, Indices, Plan, pieces, plan, schedules

__all__ = ["Outcome", "Plan", "Rest", "equilibrate", "plan", "simulate_runs"]

Progress = Callable[[int], None]

# A block, for each worker: so many runs that few lanes wait for its last ones, but at most 32 MiB
# of states and parameters.
RUNS_AT_ONCE = 2048
NUMBERS_AT_ONCE = 1 << 22


class Rest(NamedTuple):
    """Untreated cells at rest.

    states : (cells, n), NaN where there is no steady state.
    status : (cells,) values of Status.
    cell : (runs,) the cell that each run begins with.
    """

    states: Array
    status: NDArray[np.int64]
    cell: Indices


class Outcome(NamedTuple):
    """What simulated runs give.

    outputs : (selected, runs, times).  status : (runs,) values of Status.  failed_at : (runs,)
    times of failures.  state : (runs,) which state held a failed run up, -1 where none did.
    """

    outputs: Array
    status: NDArray[np.int64]
    failed_at: Array
    state: Indices


def equilibrate(
    kernel: Kernel,
    plans: Sequence[Plan],
    held: frozenset[str],
    tolerances: Tolerances,
    workers: int,
    deadline: float = math.inf,
) -> Rest:
    """Steady states of the untreated cells of plans, each distinct cell settled once.

    Parameters
    ----------
    held
        Species that stay at their initial values.
    deadline
        Moment of `time.monotonic` at which what is not done ends with TIME_LIMIT.
    """
    differing = _differing(plans)
    cells = [_cells(each, differing) for each in plans]
    groups, first = distinct_rows(np.concatenate([numbers for _, numbers, _ in cells]))
    states = np.empty((first.size, len(kernel.states)))
    status = np.empty(first.size, np.int64)
    system, method = kernel.system(held=held), rodas5p()
    size = _runs_at_once(workers, states.shape[1] + len(kernel.parameters))
    cell, offset = [], 0
    for each, (levels, numbers, own) in zip(plans, cells, strict=True):
        new = np.flatnonzero((first >= offset) & (first < offset + len(numbers)))
        for block in _blocks(new, size):
            here = tuple(level[first[block] - offset] for level in levels)
            states[block], ends = settle_batch(
                system,
                method,
                tolerances,
                each.untreated.rows(here, block.size),
                each.before.rows(here, block.size),
                kernel.conserved(held),
                workers,
                deadline,
            )
            status[block] = ends.status
        cell.append(groups[offset + own])
        offset += len(numbers)
    return Rest(states, status, np.concatenate(cell))


def _differing(plans: Sequence[Plan]) -> list[int]:
    """Parameters in which runs of the plans differ before t = 0."""
    found = {column for each in plans for column in each.before.varying}
    for each in plans[1:]:
        found.update(np.flatnonzero(each.before.base != plans[0].before.base).tolist())
    return sorted(found)


def _cells(work: Plan, columns: Sequence[int]) -> tuple[Levels, Array, Indices]:
    """Untreated cells of a plan, by the axes of the design on which they depend.

    Returns
    -------
    Their levels on each axis, their numbers (cells, columns), and the cell of each run (runs,).
    """
    varying = work.before.varying.values()
    shape = np.broadcast_shapes((1,) * len(work.shape), *(values.shape for values in varying))
    flat = np.zeros(work.runs.size, np.intp)
    for level, length in zip(work.levels(slice(None)), shape, strict=True):
        if length > 1:
            flat = flat * length + level
    used = np.zeros(math.prod(shape), bool)
    used[flat] = True
    chosen = np.flatnonzero(used)
    levels = tuple(np.unravel_index(chosen, shape)) if shape else ()
    numbers = np.empty((chosen.size, len(columns)))
    for i, column in enumerate(columns):
        numbers[:, i] = at_levels(work.before.column(column), levels)
    return levels, numbers, (np.cumsum(used) - 1)[flat]


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
    system, method, scheduled = kernel.system(names), rodas5p(), schedules(plans)
    numbers = len(kernel.states) + len(kernel.parameters)
    for block in _blocks(settled, _runs_at_once(workers, numbers)):
        states, parameters = start_values(plans, rest, block)
        ends = integrate_batch(
            system,
            method,
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


def _runs_at_once(workers: int, numbers: int) -> int:
    """Runs of a block, where each has so many numbers."""
    return workers * max(1, min(RUNS_AT_ONCE, NUMBERS_AT_ONCE // max(1, numbers)))


def _blocks(runs: Indices, size: int) -> Iterator[Indices]:
    """The runs in blocks of at most `size`."""
    return (runs[first : first + size] for first in range(0, runs.size, size))
