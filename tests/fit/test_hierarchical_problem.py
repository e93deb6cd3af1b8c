"""Problems with inner parameters against the same problems in which all are searched together."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, stats

from simulator.errors import ConditionError, ModelError
from simulator.fit.problem import Problem
from tests.petab.cases import write

from .. import tolerances
from .differences import gradient_by_differences, relative_gradient

BENCHMARKS = Path(__file__).resolve().parents[1] / "data" / "petab_benchmarks"
TIGHT = {"rtol": 1e-11, "atol": 1e-13}

# ---------------------------------------------------------------------- a problem solved at sight
TIMES = (0.25, 0.5, 1.0, 2.0, 4.0)
MODEL = """
model small
  compartment cell = 1
  species A in cell, B in cell
  A = 1; B = 0.2
  k1 = 0.8; k2 = 0.6
  J1: A -> B; k1*A
  J2: B -> A; k2*B
end
"""
PARAMETERS = """
parameterId parameterScale lowerBound upperBound nominalValue estimate
k1 log10 0.01 10 0.9 1
k2 log10 0.01 10 0.5 1
scale lin 0 100 2 1
shift lin -10 10 0.5 1
gain log10 0.001 1000 3 1
factor lin -50 50 1 1
sigma lin 0 10 0.1 1
spread log10 0.001 10 0.2 1
"""
OBSERVABLES = """
observableId observableFormula observableTransformation noiseFormula noiseDistribution
blot observableParameter1_blot*A+observableParameter2_blot lin noiseParameter1_blot normal
plain A/(A+2*B) lin sigma normal
logged gain*B log10 spread normal
weighed -factor*(B+k1*A) lin noiseParameter1_weighed*k2 normal
"""


def amounts(time, k1=0.8, k2=0.6):
    """A and B, by the formula."""
    rest = 1.2 * k2 / (k1 + k2)
    a = rest + (1.0 - rest) * math.exp(-(k1 + k2) * time)
    return a, 1.2 - a


def measurements(censored=False):
    """Values with noise of some observables; a fourth of them in intervals, if so wished."""
    random = np.random.default_rng(7)
    rows = []
    for k, time in enumerate(TIMES):
        a, b = amounts(time)
        noise = random.normal(size=4)
        values = (
            ("blot", 2 * a + 0.5 + 0.1 * noise[0], "scale;shift sigma"),
            ("plain", a / (a + 2 * b) + 0.1 * noise[1], "_ _"),
            ("logged", 3 * b * 10 ** (0.2 * noise[2]), "_ _"),
            ("weighed", -1.5 * (b + 0.8 * a) + 0.2 * noise[3], f"_ {0.2 + 0.1 * k:g}"),
        )
        for number, (observable, value, given) in enumerate(values):
            kind = "_ _"
            if censored and (k + number) % 4 == 0:
                ends = (value - 0.1 * abs(value), value + 0.3 * abs(value))
                kind = (
                    f"left-censored {ends[1]:.4f}",
                    f"right-censored {ends[0]:.4f}",
                    f"interval-censored {ends[0]:.4f};{ends[1]:.4f}",
                )[(k + 2 * number) % 3]
            rows.append(f"{observable} c {value:.5f} {time} {given} {kind}")
    header = "observableId simulationConditionId measurement time observableParameters"
    return "\n".join([f"{header} noiseParameters measurementType censoringBounds", *rows, ""])


def small(folder, *edits, censored=False):
    files = {
        "problem.yaml": """
format_version: 1
parameter_file: parameters.tsv
problems:
- sbml_files: [model.ant]
  condition_files: [conditions.tsv]
  observable_files: [observables.tsv]
  measurement_files: [measurements.tsv]
""",
        "model.ant": MODEL,
        "parameters.tsv": PARAMETERS,
        "conditions.tsv": "conditionId\nc\n",
        "observables.tsv": OBSERVABLES,
        "measurements.tsv": measurements(censored),
    }
    return write(folder, files, *edits)


INNER = ("scale", "shift", "gain", "factor", "sigma", "spread")
LAPLACE = (
    "observables.tsv",
    "noiseParameter1_weighed*k2 normal",
    "noiseParameter1_weighed laplace",
)
ROBUST = (
    "observables.tsv",
    "logged gain*B log10 spread normal",
    "logged gain*B log10 spread laplace",
)
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


def test_noise_in_units_of_a_scale_is_refused():
    """Fiedler et al. multiply the scale of a gel with its noise: no closed form here."""
    path = BENCHMARKS / "Fiedler_BMCSystBiol2016" / "Fiedler_BMCSystBiol2016.yaml"
    reason = r"parameter {} must be searched: it is a part of a noise formula \(observable pErk\)"
    with pytest.raises(ModelError, match=reason.format("sigma_pErk")) as error:
        Problem(path, hierarchical=True)
    assert reason.format("s_pErk_20140430_gel1").replace("\\", "") in str(error.value)
    assert len(str(error.value).splitlines()) == 10
    found, whole = Problem(path, hierarchical="auto"), Problem(path)
    assert found.free == whole.free
    assert found.log_likelihood() == whole.log_likelihood()
    assert found.inner() == {}
    with pytest.raises(ConditionError, match="hierarchical is 'all'; it is True, False"):
        Problem(path, hierarchical="all")


# ---------------------------------------------------------------------- who is inner
def typed(*types):
    """An edit that adds a column parameterType."""
    rows = PARAMETERS.strip().splitlines()
    kinds = ["parameterType", *types, *["_"] * (len(rows) - 1 - len(types))]
    new = "\n".join(f"{row} {kind}" for row, kind in zip(rows, kinds, strict=True))
    return "parameters.tsv", PARAMETERS, new


def test_the_table_says_which_parameters_are_inner(tmp_path):
    path = small(tmp_path, typed("_", "_", "_", "_", "scaling", "_", "_", "sigma"))
    said, found = Problem(path, hierarchical=True), Problem(path, hierarchical="auto")
    assert said.free == ("k1", "k2", "scale", "shift", "factor", "sigma")
    assert said.scales.names == ("log10", "log10", *["lin"] * 4)
    assert found.free == ("k1", "k2")
    assert Problem(path).free == tuple(p.id for p in said.petab.parameters)
    assert said.log_likelihood() <= found.log_likelihood()
    fixed = small(tmp_path, ("parameters.tsv", "gain log10 0.001 1000 3 1", "gain log10 _ _ 3 0"))
    assert "gain" not in Problem(fixed, hierarchical=True).inner()


def refused(path, name):
    with pytest.raises(ModelError) as error:
        Problem(path, hierarchical=True)
    lines = [line for line in str(error.value).splitlines() if f"parameter {name} " in line]
    assert len(lines) == 1
    return lines[0].partition("must be searched: ")[2]


# types, from the first row; edits; the parameter that cannot be inner, and why
REFUSED = {
    "in the model": (
        ["scaling"], (), "k1", 'it is in reaction "J1".'
    ),
    "in a condition": (
        ["_", "_", "_", "_", "scaling"],
        [("conditions.tsv", "conditionId\nc\n", "conditionId A\nc gain\n")],
        "gain", 'experiment "c" gives it to "A".',
    ),
    "not linear": (
        ["_", "_", "_", "_", "scaling"], [("observables.tsv", "gain*B", "gain^2*B")],
        "gain", "the observable's formula is not linear in it (observable logged).",
    ),
    "not scale*x + offset": (
        ["_", "_", "_", "_", "scaling"], [("observables.tsv", "gain*B", "gain*B+A")],
        "gain", "the formula of observable logged is not scale*x + offset.",
    ),
    "a scale whose offset is searched": (
        ["_", "_", "scaling"], (),
        "scale", "the formula of observable blot is not scale*x + offset.",
    ),
    "a sum of noise": (
        ["_"] * 7 + ["sigma"], [("observables.tsv", "spread normal", "spread+0.1 normal")],
        "spread", "it is a part of a noise formula (observable logged).",
    ),
    "a scale that is in the noise": (
        ["_", "_", "_", "_", "scaling"],
        [("observables.tsv", "spread normal", "spread*gain normal")],
        "gain", "it is a part of a noise formula (observable logged).",
    ),
    "another role": (
        ["_", "_", "offset"], (),
        "scale", "parameterType says offset, but in its formulas it is a scaling.",
    ),
    "two roles": (
        ["_", "_", "scaling"], [("observables.tsv", "gain*B", "gain*B+scale")],
        "scale", "it is a scaling and a offset, of observables blot, logged.",
    ),
    "an offset on a logarithmic scale": (
        ["_", "_", "_", "offset"], [("observables.tsv", "gain*B", "gain*B+shift")],
        "shift", "it is an offset, but the noise is on a logarithmic scale (observable logged).",
    ),
    "two scales": (
        ["_", "_", "_", "_", "scaling", "scaling"],
        [("observables.tsv", "gain*B", "gain*factor*B")],
        "gain", "observable logged has more than one scaling: gain, factor.",
    ),
    "scales that share an offset": (
        ["_", "_", "scaling", "offset", "_", "scaling"],
        [("observables.tsv", "-factor*(B+k1*A)", "factor*(B+k1*A)+shift")],
        "shift", "scales and offsets do not belong to the same measurements.",
    ),
    "a scale with two noises": (
        ["_", "_", "_", "_", "scaling", "_", "_", "sigma"],
        [
            ("observables.tsv", "-factor*(B+k1*A) lin", "gain*(B+k1*A) log10"),
            ("parameters.tsv", "factor lin -50 50 1 1 _\n", ""),
            ("measurements.tsv", "weighed c -", "weighed c "),
        ],
        "gain", "its measurements have different noise.",
    ),
    "a noise on two scales": (
        ["_"] * 6 + ["sigma"],
        [
            ("observables.tsv", "log10 spread", "log10 sigma"),
            ("parameters.tsv", "\nspread log10 0.001 10 0.2 1 _", ""),
        ],
        "sigma", "its observables differ in the scale or the distribution of their noise.",
    ),
    "nothing positive": (
        ["_"] * 6 + ["sigma"], [("parameters.tsv", "sigma lin 0 10", "sigma lin -1 0")],
        "sigma", "its upper bound is not positive.",
    ),
    "equal bounds": (
        ["_", "_", "_", "_", "scaling"],
        [("parameters.tsv", "gain log10 0.001 1000", "gain log10 3 3")],
        "gain", "its bounds are equal.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_inner_is_refused_by_name(tmp_path, name):
    types, edits, parameter, reason = REFUSED[name]
    later = [edit for edit in edits if edit[0] == "parameters.tsv"]
    path = small(tmp_path, typed(*types), *later, *[edit for edit in edits if edit not in later])
    assert refused(path, parameter) == reason


def test_a_prior_makes_a_parameter_searched(tmp_path):
    rows = PARAMETERS.strip().splitlines()
    kinds = [" objectivePriorType objectivePriorParameters"] + [" _ _"] * 8
    kinds[5] = " normal 3;1"
    new = "\n".join(row + kind for row, kind in zip(rows, kinds, strict=True))
    problem = Problem(small(tmp_path, ("parameters.tsv", PARAMETERS, new)), hierarchical=True)
    assert problem.free == ("k1", "k2", "gain")
    expected = stats.norm.logpdf(4.0, 3.0, 1.0)
    assert problem.log_prior({"gain": 4.0}) == pytest.approx(expected, rel=1e-12)
    new = "\n".join(
        f"{row} {'parameterType' if k == 0 else 'scaling' if k == 5 else '_'}"
        for k, row in enumerate(new.splitlines())
    )
    path = small(tmp_path, ("parameters.tsv", PARAMETERS, new))
    assert refused(path, "gain") == "it has a prior."


def test_values_on_one_side_alone_determine_no_scale(tmp_path):
    rows = measurements().splitlines()
    below = [
        row.replace("_ _ _ _", "_ _ left-censored 9") if row.startswith("logged") else row
        for row in rows
    ]
    edits = ("measurements.tsv", measurements(), "\n".join(below))
    path = small(tmp_path, edits, typed("_", "_", "_", "_", "scaling"))
    assert refused(path, "gain") == "too few of its measurements are exact."
    assert Problem(path, hierarchical="auto").free == ("k1", "k2", "gain", "spread")


def test_laplace_noise_has_no_censored_values(tmp_path):
    path = small(tmp_path, ROBUST, LAPLACE, censored=True)
    with pytest.raises(ModelError, match=r"measurement \d+ of \w+ is censored.*must be normal"):
        Problem(path, hierarchical=True)


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


def test_a_simulation_that_fails_says_so(tmp_path):
    problem = Problem(small(tmp_path), hierarchical=True)
    point = problem.at(problem.table({"k1": math.nan}), 2)
    assert point.evaluation.log_likelihood == -math.inf
    assert np.isnan(point.evaluation.gradient).all()
    assert point.evaluation.gradient.shape == (2,)
    assert point.evaluation.fisher.shape == (2, 2)
    assert all(math.isnan(value) for value in point.inner.values())
