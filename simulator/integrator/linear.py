"""Sparse LU of 1/(h gamma) I - J without pivoting, on an order that keeps fill low.

The pattern of J is fixed, so ordering and fill are found once (`analyse`); the numeric part walks
index tables and allocates nothing. Diagonal pivots are safe for small enough h, where the matrix is
diagonally dominant; `factorise` watches pivots and growth and says when they are not, and the
caller then takes a smaller step.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .cache import compiled

Indices = NDArray[np.int64]

GROWTH_LIMIT = 1e10
"""Largest accepted ratio of an entry of the factors to the largest entry of the matrix: leaves
about six of sixteen digits in the stage values, which the error estimate then judges."""


class Factors(NamedTuple):
    """Index tables of the factorisation of an (n, n) matrix; rows are in elimination order.

    order : (n,) state at each elimination position.
    row_start, columns : compressed rows of L + U, columns ascending; (n + 1,), (nnz,).
    diagonal : (n,) where each row's pivot lies in `columns`.
    entry : (nnz of J,) where each entry of J lies in `columns`.
    """

    order: Indices
    row_start: Indices
    columns: Indices
    diagonal: Indices
    entry: Indices


def analyse(size: int, rows: Indices, columns: Indices) -> Factors:
    """Elimination order (least Markowitz count on the diagonal) and pattern of L + U.

    Parameters
    ----------
    size
        Number of states n.
    rows, columns
        (nnz,) positions of J's entries.
    """
    in_row = [{i} for i in range(size)]
    in_column = [{i} for i in range(size)]
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        in_row[i].add(j)
        in_column[j].add(i)
    pattern = [set(row) for row in in_row]
    order: list[int] = []
    waiting = set(range(size))
    while waiting:
        pivot = min(waiting, key=lambda k: ((len(in_row[k]) - 1) * (len(in_column[k]) - 1), k))
        order.append(pivot)
        waiting.remove(pivot)
        right, below = in_row[pivot] - {pivot}, in_column[pivot] - {pivot}
        for i in below:
            in_row[i].discard(pivot)
            in_row[i] |= right
            pattern[i] |= right
        for j in right:
            in_column[j].discard(pivot)
            in_column[j] |= below
    position = np.empty(size, np.int64)
    position[order] = np.arange(size)
    row_start = np.zeros(size + 1, np.int64)
    flat: list[int] = []
    diagonal = np.empty(size, np.int64)
    place: dict[tuple[int, int], int] = {}
    for k, state in enumerate(order):
        for column in sorted(int(position[j]) for j in pattern[state]):
            if column == k:
                diagonal[k] = len(flat)
            place[k, column] = len(flat)
            flat.append(column)
        row_start[k + 1] = len(flat)
    entry = [
        place[int(position[i]), int(position[j])]
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    return Factors(
        np.array(order, np.int64),
        row_start,
        np.array(flat, np.int64),
        diagonal,
        np.array(entry, np.int64),
    )


@compiled
def factorise(factors, jacobian, shift, lu, row):  # type: ignore[no-untyped-def]
    """LU of shift*I - J into `lu`; the pivots are stored inverted. False when it is unusable.

    jacobian : (nnz of J,).  lu : (nnz of L + U, and more,), overwritten.  row : (n,) zeros.
    """
    start, columns, diagonal = factors.row_start, factors.columns, factors.diagonal
    entries = columns.size
    lu[:entries] = 0.0
    for e in range(factors.entry.size):
        lu[factors.entry[e]] -= jacobian[e]
    for k in range(diagonal.size):
        lu[diagonal[k]] += shift
    largest = 0.0
    for e in range(entries):
        largest = max(largest, abs(lu[e]))
    if not np.isfinite(largest):
        return False
    grown = 0.0
    for k in range(diagonal.size):
        for e in range(start[k], start[k + 1]):
            row[columns[e]] = lu[e]
        for e in range(start[k], diagonal[k]):
            j = columns[e]
            multiplier = row[j] * lu[diagonal[j]]
            row[j] = multiplier
            if multiplier != 0.0:
                for other in range(diagonal[j] + 1, start[j + 1]):
                    row[columns[other]] -= multiplier * lu[other]
        for e in range(start[k], start[k + 1]):
            lu[e] = row[columns[e]]
            grown = max(grown, abs(lu[e]))
            row[columns[e]] = 0.0
        pivot = lu[diagonal[k]]
        if pivot == 0.0 or not np.isfinite(pivot):
            return False
        lu[diagonal[k]] = 1.0 / pivot
    return grown <= GROWTH_LIMIT * largest


@compiled
def solve(factors, lu, right, out, work):  # type: ignore[no-untyped-def]
    """Solve with the factors: right, out : (n,) in state order; work : (n,) scratch."""
    start, columns, diagonal = factors.row_start, factors.columns, factors.diagonal
    order = factors.order
    n = order.size
    for k in range(n):
        total = right[order[k]]
        for e in range(start[k], diagonal[k]):
            total -= lu[e] * work[columns[e]]
        work[k] = total
    for k in range(n - 1, -1, -1):
        total = work[k]
        for e in range(diagonal[k] + 1, start[k + 1]):
            total -= lu[e] * work[columns[e]]
        work[k] = total * lu[diagonal[k]]
        out[order[k]] = work[k]
