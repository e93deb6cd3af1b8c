"""Ensembles: the table round trip and what is wrong in one, and values put into a model."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import simulator as sim
from simulator.network.ensemble import (
    Ensemble,
    Quantity,
    quantities,
    read_ensemble,
    revalued,
    write_ensemble,
)
from simulator.network.model_folder import read_model_folder

TINY = Path(__file__).resolve().parents[1] / "models" / "tiny"
GOOD = [
    "# seed: 1",
    "table\tlevel\tparameterId\tm1\tm2",
    "parameters\t\tk_syn\t1.5\t2",
    "cells\tB\tk_syn\t3\t4e-1",
    "alterations\tUNSTABLE\tk_deg\t5\t6",
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny"
    shutil.copytree(TINY, path)
    return path


def read(folder, lines):
    (folder / "ensemble.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_ensemble(read_model_folder(folder))


def test_a_folder_without_the_table_has_no_ensemble(folder):
    definition = read_model_folder(folder)
    assert read_ensemble(definition) is None
    assert read_ensemble(replace(definition, folder=None)) is None


def test_what_is_read(folder):
    found = read(folder, GOOD)
    assert found.notes == ("seed: 1",)
    assert found.members == {"m1": (1.5, 3.0, 5.0), "m2": (2.0, 0.4, 6.0)}
    assert found.values("m2") == {
        Quantity("parameters", "", "k_syn"): 2.0,
        Quantity("cells", "B", "k_syn"): 0.4,
        Quantity("alterations", "UNSTABLE", "k_deg"): 6.0,
    }


def test_a_table_that_is_written_is_read_again(folder):
    found = read(folder, GOOD)
    write_ensemble(folder / "ensemble.tsv", found)
    again = read_ensemble(read_model_folder(folder))
    assert (again.quantities, again.members, again.notes) == (
        found.quantities,
        found.members,
        found.notes,
    )
    rounded = Ensemble(found.quantities, {"m": (0.123456, 1e-9, 12345.6)}, ())
    write_ensemble(folder / "ensemble.tsv", rounded)
    values = read_ensemble(read_model_folder(folder)).members["m"]
    assert values == (0.1235, 1e-9, 12350.0)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "tiny/ensemble.tsv: must be a table with the columns table, level, parameterId"),
        (GOOD[:2], "tiny/ensemble.tsv: must be a table"),
        ([GOOD[1].replace("level", "cell"), *GOOD[2:]], "tiny/ensemble.tsv: must be a table"),
        ([GOOD[1].replace("m2", "m1"), GOOD[2]], "ensemble.tsv:1: members need names of their own"),
        ([GOOD[1].replace("\tm2", "\t"), GOOD[2]], "ensemble.tsv:1: members need names"),
        ([*GOOD, "cells\tB\tk_syn\t1\t2"], 'ensemble.tsv:6: "B k_syn" is there already'),
        ([*GOOD, "parameters\t\tk_deg\t1"], "ensemble.tsv:6: has 4 columns, but the header has 5"),
        ([*GOOD, "parameters\t\tk_deg\t1\tx"], "ensemble.tsv:6: could not convert"),
        (
            [*GOOD, "parameters\t\tk_degg\t1\t2"],
            'ensemble.tsv:6: "k_degg" of parameters is no number of tiny. Nearest: "parameters'
            ' k_deg"',
        ),
        (
            [*GOOD, "cells\tA\tk_syn\t1\t2"],
            'ensemble.tsv:6: "A k_syn" of cells is no number of tiny. Nearest: "cells B k_syn"',
        ),
        ([*GOOD, "parameters\tk_deg"], "ensemble.tsv:6: has 2 columns, but the header has 5"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(folder, lines, message):
    with pytest.raises(sim.ModelError) as caught:
        read(folder, lines)
    assert message in str(caught.value)


def test_members_of_a_model(folder):
    read(folder, GOOD)
    model = sim.load(folder)
    assert model.members == ("m1", "m2")
    assert quantities(model.member("m1").definition)[Quantity("cells", "B", "k_syn")] == 3.0
    with pytest.raises(sim.ConditionError, match='"m3" is no member of the ensemble of tiny'):
        model.member("m3")
    with pytest.raises(sim.ConditionError, match="which has none"):
        sim.load(TINY).member("m1")


def test_other_values_leave_everything_else():
    definition = read_model_folder(TINY)
    values = {
        Quantity("parameters", "", "k_syn"): 2.0,
        Quantity("parameters", "", "cell"): 0.5,
        Quantity("cells", "B", "k_syn"): 3.0,
    }
    other = revalued(definition, values)
    assert quantities(other) == quantities(definition) | values
    assert other.network.compartments[0].size == 0.5
    assert {p.id: p.value for p in other.network.parameters}["k_syn"] == 2.0
    back = revalued(other, {q: quantities(definition)[q] for q in values})
    assert back.parameters == definition.parameters
    assert back.cells == definition.cells
    assert back.alterations == definition.alterations
    assert back.network.parameters == definition.network.parameters
    assert back.network.compartments == definition.network.compartments
    assert back.observables is definition.observables


def test_an_unknown_quantity_is_refused_with_the_nearest():
    definition = read_model_folder(TINY)
    with pytest.raises(sim.ModelError, match='Nearest: "alterations UNSTABLE k_deg"'):
        revalued(definition, {Quantity("alterations", "UNSTABEL", "k_deg"): 1.0})


def test_the_bundled_model_with_values_is_the_folder_edited_by_hand(steroid_response, tmp_path):
    """The same numbers, to the last bit, as the files edited and loaded afresh."""
    from simulator.calibrate.store import write_values

    values = {
        Quantity("parameters", "", "k_decay_MCL1"): 0.2,
        Quantity("parameters", "", "total_SOS"): 12.0,
        Quantity("cells", "SEM", "tonic_RTK"): 10.0,
        Quantity("alterations", "JAK1_T901A", "k_JAK1_mutant"): 3.0,
    }
    folder = tmp_path / "steroid_response"
    shutil.copytree(steroid_response.folder, folder)
    write_values(folder, values)
    asked = {
        "time": [0.0, 24.0],
        "cell": ["SUPT1", "SEM"],
        "alteration": [None, "JAK1_T901A"],
        "prednisolone": [0.0, 0.1],
        "outputs": ["viability", "pERK", "BIM_total", "MCL1"],
    }
    with_values = steroid_response.with_values(values).simulate(**asked)
    edited = sim.load(folder).simulate(**asked)
    plain = steroid_response.simulate(**asked)
    for name in asked["outputs"]:
        np.testing.assert_array_equal(with_values[name].values, edited[name].values)
    assert not np.array_equal(with_values["pERK"].values, plain["pERK"].values)
    assert with_values.attrs["model_hash"] != plain.attrs["model_hash"]
