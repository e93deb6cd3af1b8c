"""Problems with inner parameters against the same problems in which all are searched together."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, stats

from simulator.errors import ConditionError
from simulator.fit.problem import Problem

from .. import tolerances
from .differences import gradient_by_differences, relative_gradient
from .relative_problem import INNER, LAPLACE, ROBUST, TIMES, amounts, small

BENCHMARKS = Path(__file__).resolve().parents[1] / "data" / "petab_benchmarks"
TIGHT = {"rtol": 1e-11, "atol": 1e-13}

TIGHTER = ("parameters.tsv", "scale lin 0 100", "scale lin 0 1.8")
SHIFTED = ("parameters.tsv", "shift lin -10 10", "shift lin -10 0.3")
CASES = {
    "exact": ((), False),
    "censored": ((), True),
    "laplace": ((LAPLACE, ROBUST), False),
    "scale at its bound": ((TIGHTER,), False),
    "offset at its bound": ((SHIFTED,), False),
    "censored, at a bound": ((TIGHTER,), True),
}


@pytest.fixture(params=CASES)
def both(request, tmp_path):
    """The hierarchical problem and the whole one."""
    edits, censored = CASES[request.param]
    path = small(tmp_path, *edits, censored=censored)
    return Problem(path, hierarchical=True, **TIGHT), Problem(path, **TIGHT)


def searched(whole, names, start, others):
    """The best log-likelihood that SciPy finds in some parameters, from a little beside `start`."""
    table = whole.table(others)
    simulated = whole.at(table).simulated
    places = [whole.ids.index(name) for name in names]
    given = [p for name in names for p in whole.petab.parameters if p.id == name]
    bounds = [(p.lower, p.upper) for p in given]

    def loss(values):
        table[places] = values
        evaluation = whole._likelihood.evaluate(simulated.values, None, table)
        return -evaluation.log_likelihood if evaluation.log_likelihood > -math.inf else 1e10

    values = np.array([start[name] for name in names]) * 1.03
    for _ in range(6):
        found = optimize.minimize(
            loss, np.clip(values, *np.transpose(bounds)), method="Nelder-Mead", bounds=bounds,
            options={"maxfev": 4000, "xatol": 1e-9, "fatol": 1e-11, "adaptive": True},
        )  # fmt: skip
        values = found.x
    return -found.fun


def test_value_is_that_of_a_joint_search(both):
    problem, whole = both
    point = problem.at(problem.table())
    assert problem.free == ("k1", "k2")
    assert tuple(point.inner) == INNER
    value = point.evaluation.log_likelihood
    assert value == pytest.approx(whole.log_likelihood(point.inner), rel=1e-13)
    best = searched(whole, INNER, point.inner, {})
    assert best <= value + tolerances.INNER_SEARCH
    assert best == pytest.approx(value, abs=1e-3)


def test_gradient_is_that_of_differences(both):
    problem, _ = both
    table = problem.table({"k1": 0.7, "k2": 0.4})
    expected, doubt = gradient_by_differences(problem, table, 1e-3)
    allowed = tolerances.GRADIENT_RELATIVE * np.abs(expected).max() + 3 * doubt
    assert (np.abs(relative_gradient(problem, table) - expected) <= allowed).all()


def slopes_at_best(problem, whole, parameters=None):
    """The whole problem's gradient at the best inner parameters, by relative changes."""
    inner = problem.at(problem.table(parameters), 1).inner
    table = whole.table({**(parameters or {}), **inner})
    return dict(zip(whole.free, relative_gradient(whole, table), strict=True)), inner


def test_nothing_is_left_for_inner_parameters(both):
    """Their derivatives are 0, but at bounds, beyond which they point.

    Scales of Laplace noise have none where they meet a value.
    """
    problem, whole = both
    slopes, inner = slopes_at_best(problem, whole)
    size = max(abs(slope) for slope in slopes.values())
    laplace = any(o.distribution == "laplace" for o in whole.petab.observables)
    for parameter in whole.petab.parameters:
        name = parameter.id
        if name not in inner or (laplace and name in ("factor", "gain")):
            continue
        if inner[name] == parameter.upper:
            assert slopes[name] > 0.0
        else:
            assert abs(slopes[name]) <= tolerances.INNER_SLOPE * size


def test_information_is_what_is_left_when_inner_parameters_follow(both):
    """By inverses: the covariance of the outer ones among all, but for those at bounds."""
    problem, whole = both
    point = problem.at(problem.table(), 2)
    everything = whole.fisher(point.inner)
    upper = {p.id: p.upper for p in whole.petab.parameters}
    fixed = [name for name, value in point.inner.items() if value == upper[name]]
    free = [name for name in whole.free if name not in fixed]
    covariance = np.linalg.inv(everything.loc[free, free].to_numpy())
    outer = [free.index(name) for name in problem.free]
    expected = np.linalg.inv(covariance[np.ix_(outer, outer)])
    np.testing.assert_allclose(point.evaluation.fisher, expected, rtol=1e-8)


def test_simulations_have_the_inner_parameters(tmp_path):
    problem = Problem(small(tmp_path), hierarchical=True, **TIGHT)
    outer = {"k1": 0.8, "k2": 0.6}
    inner, found = problem.inner(outer), problem.simulate(outer)
    blot = found[found["observableId"] == "blot"]
    expected = [inner["scale"] * amounts(t)[0] + inner["shift"] for t in TIMES]
    np.testing.assert_allclose(blot["simulation"], expected, rtol=1e-8)
    weighed = found[found["observableId"] == "weighed"]
    expected = [-inner["factor"] * (b + 0.8 * a) for a, b in map(amounts, TIMES)]
    np.testing.assert_allclose(weighed["simulation"], expected, rtol=1e-8)


def test_censored_values_are_those_of_scipy(tmp_path):
    """Value by value, at given scales: the whole problem and the hierarchical one."""
    path = small(tmp_path, censored=True)
    whole, problem = Problem(path, **TIGHT), Problem(path, hierarchical=True, **TIGHT)
    inner = problem.inner()
    evaluation = whole.at(whole.table(inner)).evaluation
    total = 0.0
    for m, y, sigma in zip(
        whole.petab.measurements, evaluation.simulations, evaluation.noise, strict=True
    ):
        on_log = m.observable == "logged"
        low, high = m.censoring or (m.value, m.value)
        if on_log:
            y = math.log10(y)
            low, high = (math.log10(v) if v > 0 else -math.inf for v in (low, high))
        law = stats.norm(y, sigma)
        if m.censoring is None:
            total += law.logpdf(low) - (math.log(m.value * math.log(10)) if on_log else 0.0)
        else:
            total += math.log(law.cdf(high) - law.cdf(low))
    assert sum(m.censoring is not None for m in whole.petab.measurements) == 5
    assert evaluation.log_likelihood == pytest.approx(total, rel=tolerances.INTERVAL_RELATIVE)
    assert problem.log_likelihood() == pytest.approx(total, rel=tolerances.INTERVAL_RELATIVE)


def test_a_fit_finds_what_a_search_of_all_finds(tmp_path):
    """The same optimum in two parameters; the copy with it as nominal values has its likelihood."""
    path = small(tmp_path, censored=True)
    problem, whole = Problem(path, hierarchical=True), Problem(path)
    best = problem.best(problem.optimize(3, seed=2))
    assert set(best) == set(whole.free)
    value = problem.log_likelihood(best)
    assert value == pytest.approx(whole.log_likelihood(best), rel=1e-12)
    together = whole.optimize(6, seed=2).optimize_result.list[0].fval
    assert value == pytest.approx(-together, abs=tolerances.SAME_OPTIMUM)
    copy = problem.write_petab(tmp_path / "copy", best)
    assert Problem(copy).log_likelihood() == pytest.approx(value, rel=1e-12)


# ---------------------------------------------------------------------- published problems
PUBLISHED = {
    "Boehm_JProteomeRes2014": 3,
    "Weber_BMC2015": 10,
    "Fujita_SciSignal2010": 3,
    "Brannmark_JBC2010": 8,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_problems_lose_nothing(name):
    """Nothing is left for inner parameters, and the value at published ones is not better."""
    path = BENCHMARKS / name / f"{name}.yaml"
    problem, whole = Problem(path, hierarchical=True), Problem(path)
    assert len(problem.inner()) == PUBLISHED[name] == len(whole.free) - len(problem.free)
    assert problem.log_likelihood() >= whole.log_likelihood()
    slopes, inner = slopes_at_best(problem, whole)
    upper = {p.id: p.upper for p in whole.petab.parameters}
    for each, value in inner.items():
        assert value == upper[each] or abs(slopes[each]) <= tolerances.INNER_SLOPE
    gradient = problem.gradient()
    expected = whole.gradient(inner)[list(problem.free)]
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)


def test_boehm_away_from_its_optimum_by_differences_and_a_joint_search():
    path = BENCHMARKS / "Boehm_JProteomeRes2014" / "Boehm_JProteomeRes2014.yaml"
    problem, whole = Problem(path, hierarchical=True, **TIGHT), Problem(path, **TIGHT)
    table = problem.table()
    others = {name: table[problem.ids.index(name)] * 1.2 for name in problem.free[:4]}
    table = problem.table(others)
    expected, doubt = gradient_by_differences(problem, table, 1e-3)
    allowed = tolerances.GRADIENT_RELATIVE * np.abs(expected).max() + 3 * doubt
    assert (np.abs(relative_gradient(problem, table) - expected) <= allowed).all()
    point = problem.at(table)
    best = searched(whole, list(point.inner), point.inner, others)
    assert best == pytest.approx(point.evaluation.log_likelihood, abs=tolerances.INNER_SEARCH)


def test_a_value_of_an_inner_parameter_does_not_matter(tmp_path):
    problem = Problem(small(tmp_path), hierarchical=True)
    assert problem.log_likelihood({"scale": 7.0}) == problem.log_likelihood()
    with pytest.raises(ConditionError, match='no parameter "scal"'):
        problem.log_likelihood({"scal": 2.0})


def test_other_measurements_are_simulated_with_the_scales_of_these(tmp_path):
    problem = Problem(small(tmp_path), hierarchical=True, **TIGHT)
    blot = [m for m in problem.petab.measurements if m.observable == "blot"]
    other = problem.with_measurements([replace(m, value=1.0) for m in blot[:2]])
    table = problem.table({"k1": 0.7})
    expected = problem.at(table).evaluation
    places = [problem.petab.measurements.index(m) for m in blot[:2]]
    found = other.at(table).evaluation
    np.testing.assert_allclose(found.simulations, expected.simulations[places], rtol=1e-8)
    np.testing.assert_allclose(found.noise, expected.noise[places], rtol=1e-8)


def test_other_measurements_have_scales_of_their_own_where_they_are_estimated(tmp_path):
    problem = Problem(small(tmp_path), hierarchical=True, **TIGHT)
    doubled = [replace(m, value=2 * m.value) for m in problem.petab.measurements]
    other = problem.with_measurements(doubled, estimated=True)
    assert (other.free, other.following) == (problem.free, problem.following)
    own, anew = problem.inner(), other.inner()
    for name in ("scale", "shift", "gain", "factor"):
        assert anew[name] == pytest.approx(2 * own[name], rel=1e-8)
    again = other.with_measurements(problem.petab.measurements, estimated=True)
    assert again.gradient().to_numpy() == pytest.approx(problem.gradient().to_numpy(), rel=1e-12)
    bands = other.with_measurements(doubled[:1]).with_measurements(doubled[:1])
    expected = other.simulate()["simulation"].iloc[0]
    assert bands.simulate()["simulation"].item() == pytest.approx(expected, rel=1e-8)


def test_measurements_that_no_file_holds_are_kept_from_files_and_processes(tmp_path):
    problem = Problem(small(tmp_path))
    other = problem.with_measurements(problem.petab.measurements, estimated=True)
    for refused in (
        lambda: other.optimize(1, jobs=2),
        lambda: other.optimize(1, out=tmp_path / "fit.h5"),
        lambda: other.write_petab(tmp_path / "copy", {}),
    ):
        with pytest.raises(ConditionError, match="not those of its files"):
            refused()


def test_a_simulation_that_fails_says_so(tmp_path):
    problem = Problem(small(tmp_path), hierarchical=True)
    point = problem.at(problem.table({"k1": math.nan}), 2)
    assert point.evaluation.log_likelihood == -math.inf
    assert np.isnan(point.evaluation.gradient).all()
    assert point.evaluation.gradient.shape == (2,)
    assert point.evaluation.fisher.shape == (2, 2)
    assert all(math.isnan(value) for value in point.inner.values())
