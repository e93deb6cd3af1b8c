"""The prediction: what it calls resistant, what it says re-sensitises, on a closed-form model."""

import json

import numpy as np
import pandas as pd
import pytest

from simulator.errors import ConditionError, ModelError
from simulator.predict import as_dict, conditions_table, predict, read_settings
from simulator.response import combination_index

from .analytic_model import HALF_STEROID, AnalyticModel, steroid_auc400

SWEEP = 0.01

SETTINGS = {
    "steroid": "prednisolone",
    "steroid_doses": {"low": 0.00316, "high": 31.6, "points": 17},
    "partners": {"MEK inhibitor": "selumetinib", "JAK inhibitor": "ruxolitinib"},
    "partner_doses": {"low": 0.00316, "high": 31.6, "points": 9},
    "conditions": [
        {"cell": "LINE", "alteration": ["none", "RAS_ON"]},
        {"cell": "PDX", "il7": [0, 25]},
    ],
}


def model(**changes):
    return AnalyticModel(settings={"predict": SETTINGS | changes})


@pytest.fixture(scope="module")
def predicted():
    return predict(model())


def row(table, condition, partner="none"):
    (found,) = table[(table["condition"] == condition) & (table["partner"] == partner)].to_dict(
        orient="records"
    )
    return found


def test_every_condition_has_a_row_alone_and_with_each_partner(predicted):
    table, curves = predicted
    conditions = ["LINE", "LINE RAS_ON", "PDX", "PDX + IL7"]
    assert table["condition"].tolist() == [c for c in conditions for _ in range(3)]
    assert table["partner"].tolist() == ["none", "MEK inhibitor", "JAK inhibitor"] * 4
    assert set(table["uncertainty"]) == {"not calibrated"}
    assert curves["viability"].dims == ("condition", "treatment", "prednisolone")
    assert curves["treatment"].values.tolist() == [
        "prednisolone",
        "prednisolone + selumetinib",
        "prednisolone + ruxolitinib",
    ]


@pytest.mark.parametrize(
    ("condition", "half", "call"),
    [
        ("LINE", HALF_STEROID, "sensitive"),
        ("LINE RAS_ON", 100 * HALF_STEROID, "resistant, re-sensitised by selumetinib"),
        ("PDX", 3 * HALF_STEROID, "sensitive"),
        ("PDX + IL7", 27 * HALF_STEROID, "resistant"),
    ],
)
def test_calls_and_steroid_numbers(predicted, condition, half, call):
    found = row(predicted[0], condition)
    assert found["auc400"] == pytest.approx(steroid_auc400(half), rel=SWEEP)
    assert found["ic50"] == pytest.approx(half, rel=SWEEP)
    assert found["ic50_bound"] == "="
    assert found["call"] == call


def test_a_partner_is_shown_at_the_dose_that_says_most(predicted):
    doses = np.geomspace(0.00316, 31.6, 9)
    helped = row(predicted[0], "LINE RAS_ON", "MEK inhibitor")

    def area(dose):
        return steroid_auc400(HALF_STEROID * (1 + 99 / (1 + dose / 0.01)))

    spared = doses[1 / (1 + doses / 10) >= 0.5]
    best = min(area(d) for d in spared) / area(0)
    expected = next(d for d in spared if area(d) / area(0) <= best + 0.02)
    assert helped["partner_dose"] == pytest.approx(expected)
    assert helped["auc400_ratio"] == pytest.approx(area(expected) / area(0), rel=SWEEP)
    assert helped["partner_viability"] == pytest.approx(1 / (1 + expected / 10))
    lowest = next(d for d in spared if area(d) / area(0) <= 0.8)
    assert helped["resensitising_dose"] == pytest.approx(lowest)
    assert helped["resensitises"] is True
    useless = row(predicted[0], "LINE RAS_ON", "JAK inhibitor")
    assert useless["partner_dose"] == pytest.approx(doses[-1])
    assert useless["auc400_ratio"] == pytest.approx(1)
    assert useless["resensitises"] is False
    assert np.isnan(useless["resensitising_dose"])


def test_the_combination_index_is_that_of_the_dose_matrix(predicted):
    doses = {
        "prednisolone": np.r_[0, np.geomspace(0.00316, 31.6, 17)],
        "selumetinib": np.r_[0, np.geomspace(0.00316, 31.6, 9)],
    }
    viability = AnalyticModel().simulate([96], alteration="RAS_ON", **doses)["viability"]
    found = row(predicted[0], "LINE RAS_ON", "MEK inhibitor")
    expected = combination_index(viability.squeeze(), *doses)
    assert found["combination_index"] == pytest.approx(float(expected))
    assert found["combination_index_bound"] == str(expected.bound.values)


def test_a_dose_of_the_partner_that_kills_by_itself_is_not_used():
    table, _ = predict(model(partner_viability_at_least=0.9999))
    found = row(table, "LINE RAS_ON", "MEK inhibitor")
    assert found["resensitises"] is False
    assert found["call"] == "resistant"


def test_curves_are_the_viability_at_the_doses_of_the_table(predicted):
    table, curves = predicted
    dose = row(table, "LINE RAS_ON", "MEK inhibitor")["partner_dose"]
    expected = AnalyticModel().simulate(
        [96], alteration="RAS_ON", selumetinib=dose, prednisolone=curves["prednisolone"].values
    )["viability"]
    found = curves["viability"].sel(condition="LINE RAS_ON", treatment="prednisolone + selumetinib")
    np.testing.assert_allclose(found, expected.squeeze())


def test_the_prediction_is_plain_json(predicted):
    content = json.loads(json.dumps(as_dict(model(), *predicted), allow_nan=False))
    assert content["table"][5]["resensitising_dose"] is None
    assert content["curves"]["treatments"][1] == "prednisolone + selumetinib"
    assert len(content["curves"]["viability"]["LINE"][0]) == len(content["curves"]["doses"]) == 18


def test_cells_can_be_chosen():
    table, _ = predict(model(), cells=["PDX"])
    assert set(table["cell"]) == {"PDX"}
    with pytest.raises(ConditionError, match='Nearest: "LINE"'):
        predict(model(), cells=["LINES"])


def test_conditions_are_crossed_and_labelled():
    table = conditions_table([{"cell": ["A", "B"], "il7": [0, 25], "knockout": "BIM"}])
    assert table.index.tolist() == [
        "A without BIM",
        "A + IL7 without BIM",
        "B without BIM",
        "B + IL7 without BIM",
    ]
    pd.testing.assert_series_equal(
        table["il7"], pd.Series([0, 25, 0, 25], index=table.index, name="il7")
    )


def test_failed_runs_make_a_condition_undetermined():
    class Failing(AnalyticModel):
        def simulate(self, time, **arguments):
            found = super().simulate(time, **arguments)
            found["viability"][0] = np.nan
            return found

    table, _ = predict(Failing(settings={"predict": SETTINGS}))
    assert row(table, "LINE")["call"] == "not determined"
    assert row(table, "LINE RAS_ON")["call"].startswith("resistant")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steroids": "prednisolone"}, 'Nearest: "steroid"'),
        ({"steroid": "prednisolon"}, 'Nearest: "prednisolone"'),
        ({"partners": {"MEK inhibitor": "selumetanib"}}, 'Nearest: "selumetinib"'),
        ({"steroid_doses": {"low": 1, "high": 0.1, "points": 5}}, '"steroid_doses"'),
        ({"partner_doses": [0.1, 1]}, '"partner_doses"'),
    ],
)
def test_settings_that_cannot_be_used_are_the_author_s_error(changes, message):
    with pytest.raises(ModelError, match=message):
        read_settings(model(**changes))


def test_a_model_without_settings_is_refused():
    with pytest.raises(ModelError, match='no block "predict"'):
        read_settings(AnalyticModel())
    without = {key: value for key, value in SETTINGS.items() if key != "partners"}
    with pytest.raises(ModelError, match='no "partners"'):
        read_settings(AnalyticModel(settings={"predict": without}))


def test_the_bundled_settings_can_be_used(steroid_response):
    settings = read_settings(steroid_response)
    table = conditions_table(settings.conditions)
    assert table.index.is_unique
    assert set(table["cell"]) <= set(steroid_response.definition.cells)
    assert set(table["alteration"].dropna()) - {"none"} <= set(
        steroid_response.definition.alterations
    )
    assert set(settings.figure) <= set(table.index)


@pytest.mark.slow
def test_a_cell_without_receptor_is_predicted_resistant_whatever_is_added(steroid_response):
    settings = read_settings(steroid_response)
    from dataclasses import replace

    small = replace(settings, conditions=[{"cell": "SUPT1", "alteration": ["none", "GR_LOSS"]}])
    table, curves = predict(steroid_response, small, progress=False)
    lost = table[table["condition"] == "SUPT1 GR_LOSS"]
    assert set(lost["call"]) == {"resistant"}
    np.testing.assert_allclose(lost["auc400"], 400, rtol=1e-3)
    assert as_dict(steroid_response, table, curves)["provenance"]["model_hash"]
    assert row(table, "SUPT1")["auc400"] < 350
