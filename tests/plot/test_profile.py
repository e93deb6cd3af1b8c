"""Profiles from a plain table: curve, optimum, threshold, interval and bounds."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from simulator.errors import ConditionError
from simulator.plot import COLUMN, plot_profile, plot_profiles

ALLOWED = 1.92


@pytest.fixture(autouse=True)
def figures_are_closed():
    yield
    plt.close("all")


def part(values, verdict="identifiable", lower=0.5, upper=2.0, scale="log10", estimate=1.0):
    values = np.asarray(values, float)
    return pd.DataFrame(
        {
            "value": values,
            "rise": 4 * np.log10(values / estimate) ** 2 if scale != "lin" else values * 0.01,
            "estimate": estimate,
            "lower": lower,
            "upper": upper,
            "lower_bound": 1e-3,
            "upper_bound": 10.0,
            "scale": scale,
            "verdict": verdict,
        }
    )


def table(**parts):
    parts = parts or {
        "k_on": part(np.geomspace(0.1, 10, 21)),
        "offset": part(np.linspace(1, 3, 5), "flat", np.nan, np.nan, "lin"),
    }
    found = pd.concat(parts, names=["parameter", "point"])
    found.attrs = {"level": 0.95, "allowed_rise": ALLOWED}
    return found


def curve(ax):
    return max(ax.lines, key=lambda line: len(line.get_xdata()))


def test_a_profile_is_drawn_on_the_scale_on_which_it_was_searched():
    ax = plot_profile(table(), "k_on")
    np.testing.assert_allclose(curve(ax).get_xdata(), np.geomspace(0.1, 10, 21))
    np.testing.assert_allclose(curve(ax).get_ydata(), 4 * np.linspace(-1, 1, 21) ** 2, atol=1e-12)
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "k_on"
    assert plot_profile(table(), "offset").get_xscale() == "linear"


def test_threshold_optimum_and_interval_are_shown():
    ax = plot_profile(table(), "k_on")
    assert any(list(line.get_ydata()) == [ALLOWED, ALLOWED] for line in ax.lines)
    assert any(list(line.get_xydata()[0]) == [1.0, 0.0] for line in ax.lines)
    box = ax.patches[0].get_bbox()
    assert (box.x0, box.x1) == (0.5, 2.0)
    assert [t.get_text() for t in ax.texts] == ["95 %"]


def test_an_interval_without_an_end_reaches_the_edge():
    ax = plot_profile(table(), "offset")
    box = ax.patches[0].get_bbox()
    assert (box.x0, box.x1) == ax.get_xlim()


def test_only_bounds_that_the_profile_reaches_are_shown():
    ax = plot_profile(table(), "k_on")
    upright = [line.get_xdata()[0] for line in ax.lines if list(line.get_ydata()) == [0, 1]]
    assert upright == [10.0]


def test_verdicts_have_colours_and_their_word():
    figure = plot_profiles(table())
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["identifiable", "flat"]
    assert len({to_hex(curve(ax).get_color()) for ax in figure.axes}) == 2


@pytest.mark.parametrize("columns", [2, 4])
def test_two_panels_are_one_column_wide(columns):
    many = table(**{f"k{n}": part(np.geomspace(0.1, 10, 5)) for n in range(5)})
    figure = plot_profiles(many, columns)
    assert figure.get_figwidth() == pytest.approx(columns / 2 * COLUMN)
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_xlabel() for ax in shown] == [f"k{n}" for n in range(5)]
    assert figure.get_supylabel() == "rise of the objective"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot_profile(table(), "k_of"), 'Nearest: "k_on"'),
        (lambda: plot_profile(table().drop(columns="rise"), "k_on"), "has no rise"),
        (lambda: plot_profiles(table().iloc[:0]), "There are no profiles"),
    ],
)
def test_what_is_no_table_of_profiles_is_refused(call, message):
    with pytest.raises(ConditionError, match=message):
        call()


def test_a_table_without_its_level_is_refused():
    bare = table()
    bare.attrs = {}
    with pytest.raises(ConditionError, match="allowed_rise"):
        plot_profiles(bare)
