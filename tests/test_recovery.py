"""The recovery study: what counts as covered, and the arithmetic behind its table."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks import recovery, recovery_report
from benchmarks.recovery import Fit, at_truth, drawn, measured_anew, refit
from benchmarks.recovery_report import Row, allowed, binomial_interval, covariance
from simulator.fit import Problem
from simulator.fit.objective import Value
from simulator.fit.scales import Scales
from tests.fit import decay


class Parabola:
    """A search whose objective is a parabola: its profiles are known."""

    def __init__(self, lowest, matrix):
        self.lowest, self.matrix = np.array(lowest), np.array(matrix)
        count = len(lowest)
        self.ids = tuple(f"p{k}" for k in range(count))
        self.scales = Scales(["lin"] * count)
        self.lower, self.upper = np.full(count, -50.0), np.full(count, 50.0)

    def evaluate(self, x, order=0):
        step = x - self.lowest
        return Value(0.5 * step @ self.matrix @ step, self.matrix @ step, self.matrix)


def parabola(seed, free=4):
    random = np.random.default_rng(seed)
    root = random.normal(size=(free, free))
    return Parabola(random.normal(size=free), root @ root.T + 0.3 * np.eye(free)), random


@pytest.mark.parametrize("seed", range(8))
def test_an_interval_holds_the_truth_where_the_exact_profile_does(seed):
    search, random = parabola(seed)
    inverse = np.linalg.inv(search.matrix)
    deviations = np.array([0.5, 1.9, 2.02, 4.0]) * random.choice([-1, 1], 4)
    truth = search.lowest + deviations * np.sqrt(np.diag(inverse))
    found = at_truth(search, Fit(0.0, search.lowest), truth)
    rises = np.array([2 * fit.objective for fit in found])
    assert (rises <= allowed()).tolist() == [True, True, False, False]
    # what is excluded was refitted to its optimum
    assert rises[2:] == pytest.approx(deviations[2:] ** 2, rel=1e-3)
    for place, fit in enumerate(found):
        assert fit.x[place] == truth[place]


def test_a_refit_leaves_the_fixed_parameter_where_it_is():
    search, _ = parabola(3)
    fit = refit(search, np.zeros(4), 2, 1.5)
    assert fit.x[2] == 1.5
    least = 0.5 * (1.5 - search.lowest[2]) ** 2 / np.linalg.inv(search.matrix)[2, 2]
    assert fit.objective == pytest.approx(least, rel=1e-3)
    assert search.evaluate(fit.x).objective == pytest.approx(fit.objective)
    assert refit(search, np.zeros(4)).x == pytest.approx(search.lowest, abs=1e-2)


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    return Problem(decay.write(tmp_path_factory.mktemp("decay"), estimated=("k", "scale")))


def test_drawn_values_have_the_mean_and_the_noise_of_the_model(problem):
    draws = np.array([drawn(problem, np.random.default_rng([7, k])) for k in range(400)])
    exact = np.array([value for _, _, value in decay.measured()])
    error = decay.SIGMA / math.sqrt(400)
    assert np.abs(draws.mean(axis=0) - exact).max() < 5 * error
    assert draws.std(axis=0) == pytest.approx(np.full(len(exact), decay.SIGMA), rel=0.2)
    assert np.array_equal(draws[3], drawn(problem, np.random.default_rng([7, 3])))


def test_other_values_change_the_likelihood_as_the_normal_density_says(problem):
    values = drawn(problem, np.random.default_rng(1))
    exact = np.array([value for _, _, value in decay.measured()])
    expected = stats.norm.logpdf(values, exact, decay.SIGMA).sum()
    before = problem.log_likelihood()
    assert measured_anew(problem, values).log_likelihood() == pytest.approx(expected, rel=1e-6)
    assert problem.log_likelihood() == before


def test_a_set_depends_on_its_number_and_the_seed_alone(problem):
    truth = recovery.true_point(recovery.Search(problem))
    one, same, other = (recovery.recovered(problem, truth, 1, k) for k in (4, 4, 5))
    assert np.array_equal(one.x, same.x) and np.array_equal(one.rises, same.rises)
    assert not np.array_equal(one.x, other.x)


def test_noise_that_is_not_drawn_is_refused():
    observable = SimpleNamespace(id="band", transformation="log10", distribution="normal")
    problem = SimpleNamespace(petab=SimpleNamespace(observables=[observable]))
    with pytest.raises(ValueError, match="band: noise is normal on scale log10"):
        drawn(problem, np.random.default_rng(1))


@given(st.integers(1, 300), st.floats(0, 1))
def test_binomial_intervals_are_the_exact_ones(sets, share):
    covered = round(share * sets)
    exact = stats.binomtest(covered, sets).proportion_ci(0.95, "exact")
    assert binomial_interval(covered, sets) == pytest.approx((exact.low, exact.high))


def test_coverage_in_a_linear_model_is_that_of_simulated_fits():
    bands, fitted, sets = 12, 4, 20_000
    random = np.random.default_rng(5)
    design = random.normal(size=(bands, fitted))
    noise = random.normal(size=(bands, sets))  # truth: all coefficients 0, sigma 1
    left = ((noise - design @ np.linalg.lstsq(design, noise)[0]) ** 2).sum(axis=0)
    fewer = design[:, 1:]
    fixed = ((noise - fewer @ np.linalg.lstsq(fewer, noise)[0]) ** 2).sum(axis=0)

    def share(rise):
        return (rise <= allowed()).mean()

    def objective(squares, variance):  # twice the negative log-likelihood
        return bands * np.log(variance) + squares / variance

    best = objective(left, left / bands)
    doubt = 5 * math.sqrt(0.1 / sets)
    coefficient = share(objective(fixed, fixed / bands) - best)
    sigma = share(objective(left, 1.0) - best)
    assert recovery_report.linear_coverage(bands, fitted) == pytest.approx(coefficient, abs=doubt)
    assert recovery_report.noise_coverage(bands, fitted) == pytest.approx(sigma, abs=doubt)


def test_coverage_in_a_linear_model_nears_the_level_with_many_bands():
    for coverage in (recovery_report.linear_coverage, recovery_report.noise_coverage):
        shares = [coverage(bands, 4) for bands in (8, 30, 10_000)]
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(0.95, abs=1e-3)


def test_what_nothing_says_has_a_large_variance_and_the_rest_its_own():
    matrix = np.array([[4.0, 1.0, 0.0], [1.0, 9.0, 0.0], [0.0, 0.0, 0.0]])
    found = covariance(matrix)
    assert found[:2, :2] == pytest.approx(np.linalg.inv(matrix[:2, :2]))
    assert found[2, 2] > 1e20
    pair = covariance(np.array([[1.0, 1.0], [1.0, 1.0]]))  # only their sum is known
    assert pair[0, 0] > 1e10
    assert pair.sum() == pytest.approx(1.0, rel=1e-3)


def row(name, covered, verdict="identifiable", expected=0.94, at_bound=False):
    ends = binomial_interval(covered, 20)
    return Row(
        *("blot", name, 1.0, verdict, at_bound, 20, covered, *ends, expected),
        *(17, 0.01, 0.2, 0.0),
    )


def test_table_and_figure_tell_what_was_found(tmp_path):
    rows = [row("k", 19), row("s", 20, "one-sided", math.nan, at_bound=True)]
    text = recovery_report.table(rows)
    assert "| blot | `k` | identifiable | 95 % | 75 % to 100 % | 94 % | 85 % |" in text
    assert "| blot | `s`* | one-sided | 100 % | 83 % to 100 % | - |" in text
    assert "Data sets: blot 20." in text
    first, again = tmp_path / "one.svg", tmp_path / "two.svg"
    recovery_report.draw(rows, first)
    recovery_report.draw(rows, again)
    assert first.read_bytes() == again.read_bytes()
    assert ">s*<" in first.read_text()
