"""The prediction: what it calls resistant, what it says re-sensitises, on a closed-form model."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from simulator.errors import ConditionError, ModelError
from simulator.predict import as_dict, conditions_table, predict, read_settings
from simulator.predict.spread import range_of
from simulator.response import combination_index

from .analytic_model import HALF_STEROID, AnalyticModel, EnsembleModel, steroid_auc400

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


# ---- the ensemble ------------------------------------------------------------------------------


def ensemble(potencies, **changes):
    """The model with members m0, m1, ..., in which half doses are scaled by these factors."""
    return EnsembleModel(potencies, settings={"predict": SETTINGS | changes})


def test_ranges_over_two_members_are_the_members_own_numbers():
    table, curves = predict(ensemble([4.0, 0.5]))
    alone = row(table, "LINE")
    assert alone["auc400"] == pytest.approx(steroid_auc400(HALF_STEROID), rel=SWEEP)
    assert alone["auc400_low"] == pytest.approx(steroid_auc400(0.5 * HALF_STEROID), rel=SWEEP)
    assert alone["auc400_high"] == pytest.approx(steroid_auc400(4 * HALF_STEROID), rel=SWEEP)
    assert alone["ic50_low"] == pytest.approx(0.5 * HALF_STEROID, rel=SWEEP)
    assert alone["ic50_high"] == pytest.approx(4 * HALF_STEROID, rel=SWEEP)
    helped = row(table, "LINE RAS_ON", "MEK inhibitor")
    # Every member is asked at the dose that the model itself shows.
    half = HALF_STEROID * (1 + 99 / (1 + helped["partner_dose"] / 0.01))
    ratios = [steroid_auc400(f * half) / steroid_auc400(100 * f * HALF_STEROID) for f in (0.5, 4)]
    assert helped["auc400_low"] == pytest.approx(steroid_auc400(0.5 * half), rel=SWEEP)
    assert helped["auc400_high"] == pytest.approx(steroid_auc400(4 * half), rel=SWEEP)
    found = [helped["auc400_ratio_low"], helped["auc400_ratio_high"]]
    assert found == pytest.approx(sorted(ratios), rel=SWEEP)
    doses = curves["prednisolone"].values
    for end, factor in (("high", 4), ("low", 0.5)):
        drawn = curves[f"viability_{end}"].sel(condition="LINE", treatment="prednisolone")
        np.testing.assert_allclose(drawn, 1 / (1 + doses / (factor * HALF_STEROID)))


def test_the_range_of_a_bounded_ic50_carries_the_members_bounds():
    table, _ = predict(ensemble([1.0, 1000.0]))
    found = row(table, "LINE")
    assert (found["ic50_low_bound"], found["ic50_high_bound"]) == ("=", ">")
    assert found["ic50_high"] == pytest.approx(31.6)


def test_the_range_of_a_combination_index_is_that_of_the_members_matrices():
    members = [0.5, 4.0]
    table, _ = predict(ensemble(members))
    doses = {
        "prednisolone": np.r_[0, np.geomspace(0.00316, 31.6, 17)],
        "selumetinib": np.r_[0, np.geomspace(0.00316, 31.6, 9)],
    }
    expected = []
    for k in range(2):
        one = ensemble(members).member(f"m{k}")
        viability = one.simulate([96], alteration="RAS_ON", **doses)["viability"]
        expected.append(float(combination_index(viability.squeeze(), *doses)))
    found = row(table, "LINE RAS_ON", "MEK inhibitor")
    ends = [found["combination_index_low"], found["combination_index_high"]]
    assert ends == pytest.approx(sorted(expected))


def test_calls_carry_the_share_of_members_that_make_them():
    # auc400 of LINE is above 200 from a half dose of 0.316 uM on, in two of these five members.
    factors = [0.5, 1.0, 2.0, 5.0, 10.0]
    assert [steroid_auc400(f * HALF_STEROID) > 200 for f in factors] == [False] * 3 + [True] * 2
    table, curves = predict(ensemble(factors))
    found = row(table, "LINE")
    assert found["call"] == "sensitive"
    assert found["call_share"] == pytest.approx(0.6)
    assert found["resistant_share"] == pytest.approx(0.4)
    assert found["uncertainty"] == "60 % of 5 members"
    assert curves.attrs["uncertainty"] == "5-95 % of all 5 members of the ensemble"
    # The inhibitor helps where RAS is on, whatever the potency; the other one never does.
    assert row(table, "LINE RAS_ON", "MEK inhibitor")["resensitises_share"] == 1
    assert row(table, "LINE RAS_ON", "JAK inhibitor")["resensitises_share"] == 1


def test_a_member_whose_runs_fail_disagrees_and_is_left_out_of_the_ranges():
    class Failing(AnalyticModel):
        def simulate(self, time, **arguments):
            found = super().simulate(time, **arguments)
            found["viability"][0] = np.nan
            return found

    broken = ensemble([1.0, 2.0])
    made = broken.member
    broken.member = lambda name: Failing() if name == "m1" else made(name)
    found = row(predict(broken)[0], "LINE")
    assert found["call_share"] == 0.5
    assert found["auc400_low"] == found["auc400_high"] == pytest.approx(found["auc400"])


def test_members_can_be_left_aside():
    table, curves = predict(ensemble([1.0, 2.0]), members=0)
    assert set(table["uncertainty"]) == {"members not asked"}
    assert not [name for name in table if name.endswith(("_low", "_high", "_share"))]
    assert list(curves) == ["viability"]


def test_some_members_are_spread_over_the_ensemble():
    _, curves = predict(ensemble([1.0] * 10), cells=["LINE"], members=4)
    assert curves.attrs["uncertainty"] == "5-95 % of 4 of 10 members of the ensemble"


@pytest.mark.parametrize("count", [-1, 1.5, "all", True])
def test_a_number_of_members_that_is_none_is_refused(count):
    with pytest.raises(ConditionError, match="members is a whole number >= 0"):
        predict(ensemble([1.0]), members=count)


def test_ranges_are_plain_json():
    made = ensemble([0.5, 4.0])
    content = json.loads(json.dumps(as_dict(made, *predict(made)), allow_nan=False))
    assert content["uncertainty"] == "5-95 % of all 2 members of the ensemble"
    assert content["table"][0]["auc400_low"] < content["table"][0]["auc400_high"]
    low, high = (content["curves"][f"viability_{end}"]["LINE"][0] for end in ("low", "high"))
    assert all(a <= b for a, b in zip(low, high, strict=True))


@given(arrays(float, st.tuples(st.integers(1, 70), st.just(2)), elements=st.floats(-1e3, 1e3)))
def test_a_range_is_the_quantile_that_is_a_member(values):
    found = range_of(values)
    for share, end in ((0.05, found.low), (0.95, found.high)):
        expected = np.quantile(values, share, axis=0, method="inverted_cdf")
        np.testing.assert_array_equal(end, expected)
    np.testing.assert_array_equal(values[found.low_member, [0, 1]], found.low)
    np.testing.assert_array_equal(values[found.high_member, [0, 1]], found.high)


def test_a_range_leaves_missing_values_out():
    found = range_of(np.array([[np.nan, np.nan], [2.0, np.nan], [1.0, np.nan]]))
    np.testing.assert_array_equal(found.low, [1.0, np.nan])
    np.testing.assert_array_equal(found.high, [2.0, np.nan])


# ---- settings ----------------------------------------------------------------------------------


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


@pytest.mark.slow
def test_ranges_of_the_bundled_model_are_those_of_its_members(steroid_response, tmp_path):
    import shutil

    import simulator
    from simulator.network.ensemble import FILE, Ensemble, Quantity, write_ensemble

    folder = tmp_path / steroid_response.definition.name
    shutil.copytree(steroid_response.folder, folder)
    moved = Quantity("parameters", "", "Kd_prednisolone")
    write_ensemble(folder / FILE, Ensemble((moved,), {"weak": (50.0,), "strong": (12.5,)}, ()))
    model = simulator.load(folder)
    table, _ = predict(model, cells=["SEM"], progress=False)
    found = row(table, "SEM")
    expected = {
        name: row(predict(model.member(name), cells=["SEM"], progress=False)[0], "SEM")["auc400"]
        for name in model.members
    }
    assert expected["strong"] < found["auc400"] < expected["weak"]
    assert found["auc400_low"] == pytest.approx(expected["strong"])
    assert found["auc400_high"] == pytest.approx(expected["weak"])
