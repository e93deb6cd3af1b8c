"""States of rest by Newton's method, from where an integration has nearly come to rest.

Integration finds which state of rest a system goes to; Newton's method finds its digits, and proves
that there is one. It only polishes: the root must lie close to the integrated state, with the
conserved totals of the initial state, and small perturbations must not grow from it. A run for
which any of this fails gets a verdict and no numbers.

Each run is computed as if it were alone.
"""

from collections.abc import Callable
from enum import IntEnum
from functools import cache
from typing import NamedTuple

import numpy as np

from .blocks import Array, Blocks, Indices, Mask, Structure
from .reduced import Reduced, dense, reduce, right_hand_side, solve
from .stability import growth

Batch = Callable[[Array, Array], tuple[Array, Array]]
"""Rates (runs, n) and entries of the Jacobian (runs, nnz), of states and parameters of runs."""

CLOSE = 1e-3
"""Largest relative distance of any state between the integrated state and the root. Well beyond
what is left of a perturbation that has stopped being seen, and well within the distance at which
states of rest lie from one another."""

CONVERGED = 1e-13
"""Relative change of any state that may be left to step: there is nothing more to gain."""

QUADRATIC = 1e-6
"""Largest relative step that is trusted to say, with the one before it, how short the next would
be: convergence is quadratic, so ratios of steps are squared."""

STALLED = 1e-9
"""Relative step below which one that no longer shrinks is round-off in the rates."""

CONTRACTION = 0.25
"""Largest ratio of a step to the one before it, from the third on, while states above atol move.
From within its reach Newton's method converges quadratically. Slower convergence means that the
root is not within reach, or that there is none and the rates only come near zero (a bottleneck)."""

MAX_ITERATIONS = 20
"""Two or three are usual; a state that decays slower than exponentially takes ten to go from atol
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
    """Equations of rest of some runs: what `newton_batch` is given.

    blocks : of all states that can move in any of the runs.
    free : (runs, n) those that can move.
    """

    linear: Batch
    structure: Structure
    blocks: Blocks
    free: Mask
    parameters: Array
    weights: Array
    start: Array
    rtol: float
    atol: float

    def pick(self, runs: Indices) -> "Problem":
        """The same for some of the runs."""
        return self._replace(
            free=self.free[runs],
            parameters=self.parameters[runs],
            weights=self.weights[runs],
            start=self.start[runs],
        )


def newton_batch(
    linear: Batch,
    structure: Structure,
    settled: Array,
    parameters: Array,
    *,
    start: Array,
    rtol: float,
    atol: float,
    weights: Array | None = None,
) -> Rest:
    """States of rest close to integrated states.

    Parameters
    ----------
    linear
        dy/dt (runs, n) and the entries (runs, nnz) of the Jacobian in the order of the pattern;
        both are zero in the rows of states that are held. For states without a rate, the residual
        of their constraint.
    structure
        Pattern, conserved totals, and which states have no rate.
    settled
        (runs, n), where integration has got to.
    parameters
        (runs, parameters).
    start
        (runs, n), where integration began: gives the totals, and what is absent from the start.
    rtol, atol
        Tolerances of the integration: how well the integrated states are known, and what counts as
        nothing.
    weights
        (runs, n) what states are multiplied with before the totals count them; default 1.
    """
    runs, n = settled.shape
    weights = np.ones_like(settled) if weights is None else weights
    blocks, free = structure.blocks(np.zeros(n, bool)), np.ones((runs, n), bool)
    whole = Problem(linear, structure, blocks, free, parameters, weights, start, rtol, atol)
    rest = Rest(
        np.full((runs, n), np.nan),
        np.full(runs, int(Verdict.NOT_AT_REST)),
        np.full(runs, np.nan),
        np.full(runs, np.inf),
        np.full(runs, np.nan),
        np.zeros(runs, np.int64),
    )
    size = max(1, NUMBERS // max(1, blocks.size + 4 * structure.pattern.shape[1]))
    with np.errstate(all="ignore"):
        for first in range(0, runs, size):
            part = np.arange(first, min(first + size, runs))
            speed, slopes = linear(settled[part], parameters[part])
            fixed, possible = fixed_states(whole.pick(part), settled[part], speed, slopes)
            fixed, some = fixed[possible], np.flatnonzero(possible)
            for mask, members in structure.group(fixed).items():
                here = some[members]
                group = part[here]
                problem = whole.pick(group)._replace(
                    blocks=structure.blocks(np.frombuffer(mask, bool)), free=~fixed[members]
                )
                _polish(problem, settled[group], (speed[here], slopes[here]), rest, group)
    return rest


def _polish(
    problem: Problem, settled: Array, there: tuple[Array, Array], rest: Rest, runs: Indices
) -> None:
    """Find and judge the roots of a group of runs, whose places in `rest` are given.

    The rates and the Jacobian where they are settled are given.
    """
    y, error, rest.iterations[runs] = _iterate(problem, settled, there)
    rest.error[runs] = error
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
        part.free,
        problem.linear(y[found], part.parameters)[1],
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


def fixed_states(problem: Problem, y: Array, speed: Array, jacobian: Array) -> tuple[Mask, Mask]:
    """States that cannot move, (runs, n), and which runs (runs,) can be at rest at all.

    From states with their rates and Jacobian.

    A state cannot move when it has been zero from the start and is made from nothing but states
    like it (the face of the positive orthant on which they vanish is invariant); when it is held;
    or when its rate is zero and depends, at y, on nothing that moves. A rate that depends on
    nothing and is not zero excludes rest.
    """
    structure = problem.structure
    rows, columns = structure.pattern
    acts = jacobian != 0
    rated = ~structure.algebraic
    fixed = (problem.start == 0) & (y == 0) & (speed == 0) & rated
    while fixed.any():
        leaving = fixed & (structure.in_rows(acts & fixed[:, rows] & ~fixed[:, columns]) > 0)
        if not leaving.any():
            break
        fixed &= ~leaving
    while True:
        idle = (structure.in_rows(acts & ~fixed[:, columns]) == 0) & rated
        more = idle & (speed == 0) & ~fixed
        if not more.any():
            break
        fixed |= more
    finite = np.isfinite(speed).all(axis=1) & np.isfinite(jacobian).all(axis=1)
    return fixed, finite & ~(idle & (speed != 0)).any(axis=1)


def linearise(
    problem: Problem, y: Array, there: tuple[Array, Array] | None = None
) -> tuple[Reduced, Array]:
    """The systems at y, and the right-hand sides (runs, n, 1) of a Newton step.

    The rates and the Jacobian at y are taken where they are given.
    """
    speed, jacobian = there or problem.linear(y, problem.parameters)
    reduced = reduce(
        problem.structure,
        problem.blocks,
        problem.free,
        jacobian,
        problem.weights,
        _unit(y, problem.atol),
    )
    missing = problem.weights * (problem.start - y)
    return reduced, right_hand_side(reduced, -speed[:, :, None], missing[:, :, None])


def _iterate(
    problem: Problem, settled: Array, there: tuple[Array, Array]
) -> tuple[Array, Array, Indices]:
    """Newton steps: where they lead (runs, n), the error of roots (runs,), and step counts.

    The error is what is left to step, and what round-off in the rates makes of the root, with signs
    drawn at random: where the matrix is singular to round-off, no draw misses it. It is inf for
    runs that do not converge close by.

    Nothing is damped but at zero, where states that began non-negative stop: a root that undamped
    steps do not reach from within CLOSE is not the one that integration is about to settle on.
    """
    y, atol = settled.copy(), problem.atol
    error, steps = np.full(len(y), np.inf), np.zeros(len(y), np.int64)
    last, last_moved = np.full((2, len(y)), np.inf)
    signed = (problem.start >= 0) & (settled >= 0)
    probes = _probes(y.shape[1]) * problem.free[:, :, None]
    active = np.arange(len(y))
    for iteration in range(MAX_ITERATIONS):
        if not active.size:
            break
        here = y[active]
        reduced, right = linearise(problem.pick(active), here, None if iteration else there)
        sides = np.empty((active.size, y.shape[1], 1 + PROBES))
        sides[:, :, :1], sides[:, :, 1:] = right, probes[active]
        change = solve(reduced, sides) * reduced.column[:, :, None]
        step = change[:, :, 0]
        here += step
        here[signed[active] & (here < 0)] = 0.0  # a root below zero is then never reached
        y[active] = here
        steps[active] += 1
        size = _size(step, reduced.column, 0.5 * VANISHED * atol)
        moved = _size(step, reduced.column, atol)
        stalled = (size <= STALLED) & (size > 0.5 * last[active])
        ratio = np.minimum(1.0, size / last[active]) if iteration else 1.0
        left = np.where(stalled, size, size * ratio**2)
        converged = stalled | ((left <= CONVERGED) & (size <= QUADRATIC))
        near = distance(here, settled[active], atol) <= CLOSE
        contracts = moved <= np.maximum(STALLED, CONTRACTION * last_moved[active])
        done = np.flatnonzero(converged & near)
        shaken = np.abs(change[done, :, 1:]).max(axis=2)
        shaken = _size(shaken, reduced.column[done], VANISHED * atol)
        error[active[done]] = np.fmin(left[done] + shaken, np.inf)  # NaN is inf
        last[active], last_moved[active] = size, moved
        active = active[~converged & near & (contracts | (iteration < 2))]
    return y, error, steps


@cache
def _probes(n: int) -> Array:
    """Errors of computed rates (n, PROBES), as fractions of turnovers."""
    return RESIDUAL_ROUND_OFF * np.random.default_rng(1).choice([-1.0, 1.0], (n, PROBES))


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
    while (zero & (y != 0)).any():
        cleared = np.where(zero, 0.0, y)
        made = zero & (problem.linear(cleared, problem.parameters)[0] != 0)
        if not made.any():
            return cleared
        zero &= ~made
    return y


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
    # Rows sum to 1, and as much for each total: a run farther from balance cannot pass.
    most = 2 * RESTING * (1 + len(reduced.blocks.totals.first))
    for k in np.flatnonzero(np.abs(right).max(axis=(1, 2), initial=0.0) <= most):
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
