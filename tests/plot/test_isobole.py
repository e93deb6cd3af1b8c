"""The figure of an isobole: the pairs, the additive line, bounds and failures."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from simulator.errors import ConditionError
from simulator.plot import plot_isobole

A, B = 0.02, 0.5


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def result(bound="=", single_bound="="):
    """Doses a = A (1 - sqrt(b / B)), 0 from B on: synergy everywhere."""
    x = np.r_[0, np.geomspace(0.01, 1, 9)]
    dose = np.clip(A * (1 - np.sqrt(x / B)), 0, None)
    signs = np.full(x.size, "=")
    signs[2] = bound
    return xr.Dataset(
        {
            "dose": ("inh", dose, {"units": "uM"}),
            "bound": ("inh", signs),
            "single": ("drug", [A, B]),
            "single_bound": ("drug", ["=", single_bound]),
            "best": ("drug", [A / 2, B / 4]),
        },
        {"inh": ("inh", x, {"units": "nM"}), "drug": ["ster", "inh"]},
        {"target": "viability <= 0.5", "time": 96.0},
    )


def marked(ax, marker):
    return [
        (x, y)
        for line in ax.lines
        if line.get_marker() == marker
        for x, y in np.broadcast(line.get_xdata(), line.get_ydata())
    ]


def test_the_additive_line_ends_at_the_doses_alone():
    ax = plot_isobole(result())
    assert ax.get_xscale() == ax.get_yscale() == "linear"
    (line,) = (x for x in ax.lines if x.get_linestyle() == "--")
    np.testing.assert_allclose(line.get_xydata(), [[0, A], [B, 0]])
    assert marked(ax, "*") == [(B / 4, A / 2)]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("inh (nM)", "ster (µM)")
    assert "viability ≤ 0.5" in ax.get_title(loc="left")
    assert "below the line: synergy" in ax.get_legend().get_title().get_text()
    curve = next(x for x in ax.lines if x.get_linestyle() == "-")
    wanted = result().sel(inh=slice(0, 0.45))
    np.testing.assert_allclose(curve.get_xdata(), wanted["inh"])
    np.testing.assert_allclose(curve.get_ydata(), wanted["dose"])


def test_on_log_axes_zero_is_apart_and_the_line_is_loewes():
    ax = plot_isobole(result(), log=True)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    (line,) = (x for x in ax.lines if x.get_linestyle() == "--")
    x, y = line.get_xydata().T
    np.testing.assert_allclose(x / B + y / A, 1)
    for axis in (ax.xaxis, ax.yaxis):
        assert axis.get_ticklabels()[0].get_text() == "0"


@pytest.mark.parametrize(("bound", "marker"), [(">", "^"), ("<", "v")])
def test_bounds_are_open_triangles_and_no_part_of_the_curve(bound, marker):
    found = result(bound)
    ax = plot_isobole(found)
    at = (float(found["inh"][2]), float(found["dose"][2]))
    assert marked(ax, marker) == [at]
    curve = next(x for x in ax.lines if x.get_linestyle() == "-")
    assert (at[0] in curve.get_xdata()) == (bound == "<")


def test_a_drug_that_misses_alone_makes_log_axes_and_a_dotted_line():
    ax = plot_isobole(result(single_bound=">"))
    assert ax.get_xscale() == "log"
    assert [x.get_linestyle() for x in ax.lines].count(":") == 1
    assert "additive, from a bound alone" in [t.get_text() for t in ax.get_legend().get_texts()]


def test_failed_runs_are_crosses_and_conditions_differ():
    both = xr.concat([result(), result()], "cell").assign_coords(cell=["one", "two"])
    both["dose"][1, 3] = np.nan
    both["single"] = both["single"].copy()
    ax = plot_isobole(both)
    ((x, _),) = marked(ax, "x")
    assert x == float(both["inh"][3])
    said = [t.get_text() for t in ax.get_legend().get_texts()]
    assert said[:2] == ["one", "two"] and "failed" in said
    lines = [x for x in ax.lines if x.get_linestyle() == "-"]
    assert len({line.get_color() for line in lines}) == 2


def test_what_is_no_isobole_is_refused():
    with pytest.raises(ConditionError, match='no "dose"'):
        plot_isobole(xr.Dataset())
    many = result().expand_dims(a=[1, 2], b=[1, 2])
    with pytest.raises(ConditionError, match="found a, b"):
        plot_isobole(many)
