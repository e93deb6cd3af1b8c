"""Orders of two drugs: against an integral on paper, and what makes a comparison fair."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simulator as sim
from simulator.dosing.timing import checked_timing
from simulator.errors import ConditionError

from . import on_paper

DRUGS = {"trigger": 1.0, "primer": 2.0}
DELAYS = [-30, -12, -6, 0, 6, 12, 24]
# Solver's tolerance of 1e-6 over some hundred steps; the integral on paper is as close.
CLOSE = 1e-4


def paper(delays, exposure, time, trigger=1.0, primer=2.0):
    return [on_paper.primed_viability(d, primer, trigger, exposure, time) for d in delays]


def test_outputs_are_those_on_paper(pathway):
    found = sim.sequence(pathway, DRUGS, delays=DELAYS, exposure=12, time=[36, 60])
    assert found["viability"].dims == ("delay", "time")
    for k, time in enumerate((36, 60)):
        np.testing.assert_allclose(
            found["viability"].values[:, k], paper(DELAYS, (12, 12), time), rtol=CLOSE
        )
    assert found["order"].values.tolist() == ["pre-treat"] * 3 + ["together"] + ["after"] * 3
    assert found.attrs["comparison"] == "equal exposure to each drug"
    assert (found["exposure"] == 12).all() and found["exposure"].dims == ("drug", "delay")


def test_each_drug_has_its_own_exposure_and_doses_can_be_swept(pathway):
    exposure = {"trigger": 20, "primer": 8}
    found = sim.sequence(
        pathway,
        {"trigger": [0, 1], "primer": [1, 2, 4]},
        delays=DELAYS,
        exposure=exposure,
        time=48,
        cell=["A", "B"],
    )
    assert found["viability"].dims == ("cell", "trigger", "primer", "delay", "time")
    assert (abs(found["viability"].sel(trigger=0) - 1) < CLOSE).all()
    for k, primer in enumerate((1, 2, 4)):
        expected = paper(DELAYS, (20, 8), 48, primer=primer)
        for cell in (0, 1):
            values = found["viability"].values[cell, 1, k, :, 0]
            np.testing.assert_allclose(values, expected, rtol=CLOSE)
    assert found["exposure"].values.tolist() == [[20] * 7, [8] * 7]


def test_a_drug_given_until_the_end_is_said_to_be_no_equal_comparison(pathway):
    exposure = {"trigger": 12, "primer": None}
    found = sim.sequence(pathway, DRUGS, delays=[-6, 0, 6], exposure=exposure, time=30)
    assert found.attrs["comparison"].startswith("unequal exposure: primer")
    assert found["exposure"].values.tolist() == [[12, 12, 12], [36, 30, 24]]
    expected = paper([-6, 0, 6], (12, 1e3), 30)
    np.testing.assert_allclose(found["viability"].values[:, 0], expected, rtol=CLOSE)
    # of the drug that stays in its place it is: all delays have it as long
    first = sim.sequence(
        pathway, DRUGS, delays=[-6, 0], exposure={"trigger": None, "primer": 6}, time=30
    )
    assert first.attrs["comparison"].startswith("equal")
    assert first["exposure"].values.tolist() == [[30, 30], [6, 6]]


@settings(max_examples=40)
@given(
    st.lists(st.floats(-60, 60), min_size=1, max_size=6, unique=True).map(sorted),
    st.tuples(st.floats(0.5, 48), st.floats(0.5, 48)),
    st.tuples(st.floats(0, 10), st.floats(0, 10)),
)
def test_every_delay_has_the_same_exposure_before_the_output_is_read(
    pathway, delays, exposure, doses
):
    """Dose times hours of each drug, from the steps of the schedules that are simulated."""
    names = ("trigger", "primer")
    time = max(exposure[0], delays[-1] + exposure[1])
    timing = checked_timing(
        pathway,
        dict(zip(names, doses, strict=True)),
        dict(zip(names, exposure, strict=True)),
        time,
        delays,
    )
    pairs = np.tile(doses, (len(delays), 1))
    for k, schedules in enumerate(timing.given(pairs, np.array(delays)).values()):
        for schedule in schedules:
            (start, dose), (stop, none) = schedule.steps
            assert none == 0 and 0 <= start < stop <= (timing.lead + time) * (1 + 1e-12)
            assert dose * (stop - start) == pytest.approx(doses[k] * exposure[k], rel=1e-9)


def test_the_longest_equal_exposure_is_the_default(pathway):
    found = sim.sequence(pathway, DRUGS, delays=[-24, 0, 18])
    assert found["time"].values.tolist() == [48]  # the folder's hours of a prediction
    assert (found["exposure"] == 30).all()
    before = sim.sequence(pathway, DRUGS, delays=[-24, -6], time=[40, 60])
    assert (before["exposure"] == 40).all()


def test_an_output_that_is_read_too_early_is_refused(pathway):
    with pytest.raises(ConditionError, match="until 36: exposures would not be equal"):
        sim.sequence(pathway, DRUGS, delays=[-24, 0, 24], exposure=12, time=30)


def test_an_order_does_not_depend_on_the_others(pathway):
    """The first drug begins later where more time is needed before it: from rest, no difference."""
    some = sim.sequence(pathway, DRUGS, delays=[0, 6], exposure=12, time=36)
    more = sim.sequence(pathway, DRUGS, delays=[-60, 0, 6], exposure=12, time=36)
    np.testing.assert_allclose(
        some["viability"].sel(delay=[0, 6]), more["viability"].sel(delay=[0, 6]), rtol=CLOSE
    )


# ---- the best schedule -------------------------------------------------------------------------


@pytest.mark.parametrize("exposure", [(12, 12), (24, 6), (6, 20)])
def test_the_best_delay_is_that_on_paper(pathway, exposure):
    found = sim.best_schedule(
        pathway,
        DRUGS,
        within=(-30, 30),
        exposure=dict(zip(DRUGS, exposure, strict=True)),
        time=60,
        resolution=0.1,
        noise=0,
        rtol=1e-8,
    )
    delays = np.linspace(-30, 30, 301)
    values = np.array(paper(delays, exposure, 60))
    # flat near the best: within some steps of it, and as good
    assert abs(float(found["delay"]) - delays[values.argmin()]) <= 0.5
    assert float(found["viability"]) == pytest.approx(values.min(), abs=CLOSE)
    assert float(found["together"]) == pytest.approx(values[150], rel=CLOSE)
    assert float(found["gain"]) == pytest.approx(values[150] - values.min(), abs=CLOSE)
    assert bool(found["better"]) and str(found["order"].values) == "pre-treat"


def test_a_tie_is_all_that_is_within_the_noise(pathway):
    found = sim.best_schedule(pathway, DRUGS, within=(-30, 30), exposure=12, time=60, noise=0.02)
    delays = np.linspace(-30, 30, 301)
    values = np.array(paper(delays, (12, 12), 60))
    tied = delays[values <= values.min() + 0.02]
    step = 60 / 64
    # of the delays tried, which are a step apart or less around the best
    assert tied[0] - 0.3 <= float(found["tied_from"]) <= tied[0] + 60 / 8
    assert tied[-1] - 60 / 8 <= float(found["tied_to"]) <= tied[-1] + 0.3
    assert float(found["tied_to"]) - float(found["tied_from"]) > step
    assert str(found["order"].values) == "pre-treat" and bool(found["better"])


def test_gains_below_the_noise_are_a_tie(pathway):
    kwargs = {"within": (-24, 24), "exposure": 12, "time": 60}
    quiet = sim.best_schedule(pathway, DRUGS, noise=1, **kwargs)
    assert not quiet["better"] and str(quiet["order"].values) == "any"
    assert (quiet["tied_from"], quiet["tied_to"]) == (-24, 24)
    # drugs that do nothing: all is one tie, and both together is the simplest of it
    alone = sim.best_schedule(pathway, {"killer": 0.0, "partner": 0.0}, **kwargs)
    assert (float(alone["delay"]), float(alone["gain"])) == (0, 0)
    assert str(alone["order"].values) == "any"


def test_the_highest_output_can_be_the_best(pathway):
    found = sim.best_schedule(
        pathway, DRUGS, within=(-30, 30), exposure=12, time=60, best="highest", noise=0.01
    )
    # the primer after the trigger does nothing at all
    assert str(found["order"].values) == "after"
    assert float(found["viability"]) == pytest.approx(1, abs=CLOSE)
    assert float(found["gain"]) == pytest.approx(1 - float(found["together"]), abs=CLOSE)
    assert bool(found["better"])


def test_each_condition_has_its_own(pathway):
    found = sim.best_schedule(
        pathway,
        {"trigger": [1.0, 2.0], "primer": 2.0},
        within=(-30, 30),
        exposure=12,
        time=60,
        k_fade=[0.02, 0.5],
        noise=0,
    )
    assert found["delay"].dims == ("k_fade", "trigger")
    # what fades slowly is given earlier
    assert (found["delay"].values[0] < found["delay"].values[1]).all()


def test_failed_runs_are_marked(pathway):
    with pytest.warns(RuntimeWarning, match="at alteration=EXPLOSIVE"):
        found = sim.best_schedule(
            pathway,
            {"killer": 5, "partner": 1},
            within=(-12, 12),
            exposure=24,
            time=48,
            alteration=["none", "EXPLOSIVE"],
        )
    lost = found.sel(alteration="EXPLOSIVE")
    assert np.isnan(lost["delay"]) and np.isnan(lost["gain"]) and not lost["better"]
    assert str(lost["status"].values) != "SUCCESS" and str(lost["order"].values) == ""
    assert str(found.sel(alteration="none")["status"].values) == "SUCCESS"


@pytest.mark.parametrize(
    ("drugs", "options", "message"),
    [
        ({"trigger": 1}, {}, "two names"),
        ({"trigger": 1, "prime": 2}, {}, 'Nearest: "primer"'),
        (("trigger", "primer"), {}, "mapping"),
        ({"trigger": -1, "primer": 2}, {}, "finite and >= 0"),
        ({"trigger": [1, 1], "primer": 2}, {}, "twice"),
        ({"trigger": "1", "primer": 2}, {}, "a number or a list"),
        (DRUGS, {"delays": []}, "finite numbers"),
        (DRUGS, {"delays": [1, 0]}, "must increase"),
        (DRUGS, {"exposure": 0}, "above 0 or None"),
        (DRUGS, {"exposure": {"trigger": 5}}, "no length of primer"),
        (DRUGS, {"exposure": {"trigger": 5, "primr": 5}}, 'Nearest: "primer"'),
        (DRUGS, {"exposure": {"trigger": 5, "primer": None}, "delays": [90]}, "begins at 90"),
        (DRUGS, {"time": [0, 48]}, "above 0"),
        (DRUGS, {"output": "viabilty"}, 'Nearest: "viability"'),
        (DRUGS, {"trigger": 3}, "leave trigger= out"),
        (DRUGS, {"cell": "C"}, 'cell "C" is not'),
    ],
)
def test_what_is_refused_is_named_before_any_run(pathway, monkeypatch, drugs, options, message):
    monkeypatch.setattr(type(pathway), "simulate", lambda *a, **k: pytest.fail("a run"))
    with pytest.raises(ConditionError, match=message):
        sim.sequence(pathway, drugs, **({"delays": [0, 6], "exposure": 6, "time": 48} | options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"within": (1, 2, 3)}, "within is"),
        ({"best": "least"}, '"lowest" or "highest"'),
        ({"exposure": {"trigger": 6, "primer": None}}, "not given until the end"),
        ({"time": [48, 60]}, "one time"),
        ({"resolution": 0}, "resolution"),
        ({"output": "primed"}, "noise= is needed"),
        ({"noise": -1}, "noise is a number"),
    ],
)
def test_what_a_search_refuses(pathway, monkeypatch, options, message):
    monkeypatch.setattr(type(pathway), "simulate", lambda *a, **k: pytest.fail("a run"))
    given = {"within": (-12, 12), "exposure": 6, "time": 48} | options
    with pytest.raises(ConditionError, match=message):
        sim.best_schedule(pathway, DRUGS, **given)
