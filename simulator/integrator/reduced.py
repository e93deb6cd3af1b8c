"""The equations of rest, f(y) = 0 with conserved totals given, and their linear systems in batches.

Conserved totals make the Jacobian singular: each is one combination of rates that vanishes whatever
y is (Reder 1988, doi:10.1016/S0022-5193(88)80073-0). What a total m y lacks is therefore added to
the rates, J dy + u m dy = -f + u (missing). For any u without a combination that the totals do not
see, this is regular where the totals determine the root, and its solution is the same: multiplied
with the totals' own combinations it reads m dy = missing, and then J dy = -f is left. The same
matrix, at the root, gives the derivatives of the root by any parameter (implicit function theorem):
the right-hand side is then the derivative of the rates and of the initial amounts.

Unknowns are scaled by the states and rows by the gross turnover of the state, so that entries are
of order 1, residuals are fractions of a turnover and steps fractions of a state. Round-off in the
rates is proportional to turnover, so u is the total's share of the turnover: the digits of slow
states do not suffer from fast ones.
"""

from typing import NamedTuple

import numpy as np

from .blocks import Array, Block, Blocks, Indices, Mask, Structure

DENSE_LIMIT = 96
"""Largest block that is solved densely; sparse LU (SuperLU) above. Up to here OpenBLAS factorises
in one thread: no number may depend on how many there are."""

PRODUCT_LIMIT = 2**17
"""Most multiplications in a dense product of matrices, for the same reason."""


class Reduced(NamedTuple):
    """Scaled systems of runs that share their blocks.

    matrices : (runs, size), those of all blocks, flattened.
    by : (runs, o) what the totals' lack is added to rows with, see `Totals.own`.
    total : (runs, t) what the totals are counted in.
    row : (runs, n) what the rates are multiplied with; zero for states that do not move.
    column : (runs, n) unit in which each state's change is counted.
    """

    blocks: Blocks
    matrices: Array
    by: Array
    total: Array
    row: Array
    column: Array

    def matrix(self, block: Block) -> Array:
        """The (runs, k, k + u) of one block."""
        flat = self.matrices[:, block.begin : block.end]
        return flat.reshape(-1, block.states.size, block.columns.size)


def reduce(
    structure: Structure, blocks: Blocks, free: Mask, jacobian: Array, weights: Array, column: Array
) -> Reduced:
    """The systems at some states.

    Parameters
    ----------
    blocks
        From `structure.blocks`; the states in none of them do not move.
    free
        (runs, n) which states move; for the others the equation is that they do not.
    jacobian
        (runs, nnz) entries.
    weights
        (runs, n), what turns states into the amounts that totals count.
    column
        (runs, n) > 0, unit in which each state's change is counted.
    """
    rows, columns = structure.pattern
    totals = blocks.totals
    scaled = jacobian * column.take(columns, axis=1)
    scaled *= free.take(columns, axis=1)
    turnover = structure.in_rows(np.abs(scaled))
    row = free / _positive(turnover)
    scaled *= row.take(rows, axis=1)
    amount = weights * column * free
    total, by = np.zeros((2, len(jacobian), 0))
    values = [scaled.take(blocks.entries, axis=1)]
    if totals.first.size:
        held = totals.coefficient * amount.take(totals.state, axis=1)
        total = 1.0 / _positive(np.add.reduceat(np.abs(held), totals.first, axis=1))
        held *= total.take(totals.number, axis=1)
        own = totals.state[totals.own]
        by = totals.coefficient[totals.own] * (amount * turnover).take(own, axis=1)
        most = _positive(np.maximum.reduceat(np.abs(by), totals.own_first, axis=1))
        by /= most.take(totals.number[totals.own], axis=1)
        values.append(by.take(totals.row, axis=1) * held.take(totals.column, axis=1))
    values.append(~free.take(blocks.moving, axis=1))
    matrices = np.zeros((len(jacobian), blocks.size))
    matrices[:, blocks.fill.target] = blocks.fill.of(np.concatenate(values, axis=1))
    return Reduced(blocks, matrices, by, total, row, column)


def _positive(values: Array) -> Array:
    """The values, with 1 in the place of zeros."""
    return np.where(values > 0, values, 1.0)


def right_hand_side(reduced: Reduced, rates: Array, amounts: Array) -> Array:
    """Right-hand sides (runs, n, sides) from rates and amounts, both (runs, n, sides).

    For a Newton step the rates are -f and the amounts those that the initial state has more; for
    derivatives of the root by parameters, -df/dp and the derivatives of the initial amounts.
    """
    right, totals = rates * reduced.row[:, :, None], reduced.blocks.totals
    if totals.first.size:
        amounts = totals.coefficient[:, None] * amounts.take(totals.state, axis=1)
        lack = np.add.reduceat(amounts, totals.first, axis=1) * reduced.total[:, :, None]
        lack = lack.take(totals.number[totals.own], axis=1)
        for side in range(right.shape[2]):
            added = totals.to_rows.of(reduced.by * lack[:, :, side])
            right[:, totals.to_rows.target, side] += added
    return right


def solve(reduced: Reduced, right: Array) -> Array:
    """Solutions (runs, n, sides), in units of `column`; NaN where a system is singular."""
    found, sides = np.zeros_like(right), right.shape[2]
    for block in reduced.blocks.blocks:
        k, matrix = block.states.size, reduced.matrix(block)
        here, before = right.take(block.states, axis=1), found.take(block.columns[k:], axis=1)
        if k > DENSE_LIMIT or k * before.shape[1] * sides > PRODUCT_LIMIT:
            each = zip(matrix, here, before, strict=True)
            found[:, block.states] = np.stack([_solve_sparse(*one) for one in each])
            continue
        if before.shape[1]:
            here -= np.matmul(matrix[:, :, k:], before)
        found[:, block.states] = solve_stacked(matrix[:, :, :k], here)
    return found


def solve_stacked(matrix: Array, right: Array) -> Array:
    """Solutions of stacked systems; NaN where the matrix is exactly singular."""
    if matrix.shape[1] == 1:
        return np.where(matrix == 0, np.nan, right / matrix)
    try:
        return np.asarray(np.linalg.solve(matrix, right), float)
    except np.linalg.LinAlgError:  # does not say which
        if len(matrix) == 1:
            return np.full_like(right, np.nan)
        each = range(len(matrix))
        return np.concatenate([solve_stacked(matrix[[r]], right[[r]]) for r in each])


def _solve_sparse(matrix: Array, right: Array, before: Array) -> Array:
    """Solution (k, sides) of one block, from those of earlier blocks; NaN if singular."""
    from scipy.sparse import csc_array
    from scipy.sparse.linalg import splu

    sparse = csc_array(matrix)
    k = len(matrix)
    try:
        return np.asarray(splu(sparse[:, :k]).solve(right - sparse[:, k:] @ before))
    except RuntimeError:  # "Factor is exactly singular"
        return np.full(right.shape, np.nan)


def dense(reduced: Reduced, run: int) -> tuple[Array, Indices]:
    """The whole matrix (a, a) of one run, over the states that can move, and those states (a,)."""
    each = reduced.blocks.blocks
    states = np.concatenate([np.empty(0, np.int64), *(block.states for block in each)])
    place = np.zeros(reduced.column.shape[1], np.int64)
    place[states] = np.arange(states.size)
    matrix = np.zeros((states.size, states.size))
    for block in each:
        matrix[place[block.states][:, None], place[block.columns]] = reduced.matrix(block)[run]
    return matrix, states
