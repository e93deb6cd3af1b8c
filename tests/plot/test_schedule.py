"""Figures of schedules and of what the order of two drugs does."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from simulator import schedule
from simulator.errors import ConditionError
from simulator.plot import plot_schedule, plot_timeline

DELAYS = [-24.0, 0.0, 24.0]
ATTRS = {"delay": "start of inh minus start of ster", "time_from": "start of ster"}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def sequence():
    values = np.array([[[0.9, 0.8], [0.7, 0.6], [0.5, 0.4]], [[1, 0.9], [1, 0.9], [1, 0.9]]])
    return xr.Dataset(
        {
            "viability": (("cell", "delay", "time"), values, {"units": "1"}),
            "status": (("cell", "delay"), np.full((2, 3), "SUCCESS", object)),
        },
        {
            "cell": ["one", "two"],
            "delay": ("delay", DELAYS, {"units": "h"}),
            "time": ("time", [72.0, 96.0], {"units": "h"}),
        },
        ATTRS,
    )


def said(ax):
    return [t.get_text() for t in ax.texts]


def test_output_against_delay_with_the_orders_named():
    ax = plot_schedule(sequence())
    curves = [x for x in ax.lines if x.get_label() in ("one", "two")]
    np.testing.assert_allclose(curves[0].get_xdata(), DELAYS)
    np.testing.assert_allclose(curves[0].get_ydata(), [0.8, 0.6, 0.4])
    assert curves[0].get_marker() != curves[1].get_marker()
    assert {"← inh first", "ster first →"} <= set(said(ax))
    assert ax.get_xlabel() == "delay of inh after ster (h)"
    assert ax.get_ylabel() == "viability\n96 h after ster"
    earlier = plot_schedule(sequence(), time=72).lines[0]
    np.testing.assert_allclose(earlier.get_ydata(), [0.9, 0.7, 0.5])


def test_a_failed_run_is_a_cross_at_its_delay():
    lost = sequence()
    lost["status"][0, 2] = "STEP_LIMIT"
    ax = plot_schedule(lost)
    assert np.isnan(ax.lines[0].get_ydata()[2])
    crosses = [x for x in ax.lines if x.get_marker() == "x" and len(x.get_xdata())]
    assert [x.get_xdata().tolist() for x in crosses] == [[24.0]]
    assert "× failed" in said(ax)


def best():
    def over(*values):
        return "cell", list(values)

    return xr.Dataset(
        {
            "delay": ("cell", [12.0, np.nan], {"units": "h"}),
            "viability": over(0.4, np.nan),
            "together": over(0.6, np.nan),
            "gain": over(0.2, np.nan),
            "better": over(True, False),
            "tied_from": over(6.0, np.nan),
            "tied_to": over(18.0, np.nan),
            "status": over("SUCCESS", "STEP_LIMIT"),
        },
        {"cell": ["one", "two"]},
        ATTRS | {"noise": 0.05, "time": 96.0},
    )


def test_the_best_delay_is_marked_with_its_tie():
    ax = plot_schedule(best())
    bar, mark = ax.lines[:2]
    np.testing.assert_allclose(bar.get_xdata(), [6, 18])
    assert (mark.get_marker(), mark.get_xdata()[0]) == ("D", 12)
    assert "viability 0.4 (together 0.6)" in said(ax) and "× step limit" in said(ax)
    assert "within 0.05" in ax.get_xlabel()
    low, high = ax.get_xlim()
    assert low <= 0 < 18 <= high


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (xr.Dataset(), {}, "sim.sequence"),
        (sequence(), {"time": 80}, "not in the result"),
        (sequence().expand_dims(dose=[1, 2]), {}, "found dose, cell"),
    ],
)
def test_what_is_no_comparison_of_delays_is_refused(data, options, message):
    with pytest.raises(ConditionError, match=message):
        plot_schedule(data, **options)


def test_a_timeline_has_a_bar_for_each_dose():
    given = {"a": schedule((12, 1.0), (24, 0.5), (48, 0.0)), "b": 2.0, "c": 0}
    ax = plot_timeline(given, hours=72, units={"a": "uM", "b": "ng_per_ml", "c": "uM"})
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b", "c"]
    bars = [(b.get_x(), b.get_width(), abs(b.get_height())) for b in ax.patches]
    heights = [h for *_, h in bars]
    assert [(x, w) for x, w, _ in bars] == [(12, 12), (24, 24), (0, 72)]
    assert heights[0] == pytest.approx(2 * heights[1])
    assert [t.strip() for t in said(ax)] == ["1 µM", "0.5 µM", "2 ng/ml", "not given"]
    assert ax.get_xlabel() == "time (h)" and ax.get_xlim() == (0, 72)


@pytest.mark.parametrize(
    ("schedules", "options", "message"),
    [
        ({}, {}, "no schedule"),
        ({"a": "1@0"}, {}, "is sim.schedule"),
        ({"a": -1}, {}, "dose >= 0"),
        ({"a": 1}, {"hours": 0}, "hours"),
        ({"abc": 1}, {"units": {"abd": "uM"}}, 'Nearest: "abd"'),
    ],
)
def test_what_is_no_timeline_is_refused(schedules, options, message):
    with pytest.raises(ConditionError, match=message):
        plot_timeline(schedules, **({"hours": 24, "units": "uM"} | options))
