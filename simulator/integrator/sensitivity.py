"""Runs with forward sensitivities: each alone on a group, its directions in the lanes.

The states of all lanes are the same to the last bit, so that a decision about lane 0 is one about
the run. See `tangents` for how directions are taken along.
"""

import math
from typing import NamedTuple

import numpy as np

from .batch import HALT, LAST, NEXT, SUCCESS, failed_attempt, run_on_lanes, too_small
from .cache import compiled, entry_point
from .events import EVENT_COLUMNS, INITIAL, at_once, begin_events, cut_at_change, move_to, next_switch, queue_of
from .group import describe, idle_group
from .lanes import call, take_next
from .reporting import LANE_ROWS, RUN, UNCUT
from .rosenbrock import attempt, culprit, first_step, linearise, put_run
from .status import Status
from .step_code import ACCEPT, BEFORE, FRACTION, PER_H, STOP, T_NEW, H, Method, compile_method
from .step_code import T as TIME
from .system import Along, Array, Indices, System, Tolerances
from .tableau import Tableau
from .tangents import (
    happen_along,
    parameters_along,
    prepare_along,
    read_along,
    states_along,
)
from .work import Ends, no_ends

STEP_LIMIT = int(Status.STEP_LIMIT)
STEP_TOO_SMALL = int(Status.STEP_TOO_SMALL)
NOT_FINITE = int(Status.NOT_FINITE)
TIME_LIMIT = int(Status.TIME_LIMIT)


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
    outputs, outputs_along : (times, outputs), (times, outputs, width), which are written.
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


def first_triggers(system: System, runs: int) -> Array:
    """Triggers (runs, events) as the model says they were before its begin."""
    initial = system.events.reshape(-1, EVENT_COLUMNS)[:, INITIAL]
    return np.tile(initial.astype(np.float64), (runs, 1))


def width_of(directions: int, lanes: int) -> int:
    """Directions that are computed where so many are needed: whole blocks."""
    return -(-directions // lanes) * lanes


@compiled
def put_directed(g, tables, w, work, run, jumps):  # type: ignore[no-untyped-def]
    """Put a run and its directions into the lanes."""
    lanes = g.lanes
    for lane in range(lanes):
        put_run(g, w, lane, work.states[run], work.parameters[run])
        w[TIME * lanes + lane] = work.begin[run]
    for block in range(g.blocks):
        for k in range(g.n):
            place = states_along(g, block) + k * lanes
            for lane in range(lanes):
                w[place + lane] = work.states_along[run, k, block * lanes + lane]
        for k in range(g.parameters):
            place = parameters_along(g, block) + k * lanes
            for lane in range(lanes):
                w[place + lane] = work.parameters_along[run, k, block * lanes + lane]
    prepare_along(g, w)
    if jumps is not None:
        begin_events(g, tables, w, 0)
        for e in range(g.event_count):
            w[queue_of(g, 0) + 2 + e] = work.triggers[run, e]


@compiled
def take_directed(g, w, work, run, jumps):  # type: ignore[no-untyped-def]
    """Give back where a run has got to."""
    lanes = g.lanes
    if jumps is not None:
        for e in range(g.event_count):
            work.triggers[run, e] = w[queue_of(g, 0) + 2 + e]
    for k in range(g.n):
        work.states[run, k] = w[g.at_y + k * lanes]
    for k in range(g.parameters):
        work.parameters[run, k] = w[g.at_p + k]
    for block in range(g.blocks):
        for k in range(g.n):
            place = states_along(g, block) + k * lanes
            for lane in range(lanes):
                work.states_along[run, k, block * lanes + lane] = w[place + lane]
        for k in range(g.parameters):
            place = parameters_along(g, block) + k * lanes
            for lane in range(lanes):
                work.parameters_along[run, k, block * lanes + lane] = w[place + lane]


@compiled
def begin_piece(g, tables, w, work, run, reported, started, jumps):  # type: ignore[no-untyped-def]
    """All that happens at a run's time, before a smooth piece. Returns a Status, and `reported`."""
    lanes, stop, status = g.lanes, work.until[run], SUCCESS
    if jumps is not None:
        for _ in range(1 + g.switch_count):
            status = happen_along(g, tables, w, started)
            switch = next_switch(g, tables, w, 0) if g.switch_count != 0 else np.inf
            if status != SUCCESS or not at_once(w[TIME * lanes], switch):
                stop = min(stop, switch)
                break
            for lane in range(lanes):
                w[TIME * lanes + lane] = switch
    t = w[TIME * lanes]
    stop = max(stop, np.nextafter(t, np.inf))
    for lane in range(lanes):
        w[STOP * lanes + lane], w[BEFORE * lanes + lane] = stop, np.nextafter(stop, -np.inf)
        w[H * lanes + lane] = 0.0
    k, last = reported, work.first[run + 1]
    while status == SUCCESS and k < last and work.times[k] <= t:
        read_along(g, w, work.times[k], g.at_y, work.outputs, work.outputs_along, k)
        k += 1
    return status, k


@compiled
def record(g, w, work, run, reported):  # type: ignore[no-untyped-def]
    """Outputs at the requested times within the step, but for its end if something happens there."""
    lanes, k, last = g.lanes, reported, work.first[run + 1]
    t, per_h, end, stop = w[TIME * lanes], w[PER_H * lanes], w[T_NEW * lanes], w[STOP * lanes]
    while k < last and work.times[k] <= end and work.times[k] < stop:
        for lane in range(lanes):
            w[FRACTION * lanes + lane] = (work.times[k] - t) * per_h
        call(g.inside, w, g.at_y, g.at_y_new, g.at_dense, g.at_argument, 0, g.rows)
        read_along(g, w, work.times[k], g.at_argument, work.outputs, work.outputs_along, k)
        k += 1
    return k


@compiled
def cut_along(g, tables, w):  # type: ignore[no-untyped-def]
    """End the step where something watched changes. Returns the fraction that is left, or 1."""
    lanes, end = g.lanes, w[T_NEW * g.lanes]
    cut = cut_at_change(g, tables, w, 0, end)
    if cut > end:
        return 1.0
    for lane in range(lanes):
        w[STOP * lanes + lane] = w[T_NEW * lanes + lane] = cut
    return (cut - w[TIME * lanes]) / w[H * lanes]


@compiled
def rates_before(g, w, fraction):  # type: ignore[no-untyped-def]
    """The rates as they are just before the end of the step, where something will happen.

    The state there is that of the last number before its time, so that relations still hold.
    """
    lanes = g.lanes
    earlier = np.nextafter(w[T_NEW * lanes], -np.inf)
    for lane in range(lanes):
        w[g.at_moment + lane] = earlier
    source = g.at_y_new
    if fraction < 1.0:
        for lane in range(lanes):
            w[FRACTION * lanes + lane] = (earlier - w[TIME * lanes]) / w[H * lanes]
        call(g.inside, w, g.at_y, g.at_y_new, g.at_dense, g.at_argument, 0, g.rows)
        source = g.at_argument
    call(g.rates, w, g.at_moment, source, g.at_q, g.at_before, g.at_scratch, 0)


@compiled
def take_step(g, tables, w, work, run, reported, jumps, dense):  # type: ignore[no-untyped-def]
    """Take a step that is accurate enough. Returns how many of all times are reported then."""
    lanes, last = g.lanes, work.first[run + 1]
    wanted = reported < last and work.times[reported] <= w[T_NEW * lanes]
    if wanted or jumps is not None:
        if not dense:
            call(g.dense, w, g.at_y, g.at_u, g.at_y, g.at_dense, 0, g.rows)
        fraction = cut_along(g, tables, w) if jumps is not None else 1.0
        reported = record(g, w, work, run, reported)
        if jumps is not None:
            if w[T_NEW * lanes] >= w[STOP * lanes]:
                rates_before(g, w, fraction)
            if fraction < 1.0:
                for lane in range(lanes):
                    move_to(g, w, lane, fraction)
    call(g.take, w, g.at_y, g.at_u, g.at_u, g.at_y_new, 0, g.rows)
    call(g.advance, w, 0, 0, 0, 0, 0, 0)
    return reported


@compiled
def integrate_directed(g, tables, w, lane_of, work, run, ends, queue, jumps):  # type: ignore[no-untyped-def]
    """Integrate one run. Returns its Status, and the first of its times that is not reported."""
    lanes, last = g.lanes, work.first[run + 1]
    until = work.until[run]
    put_directed(g, tables, w, work, run, jumps)
    status, reported = begin_piece(g, tables, w, work, run, work.first[run], False, jumps)
    lane_of[UNCUT, 0] = fresh = 1
    end = min(until, work.times[last - 1]) if last > work.first[run] else until
    while status == SUCCESS and (reported < last or w[TIME * lanes] < until < np.inf):
        linearise(g, tables, w)
        if fresh == 1:
            fresh = 0
            h = first_step(g, tables, w, 0)
            for lane in range(lanes):
                w[H * lanes + lane] = h
        dense = attempt(g, tables, w)
        if w[ACCEPT * lanes] != 0.0:
            ends.rejected[run] += 1
            status = failed_attempt(g, tables, w, lane_of, 0, end)
            for lane in range(1, lanes):
                w[H * lanes + lane] = w[H * lanes]
        else:
            ends.accepted[run] += 1
            reported = take_step(g, tables, w, work, run, reported, jumps, dense)
            if w[TIME * lanes] >= w[STOP * lanes]:
                if w[TIME * lanes] < until:
                    status, reported = begin_piece(g, tables, w, work, run, reported, True, jumps)
                lane_of[UNCUT, 0] = fresh = 1
            elif too_small(w[H * lanes], w[TIME * lanes]):
                status = STEP_TOO_SMALL
        if status == SUCCESS and ends.accepted[run] + ends.rejected[run] >= g.max_steps:
            status = STEP_LIMIT
        elif status == SUCCESS and queue[HALT] != 0:
            status = TIME_LIMIT
    return status, reported


@entry_point
def _integrate_along(g, tables, w, lane_of, work, ends, queue, jumps):  # type: ignore[no-untyped-def]
    while True:
        run = take_next(queue, NEXT)
        if run >= queue[LAST]:
            return
        lane_of[RUN, 0] = run
        status, reported = integrate_directed(g, tables, w, lane_of, work, run, ends, queue, jumps)
        ends.status[run], ends.time[run] = status, w[TIME * g.lanes]
        if status == SUCCESS:
            take_directed(g, w, work, run, jumps)
        else:
            ends.state[run] = culprit(g, w, 0, status == NOT_FINITE)
            for k in range(reported, work.first[run + 1]):
                for r in range(work.outputs.shape[1]):
                    work.outputs[k, r] = np.nan
                    for d in range(work.outputs_along.shape[2]):
                        work.outputs_along[k, r, d] = np.nan


class Prepared(NamedTuple):
    """What `integrate_along` works with: made once for many calls.

    record, tables : see `group.describe`.  jumps : 1 where anything may happen in a run, else None.
    width : directions.
    """

    system: System
    method: Method
    tolerances: Tolerances
    record: np.record
    tables: Indices
    jumps: int | None
    width: int


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
    return Prepared(system, method, tolerances, *described, jumps, width)


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
    system, method, tolerances, record, tables, jumps, _ = prepared
    runs, ends = len(work.states), no_ends(len(work.states))

    def integrate(queue: Indices) -> None:
        w = idle_group(record, system, method, tolerances)
        lane_of = np.zeros((LANE_ROWS, system.lanes), np.int64)
        _integrate_along(record, tables, w, lane_of, work, ends, queue, jumps)

    run_on_lanes(integrate, runs, 1, workers, None, deadline)
    return ends
