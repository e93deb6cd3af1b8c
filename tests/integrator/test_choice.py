"""Explicit steps, and the choice of a method for each run."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from simulator.integrator import batch
from simulator.integrator.status import Status
from simulator.integrator.tableau import rodas5p, tsit5
from tests.integrator import problems
from tests.integrator.problems import Tolerances, integrate, same
from tests.integrator.steps import Steps
from tests.tolerances import RADAU_RELATIVE

EXPLICIT = tsit5()


@pytest.fixture
def turns(monkeypatch):
    """Which methods integrate how many runs, in turn: filled while integrating."""
    seen = []
    original = batch._on_group

    def spy(system, method, tolerances, work, *rest):
        seen.append(("Tsit5" if method.gamma == 0.0 else "Rodas5P", len(work.order)))
        return original(system, method, tolerances, work, *rest)

    monkeypatch.setattr(batch, "_on_group", spy)
    return seen


def reference(rates, start, times, method, jac=None):
    """SciPy's DOP853 or Radau at tight tolerance."""
    options = {} if jac is None else {"jac": jac}
    found = solve_ivp(
        rates, (0, times[-1]), start, method, times, rtol=1e-12, atol=1e-20, **options
    )
    assert found.success
    return found.y


def predators(t, y):
    """Rates of `problems.PREDATORS`."""
    return [1.1 * y[0] - 0.4 * y[0] * y[1], 0.1 * y[0] * y[1] - 0.4 * y[1]]


# ------------------------------------------------------------------ explicit steps


def order(text, expected, end, counts):
    """Order of convergence of explicit steps, by regression."""
    errors = []
    for count in counts:
        steps = Steps(text, EXPLICIT)
        for _ in range(count):
            steps.step(end / count)
            steps.take()
        errors.append(np.abs(steps.y[:, 0] - expected).max())
    return -np.polyfit(np.log(counts), np.log(errors), 1)[0]


def test_order_of_explicit_steps_by_regression():
    """Explicit in time, and not linear; there the leading error is so small that the next shows."""
    found = order("y' = cos(time)*y; y = 1;", np.exp(np.sin(3.0)), 3.0, [40, 56, 80, 113, 160])
    assert found == pytest.approx(5, abs=0.2)
    expected = reference(predators, [10, 5], [4.0], "DOP853")[:, 0]
    assert order(problems.PREDATORS, expected, 4.0, [28, 40, 56, 80, 113]) > 4.8


@pytest.mark.parametrize("rates", [(1.0, 2.0), (3.0, 0.1)])
@pytest.mark.parametrize("rtol", [1e-3, 1e-4, 1e-7, 1e-10, 1e-12])
def test_error_of_explicit_steps_follows_the_tolerance(rates, rtol):
    times, tolerances = np.geomspace(1e-3, 10, 17), Tolerances(rtol, rtol * 1e-3, 100_000)
    found = integrate(
        problems.CHAIN, times, tableau=EXPLICIT, tolerances=tolerances, a=rates[0], b=rates[1]
    )
    assert found.ends.status.tolist() == [Status.SUCCESS]
    expected = problems.chain_solution(times, *rates)
    assert np.abs(found.out[:, 0] - expected).max() < 20 * rtol


@pytest.mark.parametrize("tableau", [EXPLICIT, None], ids=["Tsit5", "auto"])
def test_oscillations_against_another_explicit_method(tableau):
    times = np.linspace(0, 60, 13)[1:]

    expected = reference(predators, [10, 5], times, "DOP853")
    tolerances = Tolerances(1e-12, 1e-15, 100_000)
    found = integrate(problems.PREDATORS, times, tableau=tableau, tolerances=tolerances)
    np.testing.assert_allclose(found.out[:, 0], expected, rtol=RADAU_RELATIVE)


def test_explicit_steps_of_rates_that_depend_on_time():
    times = np.linspace(0, 7, 30)
    found = integrate(problems.FORCED, times, tableau=EXPLICIT, s=-2.0, w=3.0)
    np.testing.assert_allclose(found.out[0, 0], np.cos(3 * times), atol=1e-9)


def test_a_stiff_run_uses_up_its_steps_if_they_must_be_explicit():
    tolerances = Tolerances(1e-4, 1e-8, 1000)
    found = integrate(problems.ROBERTSON, [0.1, 1e5], tableau=EXPLICIT, tolerances=tolerances)
    assert found.ends.status.tolist() == [Status.STEP_LIMIT]
    assert found.ends.accepted[0] + found.ends.rejected[0] == 1000


@pytest.mark.parametrize(
    ("text", "status", "state"),
    [
        ("y' = y^2; y = 1; z' = -z; z = 1;", Status.STEP_TOO_SMALL, "y"),
        ("y' = c*ln(y) - 1; y = 1; c = 0; z' = -z; z = 1;", Status.NOT_FINITE, "y"),
    ],
)
def test_how_explicit_runs_end(text, status, state):
    kernel = problems.compiled(text)
    found = integrate(kernel, [0.5, 2.0], tableau=EXPLICIT)
    assert found.ends.status.tolist() == [status]
    assert found.ends.time[0] == pytest.approx(1.0, abs=1e-8)
    assert kernel.states[found.ends.state[0]] == state


def test_events_end_explicit_steps_as_they_end_others():
    """A decay that is refilled at half of it: every ln 2, and a change of its rate."""
    text = "A' = -k*A; A = 1; k = 1; n = 0; at (A <= 0.5): A = 1, n = n + 1;"
    times = np.linspace(0, 6, 25)
    options = {"outputs": ("A", "n"), "changes": [(2.5 * np.log(2), "k", 2.0)]}
    found = integrate(text, times, tableau=EXPLICIT, **options)
    halvings = times / np.log(2)
    halvings = np.where(halvings > 2.5, 2.5 + 2 * (halvings - 2.5), halvings)
    np.testing.assert_allclose(found.out[0, 0], 0.5 ** (halvings % 1), rtol=1e-8)
    assert found.out[1, 0].tolist() == np.floor(halvings).tolist()


# ------------------------------------------------------------------ the choice


def test_a_run_that_is_not_stiff_goes_on_with_explicit_steps(turns):
    found = integrate(problems.PREDATORS, [100.0], tableau=None, tolerances=problems.LOOSE, runs=3)
    assert found.ends.status.tolist() == [Status.SUCCESS] * 3
    assert turns == [("Rodas5P", 3), ("Tsit5", 3)]


def test_a_stiff_run_is_integrated_as_if_it_were_asked_for(turns):
    """Through the jumps of the relaxation oscillation, whose slow pieces are stiff."""
    mu, times = 1000.0, np.linspace(0, 2000, 9)[1:]

    def rates(t, y):
        return [y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]]

    def jacobian(t, y):
        return np.array([[0, 1], [-2 * mu * y[0] * y[1] - 1, mu * (1 - y[0] ** 2)]])

    expected = reference(rates, [2, 0], times, "Radau", jacobian)
    tolerances = Tolerances(1e-11, 1e-14, 200_000)
    found, other = (
        integrate(problems.VAN_DER_POL, times, tableau=each, tolerances=tolerances, mu=mu)
        for each in (None, rodas5p())
    )
    np.testing.assert_allclose(found.out[:, 0], expected, rtol=RADAU_RELATIVE)
    assert found.ends.accepted[0] < 1.05 * other.ends.accepted[0]
    turns.clear()
    found, other = (
        integrate(problems.VAN_DER_POL, times, tableau=each, tolerances=problems.LOOSE, mu=mu)
        for each in (None, rodas5p())
    )
    assert turns == [("Rodas5P", 1), ("Tsit5", 1), ("Rodas5P", 1), ("Rodas5P", 1)]
    np.testing.assert_allclose(found.out, other.out, rtol=1e-3)
    assert found.ends.accepted[0] < 1.05 * other.ends.accepted[0]


@pytest.mark.parametrize("rtol", [1e-5, 1e-9])
def test_stiff_kinetics(rtol, turns):
    times, tolerances = np.geomspace(1e-2, 1e5, 15), Tolerances(rtol, 1e-8 * rtol, 10_000)
    found = integrate(problems.ROBERTSON, times, tableau=None, tolerances=tolerances)
    other = integrate(problems.ROBERTSON, times, tableau=rodas5p(), tolerances=tolerances)
    np.testing.assert_allclose(found.out, other.out, rtol=20 * rtol)
    assert found.ends.accepted[0] < 2 * other.ends.accepted[0]


def test_a_run_that_becomes_stiff(turns):
    """Rosenbrock steps, explicit ones, and from the change on Rosenbrock ones again."""
    changes = [(40.0, "k", 1e6)]
    times = np.array([20.0, 39.0, 40.0, 41.0, 80.0])
    found = integrate(problems.FOLLOWED, times, tableau=None, changes=changes)
    assert turns == [("Rodas5P", 1), ("Tsit5", 1), ("Rodas5P", 1)]
    np.testing.assert_allclose(found.out[0, 0], np.cos(times), atol=1e-8)
    k = np.where(times > 40.0, 1e6, 0.1)  # a state that follows lags by 1/k
    late = times > 40.0
    lagging = (k * np.cos(times) + np.sin(times)) * k / (1 + k**2)
    np.testing.assert_allclose(found.out[2, 0, late], lagging[late], atol=1e-8)
    other = integrate(problems.FOLLOWED, times, tableau=rodas5p(), changes=changes)
    np.testing.assert_allclose(found.out, other.out, atol=1e-8)
    assert found.ends.accepted[0] < 2 * other.ends.accepted[0]


def test_the_same_run_whatever_its_neighbours_do(turns):
    """Some runs never leave, some leave once, some twice: each as if alone."""
    k, w = np.array([1e5, 0.1, 30.0, 1e3, 0.3, 1.0]), np.array([1.0, 1.0, 2.0, 9.0, 5.0, 0.01])
    times, options = [0.0, 3.0, 30.0], {"tableau": None, "tolerances": problems.LOOSE}
    together = integrate(problems.FOLLOWED, times, runs=6, k=k, w=w, workers=2, **options)
    assert {count for _, count in turns} >= {6}
    assert 0 < turns[1][1] < 6
    for run in range(6):
        alone = integrate(problems.FOLLOWED, times, k=k[run], w=w[run], **options)
        assert same(alone.out[:, 0], together.out[:, run])
        for one, every in zip(alone.ends, together.ends, strict=True):
            assert one[0] == every[run]


def test_methods_agree():
    times, tolerances = np.linspace(0, 30, 7), Tolerances(1e-9, 1e-12, 20_000)
    for text in (problems.PREDATORS, problems.FOLLOWED, problems.CHAIN, problems.FORCED):
        found = [
            integrate(text, times, tableau=tableau, tolerances=tolerances).out
            for tableau in (rodas5p(), tsit5(), None)
        ]
        for other in found[1:]:
            np.testing.assert_allclose(other, found[0], rtol=1e-6, atol=1e-8)


def test_systems_with_events_are_integrated_by_rosenbrock_steps(turns):
    text = problems.PREDATORS + "n = 0; at (x > 5): n = n + 1;"
    found = integrate(text, [50.0], tableau=None, outputs=("n",))
    assert turns == [("Rodas5P", 1)]
    assert found.out[0, 0, 0] > 3


def test_a_failure_of_explicit_steps_is_left_to_the_other_method():
    """y = 1 / (1 - t) beside an oscillation that needs many steps before."""
    text = "x' = 300*v; v' = -300*x; x = 1; v = 0; y' = y^2; y = 1;"
    found = integrate(text, [0.9, 2.0], tableau=None, tolerances=Tolerances(1e-8, 1e-11, 20_000))
    forced = integrate(
        text, [0.9, 2.0], tableau=rodas5p(), tolerances=Tolerances(1e-8, 1e-11, 20_000)
    )
    assert found.ends.status.tolist() == forced.ends.status.tolist() == [Status.STEP_TOO_SMALL]
    assert found.ends.time[0] == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(found.out[2, 0], [10.0, np.nan], rtol=1e-6)


def test_step_and_time_budgets_hold_for_all_turns_together():
    tolerances = Tolerances(1e-8, 1e-11, 500)
    found = integrate(problems.PREDATORS, [1e4], tableau=None, tolerances=tolerances)
    assert found.ends.status.tolist() == [Status.STEP_LIMIT]
    assert found.ends.accepted[0] + found.ends.rejected[0] == 500
    endless = Tolerances(1e-8, 1e-11, 10**12)
    found = integrate(
        problems.PREDATORS, [1.0, 1e12], tableau=None, runs=30, tolerances=endless, seconds=0.05
    )
    assert found.ends.status.tolist() == [Status.TIME_LIMIT] * 30
