"""Figures: what is on the axes, and that nothing opens a window."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from simulator.errors import ConditionError
from simulator.findings.draw_panes import draw_panes, pane_lines
from simulator.findings.panel import Curve, CurvePane, Panel
from simulator.findings.style import looks_of
from simulator.plot import plot_dose_response, plot_prediction
from simulator.plot.dose_axis import log_ticks
from simulator.predict import predict

from ..analytic_model import AnalyticModel
from ..test_predict import SETTINGS

DOSES = np.r_[0, np.geomspace(0.01, 10, 7)]


@pytest.fixture(autouse=True)
def no_window(monkeypatch):
    assert matplotlib.get_backend().lower() == "agg"
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("a window was opened"))
    yield
    plt.close("all")


def curves(**dims):
    shape = [len(v) for v in dims.values()]
    values = np.broadcast_to(1 / (1 + DOSES), (*shape, DOSES.size)).copy()
    coords = dims | {"drug": DOSES}
    return xr.DataArray(values, dims=list(coords), coords=coords)


def test_one_curve_on_a_log_axis_with_the_zero_dose_apart():
    ax = plot_dose_response(curves())
    assert ax.get_xscale() == "log"
    line, zero, *_ = ax.lines
    np.testing.assert_allclose(line.get_xdata(), DOSES[1:])
    np.testing.assert_allclose(line.get_ydata(), 1 / (1 + DOSES[1:]))
    assert zero.get_ydata() == [1]
    assert 0 < zero.get_xdata()[0] < DOSES[1]
    labels = dict(zip(ax.get_xticks(), [t.get_text() for t in ax.get_xticklabels()], strict=True))
    assert labels[zero.get_xdata()[0]] == "0"
    assert labels[1.0] == "1"


def test_axes_carry_units():
    da = curves()
    da["drug"].attrs["units"] = "nM"
    ax = plot_dose_response(da)
    assert ax.get_xlabel() == "drug (nM)"
    assert "fraction" in ax.get_ylabel()
    assert plot_dose_response(curves()).get_xlabel() == "drug (µM)"


def test_several_curves_differ_in_colour_and_marker_and_are_named():
    ax = plot_dose_response(curves(cell=["a", "b", "c"]).expand_dims(time=[96]))
    drawn = [line for line in ax.lines if len(line.get_xdata()) > 1]
    assert (
        len({line.get_color() for line in drawn}) == len({line.get_marker() for line in drawn}) == 3
    )
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "b", "c"]


def test_given_axes_are_used():
    ax = plt.subplots()[1]
    assert plot_dose_response(curves(), "drug", ax) is ax


def test_doses_need_no_zero_and_no_order():
    da = curves().isel(drug=[3, 1, 2])
    line = plot_dose_response(da, "drug").lines[0]
    np.testing.assert_allclose(line.get_xdata(), DOSES[1:4])


@pytest.mark.parametrize(
    ("da", "dose", "message"),
    [
        (curves(), "drugs", 'Nearest: "drug"'),
        (curves(a=[1, 2], b=[1, 2]), "drug", "one dimension besides"),
        (curves(other=[0, 1]), None, "name the dose dimension"),
        (curves().isel(drug=slice(1, None)), None, "name the dose dimension"),
    ],
)
def test_what_cannot_be_drawn_is_refused(da, dose, message):
    with pytest.raises(ConditionError, match=message):
        plot_dose_response(da, dose)


def hill(half, slope=2.0, floor=0.0, doses=DOSES):
    """Viability under a drug that kills half of what it can kill at the dose `half`."""
    values = floor + (1 - floor) / (1 + (doses / half) ** slope)
    return xr.DataArray(values, {"drug": doses}, ("drug",), name="viability")


def side_by_side(*curves):
    return xr.concat(curves, xr.DataArray([f"c{i}" for i in range(len(curves))], dims="line"))


def drawn_with(ax, **look):
    """Lines with data that look so."""
    return [
        line
        for line in ax.lines
        if len(line.get_xdata())
        and all(getattr(line, f"get_{name}")() == value for name, value in look.items())
    ]


def names_in_legend(ax):
    return [t.get_text() for t in ax.get_legend().get_texts()]


def test_the_ic50_of_a_hill_curve_without_a_floor_is_its_half_dose():
    # 0.1 and 1 are doses of the grid, so that nothing is interpolated.
    ax = plot_dose_response(side_by_side(hill(0.1), hill(1.0)), ic50=True)
    drops = [line for line in ax.lines if len(set(line.get_xdata())) == 1 < len(line.get_xdata())]
    assert [line.get_xdata()[0] for line in drops] == pytest.approx([0.1, 1.0])
    assert all(list(line.get_ydata()) == [0, 0.5] for line in drops)
    curves = [ax.lines[0], ax.lines[2]]
    assert [d.get_color() for d in drops] == [c.get_color() for c in curves]
    assert names_in_legend(ax) == ["c0", "c1", "IC50"]


def test_an_ic50_beyond_the_doses_is_an_arrow_and_no_line():
    # The first never falls to 0.5, the second is below it at every dose above 0.
    ax = plot_dose_response(
        side_by_side(hill(1.0, floor=0.7), hill(1e-4), hill(1e-3, floor=0.6)), ic50=True
    )
    right, left = drawn_with(ax, marker=">"), drawn_with(ax, marker="<")
    assert [line.get_xdata()[0] for line in right] == [DOSES[-1]] * 2
    assert [line.get_xdata()[0] for line in left] == [DOSES[1]]
    assert {line.get_ydata()[0] for line in right + left} == {0.5}
    ax.figure.canvas.draw()
    places = [line.get_transform().transform(line.get_xydata())[0] for line in right]
    assert places[0][1] - places[1][1] > 5  # pixels: below each other
    assert places[0][0] > ax.transData.transform((DOSES[-1], 0.5))[0]
    assert "IC50" not in names_in_legend(ax)
    assert names_in_legend(ax)[3:] == ["IC50 above doses", "IC50 below doses"]


def test_an_ic50_behind_a_missing_value_is_not_drawn():
    da = hill(1.0)
    da[3] = np.nan
    ax = plot_dose_response(da, ic50=True)
    assert names_in_legend(ax) == ["no value"]


def test_doses_without_a_value_are_crosses_above_the_curves():
    da = side_by_side(hill(1.0), hill(0.1))
    da[0, [0, 4]] = np.nan
    da[1, 2:] = np.nan
    ax = plot_dose_response(da, "drug")
    first, second = drawn_with(ax, marker="x")
    zero = ax.lines[1].get_xdata()[0]
    np.testing.assert_allclose(first.get_xdata(), [zero, DOSES[4]])
    np.testing.assert_allclose(second.get_xdata(), DOSES[2:])
    assert first.get_color() == ax.lines[0].get_color()
    assert names_in_legend(ax) == ["c0", "c1", "no value"]
    assert np.isnan(ax.lines[0].get_ydata()[3])  # no line leads across
    ax.figure.canvas.draw()
    heights = [line.get_transform().transform(line.get_xydata())[0, 1] for line in (first, second)]
    highest = ax.transData.transform((1, np.nanmax(da)))[1]
    assert ax.bbox.y1 > heights[0] > heights[1] > highest


def test_a_band_lies_around_its_curve_and_the_zero_dose():
    da = side_by_side(hill(1.0), hill(0.1))
    da = da.isel(drug=[4, 0, 1, 2, 3, 5, 6, 7])  # in any order of doses
    low, high = da - 0.05, da + 0.4
    for band in (
        (low, high),
        xr.Dataset({"low": low, "high": high}),
        xr.Dataset({"viability_low": low, "viability_high": high.transpose()}),
    ):
        ax = plot_dose_response(da, "drug", band=band)
        shade = ax.collections[0].get_paths()[0].vertices
        for dose, value in zip(DOSES[1:], hill(1.0).values[1:], strict=True):
            at = shade[np.isclose(shade[:, 0], dose), 1]
            assert (at.min(), at.max()) == pytest.approx((value - 0.05, value + 0.4))
        bar = ax.collections[1].get_segments()[0]
        assert list(bar[:, 1]) == pytest.approx([0.95, 1.4])
        assert ax.get_ylim()[1] > 1.4


def test_the_legend_stands_beside_the_curves_within_the_figure():
    names = ["none", "NRAS_G12D+PTEN_LOSS with selumetinib 1 uM", "c"]
    ax = plot_dose_response(curves(cell=names), ic50=True)
    ax.figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    assert box.x0 > ax.bbox.x1
    assert box.x1 <= ax.figure.bbox.x1
    assert ax.bbox.width > ax.figure.bbox.width / 3


def test_many_levels_of_a_dose_go_along_one_scale_and_are_named_with_its_unit():
    da = curves(mek=np.geomspace(0.01, 10, 9))
    da["mek"].attrs["units"] = "uM"
    ax = plot_dose_response(da, "drug")
    assert names_in_legend(ax)[:3] == ["0.01", "0.0237", "0.0562"]
    assert ax.get_legend().get_title().get_text() == "mek (µM)"
    luminance = [np.dot(line.get_color()[:3], [0.3, 0.59, 0.11]) for line in ax.lines[:18:2]]
    assert np.all(np.diff(luminance) > 0)


@pytest.mark.parametrize(
    ("low", "high", "labelled"),
    [
        (0.003, 30, [0.01, 0.1, 1, 10]),
        (1e-4, 10, [1e-4, 1e-2, 1]),
        (0.3, 6, [0.5, 1, 2, 5]),
        (3, 4, [3, 4]),
    ],
)
def test_ticks_of_doses(low, high, labelled):
    found, between = log_ticks(low, high)
    assert found == pytest.approx(labelled)
    assert all(low <= d <= high for d in found + between)


def test_a_panel_of_a_finding_with_a_missing_value_can_be_drawn():
    from matplotlib.figure import Figure

    curve = Curve("a", DOSES, np.r_[np.nan, hill(1.0).values[1:]])
    figure = Figure(layout="constrained")
    panes = (CurvePane("drug", "uM", "viability", (curve,)),)
    (line,) = pane_lines(panes, 9.0, keyed=False)
    draw_panes(figure, line, looks_of(Panel("", panes, ())))
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["a", "no value"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["a"]}, "1 labels for 2 curves"),
        ({"band": (hill(1.0), hill(1.0))}, "both need the same dimensions"),
        ({"band": xr.Dataset({"l": hill(1.0)})}, 'it needs "low" and "high"'),
    ],
)
def test_labels_and_bands_of_other_curves_are_refused(change, message):
    with pytest.raises(ConditionError, match=message):
        plot_dose_response(side_by_side(hill(1.0), hill(0.1)), "drug", **change)


def test_percent_has_no_ic50():
    with pytest.raises(ConditionError, match="percent"):
        plot_dose_response(100 * hill(1.0), ic50=True)


@pytest.mark.parametrize("data", [hill(1.0).to_dataset(), hill(1.0).values])
def test_other_data_are_refused(data):
    with pytest.raises(ConditionError, match="plot_dose_response draws"):
        plot_dose_response(data)


def test_large_doses_are_written_out():
    doses = np.r_[0, 10.0, 100, 1000]
    ax = plot_dose_response(hill(100, doses=doses))
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0", "10", "100", "1000"]


def test_text_is_no_dose():
    da = curves(cell=["a", "b"]).isel(drug=0)
    with pytest.raises(ConditionError, match="no numeric doses"):
        plot_dose_response(da, "cell")


def test_the_prediction_shows_every_condition_and_frames_what_resensitises(tmp_path):
    table, found = predict(AnalyticModel(settings={"predict": SETTINGS}))
    figure = plot_prediction(table, found, shown=["LINE RAS_ON", "PDX"])
    heat_map = figure.subfigs[0].axes[0]
    names = [t.get_text() for t in heat_map.get_yticklabels()]
    assert names == ["LINE", "LINE RAS_ON", "PDX", "PDX + IL7"]
    wide = table.pivot(index="condition", columns="treatment", values="auc400")
    expected = wide.loc[names, found["treatment"].values]
    np.testing.assert_allclose(heat_map.images[0].get_array(), expected)
    frames = [(p.get_x(), p.get_y()) for p in heat_map.patches]
    assert len(frames) == 1
    assert frames[0] == pytest.approx((1 - 0.47, 1 - 0.44))
    titles = [ax.get_title(loc="left") for ax in figure.subfigs[1].axes]
    assert titles[0].startswith("LINE RAS_ON")
    assert titles[1].startswith("PDX\n")
    for name in ("p.png", "p.pdf"):
        figure.savefig(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000


def test_a_missing_value_is_shown_as_such():
    table, found = predict(AnalyticModel(settings={"predict": SETTINGS}))
    table.loc[0, "auc400"] = np.nan
    found["viability"][0] = np.nan
    figure = plot_prediction(table, found)
    assert "no value" in [t.get_text() for t in figure.subfigs[0].axes[0].texts]
    assert isinstance(table, pd.DataFrame)
