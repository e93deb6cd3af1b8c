"""How states of rest move with parameters, by the implicit function theorem.

At rest f(y, p) = 0 and, of what is conserved, L(p) y = L(p) y0. Along a direction therefore
J s = -(df/dp) dp and L s = L s0 + dL (y0 - y), where s0 is how the initial state moves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..codegen import Kernel
from ..integrator.status import Status
from ..integrator.steady import Conserved, settle_batch
from ..integrator.system import Tolerances, evaluate, rates_along
from ..integrator.tableau import rodas5p

Array = NDArray[np.float64]

DETERMINED = 1e-12
"""Smallest singular value, of equations in units of their own, that determines a direction."""

NUDGE = 1e-6
"""Relative step of the central difference by which weights of conserved totals move: they are sizes
of compartments, in which they are linear."""


class Rest(NamedTuple):
    """States of rest (runs, n), how they move (runs, n, width), and status (runs,)."""

    states: Array
    along: Array
    status: NDArray[np.int64]


def settle(
    kernel: Kernel,
    tolerances: Tolerances,
    states: Array,
    parameters: Array,
    states_along: Array,
    parameters_along: Array,
    workers: int = 1,
) -> Rest:
    """Steady states of runs, and how they move along directions of the initial values.

    Parameters
    ----------
    states, parameters
        (runs, n), (runs, parameters), at the begin.
    states_along, parameters_along
        (runs, n, width), (runs, parameters, width); width is a multiple of the lanes.

    Where a state of rest is not determined by what is conserved, but by the path to it, its motion
    is not known: the run ends with NO_STEADY_STATE if it is asked for.
    """
    system, conserved = kernel.system(), kernel.conserved()
    found, ends = settle_batch(
        system, rodas5p(), tolerances, states, parameters, conserved, workers
    )
    status, along = ends.status.copy(), np.full(states_along.shape, np.nan)
    rested = np.flatnonzero(status == Status.SUCCESS)
    if not along.shape[2] or not rested.size:
        return Rest(found, along, status)
    n, entries = system.sizes.states, system.sizes.entries
    y, p = found[rested], parameters[rested]
    linear = evaluate(system, 0.0, y, p, linearise=True)[:, n : n + entries]
    pushed = rates_along(system, kernel.along(), 0.0, y, p, parameters_along[rested])
    for k, run in enumerate(rested.tolist()):
        jacobian = np.zeros((n, n))
        jacobian[tuple(kernel.pattern)] = linear[k]
        start = states[run], states_along[run]
        solved = _along(
            jacobian, pushed[k], conserved, y[k], p[k], start, parameters_along[run]
        )
        if solved is None:
            status[run] = Status.NO_STEADY_STATE
        else:
            along[run] = solved
    return Rest(found, along, status)


def _along(
    jacobian: Array,
    pushed: Array,
    conserved: Conserved,
    y: Array,
    p: Array,
    start: tuple[Array, Array],
    dp: Array,
) -> Array | None:
    """How one state of rest moves (n, width); None where it is not determined."""
    y0, s0 = start
    for structure in (conserved.structure, None):
        if structure is None:
            structure = conserved.where_zero(y0 == 0, p == 0)
        totals = structure.moieties * conserved.weights(p[None])[0]
        drift = structure.moieties @ (_weights_along(conserved, p, dp) * (y0 - y)[:, None])
        matrix = np.concatenate([jacobian, totals])
        right = np.concatenate([-pushed, totals @ s0 + drift])
        found = _solve(matrix, right, np.abs(y))
        if found is not None:
            return found
    return None


def _weights_along(conserved: Conserved, p: Array, dp: Array) -> Array:
    """How weights of conserved totals move (n, width)."""
    columns = np.flatnonzero((dp != 0).any(axis=0))
    found = np.zeros((conserved.weights(p[None]).shape[1], dp.shape[1]))
    if columns.size:
        step = NUDGE * dp[:, columns].T
        change = conserved.weights(p + step) - conserved.weights(p - step)
        found[:, columns] = change.T / (2 * NUDGE)
    return found


def _solve(matrix: Array, right: Array, size: Array) -> Array | None:
    """Least squares of consistent equations, in units in which all are alike; None if singular."""
    columns = np.where(size > 0, size, 1.0)
    scaled = matrix * columns
    rows = np.abs(scaled).max(axis=1, initial=0.0)
    used = rows > 0
    scaled = scaled[used] / rows[used, None]
    found, _, rank, _ = np.linalg.lstsq(scaled, right[used] / rows[used, None], DETERMINED)
    if rank < matrix.shape[1]:
        return None
    solved: Array = found * columns[:, None]
    return solved
