"""From a design to the numbers of its runs: names become indices here, and nowhere else.

A plan holds what differs between runs, column by column, so that it takes the memory of its levels
and not of its runs; blocks of runs are written out when they are integrated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..codegen import Kernel
from ..codegen.initial import Columns, Levels, Override
from ..conditions import Design, resolve
from ..integrator.work import Changes

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Event = tuple[float, int, float]
"""A scheduled change: time, parameter, value."""


# A block, for each worker: so many runs that few lanes wait for its last ones, but at most 32 MiB
# of states and parameters.
RUNS_AT_ONCE = 2048
NUMBERS_AT_ONCE = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Numbers of runs of a design, by what differs between them.

    shape : levels of each axis of the design.
    runs : (runs,) their numbers in the design, in C order.
    untreated, before : initial states and parameters before t = 0, drugs absent.
    start, parameters : initial states, replaced ones included, and parameters from t = 0.
    replaced : state -> value put in its place at t = 0 after pre-equilibration, NaN = left;
        broadcastable to the design.
    early, late : what runs make of the model's quantities before t = 0, and what more at t = 0.
    programs : distinct sequences of scheduled changes.
    program : (runs,) which of them each run has.
    """

    shape: tuple[int, ...]
    runs: Indices
    untreated: Columns
    before: Columns
    start: Columns
    parameters: Columns
    replaced: Mapping[int, Array]
    early: Mapping[str, Override]
    late: Mapping[str, Override]
    programs: tuple[tuple[Event, ...], ...]
    program: Indices

    def levels(self, some: slice | Indices) -> Levels:
        """Levels of some of the runs, on each axis of the design."""
        return tuple(np.unravel_index(self.runs[some], self.shape)) if self.shape else ()


def plan(kernel: Kernel, design: Design, runs: Indices | None = None) -> Plan:
    """The numbers of a design's runs (all of them, or those numbered in `runs`).

    Raises
    ------
    ConditionError
        A quantity that some run needs has no value.
    ModelError
        Initial values need each other in a circle.
    """
    numbers = resolve(design, kernel.initial.baseline)
    chosen = np.arange(design.size) if runs is None else runs
    always, one = np.array(True), np.array(1.0)
    computed = kernel.initial.definitions
    early = {
        name: Override(_narrow(values), numbers.given[name], _narrow(numbers.factor[name]))
        if name in computed
        else Override(_narrow(values), always, one)
        for name, values in numbers.before.items()
    }
    given = {name: _narrow(values) for name, values in numbers.start.items()}
    untreated, before = start, parameters = kernel.initial.columns(early)
    late = {name: Override(values, ~np.isnan(values), one) for name, values in given.items()}
    if late:
        start, parameters = kernel.initial.columns(early | late)
    replaced = {
        i: np.where(np.isnan(given[name]), np.nan, start.column(i))  # an amount, where y is one
        for i, name in enumerate(kernel.states)
        if name in given
    }
    programs = tuple(
        tuple(
            (time, kernel.parameters.index(name), value)
            for time, settings in events
            for name, value in settings
        )
        for events in numbers.programs
    )
    return Plan(
        design.shape,
        chosen,
        untreated,
        before,
        start,
        parameters,
        replaced,
        early,
        late,
        programs,
        numbers.program[chosen],
    )


def _narrow(values: Array) -> Array:
    """One number, shape (), where all are the same."""
    first = values.ravel()[0]
    return np.asarray(first) if values.size == 1 or (values == first).all() else values


def pieces(plans: Sequence[Plan], runs: Indices) -> Iterator[tuple[Plan, Indices, slice]]:
    """Runs (increasing) of several plans in turn: each plan, its own runs, their places in `runs`.

    Run i of the second plan is number i + the runs of the first one, and so on.
    """
    offset = 0
    for each in plans:
        end = offset + each.runs.size
        place = slice(*np.searchsorted(runs, [offset, end]))
        if place.start < place.stop:
            yield each, runs[place] - offset, place
        offset = end


@dataclass(frozen=True, slots=True, eq=False)
class Schedules:
    """Scheduled changes of the runs of several plans in turn.

    program : (runs,) the program that each run has.
    begin, length : (programs,) where each program's events are.
    time, parameter, value : (events,)
    """

    program: Indices
    begin: Indices
    length: Indices
    time: Array
    parameter: NDArray[np.int64]
    value: Array

    def of(self, runs: Indices) -> Changes:
        """The changes of some runs."""
        program = self.program[runs]
        length = self.length[program]
        start = np.concatenate([[0], np.cumsum(length)])
        # the place of every change in its program, and of the program among the events
        within = np.arange(start[-1]) - np.repeat(start[:-1], length)
        events = within + np.repeat(self.begin[program], length)
        return Changes(start, self.time[events], self.parameter[events], self.value[events])


def schedules(plans: Sequence[Plan]) -> Schedules:
    """The scheduled changes of several plans in turn."""
    programs = [events for each in plans for events in each.programs]
    shifts = np.cumsum([0, *(len(each.programs) for each in plans)])
    length = np.array([len(events) for events in programs], np.intp)
    table = np.array([event for events in programs for event in events], float).reshape(-1, 3)
    return Schedules(
        np.concatenate([each.program + s for each, s in zip(plans, shifts, strict=False)]),
        np.cumsum(length) - length,
        length,
        table[:, 0].copy(),
        table[:, 1].astype(np.int64),
        table[:, 2].copy(),
    )


def runs_at_once(workers: int, numbers: int) -> int:
    """Runs of a block, where each has so many numbers."""
    return workers * max(1, min(RUNS_AT_ONCE, NUMBERS_AT_ONCE // max(1, numbers)))


def blocks(runs: Indices, size: int) -> Iterator[Indices]:
    """The runs in blocks of at most `size`."""
    return (runs[first : first + size] for first in range(0, runs.size, size))
