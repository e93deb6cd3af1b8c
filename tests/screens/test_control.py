"""Control coefficients: against libRoadRunner's, theorems, closed forms and differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simulator as sim
from simulator.errors import ConditionError

REST = {"time": 0, "start": "steady_state"}

PATHWAY = """
model pathway
  compartment c; c = 1
  species $X0 in c, S1 in c, S2 in c, $X3 in c, A in c, I in c
  X0 = 4; X3 = 0.2; S1 = 1; S2 = 1; A = 1.5; I = 0.5
  e1 = {e1}; e2 = {e2}; e3 = {e3}; e4 = {e4}; q = 3; K = 0.6; Ki = 0.8
  J1: $X0 -> S1; e1*(X0 - S1/q)/(1 + S1/Ki)
  J2: S1 -> S2; e2*A*S1/(K + S1)
  J3: S2 -> $X3; e3*(S2 - X3)
  JA: A -> I; e4*0.3*A*S2
  JI: I -> A; e4*0.5*I
end
"""
ENZYMES = ("e1", "e2", "e3", "e4")
USUAL = {"e1": 1.1, "e2": 0.7, "e3": 0.4, "e4": 0.9}


def at_rest(measure, text, parameters=ENZYMES):
    return sim.control_coefficients(sim.load(text), measure, parameters=parameters, **REST)


def test_they_are_those_of_libroadrunner():
    """Its metabolic control analysis, with the cycle of A and I conserved."""
    roadrunner = pytest.importorskip("roadrunner")
    antimony = pytest.importorskip("antimony")
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(PATHWAY.format(**USUAL)) >= 0
    other = roadrunner.RoadRunner(antimony.getSBMLString(None))
    other.conservedMoietyAnalysis = True
    other.steadyState()
    for measure in ("J1", "JA", "S1", "S2", "A"):
        found = at_rest(measure, PATHWAY.format(**USUAL), (*ENZYMES, "K", "Ki", "q"))
        for name in found["parameter"].values:
            scaled, plain = (f(measure, name) for f in (other.getCC, other.getuCC))
            own = found.sel(parameter=name)
            assert float(own["control"].squeeze()) == pytest.approx(scaled, rel=1e-4, abs=1e-6)
            value = other.getValue(name)
            assert float(own["slope"].squeeze()) / value == pytest.approx(plain, rel=1e-4, abs=1e-6)


positive = st.floats(0.05, 20.0)


@settings(max_examples=8)
@given(e1=positive, e2=positive, e3=positive, e4=positive)
def test_summation_theorems(e1, e2, e3, e4):
    """Over all enzymes, of a flux 1 and of a concentration 0 (Kacser & Burns 1973)."""
    text = PATHWAY.format(e1=e1, e2=e2, e3=e3, e4=e4)
    for measure, whole in (("J1", 1.0), ("J3", 1.0), ("JI", 1.0), ("S1", 0.0), ("I", 0.0)):
        total = at_rest(measure, text)["control"].sum("parameter")
        np.testing.assert_allclose(total.values, whole, atol=1e-8)


def test_a_decay_in_closed_form():
    """S = S0 exp(-k t): d ln S / d ln k = -k t, and a function of it by the chain rule."""
    model = sim.load("model decay\n species S; S -> ; k*S; S = S0; S0 = 2; k = 0.3\nend")
    found = sim.control_coefficients(model, "S", time=[1, 5], k=[0.3, 0.6])
    assert found["control"].dims == ("parameter", "k", "time")
    k, t = found["k"], found["time"]
    np.testing.assert_allclose(found["control"].sel(parameter="k"), -k * t, rtol=1e-5)
    np.testing.assert_allclose(found["control"].sel(parameter="S0"), 1.0, rtol=1e-9)

    def log_of_last(ds):
        return np.log(ds["S"]).isel(time=-1)

    own = sim.control_coefficients(model, log_of_last, time=5.0)
    assert float(own["slope"].sel(parameter="k")) == pytest.approx(-1.5, rel=1e-5)
    assert own["log_of_last"].dims == ()


def test_what_is_zero_has_slopes_but_no_coefficient():
    model = sim.load("model zero\n x' = a - b; x = 0; a = 1; b = 1\nend")
    found = sim.control_coefficients(model, "x", time=2.0)
    np.testing.assert_allclose(found["slope"].values.ravel(), [2.0, -2.0])
    assert np.isnan(found["control"]).all()


@pytest.fixture(scope="module")
def doses():
    return [0.0, *np.geomspace(0.00316, 31.6, 9)]


@pytest.mark.parametrize("measure", ["auc400", "ic50"])
def test_a_whole_dose_response_against_differences(steroid_response, doses, measure):
    names = ["BIM_expression", "GR_expression"]
    given = {"alteration": [None, "NF1_LOSS"], "prednisolone": doses}
    found = sim.control_coefficients(
        steroid_response, measure, parameters=names, rtol=1e-9, atol=1e-12, **given
    )
    for name in names:
        h = 1e-3
        ds = steroid_response.simulate(
            96, outputs=["viability"], set={name: [1 - h, 1 + h]}, rtol=1e-11, atol=1e-14, **given
        )
        of = getattr(sim.response, measure)
        low, high = (
            of(ds["viability"].isel({name: k, "time": -1}), "prednisolone") for k in (0, 1)
        )
        expected = (np.log(high) - np.log(low)) / (np.log(1 + h) - np.log(1 - h))
        expected = expected.where(found["bound"] == "=")  # of a bound there is none
        assert np.isfinite(expected.values[0])
        np.testing.assert_allclose(found["control"].sel(parameter=name), expected, rtol=2e-5)


def test_a_bound_has_no_coefficient(steroid_response, doses):
    found = sim.control_coefficients(
        steroid_response, "ic50", parameters=["BIM_expression"], knockout="GR", prednisolone=doses
    )
    assert str(found["bound"].values) == ">"
    assert np.isnan(found["slope"]).all() and np.isnan(found["control"]).all()


def test_defaults_of_the_bundled_model(steroid_response):
    found = sim.control_coefficients("steroid_response", parameters=["BIM_expression"])
    assert found.attrs["measure"] == "auc400" and found["auc400"].dims == ()
    assert float(found["control"].sel(parameter="BIM_expression")) < -0.5


def test_options_without_meaning_are_refused():
    with pytest.raises(ConditionError, match="store= has no meaning"):
        sim.control_coefficients("steroid_response", store="x.zarr")
