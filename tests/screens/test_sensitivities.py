"""Exact sensitivities of designs against central differences of `simulate`, at tight tolerances."""

import numpy as np
import pytest

import simulator as sim
from simulator.errors import ConditionError, ModelError
from simulator.simulation.sensitivities import constants, sensitivities

from .. import tolerances

TIGHT = {"rtol": 1e-9, "atol": 1e-12}
TIGHTER = {"rtol": 1e-11, "atol": 1e-14}
STEP = 1e-3

INITIAL = """
model initial
  compartment cell = 2; cell = 2
  species A in cell, B in cell
  k1 = 0.3; k2 = 0.2; total = 5; share = 0.4
  A = share*total; B = total - A + k2
  R1: A -> B; cell*k1*A
  R2: B -> A; cell*k2*B
end
"""

CONSERVED = """
model conserved
  k1 = 0.3; k2 = 0.2; total = 5; made = 1; lost = 0.1; c = 1
  compartment c
  species A in c, B in c, M in c
  A = total; B = 0; M = 0
  R1: A -> B; k1*A
  R2: B -> A; k2*B^2
  R3: -> M; made*B
  R4: M -> ; lost*M
end
"""


def differences(model, time, name, value, outputs, **given):
    """d output / d ln p by fourth-order central differences, p in front of other dimensions."""
    levels = value * (1.0 + STEP * np.array([-2.0, -1.0, 1.0, 2.0]))
    ids = {**given.pop("set", {}), name: levels}
    ds = model.simulate(time, set=ids, outputs=outputs, **TIGHTER, **given)
    weights = np.array([1.0, -8.0, 8.0, -1.0]) / (12.0 * STEP)
    rest = [dim for dim in ds[outputs[0]].dims if dim != name]
    return {o: np.tensordot(weights, ds[o].transpose(name, *rest).values, 1) for o in outputs}


def check(model, time, values, outputs, relative=1e-6, **given):
    """All sensitivities by the parameters named in `values`, which are what the runs have."""
    found, slopes = sensitivities(model, time, list(values), outputs=outputs, **TIGHT, **given)
    plain = model.simulate(time, outputs=outputs, **TIGHTER, **given)
    for name, value in values.items():
        expected = differences(model, time, name, value, outputs, **dict(given))
        for output in outputs:
            np.testing.assert_allclose(found[output], plain[output], rtol=1e-7, atol=1e-10)
            own = slopes[output].sel(parameter=name).values
            scale = np.abs(expected[output]).max()
            close = relative * (np.abs(expected[output]) + 1e-2 * scale) + 1e-9
            assert (np.abs(own - expected[output]) <= close).all(), (name, output)
    return found, slopes


def test_initial_assignments_move_by_the_chain_rule():
    model = sim.load(INITIAL)
    values = {"k1": 0.3, "k2": 0.2, "total": 5.0, "share": 0.4}
    _, slopes = check(model, [0, 1.5], values, ["A", "B"])
    by_total = slopes["B"].sel(parameter="total", time=0)  # B(0) = (1 - share) total + k2
    assert float(by_total) == pytest.approx(0.6 * 5.0)
    assert float(slopes["A"].sel(parameter="share", time=0)) == pytest.approx(0.4 * 5.0)
    assert float(slopes["B"].sel(parameter="k2", time=0)) == pytest.approx(0.2)
    # what is replaced by a run moves no more
    _, replaced = sensitivities(model, 0, ["total"], set={"B": 3.0})
    assert float(replaced["B"].sel(parameter="total").squeeze()) == 0.0
    assert float(replaced["A"].sel(parameter="total").squeeze()) == pytest.approx(2.0)


def test_states_of_rest_move_by_the_implicit_function_theorem():
    model = sim.load(CONSERVED)
    values = {"k1": 0.3, "k2": 0.2, "total": 5.0, "made": 1.0, "lost": 0.1}
    _, slopes = check(model, [0, 2.0], values, ["A", "B", "M"], start="steady_state")
    # the sum of A and B is what is conserved
    whole = (slopes["A"] + slopes["B"]).sel(parameter="total")
    np.testing.assert_allclose(whole, 5.0, rtol=tolerances.SENSITIVITY_RELATIVE)


def test_a_design_is_differentiated_at_what_each_run_has():
    model = sim.load(CONSERVED)
    _, slopes = sensitivities(model, 1.0, ["k1"], set={"k1": [0.3, 0.6], "total": [5.0, 2.0]})
    for k1 in (0.3, 0.6):
        for total in (5.0, 2.0):
            expected = differences(model, 1.0, "k1", k1, ["B"], set={"total": total})["B"]
            found = slopes["B"].sel(k1=k1, total=total, parameter="k1").values
            np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_numbers_do_not_depend_on_workers():
    model = sim.load(CONSERVED)
    given = {"set": {"total": [1.0, 2.0, 3.0, 4.0]}, "start": "steady_state"}
    one, two = (sensitivities(model, [1, 2], workers=w, **given)[1] for w in (1, 2))
    assert one.identical(two)


def test_the_bundled_model_through_rest_vehicle_and_alterations(steroid_response):
    values = {"BIM_expression": 1.0, "k_SOS_phosphorylation": None, "total_MEK": None}
    names = [name for name in values if values[name] is None]
    given = {"cell": "SUPT1", "alteration": "NRAS_G12D", "selumetinib": 0.1}
    table = steroid_response.simulate(0, outputs=names, start="initial", **given)
    values |= {name: float(table[name].squeeze()) for name in names}
    doses = [0.0, 0.1, 1.0]
    outputs = ["viability", "BIM_active"]
    check(steroid_response, [24, 96], values, outputs, 1e-5, prednisolone=doses, **given)


def test_schedules_are_followed_from_dose_to_dose(steroid_response):
    dose = sim.schedule((0, 1.0), (24, 0.0), (48, 0.3))
    values = {"GR_expression": 1.0, "k_tl_BIM": None}
    table = steroid_response.simulate(0, outputs=["k_tl_BIM"], start="initial")
    values["k_tl_BIM"] = float(table["k_tl_BIM"].squeeze())
    check(steroid_response, [12, 24, 36, 72], values, ["viability"], 1e-5, prednisolone=dose)


def test_doses_are_no_constants(steroid_response):
    assert "prednisolone" not in constants(steroid_response)
    assert "cell" not in constants(steroid_response)  # a compartment, which may be named
    with pytest.raises(ConditionError, match='"prednisolone" is a dose'):
        sensitivities(steroid_response, 1, ["prednisolone"])
    with pytest.raises(ConditionError, match=r'"total_MEKK".* Nearest: "total_MEK"'):
        sensitivities(steroid_response, 1, ["total_MEKK"])
    with pytest.raises(ConditionError, match="list of ids"):
        sensitivities(steroid_response, 1, "total_MEK")
    with pytest.raises(ConditionError, match="parameters is empty"):
        sensitivities(steroid_response, 1, [])


def test_failed_runs_have_no_sensitivities():
    model = sim.load("model bang\n species x; x = 1; k = 1\n -> x; k*x^2\nend")
    with pytest.warns(RuntimeWarning, match="1 of 2 runs failed"):
        values, slopes = sensitivities(model, 0.8, set={"k": [1.0, 2.0]})
    assert values["status"].values.tolist()[0] == "SUCCESS" != values["status"].values[1]
    # x = 1 / (1 - k t): dx / d ln k = k t / (1 - k t)^2
    np.testing.assert_allclose(slopes["x"].isel(k=0).values.squeeze(), 0.8 / 0.2**2, rtol=1e-3)
    assert np.isnan(slopes["x"].isel(k=1)).all()


def test_delayed_events_are_refused():
    model = sim.load("model late\n x' = k; x = 0; k = 1\n E: at 0.5 after x > 2: x = 0\nend")
    with pytest.raises(ModelError, match='no sensitivities with delay of event "E"'):
        sensitivities(model, 1.0, ["k"], outputs=["x"])
