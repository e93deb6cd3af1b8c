"""Cohorts: what a sample depends on, the rules, and what the numbers are distributed like."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from simulator.errors import ConditionError, ModelError
from simulator.simulation.cohort import draw_cohort

from .analytic_model import AnalyticModel

COHORT = {
    "n": 6,
    "cell": "PDX",
    "quantities": {
        "potency": {"sd": 0.5, "scale": 2.0},
        "il7_gain": {"value": 5.0, "probability": 0.3},
    },
    "alterations": {"RAS_ON": 0.5, "RAS_UP": 0.3},
}
KEPT = {
    "n": 5,
    "cell": "LINE",
    "quantities": {"growth": {"sd": 1.0}},
    "keep": {"observable": "live_cells", "at": 0, "at_least": 2.0},
}
RISES = {"measure": "auc400", "drug": "prednisolone", "il7": [0, 25], "ratio_above": 1.5}


def model(**cohorts):
    return AnalyticModel(cohorts={"COHORT": COHORT, "KEPT": KEPT} | cohorts)


def test_a_larger_n_only_appends_samples():
    small, large = draw_cohort(model(), "COHORT", 5), draw_cohort(model(), "COHORT", 40)
    pd.testing.assert_frame_equal(small, large.iloc[:5][small.columns])
    assert len(draw_cohort(model(), "COHORT")) == 6


def test_a_quantity_that_is_added_leaves_the_others_as_they_were():
    more = COHORT | {"quantities": {"growth": {"sd": 0.3}} | COHORT["quantities"]}
    before, after = draw_cohort(model(), "COHORT"), draw_cohort(model(COHORT=more), "COHORT")
    pd.testing.assert_series_equal(before["potency"], after["potency"])
    pd.testing.assert_series_equal(before["alteration"], after["alteration"])


def test_seed_and_name_give_other_samples():
    draws = [draw_cohort(model(SECOND=COHORT), *arguments)["potency"].to_numpy() for arguments in
             [("COHORT", 6, 0), ("COHORT", 6, 1), ("SECOND", 6, 0)]]  # fmt: skip
    assert len({tuple(draw) for draw in draws}) == 3


def test_samples_do_not_depend_on_python_s_hash_seed():
    program = "from tests.test_cohort import *\nprint(draw_cohort(model(), 'COHORT', 8).to_json())"
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_the_table_names_cell_and_alteration_and_is_indexed_by_sample():
    table = draw_cohort(model(), "COHORT", 200)
    assert table.index.name == "sample"
    assert list(table.columns) == ["cell", "alteration", "potency", "il7_gain"]
    assert set(table["cell"]) == {"PDX"}
    shares = table["alteration"].value_counts(normalize=True, dropna=False)
    # Three standard errors of a share among 200.
    assert shares["RAS_ON"] == pytest.approx(0.5, abs=0.11)
    assert shares["RAS_UP"] == pytest.approx(0.3, abs=0.10)
    assert set(table["il7_gain"].dropna()) == {5.0}
    assert table["il7_gain"].notna().mean() == pytest.approx(0.3, abs=0.10)


def test_values_are_lognormal_around_the_cell_s_own_value_times_scale():
    table = draw_cohort(model(), "COHORT", 400)
    logs = np.log(table["potency"])
    # nominal 2, the cell multiplies by 3, the cohort by 2; three standard errors.
    assert logs.mean() == pytest.approx(np.log(12.0), abs=3 * 0.5 / 20)
    assert logs.std() == pytest.approx(0.5, abs=3 * 0.5 / np.sqrt(800))


def test_an_alteration_that_changes_a_drawn_quantity_still_counts():
    def with_alteration(name):
        rules = {"potency": {"sd": 0.0}, "growth": {"sd": 0.1}}
        return model(C=COHORT | {"quantities": rules, "alterations": {name: 1.0}})

    multiplied = draw_cohort(with_alteration("POTENCY_UP"), "C")
    assert multiplied["potency"].tolist() == [30.0] * 6
    assert "potency" not in draw_cohort(with_alteration("POTENCY_SET"), "C")


def test_samples_that_fail_the_keep_rule_are_drawn_again_within_their_own_stream():
    plain = {key: value for key, value in KEPT.items() if key != "keep"}
    kept = draw_cohort(model(), "KEPT", 60)["growth"]
    free = draw_cohort(model(KEPT=plain), "KEPT", 60)["growth"]
    assert (kept >= 2.0).all()
    met = free >= 2.0
    assert 0 < met.sum() < 60
    pd.testing.assert_series_equal(kept[met], free[met])


def test_a_keep_rule_that_cannot_be_met_is_an_error():
    never = KEPT | {"keep": KEPT["keep"] | {"at_least": 1e9}}
    with pytest.raises(ConditionError, match="live_cells >= 1000000000"):
        draw_cohort(model(NEVER=never), "NEVER", 2)


def test_selection_takes_the_parent_s_samples_that_rise():
    parent = {
        "n": 40,
        "cell": "LINE",
        "quantities": {"il7_gain": {"value": 12.0, "probability": 0.25}, "potency": {"sd": 0.2}},
    }
    made = model(PARENT=parent, CHILD={"of": "PARENT", "n": 4, "select": RISES})
    child = draw_cohort(made, "CHILD", seed=3)
    whole = draw_cohort(made, "PARENT", 200, seed=3)
    expected = whole[whole["il7_gain"] == 12.0].iloc[:4]
    pd.testing.assert_frame_equal(child[expected.columns], expected)
    shorter = draw_cohort(made, "CHILD", n=2, seed=3)
    pd.testing.assert_frame_equal(shorter, child.iloc[:2])


def test_a_selection_that_nobody_meets_is_an_error_with_the_count():
    child = {"of": "KEPT", "n": 1, "select": RISES}
    with pytest.raises(ConditionError, match=r"only 0 of 48 samples of KEPT"):
        draw_cohort(model(CHILD=child), "CHILD")


def test_only_what_is_supported_can_be_selected_by():
    child = {"of": "COHORT", "n": 1, "select": RISES | {"measure": "ic50"}}
    with pytest.raises(ModelError, match='"ic50" of "COHORT"'):
        draw_cohort(model(CHILD=child), "CHILD")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("COHORTS",), 'Nearest: "COHORT"'),
        (("COHORT", 0), "n is 0"),
        (("COHORT", 2.5), "n is 2.5"),
        (("COHORT", 3, -1), "seed is -1"),
        (("COHORT", 3, True), "seed is True"),
    ],
)
def test_bad_requests_are_refused(arguments, message):
    with pytest.raises(ConditionError, match=message):
        draw_cohort(model(), *arguments)


def test_a_cohort_of_an_unknown_quantity_is_the_author_s_error():
    with pytest.raises(ModelError, match="potencie"):
        draw_cohort(model(C=COHORT | {"quantities": {"potencie": {"sd": 0.1}}}), "C")


@pytest.mark.slow
def test_the_bundled_cohort_can_be_simulated(steroid_response):
    table = steroid_response.cohort("TALL_PDX", n=3, seed=1)
    found = steroid_response.simulate(time=[0], conditions=table, outputs=["pERK"])
    assert found["pERK"].dims == ("sample", "time")
    assert np.ptp(found["pERK"].values) > 0


def test_expression_of_a_gene_is_given_as_such():
    """By its id it would win over a knock-out of the gene."""
    rules = {"potency": {"sd": 0.2}, "ERK_made": {"sd": 0.5, "scale": 3.0}}
    table = draw_cohort(model(G={"n": 200, "cell": "PDX", "quantities": rules}), "G")
    assert list(table.columns) == ["cell", "potency", "expression:ERK"]
    log = np.log(table["expression:ERK"] / 3.0)
    assert log.mean() == pytest.approx(0, abs=3 * 0.5 / np.sqrt(200))
    assert log.std() == pytest.approx(0.5, rel=0.15)
