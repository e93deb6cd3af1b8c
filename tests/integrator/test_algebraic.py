"""Algebraic states, and matrices that need pivots off the diagonal."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from simulator.codegen import compile_network
from simulator.integrator.status import Status
from tests.integrator import problems
from tests.integrator.problems import Tolerances, integrate

TIMES = [0.0, 0.5, 1.0, 3.0]


def solved(text, times=TIMES, outputs=None, residuals=None, **options):
    kernel = compile_network(problems.with_algebraic(text, **(residuals or {})))
    found = integrate(kernel, times, outputs=outputs, **options)
    assert found.ends.status.tolist() == [Status.SUCCESS]
    return found.out[:, 0]


def test_a_linear_rule():
    """x' = -x + z, 0 = z - x/2."""
    x, z = solved("x' = -x + z; x = 1; z = 5;", outputs=("x", "z"), residuals={"z": "z - x/2"})
    np.testing.assert_allclose(x, np.exp(-np.array(TIMES) / 2), rtol=1e-9)
    np.testing.assert_allclose(z, x / 2, rtol=1e-9)


def test_a_nonlinear_rule_with_time():
    """0 = z^3 - (1 + t + x), x' = -x: the real root."""
    x, z = solved(
        "x' = -x; x = 1; z = 1;", outputs=("x", "z"), residuals={"z": "z^3 - (1 + time + x)"}
    )
    np.testing.assert_allclose(x, np.exp(-np.array(TIMES)), rtol=1e-9)
    np.testing.assert_allclose(z, np.cbrt(1 + np.array(TIMES) + x), rtol=1e-9)


def test_the_initial_value_chooses_the_root():
    """0 = z^2 - x - 1 has two; which one is followed is where the search begins."""
    for start, sign in ((3.0, 1.0), (-0.2, -1.0)):
        x, z = solved(
            "x' = -x; x = 1; z = 1;", outputs=("x", "z"), residuals={"z": "z^2 - x - 1"}, z=start
        )
        np.testing.assert_allclose(z, sign * np.sqrt(x + 1), rtol=1e-9)


def test_rules_without_a_diagonal_need_pivots():
    """0 = q - 2 y determines z by its place only, 0 = z - y determines q: y' = -z = -y."""
    y, z, q = solved(
        "y' = -z; y = 1; z = 0.3; q = 2;",
        outputs=("y", "z", "q"),
        residuals={"z": "q - 2*y", "q": "z - y"},
    )
    expected = np.exp(-np.array(TIMES))
    np.testing.assert_allclose([y, z, q], [expected, expected, 2 * expected], rtol=1e-9)


def test_a_chemical_equilibrium_is_the_limit_of_its_kinetics():
    """A + B <-> C at once and C -> out slowly, beside the same with very fast binding."""
    total, k_out, affinity = 2.0, 0.5, 0.7
    text = f"T' = -{k_out}*C; T = {total}; C = 0.1;"
    # T = A + C with A = B: 0 = (T - C)^2 - affinity C
    t, c = solved(text, outputs=("T", "C"), residuals={"C": f"(T - C)^2 - {affinity}*C"})
    fast = 1e9

    def kinetics(time, y):
        free, bound = y
        binding = fast * (free**2 - affinity * bound)
        return [-binding, binding - k_out * bound]

    reference = solve_ivp(
        kinetics, (0, 3), [total, 0.0], "Radau", [0.5, 1.0, 3.0], rtol=1e-9, atol=1e-12
    ).y
    np.testing.assert_allclose(c[1:], reference[1], rtol=1e-5)
    np.testing.assert_allclose(t[1:], reference.sum(axis=0), rtol=1e-5)


def test_rules_hold_after_changes_and_events():
    y, z, n = solved(
        "y' = -z; y = 1; z = 1; k = 1; n = 0; at (y < 0.5): y = 2, n = n + 1;",
        outputs=("y", "z", "n"),
        residuals={"z": "z - k*y"},
        times=np.linspace(0, 5, 41),
        changes=[(1.5, "k", 3.0), (4.0, "k", 0.0)],
    )
    times = np.linspace(0, 5, 41)
    k = np.where(times >= 4.0, 0.0, np.where(times >= 1.5, 3.0, 1.0))
    np.testing.assert_allclose(z, k * y, rtol=1e-9, atol=1e-12)
    assert n[-1] >= 2
    assert (y >= 0.5 - 1e-9).all()


@pytest.mark.parametrize("rtol", [1e-4, 1e-7, 1e-10])
def test_error_follows_the_tolerance(rtol):
    x, z = solved(
        "x' = -x*z; x = 1; z = 1;",
        outputs=("x", "z"),
        residuals={"z": "z^2 - x"},
        tolerances=Tolerances(rtol, rtol * 1e-3, 10_000),
    )
    expected = (1 + np.array(TIMES) / 2) ** -2.0  # x' = -x^(3/2)
    assert np.abs(x - expected).max() < 20 * rtol
    assert np.abs(z - np.sqrt(expected)).max() < 40 * rtol
