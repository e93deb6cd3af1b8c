"""Every sentence with which a request is refused."""

import numpy as np
import pandas as pd
import pytest

import simulator as sim
from simulator.conditions import make_design

from .conditions_example import PLAIN, TOY

SCHEDULE = sim.schedule((0, 1.0))


def message(call):
    with pytest.raises(sim.ConditionError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize(
    ("factors", "sentence"),
    [
        # names
        ({"prednisolon": 1}, 'drug "prednisolon" is not in toy. Nearest: "prednisolone".'),
        ({"Prednisolone": 1}, 'drug "Prednisolone" is not in toy. Nearest: "prednisolone".'),
        ({"IL7": 1}, 'ligand "IL7" is not in toy. Nearest: "il7".'),
        ({"k_sym": 1}, 'parameter "k_sym" is not in toy. Nearest: "k_syn".'),
        ({"MEK_PP": 1}, 'species "MEK_PP" is not in toy. Nearest: "MEK_pp".'),
        ({"alterations": None}, 'factor "alterations" is not in toy. Nearest: "alteration".'),
        ({"worker": 2}, '"worker" is no option, and no factor of toy. Nearest: "workers".'),
        ({"zzz": 1}, '"zzz" is no factor, drug, parameter, compartment or species of toy.'),
        (
            {"PUMA": 0},
            '"PUMA" is a gene of toy: write knockout="PUMA" or expression={"PUMA": 0.5}.',
        ),
        ({"SEM": 1}, '"SEM" is a cell of toy: write cell="SEM".'),
        ({"MEK_CA": 1}, '"MEK_CA" is an alteration of toy: write alteration="MEK_CA".'),
        (
            {"viability": 1},
            '"viability" is an observable of toy: it is computed, and cannot be set.',
        ),
        (
            {"BIM_synthesis": 1},
            '"BIM_synthesis" is a reaction of toy, whose flux is computed: it can be an output, '
            "and cannot be set.",
        ),
        (
            {"ERK_activity": 1},
            'parameter "ERK_activity" cannot be set: a rule of toy computes it from "MEK_pp" and '
            '"k_deg".',
        ),
        (
            {"MEK_sum": 1},
            'species "MEK_sum" cannot be set: a rule of toy computes it from "BIM", "MEK_pp" and '
            '"k_syn".',
        ),
        # levels that are names
        ({"cell": "SupT1"}, 'cell "SupT1" is not in toy. Nearest: "SUPT1".'),
        ({"cell": "K562"}, 'cell "K562" is not in toy. It has SUPT1, SEM, RS411.'),
        ({"cell": 3}, 'cell is 3; it must be a name like "SUPT1".'),
        (
            {"cell": ("SUPT1", "SEM")},
            "cell is given the tuple ('SUPT1', 'SEM'), but a run has one cell: write "
            "cell=['SUPT1', 'SEM'] for several runs.",
        ),
        (
            {"cell": "SUPT1+SEM"},
            'cell is "SUPT1+SEM", but a run has one cell: write cell=["SUPT1", "SEM"] for several '
            "runs.",
        ),
        (
            {"alteration": "NRAS_G12C"},
            'alteration "NRAS_G12C" is not in toy. Nearest: "NRAS_G12D".',
        ),
        (
            {"alteration": ("NRAS_G12D", "NRAS_Q61")},
            'alterations "NRAS_G12D" and "NRAS_Q61" cannot be combined: they set "k_deg" to 7 and '
            "to 8.",
        ),
        (
            {"alteration": [None, 3]},
            "alteration is 3; it must be a name, a tuple of names for several at once, or None.",
        ),
        ({"knockout": "bim"}, 'gene "bim" is not in toy. Nearest: "BIM".'),
        ({"knockout": "BIM+BIM"}, "knockout is 'BIM+BIM', which has \"BIM\" twice."),
        (
            {"knockout": ("BIM", "none")},
            "knockout is ('BIM', 'none'): \"none\" and empty names cannot be joined with others.",
        ),
        (
            {"knockout": ["PUMA", ["BIM", "MEK"]]},
            "knockout has the list ['BIM', 'MEK'] as one level: write a tuple, ('BIM', 'MEK'), for "
            "several at once, or put the names in one list for several runs.",
        ),
        # expression
        ({"expression": {"BAX": 2}}, 'gene "BAX" is not in toy. It has MEK, BIM, PUMA.'),
        (
            {"expression": {"BIM": -1}},
            'expression of gene "BIM" is -1; it must be finite and >= 0.',
        ),
        (
            {"expression": {"BIM": "high"}},
            "expression of gene \"BIM\" is 'high'; it must be finite and >= 0.",
        ),
        (
            {"expression": {"BIM": [1, 2]}},
            'expression of gene "BIM" is [1, 2], but one level has one factor per gene: write a '
            'list of mappings, [{"BIM": 1}, {"BIM": 2}], for several runs.',
        ),
        (
            {"expression": 2},
            'expression is 2; it must be a mapping from genes to factors like {"BCL2": 4}, or a '
            "list of such mappings.",
        ),
        (
            {"expression": "BIM"},
            'expression is "BIM"; it must be a mapping from genes to factors like {"BCL2": 4}, or '
            'its label like "BCL2=4,IL7R=0.2".',
        ),
        ({"expression": "BIM=1,BIM=2"}, 'expression "BIM=1,BIM=2" has gene "BIM" twice.'),
        (
            {"expression:BIM": [1, -2]},
            'expression of gene "BIM" is -2; it must be finite and >= 0.',
        ),
        ({"expression:BIN": 1}, 'gene "BIN" is not in toy. Nearest: "BIM".'),
        # numbers
        (
            {"prednisolone": -1},
            'dose of drug "prednisolone" (uM) is -1; it must be finite and >= 0.',
        ),
        (
            {"il7": [0, float("nan")]},
            'dose of ligand "il7" (ng/ml) is nan; it must be finite and >= 0.',
        ),
        (
            {"prednisolone": "high"},
            "dose of drug \"prednisolone\" (uM) is 'high'; it must be a number >= 0, or "
            'sim.schedule((time, dose), ...) or its label like "1@0,0@24".',
        ),
        (
            {"prednisolone": None},
            'dose of drug "prednisolone" (uM) is None; it must be a number >= 0, or '
            'sim.schedule((time, dose), ...) or its label like "1@0,0@24" (0 for none).',
        ),
        (
            {"prednisolone": [0, True]},
            'dose of drug "prednisolone" (uM) is True; it must be a number >= 0, or '
            'sim.schedule((time, dose), ...) or its label like "1@0,0@24".',
        ),
        (
            {"prednisolone": (0, 1)},
            'dose of drug "prednisolone" (uM) is given the tuple (0, 1), which has no meaning '
            "here: write prednisolone=[0, 1] for several runs, or "
            "prednisolone=sim.schedule((time, dose), ...) for a dose that changes in time.",
        ),
        (
            {"k_syn": (1, 2)},
            'parameter "k_syn" (1/h) is given the tuple (1, 2), which has no meaning here: write a '
            "list, [1, 2], for several runs.",
        ),
        ({"k_syn": "2"}, "parameter \"k_syn\" (1/h) is '2'; it must be a number."),
        ({"k_syn": float("inf")}, 'parameter "k_syn" (1/h) is inf; it must be finite.'),
        (
            {"k_syn": [[1, 2], [3, 4]]},
            'parameter "k_syn" (1/h) has the level [1, 2]; each level must be one number.',
        ),
        (
            {"k_syn": SCHEDULE},
            'parameter "k_syn" (1/h) cannot follow a schedule: only drugs and ligands can.',
        ),
        # axes
        ({"k_syn": []}, "k_syn is an empty list; give at least one level, or leave it out."),
        (
            {"k_syn": np.ones((2, 2))},
            "k_syn is an array of shape (2, 2); levels are a list or a 1-D array: write "
            "k_syn=list(array.ravel()), or put columns in conditions=.",
        ),
        (
            {"k_syn": {1.0}},
            "k_syn is {1.0}; several levels are written as a list: k_syn=list(...), in the order "
            "they should have.",
        ),
        (
            {"k_syn": [1, 2, 1.0]},
            "k_syn has the level 1.0 at positions 0 and 2: write each level once.",
        ),
        (
            {"knockout": ["BIM+MEK", ("MEK", "BIM")]},
            "knockout has the levels 'BIM+MEK' and 'MEK+BIM', which are the same, at positions 0 "
            "and 1: write each level once.",
        ),
        (
            {"knockout": [None, "none"]},
            "knockout has the level 'none' at positions 0 and 1: write each level once.",
        ),
        (
            {"prednisolone": [1, sim.schedule((0, 1))]},
            "prednisolone has the level '1@0' at positions 0 and 1: write each level once.",
        ),
        (
            {"expression": [{"BIM": 2, "MEK": 1}, {"MEK": 1.0, "BIM": 2}]},
            "expression has the levels 'BIM=2,MEK=1' and 'MEK=1,BIM=2', which are the same, at "
            "positions 0 and 1: write each level once.",
        ),
        # twice
        (
            {"il7": 1, "il7_dose": 2},
            '"il7_dose" is given twice: by keyword "il7" and by keyword "il7_dose".',
        ),
        (
            {"expression": {"BIM": 2}, "expression:BIM": 3},
            'expression of gene "BIM" is given twice: by keyword "expression" and by keyword '
            '"expression:BIM".',
        ),
    ],
)
def test_factors(factors, sentence):
    assert message(lambda: make_design(TOY, factors)) == sentence


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        ({"k_sym": 1}, '"k_sym" in set= is no parameter, compartment or species of toy. '
                       'Nearest: "k_syn".'),
        ({"knockout": "BIM"}, 'set= takes ids of toy, and "knockout" is a factor: write '
                              "knockout=... instead."),
        ({"il7": 1}, 'set= takes ids of toy, and "il7" is a factor: write il7=... instead.'),
        ({"cell": 0}, 'compartment "cell" (pL) is 0; it must be finite and > 0.'),
        ({"prednisolone": -1}, 'parameter "prednisolone" (1/h) is -1; it must be finite and >= 0.'),
        ({"k_syn": 1}, '"k_syn" is given twice: by keyword "k_syn" and by set={"k_syn": ...}.'),
        ([1], 'set= takes a mapping like {"k1": 0.5}, not [1].'),
        ({1: 2}, "set= takes a mapping from ids (text) to values, not 1."),
    ],
)  # fmt: skip
def test_set(ids, sentence):
    assert message(lambda: make_design(TOY, {"k_syn": 1}, set=ids)) == sentence


@pytest.mark.parametrize("factor", ["cell", "alteration", "knockout", "expression"])
def test_a_plain_model_has_no_named_factors(factor):
    text = message(lambda: make_design(PLAIN, {factor: "SUPT1"}))
    hint = ' To set its parameter "cell", write set={"cell": ...}.' if factor == "cell" else ""
    assert text == (
        f'"{factor}" cannot be chosen: toy.ant is a plain model, which has no cell, alteration, '
        f"knockout, expression, drug or il7.{hint}"
    )


def test_a_plain_model_has_no_drugs():
    assert message(lambda: make_design(PLAIN, {"il7": 25})) == (
        '"il7" is no parameter, compartment or species of toy.ant, a plain model, which has no '
        "cell, alteration, knockout, expression, drug or il7."
    )
    assert 'Nearest: "k_syn".' in message(lambda: make_design(PLAIN, {"k_sin": 25}))
    table = pd.DataFrame({"alteration": ["X"]})
    assert "plain model" in message(lambda: make_design(PLAIN, {}, table))


def test_a_folder_without_cells_says_so():
    from dataclasses import replace

    bare = replace(TOY, cells={}, default_cell=None)
    assert message(lambda: make_design(bare, {"cell": "SUPT1"})) == (
        '"cell" cannot be chosen: toy names no cells.'
    )
    assert "cell" not in make_design(bare, {}).coordinates


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            {"k_syn": [1]},
            r"conditions= takes a pandas DataFrame, a .csv or .tsv file, or simulator.sample(...), "
            "not a dict.",
        ),
        (pd.DataFrame({"k_syn": []}), "conditions= has no rows."),
        (
            pd.DataFrame({"k_syn": [1, 2]}, index=["a", "a"]),
            "conditions= has the row label 'a' twice in its index.",
        ),
        (
            pd.DataFrame({"k_syn": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)])),
            "conditions= has an index of several levels: make them columns with .reset_index().",
        ),
        (
            pd.DataFrame({"k_syn": [1]}, index=pd.Index(["SEM"], name="cell")),
            'conditions= has an index named "cell", which the model uses: make it a column with '
            ".reset_index(), or rename it.",
        ),
        (
            pd.DataFrame([[1, 2]], columns=["k_syn", "k_syn"]),
            'conditions= has the column "k_syn" twice.',
        ),
        (pd.DataFrame({3: [1]}), "conditions= has a column named 3; names are text."),
        (
            pd.DataFrame({"Cell": ["SEM"]}),
            'conditions= has a column "Cell", which is no factor. Nearest: "cell".',
        ),
        (
            pd.DataFrame({"viability": [1.0]}),
            'conditions= has a column "viability", which is an output of the model: rename it.',
        ),
        (
            pd.DataFrame({"time": [1.0]}),
            'conditions= has a column "time", which is an output of the model: rename it.',
        ),
        (
            pd.DataFrame({"cell": ["SEN"]}),
            'conditions= column "cell": cell "SEN" is not in toy. Nearest: "SEM".',
        ),
        (
            pd.DataFrame({"prednisolone": [0.0, -2.0]}),
            'conditions= column "prednisolone": dose of drug "prednisolone" (uM) is -2; it must be '
            "finite and >= 0.",
        ),
        (
            pd.DataFrame({"ERK_activity": [0.0]}),
            'parameter "ERK_activity" cannot be set: a rule of toy computes it from "MEK_pp" and '
            '"k_deg".',
        ),
        (
            pd.DataFrame({"expression:BIX": [0.0]}),
            'gene "BIX" is not in toy. Nearest: "BIM".',
        ),
        (
            pd.DataFrame({"k_deg": [0.0]}),
            '"k_deg" is given twice: by column "k_deg" of conditions= and by keyword "k_deg".',
        ),
    ],
)
def test_tables(table, sentence):
    assert message(lambda: make_design(TOY, {"k_deg": 1.0}, table)) == sentence


def test_a_factor_is_given_in_the_table_or_as_a_keyword():
    table = pd.DataFrame({"cell": ["SEM"], "expression:BIM": [2.0]})
    assert message(lambda: make_design(TOY, {"cell": "SEM"}, table)) == (
        '"cell" is given twice: by column "cell" of conditions= and by keyword "cell".'
    )
    assert message(lambda: make_design(TOY, {"expression": [{"BIM": 2}]}, table)) == (
        'expression of gene "BIM" is given twice: by keyword "expression" and by column '
        '"expression:BIM" of conditions=.'
    )
    assert make_design(TOY, {"expression": {"MEK": 2}}, table).size == 1


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ((), "schedule() needs at least one (time, dose) pair, like (0, 1.0)."),
        (
            (0, 1.0),
            "schedule() takes (time, dose) pairs of numbers, like (0, 1.0), not 0.",
        ),
        (
            ((0, "a"),),
            "schedule() takes (time, dose) pairs of numbers, like (0, 1.0), not (0, 'a').",
        ),
        (
            ((0, 1, 2),),
            "schedule() takes (time, dose) pairs of numbers, like (0, 1.0), not (0, 1, 2).",
        ),
        (((-1, 1),), "schedule() times are finite and >= 0, not -1."),
        (((0, -1),), "schedule() doses are finite and >= 0, not -1."),
        (((0, float("nan")),), "schedule() doses are finite and >= 0, not nan."),
        (((0, 1), (0, 2)), "schedule() times must increase, but 0 follows 0."),
        (((5, 1), (2, 2)), "schedule() times must increase, but 2 follows 5."),
    ],
)
def test_schedules(steps, sentence):
    assert message(lambda: sim.schedule(*steps)) == sentence
