"""Two drugs together: isoboles and cheapest pairs that are known on paper."""

import numpy as np
import pandas as pd
import pytest

import simulator as sim
from simulator.errors import ConditionError

from . import on_paper
from .test_lowest_dose import PRECISION, SLACK, assert_dose

A = on_paper.killer(0.5)
B = on_paper.K_PARTNER * on_paper.drive(0.5)


def test_drugs_that_add_have_a_straight_isobole(pathway):
    found = sim.lowest_doses(pathway, ("killer", "partner"), cell=["A", "B"], points=17)
    assert found["dose"].dims == ("cell", "partner") and found["partner"].values[0] == 0
    b = found["partner"].values
    for i, a in enumerate((A, 3 * A)):
        on_it = b < B
        assert_dose(found["dose"].values[i, on_it], a * (1 - b[on_it] / B))
        assert (found["dose"].values[i, b > B] == 0).all()
        index, bound = (
            found[n].values[i] for n in ("combination_index", "combination_index_bound")
        )
        exact = on_it & (found["bound"].values[i] == "=")
        np.testing.assert_allclose(index[exact], 1, atol=2 * PRECISION)
        assert (bound[exact] == "=").all()
        assert np.isnan(index[b > B]).all()
        assert_dose(found["single"].values[i], np.array([a, B]))
    # no pair saves more than the precision of its doses
    assert (found["saving"] < 2 * PRECISION).all() and (found["saving"] >= 0).all()


def test_one_drug_alone_where_nothing_is_gained(pathway):
    found = sim.lowest_doses(
        pathway, ("killer", "partner"), weights={"killer": A, "partner": B / 3}
    )
    assert_dose(found["best"].values[0], A)
    assert found["best"].values[1] == 0
    np.testing.assert_allclose(found["cost"], 1, atol=2 * PRECISION)
    other = sim.lowest_doses(
        pathway, ("killer", "partner"), weights={"killer": A / 3, "partner": B}
    )
    assert other["best"].values[0] == 0
    assert_dose(other["best"].values[1], B)
    assert abs(float(other["saving"])) < 2 * PRECISION


@pytest.mark.parametrize("weight", [0.3, 3.0, 30.0])
def test_a_sensitiser_has_the_cheapest_pair_on_paper(pathway, weight):
    found = sim.lowest_doses(
        pathway, ("killer", "sensitiser"), weights={"killer": A, "sensitiser": weight}
    )
    b = found["sensitiser"].values
    a = A / (1 + b / on_paper.K_SENSITISER)
    within = found["bound"].values == "="
    assert_dose(found["dose"].values[within], a[within])
    assert found["single_bound"].values.tolist() == ["=", ">"]
    # cost = 1 / (1 + b / K) + b / weight is least where (1 + b / K)^2 = weight / K
    best = on_paper.K_SENSITISER * (np.sqrt(weight / on_paper.K_SENSITISER) - 1)
    if best <= 0:
        assert found["best"].values[1] == 0 and float(found["cost"]) == pytest.approx(1, abs=2e-3)
        return
    np.testing.assert_allclose(found["best"].values[1], best, rtol=0.08)
    least = 1 / (1 + best / on_paper.K_SENSITISER) + best / weight
    assert least * (1 - SLACK) <= float(found["cost"]) <= least * (1 + 3e-3)
    np.testing.assert_allclose(found["saving"], 1 - found["cost"], atol=2e-3)


def test_a_reference_dose_above_the_range_makes_an_upper_bound(pathway):
    found = sim.lowest_doses(pathway, ("killer", "sensitiser"))
    index, bound = found["combination_index"].values, found["combination_index_bound"].values
    b = found["sensitiser"].values
    assert bound[0] == "=" and index[0] == 1
    assert set(bound[1:]) == {"<"}  # the sensitiser alone has no effect at any dose
    a = found["dose"].values
    np.testing.assert_allclose(index, a / a[0] + b / 100, rtol=1e-12)
    assert str(found["cost_bound"].values) == "<"


def test_a_target_that_nothing_reaches(pathway):
    found = sim.lowest_doses(pathway, ("killer", "partner"), knockout=[None, "K"])
    lost = found.sel(knockout="K")
    assert (lost["bound"] == ">").all() and (lost["single_bound"] == ">").all()
    for name in ("best", "cost", "saving", "combination_index"):
        assert np.isnan(lost[name]).all()
        assert not np.isnan(found.sel(knockout="none")[name]).all()


def test_a_target_that_needs_no_drug(pathway):
    found = sim.lowest_doses(pathway, ("killer", "sensitiser"), partner=20)
    assert (found["single"] == 0).all() and (found["best"] == 0).all()
    assert float(found["cost"]) == 0 and np.isnan(found["saving"])


def test_of_a_fraction_it_is_the_isobole_of_the_sample_that_decides(pathway):
    table = pd.DataFrame({"K_killer": [1.0, 2, 4, 8]}, index=pd.RangeIndex(4, name="sample"))
    weights = {"killer": 1, "sensitiser": 3}
    found = sim.lowest_doses(
        pathway,
        ("killer", "sensitiser"),
        conditions=table,
        fraction=0.75,
        weights=weights,
        hill=[1, 2],
    )
    third = sim.lowest_doses(
        pathway, ("killer", "sensitiser"), weights=weights, set={"K_killer": 4}, hill=[1, 2]
    )
    assert found["dose"].dims == ("hill", "sensitiser") and "sample" not in found.coords
    for name in ("dose", "best", "cost", "single", "bound"):
        np.testing.assert_array_equal(found[name], third[name])
    assert (found["share"].where(found["bound"] == "=", 0.75) == 0.75).all()


def test_failed_runs_leave_no_pair(pathway):
    with pytest.warns(RuntimeWarning, match="at alteration=EXPLOSIVE"):
        found = sim.lowest_doses(
            pathway, ("killer", "sensitiser"), alteration=["none", "EXPLOSIVE"]
        )
    lost = found.sel(alteration="EXPLOSIVE")
    assert np.isnan(lost["dose"]).all() and (lost["status"] != "SUCCESS").all()
    assert np.isnan(lost["cost"]) and np.isnan(lost["best"]).all()


@pytest.mark.parametrize(
    ("drugs", "options", "message"),
    [
        (("killer", "killer"), {}, "different"),
        ("killer", {}, "two names"),
        (("killer", "partnr"), {}, 'Nearest: "partner"'),
        (("killer", "hook"), {}, "ranges="),
        (("killer", "partner"), {"ranges": {"hook": (1, 2)}}, 'names "hook"'),
        (("killer", "partner"), {"ranges": (1, 2)}, "mapping"),
        (("killer", "partner"), {"weights": {"killer": 1}}, "weights needs"),
        (("killer", "partner"), {"weights": {"killer": 1, "partner": 0}}, "above 0"),
        (("killer", "partner"), {"points": 1}, "whole number"),
        (("killer", "partner"), {"partner": 1}, "leave partner= out"),
        (
            ("killer", "partner"),
            {"fraction": [0.5, 1], "conditions": pd.DataFrame({"hill": [1.0]})},
            "one number",
        ),
    ],
)
def test_what_is_refused_is_named_before_any_run(pathway, monkeypatch, drugs, options, message):
    monkeypatch.setattr(type(pathway), "simulate", lambda *a, **k: pytest.fail("a run"))
    with pytest.raises(ConditionError, match=message):
        sim.lowest_doses(pathway, drugs, **options)
