"""Integration of single runs and batches against closed forms; every Status is reached."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.integrator.batch import Changes, integrate_batch, no_changes
from simulator.integrator.rosenbrock import (
    evaluate_jacobian,
    evaluate_rates,
    stages,
    workspace,
)
from simulator.integrator.status import Status
from simulator.integrator.steady import settle_batch
from simulator.integrator.system import Tolerances
from simulator.integrator.tableau import rodas5p
from tests.integrator import problems

METHOD = rodas5p()
LOOSE = Tolerances(1e-6, 1e-9, 2_000)
TIGHT = Tolerances(1e-10, 1e-13, 10_000)


def run(system, y, p, times, tolerances=TIGHT, changes=None, workers=1):
    y, p = np.atleast_2d(np.array(y, float)), np.atleast_2d(np.array(p, float))
    return integrate_batch(
        system,
        METHOD,
        tolerances,
        y,
        p,
        np.array(times, float),
        changes or no_changes(len(y)),
        np.arange(y.shape[1]),
        workers,
    )


@pytest.mark.parametrize("rates", [(1.0, 2.0), (1e-3, 1e4), (1e5, 0.1)])
@pytest.mark.parametrize("rtol", [1e-4, 1e-7, 1e-10])
def test_error_follows_the_tolerance(rates, rtol):
    times = np.geomspace(1e-3, 50, 17)
    out, ends = run(
        problems.chain(), [1, 0, 0], rates, times, Tolerances(rtol, rtol * 1e-3, 100_000)
    )
    assert ends.status.tolist() == [Status.SUCCESS]
    error = np.abs(out[0] - problems.chain_solution(times, *rates)).max()
    assert error < 20 * rtol


@pytest.mark.parametrize("stiffness", [-1.0, -1e3, -1e6])
def test_explicit_time_dependence(stiffness):
    times = np.linspace(0, 10, 41)
    out, _ = run(problems.forced(), [1.0], [stiffness, 1.3], times)
    np.testing.assert_allclose(out[0, :, 0], np.cos(1.3 * times), atol=2e-9)


def fixed_steps(count, end=0.75):
    """Error of `count` equal steps on y' = y^2."""
    system, p = problems.blow_up(), np.array([1.0])
    y, y_new, rates = np.array([1.0]), np.empty(1), np.empty(1)
    work = workspace(system, METHOD, 1)
    h = end / count
    for k in range(count):
        evaluate_rates(system, k * h, y, p, rates)
        evaluate_jacobian(system, k * h, y, p, work[1])
        assert stages(system, METHOD, k * h, h, y, p, rates, work, y_new) == Status.SUCCESS
        y[:] = y_new
    return abs(y[0] - 1 / (1 - end))


def test_order_of_the_solution_by_regression():
    """On a nonlinear problem; linear ones of constant coefficients are solved to order 6."""
    counts = np.array([20, 28, 40, 56, 80])
    errors = [fixed_steps(count) for count in counts]
    slope = np.polyfit(np.log(1 / counts), np.log(errors), 1)[0]
    assert slope == pytest.approx(5, abs=0.2)


def test_output_times_change_nothing():
    few, end_few = run(problems.chain(), [1, 0, 0], [1.0, 3.0], [1.0, 2.0])
    many, end_many = run(problems.chain(), [1, 0, 0], [1.0, 3.0], [0.1, 0.5, 1.0, 1.7, 2.0])
    assert few[0, 0].tolist() == many[0, 2].tolist()
    assert few[0, 1].tolist() == many[0, 4].tolist()
    assert end_few.accepted == end_many.accepted


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)), min_size=2, max_size=150),
    st.integers(1, 4),
)
def test_a_run_does_not_depend_on_its_batch(rates, workers):
    p = np.array(rates)
    y = np.tile([1.0, 0.0, 0.0], (len(p), 1))
    together, _ = run(problems.chain(), y, p, [0.5, 3.0], workers=workers)
    alone = [run(problems.chain(), y[i], p[i], [0.5, 3.0])[0][0] for i in range(len(p))]
    assert together.tolist() == np.array(alone).tolist()


def test_scheduled_changes_are_exact():
    """Decay at rate 1 until t = 1, none until t = 2, then rate 3."""
    changes = Changes(
        np.array([0, 2]), np.array([1.0, 2.0]), np.array([0, 0]), np.array([0.0, 3.0])
    )
    times = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    out, _ = run(problems.chain(), [1, 0, 0], [1.0, 0.0], times, changes=changes)
    expected = np.exp([-0.0, -0.5, -1.0, -1.0, -1.0, -2.5])
    np.testing.assert_allclose(out[0, :, 0], expected, rtol=1e-8)


def test_total_is_conserved_to_round_off():
    out, _ = run(problems.chain(), [1, 0, 0], [3.0, 1e5], np.geomspace(1e-6, 100, 50))
    np.testing.assert_allclose(out[0].sum(axis=1), 1.0, atol=1e-13)


def test_blow_up_is_marked_and_earlier_times_are_kept():
    out, ends = run(problems.blow_up(), [1.0], [1.0], [0.5, 0.9, 1.5])
    assert Status(ends.status[0]) in (Status.STEP_TOO_SMALL, Status.NOT_FINITE, Status.STEP_LIMIT)
    np.testing.assert_allclose(out[0, :2, 0], [2.0, 10.0], rtol=1e-7)
    assert np.isnan(out[0, 2, 0])
    assert ends.time[0] == pytest.approx(1.0, rel=1e-3)


def test_trouble_after_the_last_time_does_not_matter():
    out, ends = run(problems.blow_up(), [1.0], [1.0], [0.999])
    assert ends.status.tolist() == [Status.SUCCESS]
    assert out[0, 0, 0] == pytest.approx(1000, rel=1e-5)


def test_step_limit():
    out, ends = run(problems.oscillator(), [0, 1], [1.0], [1e4], Tolerances(1e-8, 1e-8, 100))
    assert ends.status.tolist() == [Status.STEP_LIMIT]
    assert np.isnan(out).all()


def test_initial_state_that_is_no_number():
    _, ends = run(problems.chain(), [np.nan, 0, 0], [1.0, 1.0], [1.0])
    assert ends.status.tolist() == [Status.NOT_FINITE]


def test_one_failed_run_leaves_the_others_alone():
    out, ends = run(problems.blow_up(), [[1.0], [1.0]], [[1.0], [0.1]], [2.0])
    assert ends.status[0] != Status.SUCCESS
    assert ends.status[1] == Status.SUCCESS
    assert out[1, 0, 0] == pytest.approx(1.25, rel=1e-8)


def settled(system, y, p, tolerances=LOOSE):
    return settle_batch(system, METHOD, tolerances, np.array([y], float), np.array([p], float))


def test_steady_state_keeps_conserved_totals():
    y, ends = settled(problems.chain(), [2.0, 3.0, 1.0], [1e-4, 1e3])
    assert ends.status.tolist() == [Status.SUCCESS]
    np.testing.assert_allclose(y[0], [0, 0, 6.0], atol=1e-8)


def test_held_states_stay():
    y, ends = settled(problems.chain(held=[0]), [2.0, 0.0, 0.0], [0.0, 1.0])
    assert ends.status.tolist() == [Status.SUCCESS]
    assert y[0, 0] == 2.0


@pytest.mark.parametrize(
    ("system", "y", "p"),
    [
        (problems.oscillator(), [1.0, 0.0], [1.0]),  # goes round for ever
        (problems.chain(held=[0]), [1.0, 0.0, 0.0], [1.0, 1.0]),  # C grows for ever
    ],
    ids=["oscillation", "growth"],
)
def test_no_steady_state_gives_no_numbers(system, y, p):
    found, ends = settled(system, y, p)
    assert ends.status.tolist() == [Status.NO_STEADY_STATE]
    assert np.isnan(found).all()


def test_every_status_has_a_sentence():
    assert all(status.sentence.endswith(".") for status in Status)
