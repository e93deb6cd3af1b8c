"""Paths to rest: runs integrated until little moves, on the longest time scale reached.

Rosenbrock steps of growing length turn into Newton steps as h grows, keep linear invariants
(conserved totals), and follow the trajectory, so what they lead to is the stable state that the
system itself would reach.
"""

from typing import NamedTuple

import numpy as np

from .batch import (
    DONE,
    FAILED_SHRINK,
    HALT,
    LAST,
    NEXT,
    NOT_FINITE,
    SUCCESS,
    TIME_LIMIT,
    run_on_lanes,
)
from .cache import compiled, entry_point
from .group import describe, idle_group
from .lanes import call, take_next
from .reporting import IDLE
from .rosenbrock import attempt, culprit, first_step, linearise, put_run, rates_finite
from .status import Status
from .step_code import ACCEPT, ATOL, ERROR, FACTOR, LIVE, H, Method
from .system import Array, Indices, System, Tolerances
from .work import Ends

NO_STEADY_STATE = int(Status.NO_STEADY_STATE)


class Quiet(NamedTuple):
    """When integration ends: no state moves while time grows by a factor, so many times in a row.

    A state moves when it changes by more than `change` of its value and `nothing` of atol.
    """

    factor: float
    times: int
    change: float
    nothing: float


NEARLY = Quiet(2.0, 1, 1e-2, 1.0)
"""Where integration hands over. A guess: Newton's method is the judge."""

SETTLED = Quiet(10.0, 2, 1e-8, 1e-3)
"""Where it ends by itself: far below any default tolerance, and above what round-off does to
conserved totals in very long steps. The first step is as long as the fastest change needs, so a
state that is quiet for two decades is so on every time scale. What is left below a thousandth of
atol is zero: what only decays ends there, not at what some last step happened to leave."""


class Path(NamedTuple):
    """How far runs have come.

    states : (runs, n)
    elapsed : (runs,) time, negative before the first step.
    step : (runs,) the next step.
    until : (runs,) time before which integration does not end.
    """

    states: Array
    elapsed: Array
    step: Array
    until: Array


@compiled
def unmoved(g, w, lane, quiet):  # type: ignore[no-untyped-def]
    """Whether no state differs from its marked value by more than a quiet one may."""
    nothing = quiet.nothing * w[ATOL * g.lanes + lane]
    for k in range(g.n):
        place = k * g.lanes + lane
        y = w[g.at_y + place]
        if not abs(y - w[g.at_dense + place]) <= nothing + quiet.change * abs(y):
            return False
    return True


@compiled
def mark(g, w, lane):  # type: ignore[no-untyped-def]
    """Remember a lane's state, where dense output (not needed here) would lie."""
    for k in range(g.n):
        place = k * g.lanes + lane
        w[g.at_dense + place] = w[g.at_y + place]


@compiled
def leave(g, w, lane, run, status, elapsed, path, ends):  # type: ignore[no-untyped-def]
    """Write how far a run has come, and how it ended."""
    ends.status[run], ends.time[run] = status, elapsed
    path.elapsed[run], path.step[run] = elapsed, w[H * g.lanes + lane]
    for k in range(g.n):
        path.states[run, k] = w[g.at_y + k * g.lanes + lane]
    if status != SUCCESS:
        ends.state[run] = culprit(g, w, lane, True)


@entry_point
def _follow_runs(  # type: ignore[no-untyped-def]
    g, tables, w, quiet, runs, parameters, path, ends, queue, lane_of, times
):
    """Integrate every run until it is quiet; time stands still at 0.

    NO_STEADY_STATE when the step budget or the range of numbers ends first, as it does for
    oscillation and unbounded growth.
    """
    lanes = g.lanes
    place, since = lane_of[0], lane_of[1]
    elapsed, marked = times[0], times[1]
    live = 0
    fill = True
    while fill or live > 0:
        for lane in range(lanes):
            if place[lane] == IDLE and fill:
                number = take_next(queue, NEXT)
                if number < queue[LAST]:
                    one = runs[number]
                    put_run(g, w, lane, path.states[one], parameters[one])
                    place[lane], since[lane] = one, 0
                    elapsed[lane] = marked[lane] = path.elapsed[one]
                    w[H * lanes + lane] = path.step[one]
                    mark(g, w, lane)
                    live += 1
        fill = False
        if live == 0:
            break
        linearise(g, tables, w)
        for lane in range(lanes):
            if elapsed[lane] < 0.0:
                w[H * lanes + lane] = first_step(g, tables, w, lane)
                elapsed[lane], marked[lane] = 0.0, w[H * lanes + lane]
        attempt(g, tables, w, 1)
        call(g.take, w, g.at_y, g.at_u, g.at_u, g.at_y_new, 0, g.n)
        for lane in range(lanes):
            one, h, status, done = place[lane], w[H * lanes + lane], SUCCESS, False
            if one == IDLE:
                continue
            factor = w[FACTOR * lanes + lane]
            if w[ACCEPT * lanes + lane] == 0.0:
                ends.accepted[one] += 1
                elapsed[lane] += h
                # Round-off in conserved totals grows with h: no longer than all time before.
                w[H * lanes + lane] = min(h * factor, elapsed[lane])
                if elapsed[lane] >= quiet.factor * marked[lane]:
                    since[lane] = since[lane] + 1 if unmoved(g, w, lane, quiet) else 0
                    marked[lane] = elapsed[lane]
                    mark(g, w, lane)
                    done = since[lane] >= quiet.times and elapsed[lane] >= path.until[one]
            else:
                ends.rejected[one] += 1
                h *= min(1.0, factor) if np.isfinite(w[ERROR * lanes + lane]) else FAILED_SHRINK
                w[H * lanes + lane] = h
                if not rates_finite(g, w, lane):
                    status = NOT_FINITE if elapsed[lane] == 0.0 else NO_STEADY_STATE
                elif elapsed[lane] + h <= elapsed[lane] or h < 1e-300:
                    status = NO_STEADY_STATE
            if status == SUCCESS and not done:
                if ends.accepted[one] + ends.rejected[one] >= g.max_steps:
                    status = NO_STEADY_STATE
                elif queue[HALT] != 0:
                    status = TIME_LIMIT
            if done or status != SUCCESS:
                leave(g, w, lane, one, status, elapsed[lane], path, ends)
                take_next(queue, DONE)
                place[lane], live, fill = IDLE, live - 1, True
                w[LIVE * lanes + lane] = 0.0


def start_paths(states: Array) -> Path:
    """Paths of runs (runs, n) that have not begun."""
    runs = len(states)
    return Path(states.copy(), np.full(runs, -1.0), np.zeros(runs), np.zeros(runs))


def follow_paths(
    system: System,
    method: Method,
    tolerances: Tolerances,
    quiet: Quiet,
    runs: Indices,
    parameters: Array,
    path: Path,
    ends: Ends,
    workers: int,
    deadline: float,
) -> None:
    """Integrate some of the runs on from where they are, until they are quiet or fail.

    Parameters
    ----------
    runs
        Numbers of the runs in `parameters` (all, parameters), `path` and `ends`.
    path, ends
        Updated; steps are counted on from what `ends` says.
    """
    g, tables = describe(system, method, tolerances)

    def work(queue: Indices) -> None:
        w = idle_group(g, system, method, tolerances)
        lane_of, times = np.full((2, g.lanes), IDLE), np.zeros((2, g.lanes))
        _follow_runs(
            *(g, tables, w, quiet, runs, parameters, path, ends),
            *(queue, lane_of, times),
        )

    run_on_lanes(work, runs.size, g.lanes, workers, None, deadline)
