"""Dense LU with row pivoting of one lane's matrix: what is left where diagonal pivots fail.

The matrix (n, n), its pivots (n,) and a vector (n,) lie one after the other in the flat array `w`.
"""

import numpy as np

from .cache import compiled


@compiled
def factorise_dense(w, matrix, n):  # type: ignore[no-untyped-def]
    """LU of the matrix at `matrix` in place; False when it is singular or not finite."""
    pivots = matrix + n * n
    for k in range(n):
        best = k
        for i in range(k + 1, n):
            if abs(w[matrix + i * n + k]) > abs(w[matrix + best * n + k]):
                best = i
        w[pivots + k] = best
        row, other = matrix + k * n, matrix + best * n
        if not 0.0 < abs(w[other + k]) < np.inf:  # also where it is no number
            return False
        if best != k:
            for j in range(n):
                w[row + j], w[other + j] = w[other + j], w[row + j]
        for i in range(k + 1, n):
            below = matrix + i * n
            multiplier = w[below + k] / w[row + k]
            w[below + k] = multiplier
            if multiplier != 0.0:
                for j in range(k + 1, n):
                    w[below + j] -= multiplier * w[row + j]
    return True


@compiled
def take_over(w, row, x, i, first, last):  # type: ignore[no-untyped-def]
    """Subtract from entry i of the vector at `x` what others take over by a row of the factors."""
    for j in range(first, last):
        if w[row + j] != 0.0:
            w[x + i] -= w[row + j] * w[x + j]


@compiled
def solve_dense(w, matrix, n):  # type: ignore[no-untyped-def]
    """Solve with the factors for the vector behind them, which becomes the solution.

    Where an entry is zero nothing is taken over, so that what is no number spreads no further than
    it must.
    """
    pivots = matrix + n * n
    x = pivots + n
    for k in range(n):
        other = x + int(w[pivots + k])
        w[x + k], w[other] = w[other], w[x + k]
    for i in range(n):
        take_over(w, matrix + i * n, x, i, 0, i)
    for i in range(n - 1, -1, -1):
        take_over(w, matrix + i * n, x, i, i + 1, n)
        w[x + i] /= w[matrix + i * n + i]
