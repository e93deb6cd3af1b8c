"""Many runs of one system: lanes filled from a queue, groups of lanes over threads.

Each run is computed as if it were alone. A lane that has finished its run takes the next from the
queue while the others go on. What the arguments g, tables and w of compiled functions hold: see
`group`.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from time import monotonic
from typing import NamedTuple

import numpy as np

from .algebraic import make_consistent
from .cache import compiled, entry_point
from .events import (
    at_once,
    begin_events,
    cut_at_change,
    happen,
    move_to,
    next_execution,
    next_switch,
)
from .group import describe, idle_group
from .lanes import call, take_next
from .reporting import (
    CHANGE,
    FRESH,
    IDLE,
    LANE_ROWS,
    PENDING,
    REPORTED,
    ROW,
    RUN,
    UNCUT,
    record_now,
    record_steps,
    write_nothing,
    write_pending,
)
from .rosenbrock import attempt, culprit, first_step, linearise, put_run, rates_finite
from .status import Status
from .step_code import ACCEPT, BEFORE, CUT, ERROR, FACTOR, LIVE, STOP, T_NEW, H, compile_method
from .step_code import T as TIME
from .system import Array, Indices, System, Tolerances
from .tableau import Tableau

WATCH = 0.05  # seconds between two looks at the clock and the progress
FAILED_SHRINK = 0.25  # after a step that gave no usable number

# Compiled code knows plain integers.
SUCCESS = int(Status.SUCCESS)
STEP_LIMIT = int(Status.STEP_LIMIT)
STEP_TOO_SMALL = int(Status.STEP_TOO_SMALL)
NOT_FINITE = int(Status.NOT_FINITE)
SINGULAR_MATRIX = int(Status.SINGULAR_MATRIX)
TIME_LIMIT = int(Status.TIME_LIMIT)

NEXT, LAST, HALT, DONE = range(4)  # in the queue: next run, how many, stop flag, how many are done


class Changes(NamedTuple):
    """Scheduled changes of parameters, run after run.

    start : (runs + 1,) where each run's changes begin in the other three.
    time, parameter, value : (changes,) in time order within a run; `parameter` is an index.
    """

    start: Indices
    time: Array
    parameter: Indices
    value: Array


class Ends(NamedTuple):
    """How the runs ended, each (runs,).

    status, time reached, accepted and rejected steps; `state` is the index of the state that held
    a failed run up (its error was largest, or its rate no number), -1 where none did.
    """

    status: Indices
    time: Array
    accepted: Indices
    rejected: Indices
    state: Indices


class Work(NamedTuple):
    """What `integrate_batch` is given, see there; `out` as in `reporting.write_pending`."""

    states: Array
    parameters: Array
    times: Array
    changes: Changes
    out: tuple[Array, int, int]
    rows: Indices


def no_changes(runs: int) -> Changes:
    """A schedule in which nothing happens."""
    return Changes(np.zeros(runs + 1, np.int64), np.empty(0), np.empty(0, np.int64), np.empty(0))


def no_ends(runs: int) -> Ends:
    """Ends still to be filled in."""
    counts = [np.zeros(runs, np.int64) for _ in range(3)]
    return Ends(counts[0], np.zeros(runs), counts[1], counts[2], np.full(runs, -1, np.int64))


@compiled
def start_piece(g, tables, w, lane_of, lane, work, jumps):  # type: ignore[no-untyped-def]
    """All that happens at a lane's time, before a smooth piece of its run. Returns a Status."""
    write_pending(g, w, lane_of, lane, work.out)  # with the parameters from before
    t, p, status = w[TIME * g.lanes + lane], g.at_p + lane * g.parameters, SUCCESS
    first = k = lane_of[CHANGE, lane]
    end = work.changes.start[lane_of[RUN, lane] + 1]
    while k < end and work.changes.time[k] <= t:
        w[p + work.changes.parameter[k]] = work.changes.value[k]
        k += 1
    if k != first:
        call(g.prepare, w, p, 0, 0, g.at_q + lane, g.at_scratch, 0)
    lane_of[CHANGE, lane] = k
    stop = work.changes.time[k] if k < end else np.inf
    for _ in range(1 + g.switch_count):  # what switches as good as now does so at once
        if jumps is not None:
            status = make_consistent(g, tables, w, lane)
            if status == SUCCESS:
                status = happen(g, tables, w, lane)
            if status == SUCCESS:
                status = make_consistent(g, tables, w, lane)
            stop = min(stop, next_execution(g, w, lane))
        switch = next_switch(g, tables, w, lane) if g.switch_count != 0 else np.inf
        if status != SUCCESS or not at_once(t, switch):
            stop = min(stop, switch)
            break
        t = w[TIME * g.lanes + lane] = switch
    stop = max(stop, np.nextafter(t, np.inf))
    w[STOP * g.lanes + lane], w[BEFORE * g.lanes + lane] = stop, np.nextafter(stop, -np.inf)
    if status == SUCCESS:
        record_now(g, tables, w, lane_of, lane, work.times, work.out)
    lane_of[FRESH, lane] = lane_of[UNCUT, lane] = 1
    return status


@compiled
def end_run(g, w, lane_of, lane, ends, status, queue, out):  # type: ignore[no-untyped-def]
    """Write what is recorded, and how the run ended."""
    write_pending(g, w, lane_of, lane, out)
    write_nothing(g, lane_of, lane, out)
    run = lane_of[RUN, lane]
    ends.status[run] = status
    ends.time[run] = w[TIME * g.lanes + lane]
    if status != SUCCESS and ends.accepted[run] + ends.rejected[run] > 0:
        ends.state[run] = culprit(g, w, lane, status == NOT_FINITE)
    lane_of[RUN, lane] = IDLE
    w[LIVE * g.lanes + lane] = 0.0
    take_next(queue, DONE)


@compiled
def next_run(g, tables, w, lane_of, lane, work, ends, queue, jumps):  # type: ignore[no-untyped-def]
    """Put the next run that has anything to integrate into a lane; False when none is left."""
    while True:
        run = take_next(queue, NEXT)
        if run >= queue[LAST]:
            return False
        lane_of[RUN, lane] = run
        lane_of[ROW, lane] = work.rows[run]
        lane_of[REPORTED, lane] = lane_of[PENDING, lane] = 0
        lane_of[CHANGE, lane] = work.changes.start[run]
        put_run(g, w, lane, work.states[run], work.parameters[run])
        if jumps is not None:
            begin_events(g, tables, w, lane)
        status = start_piece(g, tables, w, lane_of, lane, work, jumps)
        if status == SUCCESS and lane_of[REPORTED, lane] < work.times.size:
            return True
        end_run(g, w, lane_of, lane, ends, status, queue, work.out)


@compiled
def failed_attempt(g, w, lane_of, lane, last):  # type: ignore[no-untyped-def]
    """Choose a shorter step after an attempt that failed; SUCCESS, or why there is none."""
    t, h = w[TIME * g.lanes + lane], w[H * g.lanes + lane]
    why = STEP_TOO_SMALL
    if np.isfinite(w[ERROR * g.lanes + lane]):
        h *= min(1.0, w[FACTOR * g.lanes + lane])
    else:
        if not rates_finite(g, w, lane):
            return NOT_FINITE
        pivoted = w[g.at_lu + g.lu_entries * g.lanes + lane] == np.inf
        why = SINGULAR_MATRIX if pivoted else NOT_FINITE
        if lane_of[UNCUT, lane] == 1 and t < last < t + h:
            h = last - t  # the trouble may lie beyond what was asked for
            lane_of[UNCUT, lane] = 0
        else:
            h *= FAILED_SHRINK
    w[H * g.lanes + lane] = h
    return why if too_small(h, t) else SUCCESS


@compiled
def too_small(h, t):  # type: ignore[no-untyped-def]
    """Whether a step is lost in the resolution of time, or too small to divide by."""
    return t + h <= t or h < 1e-14 * abs(t) + 1e-290


@compiled
def accept(g, tables, w, lane_of, ends, times, out, jumps, dense):  # type: ignore[no-untyped-def]
    """Take the attempts whose error is small enough, and record the outputs within them.

    dense : whether the coefficients of dense output are there.
    """
    lanes, wanted = g.lanes, False
    for lane in range(lanes):
        if w[ACCEPT * lanes + lane] == 0.0:
            ends.accepted[lane_of[RUN, lane]] += 1
            wanted = wanted or times[lane_of[REPORTED, lane]] <= w[T_NEW * lanes + lane]
    if wanted or jumps is not None:
        if not dense:
            call(g.dense, w, g.at_y, g.at_u, g.at_y, g.at_dense, 0, g.n)
        if jumps is not None:
            cut_steps(g, tables, w, lane_of)
        record_steps(g, w, lane_of, times, out)
        if jumps is not None:
            end_at_cuts(g, w, lane_of)
    call(g.take, w, g.at_y, g.at_u, g.at_u, g.at_y_new, 0, g.n)
    call(g.advance, w, 0, 0, 0, 0, 0, 0)


@compiled
def cut_steps(g, tables, w, lane_of):  # type: ignore[no-untyped-def]
    """End the accepted steps where events may have to be looked at."""
    lanes = g.lanes
    for lane in range(lanes):
        w[CUT * lanes + lane] = 2.0
        if w[ACCEPT * lanes + lane] == 0.0:
            end = w[T_NEW * lanes + lane]
            cut = cut_at_change(g, tables, w, lane, end)
            if cut <= end:
                w[STOP * lanes + lane] = w[T_NEW * lanes + lane] = cut
            if cut < end:
                since = cut - w[TIME * lanes + lane]
                w[CUT * lanes + lane] = since / w[H * lanes + lane]


@compiled
def end_at_cuts(g, w, lane_of):  # type: ignore[no-untyped-def]
    """Make the states where steps are cut their ends."""
    for lane in range(g.lanes):
        if w[CUT * g.lanes + lane] < 1.0:
            move_to(g, w, lane, w[CUT * g.lanes + lane])


@entry_point
def _integrate_runs(g, tables, w, gamma, lane_of, work, ends, queue, jumps):  # type: ignore[no-untyped-def]
    last, live = work.times[work.times.size - 1], 0
    for lane in range(g.lanes):
        live += next_run(g, tables, w, lane_of, lane, work, ends, queue, jumps)
    while live > 0:
        linearise(g, tables, w)
        for lane in range(g.lanes):
            if lane_of[FRESH, lane] == 1:
                w[H * g.lanes + lane] = first_step(g, tables, w, lane)
                lane_of[FRESH, lane] = 0
        dense = attempt(g, tables, w, gamma)
        accept(g, tables, w, lane_of, ends, work.times, work.out, jumps, dense)
        for lane in range(g.lanes):
            run = lane_of[RUN, lane]
            if run == IDLE:
                continue
            status, going = SUCCESS, lane_of[REPORTED, lane] < work.times.size
            if w[ACCEPT * g.lanes + lane] != 0.0:
                ends.rejected[run] += 1
                status = failed_attempt(g, w, lane_of, lane, last)
            elif going and w[TIME * g.lanes + lane] >= w[STOP * g.lanes + lane]:
                status = start_piece(g, tables, w, lane_of, lane, work, jumps)
                going = lane_of[REPORTED, lane] < work.times.size
            elif (
                going
                and w[FACTOR * g.lanes + lane] < 1.0
                and too_small(w[H * g.lanes + lane], w[TIME * g.lanes + lane])
            ):
                status = STEP_TOO_SMALL
            if going and status == SUCCESS:
                if ends.accepted[run] + ends.rejected[run] >= g.max_steps:
                    status = STEP_LIMIT
                elif queue[HALT] != 0:
                    status = TIME_LIMIT
            if status != SUCCESS or not going:
                end_run(g, w, lane_of, lane, ends, status, queue, work.out)
                live -= not next_run(g, tables, w, lane_of, lane, work, ends, queue, jumps)


def integrate_batch(
    system: System,
    tableau: Tableau,
    tolerances: Tolerances,
    states: Array,
    parameters: Array,
    times: Array,
    changes: Changes,
    out: Array,
    rows: Indices,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
    deadline: float = math.inf,
) -> Ends:
    """Integrate every run from t = 0.

    Parameters
    ----------
    states, parameters
        (runs, n) and (runs, parameters), values at t = 0.
    times
        (times,) increasing, >= 0, in the system's unit of time.
    out
        (outputs, any number of runs, times); rows of these runs are written, NaN from where they
        failed.
    rows
        (runs,) which run of `out` each of these is.
    workers
        Threads; the numbers do not depend on it.
    progress
        Called now and then with the number of runs just finished, from this thread.
    deadline
        Moment of `time.monotonic` at which runs that are not done end with TIME_LIMIT.

    Returns
    -------
    How the runs ended.
    """
    runs = states.shape[0]
    ends = no_ends(runs)
    method = compile_method(tableau, system.lanes, system.timed)
    g, tables = describe(system, method, tolerances)

    # Code for events and algebraic states is compiled for systems that have them only: numba leaves
    # out what follows `is not None` where None is passed.
    jumps = 1 if system.relations.size + system.events.size + system.algebraic.size else None
    flat = (out.reshape(-1), out.shape[1], times.size)
    work = Work(states, parameters, times, changes, flat, rows)

    def integrate(queue: Indices) -> None:
        w, lane_of = idle_group(g, system, method, tolerances), np.full((LANE_ROWS, g.lanes), IDLE)
        _integrate_runs(g, tables, w, method.gamma, lane_of, work, ends, queue, jumps)

    run_on_lanes(integrate, runs, g.lanes, workers, progress, deadline)
    return ends


def run_on_lanes(
    work: Callable[[Indices], None],
    runs: int,
    lanes: int,
    workers: int,
    progress: Callable[[int], None] | None,
    deadline: float,
) -> None:
    """Call ``work(queue)`` on `workers` threads until the queue of runs is empty.

    Progress is reported, the clock watched and an interrupt taken from this thread.
    """
    queue = np.array([0, runs, int(monotonic() >= deadline), 0], np.int64)
    workers = max(1, min(workers, -(-runs // lanes)))
    watched = progress is not None or deadline < math.inf
    if workers == 1 and not watched:
        work(queue)
        return
    reported = 0
    with ThreadPoolExecutor(workers) as pool:
        pending = {pool.submit(work, queue) for _ in range(workers)}
        try:
            while pending:
                done, pending = wait(pending, timeout=WATCH if watched else None)
                for future in done:
                    future.result()
                if progress is not None and queue[DONE] > reported:
                    progress(int(queue[DONE]) - reported)
                    reported = int(queue[DONE])
                if monotonic() >= deadline:
                    queue[HALT] = 1
        except BaseException:
            queue[HALT] = 1  # the threads end at their next step
            raise
