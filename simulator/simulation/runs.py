"""From a design's numbers to integrated arrays: names become indices here, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..codegen import Kernel
from ..conditions import Design, Values, resolve
from ..conditions.resolve import distinct_rows
from ..integrator.batch import Changes, integrate_batch
from ..integrator.status import Status
from ..integrator.steady import settle_batch
from ..integrator.system import Tolerances
from ..integrator.tableau import rodas5p

Array = NDArray[np.float64]
Progress = Callable[[int], None]


class Plan(NamedTuple):
    """Numbers of a list of runs, ready for the integrator.

    before : parameter values (runs, parameters) before t = 0, drugs absent.
    untreated : initial states (runs, n) that go with `before`.
    parameters : (runs, parameters) from t = 0.
    start : initial states (runs, n) that go with `parameters`, replaced species included.
    replaced : (runs, n) states put in place at t = 0 after pre-equilibration, NaN = left.
    changes : scheduled changes after t = 0.
    """

    before: Array
    untreated: Array
    parameters: Array
    start: Array
    replaced: Array
    changes: Changes


class Outcome(NamedTuple):
    """Outputs (runs, times, selected), Status values (runs,), and the times of failures (runs,)."""

    outputs: Array
    status: NDArray[np.int64]
    failed_at: Array


def plan(kernel: Kernel, design: Design, runs: NDArray[np.intp] | None = None) -> Plan:
    """The numbers of a design's runs (all of them, or those numbered in `runs`).

    Raises
    ------
    ConditionError
        A quantity that some run needs has no value.
    ModelError
        Initial values need each other in a circle.
    """
    numbers = resolve(design, kernel.initial.baseline())
    chosen = np.arange(design.size) if runs is None else runs
    before = {name: _spread(v, design)[chosen] for name, v in numbers.before.items()}
    start = {name: _spread(v, design)[chosen] for name, v in numbers.start.items()}
    everywhere = np.ones(len(chosen), bool)
    early = {name: (value, everywhere) for name, value in before.items()}
    late = early | {name: (value, ~np.isnan(value)) for name, value in start.items()}
    y_before, p_before = kernel.initial.values(len(chosen), early)
    y, p = kernel.initial.values(len(chosen), late)
    replaced = np.full_like(y, np.nan)
    for i, state in enumerate(kernel.states):
        if state in start:
            given = ~np.isnan(start[state])
            replaced[given, i] = y[given, i]  # in the state's own meaning (amounts included)
    changes = _changes(numbers, numbers.program[chosen], kernel.parameters)
    return Plan(p_before, y_before, p, y, replaced, changes)


def _spread(values: Array, design: Design) -> Array:
    """Values broadcast over the design, one per run."""
    return np.broadcast_to(values, design.shape).reshape(-1)


def _changes(numbers: Values, program: NDArray[np.intp], parameters: Sequence[str]) -> Changes:
    index = {name: i for i, name in enumerate(parameters)}
    flat = [
        [(time, index[target], value) for time, settings in events for target, value in settings]
        for events in numbers.programs
    ]
    lengths = np.array([len(events) for events in flat], np.int64)[program]
    rows = [row for code in program for row in flat[code]] if lengths.any() else []
    table = np.array(rows, float).reshape(-1, 3)
    return Changes(
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.ascontiguousarray(table[:, 0]),
        table[:, 1].astype(np.int64),
        np.ascontiguousarray(table[:, 2]),
    )


def join(plans: Sequence[Plan]) -> Plan:
    """Several plans as one list of runs."""
    starts, offset = [np.zeros(1, np.int64)], 0
    for each in plans:
        starts.append(each.changes.start[1:] + offset)
        offset += int(each.changes.start[-1])
    changes = Changes(
        np.concatenate(starts),
        np.concatenate([each.changes.time for each in plans]),
        np.concatenate([each.changes.parameter for each in plans]),
        np.concatenate([each.changes.value for each in plans]),
    )
    return Plan(
        np.concatenate([each.before for each in plans]),
        np.concatenate([each.untreated for each in plans]),
        np.concatenate([each.parameters for each in plans]),
        np.concatenate([each.start for each in plans]),
        np.concatenate([each.replaced for each in plans]),
        changes,
    )


def equilibrate(
    kernel: Kernel,
    work: Plan,
    held: frozenset[str],
    tolerances: Tolerances,
    workers: int,
) -> tuple[Array, NDArray[np.int64]]:
    """Steady state (runs, n) of every run's untreated cell, once per distinct cell; and Status."""
    varies = (work.before != work.before[:1]).any(axis=0)
    distinct, first = distinct_rows(work.before[:, varies])
    states, ends = settle_batch(
        kernel.system(held),
        rodas5p(),
        tolerances,
        np.ascontiguousarray(work.untreated[first]),
        np.ascontiguousarray(work.before[first]),
        workers,
    )
    return states[distinct], ends.status[distinct]


def simulate_runs(
    kernel: Kernel,
    work: Plan,
    times: Array,
    selection: NDArray[np.int64],
    *,
    held: frozenset[str] | None,
    tolerances: Tolerances,
    workers: int,
    progress: Progress | None = None,
) -> Outcome:
    """Integrate a plan.

    Parameters
    ----------
    held
        Species held during pre-equilibration; None starts from the initial values instead.
    """
    states, status = work.start, np.zeros(len(work.start), np.int64)
    if held is not None:
        states, status = equilibrate(kernel, work, held, tolerances, workers)
        states = np.where(np.isnan(work.replaced), states, work.replaced)
    settled = np.flatnonzero(status == Status.SUCCESS)
    if progress is not None and settled.size < status.size:
        progress(status.size - settled.size)
    outputs = np.full((len(states), times.size, selection.size), np.nan)
    found, ends = integrate_batch(
        kernel.system(),
        rodas5p(),
        tolerances,
        np.ascontiguousarray(states[settled]),
        np.ascontiguousarray(work.parameters[settled]),
        times,
        _pick(work.changes, settled),
        selection,
        workers,
        progress,
    )
    outputs[settled] = found
    failed_at = np.zeros(len(states))
    status = status.copy()
    status[settled], failed_at[settled] = ends.status, ends.time
    return Outcome(outputs, status, failed_at)


def _pick(changes: Changes, runs: NDArray[np.intp]) -> Changes:
    """The changes of some runs."""
    if runs.size == changes.start.size - 1:
        return changes
    spans = [np.arange(changes.start[r], changes.start[r + 1]) for r in runs]
    rows = np.concatenate(spans) if spans else np.empty(0, np.int64)
    lengths = np.array([span.size for span in spans], np.int64)
    return Changes(
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        changes.time[rows],
        changes.parameter[rows],
        changes.value[rows],
    )


def quantities(kernel: Kernel, names: Sequence[str]) -> NDArray[np.int64]:
    """Indices of outputs by name."""
    index: Mapping[str, int] = {name: i for i, name in enumerate(kernel.outputs)}
    return np.array([index[name] for name in names], np.int64)
