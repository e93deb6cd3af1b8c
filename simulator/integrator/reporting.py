"""Outputs of runs at requested times, read off the dense output of their steps.

A lane's needed states are recorded time by time; when as many times are recorded as a row has
numbers, the outputs are computed for all of them at once, times in the place of runs. What the
arguments g, tables and w hold: see `group`; `lane_of` holds a row for each of the names below.
"""

from .cache import compiled
from .lanes import call
from .step_code import STOP
from .step_code import T as TIME

# Rows of `lane_of`: the run in a lane or IDLE; its row in the result; how many times are recorded,
# and of these not yet written; the next scheduled change; whether the step is still to be chosen, and
# may be cut once.
RUN, ROW, REPORTED, PENDING, CHANGE, FRESH, UNCUT = range(7)
IDLE = -1


@compiled
def write_pending(g, w, lane_of, lane, out):  # type: ignore[no-untyped-def]
    """Compute the outputs at a lane's recorded times and write them to the result."""
    count = lane_of[PENDING, lane]
    if count == 0:
        return
    times = g.at_buffer + lane * (1 + g.needed_count) * g.lanes
    source = times + g.lanes
    if g.outputs != 0:
        p = g.at_p + lane * g.parameters
        call(g.outputs, w, times, source, p, g.at_points, g.at_scratch, 0)
        source = g.at_points
    row, first = lane_of[ROW, lane], lane_of[REPORTED, lane] - count
    for k in range(g.reported):
        for j in range(count):
            out[k, row, first + j] = w[source + k * g.lanes + j]
    lane_of[PENDING, lane] = 0


@compiled
def record(g, tables, w, lane_of, lane, time, h, out):  # type: ignore[no-untyped-def]
    """Record a lane's needed states at a time within the step of length h; h = 0: as they are."""
    lanes, column = g.lanes, lane_of[PENDING, lane]
    times = g.at_buffer + lane * (1 + g.needed_count) * lanes
    w[times + column] = time
    s = (time - w[TIME * lanes + lane]) / h if h > 0.0 else 0.0
    block = g.n * lanes
    for r in range(g.needed_count):
        row = tables[g.needed + r] * lanes + lane
        value = w[g.at_y + row]
        if h > 0.0:
            dense = g.at_dense + row
            bend = w[dense] + s * (w[dense + block] + s * w[dense + 2 * block])
            value = (1.0 - s) * value + s * (w[g.at_y_new + row] + (1.0 - s) * bend)
        w[times + (1 + r) * lanes + column] = value
    lane_of[PENDING, lane] += 1
    lane_of[REPORTED, lane] += 1
    if lane_of[PENDING, lane] == lanes:
        write_pending(g, w, lane_of, lane, out)


@compiled
def record_step(g, tables, w, lane_of, lane, times, h, t_new, out):  # type: ignore[no-untyped-def]
    """Record the requested times within a step; those at its end only if nothing changes there."""
    stop = w[STOP * g.lanes + lane]
    while lane_of[REPORTED, lane] < times.size:
        time = times[lane_of[REPORTED, lane]]
        if time > t_new or time >= stop:
            break
        record(g, tables, w, lane_of, lane, time, h, out)


@compiled
def record_now(g, tables, w, lane_of, lane, times, out):  # type: ignore[no-untyped-def]
    """Record the requested times up to the lane's own."""
    t = w[TIME * g.lanes + lane]
    while lane_of[REPORTED, lane] < times.size and times[lane_of[REPORTED, lane]] <= t:
        record(g, tables, w, lane_of, lane, times[lane_of[REPORTED, lane]], 0.0, out)
