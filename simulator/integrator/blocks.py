"""Decomposition of a system at rest into blocks of states that act on one another.

The strongly connected components of the Jacobian's pattern, put in an order in which each comes
after all that act on it, make the matrix block triangular: it is solved block by block, and its
eigenvalues are those of the diagonal blocks.

Conserved totals fit in. Written so that each begins in the last block it reaches and no two begin
alike (echelon form from the last block backwards), a total says something about its last block,
given the blocks before; and its part in that block is a left null vector of the diagonal block.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]

INDEPENDENT = 1e-9
"""Coefficient below which a state is not in a combination of moieties: coefficients are small whole
numbers, so what eliminations leave of a dependent moiety is round-off."""


class Structure(NamedTuple):
    """What the equations of all runs share.

    pattern : (2, nnz) rows and columns of the Jacobian's entries.
    moieties : (m, n) coefficients of the conserved totals.
    algebraic : (n,) states without a rate, whose row is a constraint.
    """

    pattern: Indices
    moieties: Array
    algebraic: Mask


class Sums(NamedTuple):
    """Sums of entries that lie in the same row: entries sorted by row, and where rows begin."""

    rows: Indices
    first: Indices

    def of(self, values: Array) -> Array:
        """Sums (runs, rows, ...) of values (runs, entries, ...)."""
        return np.asarray(np.add.reduceat(values, self.first, axis=1))


class Block(NamedTuple):
    """One strongly connected component of k states, with what acts on it from earlier blocks.

    states : (k,) in ascending order.
    entries, place : (e,) entries of the Jacobian within the block, and where they lie in the
        flattened (k, k) matrix.
    feeding, sources : (f,) entries from earlier blocks, sorted by row, and the states they act by.
    fed : rows of the block that they lie in.
    totals : (t, n) totals whose last block this is.
    earlier : (u,) states of earlier blocks in those totals.
    """

    states: Indices
    entries: Indices
    place: Indices
    feeding: Indices
    sources: Indices
    fed: Sums
    totals: Array
    earlier: Indices


def sums(rows: Indices) -> Sums:
    """Sums over entries whose rows are ascending."""
    present, first = np.unique(rows, return_index=True)
    return Sums(present, first)


def decompose(structure: Structure, fixed: Mask) -> tuple[Block, ...]:
    """Blocks of the states that are not fixed, each after all that act on it."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    active, n = ~fixed, fixed.size
    rows, columns = structure.pattern
    seen = np.flatnonzero(active[rows] & active[columns])
    seen = seen[np.argsort(rows[seen], kind="stable")]
    edges = (np.ones(seen.size), (columns[seen], rows[seen]))
    count, label = connected_components(csr_array(edges, shape=(n, n)), connection="strong")
    place = _order(count, label[columns[seen]], label[rows[seen]])[label]
    totals = _totals_by_block(structure.moieties, active, place)
    inside = np.empty(n, np.int64)
    blocks = []
    for b in range(count):
        states = np.flatnonzero((place == b) & active)
        if not states.size:
            continue
        inside[states] = np.arange(states.size)
        own = seen[place[rows[seen]] == b]
        within = place[columns[own]] == b
        entries, feeding = own[within], own[~within]
        carried = np.array(totals.get(b, [])).reshape(-1, n)
        earlier = np.flatnonzero(carried.any(axis=0) & active & (place != b))
        blocks.append(
            Block(
                states,
                entries,
                inside[rows[entries]] * states.size + inside[columns[entries]],
                feeding,
                columns[feeding],
                sums(inside[rows[feeding]]),
                carried,
                earlier,
            )
        )
    return tuple(blocks)


def _totals_by_block(moieties: Array, active: Mask, place: Indices) -> dict[int, list[Array]]:
    """Combinations of the moieties, by the block in which each begins; none begin alike.

    Moieties of fixed states alone, and those that depend on others without the fixed states, say
    nothing and are left out.
    """
    left = moieties.copy()
    columns = np.flatnonzero(active & (left != 0).any(axis=0))
    carried: dict[int, list[Array]] = {}
    k = 0
    for column in columns[np.argsort(-place[columns], kind="stable")]:
        holders = k + np.flatnonzero(np.abs(left[k:, column]) > INDEPENDENT)
        if not holders.size:
            continue
        left[[k, holders[0]]] = left[[holders[0], k]]
        for other in holders[holders > k]:
            left[other] -= left[other, column] / left[k, column] * left[k]
            left[other, column] = 0.0
        carried.setdefault(int(place[column]), []).append(left[k])
        k += 1
    return carried


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
