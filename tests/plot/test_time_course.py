"""Outputs over time: curves, failed runs, doses, panels."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from simulator.errors import ConditionError
from simulator.plot import COLOURS, COLUMN, plot_time_course, plot_time_courses

HOURS = np.linspace(0, 96, 49)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def runs(rates=(0.0, 0.01, 0.05), hours=HOURS, **coords):
    """Exponential decay at these rates, as a simulation returns it."""
    names = [f"r{i}" for i in range(len(rates))]
    values = np.exp(-np.outer(rates, hours))
    dims = ("line", "time")
    return xr.Dataset(
        {
            "viability": (dims, values, {"units": "1", "long_name": "live cells over all"}),
            "BIM": (dims, 200 * values, {"units": "uM", "long_name": "BIM protein"}),
            "status": ("line", np.array(["SUCCESS"] * len(names), dtype="U20")),
        },
        {"line": names, "time": ("time", hours, {"units": "h"})} | coords,
    )


def failed(ds, **ends):
    """The same, where runs ended at the time with this index."""
    ds = ds.copy(deep=True)
    for name, end in ends.items():
        for output in ("viability", "BIM"):
            ds[output].loc[{"line": name}][end:] = np.nan
        ds["status"].loc[{"line": name}] = "STEP_LIMIT"
    return ds


def curves(ax):
    return [line for line in ax.lines if len(line.get_xdata()) > 2]


def crosses(ax):
    return [line for line in ax.lines if line.get_marker() == "x" and len(line.get_xdata())]


def names(legend):
    return [t.get_text() for t in legend.get_texts()]


def test_curves_and_axes_are_those_of_the_data():
    ax = plot_time_course(runs(), "BIM")
    for line, rate in zip(curves(ax), (0.0, 0.01, 0.05), strict=True):
        np.testing.assert_allclose(line.get_xdata(), HOURS)
        np.testing.assert_allclose(line.get_ydata(), 200 * np.exp(-rate * HOURS))
    assert ax.get_xlabel() == "time (h)"
    assert ax.get_ylabel() == "BIM (µM)"
    assert ax.get_ylim()[0] == 0
    assert ax.get_ylim()[1] > 200
    ticks = [t for t in ax.get_xticks() if 0 <= t <= 96]
    assert ticks == [0, 24, 48, 72, 96]
    assert names(ax.get_legend()) == ["r0", "r1", "r2"]
    assert ax.get_legend().get_title().get_text() == "line"


def test_a_pure_number_says_what_it_is_of():
    assert plot_time_course(runs(), "viability").get_ylabel() == "viability (live cells over all)"


def test_a_model_without_a_unit_of_time_says_so():
    ds = runs()
    del ds["time"].attrs["units"]
    assert plot_time_course(ds, "BIM").get_xlabel() == "time (unit of the model)"


def test_curves_that_coincide_differ_in_dashes_and_get_narrower():
    lines = curves(plot_time_course(runs((0.1, 0.1, 0.1)), "BIM"))
    assert len({line.get_linestyle() for line in lines}) == 3
    widths = [line.get_linewidth() for line in lines]
    assert widths[0] > widths[1] > widths[2]


def test_few_points_have_markers_that_get_smaller():
    lines = curves(plot_time_course(runs((0.1, 0.1), np.array([0.0, 24, 48])), "BIM"))
    assert len({line.get_marker() for line in lines}) == 2
    assert lines[0].get_markersize() > lines[1].get_markersize()


def test_a_failed_run_ends_in_a_cross_that_is_named():
    ax = plot_time_course(failed(runs(), r1=20, r2=0), "viability")
    end, nowhere = crosses(ax)
    assert end.get_xdata().tolist() == [HOURS[19]]
    assert end.get_ydata()[0] == pytest.approx(np.exp(-0.01 * HOURS[19]))
    assert end.get_color() == COLOURS[1]
    # A run without any value: a cross at its start, above the curves.
    assert nowhere.get_color() == COLOURS[2]
    assert nowhere.get_xdata().tolist() == [0]
    ax.figure.canvas.draw()
    height = nowhere.get_transform().transform(nowhere.get_xydata())[0, 1]
    assert ax.transData.transform((0, 1))[1] < height < ax.bbox.y1
    assert names(ax.get_legend()) == ["r0", "r1", "r2", "failed (STEP_LIMIT)"]


def test_a_gap_is_marked_at_both_sides_and_without_a_status_is_no_failure():
    da = runs()["viability"].copy()
    da[0, 10:12] = np.nan
    ax = plot_time_course(da)
    (marks,) = crosses(ax)
    assert marks.get_xdata().tolist() == [HOURS[9], HOURS[12]]
    assert names(ax.get_legend())[-1] == "no value"


def test_nothing_but_missing_values_is_still_a_figure():
    ax = plot_time_course(failed(runs((0.1,)), r0=0), "BIM")
    assert len(crosses(ax)) == 1
    assert np.isfinite(ax.get_ylim()).all()


def test_many_failed_runs_leave_room_for_the_others():
    rates = np.linspace(0, 0.1, 20)
    ax = plot_time_course(failed(runs(rates), **{f"r{i}": 0 for i in range(1, 20)}), "viability")
    assert len(crosses(ax)) == 19
    low, high = ax.get_ylim()
    assert low == 0
    assert 1 < high < 3


def test_curves_of_one_name_are_all_named():
    ax = plot_time_course(runs(), "BIM", labels=["a", "a", "b"])
    assert names(ax.get_legend()) == ["a", "a", "b"]


def test_the_reference_is_drawn_and_named_first_in_black():
    ax = plot_time_course(runs(), "BIM", reference="r2", labels=["a", "b", "c"])
    assert names(ax.get_legend()) == ["c", "a", "b"]
    first = curves(ax)[0]
    assert first.get_color() == "#000000"
    np.testing.assert_allclose(first.get_ydata(), 200 * np.exp(-0.05 * HOURS))


def test_a_band_lies_around_its_curve():
    ds = runs()
    ds["BIM_low"], ds["BIM_high"] = ds["BIM"] - 20, ds["BIM"] + 100
    ax = plot_time_course(ds, "BIM", band=ds)
    shade = ax.collections[1].get_paths()[0].vertices
    at = shade[np.isclose(shade[:, 0], 48), 1]
    expected = 200 * np.exp(-0.01 * 48)
    assert (at.min(), at.max()) == pytest.approx((expected - 20, expected + 100))
    assert ax.get_ylim()[1] > 300


def test_a_schedule_that_all_share_is_a_bar_above_the_curves():
    drug = xr.DataArray("1@24,0@48,2@72", attrs={"units": "uM"})
    ax = plot_time_course(runs(dexamethasone=drug, cell="SUPT1"), "viability")
    bars = [(p.get_x(), p.get_width()) for p in ax.patches]
    assert bars == [(24, 24), (72, 24)]
    assert [t.get_text().strip() for t in ax.texts] == ["dexamethasone 1 µM", "2 µM"]
    bottom = min(p.get_y() for p in ax.patches)
    assert ax.transAxes.transform((0, bottom))[1] > ax.transData.transform((0, 1))[1]


def test_schedules_that_differ_are_curves_and_no_bar():
    ds = runs((0.0, 0.1)).rename(line="drug").assign_coords(drug=["0@0", "1@24"])
    ax = plot_time_course(ds, "BIM")
    assert len(ax.patches) == 0
    assert names(ax.get_legend()) == ["0@0", "1@24"]


def test_negative_values_are_within_the_axes():
    ds = runs()
    low = plot_time_course(ds["BIM"] - 500).get_ylim()[0]
    assert low < -500


def test_panels_share_time_and_one_legend():
    figure = plot_time_courses(failed(runs(), r2=30), columns=1)
    above, below = figure.axes
    assert (above.get_xlabel(), below.get_xlabel()) == ("", "time (h)")
    assert above.get_ylabel().startswith("viability")
    assert below.get_ylabel() == "BIM (µM)"
    assert above.get_shared_x_axes().joined(above, below)
    (legend,) = figure.legends
    assert names(legend) == ["r0", "r1", "r2", "failed (STEP_LIMIT)"]
    assert above.get_legend() is None
    assert figure.get_figwidth() == pytest.approx(COLUMN)
    figure.draw_without_rendering()
    box = legend.get_window_extent()
    assert above.bbox.x1 < box.x0 < box.x1 <= figure.bbox.x1


def test_panels_without_an_output_are_gone_and_time_stands_below_each_column():
    ds = runs()
    ds["caspase"] = ds["BIM"]
    figure = plot_time_courses(ds, ["BIM", "viability", "caspase"], columns=2)
    assert len(figure.axes) == 3
    assert [ax.get_xlabel() for ax in figure.axes] == ["", "time (h)", "time (h)"]
    figure.draw_without_rendering()
    shown = [ax.xaxis.get_major_ticks()[1].label1.get_visible() for ax in figure.axes]
    assert shown == [False, True, True]


def test_nothing_is_a_picture():
    file = io.BytesIO()
    plot_time_courses(runs(), columns=2).savefig(file, format="svg")
    assert b"<image" not in file.getvalue()


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (runs(), {}, "name the output to draw; the data have viability, BIM"),
        (runs()["BIM"].values, {}, "found a ndarray"),
        (runs(), {"output": "BIN"}, 'Nearest: "BIM"'),
        (runs()["BIM"], {"output": "viability"}, 'one output, "BIM"'),
        (runs().isel(time=0)["BIM"], {}, '"time" is no dimension'),
        (runs()["BIM"].expand_dims(cell=["a", "b"]), {}, "one dimension besides time"),
        (runs()["BIM"], {"reference": "r9"}, '"r9" is no level of line'),
        (runs()["BIM"][0], {"reference": "r0"}, "which are one curve"),
        (runs()["BIM"], {"labels": ["a"]}, "1 labels for 3 curves"),
    ],
)
def test_what_cannot_be_drawn_is_refused(data, options, message):
    with pytest.raises(ConditionError, match=message):
        plot_time_course(data, **options)


def test_panels_of_nothing_are_refused():
    with pytest.raises(ConditionError, match="0 outputs in 2 columns"):
        plot_time_courses(runs(), [])
