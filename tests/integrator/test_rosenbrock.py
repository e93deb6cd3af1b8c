"""Steps of runs against closed forms and SciPy: accuracy, order, outputs, changes."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from simulator.integrator.status import Status
from simulator.integrator.step_code import ERROR
from simulator.integrator.tableau import rodas5p, tsit5
from tests.integrator import problems
from tests.integrator.problems import METHOD, Tolerances, integrate, same
from tests.integrator.steps import Steps
from tests.tolerances import RADAU_RELATIVE

EVERY = pytest.mark.parametrize("tableau", [rodas5p(), tsit5()], ids=["Rodas5P", "Tsit5"])
CHOSEN = pytest.mark.parametrize(
    "tableau", [rodas5p(), tsit5(), None], ids=["Rodas5P", "Tsit5", "auto"]
)

# ------------------------------------------------------------------ accuracy


@pytest.mark.parametrize("rates", [(1.0, 2.0), (1e-3, 1e4), (1e5, 0.1)])
@pytest.mark.parametrize("rtol", [1e-3, 1e-4, 1e-7, 1e-10, 1e-12])
def test_error_follows_the_tolerance(rates, rtol):
    times = np.geomspace(1e-3, 50, 17)
    tolerances = Tolerances(rtol, rtol * 1e-3, 100_000)
    found = integrate(problems.CHAIN, times, tolerances=tolerances, a=rates[0], b=rates[1])
    assert found.ends.status.tolist() == [Status.SUCCESS]
    error = np.abs(found.out[:, 0] - problems.chain_solution(times, *rates)).max()
    assert error < 20 * rtol


@pytest.mark.parametrize("stiffness", [-1.0, -1e2, -1e3, -1e4])
def test_explicit_time_dependence(stiffness):
    """Prothero and Robinson's problem, whose solution is cos(w t) however stiff it is."""
    times = np.linspace(0, 10, 41)
    found = integrate(problems.FORCED, times, s=stiffness, w=1.3)
    np.testing.assert_allclose(found.out[0, 0], np.cos(1.3 * times), atol=2e-9)


@pytest.mark.parametrize("rtol", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("stiffness", [-1e2, -1e4, -1e6, -1e8])
def test_stiff_states_that_follow_time(stiffness, rtol):
    """The same, where the error estimate sees little or nothing: outputs obey the tolerance too.

    Steps as long as that estimate allows would be off by the solution's own size.
    """
    times = np.linspace(0, 10, 401)
    tolerances = Tolerances(rtol, rtol * 1e-2, 100_000)
    found = integrate(problems.FORCED, times, tolerances=tolerances, s=stiffness, w=1.3)
    np.testing.assert_allclose(found.out[0, 0], np.cos(1.3 * times), atol=5 * rtol)


def test_ends_of_very_stiff_steps_are_accurate():
    """At infinite stiffness the end of a step is the solution; what lies within is interpolated.

    Steps end where a schedule says, here every tenth.
    """
    times = np.arange(1, 40) / 10
    changes = [(t, "s", -1e8) for t in times]
    found = integrate(problems.FORCED, times, changes=changes, s=-1e8, w=1.3)
    np.testing.assert_allclose(found.out[0, 0], np.cos(1.3 * times), atol=1e-9)


def radau(rates, jacobian, start, times):
    """SciPy's Radau, another method of order 5, at tight tolerance."""
    found = solve_ivp(
        rates, (0, times[-1]), start, "Radau", times, rtol=1e-12, atol=1e-20, jac=jacobian
    )
    assert found.success
    return found.y


def test_robertson():
    times = np.geomspace(1e-5, 1e5, 21)

    def rates(t, y):
        first, second = 0.04 * y[0] - 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
        return [-first, first - second, second]

    def jacobian(t, y):
        first, second = np.array([0.04, -1e4 * y[2], -1e4 * y[1]]), np.array([0, 6e7 * y[1], 0])
        return np.array([-first, first - second, second])

    expected = radau(rates, jacobian, [1, 0, 0], times)
    got = integrate(problems.ROBERTSON, times, tolerances=Tolerances(1e-11, 1e-20, 50_000)).out
    np.testing.assert_allclose(got[:, 0], expected, rtol=RADAU_RELATIVE)


def test_van_der_pol():
    """Through the fast jumps of the relaxation oscillation."""
    mu, times = 5.0, np.linspace(0, 12.0, 7)[1:]

    def rates(t, y):
        return [y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]]

    def jacobian(t, y):
        return np.array([[0, 1], [-2 * mu * y[0] * y[1] - 1, mu * (1 - y[0] ** 2)]])

    expected = radau(rates, jacobian, [2, 0], times)
    found = integrate(
        problems.VAN_DER_POL, times, tolerances=Tolerances(1e-12, 1e-14, 200_000), mu=mu
    )
    np.testing.assert_allclose(found.out[:, 0], expected, rtol=RADAU_RELATIVE, atol=1e-9)


@pytest.mark.parametrize("rtol", [1e-4, 1e-7, 1e-10])
@pytest.mark.parametrize("root", ["sqrt(y)", "y^n"])
def test_a_slope_that_is_infinite_at_the_start(root, rtol):
    """y' = 1 + sqrt(y) from 0: t = 2 (sqrt(y) - ln(1 + sqrt(y)))."""
    times = np.array([1e-3, 0.1, 0.5, 2.0])
    tolerances = Tolerances(rtol, rtol * 1e-3, 10_000)
    found = integrate(f"y' = 1 + {root}; y = 0; n = 0.5;", times, tolerances=tolerances)
    assert found.ends.status.tolist() == [Status.SUCCESS]
    r = np.sqrt(found.out[0, 0])
    np.testing.assert_allclose(2 * (r - np.log1p(r)), times, rtol=50 * rtol)


def test_what_is_absent_stays_absent_whatever_its_order():
    """A rate of order 1/2 in a species of which there is none."""
    text = "y' = -y^n; z' = y^n - z; y = 0; z = 1; n = 0.5;"
    found = integrate(text, [0.5, 1.0])
    assert found.out[0, 0].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(found.out[1, 0], np.exp([-0.5, -1.0]), rtol=1e-9)


def test_total_is_conserved_to_round_off():
    out = integrate(problems.CHAIN, np.geomspace(1e-6, 100, 50), a=3.0, b=1e5).out
    np.testing.assert_allclose(out[:, 0].sum(axis=0), 1.0, atol=1e-13)


def test_a_system_without_states_is_its_rules():
    """Of explicit time, as `x := sin(time)`."""
    times = np.linspace(0, 7, 30)
    found = integrate("x := sin(k*time); k = 2;", times, outputs=("x", "k"))
    np.testing.assert_allclose(found.out[:, 0], [np.sin(2 * times), 0 * times + 2], atol=1e-15)


# ------------------------------------------------------------------ order


def step_by_numpy(matrix, y, h):
    """One step of y' = matrix y in the form of `tableau`."""
    left = np.eye(len(y)) / (h * METHOD.gamma) - matrix
    u = np.zeros((METHOD.m.size, len(y)))
    for i in range(METHOD.m.size):
        right = matrix @ (y + METHOD.a[i] @ u) + METHOD.c[i] @ u / h
        u[i] = np.linalg.solve(left, right)
    return y + METHOD.m @ u


def test_a_step_whose_diagonal_pivots_cancel():
    """Some lanes' pivots are zero, or lose their digits; each lane takes its own step.

    u' = 3u + 4v, v' = -4u + 3v, where 1/(h gamma) - 3 is the first pivot.
    """
    matrix = np.array([[3.0, 4.0], [-4.0, 3.0]])
    steps = Steps("u' = 3*u + 4*v; v' = -4*u + 3*v; u = 1; v = 0.5;")
    h = np.geomspace(0.1, 1.0, steps.g.lanes)
    critical = 1 / (3 * METHOD.gamma)
    h[[0, 2, 3]] = critical, critical * (1 + 1e-15), critical * (1 + 1e-11)
    steps.step(h)
    expected = np.transpose([step_by_numpy(matrix, np.array([1.0, 0.5]), x) for x in h])
    np.testing.assert_allclose(steps.y_new, expected, rtol=1e-10)


def slope(h, errors):
    return np.polyfit(np.log(h), np.log(errors), 1)[0]


def test_order_of_the_solution_by_regression():
    """On a nonlinear problem; linear ones of constant coefficients are solved to order 6."""
    counts, end, errors = np.array([20, 28, 40, 56, 80]), 0.75, []
    for count in counts:
        steps = Steps(problems.BLOW_UP)
        for _ in range(count):
            steps.step(end / count)
            steps.take()
        assert (steps.y == steps.y[:, :1]).all()
        errors.append(abs(steps.y[0, 0] - 1 / (1 - end)))
    assert slope(1 / counts, errors) == pytest.approx(5, abs=0.2)


def test_order_with_explicit_time_by_regression():
    """y' = -2 t y^2 from 1: 1 / (1 + t^2)."""
    counts, end, errors = np.array([20, 28, 40, 56, 80]), 1.5, []
    for count in counts:
        steps = Steps("y' = -2*time*y^2; y = 1;")
        for _ in range(count):
            steps.step(end / count)
            steps.take()
        errors.append(abs(steps.y[0, 0] - 1 / (1 + end**2)))
    assert slope(1 / counts, errors) == pytest.approx(5, abs=0.2)


@EVERY
@pytest.mark.parametrize("s", [0.25, 0.5])
def test_order_of_dense_output_by_regression(s, tableau):
    """Of order 4: the error within one step from an exact value falls as h**5."""
    steps = Steps(problems.BLOW_UP, tableau)
    h = np.geomspace(0.02, 0.1, steps.g.lanes)
    steps.step(h)
    errors = np.abs(steps.dense(s)[0] - 1 / (1 - s * h))
    assert slope(h, errors) == pytest.approx(5, abs=0.2)


@EVERY
def test_order_of_the_error_estimate_by_regression(tableau):
    steps = Steps(problems.BLOW_UP, tableau)
    h = np.geomspace(0.01, 0.05, steps.g.lanes)
    steps.step(h)
    scale = 1e-13 + 1e-10 * steps.y_new[0]
    assert slope(h, steps.control[ERROR] * scale) == pytest.approx(5, abs=0.2)


def test_steps_grow_with_the_tolerance_as_the_order_says():
    """The error of a step is proportional to h**5, so their number to rtol**(-1/5)."""
    rtol = 10.0 ** -np.arange(6, 12)
    counts = [
        integrate(problems.OSCILLATOR, [300.0], tolerances=Tolerances(r, r, 10**6)).ends.accepted[0]
        for r in rtol
    ]
    assert -slope(rtol, counts) == pytest.approx(1 / 5, abs=0.02)


# ------------------------------------------------------------------ outputs


GRIDS = {
    "ends": [3.0, 20.0],
    "few": [0.1, 0.5, 1.7, 3.0, 19.0, 20.0],
    "many": np.union1d([3.0], np.linspace(0, 20, 333)),
}


@CHOSEN
@pytest.mark.parametrize("text", [problems.CHAIN, problems.FORCED, problems.VAN_DER_POL])
def test_output_times_change_nothing(text, tableau):
    """The same steps, and the same values at the same times, to the last bit."""
    found = {name: integrate(text, times, tableau=tableau) for name, times in GRIDS.items()}
    at_three = [f.out[:, 0, list(GRIDS[name]).index(3.0)] for name, f in found.items()]
    at_end = [f.out[:, 0, -1] for f in found.values()]
    for name, f in found.items():
        assert same(at_three[0], found[name].out[:, 0, list(GRIDS[name]).index(3.0)])
        assert same(at_end[0], f.out[:, 0, -1])
        for part in ("time", "accepted", "rejected"):
            assert same(getattr(f.ends, part), getattr(found["ends"].ends, part))


@CHOSEN
def test_output_times_change_nothing_where_things_happen(tableau):
    text = "A' = -k*A + sin(time); A = 1; k = 1; n = 0; at (A < 0.5): A = 1, n = n + 1;"
    changes = [(2.5, "k", 2.0), (10.0, "k", 0.5)]
    options = {"outputs": ("A", "n"), "changes": changes, "tableau": tableau}
    found = {n: integrate(text, t, **options) for n, t in GRIDS.items()}
    for name, f in found.items():
        assert same(f.out[:, 0, list(GRIDS[name]).index(3.0)], found["ends"].out[:, 0, 0])
        assert same(f.ends.accepted, found["ends"].ends.accepted)


@CHOSEN
@pytest.mark.parametrize("rtol", [1e-4, 1e-8])
def test_outputs_within_steps_are_as_accurate_as_their_ends(rtol, tableau):
    times, tolerances = np.linspace(0, 30, 3001), Tolerances(rtol, rtol, 10_000)
    found = integrate(problems.OSCILLATOR, times, tolerances=tolerances, tableau=tableau)
    assert found.ends.accepted[0] < 1000
    assert np.abs(found.out[0, 0] - np.cos(times)).max() < 100 * rtol


def test_only_the_start():
    found = integrate(problems.CHAIN, [0.0], A=3.0, B=0.5)
    assert found.out[:, 0, 0].tolist() == [3.0, 0.5, 0.0]
    assert [int(part[0]) for part in found.ends] == [Status.SUCCESS, 0, 0, 0, -1]


def test_the_start_is_reported_as_it_is():
    found = integrate(problems.CHAIN, [0.0, 1.0], A=1 / 3)
    assert found.out[0, 0, 0] == 1 / 3


def test_no_run_is_no_trouble():
    assert integrate(problems.CHAIN, [1.0], order=[]).out.shape == (3, 0, 1)


def test_outputs_are_written_to_the_rows_given():
    kernel = problems.compiled(problems.CHAIN)
    y, p = problems.batch(kernel, 3, A=[1.0, 2.0, 3.0])
    out = np.full((1, 5, 2), np.nan)
    problems.integrate_batch(
        kernel.system(("A",)),
        METHOD,
        problems.TIGHT,
        y,
        p,
        np.array([0.0, 1.0]),
        problems.no_changes(3),
        out,
        np.array([4, 0, 2]),
    )
    assert out[0, :, 0].tolist()[::2] == [2.0, 3.0, 1.0]
    assert np.isnan(out[0, [1, 3]]).all()


@CHOSEN
def test_held_states_stay(tableau):
    found = integrate(problems.CHAIN, [0.0, 1.0, 2.0], held=("A",), tableau=tableau)
    expected = (1 - np.exp(-2 * np.array([0.0, 1.0, 2.0]))) / 2
    assert found.out[0, 0].tolist() == [1.0] * 3
    np.testing.assert_allclose(found.out[1, 0], expected, rtol=1e-9)


# ------------------------------------------------------------------ scheduled changes


@CHOSEN
def test_scheduled_changes_are_exact(tableau):
    """Decay at rate 1 until t = 1, none until t = 2, then rate 3."""
    changes = [(1.0, "a", 0.0), (2.0, "a", 3.0)]
    times = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    found = integrate(problems.CHAIN, times, changes=changes, tableau=tableau)
    expected = np.exp([-0.0, -0.5, -1.0, -1.0, -1.0, -2.5])
    np.testing.assert_allclose(found.out[0, 0], expected, rtol=1e-9)


def test_outputs_at_the_very_time_of_a_change_are_after_it():
    changes = [(0.0, "a", 0.5), (1.0, "a", 4.0), (1.0, "b", 3.0), (1.0, "a", 5.0)]
    before = np.nextafter(1.0, 0.0)
    found = integrate(
        problems.CHAIN, [0.0, before, 1.0, 2.0], outputs=("a", "b", "R1", "A"), changes=changes
    )
    a, b, flux, state = found.out[:, 0]
    assert a.tolist() == [0.5, 0.5, 5.0, 5.0]
    assert b.tolist() == [2.0, 2.0, 3.0, 3.0]
    np.testing.assert_allclose(flux, a * state, rtol=1e-15)
    np.testing.assert_allclose(state[1:], np.exp([-0.5, -0.5, -5.5]), rtol=1e-9)


def test_changes_after_the_last_time_do_not_matter():
    late = integrate(problems.CHAIN, [1.0], changes=[(50.0, "a", 9.0)])
    np.testing.assert_allclose(late.out[0, 0], np.exp(-1.0), rtol=1e-9)


def test_each_run_has_its_own_changes():
    kernel = problems.compiled(problems.CHAIN)
    a = kernel.parameters.index("a")
    changes = problems.Changes(
        np.array([0, 1, 1, 3]),
        np.array([1.0, 0.5, 1.5]),
        np.array([a, a, a]),
        np.array([0.0, 2.0, 0.0]),
    )
    found = integrate(problems.CHAIN, [2.0], runs=3, changes=changes)
    np.testing.assert_allclose(found.out[0, :, 0], np.exp([-1.0, -2.0, -2.5]), rtol=1e-9)


@CHOSEN
@pytest.mark.parametrize("count", [10, 1000])
def test_many_changes(count, tableau):
    """A rate that is 0 and 1 in turn: half of the time counts."""
    changes = [(k / 10, "a", float(k % 2 == 0)) for k in range(count)]
    found = integrate(
        *(problems.CHAIN, [count / 10]),
        changes=changes,
        tableau=tableau,
        tolerances=Tolerances(1e-10, 1e-40, 50_000),
    )
    np.testing.assert_allclose(found.out[0, 0, 0], np.exp(-count / 20), rtol=1e-8)
