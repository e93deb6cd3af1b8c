"""Sparse LU against NumPy's dense solver."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.integrator.linear import analyse, factorise, solve


@st.composite
def sparse_systems(draw):
    n = draw(st.integers(1, 12))
    cells = draw(st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=40))
    rows, columns = np.array(sorted(cells), np.int64).reshape(-1, 2).T
    values = draw(
        st.lists(st.floats(-1, 1), min_size=len(cells), max_size=len(cells)).map(np.array)
    )
    return n, rows, columns, values.astype(float)


@settings(max_examples=200, deadline=None)
@given(sparse_systems(), st.integers(0, 2**32 - 1))
def test_solves_like_a_dense_solver(system, seed):
    n, rows, columns, values = system
    factors = analyse(n, rows, columns)
    lu, row, out, work = np.zeros(factors.columns.size), np.zeros(n), np.zeros(n), np.zeros(n)
    shift = 20.0  # diagonally dominant
    dense = shift * np.eye(n)
    np.subtract.at(dense, (rows, columns), values)
    right = np.random.default_rng(seed).normal(size=n)
    assert factorise(factors, values, shift, lu, row)
    solve(factors, lu, right, out, work)
    np.testing.assert_allclose(out, np.linalg.solve(dense, right), rtol=1e-12, atol=1e-13)


def test_arrow_matrix_fills_nothing():
    """Eliminating the tip first would fill the matrix; the order found leaves it last."""
    n = 30
    rows = np.array([0] * n + list(range(1, n)))
    columns = np.array(list(range(n)) + [0] * (n - 1))
    factors = analyse(n, rows, columns)
    assert factors.columns.size == 3 * n - 2


def test_singular_matrix_is_refused():
    """shift I - J with shift an eigenvalue of J."""
    factors = analyse(2, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    jacobian = np.array([0.0, 1.0, 1.0, 0.0])
    assert not factorise(factors, jacobian, 1.0, np.zeros(4), np.zeros(2))


def test_growth_is_refused():
    factors = analyse(2, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    jacobian = np.array([1.0 - 1e-13, 1.0, 1.0, 0.0])
    assert not factorise(factors, jacobian, 1.0, np.zeros(4), np.zeros(2))


def test_not_finite_is_refused():
    factors = analyse(1, np.array([0]), np.array([0]))
    assert not factorise(factors, np.array([np.nan]), 1.0, np.zeros(1), np.zeros(1))
