"""Events: what happens to a run when a condition becomes true (SBML Level 3 Version 2, 4.11).

Steps end where a relation (x > y) in a trigger or in a rate changes at a time that is known in
advance. Other relations in triggers, and relations and steps (floor) of time in rates, are watched:
they are looked at along the dense output of every accepted step, at as many times at once as a row
has numbers; the first that changes is narrowed down to the resolution of time, and the step is cut
there. So a trigger that is true for a moment only is not missed as long as one of its relations
stays changed, and no step runs across a switch in time.
What the arguments g, tables and w hold: see `group`.

A lane keeps, from the place `queue_of` on: how many executions are pending, how many random numbers
were used, for each event whether its trigger was true, for each relation whether it held, and for
each pending execution its time, its event, and the values to assign.
"""

import numpy as np

from .cache import compiled
from .lanes import call
from .status import Status
from .step_code import H
from .step_code import T as TIME

# Columns of the table of events (rows of `event_values`; -1: none) and of that of assignments.
TRIGGER, DELAY, PRIORITY, PERSISTENT, INITIAL, EARLY, FIRST, LAST, EVENT_COLUMNS = range(9)
TARGET, VALUE, SCALE, ASSIGNMENT_COLUMNS = range(4)

PENDING_LIMIT = 256  # executions that may wait in a run
CASCADE_LIMIT = 10_000  # executions at one time: more is taken for an endless loop
NEAR = 1e-13
"""Relative distance of two times of which the later one is not worth a step: far above the
resolution of time, and far below any step that errors would ask for."""

NOTHING = 1e-280
"""A distance in time that is none."""

EVENT_LIMIT = int(Status.EVENT_LIMIT)


def queue_size(events: int, relations: int, assignments: int) -> int:
    """Numbers that a lane keeps."""
    return 2 + events + relations + PENDING_LIMIT * (2 + assignments) if events else 2 + relations


@compiled
def queue_of(g, lane):  # type: ignore[no-untyped-def]
    """Where a lane keeps its events."""
    return g.at_queue + lane * g.queue_size


@compiled
def entry_of(g, lane, i):  # type: ignore[no-untyped-def]
    """Where a lane keeps pending execution i."""
    held = queue_of(g, lane) + 2 + g.event_count + g.relation_count
    return held + i * (2 + g.assignment_count)


@compiled
def look(g, w, lane):  # type: ignore[no-untyped-def]
    """Values of triggers, delays, priorities and assignments of a lane as it is, in column 0."""
    w[g.at_moment] = w[TIME * g.lanes + lane]
    for k in range(g.n):
        w[g.at_moment + (1 + k) * g.lanes] = w[g.at_y + k * g.lanes + lane]
    evaluate_watched(g, w, lane)


@compiled
def evaluate_watched(g, w, lane):  # type: ignore[no-untyped-def]
    """Values of triggers and the rest at the times and states of the moments, all at once."""
    p = g.at_p + lane * g.parameters
    states = g.at_moment + g.lanes
    call(g.event_values, w, g.at_moment, states, p, g.at_values, g.at_scratch, 0)


@compiled
def interpolate(g, w, lane, k, s):  # type: ignore[no-untyped-def]
    """State k at a fraction of the step."""
    row, block = k * g.lanes + lane, g.rows * g.lanes
    dense = g.at_dense + row
    bend = w[dense] + s * (w[dense + block] + s * w[dense + 2 * block])
    return (1.0 - s) * w[g.at_y + row] + s * (w[g.at_y_new + row] + (1.0 - s) * bend)


@compiled
def spread_time(g, low, high, j):  # type: ignore[no-untyped-def]
    """One of the times, evenly spread over a part of the step up to its end, that are looked at."""
    return high if j == g.lanes - 1 else low + (high - low) * ((j + 1) / g.lanes)


@compiled
def first_change(g, tables, w, lane, low, high):  # type: ignore[no-untyped-def]
    """Which of the times in a part of the step is the first where something watched differs.

    low, high : times.  Returns the number of that time, or how many there are.
    """
    lanes = g.lanes
    t, h = w[TIME * lanes + lane], w[H * lanes + lane]
    for j in range(lanes):
        time = spread_time(g, low, high, j)
        s = (time - t) / h
        w[g.at_moment + j] = time
        for k in range(g.n):
            w[g.at_moment + (1 + k) * lanes + j] = interpolate(g, w, lane, k, s)
    evaluate_watched(g, w, lane)
    held = queue_of(g, lane) + 2 + g.event_count
    for j in range(lanes):
        for r in range(g.relation_count):
            row = tables[g.relations + r] * lanes
            if w[g.at_values + row + j] != w[held + r]:
                return j
    return lanes


@compiled
def cut_at_change(g, tables, w, lane, end):  # type: ignore[no-untyped-def]
    """The first time up to the step's end at which something watched differs; inf where none does.

    No number lies between this time and one at which nothing differs yet.
    """
    low, high = w[TIME * g.lanes + lane], end
    if g.relation_count == 0:
        return np.inf
    j = first_change(g, tables, w, lane, low, high)
    if j == g.lanes:
        return np.inf
    while low < low + 0.5 * (high - low) < high:
        earlier = spread_time(g, low, high, j - 1) if j > 0 else low
        low, high = earlier, spread_time(g, low, high, j)
        j = min(first_change(g, tables, w, lane, low, high), g.lanes - 1)
    return high


@compiled
def at_once(t, later):  # type: ignore[no-untyped-def]
    """Whether a later time is too near for a step between."""
    return later <= t + NEAR * abs(t) + NOTHING


@compiled
def next_switch(g, tables, w, lane):  # type: ignore[no-untyped-def]
    """The first number of time, from a lane's own on, at which a switch is another than it is now.

    The time that is computed of a switch is right but for rounding, so the times beside it are
    looked at.
    """
    lanes, t = g.lanes, w[TIME * g.lanes + lane]
    look(g, w, lane)
    earlier = t - NEAR * abs(t)
    for _ in range(g.switch_count):
        soonest = np.inf
        for k in range(g.switch_count):
            time = w[g.at_values + tables[g.switches + 2 * k + 1] * lanes]
            if earlier < time < soonest or time == t == earlier:
                soonest = time
        if soonest == np.inf:
            return np.inf
        time = soonest
        for j in range(1, lanes):
            time = np.nextafter(time, -np.inf) if j < lanes // 2 else time
        for j in range(1, lanes):
            w[g.at_moment + j] = max(t, time)
            time = np.nextafter(time, np.inf)
        evaluate_watched(g, w, lane)
        for j in range(1, lanes):
            for k in range(g.switch_count):
                row = g.at_values + tables[g.switches + 2 * k] * lanes
                if w[row + j] != w[row]:
                    return w[g.at_moment + j]
        if not at_once(t, soonest):
            return soonest
        earlier = max(soonest, np.nextafter(t, np.inf))
    return np.inf


@compiled
def move_to(g, w, lane, s):  # type: ignore[no-untyped-def]
    """Make the state at a fraction of the step its end."""
    for k in range(g.rows):
        w[g.at_y_new + k * g.lanes + lane] = interpolate(g, w, lane, k, s)


@compiled
def begin_events(g, tables, w, lane):  # type: ignore[no-untyped-def]
    """Nothing is pending; triggers were what the model says they were before t = 0."""
    queue = queue_of(g, lane)
    w[queue] = w[queue + 1] = 0.0
    for e in range(g.event_count):
        w[queue + 2 + e] = tables[g.event_table + e * EVENT_COLUMNS + INITIAL]


@compiled
def next_execution(g, w, lane):  # type: ignore[no-untyped-def]
    """Time of the next pending execution."""
    soonest = float("inf")
    for i in range(int(w[queue_of(g, lane)])):
        soonest = min(soonest, w[entry_of(g, lane, i)])
    return soonest


@compiled
def remove(g, w, lane, i):  # type: ignore[no-untyped-def]
    """Drop pending execution i; the others keep their order."""
    queue, width = queue_of(g, lane), 2 + g.assignment_count
    entry = entry_of(g, lane, i)
    for k in range((int(w[queue]) - 1 - i) * width):
        w[entry + k] = w[entry + width + k]
    w[queue] -= 1.0


@compiled
def notice(g, tables, w, lane):  # type: ignore[no-untyped-def]
    """Triggers that became true make executions pending; those that became false may undo them.

    The values at the lane's time are in column 0. False when too many executions are pending.
    """
    queue = queue_of(g, lane)
    for r in range(g.relation_count):
        row = tables[g.relations + r] * g.lanes
        w[queue + 2 + g.event_count + r] = w[g.at_values + row]
    for e in range(g.event_count):
        event = g.event_table + e * EVENT_COLUMNS
        true = w[g.at_values + tables[event + TRIGGER] * g.lanes] != 0.0
        was = w[queue + 2 + e] != 0.0
        w[queue + 2 + e] = 1.0 if true else 0.0
        if was and not true and tables[event + PERSISTENT] == 0:
            for i in range(int(w[queue]) - 1, -1, -1):
                if w[entry_of(g, lane, i) + 1] == e:
                    remove(g, w, lane, i)
        if true and not was:
            count = int(w[queue])
            if count == PENDING_LIMIT:
                return False
            entry = entry_of(g, lane, count)
            delay = tables[event + DELAY]
            wait = w[g.at_values + delay * g.lanes] if delay >= 0 else 0.0
            w[entry], w[entry + 1] = w[TIME * g.lanes + lane] + max(wait, 0.0), e
            for a in range(tables[event + FIRST], tables[event + LAST]):
                value = tables[g.assignment_table + a * ASSIGNMENT_COLUMNS + VALUE]
                place = entry + 2 + a - tables[event + FIRST]
                w[place] = w[g.at_values + value * g.lanes]
            w[queue] += 1.0
    return True


@compiled
def choose(g, tables, w, lane):  # type: ignore[no-untyped-def]
    """The pending execution whose turn it is: due and of highest priority; or -1.

    Among equals SBML asks for a random one: each is as likely, by a sequence of random numbers that
    is the same in every run.
    """
    queue = queue_of(g, lane)
    chosen, best, equals = -1, 0.0, 0
    for i in range(int(w[queue])):
        entry = entry_of(g, lane, i)
        if w[entry] > w[TIME * g.lanes + lane]:
            continue
        row = tables[g.event_table + int(w[entry + 1]) * EVENT_COLUMNS + PRIORITY]
        priority = w[g.at_values + row * g.lanes] if row >= 0 else -float("inf")
        if chosen < 0 or priority > best:
            chosen, best, equals = i, priority, 1
        elif priority == best:
            equals += 1
            if uniform(w[queue + 1] + i) * equals < 1.0:
                chosen = i
    w[queue + 1] += PENDING_LIMIT
    return chosen


@compiled
def uniform(number):  # type: ignore[no-untyped-def]
    """Random number in [0, 1) that belongs to a whole number.

    By the finaliser of SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195).
    """
    z = (np.uint64(number) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return float((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


@compiled
def execute(g, tables, w, lane, i):  # type: ignore[no-untyped-def]
    """Carry out pending execution i: all its assignments at once."""
    entry = entry_of(g, lane, i)
    event = g.event_table + int(w[entry + 1]) * EVENT_COLUMNS
    first, last = tables[event + FIRST], tables[event + LAST]
    p = g.at_p + lane * g.parameters
    for a in range(first, last):
        row = g.assignment_table + a * ASSIGNMENT_COLUMNS
        value = w[entry + 2 + a - first]
        if tables[event + EARLY] == 0:
            value = w[g.at_values + tables[row + VALUE] * g.lanes]
        if tables[row + SCALE] >= 0:
            value *= w[g.at_values + tables[row + SCALE] * g.lanes]
        target = tables[row + TARGET]
        if target < g.n:
            w[g.at_y + target * g.lanes + lane] = value
        else:
            w[p + target - g.n] = value
    remove(g, w, lane, i)


@compiled
def happen(g, tables, w, lane):  # type: ignore[no-untyped-def]
    """All that events do at a lane's time, and what follows from it at once. Returns a Status."""
    changed = False
    if g.event_count + g.relation_count == 0:
        return 0
    for _ in range(CASCADE_LIMIT):
        look(g, w, lane)
        if not notice(g, tables, w, lane):
            return EVENT_LIMIT
        i = choose(g, tables, w, lane)
        if i < 0:
            if changed:
                p = g.at_p + lane * g.parameters
                call(g.prepare, w, p, 0, 0, g.at_q + lane, g.at_scratch, 0)
            return 0
        execute(g, tables, w, lane, i)
        changed = True
    return EVENT_LIMIT
