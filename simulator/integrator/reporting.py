"""Outputs of runs at requested times, read off the dense output of their steps.

A lane's needed states are recorded time by time; when as many times are recorded as a row has
numbers, the outputs are computed for all of them at once, times in the place of runs. What the
arguments g, tables and w hold: see `group`; `lane_of` holds a row for each of the names below.
"""

from .cache import compiled, inlined
from .lanes import call
from .step_code import ACCEPT, SAMPLE, STOP, T_NEW, H
from .step_code import T as TIME

# Rows of `lane_of`: the run in a lane or IDLE; its row in the result; how many times are recorded,
# and of these not yet written; the next scheduled change; whether the step is still to be chosen,
# may be cut once, and holds a time to record.
RUN, ROW, REPORTED, PENDING, CHANGE, FRESH, UNCUT, DUE = range(8)
IDLE = -1


@inlined
def write_pending(g, w, lane_of, lane, out):  # type: ignore[no-untyped-def]
    """Compute the outputs at a lane's recorded times and write them to the result.

    out : values (outputs x runs x times,) in one row, and how many runs and times there are.
    """
    count, lanes = lane_of[PENDING, lane], g.lanes
    if count == 0:
        return
    values, runs, size = out
    times = g.at_buffer + lane * (1 + g.needed_count) * lanes
    source = times + lanes
    if g.outputs != 0:
        p = g.at_p + lane * g.parameters
        call(g.outputs, w, times, source, p, g.at_points, g.at_scratch, 0)
        source = g.at_points
    place = lane_of[ROW, lane] * size + lane_of[REPORTED, lane] - count
    for _ in range(g.reported):
        for j in range(count):
            values[place + j] = w[source + j]
        place += runs * size
        source += lanes
    lane_of[PENDING, lane] = 0


@inlined
def record(g, tables, w, lane_of, lane, time, source, out):  # type: ignore[no-untyped-def]
    """Record a time and the lane's needed states then, from the rows of all states at `source`."""
    lanes = g.lanes
    place = g.at_buffer + lane * (1 + g.needed_count) * lanes + lane_of[PENDING, lane]
    w[place] = time
    for r in range(g.needed_count):
        place += lanes
        w[place] = w[source + tables[g.needed + r] * lanes + lane]
    lane_of[PENDING, lane] += 1
    lane_of[REPORTED, lane] += 1
    if lane_of[PENDING, lane] == lanes:
        write_pending(g, w, lane_of, lane, out)


@compiled
def record_now(g, tables, w, lane_of, lane, times, out):  # type: ignore[no-untyped-def]
    """Record the requested times up to the lane's own."""
    t = w[TIME * g.lanes + lane]
    while lane_of[REPORTED, lane] < times.size and times[lane_of[REPORTED, lane]] <= t:
        record(g, tables, w, lane_of, lane, times[lane_of[REPORTED, lane]], g.at_y, out)


@inlined
def record_steps(g, tables, w, lane_of, times, out):  # type: ignore[no-untyped-def]
    """Record the requested times within the accepted steps of all lanes.

    Those at the end of a step are left out where something happens there. Each round takes the next
    time of every lane; `rates`, which no step needs any more, holds the states then.
    """
    lanes = g.lanes
    while True:
        due = 0
        for lane in range(lanes):
            w[SAMPLE * lanes + lane], lane_of[DUE, lane] = 0.0, 0
            if w[ACCEPT * lanes + lane] == 0.0 and lane_of[REPORTED, lane] < times.size:
                time = times[lane_of[REPORTED, lane]]
                if time <= w[T_NEW * lanes + lane] and time < w[STOP * lanes + lane]:
                    since = time - w[TIME * lanes + lane]
                    w[SAMPLE * lanes + lane] = since / w[H * lanes + lane]
                    lane_of[DUE, lane], due = 1, due + 1
        if due == 0:
            return
        call(g.sample, w, g.at_y, g.at_y_new, g.at_dense, g.at_rates, 0, g.n)
        for lane in range(lanes):
            if lane_of[DUE, lane] == 1:
                time = times[lane_of[REPORTED, lane]]
                record(g, tables, w, lane_of, lane, time, g.at_rates, out)
