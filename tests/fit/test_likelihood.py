"""Likelihoods against SciPy's distributions, the PEtab library, finite differences, quadrature."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from petab.v1.calculate import calculate_chi2, calculate_llh
from scipy import stats

from simulator.errors import ModelError
from simulator.fit.likelihood import Likelihood
from simulator.fit.scales import Scales
from simulator.network.expression import TIME, Number, Symbol, apply
from simulator.petab_problem.problem import Observable
from tests.fit.example import boehm_like, measurement, parameter, problem

ROUNDING = 1e-12  # relative; vector functions of the C library are good to 4 ulp
DIFFERENCES = 1e-7  # relative to the largest entry; central differences of step 1e-5

NOISE_KINDS = [
    (transformation, distribution)
    for distribution in ("normal", "laplace")
    for transformation in ("lin", "log", "log10")
] + [("lin", "log-normal"), ("lin", "log-laplace")]


def log_density(transformation, distribution, measured, simulated, sigma):
    """By change of variables from SciPy's densities on the scale of the noise."""
    law = stats.laplace if "laplace" in distribution else stats.norm
    if distribution.startswith("log-"):
        transformation = "log"
    if transformation == "lin":
        return law.logpdf(measured, simulated, sigma)
    log = {"log": np.log, "log10": np.log10}[transformation]
    base = {"log": 1.0, "log10": math.log(10.0)}[transformation]
    return law.logpdf(log(measured), log(simulated), sigma) - np.log(measured * base)


def scaled_problem(transformation, distribution, values=(0.7, 1.9, 3.1, 0.2, 1.1)):
    """y = scale x1 + x2 k t + offset with noise sd + part y, of which four are placeholders."""
    x1, x2 = Symbol("x1"), Symbol("x2")
    formula = apply(
        "add",
        apply("multiply", Symbol("scale"), x1),
        apply("multiply", x2, Symbol("k"), Symbol(TIME)),
        Symbol("offset"),
    )
    noise = apply("add", Symbol("sd"), apply("multiply", Symbol("part"), formula))
    names = ("scale", "offset"), ("sd", "part")
    observable = Observable("o", formula, noise, transformation, distribution, *names)
    scales = [Symbol("s1"), Symbol("s2"), Number(1.3), Symbol("s1"), apply("exp", Symbol("s2"))]
    measurements = [
        measurement(
            *(row, "o", value, 1.0 + row),
            **{"scale": scales[row % 5], "offset": Symbol("k") if row % 2 else Number(0.25)},
            **{"sd": Symbol("sigma"), "part": Number(0.1) if row % 3 else Symbol("s1")},
        )
        for row, value in enumerate(values)
    ]
    nominal = {"k": 0.4, "s1": 0.8, "s2": -0.3, "sigma": 0.3, "fixed": 2.0}
    parameters = [parameter(name, value) for name, value in nominal.items()]
    return problem(parameters, [observable], measurements)


FREE = ("sigma", "k", "s1", "s2")
B = np.random.default_rng(3).normal(0, 0.3, (5, 2, 4))


def simulated(theta, rows=5):
    """Values and tangents of a model that is solved at sight: x = exp(B theta)."""
    values = np.exp(B[:rows] @ theta)
    return values, values[..., None] * B[:rows]


def at(likelihood, theta, order, rows=5):
    values, tangents = simulated(theta, rows)
    table = {**dict(zip(FREE, theta, strict=True)), "fixed": 2.0}
    return likelihood.evaluate(values, tangents, table, order)


THETA = np.array([0.3, 0.4, 0.8, -0.3])


@pytest.mark.parametrize(("transformation", "distribution"), NOISE_KINDS)
def test_densities_are_those_of_scipy(transformation, distribution):
    example = scaled_problem(transformation, distribution)
    found = at(Likelihood(example, FREE), THETA, 0)
    sigma, k, s1, s2 = THETA
    values, _ = simulated(THETA)
    scale = np.array([s1, s2, 1.3, s1, math.exp(s2)])
    offset = np.where(np.arange(5) % 2, k, 0.25)
    y = scale * values[:, 0] + values[:, 1] * k * (1.0 + np.arange(5)) + offset
    noise = sigma + np.where(np.arange(5) % 3, 0.1, s1) * y
    measured = np.array([m.value for m in example.measurements])
    expected = log_density(transformation, distribution, measured, y, noise)
    np.testing.assert_allclose(found.simulations, y, rtol=ROUNDING)
    np.testing.assert_allclose(found.noise, noise, rtol=ROUNDING)
    assert found.log_likelihood == pytest.approx(expected.sum(), rel=ROUNDING)
    assert found.gradient is None
    assert found.fisher is None
    assert not found.failed.any()


@pytest.mark.parametrize(("transformation", "distribution"), NOISE_KINDS)
def test_gradient_is_that_of_finite_differences(transformation, distribution):
    likelihood = Likelihood(scaled_problem(transformation, distribution), FREE)
    step, gradient = 1e-5, at(likelihood, THETA, 1).gradient
    expected = [
        (at(likelihood, THETA + e, 0).log_likelihood - at(likelihood, THETA - e, 0).log_likelihood)
        / (2 * step)
        for e in step * np.eye(4)
    ]
    np.testing.assert_allclose(
        gradient, expected, rtol=0, atol=DIFFERENCES * np.max(np.abs(expected))
    )


def nodes_and_weights(distribution):
    """A quadrature rule for the expectation of a standardised residual."""
    if "laplace" in distribution:
        x, w = np.polynomial.laguerre.laggauss(12)
        return np.concatenate((x, -x)), np.concatenate((w, w)) / 2
    x, w = np.polynomial.hermite_e.hermegauss(12)
    return x, w / w.sum()


@pytest.mark.parametrize(("transformation", "distribution"), NOISE_KINDS)
def test_fisher_information_is_the_expected_square_of_the_gradient(transformation, distribution):
    first = Likelihood(scaled_problem(transformation, distribution, (1.0,)), FREE)
    found = at(first, THETA, 2, rows=1)
    y, sigma = found.simulations[0], found.noise[0]
    base = {"log10": 10.0}.get(transformation, math.e)
    on_log = transformation != "lin" or distribution.startswith("log-")
    expected = np.zeros((4, 4))
    for x, weight in zip(*nodes_and_weights(distribution), strict=True):
        value = y * base ** (sigma * x) if on_log else y + sigma * x
        likelihood = Likelihood(scaled_problem(transformation, distribution, (value,)), FREE)
        gradient = at(likelihood, THETA, 1, rows=1).gradient
        expected += weight * np.outer(gradient, gradient)
    np.testing.assert_allclose(found.fisher, expected, rtol=1e-9, atol=1e-9 * expected.max())


def test_fisher_information_of_many_measurements_is_a_sum():
    whole = scaled_problem("lin", "normal")
    total = at(Likelihood(whole, FREE), THETA, 2).fisher
    values, tangents = simulated(THETA)
    table = {**dict(zip(FREE, THETA, strict=True)), "fixed": 2.0}
    parts = []
    for k, one in enumerate(whole.measurements):
        likelihood = Likelihood(problem(whole.parameters, whole.observables, [one]), FREE)
        part = likelihood.evaluate(values[k : k + 1], tangents[k : k + 1], table, 2)
        parts.append(part.fisher)
    np.testing.assert_allclose(total, np.sum(parts, axis=0), rtol=ROUNDING)


@pytest.mark.parametrize(("transformation", "distribution"), NOISE_KINDS[:6])
def test_value_and_chi2_are_those_of_the_petab_library(transformation, distribution):
    sd = Symbol("noiseParameter1_o")
    observable = Observable("o", Symbol("x1"), sd, transformation, distribution, (), (sd.name,))
    values, sigmas = np.array([0.4, 1.7, 2.2]), np.array([0.5, 0.9, 1.4])
    measurements = [
        measurement(k, "o", value, float(k), **{sd.name: Number(sigma)})
        for k, (value, sigma) in enumerate(zip(values, sigmas, strict=True))
    ]
    likelihood = Likelihood(problem([parameter("k", 1.0)], [observable], measurements), ())
    simulations = np.array([0.5, 1.1, 3.0])
    found = likelihood.evaluate(simulations[:, None], None, {"k": 1.0})
    frame = pd.DataFrame(
        {"observableId": "o", "simulationConditionId": "c", "time": [0.0, 1.0, 2.0]}
        | {"measurement": values, "noiseParameters": sigmas}
    )
    tables = (
        frame,
        frame.rename(columns={"measurement": "simulation"}).assign(simulation=simulations),
        pd.DataFrame(
            {"observableId": ["o"], "observableFormula": "x1", "noiseFormula": sd.name}
            | {"observableTransformation": transformation, "noiseDistribution": distribution}
        ).set_index("observableId"),
        pd.DataFrame({"parameterId": ["k"], "nominalValue": 1.0}).set_index("parameterId"),
    )
    assert found.log_likelihood == pytest.approx(calculate_llh(*tables), rel=ROUNDING)
    assert found.chi2 == pytest.approx(calculate_chi2(*tables), rel=ROUNDING)


def test_several_observables_keep_the_order_of_the_measurements():
    example, free = boehm_like(points=5)
    shuffled = np.random.default_rng(5).permutation(15)
    other = problem(
        example.parameters, example.observables, [example.measurements[k] for k in shuffled]
    )
    one, two = Likelihood(example, free), Likelihood(other, free)
    random = np.random.default_rng(6)
    values, tangents = random.uniform(1, 2, (15, 5)), random.normal(size=(15, 5, 9))
    theta = np.array([p.nominal for p in example.parameters])
    first = one.evaluate(values, tangents, theta, 2)
    order = [two.symbols.index(name) for name in one.symbols]
    assert order == list(range(5))
    second = two.evaluate(values[shuffled], tangents[shuffled], theta, 2)
    np.testing.assert_array_equal(second.simulations, first.simulations[shuffled])
    assert second.log_likelihood == pytest.approx(first.log_likelihood, rel=ROUNDING)
    np.testing.assert_allclose(second.gradient, first.gradient, rtol=1e-10)
    np.testing.assert_allclose(second.fisher, first.fisher, rtol=1e-10)
    assert two.rows == tuple(shuffled)


@given(st.integers(0, 4), st.sampled_from([np.nan, np.inf, -np.inf, -1e3, 0.0]), st.booleans())
def test_what_failed_is_marked_and_never_finite(which, value, in_noise):
    """A simulation without a number, or not positive on a logarithmic scale; a noise likewise."""
    x1, x2 = Symbol("x1"), Symbol("x2")
    observable = Observable("o", x1, x2, "log10", "normal")
    measurements = [measurement(k, "o", 1.0 + k) for k in range(5)]
    likelihood = Likelihood(problem([parameter("k", 1.0)], [observable], measurements), ("k",))
    values = np.ones((5, 2))
    values[which, int(in_noise)] = value
    found = likelihood.evaluate(values, np.ones((5, 2, 1)), np.ones(1), 2)
    assert found.failed.tolist() == [k == which for k in range(5)]
    assert found.log_likelihood == -math.inf
    assert found.chi2 == math.inf
    assert np.isnan(found.gradient).all()
    assert np.isnan(found.fisher).all()


@pytest.mark.parametrize("distribution", ["normal", "laplace"])
@pytest.mark.parametrize("noise", [0.0, -0.5])
def test_a_noise_that_is_not_positive_fails_even_where_the_residual_is_zero(distribution, noise):
    observable = Observable("o", Symbol("x1"), Number(noise), "lin", distribution)
    likelihood = Likelihood(problem([], [observable], [measurement(0, "o", 1.0)]), ())
    found = likelihood.evaluate(np.ones((1, 1)), None, np.empty(0))
    assert found.log_likelihood == -math.inf
    assert found.failed.all()


def test_without_measurements_nothing_is_said():
    likelihood = Likelihood(problem([parameter("k", 1.0)], [], []), ("k",))
    found = likelihood.evaluate(np.empty((0, 0)), np.empty((0, 0, 1)), np.ones(1), 2)
    assert found.log_likelihood == 0.0
    np.testing.assert_array_equal(found.gradient, [0.0])
    np.testing.assert_array_equal(found.fisher, [[0.0]])


def test_long_formulas_are_cut_into_pieces_that_hand_values_on():
    """Sums of sines of x1: more operations than one compiled function takes."""
    terms = [apply("sin", apply("multiply", Number(1.0 + k), Symbol("x1"))) for k in range(200)]
    formula = apply("multiply", apply("add", *terms), apply("add", *terms[::-1], Symbol("k")))
    observable = Observable("o", formula, Number(2.0), "lin", "normal")
    measurements = [measurement(k, "o", 1.0) for k in range(11)]
    likelihood = Likelihood(problem([parameter("k", 1.0)], [observable], measurements), ("k",))
    x = np.linspace(0.1, 2.0, 11)
    sums = np.sin(np.outer(1.0 + np.arange(200), x)).sum(axis=0)
    found = likelihood.evaluate(x[:, None], np.zeros((11, 1, 1)), np.array([1.5]), 1)
    np.testing.assert_allclose(found.simulations, sums * (sums + 1.5), rtol=1e-10)
    expected = ((1.0 - sums * (sums + 1.5)) / 4.0 * sums).sum()
    assert found.gradient[0] == pytest.approx(expected, rel=1e-10)


def test_information_of_many_parameters_is_that_of_all_rows():
    """So many rows that the product is made in pieces: y_k = x1 + s_k, of unit noise."""
    count = 70
    names = [f"s{k}" for k in range(count)]
    shift = Symbol("shift")
    formula = apply("add", Symbol("x1"), shift)
    observable = Observable("o", formula, Number(1.0), "lin", "normal", ("shift",))
    measurements = [
        measurement(k, "o", 1.0, shift=Symbol(names[k % count])) for k in range(3 * count)
    ]
    parameters = [parameter(name, 1.0) for name in names]
    likelihood = Likelihood(problem(parameters, [observable], measurements), names)
    tangents = np.random.default_rng(8).normal(size=(3 * count, 1, count))
    found = likelihood.evaluate(np.ones((3 * count, 1)), tangents, np.ones(count), 2)
    a = tangents[:, 0] + np.tile(np.eye(count), (3, 1))
    np.testing.assert_allclose(found.fisher, a.T @ a, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found.gradient, -a.sum(axis=0), rtol=1e-10, atol=1e-10)


# ---------------------------------------------------------------------- what cannot be used
def test_a_symbol_that_nothing_defines_is_named_with_the_nearest():
    observable = Observable("o", Symbol("x11"), Number(1.0), "lin", "normal")
    with pytest.raises(ModelError, match=r'observable o needs "x11".*Nearest: "x1"'):
        Likelihood(problem([], [observable], [measurement(0, "o", 1.0)]), ())


def test_a_placeholder_without_value_is_named():
    observable = Observable("o", Symbol("x1"), Symbol("sd"), "lin", "normal", (), ("sd",))
    with pytest.raises(ModelError, match="measurement 4 of o gives no value for sd"):
        Likelihood(problem([], [observable], [measurement(4, "o", 1.0)]), ())


def test_a_distribution_that_there_is_not_is_refused():
    observable = Observable("o", Symbol("x1"), Number(1.0), "lin", "log-normall")
    with pytest.raises(ModelError, match=r'observable o has "log-normall".*Nearest: "log-normal"'):
        Likelihood(problem([], [observable], [measurement(0, "o", 1.0)]), ())


def test_a_logarithm_of_no_positive_number_is_refused():
    observable = Observable("o", Symbol("x1"), Number(1.0), "log", "normal")
    with pytest.raises(ModelError, match=r"measurement 0 of o is 0\.0.*positive"):
        Likelihood(problem([], [observable], [measurement(0, "o", 0.0)]), ())


def test_a_free_parameter_must_be_in_the_table():
    with pytest.raises(ModelError, match=r'no parameter "kk".*Nearest: "k"'):
        Likelihood(problem([parameter("k", 1.0)], [], []), ("kk",))


def test_arrays_of_other_shapes_are_refused():
    likelihood = Likelihood(scaled_problem("lin", "normal"), FREE)
    values, tangents = simulated(THETA)
    with pytest.raises(ValueError, match="values"):
        likelihood.evaluate(values[:4], tangents, np.ones(5))
    with pytest.raises(ValueError, match="parameters"):
        likelihood.evaluate(values, tangents, np.ones(4))
    with pytest.raises(ValueError, match="tangents"):
        likelihood.evaluate(values, tangents[..., :3], np.ones(5), 1)
    with pytest.raises(ValueError, match="tangents"):
        likelihood.evaluate(values, None, np.ones(5), 1)


# ---------------------------------------------------------------------- scales
def test_scales_there_and_back_with_slopes():
    scales = Scales(("lin", "log", "log10"))
    linear = np.array([[-2.0, 3.0, 100.0], [5.0, 1e-3, 0.1]])
    scaled = scales.scaled(linear)
    np.testing.assert_allclose(scaled[0], [-2.0, math.log(3.0), 2.0], rtol=1e-15)
    np.testing.assert_allclose(scales.linear(scaled), linear, rtol=1e-14)
    step = 1e-6
    numerical = (scales.linear(scaled + step) - scales.linear(scaled - step)) / (2 * step)
    np.testing.assert_allclose(scales.slopes(linear), numerical, rtol=1e-8)
