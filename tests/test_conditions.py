"""Designs: which runs a call asks for, and the numbers of each."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulator as sim
from simulator.conditions import STAGES, Axis, Change, Design, make_design, resolve, vehicle

from .conditions_example import BASE, PLAIN, TOY, expected


def design(*args, **factors):
    conditions = args[0] if args else None
    return make_design(TOY, factors, conditions)


def numbers(d):
    """Value of every constant, every run: name -> array of the design's shape."""
    values = resolve(d, BASE).before
    return {id: np.broadcast_to(values.get(id, BASE[id]), d.shape) for id in BASE}


def at_start(d, target):
    return np.broadcast_to(resolve(d, BASE).start[target], d.shape)


def assert_same(found, wanted, where=()):
    for id, value in wanted.items():
        assert found[id][where] == pytest.approx(value, rel=1e-14), id


# --- axes, shapes, coordinates ---------------------------------------------------------------


def test_nothing_asked_for_is_one_run_of_the_default_cell():
    d = design()
    assert (d.shape, d.size, d.dims) == ((), 1, ())
    assert d.coordinates == {"cell": "SUPT1"}
    assert d.changes(0) == ()
    assert d.level_indices() == ()
    assert_same(numbers(d), BASE)


def test_scalars_fix_and_lists_make_axes_in_the_order_written():
    d = design(k_syn=[1, 2], cell="SEM", trametinib=[0, 0.1, 1], alteration=None, k_deg=4)
    assert d.dims == ("k_syn", "trametinib")
    assert d.shape == (2, 3)
    assert d.size == 6
    assert d.axes[1].labels == (0.0, 0.1, 1.0)
    assert d.coordinates == {"cell": "SEM", "alteration": "none", "k_deg": 4.0}
    assert d.units["trametinib"] == "uM"
    assert d.units["k_deg"] == "1/h"
    assert [list(i) for i in d.level_indices()] == [[0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2]]


@pytest.mark.parametrize(
    "levels",
    [
        [0, 1, 2],
        range(3),
        np.arange(3),
        np.array([0, 1, 2], dtype=np.float32),
        pd.Series([0, 1, 2], index=["a", "b", "c"]),
        pd.Index([0, 1, 2]),
        [np.float64(0), np.int32(1), 2],
    ],
)
def test_whatever_is_one_dimensional_is_an_axis(levels):
    assert design(prednisolone=levels).axes[0].labels == (0.0, 1.0, 2.0)


@pytest.mark.parametrize("one", [1, 1.0, np.float64(1), np.array(1), np.int8(1)])
def test_one_number_is_fixed(one):
    d = design(prednisolone=one)
    assert d.axes == ()
    assert d.coordinates["prednisolone"] == 1.0


def test_a_list_of_one_is_an_axis_of_length_one():
    assert design(cell=["SEM"]).shape == (1,)


def test_names_at_once_are_one_run():
    d = design(knockout=[None, "BIM", ("BIM", "MEK"), "MEK+PUMA"])
    assert d.axes[0].labels == ("none", "BIM", "BIM+MEK", "MEK+PUMA")
    found = numbers(d)
    for i, genes in enumerate([(), ("BIM",), ("BIM", "MEK"), ("MEK", "PUMA")]):
        assert_same(found, expected(knockout=genes), i)
    fixed = design(knockout=("BIM", "MEK"))
    assert fixed.coordinates["knockout"] == "BIM+MEK"
    assert_same(numbers(fixed), expected(knockout=("BIM", "MEK")))


def test_expression_multiplies_what_a_gene_makes():
    d = design(expression=[None, {"BIM": 4, "MEK": 0.2}, {"MEK": 0}])
    assert d.axes[0].labels == ("none", "BIM=4,MEK=0.2", "MEK=0")
    found = numbers(d)
    assert_same(found, expected(expression={"BIM": 4, "MEK": 0.2}), 1)
    assert_same(found, expected(expression={"MEK": 0}), 2)


def test_the_expression_of_one_gene_can_be_an_axis():
    d = make_design(TOY, {"expression:MEK": [0.5, 2]})
    assert d.dims == ("expression:MEK",)
    assert list(numbers(d)["total_MEK"]) == [250.0, 1000.0]


def test_cells_set_before_they_multiply_and_ids_win():
    d = design(cell=["SEM", "RS411"], expression={"BIM": 2}, knockout="PUMA", k_syn=9.0)
    found = numbers(d)
    for i, cell in enumerate(["SEM", "RS411"]):
        wanted = expected(cell, expression={"BIM": 2}, knockout=("PUMA",), ids={"k_syn": 9.0})
        assert_same(found, wanted, i)


def test_the_cell_none_is_the_file_itself():
    d = make_design(TOY, {"cell": [None, "SEM"]})
    assert d.axes[0].labels == ("none", "SEM")
    assert_same(numbers(d), BASE, 0)


def test_labels_can_be_given_back_as_levels():
    for factor, level in [
        ("knockout", ("BIM", "MEK")),
        ("alteration", None),
        ("expression", {"BIM": 4, "MEK": 0.2}),
        ("il7", sim.schedule((0, 25), (24, 0))),
    ]:
        first = make_design(TOY, {factor: level})
        again = make_design(TOY, {factor: first.coordinates[factor]})
        assert again.coordinates[factor] == first.coordinates[factor]
        assert again.changes(0) == first.changes(0)


def test_species_and_states_change_at_time_zero_and_constants_before():
    d = make_design(TOY, {"BIM": [1, 2], "age": 5.0, "k_deg": 4.0}, set={"MEK_pp": 3})
    assert d.dims == ("BIM_initial",)
    assert d.coordinates["age_initial"] == 5.0
    assert d.coordinates["MEK_pp_initial"] == 3.0
    values = resolve(d, BASE)
    assert set(values.start) == {"BIM", "age", "MEK_pp"}
    assert set(values.before) == {"k_deg"}
    assert list(at_start(d, "BIM")) == [1.0, 2.0]


def test_set_reaches_ids_that_are_factor_names_and_follows_the_keywords():
    d = make_design(TOY, {"il7": [0, 25]}, set={"cell": [0.5, 1], "k_deg": [1, 2]})
    assert d.dims == ("il7", "cell_value", "k_deg")
    assert d.coordinates["cell"] == "SUPT1"
    assert set(numbers(d)["cell"].ravel()) == {0.5, 1.0}


def test_a_dose_parameter_set_by_its_id_holds_from_before_time_zero():
    by_id = make_design(TOY, {}, set={"prednisolone": 1.0})
    by_name = make_design(TOY, {"prednisolone": 1.0})
    assert [c.time for c in by_id.changes(0)] == [None]
    assert [c.time for c in by_name.changes(0)] == [0.0]


def test_a_plain_model_takes_its_ids():
    d = make_design(PLAIN, {"k_syn": [1, 2], "il7_dose": 3}, set={"cell": 0.5})
    assert d.dims == ("k_syn",)
    assert d.coordinates == {"il7_dose": 3.0, "cell": 0.5}


def test_a_value_that_the_model_lacks_must_be_given_in_every_run():
    assert resolve(make_design(TOY, {"open": 1.0}), BASE).before["open"] == 1.0
    table = pd.DataFrame({"open": [1.0, np.nan]})
    with pytest.raises(sim.ConditionError, match='"open" has no value in the model'):
        resolve(design(table), {**BASE, "open": None})


# --- schedules -------------------------------------------------------------------------------


def test_schedules_become_programs_that_runs_share():
    wash_out = sim.schedule((0, 1.0), (24, 0.0))
    late = sim.schedule((48, 2.0))
    d = design(prednisolone=[0, wash_out, late], k_deg=[1, 2], il7=sim.schedule((0, 25), (24, 0)))
    assert d.axes[0].labels == ("0@0", "1@0,0@24", "2@48")
    assert d.coordinates["il7"] == "25@0,0@24"
    assert list(at_start(d, "prednisolone")[:2, 0]) == [0.0, 1.0]
    assert np.isnan(at_start(d, "prednisolone")[2]).all()
    values = resolve(d, BASE)
    programs = [values.programs[i] for i in values.program]
    no_il7 = (24.0, (("il7_dose", 0.0),))
    both = (24.0, (("il7_dose", 0.0), ("prednisolone", 0.0)))
    wanted = [(no_il7,), (both,), (no_il7, (48.0, (("prednisolone", 2.0),)))]
    assert programs == [program for program in wanted for _ in range(2)]


def test_without_schedules_there_is_one_empty_program():
    values = resolve(design(prednisolone=[0, 1]), BASE)
    assert values.programs == ((),)
    assert list(values.program) == [0, 0]


def test_schedule_labels_read_back():
    s = sim.schedule((0, 0.1), (1.5, 1e-5), (24, 0))
    assert s.label == "0.1@0,1e-05@1.5,0@24"
    assert s.steps == ((0.0, 0.1), (1.5, 1e-5), (24.0, 0.0))


# --- conditions tables -----------------------------------------------------------------------


def test_rows_come_first_and_are_crossed_with_keywords():
    table = pd.DataFrame(
        {
            "cell": ["SEM", None],
            "k_deg": [np.nan, 9.0],
            "expression:BIM": [2.0, np.nan],
            "BIM": [4.0, np.nan],
            "trametinib": [0.5, np.nan],
            "alteration": ["", "MEK_CA+BIM_LOW"],
            "patient": ["a", None],
            "weight": [1, 2],
        },
        index=pd.Index(["s1", "s2"], name="sample"),
    )
    d = design(table, prednisolone=[0, 1, 2], il7=25)
    assert d.dims == ("sample", "prednisolone")
    assert d.axes[0].labels == ("s1", "s2")
    along = {name: list(values) for name, values in d.axes[0].coordinates.items()}
    assert along["cell"] == ["SEM", "SUPT1"]
    assert along["alteration"] == ["none", "MEK_CA+BIM_LOW"]
    assert along["expression:BIM"] == [2.0, 1.0]
    assert along["trametinib"] == [0.5, 0.0]
    assert along["patient"] == ["a", ""]
    assert along["weight"] == [1, 2]
    np.testing.assert_array_equal(along["k_deg"], [np.nan, 9.0])
    np.testing.assert_array_equal(along["BIM_initial"], [4.0, np.nan])
    found = numbers(d)
    assert_same(found, expected("SEM", expression={"BIM": 2}), (0, 1))
    wanted = expected(alteration=("MEK_CA", "BIM_LOW"), ids={"k_deg": 9.0})
    assert_same(found, wanted, (1, 2))
    np.testing.assert_array_equal(at_start(d, "BIM")[:, 0], [4.0, np.nan])
    np.testing.assert_array_equal(at_start(d, "trametinib")[:, 0], [0.5, np.nan])


def test_a_table_without_an_index_name_is_the_dimension_condition():
    d = design(pd.DataFrame({"k_deg": [1, 1]}))
    assert d.dims == ("condition",)
    assert d.axes[0].labels == (0, 1)


def test_rows_equal_the_same_conditions_written_as_keywords():
    rows = [("SEM", "MEK_CA", 1.0), ("SUPT1", None, 2.0)]
    d = design(pd.DataFrame(rows, columns=["cell", "alteration", "prednisolone"]))
    for i, (cell, alteration, dose) in enumerate(rows):
        one = design(cell=cell, alteration=alteration, prednisolone=dose)
        assert d.changes(i) == one.changes(0)


def test_a_table_may_hold_schedules_and_mappings():
    table = pd.DataFrame(
        {"prednisolone": ["1@0,0@24", None], "expression": [{"MEK": 2}, "BIM=0.5"]}
    )
    d = design(table)
    assert list(d.axes[0].coordinates["prednisolone"]) == ["1@0,0@24", "0@0"]
    assert list(numbers(d)["total_MEK"]) == [1000.0, 500.0]
    assert list(resolve(d, BASE).program) == [0, 1]


@pytest.mark.parametrize("dtype", ["float32", "Float64", "Int64", "Int8", object])
def test_numbers_mean_the_same_in_columns_of_every_type(dtype):
    """A missing one is not set, and there is no negative 0."""
    table = pd.DataFrame({"prednisolone": [2, None, 0, -0.0], "k_deg": [1, None, 3, 4]})
    plain, found = design(table), design(table.astype(dtype))
    for name, values in plain.axes[0].coordinates.items():
        np.testing.assert_array_equal(found.axes[0].coordinates[name], values)
        assert found.axes[0].coordinates[name].dtype == values.dtype
        assert not np.signbit(found.axes[0].coordinates[name]).any()
    for run in range(plain.size):
        assert found.changes(run) == plain.changes(run)
    assert [c.target for c in found.changes(1)] == []


def test_text_is_no_number_in_a_column():
    with pytest.raises(sim.ConditionError, match=r"'2\.0'; it must be a number >= 0"):
        design(pd.DataFrame({"prednisolone": ["2.0", "3"]}))


@pytest.mark.parametrize("dtype", [float, object])
@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("prednisolone", -1.0, r'"prednisolone" \(uM\) is -1; it must be finite and >= 0'),
        ("k_deg", np.inf, r'"k_deg" \(1/h\) is inf; it must be finite'),
    ],
)
def test_a_number_is_refused_alike_in_columns_of_every_type(column, value, message, dtype):
    with pytest.raises(sim.ConditionError, match=f'conditions= column "{column}": .*{message}'):
        design(pd.DataFrame({column: [1.0, value]}).astype(dtype))


def test_a_column_that_resembles_a_factor_warns():
    with pytest.warns(UserWarning, match='column "prednisolon" is no factor.*"prednisolone"'):
        design(pd.DataFrame({"prednisolon": [1.0]}))


def test_a_table_whose_ids_undo_a_knock_out_warns():
    table = pd.DataFrame({"BIM_expression": [0.5, 2.0]})
    with pytest.warns(UserWarning, match='keyword "knockout" does not change "BIM_expression"'):
        design(table, knockout="BIM")


# --- vehicle ---------------------------------------------------------------------------------


def test_one_vehicle_per_drug_free_condition():
    d = design(
        alteration=[None, "MEK_CA"],
        prednisolone=[0, 1, sim.schedule((0, 1), (24, 0))],
        il7=[0, 25],
        trametinib=[0.5, 0],
    )
    v = vehicle(d, TOY)
    assert v.design.dims == d.dims
    assert v.design.shape == (2, 1, 2, 1)
    assert v.run.shape == (d.size,)
    drugs = {"prednisolone", "trametinib"}
    for run in range(d.size):
        kept = tuple(c for c in d.changes(run) if c.target not in drugs)
        assert v.design.changes(int(v.run[run])) == kept
    for run, twin in enumerate(v.twin):
        assert v.run[twin] == run
        assert all(c.value == 0 for c in d.changes(int(twin)) if c.target in drugs)


@pytest.mark.parametrize(
    "factors",
    [
        {"prednisolone": [1, 2]},
        {"prednisolone": 1, "trametinib": [0, 1]},
        {"prednisolone": sim.schedule((0, 0), (24, 0))},
        {"prednisolone": sim.schedule((24, 1))},
    ],
)
def test_a_vehicle_that_the_design_lacks_has_no_twin(factors):
    v = vehicle(design(**factors), TOY)
    assert v.design.size == 1
    assert list(v.twin) == [-1]


def test_rows_that_differ_in_drugs_only_share_a_vehicle():
    table = pd.DataFrame(
        {
            "cell": ["SEM", "SUPT1", "SEM", None],
            "prednisolone": [1, 0, np.nan, 2],
            "k_deg": [np.nan, 1, np.nan, 1],
        }
    )
    v = vehicle(design(table), TOY)
    assert v.design.size == 2
    assert list(v.run) == [0, 1, 0, 1]
    assert list(v.twin) == [2, 1]


def test_the_vehicle_of_a_dose_set_by_id_is_without_it():
    v = vehicle(make_design(TOY, {}, set={"prednisolone": 1.0, "k_deg": 1.0}), TOY)
    assert [c.target for c in v.design.changes(0)] == ["k_deg"]


# --- properties ------------------------------------------------------------------------------

positive = st.floats(1e-3, 1e3)
doses = st.lists(st.floats(0, 1e3), min_size=1, max_size=3, unique=True)
LEVELS = {
    "cell": st.lists(st.sampled_from([*TOY.cells]), min_size=1, max_size=3, unique=True),
    "alteration": st.lists(
        st.sampled_from([None, "NRAS_G12D", ("MEK_CA", "BIM_LOW"), "NRAS_TWIN+NRAS_G12D"]),
        min_size=1,
        unique=True,
    ),
    "expression": st.lists(
        st.dictionaries(st.sampled_from([*TOY.genes]), positive, max_size=3),
        min_size=1,
        max_size=3,
        unique_by=lambda m: frozenset(m.items()),
    ),
    "knockout": st.lists(st.sampled_from([None, "BIM", ("MEK", "PUMA")]), min_size=1, unique=True),
    "k_deg": st.lists(positive, min_size=1, max_size=3, unique=True),
    "prednisolone": doses,
    "BIM": doses,
}


@st.composite
def factors(draw):
    names = draw(st.lists(st.sampled_from([*LEVELS]), unique=True, max_size=4))
    return {name: draw(LEVELS[name]) for name in names}


def names_in(level):
    parts = level if isinstance(level, tuple) else (level,) if level else ()
    return tuple(name for part in parts for name in part.split("+"))


@given(factors())
def test_every_run_is_what_its_levels_say(chosen):
    d = make_design(TOY, chosen)
    found = numbers(d)
    for index in itertools.product(*(range(len(levels)) for levels in chosen.values())):
        at = {name: levels[i] for (name, levels), i in zip(chosen.items(), index, strict=True)}
        wanted = expected(
            at.get("cell"),
            names_in(at.get("alteration")),
            at.get("expression"),
            names_in(at.get("knockout")),
            {"k_deg": at["k_deg"]} if "k_deg" in at else {},
        )
        assert_same(found, wanted, index)
        for target in {"prednisolone", "BIM"} & at.keys():
            assert at_start(d, target)[index] == at[target]


@given(factors(), st.randoms(use_true_random=False))
def test_the_order_of_keywords_permutes_dimensions_only(chosen, random):
    names = list(chosen)
    random.shuffle(names)
    one = make_design(TOY, chosen)
    other = make_design(TOY, {name: chosen[name] for name in names})
    order = [other.dims.index(dim) for dim in one.dims]
    assert other.coordinates == one.coordinates
    first, second = numbers(one), numbers(other)
    for id in BASE:
        np.testing.assert_array_equal(first[id], np.transpose(second[id], order))


@given(st.permutations(["MEK_CA", "BIM_HIGH", "BIM_LOW"]), st.permutations([0.1, 0.7, 1.1]))
def test_multiplications_commute_to_the_last_bit(names, factors):
    genes = dict(zip(["BIM", "PUMA", "MEK"], factors, strict=True))
    reordered = dict(reversed(genes.items()))
    one = numbers(design(alteration=tuple(names), expression=genes))
    other = numbers(design(alteration=tuple(sorted(names)), expression=reordered))
    for id in BASE:
        assert one[id] == other[id]


@given(st.sampled_from([*TOY.cells]), st.booleans())
def test_no_change_equals_the_baseline(cell, listed):
    nothing = {
        "alteration": None, "knockout": (), "expression": {}, "prednisolone": 0, "il7": 0.0,
    }  # fmt: skip
    asked = {name: [value] for name, value in nothing.items()} if listed else nothing
    with_nothing = make_design(TOY, {"cell": cell, **asked})
    bare = make_design(TOY, {"cell": cell})
    ones = make_design(TOY, {"cell": cell, "expression": dict.fromkeys(TOY.genes, 1.0)})
    for id in BASE:
        assert numbers(with_nothing)[id].item() == numbers(bare)[id].item()
        assert numbers(ones)[id].item() == numbers(bare)[id].item()
    assert vehicle(with_nothing, TOY).twin.tolist() == [0]
    assert resolve(with_nothing, BASE).programs == ((),)


@given(factors())
def test_changes_of_a_run_agree_with_its_numbers(chosen):
    d = make_design(TOY, chosen)
    found = numbers(d)
    for run in {0, d.size // 2, d.size - 1}:
        values = dict(BASE)
        for change in d.changes(run):
            if change.time is None and change.operation == "set":
                values[change.target] = change.value
            elif change.time is None:
                values[change.target] *= change.value
        assert_same(found, values, np.unravel_index(run, d.shape) if d.shape else ())


@given(factors())
def test_every_vehicle_is_distinct_and_drug_free(chosen):
    d = make_design(TOY, chosen)
    v = vehicle(d, TOY)
    conditions = [v.design.changes(run) for run in range(v.design.size)]
    assert set(v.run.tolist()) == set(range(v.design.size))
    assert all(change.target != "prednisolone" for c in conditions for change in c)


# --- size ------------------------------------------------------------------------------------


def test_a_large_design_holds_levels_not_runs():
    d = make_design(TOY, {"prednisolone": np.arange(200.0), "k_deg": range(1, 1001)})
    assert d.size == 200_000
    values = resolve(d, BASE)
    assert values.before["k_deg"].size == 1000
    assert values.start["prednisolone"].size == 200
    run, level = d.level_indices()
    assert (run.dtype.kind, run.shape, int(level[-1])) == ("i", (200_000,), 999)
    assert vehicle(d, TOY).design.shape == (1, 1000)


def test_designs_can_be_made_by_hand():
    axis = make_design(TOY, {"k_deg": [1, 2]}).axes[0]
    d = Design((axis,), (Change("k_syn", "set", 4.0, None, "id"),), {})
    assert isinstance(axis, Axis)
    assert axis.level(1) == (Change("k_deg", "set", 2.0, None, "id"),)
    assert d.targets == ("k_syn", "k_deg")
    assert d.label(1) == {"k_deg": 2.0}
    assert [c.stage for c in d.changes(0)] == ["id", "id"]
    assert STAGES[-1] == "id"
