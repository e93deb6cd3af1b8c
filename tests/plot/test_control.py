"""Figures of control coefficients and global sensitivity."""

from io import StringIO

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from simulator.errors import ConditionError
from simulator.plot import plot_control, plot_sensitivity


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


NAMES = ["small", "large", "none", "negative"]


def control(**levels):
    values = np.array([0.1, 2.0, np.nan, -1.0])
    da = xr.DataArray(values, dims="parameter", coords={"parameter": NAMES})
    da.attrs = {"long_name": "d ln auc400 / d ln p"}
    for dim, each in levels.items():
        da = da.expand_dims({dim: each}, axis=-1)
    return da


def names(ax):
    return [t.get_text() for t in ax.get_yticklabels()]


def test_one_measure_is_bars_by_size_with_their_sign():
    ax = plot_control(control(condition=["x"]))
    assert names(ax) == ["large", "negative", "small", "none"]
    assert [bar.get_width() for bar in ax.patches] == [2.0, -1.0, 0.1]
    assert [t.get_text() for t in ax.texts] == ["+2.00", "−1.00", "+0.10", "no value"]
    assert ax.patches[0].get_facecolor() != ax.patches[1].get_facecolor()
    assert ax.get_xlabel() == "d ln auc400 / d ln p (dimensionless)"


def test_several_conditions_are_a_heat_map_centred_at_0():
    ds = control(alteration=["none", "NRAS"]).to_dataset(name="control")
    ax = plot_control(ds, top=3)
    assert names(ax) == ["large", "negative", "small"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["none", "NRAS"]
    assert ax.get_xlabel() == "alteration"
    assert ax.collections[-1].get_clim() == (-2, 2)
    assert [t.get_text() for t in ax.texts][:2] == ["+2.00", "+2.00"]
    assert ax.get_title(loc="left") == "3 largest of 4 parameters"
    assert "–" in [t.get_text() for t in plot_control(ds).texts]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (control(a=[1, 2], b=[1, 2]), {}, "found a, b"),
        (control().rename(parameter="p"), {}, "parameter"),
        (xr.Dataset(), {}, "control_coefficients"),
        (control(), {"top": 0}, "whole number"),
    ],
)
def test_what_is_no_control_coefficient_is_refused(data, options, message):
    with pytest.raises(ConditionError, match=message):
        plot_control(data, **options)


def indices(names, attrs=(), **columns):
    coords = {"parameter": list(names)}
    found = {k: ("parameter", np.array(v, float)) for k, v in columns.items()}
    return xr.Dataset(found, coords, {"measure": "auc400", "units": "nM", **dict(attrs)})


def test_sobol_indices_have_whiskers_and_are_ordered_by_st():
    ds = indices("abc", {"confidence": 0.9}, S1=[0.1, 0.5, np.nan], S1_conf=[0.1, 0.2, np.nan],
                 ST=[0.2, 0.7, np.nan], ST_conf=[0.05, 0.1, np.nan])  # fmt: skip
    ax = plot_sensitivity(ds.assign(bounded=0.25))
    assert names(ax) == ["b", "a", "c"]
    first, total = ax.containers
    np.testing.assert_array_equal(first.lines[0].get_xdata(), [0.5, 0.1, np.nan])
    whisker = total.lines[2][0].get_segments()[0]
    np.testing.assert_allclose(whisker[:, 0], [0.6, 0.8])
    assert "90 % interval" in ax.get_xlabel() and "auc400" in ax.get_xlabel()
    assert any("no value" in t.get_text() for t in ax.texts)
    assert ax.get_title(loc="left") == "a bound in 25 % of draws"


def test_morris_is_a_scatter_whose_largest_are_named_without_overlap():
    rng = np.random.default_rng(1)
    many = [f"parameter_{k}" for k in range(30)]
    size = rng.random(30)
    ds = indices(many, mu_star=size, mu_star_conf=0.1 * size, sigma=rng.random(30))
    ax = plot_sensitivity(ds, labelled=6)
    figure = ax.figure
    figure.canvas.draw()
    texts = [t for t in ax.texts if t.get_text().startswith("parameter_")]
    assert [t.get_text() for t in texts] == [many[k] for k in np.argsort(-size)[:6]]
    boxes = [plt.Text.get_window_extent(t) for t in texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    np.testing.assert_array_equal(ax.containers[0].lines[0].get_xdata(), size)
    assert "(nM)" in ax.get_xlabel() and "(nM)" in ax.get_ylabel()


def test_groups_have_mu_star_alone_and_several_conditions_are_refused():
    ds = indices("ab", mu_star=[1, 2], mu_star_conf=[0.1, 0.1])
    assert names(plot_sensitivity(ds)) == ["b", "a"]
    with pytest.raises(ConditionError, match=r"isel\(dose=0\)"):
        plot_sensitivity(ds.expand_dims(dose=[1, 2]))
    with pytest.raises(ConditionError, match="global_sensitivity"):
        plot_sensitivity(ds.drop_vars("mu_star"))


def test_a_heat_map_is_vectors_and_so_is_its_colour_bar():
    file = StringIO()
    plot_control(control(condition=["x", "y"])).figure.savefig(file, format="svg")
    assert "<svg" in file.getvalue()
    assert "<image" not in file.getvalue()
