"""Stability of states of rest: whether small perturbations that the model allows die out.

The eigenvalues are those of the Jacobian restricted to the perturbations that can happen:

- Conserved totals do not change, so perturbations keep them: the Jacobian acts on the null space
  of the moieties, where it has none of the zero eigenvalues that conservation gives it.
- States that are fixed (exactly zero from the start, and made from nothing but one another) stay
  zero: the face of the positive orthant on which they vanish is invariant, and no perturbation of
  a deterministic model leaves it. Directions into them do not count.

They are computed block by block. Where a block contains constraints (states without a rate) the
eigenvalues are those of the pencil, by elimination of the constrained states.
"""

from typing import NamedTuple

import numpy as np

from .blocks import Array, Block, Mask, Structure
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
    structure: Structure,
    blocks: tuple[Block, ...],
    jacobian: Array,
    weights: Array,
    scale: Array,
) -> Growth:
    """Growth of the fastest perturbation at states of rest.

    Parameters
    ----------
    blocks
        From `decompose`; no perturbation moves the states in none of them.
    jacobian
        (runs, nnz) entries.
    weights
        (runs, n), what turns states into the amounts that totals count.
    scale
        (runs, n) > 0, unit in which each state's perturbation is counted.
    """
    runs = len(jacobian)
    rows, columns = structure.pattern
    scaled = jacobian * scale[:, columns] / scale[:, rows]
    combined = weights * scale
    rate, excess = np.full((2, runs), -np.inf)
    for block in blocks:
        k = block.states.size
        matrix = np.zeros((runs, k * k))
        matrix[:, block.place] = scaled[:, block.entries]
        totals = block.totals[:, block.states] * combined[:, None, block.states]
        algebraic = structure.algebraic[block.states]
        found = _block_growth(matrix.reshape(runs, k, k), totals, algebraic)
        rate, excess = np.maximum(rate, found.rate), np.maximum(excess, found.excess)
    return Growth(rate, excess)


def _block_growth(matrix: Array, totals: Array, algebraic: Mask) -> Growth:
    """Growth within diagonal blocks (runs, k, k) with totals (runs, t, k)."""
    if algebraic.any():
        matrix, totals = _eliminate(matrix, algebraic), totals[:, :, ~algebraic]
    if totals.shape[1]:
        # An orthonormal basis of the perturbations that keep the totals.
        size = np.linalg.norm(totals, axis=2, keepdims=True)
        basis = np.linalg.qr(np.swapaxes(totals / size, 1, 2), mode="complete").Q
        basis = basis[:, :, totals.shape[1] :]
        matrix = np.swapaxes(basis, 1, 2) @ matrix @ basis
    runs, k = matrix.shape[:2]
    if k == 0:
        return Growth(*np.full((2, runs), -np.inf))
    usable = np.isfinite(matrix).all(axis=(1, 2))
    rate = np.full(runs, np.inf)
    if k == 1:
        rate[usable] = matrix[usable, 0, 0]
    else:
        rate[usable] = np.linalg.eigvals(matrix[usable]).real.max(axis=1)
    norm = np.abs(matrix).sum(axis=2).max(axis=1)
    return Growth(rate, np.where(usable, rate - ROUND_OFF * k * norm, np.inf))


def _eliminate(matrix: Array, algebraic: Mask) -> Array:
    """Jacobian of the states with rates when the constraints among `algebraic` hold."""
    rated = ~algebraic
    below = matrix[:, algebraic]
    # NaN where the constraints do not determine their states: no perturbation is well defined.
    response = solve_stacked(below[:, :, algebraic], below[:, :, rated])
    return matrix[:, rated][:, :, rated] - matrix[:, rated][:, :, algebraic] @ response
