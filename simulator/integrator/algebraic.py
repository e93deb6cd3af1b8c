"""Consistent values of algebraic states: 0 = g(t, y, p) where a smooth piece of a run begins."""

from .cache import compiled
from .dense import factorise_dense, solve_dense
from .rosenbrock import linearise, matrix_of
from .status import Status
from .step_code import ATOL

ITERATIONS = 50  # of Newton's method, which takes a handful from anywhere near
CONVERGED = (
    1e-13  # last change relative to the state's size: quadratic convergence leaves round-off
)
INCONSISTENT = int(Status.INCONSISTENT)


@compiled
def make_consistent(g, tables, w, lane):  # type: ignore[no-untyped-def]
    """Newton's method for a lane's algebraic states, the others fixed. Returns a Status."""
    if g.algebraic_count == 0:
        return 0
    count, lanes, matrix = g.algebraic_count, g.lanes, matrix_of(g, lane)
    x = matrix + count * (count + 1)
    for _ in range(ITERATIONS):
        linearise(g, tables, w)
        w[matrix : matrix + count * count] = 0.0
        for i in range(count):
            state = tables[g.algebraic + i]
            w[x + i] = -w[g.at_linear + state * lanes + lane]
            for e in range(g.entries):
                if tables[g.j_rows + e] == state:
                    for j in range(count):
                        if tables[g.algebraic + j] == tables[g.j_columns + e]:
                            place = matrix + i * count + j
                            w[place] += w[g.at_jacobian + e * lanes + lane]
        if not factorise_dense(w, matrix, count):
            return INCONSISTENT
        solve_dense(w, matrix, count)
        worst = 0.0
        for i in range(count):
            y = g.at_y + tables[g.algebraic + i] * lanes + lane
            w[y] += w[x + i]
            change = abs(w[x + i]) / (1e-6 * w[ATOL * lanes + lane] + abs(w[y]))
            if not change <= worst:
                worst = change
        if worst <= CONVERGED:
            return 0
    return INCONSISTENT
