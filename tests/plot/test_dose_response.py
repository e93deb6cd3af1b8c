"""Figures: what is on the axes, and that nothing opens a window."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from simulator.errors import ConditionError
from simulator.plot import plot_dose_response, plot_prediction
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
