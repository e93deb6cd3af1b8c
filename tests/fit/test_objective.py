"""What pyPESTO minimises, against closed formulas, PEtab's own likelihood and differences."""

import math
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from simulator.fit.objective import NegativeLogPosterior, Search, pypesto_problem
from simulator.fit.problem import Problem

from . import decay

BENCHMARKS = Path(__file__).parents[1] / "data" / "petab_benchmarks"
BOEHM = BENCHMARKS / "Boehm_JProteomeRes2014" / "Boehm_JProteomeRes2014.yaml"

# States are within a relative 1e-8 or so of the exact ones; residuals are up to some 1e3 sigma.
INTEGRATION = 1e-6
# Central differences of step 1e-4: truncation 1e-8, and the integration's noise over the step.
DIFFERENCE = 1e-3

NORMAL = {"k": ("normal", "0.7;0.2")}


@pytest.fixture(scope="module")
def boehm():
    return Problem(BOEHM)


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    return Search(Problem(decay.write(tmp_path_factory.mktemp("decay"), priors=NORMAL)))


def test_pypesto_is_imported_by_fitting_alone():
    code = "import sys, simulator, simulator.fit.problem; sys.exit('pypesto' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("seed", range(4))
def test_the_objective_is_that_of_the_closed_solution(search, seed):
    x = np.random.default_rng(seed).uniform(-1, 1, len(search.ids))
    found = search.evaluate(x).objective
    given = dict(zip(search.ids, 10**x, strict=True))
    expected = decay.exact(**given) - stats.norm(0.7, 0.2).logpdf(given["k"])
    assert found == pytest.approx(expected, rel=INTEGRATION, abs=INTEGRATION)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("which", ["search", "boehm"])
def test_gradients_are_differences_on_the_scale_of_the_search(which, seed, request):
    given = request.getfixturevalue(which)
    search = given if isinstance(given, Search) else Search(given)
    x = search.scales.scaled(search.problem.nominal[search._places])
    x = x + np.random.default_rng(seed).uniform(-0.3, 0.3, len(x))
    h = 1e-4
    expected = [
        (search.evaluate(x + h * e).objective - search.evaluate(x - h * e).objective) / (2 * h)
        for e in np.eye(len(x))
    ]
    found = search.evaluate(x, 1).gradient
    assert found == pytest.approx(expected, rel=DIFFERENCE, abs=DIFFERENCE)


def test_the_matrix_is_the_hessian_where_the_model_meets_the_data(tmp_path):
    search = Search(Problem(decay.write(tmp_path)))  # residuals are 0: Gauss-Newton is exact
    x = np.log10([decay.TRUE[name] for name in search.ids])
    h = 1e-4
    hessian = [
        (search.evaluate(x + h * e, 1).gradient - search.evaluate(x - h * e, 1).gradient) / (2 * h)
        for e in np.eye(len(x))
    ]
    assert search.evaluate(x, 1).matrix == pytest.approx(np.array(hessian), rel=0.01, abs=0.1)


def test_what_cannot_be_simulated_is_infinite(tmp_path):
    text = decay.write(tmp_path).read_text()
    search = Search(Problem(decay.write(tmp_path), max_steps=3))
    assert text
    value = search.evaluate(np.zeros(len(search.ids)), 1)
    assert value.objective == math.inf
    assert np.isnan(value.gradient).all() and np.isnan(value.matrix).all()
    assert pypesto_problem(search).objective(np.zeros(len(search.ids))) == math.inf


def test_a_pickled_objective_reads_its_problem_again(search):
    x = np.full(len(search.ids), 0.1)
    objective = NegativeLogPosterior(search)
    again = pickle.loads(pickle.dumps(objective))  # noqa: S301
    for one, other in zip(objective(x, (0, 1, 2)), again(x, (0, 1, 2)), strict=True):
        assert np.array_equal(one, other)


def test_version_2_is_searched_on_logarithms_where_bounds_are_far_apart():
    folder = BENCHMARKS.parent / "petab" / "v2.0.0"
    path = next(iter(sorted(folder.rglob("*.yaml"))), None)
    if path is None:
        pytest.skip("no problem of version 2")
    search = Search(Problem(path))
    for parameter, scale in zip(search.parameters, search.scales.names, strict=True):
        wide = parameter.lower > 0 and parameter.upper >= 100 * parameter.lower
        assert scale == ("log10" if wide else "lin")


def test_a_pull_is_half_the_square_of_the_way_to_the_middle(search):
    x = np.random.default_rng(5).uniform(-1, 1, len(search.ids))
    plain, pulled = search.evaluate(x, 1), search.pulled(3.0).evaluate(x, 1)
    bounds = [np.log10(decay.BOUNDS[name]) for name in search.ids]
    middle, half = np.array([((a + b) / 2, (b - a) / 2) for a, b in bounds]).T
    away = (x - middle) / half
    assert pulled.objective == pytest.approx(plain.objective + 1.5 * away @ away, rel=1e-12)
    assert pulled.gradient == pytest.approx(plain.gradient + 3.0 * away / half, rel=1e-9)
    assert pulled.matrix == pytest.approx(plain.matrix + np.diag(3.0 / half**2), rel=1e-9)
    assert search.pull == 0.0  # the search itself is as it was
    again = pickle.loads(pickle.dumps(NegativeLogPosterior(search.pulled(3.0))))  # noqa: S301
    assert again(x) == search.pulled(3.0).evaluate(x).objective
