"""States of rest by Newton's method, from where an integration has nearly come to rest.

Integration finds which state of rest a system goes to; Newton's method finds its digits, and proves
that there is one. It only polishes: the root must lie close to the integrated state, with the
conserved totals of the initial state, and small perturbations must not grow from it. A run for
which any of this fails gets a verdict and no numbers.

Each run is computed as if it were alone.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from .blocks import Array, Block, Indices, Mask, Structure, decompose, sums
from .reduced import Reduced, dense, reduce, right_hand_side, solve
from .stability import growth

Batch = Callable[[Array, Array], Array]
"""A function of states (runs, n) and parameters (runs, parameters), for whole batches."""

CLOSE = 1e-3
"""Largest relative distance of any state between the integrated state and the root. Well beyond
what is left of a perturbation that has stopped being seen, and well within the distance at which
states of rest lie from one another."""

CONVERGED = 1e-13
"""Largest relative step of any state after which there is nothing left to gain."""

STALLED = 1e-9
"""Relative step below which one that no longer shrinks is round-off in the rates."""

CONTRACTION = 0.25
"""Largest ratio of a step to the one before it, from the third on, while states above atol move.
From within its reach Newton's method converges quadratically. Slower convergence means that the
root is not within reach, or that there is none and the rates only come near zero (a bottleneck)."""

MAX_ITERATIONS = 20
"""Three or four are usual; a state that decays slower than exponentially takes ten to go from atol
to nothing, by halves."""

RESIDUAL_ROUND_OFF = 1e-14
"""Error of computed rates, as a fraction of a state's gross turnover: some tens of roundings."""

PROBES = 5
"""Random signs of these errors whose effect on the root is tried."""

DETERMINED = 1e-6
"""Largest relative error of the root that round-off in the rates may cause."""

SINGULAR = RESIDUAL_ROUND_OFF / DETERMINED
"""Singular value of the scaled system below which its direction is not determined."""

RESTING = 1e-7
"""Relative distance from rest that is allowed to a state which cannot be polished."""

VANISHED = 1e-3
"""Fraction of atol below which a state that only decays has come to zero."""

NUMBERS = 2**21
"""Entries of the matrices that are held at once: 16 MB for each copy."""


class Verdict(IntEnum):
    """What was found about one run.

    AT_REST : the root, polished, and no perturbation grows.
    NOT_AT_REST : no root close by, or the run only passes an unstable one: integrate on.
    CONTINUUM : at rest, in a continuum of states of rest that conserved totals do not tell apart,
        so that nothing but the path determines the state; no perturbation grows. The state is the
        integrated one, as accurate as the path was.
    UNSTABLE : on a state of rest from which some perturbation grows, as far as the integration's
        accuracy can tell: where the system goes from here, if it leaves, errors decide.
    """

    AT_REST = 0
    NOT_AT_REST = 1
    CONTINUUM = 2
    UNSTABLE = 3


class Rest(NamedTuple):
    """What Newton's method found.

    states : (runs, n), NaN unless the verdict is AT_REST or CONTINUUM.
    verdict : (runs,) `Verdict`.
    moved : (runs,) largest relative distance of a state from the integrated one; NaN without root.
    error : (runs,) relative error that round-off in the rates may cause; inf without root.
    growth : (runs,) largest real part of an eigenvalue, per unit of time; NaN without root.
    iterations : (runs,) Newton steps.
    """

    states: Array
    verdict: Indices
    moved: Array
    error: Array
    growth: Array
    iterations: Indices


class Problem(NamedTuple):
    """Equations of rest of some runs: what `newton_batch` is given, with the weights resolved.

    blocks : from `decompose`, of the states that can move, which are the same in all runs.
    """

    rates: Batch
    jacobian: Batch
    structure: Structure
    parameters: Array
    weights: Array
    start: Array
    rtol: float
    atol: float

    blocks: tuple[Block, ...] = ()

    def pick(self, runs: Indices) -> "Problem":
        """The same for some of the runs."""
        return self._replace(
            parameters=self.parameters[runs], weights=self.weights[runs], start=self.start[runs]
        )

    @property
    def fixed(self) -> Mask:
        """States (n,) in none of the blocks."""
        fixed = np.ones(self.start.shape[1], bool)
        for block in self.blocks:
            fixed[block.states] = False
        return fixed


def newton_batch(
    rates: Batch,
    jacobian: Batch,
    pattern: Indices,
    settled: Array,
    parameters: Array,
    moieties: Array,
    *,
    start: Array,
    rtol: float,
    atol: float,
    weights: Array | None = None,
    algebraic: Indices | None = None,
) -> Rest:
    """States of rest close to integrated states.

    Parameters
    ----------
    rates
        dy/dt (runs, n), zero for states that are held.
    jacobian
        Entries (runs, nnz) in the order of `pattern`, zero in the rows of states that are held.
    pattern
        (2, nnz) rows and columns of the Jacobian's entries.
    settled
        (runs, n), where integration has got to.
    parameters
        (runs, parameters).
    moieties
        (m, n) linearly independent coefficients of the conserved totals.
    start
        (runs, n), where integration began: gives the totals, and what is absent from the start.
    rtol, atol
        Tolerances of the integration: how well the integrated states are known, and what counts as
        nothing.
    weights
        (runs, n) what states are multiplied with before `moieties` apply; default 1.
    algebraic
        States without a rate: `rates` gives the residual of their constraint.
    """
    runs, n = settled.shape
    constrained = np.zeros(n, bool)
    constrained[[] if algebraic is None else algebraic] = True
    structure = Structure(pattern, moieties, constrained)
    weights = np.ones_like(settled) if weights is None else weights
    whole = Problem(rates, jacobian, structure, parameters, weights, start, rtol, atol)
    rest = Rest(
        np.full((runs, n), np.nan),
        np.full(runs, int(Verdict.NOT_AT_REST)),
        np.full(runs, np.nan),
        np.full(runs, np.inf),
        np.full(runs, np.nan),
        np.zeros(runs, np.int64),
    )
    known: dict[bytes, tuple[Block, ...]] = {}
    per_run = sum(b.states.size**2 for b in decompose(structure, np.zeros(n, bool)))
    size = max(1, NUMBERS // max(1, per_run + 4 * pattern.shape[1]))
    with np.errstate(all="ignore"):
        for first in range(0, runs, size):
            part = np.arange(first, min(first + size, runs))
            fixed, possible = fixed_states(whole.pick(part), settled[part])
            kinds, kind = np.unique(fixed, axis=0, return_inverse=True)
            for k, mask in enumerate(kinds):
                group = part[(kind.reshape(-1) == k) & possible]
                if mask.tobytes() not in known:
                    known[mask.tobytes()] = decompose(structure, mask)
                problem = whole.pick(group)._replace(blocks=known[mask.tobytes()])
                _polish(problem, settled[group], rest, group)
    return rest


def _polish(problem: Problem, settled: Array, rest: Rest, runs: Indices) -> None:
    """Find and judge the roots of a group of runs, whose places in `rest` are given."""
    y, reached, rest.iterations[runs] = _iterate(problem, settled)
    rest.error[runs] = error = _root_error(problem, y, reached)
    root = error <= DETERMINED
    continuum = _in_continuum(problem, settled, ~root)
    y = np.where(continuum[:, None], settled, y)
    found = np.flatnonzero(root | continuum)
    if not found.size:
        return
    rest.moved[runs[found]] = moved = distance(y[found], settled[found], problem.atol)
    part = problem.pick(found)
    y[found] = without_remainders(part, y[found])
    grown = growth(
        problem.structure,
        problem.blocks,
        problem.jacobian(y[found], part.parameters),
        part.weights,
        _unit(y[found], problem.atol),
    )
    rest.growth[runs[found]] = grown.rate
    verdict = np.where(continuum[found], Verdict.CONTINUUM, Verdict.AT_REST)
    unstable = grown.excess > 0
    # Farther off than its errors reach, the integration follows what grows: the run only passes.
    on_it = np.where(moved <= problem.rtol, Verdict.UNSTABLE, Verdict.NOT_AT_REST)
    rest.verdict[runs[found]] = np.where(unstable, on_it, verdict)
    rest.states[runs[found[~unstable]]] = y[found[~unstable]]


def fixed_states(problem: Problem, y: Array) -> tuple[Mask, Mask]:
    """States that cannot move, (runs, n), and which runs (runs,) can be at rest at all.

    A state cannot move when it has been zero from the start and is made from nothing but states
    like it (the face of the positive orthant on which they vanish is invariant); when it is held;
    or when its rate is zero and depends, at y, on nothing that moves. A rate that depends on
    nothing and is not zero excludes rest.
    """
    rows, columns = problem.structure.pattern
    speed = problem.rates(y, problem.parameters)
    jacobian = problem.jacobian(y, problem.parameters)
    acts = jacobian != 0
    rated = ~problem.structure.algebraic
    fixed = (problem.start == 0) & (y == 0) & (speed == 0) & rated
    while True:
        leaving = _in_rows(acts & fixed[:, rows] & ~fixed[:, columns], rows, fixed)
        if not leaving.any():
            break
        fixed &= ~leaving
    while True:
        idle = ~_in_rows(acts & ~fixed[:, columns], rows, fixed) & rated
        more = idle & (speed == 0) & ~fixed
        if not more.any():
            break
        fixed |= more
    finite = np.isfinite(speed).all(axis=1) & np.isfinite(jacobian).all(axis=1)
    return fixed, finite & ~(idle & (speed != 0)).any(axis=1)


def _in_rows(entries: Mask, rows: Indices, like: Mask) -> Mask:
    """Rows (runs, n) that have any of the entries (runs, nnz)."""
    found = np.zeros_like(like)
    if rows.size:
        order = np.argsort(rows, kind="stable")
        by_row = sums(rows[order])
        found[:, by_row.rows] = by_row.of(entries[:, order].astype(np.int64)) > 0
    return found


def linearise(problem: Problem, y: Array) -> tuple[Reduced, Array]:
    """The reduced systems at y, and the right-hand sides (runs, n, 1) of a Newton step."""
    reduced = reduce(
        problem.structure,
        problem.blocks,
        problem.jacobian(y, problem.parameters),
        problem.weights,
        _unit(y, problem.atol),
    )
    speed = problem.rates(y, problem.parameters)
    missing = problem.weights * (problem.start - y)
    return reduced, right_hand_side(reduced, -speed[:, :, None], missing[:, :, None])


def _iterate(problem: Problem, settled: Array) -> tuple[Array, Mask, Indices]:
    """Newton steps: where they lead (runs, n), which runs converged close by, and step counts.

    Nothing is damped but at zero, where states that began non-negative stop: a root that undamped
    steps do not reach from within CLOSE is not the one that integration is about to settle on.
    """
    y, atol = settled.copy(), problem.atol
    reached, steps = np.zeros(len(y), bool), np.zeros(len(y), np.int64)
    last, last_moved = np.full((2, len(y)), np.inf)
    signed = (problem.start >= 0) & (settled >= 0)
    active = np.arange(len(y))
    for iteration in range(MAX_ITERATIONS):
        if not active.size:
            break
        here = y[active]
        reduced, right = linearise(problem.pick(active), here)
        step = solve(reduced, right)[:, :, 0] * reduced.column
        here += step
        here[signed[active] & (here < 0)] = 0.0  # a root below zero is then never reached
        y[active] = here
        steps[active] += 1
        size = _size(step, reduced.column, 0.5 * VANISHED * atol)
        moved = _size(step, reduced.column, atol)
        stalled = (size <= STALLED) & (size > 0.5 * last[active])
        converged = (size <= CONVERGED) | stalled
        near = distance(here, settled[active], atol) <= CLOSE
        contracts = moved <= np.maximum(STALLED, CONTRACTION * last_moved[active])
        reached[active[converged & near]] = True
        last[active], last_moved[active] = size, moved
        active = active[~converged & near & (contracts | (iteration < 2))]
    return y, reached, steps


def _unit(y: Array, atol: float) -> Array:
    """Unit in which changes of the states are counted."""
    return np.maximum(np.abs(y), atol)


def _size(change: Array, unit: Array, nothing: float) -> Array:
    """Largest change (runs,) of a state in its unit, less what counts as nothing; NaN if one is."""
    return np.asarray((np.maximum(np.abs(change) - nothing, 0.0) / unit).max(axis=1, initial=0.0))


def distance(y: Array, settled: Array, atol: float) -> Array:
    """Largest relative distance (runs,) between states, where they differ by more than atol."""
    larger = np.maximum(np.abs(y), np.abs(settled))
    return _size(y - settled, np.where(larger > 0, larger, 1.0), atol)


def without_remainders(problem: Problem, y: Array) -> Array:
    """States (runs, n) at rest, with exact zeros for what has decayed and nothing makes any more.

    Of the states below VANISHED atol those stay that have a rate when the others are zero: they are
    small, and not on their way to zero.
    """
    zero = np.abs(y) < VANISHED * problem.atol
    while True:
        cleared = np.where(zero, 0.0, y)
        made = zero & (problem.rates(cleared, problem.parameters) != 0)
        if not made.any():
            return cleared
        zero &= ~made


def _root_error(problem: Problem, y: Array, reached: Mask) -> Array:
    """Relative error (runs,) that roots may have; inf for runs that have not reached one.

    What is left of the residual, and round-off in the rates with signs drawn at random: where the
    matrix is singular to round-off, no draw misses it.
    """
    error = np.full(len(y), np.inf)
    runs = np.flatnonzero(reached)
    if runs.size:
        reduced, right = linearise(problem.pick(runs), y[runs])
        signs = np.random.default_rng(1).choice([-1.0, 1.0], (y.shape[1], PROBES))
        signs[problem.fixed] = 0.0
        probes = np.broadcast_to(RESIDUAL_ROUND_OFF * signs, (runs.size, *signs.shape))
        change = solve(reduced, np.concatenate([right, probes], axis=2))
        change = np.abs(change[:, :, :1]).max(axis=2) + np.abs(change[:, :, 1:]).max(axis=2)
        size = _size(change * reduced.column, reduced.column, VANISHED * problem.atol)
        error[runs] = np.nan_to_num(size, nan=np.inf)
    return error


def _in_continuum(problem: Problem, settled: Array, asked: Mask) -> Mask:
    """Which of the runs asked about are at rest where the reduced system is singular.

    The reduced system is solved in the sense of least squares: in the directions that it determines
    the state must be within RESTING of rest, and in the others nothing but round-off may drive it.
    """
    found = np.zeros(len(settled), bool)
    runs = np.flatnonzero(asked)
    if not runs.size:
        return found
    reduced, right = linearise(problem.pick(runs), settled[runs])
    # Rows sum to at most 1: a run farther from balance cannot pass, and is spared the work.
    for k in np.flatnonzero(np.abs(right).max(axis=(1, 2), initial=0.0) <= 2 * RESTING):
        matrix, states = dense(reduced, int(k))
        left, size, directions = np.linalg.svd(matrix)
        drive = left.T @ right[k, states, 0]
        free = size < SINGULAR
        change = directions.T @ np.where(free, 0.0, drive / np.where(free, 1.0, size))
        found[runs[k]] = (
            free.any()
            and np.abs(change).max() <= RESTING
            and np.abs(drive[free]).max() <= 10 * RESIDUAL_ROUND_OFF
        )
    return found
