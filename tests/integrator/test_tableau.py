"""The coefficients satisfy the order conditions, derived here from rooted trees.

Conditions: Hairer & Wanner, Solving Ordinary Differential Equations II, section IV.7, theorem 7.3:
sum_i b_i Phi_i(t) = 1/gamma(t) for every rooted tree t, where a vertex with one child takes
beta = alpha + Gamma and a vertex with several takes alpha. For an explicit method Gamma = 0, and
they are Butcher's (Hairer, Norsett & Wanner, volume I, theorem II.2.13).
"""

from collections import Counter
from collections.abc import Callable
from math import prod

import numpy as np
import pytest

from simulator.integrator.tableau import Tableau, rodas5p, tsit5
from tests.tolerances import TABLEAU_ORDER_CONDITION as TABLEAU

Tree = tuple  # a tree is the sorted tuple of its root's subtrees
METHODS = pytest.mark.parametrize("make", [rodas5p, tsit5])


def trees(order: int) -> list[Tree]:
    if order == 1:
        return [()]

    def forests(vertices: int, largest: int) -> list[Tree]:
        if vertices == 0:
            return [()]
        return [
            tuple(sorted((*rest, tree)))
            for size in range(1, min(vertices, largest) + 1)
            for tree in trees(size)
            for rest in forests(vertices - size, size)
        ]

    return sorted(set(forests(order - 1, order - 1)))


def vertices(tree: Tree) -> int:
    return 1 + sum(map(vertices, tree))


def density(tree: Tree) -> int:
    return vertices(tree) * prod(map(density, tree))


def matrices(method: Tableau) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """alpha, beta and the matrix that turns weights of u into weights of h f.

    Rosenbrock: a = alpha Gamma^-1 and c = 1/gamma - Gamma^-1, u = Gamma h k.
    """
    if method.gamma == 0:
        return method.a, method.a, np.eye(method.m.size)
    inverse = np.diag(np.full(method.m.size, 1 / method.gamma)) - method.c
    gamma = np.linalg.inv(inverse)
    alpha = method.a @ gamma
    return alpha, alpha + gamma, gamma


def misses(method: Tableau, weights: np.ndarray, order: int, s: float = 1.0) -> list[float]:
    """By how much the result with these weights of u misses each condition of an order."""
    alpha, beta, turn = matrices(method)
    b = weights @ turn
    return [
        abs(b @ elementary_weight(tree, alpha, beta) - s**order / density(tree))
        for tree in trees(order)
    ]


def stability(method: Tableau, z: complex) -> complex:
    """R(z) = 1 + z b^T (I - z beta)^-1 1: what a step of y' = z y, h = 1, multiplies y by."""
    _, beta, turn = matrices(method)
    ones = np.ones(method.m.size)
    return 1 + z * (method.m @ turn) @ np.linalg.solve(np.eye(ones.size) - z * beta, ones)


def elementary_weight(tree: Tree, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Phi_i(t) for every stage i."""
    if not tree:
        return np.ones(alpha.shape[0])
    matrix = beta if len(tree) == 1 else alpha
    return prod((matrix @ elementary_weight(child, alpha, beta) for child in tree), start=1.0)


def test_there_are_as_many_trees_as_known():
    # Sequence A000081 of the On-Line Encyclopedia of Integer Sequences.
    assert [len(trees(n)) for n in range(1, 7)] == [1, 1, 2, 4, 9, 20]
    assert Counter(map(density, trees(4))) == Counter([4, 8, 12, 24])


@METHODS
@pytest.mark.parametrize("order", range(1, 6))
def test_solution_has_order_five(make: Callable[[], Tableau], order: int):
    method = make()
    assert max(misses(method, method.m, order)) <= TABLEAU
    assert method.order == 5


@METHODS
def test_solution_has_not_order_six(make: Callable[[], Tableau]):
    method = make()
    assert max(misses(method, method.m, 6)) > 1e-6


@METHODS
@pytest.mark.parametrize("order", range(1, 5))
def test_embedded_solution_has_order_four(make: Callable[[], Tableau], order: int):
    method = make()
    assert max(misses(method, method.m - method.e, order)) <= TABLEAU


@METHODS
def test_embedded_solution_has_not_order_five(make: Callable[[], Tableau]):
    """Else the estimate would be too small an order of h for the step control."""
    method = make()
    assert max(misses(method, method.m - method.e, 5)) > 1e-6


@METHODS
@pytest.mark.parametrize("s", [0.1, 0.37, 0.5, 0.93])
def test_dense_output_has_order_four(make: Callable[[], Tableau], s: float):
    method = make()
    q = method.dense
    weights = s * method.m + s * (1 - s) * (q[0] + s * (q[1] + s * q[2]))
    for order in range(1, 5):
        assert max(misses(method, weights, order, s)) <= TABLEAU


@METHODS
def test_abscissae_belong_to_the_matrices(make: Callable[[], Tableau]):
    method = make()
    alpha, beta, _ = matrices(method)
    np.testing.assert_allclose(alpha.sum(axis=1), method.alpha, atol=TABLEAU)
    np.testing.assert_allclose((beta - alpha).sum(axis=1), method.d, atol=TABLEAU)
    np.testing.assert_allclose(np.diag(beta), method.gamma, atol=TABLEAU)
    assert not np.triu(method.a).any()
    assert not np.triu(method.c).any()


def test_rosenbrock_method_is_stiffly_accurate():
    """The solution is the last stage's argument plus the last stage, and the estimate that stage.

    Then a stiff component is where its own equation puts it at the end of the step.
    """
    method = rodas5p()
    np.testing.assert_array_equal(method.m, [*method.a[-1][:-1], 1.0])
    np.testing.assert_array_equal(method.e, np.eye(8)[-1])


def test_last_explicit_stage_is_the_first_of_the_next_step():
    method = tsit5()
    np.testing.assert_array_equal(method.a[-1], method.m)
    assert method.alpha[-1] == 1.0


def test_rosenbrock_method_is_l_stable():
    """R vanishes at infinity, for the embedded solution too, and nowhere on the axis exceeds 1."""
    method = rodas5p()
    _, beta, turn = matrices(method)
    ones = np.ones(method.m.size)
    for weights in (method.m, method.m - method.e):
        assert abs(1 - (weights @ turn) @ np.linalg.solve(beta, ones)) <= TABLEAU
    for z in (-1e6, -1e8):
        assert abs(stability(method, z)) < 20 / abs(z) + 1e-7
    for w in np.geomspace(1e-3, 1e3, 200):
        assert abs(stability(method, 1j * w)) <= 1 + 1e-9


def test_explicit_method_is_stable_on_a_known_stretch_of_the_negative_axis():
    """|R| <= 1 from 0 to about -3.5: the bound that tells a stiff run from one that is not."""
    method = tsit5()
    assert all(abs(stability(method, z)) <= 1 for z in np.linspace(-3.5, 0, 351))
    assert abs(stability(method, -3.6)) > 1
