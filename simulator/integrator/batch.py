"""Many runs of one system: lanes filled from a queue, groups of lanes over threads.

Each run is computed as if it were alone. A lane that has finished its run takes the next from the
queue while the others go on. What the arguments g, tables and w of compiled functions hold: see
`group`.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from time import monotonic

import numpy as np

from .accepted import accept
from .algebraic import make_consistent
from .cache import compiled, entry_point
from .choice import is_limited, is_mild
from .events import (
    at_once,
    begin_events,
    happen,
    next_execution,
    next_switch,
)
from .explicit import attempt_explicit, begin_pieces
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
    STIFF_STEPS,
    UNCUT,
    record_now,
    write_nothing,
    write_pending,
)
from .rosenbrock import attempt, culprit, first_step, linearise, put_run, rates_finite
from .status import Status
from .step_code import (
    ACCEPT,
    BEFORE,
    ERROR,
    FACTOR,
    LIVE,
    STOP,
    H,
    Method,
    compile_method,
)
from .step_code import T as TIME
from .system import Array, Indices, System, Tolerances
from .tableau import Tableau, rodas5p, tsit5
from .work import Changes, Ends, Work, no_ends

TURNS = (rodas5p(), tsit5(), rodas5p())  # methods among which a run's own steps choose
WATCH = 0.05  # seconds between two looks at the clock and the progress
FAILED_SHRINK = 0.25  # after a step that gave no usable number

# Compiled code knows plain integers.
SUCCESS = int(Status.SUCCESS)
STEP_LIMIT = int(Status.STEP_LIMIT)
STEP_TOO_SMALL = int(Status.STEP_TOO_SMALL)
NOT_FINITE = int(Status.NOT_FINITE)
SINGULAR_MATRIX = int(Status.SINGULAR_MATRIX)
TIME_LIMIT = int(Status.TIME_LIMIT)
LEFT = -1  # to another method

NEXT, LAST, HALT, DONE = range(4)  # in the queue: next run, how many, stop flag, how many are done


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
    w[H * g.lanes + lane] = 0.0
    return status


@compiled
def end_run(g, w, lane_of, lane, work, ends, status, queue):  # type: ignore[no-untyped-def]
    """Write what is recorded, and how the run ended, or where another method is to go on."""
    write_pending(g, w, lane_of, lane, work.out)
    run = lane_of[RUN, lane]
    ends.status[run] = status
    ends.time[run] = w[TIME * g.lanes + lane]
    if status == LEFT:
        for k in range(g.n):
            work.states[run, k] = w[g.at_y + k * g.lanes + lane]
        work.step[run] = w[H * g.lanes + lane]
        work.recorded[run] = lane_of[REPORTED, lane]
    else:
        write_nothing(g, lane_of, lane, work.out)
        if status != SUCCESS and ends.accepted[run] + ends.rejected[run] > 0:
            ends.state[run] = culprit(g, w, lane, status == NOT_FINITE)
        take_next(queue, DONE)
    lane_of[RUN, lane] = IDLE
    w[LIVE * g.lanes + lane] = 0.0


@compiled
def next_run(g, tables, w, lane_of, lane, work, ends, queue, jumps):  # type: ignore[no-untyped-def]
    """Put the next run that has anything to integrate into a lane; False when none is left."""
    while True:
        place = take_next(queue, NEXT)
        if place >= queue[LAST]:
            return False
        run = work.order[place]
        lane_of[RUN, lane] = run
        lane_of[ROW, lane] = work.rows[run]
        lane_of[REPORTED, lane] = work.recorded[run]
        lane_of[PENDING, lane] = lane_of[STIFF_STEPS, lane] = 0
        lane_of[CHANGE, lane] = work.changes.start[run]
        put_run(g, w, lane, work.states[run], work.parameters[run])
        w[TIME * g.lanes + lane] = ends.time[run]
        if jumps is not None:
            begin_events(g, tables, w, lane)
        status = start_piece(g, tables, w, lane_of, lane, work, jumps)
        if status == SUCCESS and lane_of[REPORTED, lane] < work.times.size:
            w[H * g.lanes + lane] = work.step[run]
            return True
        end_run(g, w, lane_of, lane, work, ends, status, queue)


@compiled
def failed_attempt(g, tables, w, lane_of, lane, last):  # type: ignore[no-untyped-def]
    """Choose a shorter step after an attempt that failed; SUCCESS, or why there is none."""
    t, h = w[TIME * g.lanes + lane], w[H * g.lanes + lane]
    why = STEP_TOO_SMALL
    if np.isfinite(w[ERROR * g.lanes + lane]):
        h *= min(1.0, w[FACTOR * g.lanes + lane])
    else:
        if g.explicit != 0:
            linearise(g, tables, w)
        if not rates_finite(g, w, lane):
            return NOT_FINITE
        pivoted = g.explicit == 0 and w[g.at_lu + g.lu_entries * g.lanes + lane] == np.inf
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


@entry_point
def _integrate_runs(g, tables, w, lane_of, work, ends, queue, jumps, explicit):  # type: ignore[no-untyped-def]
    last, live = work.times[work.times.size - 1], 0
    for lane in range(g.lanes):
        live += next_run(g, tables, w, lane_of, lane, work, ends, queue, jumps)
    while live > 0:
        if explicit is not None:
            begin_pieces(g, tables, w, lane_of)
        else:
            linearise(g, tables, w)
        for lane in range(g.lanes):
            if lane_of[FRESH, lane] == 1:
                lane_of[FRESH, lane] = 0
                if w[H * g.lanes + lane] == 0.0:
                    w[H * g.lanes + lane] = first_step(g, tables, w, lane)
        dense = False
        if explicit is not None:
            attempt_explicit(g, tables, w)
        else:
            dense = attempt(g, tables, w, 1)
        accept(g, tables, w, lane_of, ends, work.times, work.out, jumps, explicit, dense)
        for lane in range(g.lanes):
            run = lane_of[RUN, lane]
            if run == IDLE:
                continue
            status, going = SUCCESS, lane_of[REPORTED, lane] < work.times.size
            if w[ACCEPT * g.lanes + lane] != 0.0:
                ends.rejected[run] += 1
                status = failed_attempt(g, tables, w, lane_of, lane, last)
            elif going and w[TIME * g.lanes + lane] >= w[STOP * g.lanes + lane]:
                status = start_piece(g, tables, w, lane_of, lane, work, jumps)
                going = lane_of[REPORTED, lane] < work.times.size
            elif (
                going
                and w[FACTOR * g.lanes + lane] < 1.0
                and too_small(w[H * g.lanes + lane], w[TIME * g.lanes + lane])
            ):
                status = STEP_TOO_SMALL
            failed = status != SUCCESS
            if going and not failed:
                if ends.accepted[run] + ends.rejected[run] >= g.max_steps:
                    status = STEP_LIMIT
                elif queue[HALT] != 0:
                    status = TIME_LIMIT
            leave = going and work.leave != 0 and lane_of[FRESH, lane] == 0
            if leave and explicit is None:
                leave = status == SUCCESS and is_mild(g, tables, w, lane, ends.accepted[run])
            elif leave:
                leave = failed or (status == SUCCESS and is_limited(g, w, lane_of, lane))
            if leave:
                status = LEFT
            if status != SUCCESS or not going:
                end_run(g, w, lane_of, lane, work, ends, status, queue)
                live -= not next_run(g, tables, w, lane_of, lane, work, ends, queue, jumps)


def integrate_batch(
    system: System,
    tableau: Tableau | None,
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
    tableau
        The method. None chooses for each run, see `choice`; where there are events or algebraic
        states, it is Rodas5P.
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
    # Code for events and algebraic states, and that of explicit steps, is compiled where it is
    # needed only: numba leaves out what follows `is not None` where None is passed.
    jumps = 1 if system.relations.size + system.events.size + system.algebraic.size else None
    free = tableau is None and jumps is None
    if free:
        states = states.copy()  # becomes what runs are left at
    ends, order = no_ends(runs), np.arange(runs)
    begins = np.zeros(runs), np.zeros(runs, np.int64)
    flat = (out.reshape(-1), out.shape[1], times.size)
    turns = TURNS if free else (tableau or TURNS[0],)
    for turn, each in enumerate(turns, start=1):
        method, leave = compile_method(each, system.lanes, system.timed), turn < len(turns)
        work = Work(states, parameters, order, *begins, times, changes, flat, rows, leave)
        integrate = _on_group(system, method, tolerances, work, ends, jumps)
        run_on_lanes(integrate, order.size, system.lanes, workers, progress, deadline)
        order = np.flatnonzero(ends.status == LEFT)
        if order.size == 0:
            break
    return ends


def _on_group(
    system: System,
    method: Method,
    tolerances: Tolerances,
    work: Work,
    ends: Ends,
    jumps: int | None,
) -> Callable[[Indices], None]:
    """What a thread does: integrate runs from a queue on a group of lanes of its own."""
    g, tables = describe(system, method, tolerances)
    explicit = 1 if method.gamma == 0.0 else None

    def integrate(queue: Indices) -> None:
        w, lane_of = idle_group(g, system, method, tolerances), np.full((LANE_ROWS, g.lanes), IDLE)
        _integrate_runs(g, tables, w, lane_of, work, ends, queue, jumps, explicit)

    return integrate


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
