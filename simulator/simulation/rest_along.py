"""How states of rest move with parameters, by the implicit function theorem.

At rest f(y, p) = 0 and, of what is conserved, L(p) y = L(p) y0. Along a direction therefore
J s = -(df/dp) dp and L s = L s0 + dL (y0 - y), where s0 is how the initial state moves.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ..codegen import Kernel
from ..integrator.sensitivity import Directed, integrate_along, prepare
from ..integrator.status import Status
from ..integrator.steady import Conserved, settle_batch
from ..integrator.system import Tolerances, evaluate, rates_along
from ..integrator.tableau import rodas5p

Array = NDArray[np.float64]

DETERMINED = 1e-12
"""Smallest singular value, of equations in units of their own, that determines a direction."""

NOTHING: frozenset[str] = frozenset()

NUDGE = 1e-6
"""Relative step of the central difference by which weights of conserved totals move: they are sizes
of compartments, in which they are linear."""


LONGER = 10.0
"""How much longer a path is followed before it is asked again whether anything moves."""

LONGEST = 1e15
"""Time, in units of the model, after which nothing that still moves is at rest."""


@dataclass
class Cells:
    """Runs on their way: each array becomes what it is at rest.

    states, parameters : (runs, n), (runs, parameters).
    states_along, parameters_along : (runs, n, width), (runs, parameters, width); width is a
        multiple of the lanes.
    triggers : (runs, events) whether triggers of events were true.
    status : (runs,) values of Status.
    """

    states: Array
    parameters: Array
    states_along: Array
    parameters_along: Array
    triggers: Array
    status: NDArray[np.int64]

    def some(self, runs: NDArray[np.intp]) -> Cells:
        """Copies of some runs."""
        return Cells(*(getattr(self, field.name)[runs] for field in fields(self)))

    def take(self, runs: NDArray[np.intp], other: Cells) -> None:
        """Put runs back."""
        for field in fields(self):
            getattr(self, field.name)[runs] = getattr(other, field.name)

    def fail(self, status: NDArray[np.int64]) -> None:
        """Runs that failed keep how they did first, and have no numbers any more."""
        first = self.status == Status.SUCCESS
        self.status[first] = status[first]
        self.states[self.status != Status.SUCCESS] = np.nan


def settle(
    kernel: Kernel,
    tolerances: Tolerances,
    cells: Cells,
    workers: int = 1,
    held: frozenset[str] = NOTHING,
) -> None:
    """Bring runs to rest, and their directions.

    With events, or where not what is conserved but the path determines the state of rest, the path
    is followed until neither states nor directions move.

    Parameters
    ----------
    held
        States that stay at their values, and move as these do. With some, directions that the state
        of rest does not determine are not followed: such runs end with NO_STEADY_STATE.
    """
    every = np.arange(len(cells.states))
    if kernel.equations.events and not held:
        _follow(kernel, tolerances, cells, every, workers)
        return
    given = (cells.states, cells.parameters, kernel.conserved(held))
    found, ends = settle_batch(kernel.system(held=held), rodas5p(), tolerances, *given, workers)
    cells.fail(ends.status)
    rested = np.flatnonzero(ends.status == Status.SUCCESS)
    if cells.states_along.shape[2] and rested.size:
        moved = _motions(kernel, cells, found, rested, held)
        left = rested[np.isnan(moved).any(axis=(1, 2))]
        if left.size and held:
            cells.status[left] = Status.NO_STEADY_STATE
        elif left.size:
            _follow(kernel, tolerances, cells, left, workers)
        cells.states_along[rested] = np.where(np.isnan(moved), cells.states_along[rested], moved)
    cells.states[rested] = found[rested]
    cells.fail(cells.status)  # directions that do not settle have no state either


def _follow(
    kernel: Kernel, tolerances: Tolerances, cells: Cells, runs: NDArray[np.intp], workers: int
) -> None:
    """Follow the path of some runs until nothing moves any more."""
    begin, until = 0.0, 1.0
    width = cells.states_along.shape[2]
    prepared = prepare(kernel.system(), kernel.along(), rodas5p(), tolerances, width)
    while runs.size:
        old, old_along = cells.states[runs], cells.states_along[runs]
        work = Directed(
            *(old.copy(), cells.parameters[runs], old_along.copy(), cells.parameters_along[runs]),
            *(np.full(runs.size, begin), np.full(runs.size, until), cells.triggers[runs]),
            *(np.zeros(runs.size + 1, np.int64), np.empty(0), np.empty((0, 0))),
            np.empty((0, 0, old_along.shape[2])),
        )
        ends = integrate_along(prepared, work, workers)
        cells.states[runs], cells.parameters[runs] = work.states, work.parameters
        cells.states_along[runs] = work.states_along
        cells.parameters_along[runs] = work.parameters_along
        cells.triggers[runs] = work.triggers
        ended = cells.status.copy()
        ended[runs] = ends.status
        cells.fail(ended)
        moves = _differ(old, work.states, tolerances).any(axis=1)
        moves |= _differ(old_along, work.states_along, tolerances).any(axis=(1, 2))
        going = ends.status == Status.SUCCESS
        begin, until = until, LONGER * until
        if until > LONGEST:
            ended[runs[moves & going]] = Status.NO_STEADY_STATE
            cells.fail(ended)
            return
        runs = runs[moves & going]


def _differ(old: Array, new: Array, tolerances: Tolerances) -> NDArray[np.bool_]:
    """Where numbers differ by more than the errors of a step."""
    return ~(np.abs(new - old) <= tolerances.atol + tolerances.rtol * np.abs(new))


def _motions(
    kernel: Kernel, cells: Cells, found: Array, rested: NDArray[np.intp], held: frozenset[str]
) -> Array:
    """How states of rest `found` move (rested, n, width); NaN where that is not determined."""
    system, conserved = kernel.system(held=held), kernel.conserved(held)
    n, entries = system.sizes.states, system.sizes.entries
    y, p, dp = found[rested], cells.parameters[rested], cells.parameters_along[rested]
    linear = evaluate(system, 0.0, y, p, linearise=True)[:, n : n + entries]
    pushed = rates_along(system, kernel.along(), 0.0, y, p, dp)
    moved = np.full(pushed.shape, np.nan)
    for k, run in enumerate(rested.tolist()):
        jacobian = np.zeros((n, n))
        jacobian[tuple(kernel.pattern)] = linear[k]
        jacobian[system.held] = 0.0  # instead of a rate, a held state has the equation y = y0
        jacobian[system.held, system.held] = 1.0
        pushed[k, system.held] = -cells.states_along[run, system.held]
        start = cells.states[run], cells.states_along[run]
        solved = _along(jacobian, pushed[k], conserved, y[k], p[k], start, dp[k])
        if solved is not None:
            moved[k] = solved
    return moved


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
    weights = conserved.weights(p[None])[0]
    moved = weights[:, None] * s0 + _weights_along(conserved, p, dp) * (y0 - y)[:, None]

    def given(moieties: Array) -> Array | None:
        matrix = np.concatenate([jacobian, moieties * weights])
        return _solve(matrix, np.concatenate([-pushed, moieties @ moved]), np.abs(y))

    found = given(conserved.structure.moieties)
    if found is not None:
        return found
    zero = [(at == 0) & ~along.any(axis=1) for at, along in ((y0, s0), (p, dp))]  # and stay so
    more = conserved.where_zero(*zero).moieties
    return given(more) if len(more) > len(conserved.structure.moieties) else None


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
