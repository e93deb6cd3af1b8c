"""Sparse and dense LU of lanes of matrices against NumPy's dense solver."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.codegen.elimination import write_factorise, write_solve
from simulator.integrator import machine_code
from simulator.integrator.dense import factorise_dense, solve_dense
from simulator.integrator.linear import (
    CANCELLATION_LIMIT,
    analyse,
    elimination_table,
    solution_table,
    solve_many,
    table_functions,
)
from tests.integrator import rows
from tests.tolerances import ELIMINATION_RELATIVE

KINDS = ("tables", "written out")


class Solver:
    """LU of shift M - J on some lanes, by index tables or written out for the pattern."""

    def __init__(self, kind, n, row, column, algebraic=(), lanes=4):
        row, column = np.asarray(row, np.int64), np.asarray(column, np.int64)
        self.n, self.row, self.column, self.lanes = n, row, column, lanes
        self.mass = np.array([i not in algebraic for i in range(n)], float)
        self.factors = analyse(n, row, column, algebraic)
        if kind == "tables":
            self.addresses = table_functions(lanes)
            self.tables = [elimination_table(self.factors), solution_table(self.factors)]
            self.tables = [rows.block(table) for table in self.tables]
        else:

            def write(module):
                write_factorise(module, self.factors, lanes)
                write_solve(module, self.factors, lanes)

            self.code = rows.compiled(write)
            self.addresses = (self.code.address("factorise"), self.code.address("solve"))
            self.tables = [None, None]

    def factorise(self, shift, jacobian):
        """Factorise, with shift (lanes,) and entries (nnz, lanes); returns the cancellation."""
        self.lu = rows.empty(self.factors.columns.size + 1, self.lanes)
        shift, jacobian = rows.block(np.reshape(shift, (1, -1))), rows.block(jacobian)
        address, table = self.addresses[0], self.tables[0]
        rows.call(address, shift, jacobian, None, self.lu, table, count=self.n)
        return self.lu[-1]

    def solve(self, first, second):
        out = rows.empty(self.n, self.lanes)
        first, second = rows.block(first), rows.block(second)
        rows.call(self.addresses[1], first, second, self.lu, out, self.tables[1], count=self.n)
        return out

    def matrices(self, shift, jacobian):
        """The same matrices for NumPy (lanes, n, n)."""
        whole = shift[:, None, None] * np.diag(self.mass)
        whole[:, self.row, self.column] -= jacobian.T
        return whole


@st.composite
def patterns(draw):
    """Size, entries and algebraic states of a matrix that diagonal pivots can do."""
    n = draw(st.integers(1, 12))
    place = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))
    algebraic = draw(st.sets(st.integers(0, n - 1), max_size=n // 2))
    # An algebraic state's pivot comes from J alone.
    cells = draw(st.sets(place, max_size=40)) | {(i, i) for i in algebraic}
    return n, np.array(sorted(cells), np.int64).reshape(-1, 2).T, algebraic


def diagonally_dominant(solver, seed):
    """Random shifts (lanes,) and J (nnz, lanes), different in each lane."""
    random = np.random.default_rng(seed)
    shift = random.uniform(15.0, 40.0, solver.lanes)
    jacobian = random.uniform(-1, 1, (solver.row.size, solver.lanes))
    own = (solver.row == solver.column) & (solver.mass[solver.row] == 0.0)
    jacobian[own] -= 20.0
    return shift, jacobian


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(pattern=patterns(), lanes=st.sampled_from([1, 4, 8]), seed=st.integers(0, 2**32 - 1))
def test_solves_like_a_dense_solver(kind, pattern, lanes, seed):
    n, (row, column), algebraic = pattern
    solver = Solver(kind, n, row, column, algebraic, lanes)
    shift, jacobian = diagonally_dominant(solver, seed)
    cancelled = solver.factorise(shift, jacobian)
    assert (cancelled < 100 * n).all()
    first, second = np.random.default_rng(seed).normal(size=(2, n, lanes))
    got = solver.solve(first, second)
    expected = np.linalg.solve(solver.matrices(shift, jacobian), (first + second).T[:, :, None])
    size = np.abs(expected).max()
    np.testing.assert_allclose(
        got.T, expected[:, :, 0], rtol=ELIMINATION_RELATIVE, atol=ELIMINATION_RELATIVE * size
    )


@settings(max_examples=25, deadline=None)
@given(pattern=patterns(), seed=st.integers(0, 2**32 - 1))
def test_both_ways_to_eliminate_agree(pattern, seed):
    n, (row, column), algebraic = pattern
    walked, written = (Solver(kind, n, row, column, algebraic) for kind in KINDS)
    shift, jacobian = diagonally_dominant(walked, seed)
    tolerance = {"rtol": ELIMINATION_RELATIVE, "atol": ELIMINATION_RELATIVE}
    np.testing.assert_allclose(
        walked.factorise(shift, jacobian), written.factorise(shift, jacobian), **tolerance
    )
    # Written-out code knows that entries which nothing fills are zero.
    np.testing.assert_allclose(walked.lu, written.lu, **tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_lanes_do_not_see_each_other(kind):
    """To the last bit, whatever the other lanes' matrices are."""
    random = np.random.default_rng(3)
    row, column = np.nonzero(random.random((9, 9)) < 0.4)
    solver = Solver(kind, 9, row, column, lanes=8)
    shift, jacobian = diagonally_dominant(solver, 1)
    right = random.normal(size=(2, 9, 8))
    solver.factorise(shift, jacobian)
    together, lu = solver.solve(*right), solver.lu.copy()
    bad = np.where(np.arange(8) == 2, jacobian, random.choice([0, 1e300, np.nan, np.inf], (1, 8)))
    solver.factorise(np.where(np.arange(8) == 2, shift, 0.0), bad)
    assert solver.lu[:, 2].tolist() == lu[:, 2].tolist()
    assert solver.solve(*right)[:, 2].tolist() == together[:, 2].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_many_right_hand_sides_with_one_factorisation(kind):
    n, lanes, many = 7, 4, 5
    random = np.random.default_rng(0)
    row, column = np.nonzero(random.random((n, n)) < 0.5)
    solver = Solver(kind, n, row, column, lanes=lanes)
    shift, jacobian = diagonally_dominant(solver, 5)
    solver.factorise(shift, jacobian)
    right = random.normal(size=(many, n, lanes))
    places = np.cumsum([0, solver.lu.size, many * n * lanes, n * lanes, many * n * lanes])
    table = np.empty(0) if solver.tables[1] is None else solver.tables[1].view(float)
    w = rows.block(np.concatenate([np.zeros(places[-1]), table]))
    w[: solver.lu.size] = solver.lu.ravel()
    w[places[1] : places[2]] = right.ravel()
    solve_several(solver.addresses[1], w, *places[[1, 2, 0, 3, 4]], n, lanes, many)
    got = w[places[3] : places[4]].reshape(many, n, lanes)
    expected = np.linalg.solve(solver.matrices(shift, jacobian), right.transpose(2, 1, 0))
    np.testing.assert_allclose(got, expected.transpose(2, 1, 0), rtol=1e-11, atol=1e-13)


def test_arrow_matrix_fills_nothing():
    """Eliminating the tip first would fill the matrix; the order found leaves it last."""
    n = 30
    row = np.array([0] * n + list(range(1, n)))
    column = np.array(list(range(n)) + [0] * (n - 1))
    factors = analyse(n, row, column)
    assert factors.columns.size == 3 * n - 2


@pytest.mark.parametrize("kind", KINDS)
def test_cancellation_is_as_large_as_what_pivots_lose(kind):
    """shift I - J with [[shift - a, -1], [-1, shift]]: the second pivot is shift - 1/(shift - a).

    With shift = 1 and a = -e it is e / (1 + e): digits are lost as 1/e.
    """
    solver = Solver(kind, 2, [0, 0, 1, 1], [0, 1, 0, 1])
    lost = np.array([1.0, 1e-4, 1e-7, 1e-9])
    jacobian = np.array([-lost, np.ones(4), np.ones(4), np.zeros(4)])
    cancelled = solver.factorise(np.ones(4), jacobian)
    # (|shift| + |product|) / |pivot| of either order of elimination.
    np.testing.assert_allclose(cancelled, 2 / lost, rtol=2.0)
    assert (cancelled <= CANCELLATION_LIMIT).tolist() == [True, True, True, False]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("small", [1e-10, 1e-14, -1e-12])
def test_small_pivots_are_seen(kind, small):
    """[[small, 4], [-4, 2]]: the product 16 / small drowns the other diagonal entry."""
    solver = Solver(kind, 2, [0, 0, 1, 1], [0, 1, 0, 1])
    jacobian = np.repeat([[1 - small], [-4.0], [4.0], [-1.0]], 4, axis=1)
    assert (solver.factorise(np.ones(4), jacobian) > CANCELLATION_LIMIT).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_zero_on_the_diagonal_that_is_filled_is_no_trouble(kind):
    """[[1, 1], [1, 0]] has the pivots 1 and -1."""
    solver = Solver(kind, 2, [0, 0, 1, 1], [0, 1, 0, 1], algebraic=[1])
    jacobian = np.repeat([[0.0], [-1.0], [-1.0], [0.0]], 4, axis=1)
    if solver.factors.order[0] == 0:
        assert solver.factorise(np.ones(4), jacobian).tolist() == [2.0] * 4


@pytest.mark.parametrize("kind", KINDS)
def test_cancellation_does_not_depend_on_units(kind):
    """Rows and columns of J in other units: D J D^-1."""
    random = np.random.default_rng(8)
    row, column = np.nonzero(np.ones((4, 4)))
    solver = Solver(kind, 4, row, column)
    shift, jacobian = diagonally_dominant(solver, 2)
    units = 2.0 ** random.integers(-30, 30, 4)
    scaled = jacobian * (units[row] / units[column])[:, None]
    plain = solver.factorise(shift, jacobian).copy()
    assert solver.factorise(shift, scaled).tolist() == plain.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_matrices_that_diagonal_pivots_cannot_do_are_seen(kind):
    """Singular, zero on the diagonal, not a number: never within the limit of cancellation."""
    solver = Solver(kind, 2, [0, 0, 1, 1], [0, 1, 0, 1])
    shift = np.array([1.0, 0.0, 1.0, np.inf])
    jacobian = np.zeros((4, 4))
    jacobian[:, 0] = [0.0, 1.0, 1.0, 0.0]  # 1 is an eigenvalue
    jacobian[:, 1] = [0.0, 1.0, 1.0, 0.0]  # regular, with a diagonal of zeros
    jacobian[0, 2] = np.nan
    assert not (solver.factorise(shift, jacobian) <= CANCELLATION_LIMIT).any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_diagonal_that_nothing_fills_is_seen(kind):
    """0 = g(y) of a state that does not enter its own constraint."""
    solver = Solver(kind, 2, [0, 0, 1], [0, 1, 0], algebraic=[0, 1])
    jacobian = np.array([[0.0] * 4, [1.0] * 4, [1.0] * 4])
    assert not (solver.factorise(np.ones(4), jacobian) <= CANCELLATION_LIMIT).any()


@pytest.mark.parametrize("chunk", [1, 20])
def test_a_long_elimination_in_parts_is_the_same_to_the_last_bit(monkeypatch, chunk):
    """One part for each row, and a few rows in each: what is handed on is rounded anyway."""
    random = np.random.default_rng(0)
    n, lanes = 25, 4
    row, column = np.nonzero(random.uniform(size=(n, n)) < 0.2)
    jacobian = random.normal(size=(row.size, lanes))
    first, second = random.normal(size=(2, n, lanes))
    whole = Solver("written out", n, row, column, algebraic=(3, 7))
    monkeypatch.setattr(machine_code, "CHUNK", chunk)
    parts = Solver("written out", n, row, column, algebraic=(3, 7))
    for solver in (whole, parts):
        solver.factorise(np.full(lanes, 5.0), jacobian)
    np.testing.assert_array_equal(whole.lu, parts.lu)
    np.testing.assert_array_equal(whole.solve(first, second), parts.solve(first, second))


@rows.entry
def factorise_one(w, n, regular):
    regular[0] = factorise_dense(w, 0, n)


@rows.entry
def solve_one(w, n):
    solve_dense(w, 0, n)


@rows.entry
def solve_several(solve, w, first, second, lu, out, tables, n, lanes, count):
    solve_many(solve, w, first, second, lu, out, tables, n, lanes, count)


def dense_lu(matrix):
    n = len(matrix)
    w = np.concatenate([matrix.ravel(), np.zeros(2 * n)])
    regular = np.zeros(1, np.int64)
    factorise_one(w, n, regular)
    return w, regular[0] == 1


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 10), seed=st.integers(0, 2**32 - 1))
def test_pivoting_needs_no_diagonal(n, seed):
    random = np.random.default_rng(seed)
    matrix, right = random.normal(size=(n, n)), random.normal(size=n)
    np.fill_diagonal(matrix, 0.0)
    w, regular = dense_lu(matrix)
    assert regular
    w[-n:] = right
    solve_one(w, n)
    # Elimination with pivoting leaves a residual of round-off, however small the determinant is.
    size = np.abs(matrix).max() * np.abs(w[-n:]).sum()
    assert np.abs(matrix @ w[-n:] - right).max() <= ELIMINATION_RELATIVE * size


@pytest.mark.parametrize(
    "matrix",
    [np.zeros((2, 2)), np.ones((3, 3)), np.full((1, 1), np.nan), np.diag([1.0, 0.0, 2.0])],
)
def test_pivoting_refuses_a_singular_matrix(matrix):
    assert not dense_lu(matrix)[1]
