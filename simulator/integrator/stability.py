"""Stability of states of rest: whether small perturbations that the model allows die out.

The eigenvalues are those of the Jacobian restricted to the perturbations that can happen:

- Conserved totals do not change, so perturbations keep them: the Jacobian acts on the null space
  of the moieties, where it has none of the zero eigenvalues that conservation gives it.
- States that are fixed (exactly zero from the start, and made from nothing but one another) stay
  zero: the face of the positive orthant on which they vanish is invariant, and no perturbation of
  a deterministic model leaves it. Directions into them do not count.

The Jacobian's pattern decomposes into strongly connected components; ordered by who acts on whom
the matrix is block triangular, and its eigenvalues are those of the diagonal blocks. Where a block
contains constraints (states without a rate) the eigenvalues are those of the pencil, by elimination
of the constrained states.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .reduced import INDEPENDENT, Array, Indices, Mask, Structure, solve_dense

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


class _Block(NamedTuple):
    """A strongly connected component, and the part of the moieties whose zeros it carries."""

    states: Indices
    moieties: Array


def growth(
    structure: Structure, jacobian: Array, weights: Array, scale: Array, fixed: Mask
) -> Growth:
    """Growth of the fastest perturbation at states of rest.

    Parameters
    ----------
    jacobian
        (runs, nnz) entries.
    weights
        (runs, n), what turns states into the amounts that totals count.
    scale
        (runs, n) > 0, unit in which each state's perturbation is counted.
    fixed
        (runs, n) states that no perturbation moves.
    """
    runs = len(jacobian)
    rows, columns = structure.pattern
    scaled = jacobian * scale[:, columns] / scale[:, rows]
    combined = weights * scale
    found = Growth(np.full(runs, -np.inf), np.full(runs, -np.inf))
    patterns, member = np.unique(fixed, axis=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        group = np.flatnonzero(member.reshape(-1) == k)
        for block in _blocks(structure, ~pattern):
            inside = np.full(fixed.shape[1], -1)
            inside[block.states] = np.arange(block.states.size)
            held = (inside[rows] >= 0) & (inside[columns] >= 0)
            matrix = np.zeros((group.size, block.states.size, block.states.size))
            matrix[:, inside[rows[held]], inside[columns[held]]] = scaled[group][:, held]
            totals = block.moieties * combined[group][:, None, block.states]
            rate, excess = _block_growth(matrix, totals, structure.algebraic[block.states])
            found.rate[group] = np.maximum(found.rate[group], rate)
            found.excess[group] = np.maximum(found.excess[group], excess)
    return found


def _block_growth(matrix: Array, totals: Array, algebraic: Mask) -> tuple[Array, Array]:
    """Largest real part of the eigenvalues of diagonal blocks (runs, k, k), and its excess."""
    if algebraic.any():
        matrix, totals = _eliminate(matrix, algebraic), totals[:, :, ~algebraic]
    runs = len(matrix)
    if totals.shape[1]:
        # An orthonormal basis of the perturbations that keep the totals.
        size = np.linalg.norm(totals, axis=2, keepdims=True)
        basis = np.linalg.qr(np.swapaxes(totals / size, 1, 2), mode="complete").Q
        basis = basis[:, :, totals.shape[1] :]
        matrix = np.swapaxes(basis, 1, 2) @ matrix @ basis
    if matrix.shape[1] == 0:
        return np.full(runs, -np.inf), np.full(runs, -np.inf)
    usable = np.isfinite(matrix).all(axis=(1, 2))
    values = np.full(matrix.shape[:2], np.inf + 0j)
    values[usable] = np.linalg.eigvals(matrix[usable])
    rate = values.real.max(axis=1)
    norm = np.abs(matrix).sum(axis=2).max(axis=1)
    excess = np.where(usable, rate - ROUND_OFF * matrix.shape[1] * norm, np.inf)
    return rate, excess


def _eliminate(matrix: Array, algebraic: Mask) -> Array:
    """Jacobian of the states with rates when the constraints among `algebraic` hold."""
    rated = ~algebraic
    below = matrix[:, algebraic]
    # NaN where the constraints do not determine their states: no perturbation is well defined.
    response = solve_dense(below[:, :, algebraic], below[:, :, rated])
    return matrix[:, rated][:, :, rated] - matrix[:, rated][:, :, algebraic] @ response


def _blocks(structure: Structure, active: Mask) -> list[_Block]:
    """Diagonal blocks of the active states, with the moieties that each carries.

    A zero eigenvalue of a moiety lies in the last of the blocks it reaches (in the order in which
    blocks act on one another): there the moiety's own part alone is a left null vector. Elimination
    of the moieties from the last block backwards makes these parts independent in each block.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n = active.size
    rows, columns = structure.pattern
    seen = active[rows] & active[columns]
    acts_on = csr_array((np.ones(seen.sum()), (columns[seen], rows[seen])), shape=(n, n))
    count, label = connected_components(acts_on, connection="strong")
    place = _order(count, label[columns[seen]], label[rows[seen]])[label]
    left = np.where(active, structure.moieties, 0.0)
    last_first = np.argsort(-place, kind="stable")
    last_first = last_first[np.asarray(left.any(axis=0))[last_first]]
    carried: dict[int, list[Array]] = {}
    k = 0
    for column in last_first:
        candidates = np.flatnonzero(np.abs(left[k:, column]) > INDEPENDENT)
        if not candidates.size:
            continue
        left[[k, k + candidates[0]]] = left[[k + candidates[0], k]]
        left[k + 1 :] -= np.outer(left[k + 1 :, column] / left[k, column], left[k])
        left[k + 1 :, column] = 0.0
        carried.setdefault(int(place[column]), []).append(left[k])
        k += 1
    blocks = []
    for b in range(count):
        states = np.flatnonzero((place == b) & active)
        if states.size:
            own = np.array(carried.get(b, [])).reshape(-1, n)
            blocks.append(_Block(states, own[:, states]))
    return blocks


def _order(count: int, source: NDArray[np.int32], target: NDArray[np.int32]) -> Indices:
    """Position of every component, so that each comes after all that act on it."""
    edges = np.unique(np.stack([source, target])[:, source != target], axis=1)
    after: list[list[int]] = [[] for _ in range(count)]
    waits = np.zeros(count, np.int64)
    for a, b in edges.T.tolist():
        after[a].append(b)
        waits[b] += 1
    ready = np.flatnonzero(waits == 0).tolist()
    place = np.empty(count, np.int64)
    for position in range(count):
        component = ready.pop()
        place[component] = position
        for other in after[component]:
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)
    return place
