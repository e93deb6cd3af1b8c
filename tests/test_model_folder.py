"""Model folders: what is read from one, and every sentence about what is wrong in one."""

import csv
import shutil
from pathlib import Path

import pytest
import yaml

import simulator as sim
from simulator.network import places
from simulator.network.definition import Drug, Observable, Override
from simulator.network.expression import Symbol, apply
from simulator.network.model_folder import (
    plain_definition,
    read_model_folder,
)
from simulator.network.places import bundled_names, find_bundled
from simulator.network.unit_text import same_unit

TOY = Path(__file__).parent / "models" / "toy"
SETTINGS = yaml.safe_load((TOY / "model.yaml").read_text(encoding="utf-8"))
COHORTS = yaml.safe_load((TOY / "cohorts.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A good model folder; messages name its files from the working folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "models" / "toy"
    shutil.copytree(TOY, path)
    return path


def problems(folder):
    with pytest.raises(sim.ModelError) as caught:
        read_model_folder(folder)
    return str(caught.value).splitlines()


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_good_folder(folder):
    d = read_model_folder(folder)
    assert (d.name, d.folder, d.start, d.default_cell) == ("toy", folder, "steady_state", "A")
    assert list(d.parameters) == ["volume_of_cell", "k_syn", "k_deg", "k_bind", "twice", "pred"]
    record = d.parameters["volume_of_cell"]
    assert (record.lower, record.nominal, record.upper) == (0.5, 0.8, 1.0)
    assert (record.scale, record.estimate, record.unit) == ("log10", False, "pL")
    assert (record.source, record.confidence) == ("Milo 2013", "derived")
    assert record.note == 'a "quoted" note'
    assert d.parameters["k_syn"].estimate is True
    assert d.species_groups == {"BIM": "apoptosis", "live": "population"}
    assert d.population == {"live"}
    assert d.cells == {
        "A": (),
        "B": (Override("k_syn", "multiply", 0.5, 0.1, 1.0), Override("k_deg", "set", 0.2)),
    }
    assert d.alterations["BIM_V1-2X"] == (Override("k_deg", "set", 0.01),)
    assert d.genes == {"BIM": ("k_syn",), "PUMA": ("twice",)}
    assert d.drugs == {"prednisolone": Drug("prednisolone", "drug", "pred", "uM", "GR", "steroid")}
    assert d.observables[0] == Observable(
        "viability", "viability", Symbol("live"), "dimensionless", "vehicle"
    )
    assert d.observables[1].formula == apply(
        "divide", Symbol("BIM"), apply("add", Symbol("BIM"), Symbol("live"))
    )
    assert d.cohorts == COHORTS
    assert d.settings == SETTINGS


def test_the_smallest_folder_has_headers_only(folder):
    (folder / "cohorts.yaml").unlink()
    for name in ("cells", "alterations", "genes", "drugs", "observables"):
        path = folder / f"{name}.tsv"
        path.write_text(path.read_text(encoding="utf-8").splitlines()[0], encoding="utf-8")
    replace(folder / "model.yaml", "default_cell: A\n", "")
    d = read_model_folder(folder)
    assert (d.cells, d.drugs, d.observables, d.cohorts, d.default_cell) == ({}, {}, (), {}, None)


def test_a_plain_definition_has_no_tables(folder):
    network = read_model_folder(folder).network
    d = plain_definition(network, "toy.ant")
    assert (d.name, d.folder, d.start, d.default_cell) == ("toy.ant", None, "initial", None)
    assert not (d.parameters or d.cells or d.alterations or d.genes or d.drugs or d.observables)


P, C, S = "parameters.tsv", "cells.tsv", "species.tsv"
A, G, D, R = "alterations.tsv", "genes.tsv", "drugs.tsv", "observables.tsv"

WRONG = [
    # parameters
    (P, "k_syn\tsyn", "k_sym\tsyn", [
        ':4: parameterId "k_sym" is no constant parameter or compartment of model.ant. '
        'Nearest: "k_syn".',
        ': has no row for "k_syn", a constant of model.ant.',
    ]),
    (P, "k_bind\tb", "k_deg\tb", [
        ':6: parameterId "k_deg" is there already, in line 5.',
        ': has no row for "k_bind", a constant of model.ant.',
    ]),
    (P, "k_bind\tb", "activity\tb", [
        ':6: parameterId "activity" is no constant parameter or compartment of model.ant, but a '
        "parameter that is not constant.",
        ': has no row for "k_bind", a constant of model.ant.',
    ]),
    (P, "4\t2\t1", "4\t2.5\t1", [
        ':4: nominalValue of "k_syn" is 2.5, but model.ant has 2.0.',
    ]),
    (P, "4\t2\t1", "4\ttwo\t1", [':4: nominalValue is "two"; it must be a number.']),
    (P, "4\t2\t1", "nan\t2\t1", [':4: upperBound is "nan"; it must be a number.']),
    (P, "4\t2\t1", "\t2\t1", [":4: upperBound is empty; it must be a number."]),
    (P, "4\t2\t1", "1.5\t2\t1", [":4: nominalValue 2 is above its upperBound 1.5."]),
    (P, "1\t4\t2\t1", "3\t4\t2\t1", [":4: nominalValue 2 is below its lowerBound 3."]),
    (P, "1\t4\t2\t1", "0\t4\t2\t1", [":4: lowerBound is 0; on a log10 scale it must be > 0."]),
    (P, "4\t2\t1\tnM", "4\t2\t1\tuM", [
        ':4: unit of "k_syn" is "uM", but model.ant has "nM".',
    ]),
    (P, "4\t2\t1", "4\t2\tyes", [':4: estimate is "yes"; it must be one of: 0, 1.']),
    (P, "log10\t1\t4", "log2\t1\t4", [
        ':4: parameterScale is "log2"; it must be one of: lin, log, log10.',
    ]),
    (P, "fitted", "guessed", [
        ':4: confidence is "guessed"; it must be one of: measured, derived, fitted, assumed.',
    ]),
    (P, "1/h\there", "1/h\t", [":5: source is empty; a measured value needs one."]),
    (P, "1/h\there\tmeasured", "1/h\there\tmeasured\ta\tb", [
        ":5: has 12 fields; the header has 11.",
        ': has no row for "k_deg", a constant of model.ant.',
    ]),
    (P, "\nk_deg", "\n# k_deg", [
        ":5: is a comment; comments stand before the header.",
        ': has no row for "k_deg", a constant of model.ant.',
    ]),
    (P, "confidence", "confidance", [
        ':2: has no column "confidence".',
        ':2: has an unknown column "confidance". Nearest: "confidence".',
    ]),
    # species
    (S, "BIM\t", "BIN\t", [
        ':2: speciesId "BIN" is no species of model.ant. Nearest: "BIM".',
        ': has no row for "BIM", a species of model.ant.',
    ]),
    (S, "\tpopulation\tpopulation", "\tpopulation\tcells", [
        ':3: role is "cells"; it must be one of: empty, population.',
    ]),
    # cells and alterations
    (C, "k_syn\tm", "k_sin\tm", [
        ':3: parameterId "k_sin" is no constant of model.ant. Nearest: "k_syn".',
    ]),
    (C, "multiply", "times", [':3: operation is "times"; it must be one of: set, multiply.']),
    (C, "multiply\t0.5", "multiply\t0.5\t\t\t", [":3: has 11 fields; the header has 9."]),
    (C, "0.5\t0.1\t1", "0.5\t0.6\t1", [":3: value 0.5 is below its lowerBound 0.6."]),
    (C, "0.5\t0.1\t1", "-0.5\t\t1", [":3: value is -0.5; a factor must be >= 0."]),
    (C, "0.5\t0.1\t1", "half\t0.1\t1", [':3: value is "half"; it must be a number.']),
    (C, "k_deg\tset", "k_syn\tset", [':4: cell "B" changes "k_syn" twice.']),
    (C, "k_deg\tset", "pred\tset", [
        ':4: "pred" is a dose, which only an experimenter gives.',
    ]),
    (C, "\t\tassumed", "\t\tsure", [
        ':3: confidence is "sure"; it must be one of: measured, derived, fitted, assumed.',
        ':4: confidence is "sure"; it must be one of: measured, derived, fitted, assumed.',
    ]),
    (A, "BIM_LOW\tBIM", "BIM+LOW\tBIM", [
        ':2: alteration "BIM+LOW" is no usable name: it must not be empty or "none", nor hold '
        "spaces, quotes or any of + , = @ :",
    ]),
    (A, "BIM_LOW\tBIM", "BIM_LOW\t", [":2: gene is empty; it names the molecule changed."]),
    (A, "\tk_syn", "\t", [
        ":2: parameterId is empty; it must be a constant of model.ant.",
    ]),
    # genes
    (G, "twice", "twist", [
        ':3: parameterId "twist" is no constant of model.ant. Nearest: "twice".',
    ]),
    (G, "PUMA\ttwice", "BIM\tk_syn", [':3: gene "BIM" has "k_syn" twice.']),
    (G, "PUMA", "BIM", [
        ':3: gene "BIM" has "twice", which is computed from its "k_syn" and follows that: leave '
        "one of them out.",
    ]),
    (G, "twice", "pred", [':3: "pred" is a dose, which no gene makes.']),
    # drugs
    (D, "drug\tpred", "dye\tpred", [':2: kind is "dye"; it must be one of: drug, ligand.']),
    (D, "uM", "nM", [':2: unit is "nM", but "pred" has "uM".']),
    (D, "prednisolone", "expression", [
        ':2: drug "expression" has the name of a factor or option of simulate.',
    ]),
    (D, "prednisolone", "BIM", [
        ':2: drug "BIM" has the id of a species of model.ant that is not its parameterId.',
    ]),
    (D, "\n", "\nother\tdrug\tpred\tuM\n", None),
    # observables
    (R, "viability\tv", "BIM\tv", [':2: observableId "BIM" is a species of model.ant already.']),
    (R, "viability\tv", "BIM_share\tv", [
        ':3: observableId "BIM_share" is there already, in line 2.',
    ]),
    (R, "viability\tv", "prednisolone\tv", [
        ':2: observableId "prednisolone" is the name of a factor, drug or option already.',
    ]),
    (R, "viability\tv", "1x\tv", [
        ':2: observableId "1x" is no id: letters, digits and _ only.',
    ]),
    (R, "\tvehicle", "\tcontrol", [
        ':2: relative_to is "control"; it must be one of: empty, vehicle, start.',
    ]),
    (R, "BIM / (BIM", "BIMM / (BIM", [
        ':3: formula uses "BIMM", which is no id of model.ant. Nearest: "BIM".',
    ]),
    (R, "BIM / (BIM", "viability / (BIM", [
        ':3: formula uses "viability", which is an observable, not an id of model.ant.',
    ]),
    (R, "\tBIM / (BIM + live)", "\t", [":3: formula is empty."]),
]  # fmt: skip


@pytest.mark.parametrize(("table", "old", "new", "wanted"), WRONG)
def test_what_is_wrong_in_a_table(folder, table, old, new, wanted):
    (folder / "cohorts.yaml").unlink()
    replace(folder / table, old, new)
    found = problems(folder)
    if wanted is not None:
        assert found == [f"models/toy/{table}{sentence}" for sentence in wanted]
    assert all(line.startswith(f"models/toy/{table}") for line in found)


def test_two_drugs_cannot_share_a_dose(folder):
    path = folder / "drugs.tsv"
    path.write_text(path.read_text(encoding="utf-8") + "other\tdrug\tpred\tuM\n", encoding="utf-8")
    assert problems(folder) == [
        'models/toy/drugs.tsv:3: parameterId "pred" is the dose of another drug already.'
    ]


def test_a_dose_is_zero_in_the_model(folder):
    replace(folder / "model.ant", "pred = 0;", "pred = 1;")
    replace(folder / "parameters.tsv", "50\t0\t0\tuM", "50\t1\t0\tuM")
    assert problems(folder) == ['models/toy/drugs.tsv:2: the dose "pred" must be 0 in model.ant.']


def test_a_formula_that_does_not_parse(folder):
    replace(folder / "observables.tsv", "BIM / (BIM", "BIM / / (BIM")
    (problem,) = problems(folder)
    assert problem.startswith('models/toy/observables.tsv:3: the formula "BIM / / (BIM + live)"')


@pytest.mark.parametrize(
    "name", ["parameters", "species", "cells", "alterations", "genes", "drugs", "observables"]
)
def test_a_missing_table(folder, name):
    (folder / "cohorts.yaml").unlink()
    (folder / f"{name}.tsv").unlink()
    found = problems(folder)
    assert found[0] == f"models/toy/{name}.tsv: is missing."
    extra = {
        "cells": ['models/toy/model.yaml: default_cell "A" is no cell of cells.tsv.'],
    }
    assert found[1:] == extra.get(name, [])


def test_a_table_that_is_not_tab_separated(folder):
    path = folder / "genes.tsv"
    path.write_text(path.read_text(encoding="utf-8").replace("\t", ","), encoding="utf-8")
    assert problems(folder) == [
        "models/toy/genes.tsv:1: has one column; columns are separated by tabs."
    ]
    path.write_text("", encoding="utf-8")
    assert problems(folder) == [
        "models/toy/genes.tsv: has no header; its columns are: gene, parameterId, note."
    ]
    path.write_bytes(b"gene\tparameterId\tnote\nB\xff")
    assert problems(folder)[0].startswith("models/toy/genes.tsv: cannot be read as UTF-8 text")


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"start": "steady"}, 'start is "steady"; it must be one of: steady_state, initial.'),
        ({"name": "toys"}, 'name is "toys", but the folder is "toy".'),
        ({"default_cell": "b"}, 'default_cell "b" is no cell of cells.tsv. Nearest: "B".'),
        ({"default_cell": None}, 'needs the key "default_cell", one of cells.tsv.'),
        ({"time_unit": "min"}, 'time_unit is "min", but model.ant has "h".'),
        ({"time_unit": 1}, 'needs the key "time_unit" with a text.'),
        ({"titel": "x"}, 'has an unknown key "titel". Nearest: "title".'),
    ],
)
def test_what_is_wrong_in_the_settings(folder, change, wanted):
    (folder / "model.yaml").write_text(yaml.safe_dump({**SETTINGS, **change}), encoding="utf-8")
    assert problems(folder) == [f"models/toy/model.yaml: {wanted}"]


def test_settings_that_are_no_yaml(folder):
    (folder / "model.yaml").write_text("name: [toy\nmodel: x", encoding="utf-8")
    assert problems(folder)[0].startswith("models/toy/model.yaml:2: is no YAML")
    (folder / "model.yaml").write_text("- name", encoding="utf-8")
    assert problems(folder)[0] == "models/toy/model.yaml: holds a list; it must be a mapping."


def test_a_model_that_cannot_be_read(folder):
    (folder / "model.ant").write_text("model toy\n A -> ; k*\nend", encoding="utf-8")
    (problem,) = problems(folder)
    assert problem.startswith("models/toy/model.ant:")
    (folder / "model.ant").unlink()
    assert problems(folder) == ["models/toy/model.ant: is missing."]
    with pytest.raises(sim.ModelError, match="nowhere: is no model folder"):
        read_model_folder(Path("nowhere"))


def _cohort(**changes):
    return {**COHORTS, "PDX": {**COHORTS["PDX"], **changes}}


def _part(**changes):
    part = COHORTS["PART"]
    return {**COHORTS, "PART": {**part, "select": {**part["select"], **changes}}}


@pytest.mark.parametrize(
    ("cohorts", "wanted"),
    [
        (_cohort(n=0), "has n: 0; it must be a whole number >= 1."),
        (_cohort(cell="C"), 'has cell: "C", which is no cell of cells.tsv.'),
        (_cohort(kept={}), 'has an unknown key "kept". Nearest: "keep".'),
        (
            _cohort(quantities={"k_sin": {"sd": 1}}),
            'has quantities: "k_sin", which is no parameter of parameters.tsv. Nearest: "k_syn".',
        ),
        (_cohort(quantities={"pred": {"sd": 1}}), 'has quantity "pred", which is a dose.'),
        (
            _cohort(quantities={"k_syn": 1}),
            'has quantity "k_syn": 1; it must be a mapping like {sd: 0.5}.',
        ),
        (
            _cohort(quantities={"k_syn": {"sd": -1}}),
            'has quantity "k_syn": sd: -1; it must be a number >= 0.',
        ),
        (
            _cohort(quantities={"k_syn": {"sd": 1, "scale": 0}}),
            'has quantity "k_syn": scale: 0; it must be a number > 0.',
        ),
        (
            _cohort(quantities={"k_syn": {}}),
            'has quantity "k_syn", which needs either sd, or value and probability.',
        ),
        (
            _cohort(quantities={"k_syn": {"value": 1}}),
            'has quantity "k_syn", in which value and probability belong together.',
        ),
        (
            _cohort(quantities={"k_syn": {"value": 1, "probability": 2}}),
            'has quantity "k_syn" with probability 2; it must be within 0..1.',
        ),
        (
            _cohort(quantities={"k_syn": {"sd": 1, "confidence": "sure"}}),
            'has quantity "k_syn": confidence: "sure"; it must be one of: measured, derived, '
            "fitted, assumed.",
        ),
        (
            _cohort(alterations={"BIM_LO": 0.1}),
            'has alterations: "BIM_LO", which is no alteration of alterations.tsv. '
            'Nearest: "BIM_LOW".',
        ),
        (
            _cohort(alterations={"BIM_LOW": 0.7, "BIM_V1-2X": 0.6}),
            "has alterations with probabilities that add up to 1.3, above 1.",
        ),
        (
            _cohort(keep={"observable": "viable", "at": 96, "at_least": 1}),
            'has keep: observable: "viable", which is no observable. Nearest: "viability".',
        ),
        (
            _cohort(keep={"observable": "viability", "at": -1, "at_least": 1}),
            "has keep: at: -1; it must be a time >= 0.",
        ),
        (
            _cohort(keep={"observable": "viability", "at": 1}),
            "has a keep without at_least or at_most.",
        ),
        (_part(drug="pred"), 'select: drug: "pred", which is no drug of drugs.tsv.'),
        (_part(il7=[0]), "has select: il7: [0]; it must be two doses, like [0, 25]."),
        (_part(ratio_above="x"), "has select: ratio_above: 'x'; it must be a number > 0."),
        (_part(measure=None), "has a select without a measure (text)."),
        (
            {**COHORTS, "PART": {**COHORTS["PART"], "of": "PDY"}},
            'has of: "PDY", which is no cohort.',
        ),
        (
            {**COHORTS, "PART": {**COHORTS["PART"], "of": "PART"}},
            'has of: "PART", which is itself a part of a cohort.',
        ),
        ({"PDX": 3}, "is no mapping."),
    ],
)
def test_what_is_wrong_in_the_cohorts(folder, cohorts, wanted):
    (folder / "cohorts.yaml").write_text(yaml.safe_dump(cohorts), encoding="utf-8")
    (problem,) = problems(folder)
    assert problem.startswith("models/toy/cohorts.yaml: cohort ")
    assert wanted in problem


def test_all_problems_of_a_folder_are_told_at_once(folder):
    replace(folder / P, "4\t2\t1", "4\t2.5\t1")
    replace(folder / G, "twice", "twist")
    replace(folder / R, "\tvehicle", "\tcontrol")
    assert [line.split(":")[0] for line in problems(folder)] == [
        "models/toy/parameters.tsv",
        "models/toy/genes.tsv",
        "models/toy/observables.tsv",
    ]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("per_nM_per_hour", "1/(nM*h)"),
        ("1/nM/h", "nM^-1 * h^-1"),
        ("ng_per_ml", "ng/mL"),
        ("1", "dimensionless"),
        ("nM*h", "h nM"),
        ("odd unit!", "odd unit!"),
    ],
)
def test_units_that_say_the_same(a, b):
    assert same_unit(a, b)
    assert same_unit(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [("nM", "uM"), ("1/h", "h"), ("", "dimensionless"), ("nM/h", "nM"), ("(nM", "nM"), ("2", "1")],
)
def test_units_that_do_not(a, b):
    assert not same_unit(a, b)


# --- the bundled model -----------------------------------------------------------------------


def test_bundled_models_are_found_in_a_checkout(checkout):
    assert "steroid_response" in bundled_names()
    assert find_bundled("steroid_response") == checkout / "models" / "steroid_response"
    assert find_bundled("no_such_model") is None


def test_bundled_models_are_found_in_a_wheel(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "simulator"
    for home in (package / "_models", package.parent / "models"):
        (home / "toy").mkdir(parents=True)
        (home / "toy" / "model.yaml").touch()
    monkeypatch.setattr(places, "__file__", str(package / "network" / "places.py"))
    assert find_bundled("toy") == package / "_models" / "toy"


def test_the_bundled_folder_is_read_whole():
    folder = find_bundled("steroid_response")
    d = read_model_folder(folder)

    def column(name, key):
        with open(folder / f"{name}.tsv", encoding="utf-8", newline="") as file:
            lines = [line for line in file if not line.startswith("#")]
        return [row[key] for row in csv.DictReader(lines, delimiter="\t")]

    assert list(d.parameters) == column("parameters", "parameterId")
    assert list(d.species_groups) == column("species", "speciesId")
    assert set(d.cells) == set(column("cells", "cell"))
    assert set(d.alterations) == set(column("alterations", "alteration"))
    assert list(d.drugs) == column("drugs", "drug")
    assert [o.id for o in d.observables] == column("observables", "observableId")
    assert d.default_cell == "SUPT1"
    assert d.start == "steady_state"
    assert {"viability"} == {o.id for o in d.observables if o.relative_to == "vehicle"}
    assert len(d.population) >= 1


DESCRIPTIVE = {
    "parameters": ("parameterName", "note"),
    "species": ("speciesName",),
    "cells": ("lowerBound", "upperBound", "note"),
    "genes": ("note",),
    "drugs": ("note",),
    "observables": ("observableName", "note"),
}


def rewrite(path, change):
    """Write a table anew, its header and rows changed."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line for line in lines if line.startswith("#")]
    rows = list(csv.DictReader(lines[len(comments) :], delimiter="\t"))
    rows = [change(row) for row in rows]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)


def test_columns_that_only_describe_may_be_left_out(folder):
    full = read_model_folder(folder)
    for table, left_out in DESCRIPTIVE.items():
        rewrite(
            folder / f"{table}.tsv",
            lambda row, left_out=left_out: {k: v for k, v in row.items() if k not in left_out},
        )
    bare = read_model_folder(folder)
    assert (bare.cells.keys(), bare.genes) == (full.cells.keys(), full.genes)
    assert bare.parameters["k_syn"].note == bare.parameters["k_syn"].name == ""
    assert bare.parameters["k_syn"].source == full.parameters["k_syn"].source
    assert [o.formula for o in bare.observables] == [o.formula for o in full.observables]


def test_a_misspelt_column_that_may_be_left_out_is_told(folder):
    replace(folder / "observables.tsv", "relative_to", "relative_too")
    found = problems(folder)
    assert found[0].endswith('has an unknown column "relative_too". Nearest: "relative_to".')
