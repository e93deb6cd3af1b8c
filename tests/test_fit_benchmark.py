"""The arithmetic behind the fitting benchmark's figures. Nothing here measures time."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import fit_report, fit_start_up
from benchmarks.fit_points import around, fit_error
from benchmarks.fit_speed import FIRST, available, chosen, compared
from benchmarks.fit_tools import Failed, Worker
from benchmarks.fit_worker import OWN, PYPESTO
from benchmarks.readme import README
from benchmarks.report import Curve
from benchmarks.tools import OWN_ENGINE
from simulator.fit.problem import Problem
from tests.tolerances import COMPILED_TWIN_RELATIVE, REFERENCE_RELATIVE


def test_points_are_lognormal_on_each_scale_and_begin_with_the_nominal_one():
    nominal = np.array([1e-5, 2.0, 3.0, 0.0])
    points = around(nominal, ["log10", "log", "lin", "lin"], 20_000)
    assert points.shape == (20_001, 4)
    assert points[0] == pytest.approx([-5.0, math.log(2.0), 3.0, 0.0])
    logs = points - points[0]
    logs[:, 0] *= math.log(10.0)
    logs[:, 2] = np.log(points[:, 2] / 3.0)
    # five standard errors of a standard deviation over 20000 draws
    assert abs(logs[1:, :3].std(axis=0) - 0.1).max() < 5 * 0.1 / math.sqrt(40_000)
    assert (points[:, 3] == 0).all()
    assert np.array_equal(points[:4], around(nominal, ["log10", "log", "lin", "lin"], 3))


def test_error_is_the_largest_of_value_and_gradient_each_on_its_scale():
    reference = np.array([[-99.0, 1e4, 0.0]])
    value, steep, flat = (reference + np.diag([1e-3, 1.0, 1.0])[k] for k in range(3))
    assert fit_error(value, reference) == pytest.approx([1e-3 / 100])
    assert fit_error(steep, reference) == pytest.approx([1 / (1 + 1e4 + 100)])
    assert fit_error(flat, reference) == pytest.approx([1 / (1 + 100)])


def test_error_is_infinite_where_a_tool_failed_and_there_alone():
    reference = np.ones((2, 3))
    values = reference.copy()
    values[1] = np.nan
    assert fit_error(values, reference).tolist() == [0.0, math.inf]


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=5), st.floats(1e-9, 1.0))
def test_error_grows_with_the_difference(numbers, step):
    reference = np.array([numbers])
    near, far = fit_error(reference + step, reference), fit_error(reference + 2 * step, reference)
    assert (near < far).all()


def curves(ratio):
    rtol = [1e-3, 1e-7]
    cost = np.array([[1.0, 4.0], [2.0, 8.0]])  # the second turn under twice the load
    every = {OWN: 1.0, OWN_ENGINE: 0.5} | dict.fromkeys(fit_report.PEERS, ratio)
    return {name: Curve(rtol, [1e-3, 1e-7], times * cost) for name, times in every.items()}


def test_the_mean_of_the_ratios_is_geometric_and_of_turns_alike():
    found = [curves(4.0), curves(16.0)]
    assert fit_report.mean_ratio(found, PYPESTO, 1e-4) == pytest.approx(8.0)


class Fixed:
    """A worker whose values are known."""

    def __init__(self, values):
        self.values = np.array(values)

    def measure(self, points, rtol, atol, seconds=0.0):
        return self.values, {}


def test_points_of_failure_or_disagreement_are_left_out():
    own = Fixed([[1.0, 2.0], [1.0, 2.0], [math.nan, 2.0], [5.0, 5.0]])
    peer = Fixed([[1.0, 2.0], [1.0, 2.1], [1.0, 2.0], [5.0, 5.0 + 1e-8]])
    reference, solved, (median, worst) = compared(own, peer, np.zeros((4, 1)))
    assert solved.tolist() == [True, False, False, True]
    assert reference.tolist() == [[1.0, 2.0], [5.0, 5.0 + 1e-8]]
    assert 0 < median < worst == pytest.approx(1e-8 / (1 + 5 + 0.05))


def test_tools_that_agree_nowhere_have_different_problems():
    with pytest.raises(ValueError, match="agree at few points"):
        compared(Fixed([[1.0, 2.0]]), Fixed([[2.0, 2.0]]), np.zeros((1, 1)))


def test_start_up_judges_limits_without_imports_and_ratios_with_them():
    cases = {
        "cold": [(2.0, 4.0)],
        "new": [(2.0, 1.0)],
        "warm": [(2.0, 1.5), (2.0, 1.5)],
        "compiles": [(3.0, 57.0)],
        "compiled": [(3.0, 4.0)],
    }
    row = fit_start_up.table({"Boehm": cases}).splitlines()[2]
    assert row == "| Boehm | 10.0x | 20.0x | 2.0x | yes | no |"


def test_the_page_has_a_place_for_every_table():
    text = README.read_text("utf-8")
    for name in fit_report.TABLES:
        assert f"<!-- {name} -->" in text
        assert f"<!-- /{name} -->" in text


def test_problems_are_found_by_short_name_and_unknown_names_are_refused():
    assert tuple(available())[:3] == FIRST
    assert len(available()) == 10
    assert list(chosen(["Raia", "Boehm"])) == ["Raia", "Boehm"]
    with pytest.raises(SystemExit, match="no problem Boem"):
        chosen(["Boem"])


def test_a_worker_answers_with_the_log_likelihood_and_its_gradient_on_the_scale():
    file = available()["Boehm"]
    with Worker("own", str(file)) as worker:
        facts = worker.facts
        points = around(np.array(facts["nominal"]), facts["scales"], 1)
        values, cost = worker.measure(points, 1e-10, 1e-13, seconds=1e-9)
    assert set(cost) == {OWN, OWN_ENGINE}
    assert 0 < cost[OWN_ENGINE] < cost[OWN]
    problem = Problem(file, rtol=1e-10, atol=1e-13)
    for point, (value, *gradient) in zip(points, values, strict=True):
        linear = dict(zip(facts["ids"], problem.scales.linear(point).tolist(), strict=True))
        slopes = [v * math.log(10.0) for v in linear.values()]  # every scale is log10
        expected = problem.gradient(linear).to_numpy() * slopes
        assert value == pytest.approx(problem.log_likelihood(linear), rel=REFERENCE_RELATIVE)
        assert gradient == pytest.approx(expected, rel=COMPILED_TWIN_RELATIVE)


def test_a_worker_that_ends_is_an_error_not_a_wait(tmp_path):
    with pytest.raises(Failed, match="the process of own ended"):
        Worker("own", str(tmp_path / "no.yaml"))
