"""Outputs of runs at requested times, read off the dense output of their steps.

A lane's needed states are recorded in a buffer, as many times of a step at once as a row has
numbers: times take the place of runs. When the buffer is full, the outputs are computed for all of
its times at once. What the arguments g, tables and w hold: see `group`; `lane_of` holds a row for
each of the names below.
"""

import numpy as np

from .cache import compiled
from .lanes import call
from .step_code import ACCEPT, PER_H, STOP, T_NEW
from .step_code import T as TIME

# Rows of `lane_of`: the run in a lane or IDLE; its row in the result; how many times are recorded,
# and of these not yet written; the next scheduled change; whether the step is still to be chosen,
# and may be cut once; how many more explicit steps of late were stiff than not.
RUN, ROW, REPORTED, PENDING, CHANGE, FRESH, UNCUT, STIFF_STEPS, LANE_ROWS = range(9)
IDLE = -1

WRITTEN = -1.0
"""In place of the fraction of a step: the time of this number is recorded already."""


@compiled
def buffer_of(g, lane):  # type: ignore[no-untyped-def]
    """Where a lane keeps times, fractions of a step and needed states that are to be written."""
    return g.at_buffer + lane * (2 + g.needed_count) * g.lanes


@compiled
def write_pending(g, w, lane_of, lane, out):  # type: ignore[no-untyped-def]
    """Compute the outputs at a lane's recorded times and write them to the result.

    out : values (outputs x runs x times,) in one row, and how many runs and times there are.
    """
    count, lanes = lane_of[PENDING, lane], g.lanes
    if count == 0:
        return
    values, runs, size = out
    times = buffer_of(g, lane)
    source = times + 2 * lanes
    if g.outputs != 0:
        p = g.at_p + lane * g.parameters
        call(g.outputs, w, times, source, p, g.at_points, g.at_scratch, 0)
        source = g.at_points
    # Unsigned places: numba need not ask whether they count from the end.
    first = lane_of[ROW, lane] * size + lane_of[REPORTED, lane] - count
    for r in range(g.reported):
        to, come = np.uint64(first + r * runs * size), np.uint64(source + r * lanes)
        for j in range(np.uint64(count)):
            values[to + j] = w[come + j]
    lane_of[PENDING, lane] = 0


@compiled
def write_nothing(g, lane_of, lane, out):  # type: ignore[no-untyped-def]
    """Put NaN at the times that a lane's run does not reach."""
    values, runs, size = out
    for r in range(g.reported):
        first = (r * runs + lane_of[ROW, lane]) * size
        values[first + lane_of[REPORTED, lane] : first + size] = np.nan


@compiled
def record_now(g, tables, w, lane_of, lane, times, out):  # type: ignore[no-untyped-def]
    """Record the requested times up to the lane's own."""
    t, lanes, buffer = w[TIME * g.lanes + lane], g.lanes, buffer_of(g, lane)
    while lane_of[REPORTED, lane] < times.size and times[lane_of[REPORTED, lane]] <= t:
        place = buffer + lane_of[PENDING, lane]
        w[place], w[place + lanes] = times[lane_of[REPORTED, lane]], WRITTEN
        for r in range(g.needed_count):
            w[place + (2 + r) * lanes] = w[g.at_y + tables[g.needed + r] * lanes + lane]
        lane_of[PENDING, lane] += 1
        lane_of[REPORTED, lane] += 1
        if lane_of[PENDING, lane] == lanes:
            write_pending(g, w, lane_of, lane, out)


@compiled
def record_steps(g, w, lane_of, times, out):  # type: ignore[no-untyped-def]
    """Record the requested times within the accepted steps of all lanes.

    Those at the end of a step are left out where something happens there.
    """
    lanes = g.lanes
    for lane in range(lanes):
        if w[ACCEPT * lanes + lane] != 0.0:
            continue
        t, per_h = w[TIME * lanes + lane], w[PER_H * lanes + lane]
        end, stop = w[T_NEW * lanes + lane], w[STOP * lanes + lane]
        k, buffer = lane_of[REPORTED, lane], buffer_of(g, lane)
        while k < times.size and times[k] <= end and times[k] < stop:
            first = pending = lane_of[PENDING, lane]
            while pending < lanes and k < times.size and times[k] <= end and times[k] < stop:
                w[buffer + pending] = times[k]
                w[buffer + lanes + pending] = (times[k] - t) * per_h
                k, pending = k + 1, pending + 1
            y, new, dense = g.at_y + lane, g.at_y_new + lane, g.at_dense + lane
            call(g.sample, w, y, new, dense, buffer + lanes, g.at_needed, g.needed_count)
            w[buffer + lanes + first : buffer + lanes + pending] = WRITTEN
            lane_of[PENDING, lane], lane_of[REPORTED, lane] = pending, k
            if pending == lanes:
                write_pending(g, w, lane_of, lane, out)
