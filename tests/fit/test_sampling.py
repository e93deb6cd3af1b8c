"""Samples and prediction bands, against the closed solution and numerical integrals."""

import numpy as np
import pypesto
import pytest
from scipy import stats

from simulator.errors import ConditionError
from simulator.fit.objective import Search, pypesto_problem
from simulator.fit.problem import Problem
from simulator.fit.sampling import settled_samples

from . import decay

PRIORS = {"k": ("normal", "0.7;0.2")}
PRIOR = stats.norm(0.7, 0.2)


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    return Problem(decay.write(tmp_path_factory.mktemp("decay"), estimated=("k",), priors=PRIORS))


@pytest.fixture(scope="module")
def sampled(problem, tmp_path_factory):
    out = tmp_path_factory.mktemp("fit") / "fit.h5"
    result = problem.optimize(starts=1, out=out)
    return out, problem.sample(result, samples=3000, seed=2, out=out)


def posterior(k):
    """Logarithm of the density of k, not normalised, by the closed solution."""
    return PRIOR.logpdf(k) - decay.exact(k, 1.0, 1.0, 50.0)


def test_samplers_see_a_density_on_the_scale_of_the_search(problem):
    objective = pypesto_problem(Search(problem), density=True).objective
    u = np.linspace(-0.8, 0.2, 5)
    found = [-objective(np.array([each])) for each in u]
    expected = [posterior(10**each) + np.log(10**each * np.log(10)) for each in u]
    assert found == pytest.approx(expected, abs=1e-5)


def test_what_is_uniform_on_its_scale_has_no_factor(tmp_path):
    search = Search(Problem(decay.write(tmp_path, estimated=("k",))))
    x = np.array([0.3])
    assert pypesto_problem(search, density=True).objective(x) == search.evaluate(x).objective


def test_what_follows_has_no_posterior(tmp_path):
    path = decay.write(tmp_path, estimated=("k", "scale"))
    problem = Problem(path, hierarchical="auto")
    assert problem.following == ("scale",)
    result = problem.optimize(starts=1, out=tmp_path / "fit.h5")
    with pytest.raises(
        ConditionError, match=r"\(scale\) is not sampled.* fit and sample the problem without"
    ):
        problem.sample(result, samples=10)
    with pytest.raises(ConditionError, match="hierarchical was auto and is False"):
        Problem(path).read(tmp_path / "fit.h5")


def test_moments_are_those_of_the_integral(sampled):
    k = np.linspace(0.05, 2.0, 4000)
    density = np.exp([posterior(each) + 10.0 for each in k])
    density /= np.trapezoid(density, k)
    mean = np.trapezoid(k * density, k)
    spread = np.sqrt(np.trapezoid((k - mean) ** 2 * density, k))
    result = sampled[1]
    found = 10 ** settled_samples(result)[:, 0]
    error = spread / np.sqrt(result.sample_result.effective_sample_size)
    assert abs(found.mean() - mean) < 5 * error
    assert found.std() == pytest.approx(spread, rel=0.25)


def test_the_seed_decides_and_the_global_generator_is_left_alone(problem, sampled):
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    result = problem.read(sampled[0])
    with pytest.warns(UserWarning, match="take more"):
        again = problem.sample(result, samples=300, seed=2)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    chain, longer = (each.sample_result.trace_x for each in (again, sampled[1]))
    assert chain.shape[1] == 301 and np.array_equal(chain, longer[:, :301])


def test_samples_are_read_by_pypesto(sampled):
    read = pypesto.store.read_result(sampled[0], sample=True, optimize=True)
    assert np.array_equal(read.sample_result.trace_x, sampled[1].sample_result.trace_x)


def test_bands_are_quantiles_of_the_closed_solution(problem, sampled):
    times = [0.0, 1.0, 3.0]
    bands = problem.predict(sampled[1], times, level=0.9, members=10_000)
    k = 10 ** settled_samples(sampled[1])[:, 0]
    curves = np.exp(-k[:, None] * np.array(times))
    decaying = bands.isel(series=0)
    assert str(decaying["observable"].values) == "decaying"
    assert decaying["low"].values == pytest.approx(np.quantile(curves, 0.05, axis=0), abs=1e-6)
    assert decaying["high"].values == pytest.approx(np.quantile(curves, 0.95, axis=0), abs=1e-6)
    assert decaying["noise"].values == pytest.approx(decay.SIGMA)


def test_without_samples_a_band_is_what_fits(problem):
    result = problem.optimize(starts=1)
    bands = problem.predict(result)
    assert "threshold" in bands.attrs["band"]
    best = bands["best"].isel(series=0)
    k = problem.best(result)["k"]
    assert best.values == pytest.approx(np.exp(-k * bands["time"].values), abs=1e-6)
    with pytest.raises(ConditionError, match="no samples"):
        settled_samples(result)


def test_a_short_chain_is_warned_of(problem, monkeypatch):
    result = problem.optimize(starts=1)
    monkeypatch.setattr("pypesto.sample.geweke_test", lambda result: 20)
    with pytest.warns(UserWarning, match="has not settled"):
        problem.sample(result, samples=20)
