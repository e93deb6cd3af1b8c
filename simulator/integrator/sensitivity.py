"""Runs with forward sensitivities: each alone on a group, its directions in the lanes.

The states of all lanes are the same to the last bit, so that a decision about lane 0 is one about
the run. See `tangents` for how directions are taken along.
"""

import math
from typing import NamedTuple

import numpy as np

from .batch import HALT, SUCCESS, failed_attempt, run_on_lanes, too_small
from .cache import compiled, entry_point
from .events import EVENT_COLUMNS, INITIAL, at_once, cut_at_change, move_to, next_switch
from .group import Group, describe, idle_group
from .lanes import call, fill
from .reporting import LANE_ROWS, UNCUT
from .rosenbrock import attempt, culprit, first_step, linearise
from .status import Status
from .step_code import (
    ACCEPT,
    BEFORE,
    FRACTION,
    LIVE,
    PER_H,
    PIVOTS,
    STOP,
    T_NEW,
    H,
    Method,
    compile_method,
)
from .step_code import T as TIME
from .system import Along, Array, Indices, System, Tolerances
from .tableau import Tableau
from .tangents import happen_along, read_along, spread_run
from .work import Ends, no_ends

STEP_LIMIT = int(Status.STEP_LIMIT)
STEP_TOO_SMALL = int(Status.STEP_TOO_SMALL)
NOT_FINITE = int(Status.NOT_FINITE)
TIME_LIMIT = int(Status.TIME_LIMIT)
NEEDS_PIVOTS = -1  # a run ended for want of compiled code: it begins again with it


class Directed(NamedTuple):
    """Runs along directions; `width` = blocks x lanes directions, those that are not needed are 0.

    states, parameters : (runs, n), (runs, parameters), at the begin.
    states_along, parameters_along : (runs, n, width), (runs, parameters, width): how these move.
    begin, until : (runs,) times; a run goes on to `until`, or, where that is infinite, to its last
        requested time. What happens at `until` itself is left to what follows.
    triggers : (runs, events) whether triggers were true before.
        States, parameters, directions and triggers become those at the end.
    first : (runs + 1,) where each run's times begin.
    times : (times,) increasing within a run, from its begin on.
    outputs, outputs_along : (times, outputs), (times, outputs, width), C-contiguous, which are
        written.
    """

    states: Array
    parameters: Array
    states_along: Array
    parameters_along: Array
    begin: Array
    until: Array
    triggers: Array
    first: Indices
    times: Array
    outputs: Array
    outputs_along: Array


class Out(NamedTuple):
    """Where outputs of a run go: times (times,), and flat values and motions of `Directed`."""

    times: Array
    values: Array
    along: Array


def first_triggers(system: System, runs: int) -> Array:
    """Triggers (runs, events) as the model says they were before its begin."""
    initial = system.events.reshape(-1, EVENT_COLUMNS)[:, INITIAL]
    return np.tile(initial.astype(np.float64), (runs, 1))


def width_of(directions: int, lanes: int) -> int:
    """Directions that are computed where so many are needed: whole blocks."""
    return -(-directions // lanes) * lanes


@compiled
def begin_piece(g, tables, w, until, out, reported, started, jumps):  # type: ignore[no-untyped-def]
    """All that happens at a run's time, before a smooth piece. Returns a Status, and `reported`."""
    lanes, stop, status = g.lanes, until, SUCCESS
    if jumps is not None:
        for _ in range(1 + g.switch_count):
            status = happen_along(g, tables, w, started)
            switch = next_switch(g, tables, w, 0) if g.switch_count != 0 else np.inf
            if status != SUCCESS or not at_once(w[TIME * lanes], switch):
                stop = min(stop, switch)
                break
            fill(w, TIME * lanes, lanes, switch)
    t = w[TIME * lanes]
    stop = max(stop, np.nextafter(t, np.inf))
    fill(w, STOP * lanes, lanes, stop)
    fill(w, BEFORE * lanes, lanes, np.nextafter(stop, -np.inf))
    fill(w, H * lanes, lanes, 0.0)
    k = reported
    while status == SUCCESS and k < out.times.size and out.times[k] <= t:
        read_along(g, w, out.times[k], g.at_y, out.values, out.along, k)
        k += 1
    return status, k


@compiled
def record(g, w, out, reported):  # type: ignore[no-untyped-def]
    """Outputs at requested times within the step, but for its end if something happens there."""
    lanes, k = g.lanes, reported
    t, per_h, end, stop = w[TIME * lanes], w[PER_H * lanes], w[T_NEW * lanes], w[STOP * lanes]
    while k < out.times.size and out.times[k] <= end and out.times[k] < stop:
        fill(w, FRACTION * lanes, lanes, (out.times[k] - t) * per_h)
        call(g.inside, w, g.at_y, g.at_y_new, g.at_dense, g.at_argument, 0, g.rows)
        read_along(g, w, out.times[k], g.at_argument, out.values, out.along, k)
        k += 1
    return k


@compiled
def cut_along(g, tables, w):  # type: ignore[no-untyped-def]
    """End the step where something watched changes. Returns the fraction that is left, or 1."""
    lanes, end = g.lanes, w[T_NEW * g.lanes]
    cut = cut_at_change(g, tables, w, 0, end)
    if cut > end:
        return 1.0
    fill(w, STOP * lanes, lanes, cut)
    fill(w, T_NEW * lanes, lanes, cut)
    return (cut - w[TIME * lanes]) / w[H * lanes]


@compiled
def rates_before(g, w, fraction):  # type: ignore[no-untyped-def]
    """The rates as they are just before the end of the step, where something will happen.

    The state there is that of the last number before its time, so that relations still hold.
    """
    lanes = g.lanes
    earlier = np.nextafter(w[T_NEW * lanes], -np.inf)
    fill(w, g.at_moment, lanes, earlier)
    source = g.at_y_new
    if fraction < 1.0:
        fill(w, FRACTION * lanes, lanes, (earlier - w[TIME * lanes]) / w[H * lanes])
        call(g.inside, w, g.at_y, g.at_y_new, g.at_dense, g.at_argument, 0, g.rows)
        source = g.at_argument
    call(g.rates, w, g.at_moment, source, g.at_q, g.at_before, g.at_scratch, 0)


@compiled
def take_step(g, tables, w, out, reported, jumps, dense):  # type: ignore[no-untyped-def]
    """Take a step that is accurate enough. Returns how many of all times are reported then."""
    lanes = g.lanes
    wanted = reported < out.times.size and out.times[reported] <= w[T_NEW * lanes]
    if wanted or jumps is not None:
        if not dense:
            call(g.dense, w, g.at_y, g.at_u, g.at_y, g.at_dense, 0, g.rows)
        fraction = cut_along(g, tables, w) if jumps is not None else 1.0
        reported = record(g, w, out, reported)
        if jumps is not None:
            if w[T_NEW * lanes] >= w[STOP * lanes]:
                rates_before(g, w, fraction)
            if fraction < 1.0:
                for lane in range(lanes):
                    move_to(g, w, lane, fraction)
    call(g.take, w, g.at_y, g.at_u, g.at_u, g.at_y_new, 0, g.rows)
    call(g.advance, w, 0, 0, 0, 0, 0, 0)
    return reported


@entry_point
def _run(g, tables, w, lane_of, end, jumps, pivots, until, out, halt):  # type: ignore[no-untyped-def]
    """Integrate the run in the lanes.

    end : (4,) status, times reported, accepted and rejected steps.
    pivots : None ends a run with NEEDS_PIVOTS where it does.
    """
    lanes, last, accepted, rejected = g.lanes, out.times.size, 0, 0
    spread_run(g, w)
    status, reported = begin_piece(g, tables, w, until, out, 0, False, jumps)
    lane_of[UNCUT, 0] = fresh = 1
    far = min(until, out.times[last - 1]) if last > 0 else until
    while status == SUCCESS and (reported < last or w[TIME * lanes] < until < np.inf):
        linearise(g, tables, w)
        if fresh == 1:
            fresh = 0
            fill(w, H * lanes, lanes, first_step(g, tables, w, 0))
        dense = attempt(g, tables, w, pivots)
        if w[ACCEPT * lanes] != 0.0:
            rejected += 1
            status = failed_attempt(g, tables, w, lane_of, 0, far)
            fill(w, H * lanes, lanes, w[H * lanes])
        else:
            accepted += 1
            reported = take_step(g, tables, w, out, reported, jumps, dense)
            if w[TIME * lanes] >= w[STOP * lanes]:
                if w[TIME * lanes] < until:
                    status, reported = begin_piece(g, tables, w, until, out, reported, True, jumps)
                lane_of[UNCUT, 0] = fresh = 1
            elif too_small(w[H * lanes], w[TIME * lanes]):
                status = STEP_TOO_SMALL
        if status == SUCCESS and accepted + rejected >= g.max_steps:
            status = STEP_LIMIT
        elif status == SUCCESS and halt[HALT] != 0:
            status = TIME_LIMIT
        if pivots is None and w[PIVOTS * lanes] != 0.0:
            status = NEEDS_PIVOTS
    end[0], end[1], end[2], end[3] = status, reported, accepted, rejected


class Prepared(NamedTuple):
    """What `integrate_along` works with: made once for many calls.

    group, record, tables : see `group.describe`; the first two are the same.
    jumps : 1 where anything may happen in a run, else None.
    idle : groups of lanes that no thread works with now.
    """

    system: System
    method: Method
    tolerances: Tolerances
    group: Group
    record: np.record
    tables: Indices
    jumps: int | None
    idle: list["Lanes"]


class Lanes:
    """A group of lanes for one run after the other; no run depends on what was there before."""

    def __init__(self, prepared: Prepared) -> None:
        g, lanes = prepared.group, prepared.system.lanes
        settings = prepared.system, prepared.method, prepared.tolerances
        self.group, self.w = g, idle_group(prepared.record, *settings)
        w = self.w
        control = w[: g.at_y].reshape(-1, lanes)
        self.time, self.live = control[TIME], control[LIVE]
        self.states = w[g.at_y : g.at_y + g.n * lanes : lanes]
        self.parameters = w[g.at_p : g.at_p + g.parameters]
        self.states_along = _by_direction(w, g.at_y + g.n * lanes, g.n, g.blocks, lanes)
        self.parameters_along = _by_direction(w, g.at_along_p, g.parameters, g.blocks, lanes)
        self.pending = w[g.at_queue : g.at_queue + 2]
        self.triggers = w[g.at_queue + 2 : g.at_queue + 2 + g.event_count]
        self.end, lane_of = np.zeros(4, np.int64), np.zeros((LANE_ROWS, lanes), np.int64)
        given = (prepared.record, prepared.tables, w, lane_of, self.end, prepared.jumps)
        self._run, self._run_with_pivots = (
            _run.starting_with(*given, pivots) for pivots in (None, 1)
        )

    def run(self, work: Directed, run: int, out: Out, halt: Indices) -> list[int]:
        """Integrate a run; returns what `_run` says of its end.

        Hardly any run needs pivots, and their code takes long to compile.
        """
        self._put(work, run)
        until = float(work.until[run])
        self._run(until, out, halt)
        if self.end[0] == NEEDS_PIVOTS:
            self._run = self._run_with_pivots
            self._put(work, run)
            self._run(until, out, halt)
        return self.end.tolist()

    def _put(self, work: Directed, run: int) -> None:
        """Take over what a run begins with."""
        self.time[:], self.live[:], self.pending[:] = work.begin[run], 1.0, 0.0
        self.states[:], self.parameters[:] = work.states[run], work.parameters[run]
        self.triggers[:] = work.triggers[run]
        s, dp = work.states_along[run], work.parameters_along[run]
        self.states_along[:] = s.reshape(self.states_along.shape)
        self.parameters_along[:] = dp.reshape(self.parameters_along.shape)

    def take(self, work: Directed, run: int) -> None:
        """Hand over what the run ended with."""
        work.states[run], work.parameters[run] = self.states, self.parameters
        work.triggers[run] = self.triggers
        s, dp = work.states_along[run], work.parameters_along[run]
        s[:], dp[:] = self.states_along.reshape(s.shape), self.parameters_along.reshape(dp.shape)


def prepare(
    system: System,
    along: Along,
    tableau: Tableau,
    tolerances: Tolerances,
    width: int,
    *,
    events: bool = True,
) -> Prepared:
    """Prepare runs along `width` directions, a multiple of the lanes.

    Parameters
    ----------
    tableau
        A Rosenbrock method.
    events
        Whether anything happens at all; not where outputs are only read at the begin.
    """
    watched = system.relations.size + system.events.size + system.switches.size
    method = compile_method(tableau, system.lanes, system.timed)
    described = describe(system, method, tolerances, along, width // system.lanes)
    jumps = 1 if events and watched else None
    group = Group(*described[0].tolist())
    return Prepared(system, method, tolerances, group, *described, jumps, [])


def integrate_along(
    prepared: Prepared, work: Directed, workers: int = 1, deadline: float = math.inf
) -> Ends:
    """Integrate every run, with the sensitivities along its directions.

    Parameters
    ----------
    workers
        Threads; the numbers do not depend on it.
    deadline
        As of `integrate_batch`.

    Returns
    -------
    How the runs ended. Outputs are NaN from where a run failed.
    """
    runs = len(work.states)
    ends, todo = no_ends(runs), iter(range(runs))

    def integrate(halt: Indices) -> None:
        try:
            lanes = prepared.idle.pop()
        except IndexError:
            lanes = Lanes(prepared)
        for run in todo:
            _one_run(lanes, work, run, ends, halt)
        prepared.idle.append(lanes)

    run_on_lanes(integrate, runs, 1, workers, None, deadline)
    return ends


def _one_run(lanes: Lanes, work: Directed, run: int, ends: Ends, halt: Indices) -> None:
    """Integrate a run on a group of lanes."""
    some = slice(work.first[run], work.first[run + 1])
    values, along = work.outputs[some], work.outputs_along[some]
    out = Out(work.times[some], values.reshape(-1), along.reshape(-1))
    status, reported, ends.accepted[run], ends.rejected[run] = lanes.run(work, run, out, halt)
    ends.status[run], ends.time[run] = status, lanes.time[0]
    if status == SUCCESS:
        lanes.take(work, run)
    else:
        values[reported:] = along[reported:] = np.nan
        ends.state[run] = culprit.function(lanes.group, lanes.w, 0, status == NOT_FINITE)


def _by_direction(w: Array, first: int, rows: int, blocks: int, lanes: int) -> Array:
    """Rows of blocks of directions in `w`, as (rows, blocks, lanes)."""
    found = w[first : first + blocks * rows * lanes].reshape(blocks, rows, lanes)
    return found.swapaxes(0, 1)
