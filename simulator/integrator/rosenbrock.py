"""Rosenbrock steps of a group of runs, one run in each lane. Notation as in `tableau`.

Lanes share instructions and nothing else: each has its own time and step, and an operation on one
lane's numbers never sees another's. What the arguments g, tables and w hold: see `group`.
"""

import numpy as np

from .cache import compiled
from .dense import factorise_dense, solve_dense
from .lanes import call, fill
from .linear import CANCELLATION_LIMIT
from .step_code import ACCEPT, ATOL, FAR, FORCED, LIVE, PIVOTS, RTOL, SHIFT, STAGE_T, H
from .step_code import T as TIME
from .tangents import agree, bend, rates_along


@compiled
def hold(g, tables, w, slopes):  # type: ignore[no-untyped-def]
    """Held states do not move: their rows of the array at `slopes` are 0."""
    for j in range(g.held_count):
        fill(w, slopes + tables[g.held + j] * g.lanes, g.lanes, 0.0)


@compiled
def rates_at(g, tables, w, time, y, out):  # type: ignore[no-untyped-def]
    """Rates of the states at `y`, with held states at rest, into `out`; times lie at `time`."""
    call(g.rates, w, time, y, g.at_q, out, g.at_scratch, 0)
    hold(g, tables, w, out)


@compiled
def linearise(g, tables, w):  # type: ignore[no-untyped-def]
    """Rates, J and df/dt at (t, y), with held states at rest."""
    call(g.linearise, w, TIME * g.lanes, g.at_y, g.at_q, g.at_linear, g.at_scratch, 0)
    hold(g, tables, w, g.at_linear)
    hold(g, tables, w, g.at_by_time)
    for i in range(g.held_entry_count):
        fill(w, g.at_jacobian + tables[g.held_entry + i] * g.lanes, g.lanes, 0.0)
    if g.blocks != 0:
        bend(g, w)


@compiled
def factorise(g, tables, w, pivots):  # type: ignore[no-untyped-def]
    """LU of shift M - J in every lane; with pivoting where diagonal pivots lose too many digits.

    Such a lane's row of cancellation becomes infinite; PIVOTS says whether there is one.

    pivots : None where it needs only be said: then no code for pivoting is compiled.
    """
    call(
        g.factorise,
        w,
        SHIFT * g.lanes,
        g.at_jacobian,
        0,
        g.at_lu,
        g.at_elimination,
        g.n,
    )
    lost = g.at_lu + g.lu_entries * g.lanes
    w[PIVOTS * g.lanes] = 0.0
    for lane in range(g.lanes):
        if w[LIVE * g.lanes + lane] != 0.0 and not w[lost + lane] <= CANCELLATION_LIMIT:
            w[PIVOTS * g.lanes] = 1.0
            if pivots is not None:
                w[lost + lane] = np.inf
                pivot(g, tables, w, lane)


@compiled
def matrix_of(g, lane):  # type: ignore[no-untyped-def]
    """Place of a lane's dense matrix."""
    return g.at_matrices + lane * g.n * (g.n + 2)


@compiled
def pivot(g, tables, w, lane):  # type: ignore[no-untyped-def]
    """Dense LU of one lane's shift M - J.

    Without entries of J that are not finite, as where a root of a state begins at 0: the solution
    then is as smooth as an explicit step can follow, or no step is accepted.
    """
    n, matrix = g.n, matrix_of(g, lane)
    fill(w, matrix, n * n, 0.0)
    for e in range(g.entries):
        i, j = tables[g.j_rows + e], tables[g.j_columns + e]
        slope = w[g.at_jacobian + e * g.lanes + lane]
        if np.isfinite(slope):
            w[matrix + i * n + j] -= slope
    for k in range(n):
        if tables[g.mass + k] != 0:
            state = tables[g.row_order + k]
            w[matrix + state * n + state] += w[SHIFT * g.lanes + lane]
    if not factorise_dense(w, matrix, n):
        w[matrix] = np.nan  # so that the attempt fails


@compiled
def solve(g, w, first, second, out, pivots):  # type: ignore[no-untyped-def]
    """Solve for the right-hand side first + second in every lane, into `out`."""
    call(g.solve, w, first, second, g.at_lu, out, g.at_solution, g.n)
    if pivots is not None and w[PIVOTS * g.lanes] != 0.0:
        for lane in range(g.lanes):
            if w[g.at_lu + g.lu_entries * g.lanes + lane] == np.inf:
                solve_pivoted(g, w, first, second, out, lane)


@compiled
def solve_pivoted(g, w, first, second, out, lane):  # type: ignore[no-untyped-def]
    """As `solve`, for one lane and with its dense factors."""
    matrix = matrix_of(g, lane)
    x = matrix + g.n * (g.n + 1)
    for k in range(g.n):
        place = k * g.lanes + lane
        w[x + k] = w[first + place] + w[second + place]
    solve_dense(w, matrix, g.n)
    for k in range(g.n):
        w[out + k * g.lanes + lane] = w[x + k]


@compiled
def follow(g, w, time, y, u, out, pivots):  # type: ignore[no-untyped-def]
    """Solve for a stage's directions, all blocks: what of them lies in `out` behind the states.

    y : argument of the stage.  u : the stage, by which the motion of J is multiplied.
    """
    n = g.n * g.lanes
    for block in range(g.blocks):
        shift = (1 + block) * n
        rates_along(g, w, time, y, y + shift, block, u, g.at_rates + shift)
        solve(g, w, g.at_rates + shift, g.at_second + shift, out + shift, pivots)


@compiled
def attempt(g, tables, w, pivots):  # type: ignore[no-untyped-def]
    """One attempted step of every lane from (t, y), linearised there already.

    pivots : None where PIVOTS says that no lane needs any, or else nothing comes of the attempt.
    Returns whether the coefficients of its dense output are there.
    """
    lanes = g.lanes
    call(g.begin, w, 0, 0, 0, 0, 0, 0)
    factorise(g, tables, w, pivots)
    time = STAGE_T * lanes if g.timed != 0 else TIME * lanes
    for i in range(g.stages):
        combine = tables[g.combine + i]
        call(combine, w, g.at_y, g.at_u, g.at_argument, g.at_by_time, 0, g.rows)
        for j in range(g.algebraic_count):  # M is 0 there: no earlier stage enters
            k = tables[g.algebraic + j] * lanes
            for lane in range(lanes):
                slope = w[g.at_by_time + k + lane] if g.timed != 0 else 0.0
                w[g.at_second + k + lane] = w[H * lanes + lane] * w[g.at_d + i] * slope
        first, argument, moment = g.at_linear, g.at_y, TIME * lanes
        if i > 0:
            first, argument, moment = g.at_rates, g.at_argument, time
            rates_at(g, tables, w, time, g.at_argument, g.at_rates)
        u = g.at_u + i * g.rows * lanes
        solve(g, w, first, g.at_second, u, pivots)
        if g.blocks != 0:
            follow(g, w, moment, argument, u, u, pivots)
    call(g.finish, w, g.at_y, g.at_u, g.at_argument, g.at_y_new, 0, g.rows)
    if g.blocks != 0:
        agree(g, w)
        force_by_states(g, w)
    if g.timed != 0:
        for lane in range(lanes):
            if w[ACCEPT * lanes + lane] == 0.0 and w[FORCED * lanes + lane] > 0.0:
                look_at_middle(g, tables, w, pivots)
                return True
    return False


@compiled
def force_by_states(g, w):  # type: ignore[no-untyped-def]
    """Let the states alone say whether a step is FORCED: any motion is far from directions of 0."""
    lanes, forced = g.lanes, 0.0
    square = w[H * lanes] * w[H * lanes] / FAR
    for k in range(g.n):
        own = abs(w[g.at_y + k * lanes]) + w[ATOL * lanes]
        forced = max(forced, square * abs(w[g.at_by_time + k * lanes]) - own)
    fill(w, FORCED * lanes, lanes, forced)


@compiled
def look_at_middle(g, tables, w, pivots):  # type: ignore[no-untyped-def]
    """Judge steps of stiff states that follow something in time by their dense output, too.

    Where df/dt alone would move a state far, h**2 |df/dt| > FAR |y|, something stiff holds it where
    it is. It then follows what time moves (a dose that decays, say) however long the step is, and
    the error estimate vanishes with growing stiffness (Prothero & Robinson 1974,
    doi:10.1090/S0025-5718-1974-0331793-2). The residual of the dense output in the middle of the
    step does see it; the step's own matrix turns it into a distance from the solution.
    """
    lanes = g.lanes
    call(g.dense, w, g.at_y, g.at_u, g.at_y, g.at_dense, 0, g.rows)
    call(g.middle, w, g.at_y, g.at_y_new, g.at_dense, g.at_argument, 0, g.rows)
    rates_at(g, tables, w, STAGE_T * lanes, g.at_argument, g.at_rates)
    for j in range(g.algebraic_count):  # M is 0 there
        fill(w, g.at_second + tables[g.algebraic + j] * lanes, lanes, 0.0)
    off = g.at_u  # where no stage is needed any more: dense output is there
    solve(g, w, g.at_rates, g.at_second, off, pivots)
    call(g.doubt, w, g.at_y, g.at_y_new, off, 0, 0, g.n)


@compiled
def first_step(g, tables, w, lane):  # type: ignore[no-untyped-def]
    """A step for which the solution changes little (Hairer, Norsett & Wanner, II.4).

    The second derivative is J f + df/dt, which a Rosenbrock method has at hand.
    """
    lanes = g.lanes
    rtol, atol = w[RTOL * lanes + lane], w[ATOL * lanes + lane]
    for k in range(g.n):  # the second derivative, in a place that the stages will overwrite
        w[g.at_rates + k * lanes + lane] = w[g.at_by_time + k * lanes + lane]
    for e in range(g.entries):
        rate = w[g.at_linear + tables[g.j_columns + e] * lanes + lane]
        row = tables[g.j_rows + e] * lanes + lane
        w[g.at_rates + row] += w[g.at_jacobian + e * lanes + lane] * rate
    size = speed = bend = 0.0
    for k in range(g.n):
        place = k * lanes + lane
        scale = atol + rtol * abs(w[g.at_y + place])
        size = max(size, abs(w[g.at_y + place]) / scale)
        speed = max(speed, abs(w[g.at_linear + place]) / scale)
        bend = max(bend, abs(w[g.at_rates + place]) / scale)
    h = 1e-6 if size < 1e-5 or speed < 1e-5 else 0.01 * size / speed
    if not np.isfinite(bend):
        return h * 1e-3
    strongest = max(speed, bend)
    if strongest <= 1e-15:
        return max(1e-6, h * 1e-3)
    return min(100.0 * h, (0.01 / strongest) ** (1.0 / g.order))


@compiled
def rates_finite(g, w, lane):  # type: ignore[no-untyped-def]
    """Whether a lane's state and its rates are numbers."""
    total = 0.0
    for k in range(g.n):
        place = k * g.lanes + lane
        total += (w[g.at_linear + place] + w[g.at_y + place]) * 0.0
    return total == 0.0


@compiled
def culprit(g, w, lane, by_rate):  # type: ignore[no-untyped-def]
    """The state that holds a lane up, as far as its last attempt shows.

    With `by_rate`, one whose rate is no number; else that of the largest error for its size. The
    error estimates are the last stage of methods that are stiffly accurate.
    """
    errors = g.at_second if g.explicit != 0 else g.at_u + (g.stages - 1) * g.rows * g.lanes
    worst, found = 0.0, -1
    for k in range(g.n):
        if by_rate and not np.isfinite(w[g.at_linear + k * g.lanes + lane]):
            return k
    for k in range(g.n):
        place = k * g.lanes + lane
        size = w[ATOL * g.lanes + lane] + w[RTOL * g.lanes + lane] * abs(w[g.at_y + place])
        error = abs(w[errors + place]) / size
        if not np.isfinite(error):
            return k
        if error > worst:
            worst, found = error, k
    return found


@compiled
def put_run(g, w, lane, y, p):  # type: ignore[no-untyped-def]
    """Put a run's states and parameters into a lane, at t = 0."""
    for k in range(g.n):
        w[g.at_y + k * g.lanes + lane] = y[k]
    start = g.at_p + lane * g.parameters
    for k in range(g.parameters):
        w[start + k] = p[k]
    w[TIME * g.lanes + lane] = 0.0
    w[LIVE * g.lanes + lane] = 1.0
    call(g.prepare, w, start, 0, 0, g.at_q + lane, g.at_scratch, 0)
