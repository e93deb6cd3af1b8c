"""Priors against SciPy's distributions, the PEtab library, finite differences and samples."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from petab.v1.distributions import (
    Cauchy,
    ChiSquare,
    Exponential,
    Gamma,
    Laplace,
    LogUniform,
    Normal,
    Rayleigh,
)
from petab.v1.priors import Prior
from scipy import integrate, stats

from simulator.errors import ModelError
from simulator.fit.priors import Priors
from simulator.fit.scales import Scales
from simulator.petab_problem.problem import Distribution, Parameter
from simulator.petab_problem.read import read_problem

ROUNDING = 1e-12
CASES = Path(__file__).parents[1] / "data" / "petab" / "v2.0.0"


def parameter(prior=None, scale="lin", lower=0.5, upper=4.0, start=None):
    return Parameter("k", scale, lower, upper, 1.0, True, prior, start)


LAWS = {
    ("uniform", (0.2, 3.0)): stats.uniform(0.2, 2.8),
    ("log-uniform", (0.2, 3.5)): stats.loguniform(0.2, 3.5),
    ("normal", (1.5, 0.7)): stats.norm(1.5, 0.7),
    ("log-normal", (0.3, 0.6)): stats.lognorm(0.6, scale=math.exp(0.3)),
    ("laplace", (1.2, 0.4)): stats.laplace(1.2, 0.4),
    ("log-laplace", (0.1, 0.4)): stats.loglaplace(1 / 0.4, scale=math.exp(0.1)),
    ("cauchy", (1.3, 0.8)): stats.cauchy(1.3, 0.8),
    ("gamma", (2.5, 0.7)): stats.gamma(2.5, scale=0.7),
    ("gamma", (0.5, 2.0)): stats.gamma(0.5, scale=2.0),
    ("chisquare", (3.0,)): stats.chi2(3.0),
    ("exponential", (1.7,)): stats.expon(scale=1.7),
    ("rayleigh", (1.1,)): stats.rayleigh(scale=1.1),
}
POINTS = (0.55, 0.9, 1.7, 2.6)


@pytest.mark.parametrize("given", LAWS, ids=lambda given: given[0])
@pytest.mark.parametrize("truncated", [False, True])
def test_densities_are_those_of_scipy(given, truncated):
    law = LAWS[given]
    priors = Priors([parameter(Distribution(*given, truncated=truncated))])
    mass = law.cdf(4.0) - law.cdf(0.5) if truncated else 1.0
    for x in POINTS:
        found = priors.evaluate(np.array([x])).log_density
        assert found == pytest.approx(law.logpdf(x) - math.log(mass), rel=ROUNDING, abs=ROUNDING)


@pytest.mark.parametrize("given", LAWS, ids=lambda given: given[0])
def test_a_truncated_density_integrates_to_one(given):
    priors = Priors([parameter(Distribution(*given, truncated=True))])

    def density(x):
        return math.exp(priors.evaluate(np.array([x])).log_density)

    whole, _ = integrate.quad(density, 0.5, 4.0, points=[1.2, 1.3, 3.0, 3.5], epsabs=1e-11)
    assert whole == pytest.approx(1.0, rel=1e-8)
    for beyond in (0.499, 4.001):
        assert priors.evaluate(np.array([beyond])).log_density == -math.inf


PETAB_VERSION_2 = {
    "normal": Normal,
    "log-normal": Normal,
    "laplace": Laplace,
    "log-laplace": Laplace,
    "log-uniform": LogUniform,
    "cauchy": Cauchy,
    "gamma": Gamma,
    "chisquare": ChiSquare,
    "exponential": Exponential,
    "rayleigh": Rayleigh,
}


@pytest.mark.parametrize("given", [g for g in LAWS if g[0] in PETAB_VERSION_2], ids=lambda g: g[0])
def test_version_2_priors_are_those_of_the_petab_library(given):
    name, numbers = given
    log = {"log": True} if name in ("log-normal", "log-laplace") else {}
    theirs = PETAB_VERSION_2[name](*numbers, trunc=(0.5, 4.0), **log)
    priors = Priors([parameter(Distribution(name, numbers, truncated=True))])
    for x in POINTS:
        found = priors.evaluate(np.array([x])).log_density
        assert found == pytest.approx(float(np.log(theirs.pdf(x))), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("case", ["0024", "0025"])
def test_priors_of_the_petab_test_suite(case):
    """Priors within bounds, and without: their logarithms one by one, and the sum."""
    folder = CASES / case
    problem = read_problem(folder / f"_{case}.yaml")
    expected = yaml.safe_load((folder / f"_{case}_solution.yaml").read_text("utf-8"))
    estimated = [p for p in problem.parameters if p.estimate]
    for one in estimated:
        if one.prior is not None:
            found = Priors([one]).evaluate(np.array([one.nominal])).log_density
            assert found == pytest.approx(expected["log_prior"][one.id], rel=0, abs=1e-13)
    total = Priors(estimated).evaluate(np.array([p.nominal for p in estimated])).log_density
    assert total == pytest.approx(sum(expected["log_prior"].values()), rel=0, abs=1e-12)


@pytest.mark.parametrize("scale", ["lin", "log", "log10"])
@pytest.mark.parametrize(
    ("theirs", "ours", "numbers"),
    [
        ("normal", Distribution("normal", (1.4, 0.6)), (1.4, 0.6)),
        ("laplace", Distribution("laplace", (1.4, 0.6)), (1.4, 0.6)),
        ("logNormal", Distribution("log-normal", (0.4, 0.6)), (0.4, 0.6)),
        ("logLaplace", Distribution("log-laplace", (0.4, 0.6)), (0.4, 0.6)),
        ("uniform", Distribution("uniform", (0.6, 3.0)), (0.6, 3.0)),
        ("parameterScaleNormal", Distribution("normal", (0.4, 0.6), True), (0.4, 0.6)),
        ("parameterScaleLaplace", Distribution("laplace", (0.4, 0.6), True), (0.4, 0.6)),
        ("parameterScaleUniform", Distribution("uniform", (-0.5, 2.5), True), (-0.5, 2.5)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_version_1_priors_are_those_of_the_petab_library(theirs, ours, numbers, scale):
    """Those on the scale of the search are densities on that scale."""
    reference = Prior(theirs, numbers, bounds=None, transformation=scale)
    priors = Priors([parameter(ours, scale)])
    scales, on_scale = Scales([scale]), theirs.startswith("parameterScale")
    for x in (0.7, 0.9, 1.7, 2.3):
        scaled = scales.scaled(np.array([x]))
        expected = reference.pdf(scaled, x_scaled=True, rescale=on_scale)
        found = priors.evaluate(np.array([x])).log_density
        assert found == pytest.approx(float(np.log(expected)[0]), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("given", LAWS, ids=lambda given: given[0])
@pytest.mark.parametrize(("on_scale", "scale"), [(False, "log10"), (True, "log10"), (True, "log")])
def test_gradient_is_that_of_finite_differences(given, on_scale, scale):
    other = Distribution("normal", (0.0, 1.0))
    priors = Priors(
        [parameter(other), parameter(), parameter(Distribution(*given, on_scale), scale)]
    )
    x, step = np.array([0.3, 0.9, 1.9]), 1e-5
    found = priors.evaluate(x)
    expected = [
        (priors.evaluate(x + e).log_density - priors.evaluate(x - e).log_density) / (2 * step)
        for e in step * np.eye(3)
    ]
    np.testing.assert_allclose(found.gradient, expected, rtol=1e-7, atol=1e-9)
    assert found.gradient[1] == found.information[1] == 0.0


@pytest.mark.parametrize("name", ["normal", "cauchy", "gamma", "rayleigh"])
def test_information_is_the_negative_second_derivative(name):
    numbers = next(numbers for given, numbers in LAWS if given == name)
    priors = Priors([parameter(Distribution(name, numbers))])
    x, step = np.array([1.45]), 1e-6
    slope = (priors.evaluate(x + step).gradient - priors.evaluate(x - step).gradient) / (2 * step)
    np.testing.assert_allclose(priors.evaluate(x).information, -slope, rtol=1e-7)


def test_information_of_a_normal_of_the_logarithm_is_on_linear_scale():
    priors = Priors([parameter(Distribution("normal", (0.4, 0.5), on_scale=True), "log10")])
    found = priors.evaluate(np.array([2.0])).information
    assert found[0] == pytest.approx(1.0 / (0.5 * 2.0 * math.log(10.0)) ** 2, rel=ROUNDING)


def test_where_a_prior_is_impossible_the_density_is_nothing():
    priors = Priors([parameter(Distribution("log-normal", (0.0, 1.0))), parameter()])
    found = priors.evaluate(np.array([-1.0, 2.0]))
    assert found.log_density == -math.inf
    assert math.isnan(found.gradient[0])
    assert found.gradient[1] == 0.0


def test_a_bound_that_was_scaled_and_unscaled_is_possible():
    uniform = Distribution("uniform", (math.log10(0.3), math.log10(3.3)), on_scale=True)
    one = parameter(uniform, "log10", 0.3, 3.3)
    two = parameter(Distribution("normal", (1.0, 1.0), truncated=True), "log10", 0.3, 3.3)
    priors, scales = Priors([one, two]), Scales(["log10", "log10"])
    for bound in (0.3, 3.3):
        x = scales.linear(scales.scaled(np.full(2, bound)) + np.array([1e-15, -1e-15]))
        assert math.isfinite(priors.evaluate(x).log_density)


# ---------------------------------------------------------------------- samples
@pytest.mark.parametrize("given", LAWS, ids=lambda given: given[0])
@pytest.mark.parametrize(("lower", "upper"), [(0.5, 4.0), (2.0, 3.0)])
def test_samples_of_truncated_priors_follow_them(given, lower, upper):
    law = LAWS[given]
    prior = Distribution(*given, truncated=True)
    points = Priors([parameter(prior, "lin", lower, upper)]).sample(2000, seed=1)[:, 0]
    below, mass = law.cdf(lower), law.cdf(upper) - law.cdf(lower)
    assert lower <= points.min() <= points.max() <= upper
    assert stats.kstest(points, lambda x: (law.cdf(x) - below) / mass).pvalue > 1e-3


def test_samples_far_in_a_tail_are_between_the_bounds():
    prior = Distribution("normal", (0.0, 1.0), truncated=True)
    priors = Priors([parameter(prior, "lin", 12.0, 13.0)])
    points = priors.sample(500, seed=2)[:, 0]
    assert 12.0 < points.min() < points.mean() < 12.2
    assert math.isfinite(priors.evaluate(np.array([12.1])).log_density)


def test_samples_without_a_distribution_are_uniform_on_the_scale_of_the_search():
    prior = Distribution("normal", (1.0, 1.0))  # version 1: no distribution of start points
    priors = Priors([parameter(prior, "log10", 1e-3, 1e3), parameter(None, "lin", -1.0, 3.0)])
    points = priors.sample(2000, seed=3)
    assert stats.kstest(np.log10(points[:, 0]), stats.uniform(-3, 6).cdf).pvalue > 1e-3
    assert stats.kstest(points[:, 1], stats.uniform(-1, 4).cdf).pvalue > 1e-3


def test_samples_of_version_1_are_moved_to_the_bounds():
    start = Distribution("normal", (0.0, 1.0), on_scale=True)
    priors = Priors([parameter(None, "log10", 0.1, 10.0, start)])
    points = priors.sample(2000, seed=4)[:, 0]
    assert 0.1 <= points.min() < 0.1 + 1e-12
    assert 10.0 - 1e-12 < points.max() <= 10.0
    assert np.mean(points > 9.999) == pytest.approx(stats.norm.sf(1.0), abs=0.03)


def test_a_seed_gives_the_same_points():
    priors = Priors([parameter(), parameter(None, "log")])
    np.testing.assert_array_equal(priors.sample(5, seed=7), priors.sample(5, seed=7))
    assert Priors([]).sample(5, seed=7).shape == (5, 0)


# ---------------------------------------------------------------------- what cannot be used
@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (Distribution("normall", (0.0, 1.0)), 'no distribution "normall".*Nearest: "normal"'),
        (Distribution("normal", (1.0,)), "normal takes 2 numbers, not 1"),
        (Distribution("normal", (1.0, 0.0)), r"no normal distribution of \(1.0, 0.0\)"),
        (Distribution("gamma", (-1.0, 1.0)), "no gamma distribution"),
        (Distribution("uniform", (1.0, 1.0)), "no uniform distribution"),
        (Distribution("log-uniform", (0.0, 1.0)), "no log-uniform distribution"),
        (Distribution("uniform", (5.0, 6.0), truncated=True), "nothing between the bounds"),
    ],
)
def test_priors_that_cannot_be_are_refused(prior, message):
    with pytest.raises(ModelError, match=message):
        Priors([parameter(prior)])


def test_start_points_need_bounds_or_a_distribution():
    endless = replace(parameter(), upper=math.inf)
    with pytest.raises(ModelError, match="no uniform distribution"):
        Priors([endless]).sample(1, seed=1)
