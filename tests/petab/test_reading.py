"""Every case reads, and says what the object models of the library `petab` say."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest

from simulator.network.expression import TIME, Number, Symbol, evaluate, symbols
from simulator.petab_problem import PRE_EQUILIBRATION, Change, Distribution, read_problem

from .cases import BENCHMARKS, SUITE_1, SUITE_2, VERSION_1, VERSION_2, write

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import petab.v1
    import petab.v2


# what the library does with pandas is its own affair
pytestmark = pytest.mark.filterwarnings("ignore:::petab", "ignore::DeprecationWarning")


def by_id(things):
    return {thing.id: thing for thing in things}


def case(path):
    return path.parent.name


@pytest.mark.parametrize("path", [*SUITE_1, *SUITE_2, *BENCHMARKS], ids=str)
def test_every_case_is_read(path):
    problem = read_problem(path)
    assert problem.version == (2 if "v2.0.0" in path.parts else 1)
    assert problem.measurements
    assert [m.row for m in problem.measurements] == list(range(len(problem.measurements)))


def test_the_cases_are_all_there():
    assert (len(SUITE_1), len(SUITE_2), len(BENCHMARKS)) == (20, 31, 10)


def same_value(tree, theirs):
    """Whether a tree and a formula of theirs have the same value at three points."""
    theirs = petab.v1.math.sympify_petab(theirs)
    names = {s.name for s in theirs.free_symbols}
    assert {name.replace(TIME, "time") for name in symbols(tree)} == names
    for start in (0.5, 0.83, 1.7):
        point = {name: start + 0.11 * place for place, name in enumerate(sorted(names))}
        expected = float(theirs.subs({s: point[s.name] for s in theirs.free_symbols}))
        point[TIME] = point.get("time", 0.0)
        assert evaluate(tree, point) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("path", [*SUITE_1, *BENCHMARKS], ids=case)
def test_version_1_agrees_with_petab(path):
    problem, theirs = read_problem(path), petab.v1.Problem.from_yaml(str(path))
    table = theirs.parameter_df
    assert [p.id for p in problem.parameters] == list(table.index)
    for column, attribute in {
        "lowerBound": "lower", "upperBound": "upper", "nominalValue": "nominal",
        "estimate": "estimate", "parameterScale": "scale",
    }.items():  # fmt: skip
        assert [getattr(p, attribute) for p in problem.parameters] == list(table[column])
    for observable in problem.observables:
        row = theirs.observable_df.loc[observable.id]
        same_value(observable.formula, row["observableFormula"])
        same_value(observable.noise, row["noiseFormula"])
        for column, placeholders in (
            ("observable", observable.placeholders), ("noise", observable.noise_placeholders)
        ):  # fmt: skip
            formula = row[f"{column}Formula"]
            assert list(placeholders) == petab.v1.get_formula_placeholders(
                formula, observable.id, column
            )
    table = theirs.measurement_df
    assert [m.value for m in problem.measurements] == list(table["measurement"])
    assert [m.time for m in problem.measurements] == list(table["time"])
    assert [m.observable for m in problem.measurements] == list(table["observableId"])
    split = petab.v1.measurements.split_parameter_replacement_list
    for measurement, (_, row) in zip(problem.measurements, table.iterrows(), strict=True):
        written = [
            *split(row.get("observableParameters")), *split(row.get("noiseParameters"))
        ]  # fmt: skip
        values = [
            v.name if isinstance(v, Symbol) else v.value for v in measurement.overrides.values()
        ]
        assert values == written


def theirs_of_experiment(theirs, experiment):
    """Period start -> parameter -> number or parameter, by petab's own mapping."""
    first, last = experiment.periods[0], experiment.periods[-1]
    *before, during = experiment.id.split("-")
    mapped = {last.start: during} | ({first.start: before[0]} if before else {})
    return {
        start: petab.v1.parameter_mapping.get_parameter_mapping_for_condition(
            condition_id=condition,
            is_preeq=False,
            cur_measurement_df=None,
            model=theirs.model,
            condition_df=theirs.condition_df,
            scaled_parameters=False,
        )[0]
        for start, condition in mapped.items()
    }


@pytest.mark.parametrize("path", [*SUITE_1, *BENCHMARKS], ids=case)
def test_version_1_sets_what_petab_maps_in_each_period(path):
    problem, theirs = read_problem(path), petab.v1.Problem.from_yaml(str(path))
    for experiment in problem.experiments:
        mapped, current = theirs_of_experiment(theirs, experiment), {}
        for period in experiment.periods:
            current |= {c.target: c.value for c in period.changes}
            for target in set(current) & set(mapped[period.start]):
                value = current[target]
                value = value.name if isinstance(value, Symbol) else evaluate(value, {})
                assert value == mapped[period.start][target], (experiment.id, target)
            columns = {c for c in theirs.condition_df if c in mapped[period.start]}
            for target in columns - set(current):  # not set: as in the model
                value = {p.id: p.value for p in problem.network.parameters}.get(target)
                assert mapped[period.start][target] == value


@pytest.mark.parametrize("path", SUITE_2, ids=case)
def test_version_2_agrees_with_petab(path):
    problem, theirs = read_problem(path), petab.v2.Problem.from_yaml(str(path))
    for ours, other in zip(problem.parameters, theirs.parameters, strict=True):
        assert (ours.id, ours.estimate, ours.nominal) == (
            other.id, other.estimate, other.nominal_value
        )  # fmt: skip
        if other.lb is not None:
            assert (ours.lower, ours.upper) == (other.lb, other.ub)
        if other.prior_distribution is None:
            assert ours.prior is None
        else:
            parameters = tuple(other.prior_parameters)
            assert ours.prior == Distribution(
                str(other.prior_distribution), parameters, truncated=True
            )
    for ours, other in zip(problem.observables, theirs.observables, strict=True):
        assert ours.id == other.id
        assert ours.distribution == other.noise_distribution.value
        same_value(ours.formula, other.formula)
        same_value(
            ours.noise,
            other.noise_formula.subs(
                {s: other.formula for s in other.noise_formula.free_symbols if s.name == other.id}
            ),
        )
        assert list(ours.placeholders) == [s.name for s in other.observable_placeholders]
        assert list(ours.noise_placeholders) == [s.name for s in other.noise_placeholders]
    for ours, other in zip(problem.measurements, theirs.measurements, strict=True):
        assert (ours.observable, ours.experiment) == (
            other.observable_id,
            other.experiment_id or "",
        )
        assert (ours.time, ours.value) == (other.time, other.measurement)
        for value, written in zip(
            ours.overrides.values(),
            [*other.observable_parameters, *other.noise_parameters],
            strict=True,
        ):
            same_value(value, written)
    experiments = by_id(problem.experiments)
    assert set(experiments) - {""} == {e.id for e in theirs.experiments}
    for other in theirs.experiments:
        periods = experiments[other.id].periods
        assert [p.start for p in periods] == [p.time for p in other.sorted_periods]
        for period, their_period in zip(periods, other.sorted_periods, strict=True):
            changes = {
                c.target_id: c.target_value for c in theirs.get_changes_for_period(their_period)
            }
            assert {c.target for c in period.changes} == set(changes)
            for change in period.changes:
                same_value(change.value, changes[change.target])


def test_what_a_problem_of_version_1_says(tmp_path):
    problem = read_problem(write(tmp_path, VERSION_1))
    experiments = by_id(problem.experiments)
    assert list(experiments) == ["run", "rest-run", "rest"]
    (alone,) = experiments["run"].periods
    assert alone.start == 0
    assert alone.changes == (Change("k1", Number(0.9)),)
    before, after = experiments["rest-run"].periods
    assert before.start == PRE_EQUILIBRATION
    assert before.changes == (Change("k1", Number(0.3)), Change("B", Number(2.0)))
    # B is a species: it keeps the value that pre-equilibration led to
    assert (after.start, after.changes) == (0.0, (Change("k1", Number(0.9)),))
    assert experiments["rest-run"].name == "running"
    first, second, third = problem.measurements
    assert first.overrides == {
        "observableParameter1_obs": Symbol("scale"), "noiseParameter1_obs": Symbol("sigma")
    }  # fmt: skip
    assert second.overrides["observableParameter1_obs"] == Number(2.5)
    assert (third.time, third.overrides) == (math.inf, {})
    logged = by_id(problem.observables)["logged"]
    assert (logged.transformation, logged.distribution) == ("log10", "laplace")


def second_period(folder, *edits):
    """What the period after pre-equilibration sets, by its id."""
    experiment = by_id(read_problem(write(folder, VERSION_1, *edits)).experiments)["rest-run"]
    return {change.target: change.value for change in experiment.periods[1].changes}


def test_a_constant_that_only_pre_equilibration_sets_has_the_models_value_again(tmp_path):
    left = ("conditions.tsv", "0.9 NaN", "_ NaN")
    assert second_period(tmp_path, left) == {"k1": Number(0.8)}
    computed = ("model.ant", "k1 = 0.8;", "k1 = 2*k2;")
    found = second_period(tmp_path, left, computed)
    assert found.keys() == {"k1"}
    assert evaluate(found["k1"], {"k2": 3.0}) == 6.0


def test_a_constant_computed_from_what_a_condition_sets_is_computed_anew(tmp_path):
    computed = ("model.ant", "k2 = 0.6", "k2 = 0.6; k3 = 2*k1; k4 = k3 + k2; k5 = 2*k2; k6 = A")
    found = second_period(tmp_path, computed)
    assert found.keys() == {"k1", "k3", "k4"}
    assert evaluate(found["k4"], {"k2": 3.0}) == pytest.approx(2 * 0.9 + 3.0)


def test_a_parameter_with_a_rate_keeps_its_value_from_pre_equilibration():
    (experiment,) = read_problem(next(p for p in SUITE_1 if case(p) == "0018")).experiments
    assert {c.target for c in experiment.periods[0].changes} == {"k1", "A", "B"}
    assert {c.target for c in experiment.periods[1].changes} == {"k1", "A"}


def test_what_a_problem_of_version_2_says(tmp_path):
    problem = read_problem(write(tmp_path, VERSION_2))
    experiments = by_id(problem.experiments)
    assert [p.start for p in experiments["e1"].periods] == [PRE_EQUILIBRATION, 5.0, 20.0]
    assert symbols(experiments["e1"].periods[2].changes[0].value) == {"A", "factor"}
    assert experiments[""].periods[0].start == 0
    assert experiments[""].periods[0].changes == ()
    assert [m.experiment for m in problem.measurements] == ["e1", ""]
    obs = by_id(problem.observables)["obs"]
    # the noise formula names the observable, which is written out
    assert symbols(obs.noise) == {"spread", "gain", "A"}
    k2, factor, sigma = problem.parameters
    assert k2.prior == Distribution("normal", (1.0, 2.0), truncated=True)
    assert factor.prior is None
    assert (sigma.lower, sigma.upper, sigma.estimate) == (-math.inf, math.inf, False)


def test_mapped_names_are_written_out(tmp_path):
    sbml = """<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">
    <model id="m"><listOfCompartments><compartment id="c" size="1" constant="true"/>
    </listOfCompartments><listOfSpecies><species id="A" compartment="c" initialAmount="1"
    hasOnlySubstanceUnits="true" boundaryCondition="false" constant="false"/></listOfSpecies>
    <listOfReactions><reaction id="J1" reversible="false" fast="false"><listOfReactants>
    <speciesReference species="A" stoichiometry="1" constant="true"/></listOfReactants><kineticLaw>
    <math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci>q</ci><ci>A</ci></apply>
    </math><listOfLocalParameters><localParameter id="q" value="1"/></listOfLocalParameters>
    </kineticLaw></reaction></listOfReactions></model></sbml>"""
    files = {
        "problem.yaml": VERSION_2["problem.yaml"].replace(
            "model.ant, language: antimony", "model.xml, language: sbml"
        ),
        "model.xml": sbml,
        "parameters.tsv": VERSION_2["parameters.tsv"].split("\n")[1] + "\nfast 0 1 1 true _ _",
        "conditions.tsv": "conditionId targetId targetValue",
        "experiments.tsv": "experimentId time conditionId",
        "observables.tsv": "observableId observableFormula noiseFormula\nobs A*fast 1",
        "measurements.tsv": "observableId experimentId measurement time\nobs _ 1 1",
        "mapping.tsv": "petabEntityId modelEntityId name\nfast J1.q _",
    }
    problem = read_problem(write(tmp_path, files))
    assert symbols(problem.observables[0].formula) == {"A", "J1.q"}
    assert (problem.parameters[0].id, problem.parameters[0].name) == ("J1.q", "fast")


def test_tables_in_several_files_are_one(tmp_path):
    names = ("conditions", "observables", "measurements")
    whole = read_problem(write(tmp_path, VERSION_1))
    files = dict(VERSION_1)
    for name in names:
        header, first, *rest = files[f"{name}.tsv"].strip().splitlines()
        files[f"{name}.tsv"] = f"{header}\n{first}\n"
        files[f"{name}2.tsv"] = "\n\n".join([header, *rest])
        files["problem.yaml"] = files["problem.yaml"].replace(
            f"[{name}.tsv]", f"[{name}.tsv, {name}2.tsv]"
        )
    (tmp_path / "split").mkdir()
    split = read_problem(write(tmp_path / "split", files))
    for part in ("parameters", "experiments", "observables", "measurements"):
        assert getattr(split, part) == getattr(whole, part)


PRIORS = [
    ("", "", None),
    ("parameterScaleUniform", "", None),
    ("", "-1;1", Distribution("uniform", (-1.0, 1.0), on_scale=True)),
    ("parameterScaleNormal", "0;2", Distribution("normal", (0.0, 2.0), on_scale=True)),
    ("parameterScaleLaplace", "0;2", Distribution("laplace", (0.0, 2.0), on_scale=True)),
    ("uniform", "1;2", Distribution("uniform", (1.0, 2.0))),
    ("normal", "1;2", Distribution("normal", (1.0, 2.0))),
    ("laplace", "1;2", Distribution("laplace", (1.0, 2.0))),
    ("logNormal", "1;2", Distribution("log-normal", (1.0, 2.0))),
    ("logLaplace", "1;2", Distribution("log-laplace", (1.0, 2.0))),
]


@pytest.mark.parametrize(("kind", "parameters", "prior"), PRIORS)
def test_priors_of_version_1(tmp_path, kind, parameters, prior):
    def k2(use):
        head, _, rest = VERSION_1["parameters.tsv"].strip().split("\n", 2)
        head += f" {use}PriorType {use}PriorParameters"
        row = f"k2 log10 0.01 10 0.6 1 {kind or '_'} {parameters or '_'}"
        files = VERSION_1 | {"parameters.tsv": "\n".join([head, row, rest])}
        return read_problem(write(tmp_path, files)).parameters[0]

    assert (k2("objective").prior, k2("objective").start) == (prior, None)
    assert (k2("initialization").prior, k2("initialization").start) == (None, prior)


def test_a_problem_written_by_pandas_reads_the_same(tmp_path):
    """Empty cells as `nan`, numbers in other digits, columns in another order."""
    path = write(tmp_path, VERSION_1)
    expected = read_problem(path)
    for name in ("conditions", "observables", "measurements", "parameters"):
        table = pd.read_csv(tmp_path / f"{name}.tsv", sep="\t")
        table = table[[table.columns[0], *reversed(table.columns[1:])]].replace({np.nan: "nan"})
        table.to_csv(tmp_path / f"{name}.tsv", sep="\t", index=False)
    found = read_problem(path)
    for part in ("parameters", "observables", "measurements"):
        assert getattr(found, part) == getattr(expected, part)


def test_files_outside_are_read_when_allowed(tmp_path):
    path = write(tmp_path, VERSION_1)
    expected = read_problem(path)
    inner = tmp_path / "inner"
    inner.mkdir()
    text = path.read_text().replace("[", "[../").replace(": parameters", ": ../parameters")
    (inner / "problem.yaml").write_text(text)
    found = read_problem(inner / "problem.yaml", allow_outside=True)
    assert found.measurements == expected.measurements
