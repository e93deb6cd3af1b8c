"""Sensitivities on the rows of a group: one run in all lanes, a direction in each.

Directions come in blocks, one for each lane. Behind the n rows of states lie n rows for each block:
how the states move along its directions. A step takes them along with the states: with the same
factorisation, each stage of theirs is the derivative of the stage of the states, so that
sensitivities are those of the numerical solution itself and have its order; their errors count as
those of states do. For stage i, with W u_i = f(Y_i) + ..., that is
W U_i = J(Y_i) S_i + (df/dp) dp + J' u_i + ..., where J' is how J moves along the direction.

What the arguments g, tables and w hold: see `group`.
"""

from .cache import compiled
from .events import (
    ASSIGNMENT_COLUMNS,
    CASCADE_LIMIT,
    EARLY,
    EVENT_COLUMNS,
    EVENT_LIMIT,
    FIRST,
    LAST,
    NEAR,
    SCALE,
    TARGET,
    VALUE,
    choose,
    entry_of,
    execute,
    look,
    notice,
    queue_of,
)
from .lanes import call, call_along, fill
from .step_code import ACCEPT, ERROR, FACTOR
from .step_code import T as TIME


@compiled
def block_of(g, block):  # type: ignore[no-untyped-def]
    """Where a block keeps how constants, J and df/dt move."""
    return g.at_blocks + block * g.block_rows * g.lanes


@compiled
def parameters_along(g, block):  # type: ignore[no-untyped-def]
    """Where a block keeps how parameters move."""
    return g.at_along_p + block * g.parameters * g.lanes


@compiled
def states_along(g, block):  # type: ignore[no-untyped-def]
    """Where a block keeps how states move."""
    return g.at_y + (1 + block) * g.n * g.lanes


@compiled
def rates_along(g, w, time, y, s, block, u, out):  # type: ignore[no-untyped-def]
    """How rates at `y` move along a block's directions, and the motion of J times u, into `out`."""
    call_along(g.along_rates, w, time, y, g.at_q, s, block_of(g, block), u, out, g.at_scratch, 0)


@compiled
def bend(g, w):  # type: ignore[no-untyped-def]
    """How J and df/dt at (t, y) move along all directions."""
    lanes = g.lanes
    for block in range(g.blocks):
        held, s = block_of(g, block), states_along(g, block)
        out = held + g.along_constants * lanes
        call_along(
            *(g.along_bend, w, TIME * lanes, g.at_y, g.at_q, s, held, g.at_nothing, out),
            *(g.at_scratch, 0),
        )
        if g.timed != 0:
            size, come = g.n * lanes, out + g.bent * lanes
            to = g.at_by_time + (1 + block) * size
            for k in range(size):
                w[to + k] = w[come + k]


@compiled
def agree(g, w):  # type: ignore[no-untyped-def]
    """All lanes take the verdict on the step of the lane with the largest error."""
    lanes, largest, worst = g.lanes, w[ERROR * g.lanes], 0
    for lane in range(1, lanes):
        error = w[ERROR * lanes + lane]
        if largest == largest and not error <= largest:  # NaN is the largest
            largest, worst = error, lane
    for row in (ERROR, FACTOR, ACCEPT):
        fill(w, row * lanes, lanes, w[row * lanes + worst])


@compiled
def prepare_along(g, w):  # type: ignore[no-untyped-def]
    """How constants move, from how parameters do."""
    for block in range(g.blocks):
        call_along(
            *(g.along_prepare, w, g.at_nothing, g.at_nothing, g.at_p, g.at_nothing),
            *(parameters_along(g, block), g.at_nothing, block_of(g, block), g.at_scratch, 0),
        )


@compiled
def read_along(g, w, time, source, values, motions, k):  # type: ignore[no-untyped-def]
    """Outputs of the states at `source`, and how they move, in row k of two arrays.

    values : (times, outputs).  motions : (times, outputs, directions).  Both are flat.
    """
    lanes, outputs = g.lanes, g.along_outputs
    directions = lanes if g.blocks != 0 else 0
    fill(w, g.at_moment, lanes, time)
    for block in range(g.blocks if g.blocks != 0 else 1):
        s = source + (1 + block) * g.n * lanes if g.blocks != 0 else g.at_nothing
        dp = parameters_along(g, block) if g.blocks != 0 else g.at_nothing
        call_along(
            *(g.along_read, w, g.at_moment, source, g.at_p, s, dp, g.at_nothing),
            *(g.at_points, g.at_scratch, 0),
        )
        for r in range(outputs):
            come, output = g.at_points + r * lanes, k * outputs + r
            values[output] = w[come]
            come, to = come + outputs * lanes, (output * g.blocks + block) * lanes
            for lane in range(directions):
                motions[to + lane] = w[come + lane]


@compiled
def motions_of_events(g, w, shifted):  # type: ignore[no-untyped-def]
    """How the values that events need move, all blocks.

    shifted : whether time moves as the event does, or stands still.
    """
    lanes = g.lanes
    fill(w, g.at_moment, lanes, w[TIME * lanes])
    for block in range(g.blocks):
        dt = g.at_shift + block * lanes if shifted else g.at_nothing
        out = g.at_motions + block * g.event_rows * lanes
        call_along(
            *(g.along_happen, w, g.at_moment, g.at_y, g.at_p, states_along(g, block)),
            *(parameters_along(g, block), dt, out, g.at_scratch, 0),
        )


@compiled
def changed_row(g, tables, w):  # type: ignore[no-untyped-def]
    """Row of what has just changed: a watched relation, or -2 minus that of a switch's time; or -1.

    The values at the time of lane 0 are in column 0.
    """
    lanes, t = g.lanes, w[TIME * g.lanes]
    held = queue_of(g, 0) + 2 + g.event_count
    for k in range(g.switch_count):
        row = tables[g.switches + 2 * k + 1]
        if abs(w[g.at_values + row * lanes] - t) <= NEAR * abs(t):
            return -2 - row
    for r in range(g.relation_count):
        row = tables[g.relations + r]
        if w[g.at_values + row * lanes] != w[held + r]:
            return row
    return -1


@compiled
def find_shift(g, tables, w):  # type: ignore[no-untyped-def]
    """How the time of what happens now moves, all blocks; False where it stands still.

    Of a relation g(t, y, p) = 0 that is -(dg along the direction) / (dg/dt along the solution).
    """
    lanes, row = g.lanes, changed_row(g, tables, w)
    if row == -1 or g.blocks == 0:
        return False
    motions_of_events(g, w, False)
    speed = -1.0
    wanted = row if row >= 0 else -2 - row
    place = g.at_motions + wanted * lanes
    for block in range(g.blocks):
        for lane in range(lanes):
            from_ = place + block * g.event_rows * lanes + lane
            w[g.at_shift + block * lanes + lane] = w[from_]
    if row >= 0:
        fill(w, g.at_noted, lanes, 1.0)  # time moves by one
        call_along(
            *(g.along_happen, w, g.at_moment, g.at_y, g.at_p, g.at_before, g.at_nothing),
            *(g.at_noted, g.at_motions, g.at_scratch, 0),
        )
        speed = w[place]
    moves = False
    for k in range(g.blocks * lanes):
        w[g.at_shift + k] /= -speed
        moves = moves or w[g.at_shift + k] != 0.0
    return moves


@compiled
def move_along(g, w, slopes, sign):  # type: ignore[no-untyped-def]
    """Add what states move by while the time of an event does: sign slopes dt."""
    lanes = g.lanes
    for block in range(g.blocks):
        s, dt = states_along(g, block), g.at_shift + block * lanes
        for k in range(g.n):
            for lane in range(lanes):
                w[s + k * lanes + lane] += sign * w[slopes + k * lanes + lane] * w[dt + lane]


@compiled
def note(g, tables, w, event):  # type: ignore[no-untyped-def]
    """Keep how an event's values move at the moment of its trigger."""
    lanes = g.lanes
    table = g.event_table + event * EVENT_COLUMNS
    for a in range(tables[table + FIRST], tables[table + LAST]):
        row = tables[g.assignment_table + a * ASSIGNMENT_COLUMNS + VALUE]
        for block in range(g.blocks):
            come = g.at_motions + (block * g.event_rows + row) * lanes
            to = g.at_noted + (a * g.blocks + block) * lanes
            for lane in range(lanes):
                w[to + lane] = w[come + lane]


@compiled
def note_triggered(g, tables, w, shifted):  # type: ignore[no-untyped-def]
    """Keep how values move of events whose triggers become true now."""
    known = False
    for e in range(g.event_count):
        row = tables[g.event_table + e * EVENT_COLUMNS]
        if w[g.at_values + row * g.lanes] != 0.0 and w[queue_of(g, 0) + 2 + e] == 0.0:
            if not known:
                motions_of_events(g, w, shifted)
                known = True
            note(g, tables, w, e)


@compiled
def execute_along(g, tables, w, i):  # type: ignore[no-untyped-def]
    """Carry out pending execution i in all lanes, and along all directions."""
    lanes, entry = g.lanes, entry_of(g, 0, i)
    event = int(w[entry + 1])
    table = g.event_table + event * EVENT_COLUMNS
    first, last = tables[table + FIRST], tables[table + LAST]
    for a in range(first, last):  # how the values move is kept where they were noted
        row = g.assignment_table + a * ASSIGNMENT_COLUMNS
        value = w[entry + 2 + a - first]
        if tables[table + EARLY] == 0:
            value = w[g.at_values + tables[row + VALUE] * lanes]
        scale_row = tables[row + SCALE]
        for block in range(g.blocks):
            motions = g.at_motions + block * g.event_rows * lanes
            kept = g.at_noted + (a * g.blocks + block) * lanes
            for lane in range(lanes):
                motion = w[kept + lane]
                if tables[table + EARLY] == 0:
                    motion = w[motions + tables[row + VALUE] * lanes + lane]
                if scale_row >= 0:
                    motion *= w[g.at_values + scale_row * lanes]
                    motion += value * w[motions + scale_row * lanes + lane]
                w[kept + lane] = motion
    execute(g, tables, w, 0, i)
    for a in range(first, last):
        target = tables[g.assignment_table + a * ASSIGNMENT_COLUMNS + TARGET]
        for block in range(g.blocks):
            kept = g.at_noted + (a * g.blocks + block) * lanes
            to = states_along(g, block) + target * lanes
            if target >= g.n:
                to = parameters_along(g, block) + (target - g.n) * lanes
            for lane in range(lanes):
                w[to + lane] = w[kept + lane]


@compiled
def spread_run(g, w):  # type: ignore[no-untyped-def]
    """All lanes get the states and parameters of lane 0, and what follows from them."""
    lanes = g.lanes
    for row in range(g.at_y, g.at_y + g.n * lanes, lanes):
        fill(w, row, lanes, w[row])
    for lane in range(lanes):
        p = g.at_p + lane * g.parameters
        for k in range(g.parameters):
            w[p + k] = w[g.at_p + k]
        call(g.prepare, w, p, 0, 0, g.at_q + lane, g.at_scratch, 0)
    prepare_along(g, w)


@compiled
def happen_along(g, tables, w, started):  # type: ignore[no-untyped-def]
    """All that events and switches do at this time, to states and directions. Returns a Status.

    At an event whose time moves by dt, the directions after it are those of what it assigns, seen
    at the moved time, less what the solution after it would have moved since (Rozenwasser & Yusupov
    2000, Sensitivity of Automatic Control Systems, chapter 3). `started` : whether rates before are
    at `at_before`; at the start of a run they are not, and time stands still.
    """
    if g.event_count + g.relation_count + g.switch_count == 0:
        return 0
    look(g, w, 0)
    shifted = started and find_shift(g, tables, w)
    if shifted:
        move_along(g, w, g.at_before, 1.0)
    going = True
    for _ in range(CASCADE_LIMIT):
        look(g, w, 0)
        note_triggered(g, tables, w, shifted)
        if not notice(g, tables, w, 0):
            return EVENT_LIMIT
        i = choose(g, tables, w, 0)
        if i < 0:
            going = False
            break
        motions_of_events(g, w, shifted)
        execute_along(g, tables, w, i)
        spread_run(g, w)
    if going:
        return EVENT_LIMIT
    if shifted:
        call(g.rates, w, TIME * g.lanes, g.at_y, g.at_q, g.at_rates, g.at_scratch, 0)
        move_along(g, w, g.at_rates, -1.0)
    return 0
