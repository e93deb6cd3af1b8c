"""States of rest found by integration."""

import numpy as np
import pytest

from simulator.integrator.status import Status
from tests.integrator import problems
from tests.integrator.problems import LOOSE, Tolerances, same, settle


def test_conserved_totals_are_kept():
    found, ends = settle(problems.CHAIN, A=2.0, B=3.0, C=1.0, a=1e-4, b=1e3)
    assert ends.status.tolist() == [Status.SUCCESS]
    np.testing.assert_allclose(found[0], [0, 0, 6.0], atol=1e-8)
    assert found[0, :2].tolist() == [0.0, 0.0]  # what only decays ends at nothing


def test_held_states_stay():
    found, ends = settle(problems.CHAIN, A=2.0, a=0.0, b=1.0, held=("A",))
    assert ends.status.tolist() == [Status.SUCCESS]
    assert found[0, 0] == 2.0


def test_a_synthesis_and_decay_of_any_speed():
    k = 10.0 ** np.arange(-6, 7)
    found, ends = settle("y' = k*(3 - y); y = 0; k = 1;", runs=k.size, k=k)
    assert (ends.status == Status.SUCCESS).all()
    np.testing.assert_allclose(found[:, 0], 3.0, rtol=1e-8)


def test_of_two_states_of_rest_the_one_that_the_path_leads_to():
    """y' = y (1 - y) (y - 0.3): 0 from below 0.3, 1 from above."""
    start = np.array([0.1, 0.29, 0.31, 0.7, 2.0])
    found, _ = settle("y' = y*(1 - y)*(y - 0.3); y = 1;", runs=5, y=start)
    np.testing.assert_allclose(found[:, 0], [0, 0, 1, 1, 1], atol=1e-8)


NEVER = {
    "oscillation": (problems.OSCILLATOR, {}, Status.NO_STEADY_STATE),
    "growth": (problems.CHAIN, {"held": ("A",)}, Status.NO_STEADY_STATE),
    "pole": (problems.BLOW_UP, {}, Status.NO_STEADY_STATE),
    "few steps": (problems.ROBERTSON, {"tolerances": Tolerances(1e-6, 1e-9, 5)}, None),
    "no number": (problems.CHAIN, {"a": np.nan}, Status.NOT_FINITE),
    "no time": (
        problems.OSCILLATOR,
        {"tolerances": Tolerances(1e-6, 1e-9, 10**12), "seconds": 0.01},
        Status.TIME_LIMIT,
    ),
}


@pytest.mark.parametrize("name", NEVER)
def test_without_a_state_of_rest_there_are_no_numbers(name, capfd):
    text, options, status = NEVER[name]
    found, ends = settle(text, **options)
    assert Status(ends.status[0]) == (status or Status.NO_STEADY_STATE)
    assert np.isnan(found).all()
    assert 0 <= ends.state[0] < found.shape[1]
    assert capfd.readouterr() == ("", "")


def test_the_state_that_grows_is_named():
    kernel = problems.compiled(problems.CHAIN)
    _, ends = settle(kernel, held=("A",))
    assert kernel.states[ends.state[0]] == "C"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_does_not_depend_on_its_batch(workers):
    random = np.random.default_rng(0)
    runs = 37
    values = {name: 10.0 ** random.uniform(-3, 3, runs) for name in ("a", "b", "A")}
    values["a"][[3, 20]] = np.nan
    values["a"][5] = -1.0
    together, ends = settle(problems.CHAIN, runs=runs, workers=workers, **values)
    assert (ends.status != Status.SUCCESS).sum() == 3
    for run in range(runs):
        one = {name: value[run] for name, value in values.items()}
        found, end = settle(problems.CHAIN, tolerances=LOOSE, **one)
        assert same(found[0], together[run])
        for part, whole in zip(end, ends, strict=True):
            assert same(part[0], whole[run])
