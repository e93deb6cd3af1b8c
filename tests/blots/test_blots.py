"""From a table of blots to a PEtab problem, on a model whose answers are known on paper.

In models/tiny a protein rests at k_syn / k_deg; a dose of 1 uM of the blocker stops its synthesis,
so that it falls as exp(-k_deg t).
"""

import csv
import math
from functools import cache
from pathlib import Path

import libsbml
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulator
from simulator.blots import Choices, blots_to_petab
from simulator.blots.model_file import SWITCH, with_switch
from simulator.errors import ConditionError, ModelError
from simulator.fit.problem import Problem
from simulator.network.antimony import read_antimony
from simulator.petab_problem import read_problem

TINY = Path(__file__).parents[1] / "models" / "tiny"
TOY = TINY.parent / "toy"
REST, DECAY, GIVEN, FASTER = 10.0, 0.1, 0.5, 1.5  # as the tables of models/tiny say
SCALES = {"monday": 3.0, "friday": 470.0}
BACKGROUND = {"monday": 2.0, "friday": 90.0}


@pytest.fixture(scope="module")
def tiny():
    return simulator.load(TINY)


@pytest.fixture(scope="module")
def petab():
    return pytest.importorskip("petab.v1")


def protein(cell="A", alteration="", blocker=0.0, time=0.0, expression=1.0):
    """The protein, nM, on paper."""
    rate = DECAY * {"": 1.0, "GIVEN": GIVEN, "UNSTABLE": FASTER}[alteration]
    rest = {"A": 1.0, "B": 1.5}[cell] * expression / rate
    return rest * math.exp(-rate * time) if blocker else rest


LANES = [
    {},
    {"cell": "B"},
    {"alteration": "GIVEN", "blocker": 1.0, "time": 5.0},
    {"blocker": 1.0, "time": 2.0},
    {"blocker": 1.0, "time": 20.0},
    {"cell": "B", "alteration": "GIVEN", "expression": 4.0},
]


def lanes(offset=False, **further):
    """Rows of a table with known scales; `further` columns are the same in all rows."""
    rows = []
    for gel, scale in SCALES.items():
        for number, lane in enumerate(LANES, start=1):
            row = {"gel": gel, "antibody": "protein", "lane": number, "time": 0.0, "blocker": 0.0}
            row |= {"cell": "A", "alteration": "", "expression:X": 1.0}
            row |= {k: v for k, v in lane.items() if k != "expression"}
            row["expression:X"] = lane.get("expression", 1.0)
            row["intensity"] = scale * protein(**lane) + BACKGROUND[gel] * offset
            rows.append(row | further)
    return rows


def written(folder, rows, name="blots.tsv"):
    path = folder / name
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter="\t" if name.endswith("tsv") else ",")
        writer.writeheader()
        writer.writerows(rows)
    return path


def converted(model, folder, rows, name="blots.tsv", **choices):
    """The problem made of rows, written into a folder: its yaml file."""
    conditions = choices.pop("conditions", None)
    made = blots_to_petab(
        model, written(folder, rows, name), conditions=conditions, choices=Choices(**choices)
    )
    for file, text in made.files.items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder / "problem.yaml"


def table(yaml, name):
    return pd.read_csv(yaml.parent / f"{name}.tsv", sep="\t", keep_default_na=False)


def nominal(yaml):
    """Nominal values by id, as the files say them."""
    return {each.id: each.nominal for each in read_problem(yaml).parameters}


def values(problem):
    return dict(zip(problem.ids, problem.nominal.tolist(), strict=True))


# ---------------------------------------------------------------------- round trip
def test_a_problem_at_the_truth_gives_back_its_bands(tiny, tmp_path):
    yaml = converted(tiny, tmp_path, lanes(), estimate=("k_deg",))
    problem = Problem(yaml)
    bands = np.array([row["intensity"] for row in lanes()])
    found = problem.simulate()["simulation"].to_numpy()
    np.testing.assert_allclose(found, bands, rtol=2e-5)  # the blocker leaves 1e-6 of synthesis
    for gel, scale in SCALES.items():
        assert values(problem)[f"scale_protein_{gel}"] == pytest.approx(scale, rel=1e-4)
    assert values(problem)["k_deg"] == DECAY
    assert problem.chi2() < 1e-4
    assert np.abs(problem.gradient()["k_deg"]) < 1.0
    away = problem.log_likelihood({"k_deg": 1.05 * DECAY})
    assert problem.log_likelihood() > away + 1


def test_a_parameter_that_lanes_multiply_or_set_is_estimated_in_the_others(petab, tiny, tmp_path):
    """Its value in a lane is what the model says on paper, at another value of it."""
    rows = [row for row in lanes() if row["gel"] == "monday"]
    rows += [dict(rows[0], lane=7, k_deg=0.4, intensity=3 * 2.5)]
    yaml = converted(tiny, tmp_path, rows, estimate=("k_deg", "k_syn"), sigma=0.1)
    assert not petab.lint_problem(petab.Problem.from_yaml(yaml))
    problem = Problem(yaml)
    assert problem.chi2() < 1e-4
    other, scale = 0.13, values(problem)["scale_protein_monday"]
    found = problem.simulate({"k_deg": other})["simulation"].to_numpy() / scale
    grown = 1.5 * 4  # cell B makes 1.5 times as much, and the last lane 4 times that
    rests = np.array([1, 1.5, 1 / GIVEN, 1, 1, grown / GIVEN]) / other
    decays = np.exp(-other * np.array([0, 0, 5 * GIVEN, 2, 20, 0]))
    np.testing.assert_allclose(found, [*(rests * decays), 2.5], rtol=2e-5)
    assert problem.log_likelihood({"k_deg": other}) < problem.log_likelihood()


def test_backgrounds_are_parameters_of_the_problem(tiny, tmp_path):
    yaml = converted(tiny, tmp_path, lanes(offset=True), offset=True)
    truth = {f"scale_protein_{g}": s for g, s in SCALES.items()}
    truth |= {f"offset_protein_{g}": b for g, b in BACKGROUND.items()}
    problem = Problem(yaml)
    assert problem.chi2(truth) < 1e-4 < problem.chi2()
    types = table(yaml, "parameters").set_index("parameterId")["parameterType"]
    assert set(types[list(truth)]) == {""}  # not linear in the logarithm


def test_a_linear_noise_is_one_of_each_gel(tiny, tmp_path):
    yaml = converted(tiny, tmp_path, lanes(), noise="lin")
    assert [i for i in Problem(yaml).ids if i.startswith("noise")] == [
        "noise_protein_monday", "noise_protein_friday",
    ]  # fmt: skip
    assert set(table(yaml, "observables")["observableTransformation"]) == {"lin"}


def test_nominal_values_are_the_closed_form_ones(tiny, tmp_path):
    """Deviations of half a decade up and down: the spread over bands less scales."""
    rows = lanes()
    signs = np.tile([1, -1], len(rows) // 2)
    for row, sign in zip(rows, signs, strict=True):
        row["intensity"] *= 10 ** (0.05 * sign)
    yaml = converted(tiny, tmp_path, rows)
    found = values(Problem(yaml))
    assert found["scale_protein_monday"] == pytest.approx(3.0, rel=1e-4)
    spread = 0.05 * math.sqrt(len(rows) / (len(rows) - 2))
    assert found["noise_protein"] == pytest.approx(spread, rel=1e-3)


@pytest.mark.parametrize("choices", [{}, {"offset": True}, {"noise": "lin"}, {"sigma": 0.2}])
def test_the_petab_library_accepts_the_problem(petab, tiny, tmp_path, choices):
    rows = lanes(replicate="a")
    rows[3] |= {"censored": "below"}
    rows[4] |= {"censored": "between", "upper": 2 * rows[4]["intensity"]}
    yaml = converted(tiny, tmp_path, rows, estimate=("all",), **choices)
    assert not petab.lint_problem(petab.Problem.from_yaml(yaml))
    assert read_problem(yaml).version == 1


def test_a_plain_model_starts_from_its_initial_values(tmp_path):
    model = simulator.load("compartment c = 1; species S in c = 8; k = 0.5; J: S -> ; c * k * S\n")
    rows = [
        {"gel": "g", "antibody": "S", "lane": t, "time": t, "intensity": 7 * 8 * math.exp(-t / 2)}
        for t in (0, 1, 4)
    ]
    yaml = converted(model, tmp_path, rows)
    assert set(table(yaml, "measurements")["preequilibrationConditionId"]) == {""}
    assert Problem(yaml).chi2() < 1e-4
    assert values(Problem(yaml))["scale_S_g"] == pytest.approx(7, rel=1e-4)


def test_a_comma_separated_table_with_a_table_of_conditions_is_the_same(tiny, tmp_path):
    rows, listed = lanes(), []
    own = ("cell", "alteration", "blocker", "expression:X")
    short = []
    for row in rows:
        condition = "lane " + str(row["lane"])
        listed.append({"condition": condition} | {c: row[c] for c in own})
        short.append({k: v for k, v in row.items() if k not in own} | {"condition": condition})
    other = tmp_path / "other"
    other.mkdir()
    conditions = written(other, listed[: len(LANES)], "conditions_of_lanes.csv")
    made = converted(tiny, other, short, "blots.csv", conditions=conditions)
    whole = converted(tiny, tmp_path, rows)
    for name in ("measurements", "conditions", "parameters", "observables"):
        pd.testing.assert_frame_equal(table(made, name), table(whole, name))


# ---------------------------------------------------------------------- normalisation
def with_loading(rows):
    """The same lysates, unevenly loaded."""
    for number, row in enumerate(rows):
        row["loading"] = 100.0 * (1 + number % 3)
        row["intensity"] *= row["loading"]
    return rows


def test_loading_divides_out(tiny, tmp_path):
    yaml = converted(tiny, tmp_path, with_loading(lanes()))
    found = table(yaml, "measurements")["measurement"]
    np.testing.assert_allclose(found, [row["intensity"] for row in lanes()], rtol=1e-9)


def test_a_loading_control_may_have_rows_of_its_own(tiny, tmp_path):
    rows = with_loading(lanes())
    actin = [
        {"gel": r["gel"], "antibody": "actin", "lane": r["lane"], "intensity": r["loading"]}
        for r in rows
    ]
    for row in rows:
        del row["loading"]
    antibodies = {"actin": "loading_control"}
    yaml = converted(tiny, tmp_path, actin + rows, antibodies=antibodies)
    found = table(yaml, "measurements")
    assert set(found["observableId"]) == {"blot_protein"}
    np.testing.assert_allclose(
        found["measurement"], [row["intensity"] for row in lanes()], rtol=1e-9
    )


def test_a_reference_lane_is_one_and_stays_a_measurement(tiny, tmp_path):
    yaml = converted(tiny, tmp_path, lanes(), normalise="lane:2")
    found = table(yaml, "measurements")
    reference = found[found["replicateId"].astype(str) == "2"]
    assert len(found) == len(lanes()) and set(reference["measurement"]) == {1.0}
    assert values(Problem(yaml))["scale_protein_monday"] == pytest.approx(1 / 15, rel=1e-4)
    assert Problem(yaml).chi2() < 1e-4


@pytest.fixture(scope="module")
def in_units(tiny, tmp_path_factory):
    """Nominal values when all intensities of one gel are multiplied by a factor."""
    folder = tmp_path_factory.mktemp("unit")

    @cache
    def found(factor):
        rows = lanes()
        for row in rows:  # no perfect fit, so noise is estimated
            row["intensity"] *= 1.0 + 0.1 * (row["lane"] % 2)
            row["intensity"] *= factor if row["gel"] == "monday" else 1.0
        return nominal(converted(tiny, folder, rows))

    return found


@given(factor=st.floats(1e-3, 1e3))
def test_the_unit_of_a_gel_changes_its_scale_and_nothing_else(in_units, factor):
    before, after = in_units(1.0), in_units(factor)
    ratio = {name: after[name] / before[name] for name in before}
    assert ratio.pop("scale_protein_monday") == pytest.approx(factor, rel=1e-4)
    assert ratio == pytest.approx(dict.fromkeys(ratio, 1.0), rel=1e-4)


# ---------------------------------------------------------------------- censored bands
def test_censored_bands_are_written_as_pypesto_reads_them(tiny, tmp_path):
    rows = lanes()
    rows[0] |= {"censored": "below", "intensity": 40}
    rows[1] |= {"censored": "above", "intensity": 30}
    rows[2] |= {"censored": "between", "intensity": 2, "upper": 8}
    found = table(converted(tiny, tmp_path, rows), "measurements")
    assert found["measurementType"].tolist()[:4] == [
        "left-censored", "right-censored", "interval-censored", "",
    ]  # fmt: skip
    assert found["censoringBounds"].tolist()[:4] == ["40", "30", "2;8", ""]
    assert found["measurement"].tolist()[:3] == [40, 30, 4]


def test_pypesto_takes_the_columns_for_what_they_are(petab, tiny, tmp_path):
    hierarchical = pytest.importorskip("pypesto.hierarchical.petab")
    yaml = converted(tiny, tmp_path, lanes(), noise="lin")
    problem = petab.Problem.from_yaml(yaml)
    types = {k: v.value for k, v in hierarchical.get_inner_parameters(problem).items() if v}
    assert types == {
        "scale_protein_monday": "scaling",
        "scale_protein_friday": "scaling",
        "noise_protein_monday": "sigma",
        "noise_protein_friday": "sigma",
    }
    hierarchical.validate_hierarchical_petab_problem(problem)


# ---------------------------------------------------------------------- the population
def test_the_switch_multiplies_what_changes_the_population():
    text = "compartment c=1; species P in c=1, X in c=2; k=2; J: P -> 2 P; c*k*P; L: X -> ; c*X\n"
    text += "species Q in c = 1; Q' = k*Q\n"
    model = libsbml.readSBMLFromString(with_switch(read_antimony(text, "m").sbml, {"P", "Q"}))
    model = model.getModel()
    laws = {
        r.getId(): libsbml.formulaToL3String(r.getKineticLaw().getMath())
        for r in (model.getReaction(i) for i in range(model.getNumReactions()))
    }
    assert laws["J"].replace(" ", "") == f"{SWITCH}*c*k*P" and SWITCH not in laws["L"]
    assert SWITCH in libsbml.formulaToL3String(model.getRateRule("Q").getMath())
    assert model.getParameter(SWITCH).getValue() == 1


def test_a_reaction_that_changes_the_population_and_more_is_refused():
    sbml = read_antimony("species P=1, X=1; J: P -> X; P\n", "m").sbml
    with pytest.raises(ModelError, match='reaction "J" changes the population and "X"'):
        with_switch(sbml, {"P"})
    with pytest.raises(ModelError, match=SWITCH):
        with_switch(read_antimony(f"species P=1; {SWITCH}=1; J: P -> ; P\n", "m").sbml, {"P"})


# ---------------------------------------------------------------------- what is refused
GOOD = {"gel": "g", "antibody": "protein", "lane": "1", "time": "0", "intensity": "5"}


def refused(model, folder, rows, **choices):
    with pytest.raises(ConditionError) as error:
        converted(
            model, folder, [{**GOOD, "lane": str(i)} | r for i, r in enumerate(rows)], **choices
        )
    return str(error.value)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"intensity": "5,5"}, 'intensity is "5,5"; it must be a number. Write 5.5.'),
        ({"intensity": "nan"}, 'intensity is "nan"; it must be a number.'),
        ({"intensity": ""}, "intensity is empty; it must be a number."),
        ({"intensity": "-3"}, "intensity is -3; it must be > 0."),
        ({"intensity": "0"}, "intensity is 0, which has no logarithm"),
        ({"intensity": "inf"}, 'intensity is "inf"'),
        ({"time": "-24"}, "time is -24; it must be 0"),
        ({"time": "1 h"}, 'time is "1 h"; it must be a number.'),
        ({"antibody": "protien"}, 'antibody "protien" is no observable of tiny'),
        ({"antibody": "protien"}, 'Nearest: "protein".'),
        ({"observable": "protien"}, 'observable "protien" is not in tiny. Nearest: "protein".'),
        ({"gel": ""}, "gel is empty."),
        ({"lane": "0"}, 'lane "0" of gel "g" has a band of "protein" already, in line 2'),
        ({"cell": "C"}, 'cell: cell "C" is not in tiny'),
        ({"alteration": "GIVN"}, 'alteration: alteration "GIVN" is not in tiny. Nearest: "GIVEN".'),
        ({"knockout": "Y"}, 'knockout: gene "Y" is not in tiny'),
        ({"blocker": "-1"}, 'blocker: dose of drug "blocker" (uM) is -1'),
        ({"blocker": "0,1"}, 'blocker is "0,1"; it must be a number. Write 0.1.'),
        ({"blocker": "1@0,0@24"}, "a dose that changes in time, which PEtab version 1 cannot say"),
        ({"censored": "yes"}, 'censored is "yes"; it must be one of: empty, below, above'),
        ({"censored": "between"}, "upper is empty; it must be a number."),
        ({"censored": "between", "upper": "5"}, "upper is 5; it must be above the intensity, 5."),
        ({"loading": "0"}, "loading is 0; bands are divided by it"),
    ],
)  # fmt: skip
def test_a_cell_is_refused_with_file_line_and_column(tiny, tmp_path, row, sentence):
    found = refused(tiny, tmp_path, [{}, row, {"gel": "h"}])
    assert sentence in found
    assert "blots.tsv:3: " in found


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        ({"bloker": "1"}, 'blots.tsv:1: column "bloker"'),
        ({"bloker": "1"}, 'Nearest: "blocker".'),
        ({"censord": "below"}, 'Nearest: "censored".'),
        ({"blocker [nM]": "1"}, 'column "blocker [nM]" has the unit nM; blocker is in uM.'),
        ({"protein": "1"}, '"protein" is an observable of tiny'),
        ({"expression:Y": "1"}, 'gene "Y" is not in tiny'),
        ({"condition": "a"}, 'has a column "condition", but no --conditions table'),
    ],
)
def test_a_column_is_refused_in_the_header(tiny, tmp_path, column, sentence):
    assert sentence in refused(tiny, tmp_path, [column, {}, {}])


def test_everything_is_told_at_once(tiny, tmp_path):
    rows = [{"intensity": "x"}, {"time": "-1"}, {"antibody": "q"}, {"antibody": "q"}, {"cell": "Z"}]
    lines = refused(tiny, tmp_path, rows).splitlines()
    assert [line.split(": ")[0].rpartition(":")[2] for line in lines] == ["2", "3", "4", "6"]


def test_tables_that_are_none_are_refused(tiny, tmp_path):
    path = tmp_path / "t.tsv"
    for text, sentence in {
        "": "has no header; it needs the columns gel",
        "gel;antibody\n1;2\n": "has one column; columns are separated by tabs or commas.",
        "gel\tantibdy\tlane\ttime\tintensity\n": 'has no column "antibody". Nearest: "antibdy".',
        "gel\tgel\tantibody\tlane\ttime\tintensity\n": 'has the column "gel" twice.',
        "gel\tantibody\tlane\ttime\tintensity\n": "has no rows.",
        "gel,antibody,lane,time,intensity\ng,protein,1,0,5,5\n": "A decimal comma splits a number",
        "gel\tantibody\tlane\ttime [min]\tintensity\ng\tprotein\t1\t0\t5\n": "time is in h",
    }.items():
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConditionError) as error:
            blots_to_petab(tiny, path)
        assert sentence in str(error.value)
    with pytest.raises(ConditionError, match="is missing"):
        blots_to_petab(tiny, tmp_path / "none.tsv")


def test_lanes_that_contradict_themselves_are_refused(tiny, tmp_path):
    rows = [{"lane": "1"}, {"lane": "1", "replicate": "b", "time": "4"}]
    assert 'time is 4, but lane "1" of gel "g" has 0 in line 2.' in refused(tiny, tmp_path, rows)
    rows[1] |= {"time": "0", "cell": "B"}
    assert "has another condition in line 2" in refused(tiny, tmp_path, rows)
    rows = [{"observable": "X"}, {"observable": "protein"}]
    assert 'shows "protein" here and "X" above' in refused(tiny, tmp_path, rows)


def test_loading_controls_that_are_not_there_are_refused(tiny, tmp_path):
    found = refused(tiny, tmp_path, [{"loading": "3"}, {}])
    assert 'blots.tsv:3: lane "1" of gel "g" has no loading control' in found
    actin = {"antibody": "actin", "observable": "loading_control", "lane": "0"}
    found = refused(tiny, tmp_path, [{"loading": "3"}, {}, actin, actin | {"antibody": "tubulin"}])
    assert 'lane "0" has a loading control already, in line 4.' in found
    assert "has a loading, but line 4 is a loading control of its lane" in found
    found = refused(tiny, tmp_path, [{}, actin | {"censored": "above"}])
    assert "a loading control must be measured" in found


def test_reference_lanes_that_are_none_are_refused(tiny, tmp_path):
    found = refused(tiny, tmp_path, [{}, {}, {}], normalise="lane:7")
    assert 'antibody "protein" has no band in lane "7" of gel "g"' in found
    found = refused(tiny, tmp_path, [{"censored": "above"}, {}, {}], normalise="lane:0")
    assert "a reference lane must be measured" in found
    found = refused(tiny, tmp_path, [{}, {}], normalise="lane")
    assert '--normalise is "lane"; it must be loading, lane:<name> or none.' in found


def test_what_says_too_little_is_refused(tiny, tmp_path):
    found = refused(tiny, tmp_path, [{"censored": "below"}, {"censored": "above"}])
    assert 'gel "g", antibody "protein": all bands are censored' in found
    found = refused(tiny, tmp_path, [{}, {"censored": "below"}], offset=True)
    assert "one band is measured" in found
    found = refused(tiny, tmp_path, [{}, {"gel": "h"}])
    assert "nothing to estimate its noise from; give it as --sigma." in found
    converted(tiny, tmp_path, [GOOD, GOOD | {"gel": "h"}], sigma=0.1)
    assert "must be > 0" in refused(tiny, tmp_path, [{}], sigma=-1.0)
    assert "must be log10 or lin" in refused(tiny, tmp_path, [{}], noise="log")


def test_a_band_of_nothing_needs_a_background(tiny, tmp_path):
    rows = [{}, {}, {"knockout": "X", "intensity": "0.2"}]
    assert "blots.tsv:4: intensity is 0.2, but the model has no protein there" in refused(
        tiny, tmp_path, rows
    )
    rows = [GOOD | {"lane": i} | row for i, row in enumerate(rows)]
    yaml = converted(tiny, tmp_path, rows, offset=True)
    assert values(Problem(yaml))["offset_protein_g"] == pytest.approx(0.2)
    rows[2] |= {"censored": "below"}
    converted(tiny, tmp_path, rows)


def test_parameters_that_cannot_be_estimated_are_refused(tiny, tmp_path):
    def why(name, row):
        return refused(tiny, tmp_path, [{}, {}, row], estimate=(name,))

    assert '"k_dgg" is no constant in the parameter table of tiny. Nearest: "k_deg".' in why(
        "k_dgg", {}
    )
    assert '"idle" moves no band' in why("idle", {})
    assert '"cell" is no constant' in why("cell", {})
    assert '"blocker" is no constant' in why("blocker", {})
    found = refused(tiny, tmp_path, [{"k_syn": "2"}, {"k_syn": "3"}, {}][:2], estimate=("k_syn",))
    assert '"k_syn" moves no band' in found


def test_all_are_those_that_move_a_band(tiny, tmp_path):
    rows = [GOOD | {"lane": i} for i in range(3)]
    assert "idle" not in (found := Problem(converted(tiny, tmp_path, rows, estimate=("all",))).free)
    assert found[:2] == ("k_syn", "k_deg")


def test_a_change_that_petab_does_not_have_is_refused(tmp_path):
    """In models/toy the expression of PUMA multiplies what the model computes."""
    rows = [{"antibody": "BIM"}, {"antibody": "BIM", "expression:PUMA": "2"}]
    found = refused(simulator.load(TOY), tmp_path, rows)
    assert 'multiplies "twice", which the model computes' in found


def test_an_antibody_of_an_option_must_be_in_the_table(tiny, tmp_path):
    found = refused(tiny, tmp_path, [{}, {}], antibodies={"protien": "X"})
    assert 'has no antibody "protien", which --antibody gives an observable.' in found
