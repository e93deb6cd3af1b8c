"""Steady states, by integrating until nothing moves on the longest time scale reached.

Rosenbrock steps of growing length turn into Newton steps as h grows, keep linear invariants
(conserved totals) exactly, and follow the trajectory, so what they settle on is the stable state
that the system itself would reach.
"""

import math
from collections.abc import Callable

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
    Ends,
    no_ends,
    run_on_lanes,
)
from .cache import compiled, entry_point
from .group import describe, idle_group
from .lanes import call, take_next
from .reporting import IDLE
from .rosenbrock import attempt, culprit, first_step, linearise, put_run, rates_finite
from .status import Status
from .step_code import ACCEPT, ATOL, ERROR, FACTOR, LIVE, H, compile_method
from .system import Array, Indices, System, Tolerances
from .tableau import Tableau

SETTLED = 1e-8
"""Largest relative change of a settled state while time grows tenfold: far below any default
tolerance, and above what round-off does to conserved totals in very long steps."""

VANISHED = 1e-3
"""Fraction of atol below which a settled state is zero: what only decays ends there, not at the
remainder that some last step happened to leave."""

QUIET_DECADES = 2
"""Tenfold growths of time in a row without a change. The first step is as long as the fastest
change needs, so a state that is quiet for this long is so on every time scale."""

PATH_RTOL = 1e-6
"""Relative tolerance on the way; the rest state itself does not depend on it."""

NO_STEADY_STATE = int(Status.NO_STEADY_STATE)


@compiled
def unmoved(g, w, lane):  # type: ignore[no-untyped-def]
    """Whether no state differs from its marked value by more than a settled one may."""
    nothing = VANISHED * w[ATOL * g.lanes + lane]
    for k in range(g.n):
        place = k * g.lanes + lane
        y = w[g.at_y + place]
        if not abs(y - w[g.at_dense + place]) <= nothing + SETTLED * abs(y):
            return False
    return True


@compiled
def mark(g, w, lane):  # type: ignore[no-untyped-def]
    """Remember a lane's state, where dense output (not needed here) would lie."""
    for k in range(g.n):
        place = k * g.lanes + lane
        w[g.at_dense + place] = w[g.at_y + place]


@compiled
def end_settling(g, w, lane, run, status, elapsed, found, ends):  # type: ignore[no-untyped-def]
    """Write a settled state, and how the run ended."""
    ends.status[run], ends.time[run] = status, elapsed
    nothing = VANISHED * w[ATOL * g.lanes + lane]
    if status == SUCCESS:
        for k in range(g.n):
            y = w[g.at_y + k * g.lanes + lane]
            found[run, k] = 0.0 if abs(y) < nothing else y
    else:
        ends.state[run] = culprit(g, w, lane, True)


@entry_point
def _settle_runs(g, tables, w, gamma, states, parameters, found, ends, queue, lane_of, times):  # type: ignore[no-untyped-def]
    """Integrate every run until it rests; time stands still at 0.

    NO_STEADY_STATE when the step budget or the range of numbers ends first, as it does for
    oscillation and unbounded growth.
    """
    lanes = g.lanes
    run, quiet = lane_of[0], lane_of[1]
    elapsed, marked = times[0], times[1]
    live = 0
    fill = True
    while fill or live > 0:
        for lane in range(lanes):
            if run[lane] == IDLE and fill:
                number = take_next(queue, NEXT)
                if number < queue[LAST]:
                    put_run(g, w, lane, states[number], parameters[number])
                    run[lane], elapsed[lane], quiet[lane] = number, -1.0, 0
                    live += 1
        fill = False
        if live == 0:
            break
        linearise(g, tables, w)
        for lane in range(lanes):
            if elapsed[lane] < 0.0:
                w[H * lanes + lane] = first_step(g, tables, w, lane)
                elapsed[lane], marked[lane] = 0.0, w[H * lanes + lane]
                mark(g, w, lane)
        attempt(g, tables, w, gamma)
        for lane in range(lanes):
            taken = run[lane] != IDLE and w[ERROR * lanes + lane] <= 1.0
            w[ACCEPT * lanes + lane] = 0.0 if taken else 1.0
        call(g.take, w, g.at_y, g.at_u, g.at_u, g.at_y_new, 0, g.n)
        for lane in range(lanes):
            one, h, status, done = run[lane], w[H * lanes + lane], SUCCESS, False
            if one == IDLE:
                continue
            factor = w[FACTOR * lanes + lane]
            if w[ACCEPT * lanes + lane] == 0.0:
                ends.accepted[one] += 1
                elapsed[lane] += h
                # Round-off in conserved totals grows with h: no longer than all time before.
                w[H * lanes + lane] = min(h * factor, elapsed[lane])
                if elapsed[lane] >= 10.0 * marked[lane]:
                    quiet[lane] = quiet[lane] + 1 if unmoved(g, w, lane) else 0
                    marked[lane] = elapsed[lane]
                    mark(g, w, lane)
                    done = quiet[lane] == QUIET_DECADES
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
                end_settling(g, w, lane, one, status, elapsed[lane], found, ends)
                take_next(queue, DONE)
                run[lane], live, fill = IDLE, live - 1, True
                w[LIVE * lanes + lane] = 0.0


def settle_batch(
    system: System,
    tableau: Tableau,
    tolerances: Tolerances,
    states: Array,
    parameters: Array,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
    deadline: float = math.inf,
) -> tuple[Array, Ends]:
    """Steady state of every run, from `states` (runs, n) with `parameters` (runs, parameters).

    Of the tolerances, `atol` says what counts as nothing and `max_steps` when to give up.

    Returns (runs, n) steady states, NaN where there is none, and how the runs ended.
    """
    runs = states.shape[0]
    found = np.full(states.shape, np.nan)
    method = compile_method(tableau, system.lanes, timed=False)
    ends = no_ends(runs)
    path = tolerances._replace(rtol=PATH_RTOL)
    g, tables = describe(system, method, path)

    def work(queue: Indices) -> None:
        w = idle_group(g, system, method, path)
        lane_of, times = np.full((2, g.lanes), IDLE), np.zeros((2, g.lanes))
        _settle_runs(
            g, tables, w, method.gamma, states, parameters, found, ends, queue, lane_of, times
        )

    run_on_lanes(work, runs, g.lanes, workers, progress, deadline)
    return found, ends
