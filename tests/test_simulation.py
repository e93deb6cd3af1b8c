"""The simulate call: what comes back, what it means, and what it refuses."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simulator as sim
from tests.tolerances import REST_RELATIVE

DECAY = """
model decay
  compartment cell = 2
  species A in cell = 10, B in cell = 0
  k = 0.5; m = 2
  C0 = k^m; C := A + B
  species D in cell
  D = C0 * exp(-k)
  R1: A -> B; cell * k * A
end
"""

RESTING = """
model resting
  compartment cell = 1
  species X in cell = 5, Y in cell = 1
  s = 2; d = 0.25; a = 0
  R1: -> X; cell * s
  R2: X -> ; cell * (d + a) * X
  R3: X -> Y; 0 * X
end
"""


@pytest.fixture(scope="module")
def decay():
    return sim.load(DECAY)


@pytest.fixture(scope="module")
def resting():
    return sim.load(RESTING)


def test_dims_follow_the_keywords_and_time_is_last(decay):
    ds = decay.simulate([0, 1, 2], k=[0.1, 0.2], A=[1.0, 2.0, 3.0])
    assert ds["B"].dims == ("k", "A_initial", "time")
    assert ds.sizes == {"k": 2, "A_initial": 3, "time": 3}
    assert ds["k"].values.tolist() == [0.1, 0.2]
    assert ds["status"].dims == ("k", "A_initial")
    assert set(ds["status"].values.ravel()) == {"SUCCESS"}


def test_values_are_those_of_the_closed_form(decay):
    times = np.array([0.0, 0.3, 1.0, 5.0])
    ds = decay.simulate(times, k=[0.1, 2.0], A=[1.0, 3.0], rtol=1e-9, atol=1e-12)
    expected = np.array([1.0, 3.0])[None, :, None] * np.exp(
        -np.array([0.1, 2.0])[:, None, None] * times
    )
    np.testing.assert_allclose(ds["A"], expected, rtol=1e-8)


def test_scalar_time_is_a_dimension_of_length_one(decay):
    assert decay.simulate(3)["A"].shape == (1,)


def test_initial_assignments_follow_parameters(decay):
    ds = decay.simulate(0, k=[0.5, 1.0], m=3)
    np.testing.assert_allclose(ds["D"][:, 0], [0.125 * math.exp(-0.5), math.exp(-1.0)], rtol=1e-14)


def test_outputs_may_be_species_parameters_rules_compartments_and_fluxes(decay):
    ds = decay.simulate([0, 1], outputs=["A", "C", "k", "cell", "R1"])
    assert list(ds.data_vars) == ["A", "C", "k", "cell", "R1", "status"]
    np.testing.assert_allclose(ds["C"], 10.0, rtol=1e-7)
    np.testing.assert_allclose(ds["R1"], 2 * 0.5 * ds["A"], rtol=1e-12)
    assert (ds["cell"] == 2).all()


def test_a_swept_parameter_comes_back_as_its_coordinate(decay):
    ds = decay.simulate([0, 1], outputs=["A", "k"], k=[0.1, 0.2])
    assert ds.coords["k"].values.tolist() == [0.1, 0.2]
    assert "k" not in ds.data_vars


def test_conditions_table_crossed_with_a_keyword(decay):
    table = pd.DataFrame({"k": [0.1, 0.2], "note": ["slow", "fast"]}, index=["one", "two"])
    ds = decay.simulate([1.0], conditions=table, A=[1.0, 2.0])
    assert ds["A"].dims == ("condition", "A_initial", "time")
    assert ds["note"].sel(condition="two").item() == "fast"
    got = ds["A"].sel(condition="two", A_initial=2.0).item()
    assert got == pytest.approx(2 * math.exp(-0.2), rel=1e-6)


def test_start_from_steady_state(resting):
    ds = resting.simulate([0, 1], start="steady_state", s=[1.0, 2.0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ds["X"][:, 0], [4.0, 8.0], rtol=1e-8)
    np.testing.assert_allclose(ds["X"][:, 1], [4.0, 8.0], rtol=1e-8)


def test_a_species_is_replaced_after_pre_equilibration(resting):
    ds = resting.simulate([0, 2.0], start="steady_state", X=1.0, rtol=1e-10, atol=1e-12)
    assert ds["X"][0].item() == 1.0
    assert ds["X"][1].item() == pytest.approx(8 - 7 * math.exp(-0.5), rel=1e-8)


def test_steady_state_call(resting):
    ds = resting.steady_state(s=[1.0, 2.0], d=[0.5, 0.25])
    assert ds["X"].dims == ("s", "d")
    np.testing.assert_allclose(ds["X"], [[2, 4], [4, 8]], rtol=1e-7)


def test_steady_state_refuses_what_happens_later(resting):
    with pytest.raises(sim.ConditionError, match='leave out "X"'):
        resting.steady_state(X=3.0)


def test_no_steady_state_is_a_status_never_numbers(resting):
    failure = "1 of 2 runs failed: NO_STEADY_STATE in run 1"
    with pytest.warns(RuntimeWarning, match=failure) as warned:
        ds = resting.simulate([0, 1], start="steady_state", set={"d": [0.25, 0.0]})
    assert warned[0].filename == __file__, "a warning is of the call that caused it"
    assert ds["status"].values.tolist() == ["SUCCESS", "NO_STEADY_STATE"]
    assert np.isnan(ds["X"][1]).all()
    assert np.isfinite(ds["X"][0]).all()


def test_an_unstable_steady_state_is_a_status_never_numbers():
    """Between two fates, on the diagonal, the smallest error decides."""
    switch = sim.load(
        """
        species u, v
        -> u; 5/(1 + v^2); u -> ; u; -> v; 5/(1 + u^2); v -> ; v
        u = 1; v = start; start = 1
        """
    )
    with pytest.warns(RuntimeWarning, match="UNSTABLE_STEADY_STATE in run 0"):
        ds = switch.simulate([0, 1], start="steady_state", outputs=["u"], set={"start": [1.0, 2.0]})
    assert ds["status"].values.tolist() == ["UNSTABLE_STEADY_STATE", "SUCCESS"]
    assert np.isnan(ds["u"][0]).all()
    np.testing.assert_allclose(ds["u"][1], (5 - math.sqrt(21)) / 2, rtol=REST_RELATIVE)


def test_every_run_failed_raises(resting):
    with pytest.raises(sim.IntegrationError, match="1 of 1 runs failed"):
        resting.simulate([0, 1], start="steady_state", d=0.0)


def test_on_failure_raise(resting):
    with pytest.raises(sim.IntegrationError, match="NO_STEADY_STATE"):
        resting.simulate([0, 1], start="steady_state", set={"d": [0.25, 0.0]}, on_failure="raise")


def test_step_limit_names_the_remedy(decay):
    with pytest.raises(sim.IntegrationError, match=r"max_steps is 3, rtol 1e-10"):
        decay.simulate([100.0], rtol=1e-10, max_steps=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time": []}, "time is empty"),
        ({"time": [0, 2, 1]}, "Times must increase, but 1 follows 2"),
        ({"time": [0, 0]}, "Times must increase, but 0 follows 0"),
        ({"time": [-1.0]}, "finite number >= 0, not -1.0"),
        ({"time": [math.nan]}, "finite number >= 0, not nan"),
        ({"time": "24h"}, "time is a number or a list of numbers, not '24h'"),
        ({"time": [0, "24"]}, "finite number >= 0, not '24'"),
        ({"outputs": ["a"]}, 'output "a" is not in model. Nearest: "A"'),
        ({"outputs": "A"}, r'outputs is a list of ids, like \["A"\]'),
        ({"outputs": ["A", "A"]}, 'output "A" is asked for twice'),
        ({"outputs": []}, "outputs is empty"),
        ({"start": "steady"}, 'start is "steady_state" or "initial", not .steady.'),
        ({"on_failure": "ignore"}, 'on_failure is "mark" or "raise"'),
        ({"rtol": 0}, "rtol is a number between 0 and 1, not 0"),
        ({"rtol": 1e-15}, "rtol is at least 1e-12"),
        ({"atol": "small"}, "atol is a number between 0 and 1"),
        ({"max_steps": 0}, "max_steps is a whole number >= 1"),
        ({"workers": 0}, "workers is a whole number >= 1"),
        ({"cell": "SUPT1"}, "cell"),
        ({"kk": 1.0}, "kk"),
    ],
)
def test_bad_requests_say_what_would_be_right(decay, options, message):
    with pytest.raises(sim.ConditionError, match=message):
        decay.simulate(**{"time": [0, 1], **options})


@settings(max_examples=25)
@given(
    st.lists(st.floats(0.01, 50), min_size=1, max_size=100, unique=True),
    st.integers(1, 3),
)
def test_a_run_does_not_depend_on_its_batch(decay, rates, workers):
    together = decay.simulate([0.0, 0.7, 3.0], k=rates, workers=workers)
    alone = decay.simulate([0.0, 0.7, 3.0], k=rates[-1])
    for name in ("A", "B", "D"):
        assert together[name][-1].values.tolist() == alone[name].values.tolist()


def test_result_survives_netcdf(decay, tmp_path):
    import xarray as xr

    ds = decay.simulate([0, 1], k=[0.1, 0.2])
    ds.to_netcdf(tmp_path / "result.nc", engine="h5netcdf")
    xr.testing.assert_identical(xr.load_dataset(tmp_path / "result.nc", engine="h5netcdf"), ds)


def test_provenance(decay):
    attrs = decay.simulate(1).attrs
    assert attrs["steroidsim_version"] == sim.__version__
    assert attrs["model_hash"] == decay.hash
    assert attrs["rtol"] == 1e-6


def test_scheduled_parameter_change_is_a_drugs_privilege(decay):
    with pytest.raises(sim.ConditionError, match="schedule"):
        decay.simulate([0, 1], k=sim.schedule((0, 1.0), (1, 0.0)))


# ------------------------------------------------------------------ the bundled model
HOURS = [0.0, 24.0, 96.0]


def test_vehicle_has_viability_one(steroid_response):
    ds = steroid_response.simulate(HOURS, outputs=["viability"], prednisolone=[0, 1.0], il7=[0, 25])
    assert (ds["viability"].sel(prednisolone=0) == 1).all()
    assert (ds["viability"].sel(prednisolone=1, time=96) < 1).all()


def test_viability_is_live_cells_over_those_of_the_vehicle(steroid_response):
    """The vehicle keeps IL7, and every drug is 0 in it, also those that are not swept."""
    model = steroid_response
    ds = model.simulate(
        HOURS, outputs=["viability", "live_cells"], il7=25.0, selumetinib=1.0, prednisolone=[0.0, 1]
    )
    vehicle = model.simulate(HOURS, outputs=["live_cells"], il7=25.0)
    np.testing.assert_allclose(
        ds["viability"], ds["live_cells"] / vehicle["live_cells"], rtol=1e-12
    )


def test_dose_zero_throughout_equals_no_drug(steroid_response):
    plain = steroid_response.simulate(HOURS)
    zero = steroid_response.simulate(HOURS, selumetinib=0, il7=0, knockout=None, alteration="none")
    for name in plain.data_vars:
        assert plain[name].values.tolist() == zero[name].values.tolist(), name


def test_a_schedule_that_never_changes_equals_a_constant_dose(steroid_response):
    constant = steroid_response.simulate(HOURS, prednisolone=1.0, outputs=["live_cells"])
    schedule = sim.schedule((0, 1.0))
    scheduled = steroid_response.simulate(HOURS, prednisolone=schedule, outputs=["live_cells"])
    assert constant["live_cells"].values.tolist() == scheduled["live_cells"].values.tolist()


def test_wash_out_kills_less_than_staying_on(steroid_response):
    doses = [sim.schedule((0, 1.0)), sim.schedule((0, 1.0), (12, 0.0)), sim.schedule((96, 1.0))]
    ds = steroid_response.simulate([96.0], prednisolone=doses, outputs=["viability"])
    stays, washed, never = ds["viability"].values[:, 0]
    assert stays < washed < never
    assert never == pytest.approx(1, rel=1e-6)  # the change at 96 h cuts the last step


def test_the_untreated_cell_is_at_rest(steroid_response):
    """Signalling does not move without a drug; only the population grows."""
    ds = steroid_response.simulate([0, 96.0], rtol=1e-9, atol=1e-12)
    for name in ("pERK", "pAKT", "BIM_total", "MCL1", "BCL2", "GR_total"):
        np.testing.assert_allclose(ds[name][1], ds[name][0], rtol=1e-6, err_msg=name)


def test_constant_readouts_are_recognised(steroid_response):
    assert steroid_response.is_constant_readout("MEK_total")
    assert not steroid_response.is_constant_readout("pMEK")
    assert not steroid_response.is_constant_readout("BIM_total")


@pytest.mark.parametrize("name", ["steroid-response", "sterod_response"])
def test_unknown_model_names_the_nearest(name):
    with pytest.raises(sim.ModelError, match='Nearest: "steroid_response"'):
        sim.load(name)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(sim.ModelError, match=r"ends in \.ant"):
        sim.load(tmp_path / "model.json")


def test_a_failure_names_the_time_and_the_state(tmp_path):
    file = tmp_path / "grow.ant"
    file.write_text("x = 1; y = 1; k = 1; x' = k*x^2; y' = -y")
    with pytest.raises(sim.IntegrationError, match=r"first at t = 1\b.*, at x"):
        sim.load(file).simulate([0.5, 2.0], outputs=["x"])


def test_a_time_budget_marks_what_is_not_done(decay):
    with pytest.raises(sim.IntegrationError, match="TIME_LIMIT"):
        decay.simulate([24.0], start="initial", max_seconds=1e-9)
    with pytest.raises(sim.ConditionError, match="max_seconds is a number above 0, not -1"):
        decay.simulate([24.0], max_seconds=-1)


METHODS = ("auto", "Rodas5P", "Tsit5")


def test_every_method_gives_the_same_and_is_named_in_the_result(decay):
    options = {"start": "initial", "rtol": 1e-9, "atol": 1e-12, "k": [0.1, 2.0]}
    found = {m: decay.simulate([1.0, 5.0], method=m, **options) for m in METHODS}
    expected = 10 * np.exp(-np.outer([0.1, 2.0], [1.0, 5.0]))
    for method, ds in found.items():
        assert ds.attrs["method"] == method
        np.testing.assert_allclose(ds["A"], expected, rtol=1e-7)
    assert decay.simulate([1.0]).attrs["method"] == "auto"


def test_a_method_that_does_not_exist(decay):
    with pytest.raises(sim.ConditionError, match=r'method is "auto" or .*Nearest: "Tsit5"'):
        decay.simulate([1.0], method="tsit5")


def test_a_computed_value_follows_where_a_row_leaves_its_factor_empty():
    """`twice` is 2 k_syn in the toy model: an empty factor of its gene must not freeze it."""
    toy = sim.load(Path(__file__).parent / "models" / "toy")
    table = pd.DataFrame({"alteration": ["BIM_LOW", None], "expression:PUMA": [None, 2.0]})
    rows = toy.simulate([5.0], conditions=table, outputs=["twice"])["twice"].values[:, 0]
    alone = toy.simulate([5.0], alteration="BIM_LOW", outputs=["twice"])["twice"].item()
    np.testing.assert_array_equal(rows, [alone, 8.0])


def test_a_computed_value_is_multiplied_as_what_it_has_become():
    """`twice` is 2 k_syn, and the quantity of gene PUMA; k_syn, 2 in cell A, is that of BIM."""
    toy = sim.load(Path(__file__).parent / "models" / "toy")

    def twice(**factors):
        ds = toy.simulate([5.0], start="initial", outputs=["twice", "BIM"], **factors)
        k_deg = np.where(np.atleast_1d(factors.get("cell", "A")) == "B", 0.2, 0.1)
        return ds["twice"].squeeze("time", drop=True), ds["BIM"].squeeze("time", drop=True), k_deg

    found, bim, k_deg = twice(cell=["A", "B"], **{"expression:BIM": [1, 2]})
    np.testing.assert_array_equal(found, [[4, 8], [2, 4]])
    found, bim, k_deg = twice(cell=["A", "B"], **{"expression:PUMA": [1, 3]})
    np.testing.assert_array_equal(found, [[4, 12], [2, 6]])
    # dBIM/dt = (k_syn + twice) k_deg - (k_deg + k_bind) BIM, from 10
    k_syn, out = np.array([[2], [1]]), k_deg[:, None] + 1e-3
    rest = (k_syn + np.array([[4, 12], [2, 6]])) * k_deg[:, None] / out
    np.testing.assert_allclose(bim, rest + (10 - rest) * np.exp(-5 * out), rtol=1e-5)
    found = twice(k_syn=[1, 5], expression={"PUMA": 3, "BIM": 2})[0]
    np.testing.assert_array_equal(found, [6, 30])
    found = twice(knockout=["BIM", "PUMA"], expression={"PUMA": 3})[0]
    np.testing.assert_array_equal(found, [0, 0])


def test_a_set_wins_run_by_run_over_what_a_computed_value_would_be():
    toy = sim.load(Path(__file__).parent / "models" / "toy")
    table = pd.DataFrame(
        {
            "cell": ["A", "B", "B", "B"],
            "twice": [None, None, 1.0, None],
            "expression:PUMA": [2.0, None, 3.0, 5.0],
        }
    )
    bim = toy.steady_state(conditions=table, outputs=["BIM"])["BIM"]
    k_syn, k_deg = np.array([2, 1, 1, 1]), np.array([0.1, 0.2, 0.2, 0.2])
    twice = bim * (k_deg + 1e-3) / k_deg - k_syn
    np.testing.assert_allclose(twice, [8, 2, 1, 10], rtol=1e-6)
