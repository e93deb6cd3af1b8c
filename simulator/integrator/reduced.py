"""The equations of rest, f(y) = 0 with conserved totals given, and their linear systems in batches.

Conserved totals make the Jacobian singular: each is one combination of rates that vanishes whatever
y is. One row for every total is therefore replaced by the total itself, which leaves as many
independent equations as unknowns (the reduced system; Reder 1988,
doi:10.1016/S0022-5193(88)80073-0). The same matrix, at the root, gives the derivatives of the root
by any parameter (implicit function theorem): the right-hand side is then the derivative of the
rates and of the totals.

Unknowns are scaled by the states and rows by the gross turnover of the state, so that every entry
is at most 1, residuals are fractions of a turnover and steps fractions of a state.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]

DENSE_LIMIT = 300
"""Largest number of states that is solved densely, by LAPACK; sparse LU (SuperLU) above."""

INDEPENDENT = 1e-9
"""Coefficient below which a state is not in a combination of moieties: coefficients are small whole
numbers, so what eliminations leave of a dependent moiety is round-off."""


class Structure(NamedTuple):
    """What the reduced systems of all runs share.

    pattern : (2, nnz) rows and columns of the Jacobian's entries.
    moieties : (m, n) coefficients of the conserved totals.
    algebraic : (n,) states without a rate, whose row is a constraint.
    """

    pattern: Indices
    moieties: Array
    algebraic: Mask


class Reduced(NamedTuple):
    """Scaled reduced systems of a block of runs.

    entries : (runs, nnz) of the Jacobian, scaled, zero in rows that are replaced or fixed.
    totals : (runs, m, n) scaled rows of the totals, zero where one says nothing.
    replaced : (runs, m) row whose place each total takes, -1 where it says nothing.
    fixed : (runs, n) states that do not move.
    row : (runs, n) what the rates were multiplied with.
    total : (runs, m) what the totals were multiplied with.
    column : (runs, n) unit in which each state's change is counted.
    """

    structure: Structure
    entries: Array
    totals: Array
    replaced: Indices
    fixed: Mask
    row: Array
    total: Array
    column: Array


def reduce(
    structure: Structure,
    jacobian: Array,
    weights: Array,
    column: Array,
    fixed: Mask,
    replaced: Indices | None = None,
) -> Reduced:
    """The reduced systems at some states.

    Parameters
    ----------
    jacobian
        (runs, nnz) entries.
    weights
        (runs, n), what turns states into the amounts that totals count.
    column
        (runs, n) > 0, unit in which each state's change is counted.
    fixed
        (runs, n) states that do not move.
    replaced
        (runs, m) rows to replace by totals; default: for each total the row of largest turnover
        among its states, where round-off is largest and so least is lost.
    """
    rows, columns = structure.pattern
    scaled = np.where(fixed[:, rows] | fixed[:, columns], 0.0, jacobian * column[:, columns])
    turnover = row_sums(np.abs(scaled), rows, column.shape[1])
    row = 1.0 / np.where(turnover > 0, turnover, 1.0)
    totals = structure.moieties * np.where(fixed, 0.0, weights * column)[:, None, :]
    if replaced is None:
        replaced = _rows_to_replace(structure, fixed, weights * turnover)
    gone = np.zeros_like(fixed)
    run, which = np.nonzero(replaced >= 0)
    gone[run, replaced[run, which]] = True
    size = np.abs(totals).sum(axis=2)
    total = np.where(replaced >= 0, 1.0 / np.where(size > 0, size, 1.0), 0.0)
    return Reduced(
        structure,
        np.where(gone[:, rows], 0.0, scaled * row[:, rows]),
        totals * total[:, :, None],
        replaced,
        fixed,
        np.where(gone | fixed, 0.0, row),
        total,
        column,
    )


def row_sums(values: Array, rows: Indices, n: int) -> Array:
    """Sums (runs, n) of entries (runs, nnz) over the rows that they lie in."""
    sums = np.zeros((len(values), n))
    if rows.size:
        order = np.argsort(rows, kind="stable")
        present, first = np.unique(rows[order], return_index=True)
        sums[:, present] = np.add.reduceat(values[:, order].astype(float), first, axis=1)
    return sums


def _rows_to_replace(structure: Structure, fixed: Mask, turnover: Array) -> Indices:
    """For every total the row that it replaces, by elimination with pivots of largest turnover."""
    left = np.where(fixed[:, None, :], 0.0, structure.moieties)
    runs, count = left.shape[:2]
    replaced = np.full((runs, count), -1, np.int64)
    every = np.arange(runs)
    present = structure.moieties != 0
    shares = (present.astype(float) @ present.T.astype(float)) > 0
    for k in range(count):
        part = np.abs(left[:, k])
        pivot = np.where(part > INDEPENDENT, part * turnover, -1.0).argmax(axis=1)
        says = part[every, pivot] > INDEPENDENT
        replaced[says, k] = pivot[says]
        value = np.where(says, left[every, k, pivot], np.inf)
        for later in k + 1 + np.flatnonzero(shares[k, k + 1 :]):
            ratio = left[every, later, pivot] / value
            left[:, later] -= ratio[:, None] * left[:, k]
            left[every, later, pivot] = 0.0
            shares[later] |= shares[k]
    return replaced


def right_hand_side(reduced: Reduced, rates: Array, totals: Array) -> Array:
    """Right-hand sides (runs, n, sides) from rates (runs, n, sides) and totals (runs, m, sides).

    For a Newton step these are -f and the totals' missing parts; for the derivatives of the root by
    parameters, -df/dp and the derivatives of the totals.
    """
    right = rates * reduced.row[:, :, None]
    run, which = np.nonzero(reduced.replaced >= 0)
    right[run, reduced.replaced[run, which]] = (totals * reduced.total[:, :, None])[run, which]
    return right


def solve(reduced: Reduced, right: Array) -> Array:
    """Solutions (runs, n, sides), in units of `column`; NaN for runs whose system is singular."""
    n = reduced.fixed.shape[1]
    if n <= DENSE_LIMIT:
        return solve_dense(dense(reduced), right)
    return np.stack([_solve_sparse(reduced, run, right[run]) for run in range(len(right))])


def inverse(reduced: Reduced) -> Array:
    """Inverses (runs, n, n) of the reduced systems; NaN for runs whose system is singular."""
    runs, n = reduced.fixed.shape
    return solve(reduced, np.broadcast_to(np.eye(n), (runs, n, n)))


def solve_dense(matrix: Array, right: Array) -> Array:
    """Solutions of stacked systems; NaN where the matrix is exactly singular."""
    try:
        return np.asarray(np.linalg.solve(matrix, right), float)
    except np.linalg.LinAlgError:  # does not say which
        if len(matrix) == 1:
            return np.full_like(right, np.nan)
        return np.concatenate(
            [solve_dense(matrix[r : r + 1], right[r : r + 1]) for r in range(len(matrix))]
        )


def dense(reduced: Reduced) -> Array:
    """Matrices (runs, n, n)."""
    runs, n = reduced.fixed.shape
    matrix = np.zeros((runs, n, n))
    rows, columns = reduced.structure.pattern
    matrix[:, rows, columns] = reduced.entries
    run, which = np.nonzero(reduced.replaced >= 0)
    matrix[run, reduced.replaced[run, which]] = reduced.totals[run, which]
    run, state = np.nonzero(reduced.fixed)
    matrix[run, state, state] = 1.0
    return matrix


def _solve_sparse(reduced: Reduced, run: int, right: Array) -> Array:
    from scipy.sparse import csc_array
    from scipy.sparse.linalg import splu

    n = reduced.fixed.shape[1]
    rows, columns = reduced.structure.pattern
    says = np.flatnonzero(reduced.replaced[run] >= 0)
    which, state = np.nonzero(reduced.totals[run, says])
    fixed = np.flatnonzero(reduced.fixed[run])
    matrix = csc_array(
        (
            np.concatenate(
                [reduced.entries[run], reduced.totals[run, says][which, state], np.ones(fixed.size)]
            ),
            (
                np.concatenate([rows, reduced.replaced[run, says][which], fixed]),
                np.concatenate([columns, state, fixed]),
            ),
        ),
        shape=(n, n),
    )
    try:
        return np.asarray(splu(matrix).solve(np.ascontiguousarray(right)))
    except RuntimeError:  # "Factor is exactly singular"
        return np.full(right.shape, np.nan)
