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
from ..simulation.rest_along import Cells, settle
from .beginnings import Beginning, Jump, directions, jump_of
from .formulas import Filled

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

    experiments : (runs,) numbers.  begin, until : (runs,) times.  first, times : as of `Directed`.
    at_rest : whether the state of rest is meant, where all times are taken for 0.
    rows : those of the outputs, of all stages, that are these times.
    jumps : changes at the begin.
    all_of_them : whether these are all experiments.
    """

    experiments: Indices
    at_rest: bool
    begin: Array
    until: Array
    first: NDArray[np.int64]
    times: Array
    rows: slice
    jumps: tuple[Jump | None, ...]
    all_of_them: bool


class Course(NamedTuple):
    """Along which directions the experiments are simulated.

    columns : (experiments, width) which parameter of the table each direction is; -1: none.
    along : how states and parameters move in the beginning, see `Beginning.along`.
    """

    columns: Indices
    along: Filled


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
        self._numbers = self._beginning.numbers
        self._stages, self._row = stages_of(problem, kernel)
        self._times = sum(stage.times.size for stage in self._stages)
        number = {name: k for k, name in enumerate(self._beginning.table)}
        self._free = np.array([number[name] for name in free], np.intp)
        self._triggers = first_triggers(self._system, len(problem.experiments))
        columns = self._directions()
        self._places = self._places_of(columns, problem)
        self._along, self._alone = (
            Course(each, self._beginning.along(each)) for each in (columns, columns[:, :0])
        )

    def _directions(self) -> Indices:
        """Which parameter of the table each experiment's directions are (experiments, width)."""
        dependent = self._beginning.dependent.copy()
        for stage in self._stages:
            for e, jump in zip(stage.experiments, stage.jumps, strict=True):
                if jump is not None:
                    dependent[e] |= jump.dependent(self._kernel)
        return directions(dependent, self._free.tolist(), self._system.lanes)

    def _places_of(self, columns: Indices, problem: PetabProblem) -> Indices:
        """Where derivatives by free parameters are among those along directions of all outputs.

        (measurements, symbols, free), flat; behind the end for what does not move.
        """
        runs, width = columns.shape
        direction = np.full((runs, len(self._beginning.table) + 1), -1, np.intp)
        direction[np.arange(runs)[:, None], columns] = np.arange(width)
        position = {e.id: k for k, e in enumerate(problem.experiments)}
        experiment = np.array([position[m.experiment] for m in problem.measurements], np.intp)
        of_free, count = direction[experiment][:, None, self._free], len(self._symbols)
        row = width * (count * self._row[:, None, None] + np.arange(count)[:, None])
        places: Indices = np.where(of_free >= 0, row + of_free, self._times * count * width)
        return places

    def simulate(self, table: Array, *, derivatives: bool = False) -> Simulated:
        """What the measurements need, at values of the parameter table on linear scale."""
        course = self._along if derivatives else self._alone
        scale = np.empty(table.size + 1)
        np.abs(table, out=scale[:-1])
        scale[scale == 0.0] = 1.0
        scale[-1] = 0.0  # of no direction
        now = self._begin(table, course, scale)
        shape = self._times, len(self._symbols), course.columns.shape[1]
        outputs, motions = np.empty(shape[:2]), np.empty(math.prod(shape) + 1)
        motions[-1] = 0.0
        along = motions[:-1].reshape(shape)
        for stage in self._stages:
            self._jump(stage, now, table, course.columns, scale)
            self._simulate(stage, now, outputs[stage.rows], along[stage.rows])
        values = outputs.take(self._row, axis=0)
        if not derivatives:
            return Simulated(values, None, now.status)
        moved = motions.take(self._places)
        moved /= scale[self._free]
        return Simulated(values, moved, now.status)

    def _begin(self, table: Array, course: Course, scale: Array) -> Cells:
        computed, n = self._beginning.compute(table), len(self._kernel.states)
        numbers, along = self._numbers.by(computed), course.along.by(computed)
        along *= scale[course.columns][:, None, :]
        return Cells(
            np.ascontiguousarray(numbers[:, :n]),
            np.ascontiguousarray(numbers[:, n:]),
            np.ascontiguousarray(along[:, :n]),
            np.ascontiguousarray(along[:, n:]),
            self._triggers.copy(),
            np.zeros(len(numbers), np.int64),
        )

    def _jump(self, stage: Stage, now: Cells, table: Array, columns: Indices, scale: Array) -> None:
        """Make the changes at the begin of a stage."""
        for e, time, jump in zip(stage.experiments, stage.begin, stage.jumps, strict=True):
            if jump is not None:
                _jump(jump, now, int(e), float(time), table, columns, scale)

    def _simulate(self, stage: Stage, now: Cells, outputs: Array, along: Array) -> None:
        """Outputs at the stage's times, and how they move; `now` goes on to its end."""
        here = now if stage.all_of_them else now.some(stage.experiments)
        if stage.at_rest:
            settle(self._kernel, self._tolerances, here, self._workers)
        if stage.times.size or not stage.at_rest:
            work = Directed(
                here.states,
                here.parameters,
                here.states_along,
                here.parameters_along,
                stage.begin,
                stage.until,
                here.triggers,
                stage.first,
                stage.times,
                outputs,
                along,
            )
            prepared = self._prepared(along.shape[2], not stage.at_rest)
            ends = integrate_along(prepared, work, self._workers)
            if np.count_nonzero(ends.status) or np.count_nonzero(here.status):
                here.fail(ends.status)
        if here is not now:
            now.take(stage.experiments, here)

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
            stages.append(_stage(problem, kernel, members, level, times, first))
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
    row: int,
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
    at_rest = math.isinf(begin[0])
    return Stage(
        np.array(members, np.intp),
        at_rest,
        np.array([0.0 if at_rest else time for time in begin], np.float64),
        np.array(until, np.float64),
        counts.astype(np.int64),
        np.zeros_like(flat) if at_rest else flat,
        slice(row, row + flat.size),
        tuple(jumps),
        len(members) == len(problem.experiments),
    )
