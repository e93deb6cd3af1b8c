"""The lowest dose of one drug: against closed forms, dense grids, and laws that must hold."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import simulator as sim
from simulator.dosing.target import variable_of
from simulator.errors import ConditionError, IntegrationError

from . import on_paper

# The dose found is above the true one by at most rtol_dose, plus what the integration's tolerance
# of 1e-6 makes of the drive.
PRECISION = 1e-3
SLACK = 1e-5


def assert_dose(found, true, precision=PRECISION):
    assert np.all(found >= true * (1 - SLACK))
    assert np.all(found <= true * (1 + precision) * (1 + SLACK))


def test_in_every_condition_it_is_the_dose_on_paper(pathway):
    found = sim.lowest_dose(
        pathway, "killer", cell=["A", "B"], alteration=[None, "RESISTANT"], hill=[0.7, 1, 2]
    )
    assert found["dose"].dims == ("cell", "alteration", "hill")
    assert (found["bound"] == "=").all() and (found["status"] == "SUCCESS").all()
    for i, cell in enumerate((1, 3)):
        for j, alteration in enumerate((1, 10)):
            for k, hill in enumerate((0.7, 1, 2)):
                true = on_paper.killer(0.5, hill=hill, half=cell * alteration)
                assert_dose(found["dose"].values[i, j, k], true)
    assert (found["viability"] <= 0.5).all() and (found["viability"] > 0.499).all()
    assert found["dose"].attrs["units"] == "uM"
    assert found.attrs["target"] == "viability <= 0.5"
    assert found["alteration"].values.tolist() == ["none", "RESISTANT"]


@pytest.mark.parametrize("precision", [0.05, 1e-3, 1e-5])
def test_to_the_stated_precision(pathway, precision):
    found = sim.lowest_dose(pathway, "killer", rtol_dose=precision, effect=0.3, rtol=1e-9)
    assert_dose(float(found["dose"]), on_paper.killer(0.3), precision)
    # the dose reaches the target, and one lower by the precision does not
    doses = [float(found["dose"]) / (1 + 1.001 * precision), float(found["dose"])]
    lower, at = pathway.simulate(48, killer=doses, rtol=1e-9)["viability"].values[:, -1]
    assert lower > 0.7 >= at == float(found["viability"])


def test_any_output_at_or_below_or_above_a_level(pathway):
    shrunk = sim.lowest_dose(pathway, "killer", output="live_cells", below=1.0, time=24)
    # growth is as fast as death
    assert_dose(float(shrunk["dose"]), 0.02 / (0.1 - 0.02))
    primed = sim.lowest_dose(
        pathway, "primer", output="primed", above=0.6, time=500, range=(0.01, 10)
    )
    assert_dose(float(primed["dose"]), 0.6 * on_paper.K_FADE / on_paper.K_PRIME)
    assert primed.attrs["target"] == "primed >= 0.6"


def test_a_response_with_a_bump_has_its_first_crossing(pathway):
    found = sim.lowest_dose(pathway, "hook", effect=0.9, range=(0.01, 1e4))
    assert_dose(float(found["dose"]), on_paper.hook(0.9))
    top = pathway.simulate(48, hook=1e4)["viability"]
    assert float(top[-1]) > 0.1  # no effect left at the highest dose


def test_what_the_range_does_not_hold_is_a_bound(pathway):
    def found(**ranges):
        return sim.lowest_dose(pathway, "killer", alteration=["none", "RESISTANT"], **ranges)

    true = on_paper.killer(0.5)
    below, within = found(range=(2 * true, 20 * true)).to_dataframe().itertuples()
    assert (below.dose, below.bound, within.bound) == (2 * true, "<", "=")
    assert below.viability < 0.5
    _, above = found(range=(true / 4, 2 * true)).to_dataframe().itertuples()
    assert (above.dose, above.bound) == (2 * true, ">")
    assert above.viability > 0.5


def test_no_dose_is_needed_where_the_target_is_reached_without(pathway):
    found = sim.lowest_dose(pathway, "killer", partner=[0, 20])
    assert found["dose"].values[1] == 0 and found["bound"].values[1] == "="
    assert found["viability"].values[1] < 0.5


def test_failed_runs_are_marked_and_named(pathway):
    with pytest.warns(RuntimeWarning, match=r"1 of 2 conditions .* at alteration=EXPLOSIVE"):
        found = sim.lowest_dose(pathway, "killer", alteration=["EXPLOSIVE", "none"])
    assert np.isnan(found["dose"].values[0]) and found["status"].values[0] != "SUCCESS"
    assert_dose(found["dose"].values[1], on_paper.killer(0.5))


class Fragile:
    """`simulate` of a model, with an explosion in the runs of a table that are to fail."""

    def __init__(self, model, fails):
        self.simulate_all, self.fails, self.calls = model.simulate, fails, 0

    def __call__(self, times, *, conditions, on_failure="mark", **options):
        self.calls += 1
        explosive = conditions.assign(alteration="none")
        explosive.loc[self.fails(conditions), "alteration"] = "EXPLOSIVE"
        return self.simulate_all(times, conditions=explosive, on_failure=on_failure, **options)


def between(doses):
    """Doses that only a narrowing round gives: above 0 and not of the scan."""
    scan = np.geomspace(0.01, 100, 17)
    return [d > 0 and not np.isclose(d, scan, rtol=1e-6).any() for d in doses]


def test_where_all_runs_of_a_narrowing_round_fail_others_have_answers(pathway, monkeypatch):
    fragile = Fragile(pathway, lambda table: between(table["killer"]))
    monkeypatch.setattr(type(pathway), "simulate", lambda self, *a, **k: fragile(*a, **k))
    cells = {"K_killer": [1.0, 1e-4, 1e4]}
    with pytest.warns(RuntimeWarning, match="1 of 3 conditions .* at K_killer=1.0"):
        found = sim.lowest_dose(pathway, "killer", **cells, range=(0.01, 100))
    assert fragile.calls > 1
    assert found["bound"].values[1:].tolist() == ["<", ">"]
    assert np.isnan(found["dose"].values[0]) and (found["dose"].values[1:] == [0.01, 100]).all()
    assert found["status"].values[0] not in ("SUCCESS", "")
    assert (found["status"].values[1:] == "SUCCESS").all()
    with pytest.raises(IntegrationError):
        sim.lowest_dose(pathway, "killer", **cells, range=(0.01, 100), on_failure="raise")


def test_where_every_run_fails_it_is_an_error(pathway):
    with pytest.raises(IntegrationError):
        sim.lowest_dose(pathway, "killer", max_steps=1)


def test_conditions_are_what_simulate_takes(pathway, tmp_path):
    table = pd.DataFrame(
        {"cell": ["A", "B"], "alteration": ["RESISTANT", None], "from": ["x", "y"]}
    )
    path = tmp_path / "rows.csv"
    table.to_csv(path, index=False)
    for file in (path, str(path)):
        xr.testing.assert_identical(
            sim.lowest_dose(pathway, "killer", conditions=file, hill=[1, 2]).drop_vars("from"),
            sim.lowest_dose(pathway, "killer", conditions=table.drop(columns="from"), hill=[1, 2]),
        )
    drawn = sim.sample(4, log={"K_killer": (0.1, 1)}, seed=3)
    found = sim.lowest_dose(pathway, "killer", conditions=drawn)
    assert_dose(found["dose"].values, on_paper.killer(0.5, half=found["K_killer"].values))
    share = sim.lowest_dose(pathway, "killer", conditions=drawn, fraction=0.5)
    assert float(share["dose"]) == np.sort(found["dose"])[1]
    with pytest.raises(ConditionError, match="cannot be read"):
        sim.lowest_dose(pathway, "killer", conditions=str(tmp_path / "none.csv"))


def test_as_ic50_of_a_dense_grid(pathway):
    doses = [0, *np.geomspace(0.01, 100, 2001)]
    cells = {"cell": ["A", "B"], "hill": [0.5, 1, 3]}
    dense = pathway.simulate(48, **cells, killer=doses)["viability"].isel(time=-1)
    found = sim.lowest_dose(pathway, "killer", **cells)
    np.testing.assert_allclose(found["dose"], sim.response.ic50(dense, "killer"), rtol=2e-3)


def test_a_window_is_the_time_that_the_drug_is_given(pathway):
    found = sim.lowest_dose(pathway, "killer", window=(10, 30), time=40)
    assert_dose(float(found["dose"]), on_paper.killer(0.5, time=20))
    found = sim.lowest_dose(pathway, "killer", window=(10, None), time=40)
    assert_dose(float(found["dose"]), on_paper.killer(0.5, time=30))


def test_conditions_tables_levels_of_every_kind_and_options(pathway):
    table = pd.DataFrame(
        {"cell": ["A", "B"], "alteration": [None, "RESISTANT"], "origin": ["x", "y"]},
        index=pd.Index(["first", "second"], name="sample"),
    )
    found = sim.lowest_dose(
        pathway,
        "killer",
        conditions=table,
        knockout=[None, ("K",)],
        sensitiser=[0.0, sim.schedule((0, 0.5))],
        set={"k_grow": 0.01},
        rtol=1e-8,
    )
    assert found["dose"].dims == ("sample", "knockout", "sensitiser")
    assert found["origin"].dims == ("sample",)
    assert found["sensitiser"].values.tolist() == ["0@0", "0.5@0"]
    for i, half in enumerate((1, 30)):
        for k, sensitiser in enumerate((0, 0.5)):
            true = on_paper.killer(0.5, half=half, sensitiser=sensitiser)
            assert_dose(found["dose"].values[i, 0, k], true)
    assert (found["bound"].sel(knockout="K") == ">").all()


@pytest.mark.parametrize(
    "levels",
    [
        {"cell": [None, "A", "B"]},
        {"alteration": [None, ("RESISTANT",)]},
        {"expression": [None, {"K": 2.0}, "K=0.5"]},
        {"knockout": [None, ("K",)]},
        {"L": [0.5, 2.0], "hill": np.array([1, 2])},
        {"sensitiser": [sim.schedule((0, 1.0), (24, 0.0)), "0.5@12", 0]},
        {"set": {"k_kill": 0.08}, "partner": range(2)},
    ],
    ids=lambda levels: next(iter(levels)),
)
def test_the_output_is_what_a_simulation_of_the_dose_gives(pathway, levels):
    found = sim.lowest_dose(pathway, "killer", effect=0.3, **levels)
    all_doses = np.unique(found["dose"])
    runs = pathway.simulate(48, **levels, killer=all_doses)["viability"].isel(time=-1)
    for name in found["dose"].dims:
        np.testing.assert_array_equal(found[name], runs[name])
    own = runs.sel(killer=found["dose"]).transpose(*found["dose"].dims)
    np.testing.assert_array_equal(own, found["viability"])


# ---- laws --------------------------------------------------------------------------------------

QUICK = settings(max_examples=12)
EFFECTS = st.floats(0.05, 0.98)


@QUICK
@given(st.lists(EFFECTS, min_size=2, max_size=2, unique=True), st.floats(0.5, 3))
def test_a_stricter_target_takes_no_lower_dose(pathway, effects, hill):
    low, high = (
        sim.lowest_dose(pathway, "killer", effect=effect, hill=hill)["dose"].item()
        for effect in sorted(effects)
    )
    assert low <= high


@QUICK
@given(
    st.lists(st.floats(0.5, 4), min_size=2, max_size=6, unique=True),
    st.integers(0, 5),
    st.sampled_from([1, 2]),
)
def test_a_dose_is_bitwise_the_same_whatever_shares_its_batch(pathway, hills, which, workers):
    which %= len(hills)
    together = sim.lowest_dose(pathway, "killer", effect=0.8, hill=hills, workers=workers)
    alone = sim.lowest_dose(pathway, "killer", effect=0.8, hill=hills[which], workers=1)
    for name in ("dose", "viability", "bound"):
        assert together[name].values[which] == alone[name].item()


def test_any_executor_gives_the_same(pathway):
    with ThreadPoolExecutor(2) as executor:
        found = sim.lowest_dose(pathway, "killer", hill=[0.7, 1, 2], executor=executor)
    same = sim.lowest_dose(pathway, "killer", hill=[0.7, 1, 2])
    np.testing.assert_array_equal(found["dose"], same["dose"])


def test_an_output_with_a_name_of_the_result_gets_a_suffix():
    assert variable_of("dose") == "dose_value" and variable_of("viability") == "viability"


# ---- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drug", "options", "message"),
    [
        ("kiler", {}, r'drug "kiler" is not in pathway. Nearest: "killer"'),
        (["killer"], {}, "A drug is given by its name"),
        ("killer", {"cel": "A"}, 'Nearest: "cell"'),
        ("killer", {"killer": 1}, "leave killer= out"),
        ("killer", {"conditions": pd.DataFrame({"killer": [1.0]})}, "given twice"),
        ("killer", {"conditions": [1]}, "takes a pandas DataFrame"),
        ("killer", {"output": "viabilty"}, 'Nearest: "viability"'),
        ("killer", {"effect": 1.5}, "between 0 and 1"),
        ("killer", {"effect": 0.5, "below": 0.5}, "one target"),
        ("killer", {"output": "primed"}, "below= or above="),
        ("killer", {"below": float("nan")}, "one finite number"),
        ("hook", {}, 'states no doses of "hook"'),
        ("killer", {"range": (1, 0.1)}, "two rising doses"),
        ("killer", {"time": 0}, "one number above 0"),
        ("killer", {"time": [24, 48]}, "one number above 0"),
        ("killer", {"fraction": 0.8}, "conditions="),
        ("killer", {"rtol_dose": 0}, "rtol_dose is between"),
        ("killer", {"per_decade": 0}, "whole number"),
        ("killer", {"window": (24, 12)}, "start < stop"),
        ("killer", {"window": (72, None)}, "read at 48"),
        ("killer", {"store": "x.zarr"}, "several"),
        ("killer", {"set": {"k_grow": [1, 2]}}, "one value"),
        ("killer", {"conditions": pd.DataFrame({"dose": [1.0]})}, '"dose" is a name'),
    ],
)
def test_what_is_refused_is_named_before_any_run(pathway, monkeypatch, drug, options, message):
    monkeypatch.setattr(type(pathway), "simulate", lambda *a, **k: pytest.fail("a run"))
    with pytest.raises(ConditionError, match=message):
        sim.lowest_dose(pathway, drug, **options)


def test_a_plain_model_has_no_drugs():
    plain = sim.load("model m\n x = 1; k = 1; x' = -k*x\nend\n")
    with pytest.raises(ConditionError, match='drug "k" is not in'):
        sim.lowest_dose(plain, "k", output="x", below=0.5, time=1, range=(0.1, 1))
