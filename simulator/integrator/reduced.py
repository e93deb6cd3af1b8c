"""The equations of rest, f(y) = 0 with conserved totals given, and their linear systems in batches.

Conserved totals make the Jacobian singular: each is one combination of rates that vanishes whatever
y is. One row for every total is therefore replaced by the total itself, which leaves as many
independent equations as unknowns (the reduced system; Reder 1988,
doi:10.1016/S0022-5193(88)80073-0). The same matrix, at the root, gives the derivatives of the root
by any parameter (implicit function theorem): the right-hand side is then the derivative of the
rates and of the initial amounts.

Unknowns are scaled by the states and rows by the gross turnover of the state, so that every entry
is at most 1, residuals are fractions of a turnover and steps fractions of a state.
"""

from typing import NamedTuple

import numpy as np

from .blocks import INDEPENDENT, Array, Block, Indices, Structure

DENSE_LIMIT = 300
"""Largest block that is solved densely, by LAPACK; sparse LU (SuperLU) above."""


class Part(NamedTuple):
    """Scaled equations of one block, for some runs.

    matrix : (runs, k, k), totals included.
    feed : (runs, f) entries from earlier blocks, zero in rows that are replaced.
    earlier : (runs, t, u) totals' coefficients of earlier blocks.
    replaced : (runs, t) row of the block whose place each total takes.
    total : (runs, t) what the totals were multiplied with.
    """

    matrix: Array
    feed: Array
    earlier: Array
    replaced: Indices
    total: Array


class Reduced(NamedTuple):
    """Scaled reduced systems of runs that share their blocks.

    row : (runs, n) what the rates were multiplied with; zero for fixed states.
    column : (runs, n) unit in which each state's change is counted.
    """

    blocks: tuple[Block, ...]
    parts: tuple[Part, ...]
    row: Array
    column: Array


def reduce(
    structure: Structure,
    blocks: tuple[Block, ...],
    jacobian: Array,
    weights: Array,
    column: Array,
) -> Reduced:
    """The reduced systems at some states.

    Parameters
    ----------
    blocks
        From `decompose`; the states in none of them do not move.
    jacobian
        (runs, nnz) entries.
    weights
        (runs, n), what turns states into the amounts that totals count.
    column
        (runs, n) > 0, unit in which each state's change is counted.
    """
    rows, columns = structure.pattern
    scaled = jacobian * column[:, columns]
    size = np.abs(scaled)
    row = np.zeros_like(column)
    amount = weights * column
    parts = []
    for block in blocks:
        runs, k = len(jacobian), block.states.size
        matrix = np.zeros((runs, k * k))
        matrix[:, block.place] = size[:, block.entries]
        turnover = matrix.reshape(runs, k, k).sum(axis=2)
        if block.feeding.size:
            turnover[:, block.fed.rows] += block.fed.of(size[:, block.feeding])
        by = 1.0 / np.where(turnover > 0, turnover, 1.0)
        row[:, block.states] = by
        matrix[:, block.place] = scaled[:, block.entries] * row[:, rows[block.entries]]
        feed = scaled[:, block.feeding] * row[:, rows[block.feeding]]
        square = matrix.reshape(runs, k, k)
        parts.append(_with_totals(block, square, feed, amount, turnover, rows))
    return Reduced(blocks, tuple(parts), row, column)


def _with_totals(
    block: Block, matrix: Array, feed: Array, amount: Array, turnover: Array, rows: Indices
) -> Part:
    """A block's equations with its totals in the place of rows."""
    runs, count = len(matrix), len(block.totals)
    if not count:
        nothing = np.zeros((runs, 0))
        return Part(matrix, feed, nothing[:, :, None], nothing.astype(np.int64), nothing)
    own = block.totals[:, block.states] * amount[:, None, block.states]
    earlier = block.totals[:, block.earlier] * amount[:, None, block.earlier]
    size = np.abs(own).sum(axis=2) + np.abs(earlier).sum(axis=2)
    total = 1.0 / np.where(size > 0, size, 1.0)
    replaced = _rows_to_replace(block.totals[:, block.states], amount[:, block.states] * turnover)
    run = np.arange(runs)[:, None]
    matrix[run, replaced] = own * total[:, :, None]
    gone = np.zeros((runs, amount.shape[1]), bool)
    gone[run, block.states[replaced]] = True
    feed = np.where(gone[:, rows[block.feeding]], 0.0, feed)
    return Part(matrix, feed, earlier * total[:, :, None], replaced, total)


def _rows_to_replace(totals: Array, turnover: Array) -> Indices:
    """For every total (t, k) a row, by elimination: that of the state of largest turnover.

    Of rows that add up to zero one must go, and with it its digits. Round-off is proportional to
    turnover, so least is lost with the largest.
    """
    runs, count = len(turnover), len(totals)
    left = np.repeat(totals[None], runs, axis=0)
    replaced = np.zeros((runs, count), np.int64)
    every = np.arange(runs)
    present = (totals != 0).astype(float)
    shares = present @ present.T > 0
    for k in range(count):
        part = np.abs(left[:, k])
        pivot = np.where(part > INDEPENDENT, part * turnover, -1.0).argmax(axis=1)
        replaced[:, k] = pivot
        for later in k + 1 + np.flatnonzero(shares[k, k + 1 :]):
            ratio = left[every, later, pivot] / left[every, k, pivot]
            left[:, later] -= ratio[:, None] * left[:, k]
            left[every, later, pivot] = 0.0
            shares[later] |= shares[k]
    return replaced


def right_hand_side(reduced: Reduced, rates: Array, amounts: Array) -> Array:
    """Right-hand sides (runs, n, sides) from rates and amounts, both (runs, n, sides).

    For a Newton step the rates are -f and the amounts those that the initial state has more; for
    derivatives of the root by parameters, -df/dp and the derivatives of the initial amounts.
    """
    right = rates * reduced.row[:, :, None]
    run = np.arange(len(right))[:, None]
    for block, part in zip(reduced.blocks, reduced.parts, strict=True):
        if len(block.totals):
            totals = np.matmul(block.totals, amounts) * part.total[:, :, None]
            right[run, block.states[part.replaced]] = totals
    return right


def solve(reduced: Reduced, right: Array) -> Array:
    """Solutions (runs, n, sides), in units of `column`; NaN where a system is singular."""
    found = np.zeros_like(right)
    run = np.arange(len(right))[:, None]
    for block, part in zip(reduced.blocks, reduced.parts, strict=True):
        here = right[:, block.states]
        if block.feeding.size:
            flow = part.feed[:, :, None] * found[:, block.sources]
            here[:, block.fed.rows] -= block.fed.of(flow)
        if block.earlier.size:
            here[run, part.replaced] -= np.matmul(part.earlier, found[:, block.earlier])
        found[:, block.states] = solve_stacked(part.matrix, here)
    return found


def solve_stacked(matrix: Array, right: Array) -> Array:
    """Solutions of stacked systems; NaN where the matrix is exactly singular."""
    if matrix.shape[1] == 1:
        return np.where(matrix == 0, np.nan, right / matrix)
    if matrix.shape[1] > DENSE_LIMIT:
        return np.stack([_solve_sparse(a, b) for a, b in zip(matrix, right, strict=True)])
    try:
        return np.asarray(np.linalg.solve(matrix, right), float)
    except np.linalg.LinAlgError:  # does not say which
        if len(matrix) == 1:
            return np.full_like(right, np.nan)
        each = range(len(matrix))
        return np.concatenate([solve_stacked(matrix[[r]], right[[r]]) for r in each])


def _solve_sparse(matrix: Array, right: Array) -> Array:
    from scipy.sparse import csc_array
    from scipy.sparse.linalg import splu

    try:
        return np.asarray(splu(csc_array(matrix)).solve(np.ascontiguousarray(right)))
    except RuntimeError:  # "Factor is exactly singular"
        return np.full(right.shape, np.nan)


def dense(reduced: Reduced, run: int) -> tuple[Array, Indices]:
    """The whole matrix (a, a) of one run, over the states that can move, and those states (a,)."""
    states = np.concatenate([np.empty(0, np.int64), *(b.states for b in reduced.blocks)])
    place = np.zeros(reduced.column.shape[1], np.int64)
    place[states] = np.arange(states.size)
    matrix = np.zeros((states.size, states.size))
    for block, part in zip(reduced.blocks, reduced.parts, strict=True):
        own = place[block.states]
        matrix[own[:, None], own] = part.matrix[run]
        if block.feeding.size:
            lengths = np.diff(np.append(block.fed.first, block.feeding.size))
            matrix[own[np.repeat(block.fed.rows, lengths)], place[block.sources]] = part.feed[run]
        matrix[own[part.replaced[run]][:, None], place[block.earlier]] = part.earlier[run]
    return matrix, states
