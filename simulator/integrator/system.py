"""A system of equations as compiled code sees it: addresses of its functions, and index tables."""

import ctypes
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .cache import entry_point
from .lanes import aligned, call
from .linear import Factors

Indices = NDArray[np.int64]
Array = NDArray[np.float64]


class Sizes(NamedTuple):
    """Numbers of rows: states n, parameters, constants q, entries of J, outputs, and scratch."""

    states: int
    parameters: int
    constants: int
    entries: int
    outputs: int
    scratch: int


class Along(NamedTuple):
    """How a system changes along directions, as compiled functions; a lane is a direction.

    Each address is of a C function of eight arrays and a count (`lanes.call_along`). States y and
    constants q are the same in every lane; s and dp are how states and parameters move.

    rates : (t, y, q, s, block, u, out) writes how the rates move, (df/dy) s + (df/dp) dp, and adds
        how J moves, times u.
    bend : (t, y, q, s, block, -, out) writes how the entries of J that do so move (`bent`), and how
        df/dt moves (n,).
    prepare : (-, -, p, -, dp, -, out) writes how constants move (`constants`). They begin a
        `block`, and what `bend` writes follows them.
    read : (t, y, p, s, dp, -, out) writes the outputs, and how they move (2 `outputs`,).
    happen : (t, y, p, s, dp, dt, out) writes how the values that events need move, dt being the
        motion of time; of what is watched, that of what is zero where it changes.
    """

    rates: int
    bend: int
    prepare: int
    read: int
    happen: int
    constants: int
    bent: int
    outputs: int
    scratch: int


NOTHING_ALONG = Along(*[0] * 9)


class System(NamedTuple):
    """M dy/dt = rates(t, y, p), its derivatives and its outputs, as compiled functions.

    Each address is of a C function of five arrays and a count (`lanes.call`). On rows of `lanes`
    numbers, one for each run, with scratch as fifth array:

    rates : (t, y, q, out) writes dy/dt (n,).
    linearise : (t, y, q, out) writes dy/dt, the entries of J and df/dt (n + nnz + n,).
    factorise, solve : LU of shift M - J and its use: (shift, J, -, lu, `elimination`) and (first,
        second, lu, out, `solution`), where code written out for the pattern needs no tables.

    prepare : (p, -, -, q) writes what follows from the parameters of one run alone into its lane's
        column of the constants q.
    outputs : (t, y, p, out) at as many times of one run; y holds the states `needed`, p the
        parameters of that run. 0 = the needed states themselves.

    elimination, solution : tables of the LU, empty where it is written out.
    needed : (k,) states that the outputs are made of.
    held : (k,) states that stay at their value whatever their rates are.
    held_entries : entries of J that lie in the rows of held states.
    algebraic : (k,) states without a derivative: 0 = rates(t, y, p) (mass 0).
    timed : whether the rates depend on time explicitly.
    event_values : (t, y, p, out) at as many times of one run as a row has numbers: `event_rows`
        values of triggers, delays, priorities, assignments and relations; y holds all states.
        0 = there are none.
    events, assignments : tables, see `events`.  relations : (k,) rows of the values at whose
        changes steps are cut.  switches : (2 k,) rows of values that change at times known in
        advance, each followed by that of the time.
    """

    rates: int
    linearise: int
    factorise: int
    solve: int
    prepare: int
    outputs: int
    sizes: Sizes
    lanes: int
    elimination: Indices
    solution: Indices
    needed: Indices
    factors: Factors
    held: Indices
    held_entries: Indices
    algebraic: Indices
    timed: bool
    event_values: int
    event_rows: int
    events: Indices
    assignments: Indices
    relations: Indices
    switches: Indices


class Tolerances(NamedTuple):
    """|local error of y_i| <= atol + rtol |y_i| in each step, at most `max_steps` steps a run."""

    rtol: float
    atol: float
    max_steps: int


_Function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5, ctypes.c_int64)
"""As `lanes.call` calls it, from Python: nothing more has to be compiled."""


def evaluate(system: System, t: float, y: Array, p: Array, *, linearise: bool = False) -> Array:
    """Rates (runs, n) at one time; with `linearise` (runs, n + nnz + n): rates, J, df/dt.

    Parameters
    ----------
    y, p
        (runs, n) states and (runs, parameters).
    """
    sizes, lanes, runs = system.sizes, system.lanes, len(y)
    n, groups = sizes.states, -(-runs // lanes)
    rows = 2 * n + sizes.entries if linearise else n
    function = _Function(system.linearise if linearise else system.rates)
    prepare = _Function(system.prepare)
    spread = np.minimum(np.arange(groups * lanes), runs - 1)  # idle lanes repeat the last run
    work = aligned((groups * (n + rows) + 1 + sizes.constants + sizes.scratch) * lanes)
    states, found, times = np.split(work, np.cumsum([groups * n, groups * rows]) * lanes)
    states.reshape(groups, n, lanes)[:] = y[spread].reshape(groups, lanes, n).swapaxes(1, 2)
    times[:lanes] = t
    p = np.ascontiguousarray(p)
    at_p, at_y, row = p.ctypes.data, work.ctypes.data, 8 * lanes
    at_found = at_y + row * groups * n
    at_time = at_found + row * groups * rows
    at_q = at_time + row
    scratch = at_q + row * sizes.constants
    for group in range(groups):
        for lane in range(lanes):
            own = at_p + 8 * sizes.parameters * min(group * lanes + lane, runs - 1)
            prepare(own, at_time, at_time, at_q + 8 * lane, scratch, 0)
        function(at_time, at_y, at_q, at_found, scratch, 0)
        at_y += row * n
        at_found += row * rows
    by_lane = found.reshape(groups, rows, lanes).swapaxes(1, 2)
    return by_lane.reshape(groups * lanes, rows)[:runs].copy()


_FunctionAlong = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 8, ctypes.c_int64)


def rates_along(system: System, along: Along, t: float, y: Array, p: Array, dp: Array) -> Array:
    """How the rates at one time move with the parameters: (runs, n, width).

    Parameters
    ----------
    y, p
        (runs, n) states and (runs, parameters).
    dp
        (runs, parameters, width) directions; width is a multiple of the lanes.
    """
    sizes, lanes, (runs, count, width) = system.sizes, system.lanes, dp.shape
    n, row = sizes.states, 8 * lanes
    sizes_in_turn = [1, n, sizes.constants, max(n, count), count, along.constants + along.bent]
    sizes_in_turn += [n, max(sizes.scratch, along.scratch)]
    work = aligned(sum(sizes_in_turn) * lanes)
    starts = np.cumsum([0, *sizes_in_turn])
    at = [work.ctypes.data + row * int(start) for start in starts]
    rows = [work[a * lanes : b * lanes].reshape(-1, lanes) for a, b in pairwise(starts)]
    time, at_y, at_q, zeros, at_dp, block, out, scratch = at[:8]
    prepare, prepare_along = _Function(system.prepare), _FunctionAlong(along.prepare)
    rates = _FunctionAlong(along.rates)
    p = np.ascontiguousarray(p)
    found = np.empty((runs, n, width))
    rows[0][:] = t
    for run in range(runs):
        rows[1][:] = y[run][:, None]
        at_p = p.ctypes.data + 8 * count * run
        for lane in range(lanes):
            prepare(at_p, time, time, at_q + 8 * lane, scratch, 0)
        for first in range(0, width, lanes):
            rows[4][:] = dp[run, :, first : first + lanes]
            prepare_along(zeros, zeros, at_p, zeros, at_dp, zeros, block, scratch, 0)
            rates(time, at_y, at_q, zeros, block, zeros, out, scratch, 0)
            found[run, :, first : first + lanes] = rows[6]
    return found


@entry_point
def _read_points(system, t, y, p, out, w):  # type: ignore[no-untyped-def]
    sizes, needed, lanes = system.sizes, system.needed, system.lanes
    at_y = lanes
    at_out = at_y + needed.size * lanes
    scratch = at_out + sizes.outputs * lanes
    at_p = scratch + sizes.scratch * lanes
    w[:lanes] = t
    for run in range(y.shape[0]):
        for k in range(needed.size):
            w[at_y + k * lanes] = y[run, needed[k]]
        for k in range(sizes.parameters):
            w[at_p + k] = p[run, k]
        source = at_y
        if system.outputs != 0:
            call(system.outputs, w, 0, at_y, at_p, at_out, scratch, 0)
            source = at_out
        for k in range(sizes.outputs):
            out[run, k] = w[source + k * lanes]


def read_outputs(system: System, t: float, y: Array, p: Array) -> Array:
    """Outputs (runs, outputs) at one time of states y (runs, n) with p (runs, parameters)."""
    sizes = system.sizes
    rows = 1 + system.needed.size + sizes.outputs + sizes.scratch
    out = np.empty((y.shape[0], sizes.outputs))
    _read_points(system, float(t), y, p, out, aligned(rows * system.lanes + sizes.parameters))
    return out
