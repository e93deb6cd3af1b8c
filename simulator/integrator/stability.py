"""Stability of states of rest: whether small perturbations that the model allows die out.

The eigenvalues are those of the Jacobian restricted to the perturbations that can happen:

- Conserved totals do not change, so perturbations keep them: the Jacobian acts on the null space
  of the moieties, where it has none of the zero eigenvalues that conservation gives it.
- States that are fixed (exactly zero from the start, and made from nothing but one another) stay
  zero: the face of the positive orthant on which they vanish is invariant, and no perturbation of
  a deterministic model leaves it. Directions into them do not count.

They are computed for one strongly connected component after the other. Where one contains
constraints (states without a rate) the eigenvalues are those of the pencil, by elimination of the
constrained states.
"""

from typing import NamedTuple

import numpy as np

from .blocks import Array, Blocks, Mask, Structure
from .reduced import solve_stacked

ROUND_OFF = 1e-12
"""Real part, relative to the norm of the (scaled) block, below which an eigenvalue may be zero: the
error of a computed eigenvalue is a modest multiple of 2.2e-16 times that norm."""


class Growth(NamedTuple):
    """Fastest growth of a perturbation, per unit of time.

    rate : (runs,) largest real part of an eigenvalue; -inf where nothing can move.
    excess : (runs,) largest real part beyond what round-off makes of a zero; > 0 = unstable.
    """

    rate: Array
    excess: Array


def growth(
    structure: Structure, blocks: Blocks, free: Mask, jacobian: Array, weights: Array, scale: Array
) -> Growth:
    """Growth of the fastest perturbation at states of rest.

    Parameters
    ----------
    blocks
        From `structure.blocks`; no perturbation moves the states in none of them.
    free
        (runs, n) states that perturbations move.
    jacobian
        (runs, nnz) entries.
    weights
        (runs, n), what turns states into the amounts that totals count.
    scale
        (runs, n) > 0, unit in which each state's perturbation is counted.
    """
    rows, columns = structure.pattern
    scaled = jacobian * scale.take(columns, axis=1) / scale.take(rows, axis=1)
    usable = np.isfinite(scaled).all(axis=1)
    moving = free.take(rows, axis=1) & free.take(columns, axis=1) & usable[:, None]
    scaled = np.where(moving, scaled, 0.0)
    amount = weights * scale
    # Where totals leave one direction its eigenvalue is the sum of all, since theirs are zero.
    sums = blocks.diagonal.of(scaled)
    excess = sums - ROUND_OFF * blocks.diagonal.of(np.abs(scaled))
    found = [np.where(blocks.diagonal.of(moving.astype(float)) > 0, [sums, excess], -np.inf)]
    for component in blocks.components:
        k, own = component.states.size, free.take(component.states, axis=1)
        if not own.any():
            continue
        flat = np.zeros((len(scaled), k * k))
        flat[:, component.place] = scaled.take(component.entries, axis=1)
        matrix = flat.reshape(-1, k, k)
        totals = component.totals * amount.take(component.states, axis=1)[:, None]
        if not own.all():
            totals = _without(matrix, totals, own)
        one = _block_growth(matrix, totals, structure.algebraic[component.states])
        found.append(np.where(own.any(axis=1), one, -np.inf)[:, :, None])
    worst = np.concatenate(found, axis=2).max(axis=2, initial=-np.inf)
    return Growth(*np.where(usable, worst, np.inf))


def _without(matrix: Array, totals: Array, free: Mask) -> Array:
    """Let states that do not move decay, faster than all others; and totals without them.

    Totals of such states alone stay as they are: they say nothing about the others.
    """
    k = np.arange(matrix.shape[1])
    faster = 2 * np.abs(matrix).sum(axis=2).max(axis=1, keepdims=True) + np.finfo(float).tiny
    matrix[:, k, k] -= np.where(free, 0.0, faster)
    left = totals * free[:, None]
    return np.where(left.any(axis=2, keepdims=True), left, totals)


def _block_growth(matrix: Array, totals: Array, algebraic: Mask) -> Array:
    """Growth within components (runs, k, k) with totals (runs, t, k)."""
    usable: Mask = np.ones(len(matrix), bool)
    if algebraic.any():
        matrix, totals = _eliminate(matrix, algebraic), totals[:, :, ~algebraic]
        usable = np.asarray(np.isfinite(matrix).all(axis=(1, 2)))
        matrix[~usable] = 0.0
    count = totals.shape[1]
    if count:
        # An orthonormal basis of the perturbations that keep the totals.
        basis = np.linalg.qr(totals.swapaxes(1, 2), mode="complete").Q[:, :, count:]
        matrix = basis.swapaxes(1, 2) @ matrix @ basis
    runs, k = matrix.shape[:2]
    if k == 0:
        return np.full((2, runs), -np.inf)
    rate = np.linalg.eigvals(matrix).real.max(axis=1)
    norm = np.abs(matrix).sum(axis=2).max(axis=1)
    return np.where(usable, [rate, rate - ROUND_OFF * k * norm], np.inf)


def _eliminate(matrix: Array, algebraic: Mask) -> Array:
    """Jacobian of the states with rates when the constraints among `algebraic` hold."""
    rated = ~algebraic
    below = matrix[:, algebraic]
    # NaN where the constraints do not determine their states: no perturbation is well defined.
    response = solve_stacked(below[:, :, algebraic], below[:, :, rated])
    return matrix[:, rated][:, :, rated] - matrix[:, rated][:, :, algebraic] @ response
