"""Which parameters are inner: what tables say, what formulas show, and what is refused by name."""

from pathlib import Path

import pytest
from scipy import stats

from simulator.errors import ConditionError, ModelError
from simulator.fit.problem import Problem

from .relative_problem import LAPLACE, PARAMETERS, ROBUST, measurements, small

BENCHMARKS = Path(__file__).resolve().parents[1] / "data" / "petab_benchmarks"


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
