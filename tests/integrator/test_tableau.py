"""The coefficients satisfy the order conditions, derived here from rooted trees.

Conditions: Hairer & Wanner, Solving Ordinary Differential Equations II, section IV.7, theorem 7.3:
sum_i b_i Phi_i(t) = 1/gamma(t) for every rooted tree t, where a vertex with one child takes
beta = alpha + Gamma and a vertex with several takes alpha.
"""

from collections import Counter
from math import prod

import numpy as np
import pytest

from simulator.integrator.tableau import Tableau, rodas5p
from tests.tolerances import TABLEAU_ORDER_CONDITION as TABLEAU

Tree = tuple  # a tree is the sorted tuple of its root's subtrees


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


def matrices(method: Tableau) -> tuple[np.ndarray, np.ndarray]:
    """alpha and Gamma, from a = alpha Gamma^-1 and c = 1/gamma - Gamma^-1."""
    inverse = np.diag(np.full(method.m.size, 1 / method.gamma)) - method.c
    gamma = np.linalg.inv(inverse)
    return method.a @ gamma, gamma


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


@pytest.mark.parametrize("order", range(1, 6))
def test_solution_has_order_five(order):
    method = rodas5p()
    alpha, gamma = matrices(method)
    b = method.m @ gamma
    for tree in trees(order):
        weight = b @ elementary_weight(tree, alpha, alpha + gamma)
        assert weight == pytest.approx(1 / density(tree), abs=TABLEAU), tree


def test_solution_has_not_order_six():
    method = rodas5p()
    alpha, gamma = matrices(method)
    b = method.m @ gamma
    misses = [
        abs(b @ elementary_weight(t, alpha, alpha + gamma) - 1 / density(t)) for t in trees(6)
    ]
    assert max(misses) > 1e-6


@pytest.mark.parametrize("order", range(1, 5))
def test_embedded_solution_has_order_four(order):
    method = rodas5p()
    alpha, gamma = matrices(method)
    b = (method.m - method.e) @ gamma
    for tree in trees(order):
        weight = b @ elementary_weight(tree, alpha, alpha + gamma)
        assert weight == pytest.approx(1 / density(tree), abs=TABLEAU), tree


@pytest.mark.parametrize("s", [0.1, 0.37, 0.5, 0.93])
def test_dense_output_has_order_four(s):
    method = rodas5p()
    alpha, gamma = matrices(method)
    h = method.dense
    m = s * method.m + s * (1 - s) * (h[0] + s * (h[1] + s * h[2]))
    for order in range(1, 5):
        for tree in trees(order):
            weight = m @ gamma @ elementary_weight(tree, alpha, alpha + gamma)
            assert weight == pytest.approx(s**order / density(tree), abs=TABLEAU), tree


def test_abscissae_belong_to_the_matrices():
    method = rodas5p()
    alpha, gamma = matrices(method)
    np.testing.assert_allclose(alpha.sum(axis=1), method.alpha, atol=TABLEAU)
    np.testing.assert_allclose(gamma.sum(axis=1), method.d, atol=TABLEAU)
    np.testing.assert_allclose(np.diag(gamma), method.gamma, atol=TABLEAU)


def test_stability_at_infinity_vanishes():
    """L-stability: R(z) = 1 + z b^T (I - z B)^-1 1 tends to 0 for z to -infinity."""
    method = rodas5p()
    alpha, gamma = matrices(method)
    b, beta = method.m @ gamma, alpha + gamma
    ones = np.ones(b.size)
    for z in (-1e6, -1e8):
        r = 1 + z * b @ np.linalg.solve(np.eye(b.size) - z * beta, ones)
        assert abs(r) < 20 / abs(z) + 1e-7
    for w in np.geomspace(1e-3, 1e3, 200):
        r = 1 + 1j * w * b @ np.linalg.solve(np.eye(b.size) - 1j * w * beta, ones)
        assert abs(r) <= 1 + 1e-9
