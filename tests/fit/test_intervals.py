"""Values known to lie in intervals: against SciPy's distributions, quadrature and differences."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from simulator.errors import ModelError
from simulator.fit.intervals import interval_terms
from simulator.fit.likelihood import Likelihood
from simulator.network.expression import Symbol, apply
from simulator.petab_problem.problem import Observable
from tests.fit.differences import central
from tests.fit.example import measurement, parameter, problem

from .. import tolerances

INF = math.inf
THETA = np.array([0.3, 0.4])
CENSORED = {1: (-INF, 0.9), 2: (1.4, INF), 4: (0.4, 1.6), 5: (0.0, 2.0), 6: (1.0, 1.0 + 1e-6)}
BASES = {"lin": 0.0, "log": 1.0, "log10": math.log(10.0)}


def censored_problem(transformation="lin", distribution="normal", only=None):
    """y = x1 + k x2 with noise sd + 0.1 y: seven measurements, five of them in intervals."""
    formula = apply("add", Symbol("x1"), apply("multiply", Symbol("k"), Symbol("x2")))
    noise = apply("add", Symbol("sd"), apply("multiply", Symbol("part"), formula))
    observable = Observable("o", formula, noise, transformation, distribution)
    rows = [measurement(row, "o", 0.5 + 0.2 * row) for row in range(7)]
    rows = [_in_interval(m, CENSORED.get(m.row)) for m in rows if only is None or m.row in only]
    parameters = [parameter("k", 0.3), parameter("sd", 0.4), parameter("part", 0.1, False)]
    return problem(parameters, [observable], rows)


def _in_interval(m, ends):
    return type(m)(m.observable, m.experiment, m.time, math.nan, {}, m.row, ends) if ends else m


B = np.random.default_rng(3).normal(0, 0.3, (7, 2, 2))


def evaluated(example, theta=THETA, order=0):
    rows = [m.row for m in example.measurements]
    x = np.exp(B[rows] @ theta)
    table = np.array([*theta, 0.1])
    return Likelihood(example, ("k", "sd")).evaluate(x, x[..., None] * B[rows], table, order)


def log_probabilities(transformation, simulations, noise):
    """By SciPy, of exact values and of intervals, on the scale of the noise."""
    base = BASES[transformation]

    def on_scale(value):
        with np.errstate(divide="ignore"):
            return np.log(np.maximum(value, 0.0)) / base if base else value

    found = []
    for row, (y, sigma) in enumerate(zip(simulations, noise, strict=True)):
        law = stats.norm(on_scale(y), sigma)
        low, high = map(on_scale, CENSORED.get(row, (0.5 + 0.2 * row,) * 2))
        if low == high:
            value = 0.5 + 0.2 * row
            found.append(law.logpdf(low) - (math.log(value * base) if base else 0.0))
        elif high - low < 1e-5:  # a difference of distribution functions has lost its figures
            found.append(law.logpdf((low + high) / 2) + math.log(high - low))
        else:
            found.append(math.log(law.cdf(high) - law.cdf(low)))
    return np.array(found)


@pytest.mark.parametrize("transformation", BASES)
def test_probabilities_are_those_of_scipy(transformation):
    found = evaluated(censored_problem(transformation))
    expected = log_probabilities(transformation, found.simulations, found.noise)
    relative = tolerances.INTERVAL_RELATIVE
    assert found.log_likelihood == pytest.approx(expected.sum(), rel=relative)
    assert not found.failed.any()


@pytest.mark.parametrize("transformation", BASES)
def test_gradient_is_that_of_differences(transformation):
    example = censored_problem(transformation)
    gradient = evaluated(example, order=1).gradient
    for k, direction in enumerate(np.eye(2)):
        expected, doubt = central(
            lambda t, e=direction: evaluated(example, THETA + t * e).log_likelihood, 0.0, 1e-2
        )
        allowed = tolerances.GRADIENT_RELATIVE * np.abs(gradient).max() + 3 * doubt
        assert abs(gradient[k] - expected) <= allowed


def test_information_is_that_of_exact_and_of_censored_values_together():
    """A sum over measurements; with a noise that does not move, by SciPy's second derivatives."""
    example = censored_problem()
    whole = evaluated(example, order=2).fisher
    parts = [evaluated(censored_problem(only=[row]), order=2).fisher for row in range(7)]
    np.testing.assert_allclose(whole, np.sum(parts, axis=0), rtol=1e-12)
    formula, sigma = Symbol("x1"), 0.5
    observable = Observable("o", formula, Symbol("sd"), "lin", "normal")
    m = _in_interval(measurement(0, "o", 0.0), (0.4, 1.6))
    one = problem([parameter("k", 1.0), parameter("sd", sigma)], [observable], [m])
    found = Likelihood(one, ("k",)).evaluate(
        np.array([[1.3]]), np.array([[[2.0]]]), np.array([1.0, sigma]), 2
    )

    def log_probability(mean):
        return math.log(stats.norm.cdf(1.6, mean, sigma) - stats.norm.cdf(0.4, mean, sigma))

    h = 1e-3
    bend = -(log_probability(1.3 + h) - 2 * log_probability(1.3) + log_probability(1.3 - h)) / h**2
    assert found.fisher[0, 0] == pytest.approx(4.0 * bend, rel=1e-5)


def test_chi2_counts_how_far_outside_its_interval_a_value_is():
    found = evaluated(censored_problem())
    y, sigma = found.simulations, found.noise
    for row, (low, high) in CENSORED.items():
        expected = (max(low - y[row], 0.0) + min(high - y[row], 0.0)) / sigma[row]
        assert found.residuals[row] == pytest.approx(expected, abs=1e-14)


def test_a_simulation_without_a_number_fails_there():
    example = censored_problem()
    x = np.ones((7, 2))
    x[4, 0] = np.nan
    likelihood = Likelihood(example, ("k",))
    found = likelihood.evaluate(x, np.ones((7, 2, 1)), np.array([0.3, 0.4, 0.1]), 2)
    assert found.failed.tolist() == [row == 4 for row in range(7)]
    assert found.log_likelihood == -INF
    low = likelihood.evaluate(np.ones((7, 2)), None, np.array([0.3, -0.4, 0.0]))
    assert low.failed.all()


def test_what_has_no_probability_is_refused():
    with pytest.raises(ModelError, match=r"measurement 1 of o is censored.*normal, not laplace"):
        Likelihood(censored_problem("lin", "laplace"), ())
    whole = problem(
        [parameter("k", 1.0)],
        [Observable("o", Symbol("x1"), Symbol("k"), "log", "normal")],
        [_in_interval(measurement(3, "o", 1.0), (0.0, INF))],
    )
    with pytest.raises(ModelError, match=r"measurement 3 of o lies from 0\.0 to inf"):
        Likelihood(whole, ())


# ---------------------------------------------------------------------- the functions themselves
ENDS = st.floats(-30, 30)


def integral(power, low, high, reference):
    """Of z^power times the normal density, divided by exp(reference)."""

    def density(z):
        return z**power * math.exp(-0.5 * z * z - reference)

    ends = np.clip([low, high], -40.0, 40.0)
    peak = float(np.clip(0.0, *ends))
    near = float(np.clip(peak, ends[0] + 1e-3, ends[1])), float(np.clip(peak, ends[0], ends[1]))
    points = sorted({float(ends[0]), *near, float(ends[1])})
    return sum(
        integrate.quad(density, a, b, epsabs=0.0, epsrel=1e-11)[0] for a, b in pairwise(points)
    )


@given(ENDS, st.floats(0.01, 8.0))
def test_scores_are_moments_of_the_truncated_distribution(low, width):
    """By quadrature: the score of the mean is that distribution's mean; of ln sigma, E z^2 - 1."""
    high = low + width
    peak = float(np.clip(0.0, low, high))
    total, mean, square = (integral(k, low, high, -0.5 * peak * peak) for k in range(3))
    found = interval_terms(np.array([low]), np.array([high]))
    log_p = math.log(total) - 0.5 * peak * peak - 0.5 * math.log(2 * math.pi)
    assert found.log_probability[0] == pytest.approx(log_p, rel=1e-8, abs=1e-8)
    assert found.score[0] == pytest.approx(mean / total, rel=1e-7, abs=1e-7)
    assert found.noise_score[0] == pytest.approx(square / total - 1.0, rel=1e-7, abs=1e-7)


@given(ENDS, st.floats(-12, 2), st.sampled_from(["both", "below", "above"]))
def test_information_is_positive_and_mirrored(low, exponent, side):
    high = low + 10.0**exponent
    low, high = {"both": (low, high), "below": (-INF, high), "above": (low, INF)}[side]
    one = interval_terms(np.array([low]), np.array([high]))
    two = interval_terms(np.array([-high]), np.array([-low]))
    size = np.abs(one.information[0]).max()
    assert np.linalg.eigvalsh(one.information[0]).min() >= -1e-6 * size
    assert one.log_probability[0] == pytest.approx(two.log_probability[0], rel=1e-12, abs=1e-12)
    assert one.score[0] == pytest.approx(-two.score[0], rel=1e-8, abs=1e-8)
    signs = np.array([[1, -1], [-1, 1]])
    np.testing.assert_allclose(
        one.information[0], two.information[0] * signs, rtol=0, atol=1e-6 * size
    )


@given(st.floats(-5, 5))
def test_a_narrow_interval_is_a_value(middle):
    found = [interval_terms(*np.array([[middle - h], [middle + h]])) for h in (1e-5, 1e-9)]
    for terms, h in zip(found, (1e-5, 1e-9), strict=True):
        density = stats.norm.logpdf(middle) + math.log(2 * h)
        assert terms.log_probability[0] == pytest.approx(density, rel=1e-7)
        assert terms.score[0] == pytest.approx(middle, rel=1e-7, abs=1e-9)
        assert terms.noise_score[0] == pytest.approx(middle**2 - 1, rel=1e-7, abs=1e-7)
        expected = [[1.0, middle], [middle, middle**2 + 1]]
        np.testing.assert_allclose(terms.information[0], expected, rtol=1e-6, atol=1e-6)
