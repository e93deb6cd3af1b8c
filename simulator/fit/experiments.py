"""Experiments of a PEtab problem as runs, with what measurements need, and its derivatives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..codegen import Kernel
from ..integrator.sensitivity import (
    Directed,
    Prepared,
    first_triggers,
    integrate_along,
    prepare,
)
from ..integrator.system import Tolerances
from ..integrator.tableau import rodas5p
from ..petab_problem.problem import PRE_EQUILIBRATION, Period, PetabProblem
from .beginnings import Beginning, Jump, directions, jump_of
from .steady import Cells, settle

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

AFTER_ALL = math.inf
"""Start of the state of rest after the last period, at which measurements may be."""


class Simulated(NamedTuple):
    """What experiments give.

    values : (measurements, symbols), NaN where a run failed.
    along : (measurements, symbols, free) derivatives by the free parameters, linear scale; None if
        not asked for.
    status : (experiments,) values of Status.
    """

    values: Array
    along: Array | None
    status: NDArray[np.int64]


@dataclass(frozen=True)
class Stage:
    """Periods of several experiments that are simulated together.

    experiments : (runs,) numbers.  begin, until : (runs,) times; a begin of -inf or inf means the
        state of rest.  first, times : as of `Directed`.  jumps : changes at the begin.
    all_of_them : whether these are all experiments.
    """

    experiments: Indices
    begin: Array
    until: Array
    first: NDArray[np.int64]
    times: Array
    jumps: tuple[Jump | None, ...]
    all_of_them: bool

    @property
    def at_rest(self) -> bool:
        """Whether the state of rest is meant."""
        return math.isinf(self.begin[0])


class Experiments:
    """Runs of a problem's experiments.

    Parameters
    ----------
    free
        Ids of the parameter table by which derivatives are taken.
    symbols
        Ids of the model that measurements need.
    """

    def __init__(
        self,
        problem: PetabProblem,
        kernel: Kernel,
        free: Sequence[str],
        symbols: Sequence[str],
        tolerances: Tolerances,
        workers: int = 1,
    ) -> None:
        self._kernel, self._tolerances, self._workers = kernel, tolerances, workers
        self._symbols = tuple(symbols)
        self._ready: dict[tuple[int, bool], Prepared] = {}
        self._system = kernel.system(self._symbols)
        self._beginning = Beginning(problem, kernel)
        self._stages, self._row = stages_of(problem, kernel)
        number = {name: k for k, name in enumerate(self._beginning.table)}
        self._free = np.array([number[name] for name in free], np.intp)
        dependent = self._beginning.dependent.copy()
        for stage in self._stages:
            for e, jump in zip(stage.experiments, stage.jumps, strict=True):
                if jump is not None:
                    dependent[e] |= jump.dependent(kernel)
        lanes = self._system.lanes
        self._columns = directions(dependent, self._free.tolist(), lanes)
        self._nowhere = np.full((len(dependent), 0), -1, np.intp)
        place = {int(j): k for k, j in enumerate(self._free)}
        position = {e.id: k for k, e in enumerate(problem.experiments)}
        self._experiment = np.array([position[m.experiment] for m in problem.measurements], np.intp)
        self._targets = [
            np.array([place[j] for j in row[row >= 0].tolist()], np.intp) for row in self._columns
        ]
        self._alike = all(np.array_equal(each, self._targets[0]) for each in self._targets)

    def simulate(self, table: Array, *, derivatives: bool = False) -> Simulated:
        """What the measurements need, at values of the parameter table on linear scale."""
        scale = np.append(np.where(table != 0, np.abs(table), 1.0), 0.0)  # -1: no direction
        columns = self._columns if derivatives else self._nowhere
        now = self._begin(table, columns, scale)
        parts = [self._simulate(stage, now, table, columns, scale) for stage in self._stages]
        values = np.concatenate([part[0] for part in parts])[self._row]
        along = np.concatenate([part[1] for part in parts]) if len(parts) > 1 else parts[0][1]
        if not derivatives:
            return Simulated(values, None, now.status)
        return Simulated(values, self._by_free(along[self._row], scale), now.status)

    def _begin(self, table: Array, columns: Indices, scale: Array) -> Cells:
        numbers, slopes = self._beginning(table)
        n, (runs, width) = len(self._kernel.states), columns.shape
        if width:
            none = np.zeros((*slopes.shape[:2], 1))
            every = np.concatenate([slopes, none], axis=2)
            along = np.take_along_axis(every, columns[:, None, :] % every.shape[2], axis=2)
            along *= scale[columns][:, None, :]
        else:
            along = np.zeros((*slopes.shape[:2], 0))
        status = np.zeros(runs, np.int64)
        triggers = first_triggers(self._system, runs)
        return Cells(
            np.ascontiguousarray(numbers[:, :n]),
            np.ascontiguousarray(numbers[:, n:]),
            np.ascontiguousarray(along[:, :n]),
            np.ascontiguousarray(along[:, n:]),
            triggers,
            status,
        )

    def _by_free(self, along: Array, scale: Array) -> Array:
        """Derivatives by the free parameters (measurements, symbols, free)."""
        if self._alike:
            return self._spread(along, self._targets[0], scale)
        found = np.empty((*along.shape[:2], self._free.size))
        for e, target in enumerate(self._targets):
            rows = np.flatnonzero(self._experiment == e)
            found[rows] = self._spread(along[rows], target, scale)
        return found

    def _spread(self, along: Array, target: Indices, scale: Array) -> Array:
        """Directions in the places of the parameters that they are."""
        found = np.zeros((*along.shape[:2], self._free.size))
        found[:, :, target] = along[:, :, : target.size] / scale[self._free[target]]
        return found

    def _simulate(
        self, stage: Stage, now: Cells, table: Array, columns: Indices, scale: Array
    ) -> tuple[Array, Array]:
        """Outputs at the stage's times, and how they move; `now` goes on to its end."""
        for e, time, jump in zip(stage.experiments, stage.begin, stage.jumps, strict=True):
            if jump is not None:
                _jump(jump, now, int(e), float(time), table, columns, scale)
        runs, width = stage.experiments, columns.shape[1]
        outputs = np.full((stage.times.size, len(self._symbols)), np.nan)
        along = np.full((stage.times.size, len(self._symbols), width), np.nan)
        here = now if stage.all_of_them else now.some(runs)
        if stage.at_rest:
            settle(self._kernel, self._tolerances, here, self._workers)
        if stage.times.size or not stage.at_rest:
            begin = np.zeros(runs.size) if stage.at_rest else stage.begin
            times = np.zeros_like(stage.times) if stage.at_rest else stage.times
            work = Directed(
                here.states,
                here.parameters,
                here.states_along,
                here.parameters_along,
                begin,
                stage.until,
                here.triggers,
                stage.first,
                times,
                outputs,
                along,
            )
            prepared = self._prepared(width, not stage.at_rest)
            ends = integrate_along(prepared, work, self._workers)
            here.fail(ends.status)
        if here is not now:
            now.take(runs, here)
        return outputs, along

    def _prepared(self, width: int, events: bool) -> Prepared:
        key = width, events
        if key not in self._ready:
            along = self._kernel.along(self._symbols)
            self._ready[key] = prepare(
                self._system, along, rodas5p(), self._tolerances, width, events=events
            )
        return self._ready[key]


def _jump(
    jump: Jump, now: Cells, e: int, time: float, table: Array, columns: Indices, scale: Array
) -> None:
    """Make the changes of a period in one experiment."""
    time = time if math.isfinite(time) else 0.0
    numbers = np.concatenate([now.states[e], now.parameters[e]])
    values, slopes = jump.values(numbers, time, table)
    n, own = now.states.shape[1], numbers.size
    moved = slopes[:, :n] @ now.states_along[e] + slopes[:, n:own] @ now.parameters_along[e]
    by_table = np.concatenate([slopes[:, own:], np.zeros((len(slopes), 1))], axis=1)
    moved += by_table[:, columns[e]] * scale[columns[e]]
    for target, value, motion in zip(jump.targets.tolist(), values, moved, strict=True):
        if target < n:
            now.states[e, target], now.states_along[e, target] = value, motion
        else:
            now.parameters[e, target - n] = value
            now.parameters_along[e, target - n] = motion


def stages_of(problem: PetabProblem, kernel: Kernel) -> tuple[tuple[Stage, ...], Indices]:
    """Periods in turn, and the row of their outputs, one after the other, of each measurement."""
    position = {each.id: k for k, each in enumerate(problem.experiments)}
    wanted: dict[tuple[int, int], set[float]] = {}
    where = []
    for m in problem.measurements:
        e = position[m.experiment]
        starts = [period.start for period in problem.experiments[e].periods]
        last = max(k for k, start in enumerate(starts) if start <= m.time or start == starts[0])
        key = e, len(starts) if m.time == AFTER_ALL else last
        wanted.setdefault(key, set()).add(m.time)
        where.append((*key, m.time))
    stages: list[Stage] = []
    rows: dict[tuple[int, int, float], int] = {}
    for level in range(1 + max(len(each.periods) for each in problem.experiments)):
        for at_rest in (True, False):
            members = [
                e
                for e, each in enumerate(problem.experiments)
                if _start(each.periods, level, (e, level) in wanted) is not None
                and math.isinf(_start(each.periods, level, True) or 0.0) == at_rest
            ]
            if not members:
                continue
            times = [sorted(wanted.get((e, level), ())) for e in members]
            first = len(rows)
            for e, own in zip(members, times, strict=True):
                rows.update({(e, level, time): len(rows) + k for k, time in enumerate(own)})
            stages.append(_stage(problem, kernel, members, level, times))
            assert len(rows) == first + sum(map(len, times))  # noqa: S101
    return tuple(stages), np.array([rows[each] for each in where], np.intp)


def _start(periods: Sequence[Period], level: int, asked: bool) -> float | None:
    """When a period starts; inf for the rest after all, if asked for; None where there is none."""
    if level < len(periods):
        return periods[level].start
    return AFTER_ALL if level == len(periods) and asked else None


def _stage(
    problem: PetabProblem,
    kernel: Kernel,
    members: Sequence[int],
    level: int,
    times: Sequence[Sequence[float]],
) -> Stage:
    begin, until, jumps = [], [], []
    for e in members:
        periods = problem.experiments[e].periods
        start = _start(periods, level, True)
        assert start is not None  # noqa: S101
        begin.append(start)
        later = level + 1 < len(periods)
        until.append(
            periods[level + 1].start if later and start != PRE_EQUILIBRATION else AFTER_ALL
        )
        given = 0 < level < len(periods)
        jumps.append(jump_of(problem, kernel, periods[level]) if given else None)
    counts = np.cumsum([0, *map(len, times)])
    flat = np.array([time for own in times for time in own], np.float64)
    return Stage(
        np.array(members, np.intp),
        np.array(begin, np.float64),
        np.array(until, np.float64),
        counts.astype(np.int64),
        flat,
        tuple(jumps),
        len(members) == len(problem.experiments),
    )
