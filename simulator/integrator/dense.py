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
        for j in range(i):
            if w[matrix + i * n + j] != 0.0:
                w[x + i] -= w[matrix + i * n + j] * w[x + j]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            if w[matrix + i * n + j] != 0.0:
                w[x + i] -= w[matrix + i * n + j] * w[x + j]
        w[x + i] /= w[matrix + i * n + i]
