"""Cohorts: where samples stand, how groups are told apart, what is missing."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.colors import to_hex

from simulator.errors import ConditionError
from simulator.plot import plot_cohort, plot_cohort_waterfall

SAMPLES = ["a", "b", "c", "d", "e", "f"]
ALONE = [50.0, 300.0, 120.0, 390.0, 60.0, 200.0]
WITH = [100.0, 310.0, 240.0, 395.0, 70.0, 180.0]


@pytest.fixture(autouse=True)
def no_window(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("a window was opened"))
    yield
    plt.close("all")


def auc(values, il7, bound=None, samples=SAMPLES):
    coords = {
        "sample": samples,
        "time": [96.0],
        "il7": ((), il7, {"units": "ng/ml"}),
        "bound": (("sample", "time"), np.array(bound or ["="] * len(samples))[:, None]),
        "lineage": ("sample", ["T"] * len(samples)),
    }
    return xr.DataArray(
        np.array(values)[:, None], dims=("sample", "time"), coords=coords, name="auc400"
    )


def points(ax):
    """Label -> (x, y) of its markers."""
    return {line.get_label(): line.get_xydata() for line in ax.lines if len(line.get_xydata())}


def entries(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_samples_stand_at_their_values_on_equal_axes():
    ax = plot_cohort(auc(ALONE, 0.0), auc(WITH, 25.0))
    np.testing.assert_array_equal(points(ax)["n = 6"], np.column_stack([ALONE, WITH]))
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_xlim()[0] < 0 and ax.get_xlim()[1] > 400
    assert ax.get_aspect() == 1
    np.testing.assert_array_equal(ax.get_xticks(), ax.get_yticks())
    diagonal = ax.lines[0].get_xydata()
    np.testing.assert_array_equal(diagonal[:, 0], diagonal[:, 1])


def test_axes_say_in_what_the_conditions_differ():
    ax = plot_cohort(auc(ALONE, 0.0), auc(WITH, 25.0))
    assert ax.get_xlabel() == "AUC (400 = no effect), il7 0 ng/ml"
    assert ax.get_ylabel() == "AUC (400 = no effect), il7 25 ng/ml"
    ax = plot_cohort(auc(ALONE, 0.0), auc(WITH, 25.0), xlabel="alone", ylabel="with")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("alone", "with")


def test_samples_are_matched_by_name():
    turned = auc(WITH[::-1], 25.0, samples=SAMPLES[::-1])
    ax = plot_cohort(auc(ALONE, 0.0), turned)
    np.testing.assert_array_equal(points(ax)["n = 6"], np.column_stack([ALONE, WITH]))


@pytest.mark.parametrize(
    "by",
    [
        ["yes", "no", "yes", "no", "no", "no"],
        pd.Series([False, True] + [False] * 3 + [True], index=[*"fabde", "c"], name="responds"),
        xr.DataArray([True, False, True] + [False] * 3, {"sample": SAMPLES}, name="responds"),
    ],
)
def test_groups_differ_in_colour_and_marker_and_are_counted(by):
    ax = plot_cohort(auc(ALONE, 0.0), auc(WITH, 25.0), by=by)
    drawn = {line.get_label(): line for line in ax.lines}
    yes, no = drawn["yes (n = 2)"], drawn["no (n = 4)"]
    np.testing.assert_array_equal(sorted(yes.get_xdata()), [50.0, 120.0])
    assert to_hex(yes.get_color()) != to_hex(no.get_color())
    assert yes.get_marker() != no.get_marker()
    assert set(entries(ax)) == {"yes (n = 2)", "no (n = 4)"}


def test_a_coordinate_gives_groups_and_samples_without_one_are_a_group():
    assert entries(plot_cohort(auc(ALONE, 0.0), auc(WITH, 25.0), by="lineage")) == ["T (n = 6)"]
    by = pd.Series(["x", None] * 3, index=SAMPLES)
    ax = plot_cohort(auc(ALONE, 0.0), auc(WITH, 25.0), by=by)
    assert entries(ax) == ["x (n = 3)", "no group (n = 3)"]


def test_the_line_of_a_ratio_has_its_slope_and_name():
    ax = plot_cohort(auc(ALONE, 0.0), auc(WITH, 25.0), ratio=1.5)
    line = ax.lines[1].get_xydata()
    np.testing.assert_allclose(line[:, 1], 1.5 * line[:, 0])
    low, high = ax.get_xlim()
    assert line.min() >= low - 1e-9 and line.max() <= high + 1e-9
    assert [t.get_text() for t in ax.texts] == ["1.5-fold"]


def test_the_resistant_half_is_shaded_in_both_directions():
    ax = plot_cohort(auc(ALONE, 0.0), auc(WITH, 25.0), resistant_above=200)
    boxes = [patch.get_bbox() for patch in ax.patches]
    assert [boxes[0].x0, boxes[1].y0] == [200, 200]
    assert "above 200: resistant" in entries(ax)
    assert not plot_cohort(auc(ALONE, 0.0), auc(WITH, 25.0)).patches


def test_missing_values_are_at_the_edge_and_counted():
    x, y = list(ALONE), list(WITH)
    x[0] = x[1] = y[1] = y[2] = np.nan
    ax = plot_cohort(auc(x, 0.0), auc(y, 25.0))
    np.testing.assert_array_equal(points(ax)["n = 6"], np.column_stack([x, y])[3:])
    lone = [line for line in ax.lines if line.get_label() == "_one value"]
    assert [tuple(line.get_xydata()[0]) for line in lone] == [(120.0, 0.0), (0.0, 100.0)]
    assert {"one value only (n = 2)", "no value (n = 1)"} <= set(entries(ax))


def test_bounds_have_arrows_to_where_the_value_is():
    ends = ["="] * 5 + [">"]
    ax = plot_cohort(auc(ALONE, 0.0, ends), auc(WITH, 25.0, ["<"] + ["="] * 5))
    arrows = [line.get_xydata()[0] for line in ax.lines if line.get_label() == "_bound"]
    below, right = sorted(arrows, key=lambda at: at[0])
    assert below[0] == 50.0 and below[1] < 100.0
    assert right[0] > 200.0 and right[1] == 180.0
    assert "true value beyond" in entries(ax)


def test_given_axes_are_used():
    ax = plt.subplots()[1]
    assert plot_cohort(auc(ALONE, 0.0), auc(WITH, 25.0), ax) is ax
    assert plot_cohort_waterfall(auc(ALONE, 0.0), ax) is ax


def bars(ax):
    """Heights from left to right."""
    found = sorted(ax.patches, key=lambda bar: bar.get_x())
    return [bar.get_height() for bar in found]


def test_samples_stand_in_the_order_of_their_values():
    ax = plot_cohort_waterfall(auc(ALONE, 0.0), threshold=200)
    assert bars(ax) == sorted(ALONE)
    names = [SAMPLES[k] for k in np.argsort(ALONE)]
    assert [t.get_text() for t in ax.get_xticklabels()] == names
    assert any(list(line.get_ydata()) == [200, 200] for line in ax.lines)
    assert ax.get_ylabel() == "AUC (400 = no effect)"


def test_bars_have_the_colour_of_their_group():
    by = pd.Series(["low", "high"] * 3, index=SAMPLES)
    ax = plot_cohort_waterfall(pd.Series(ALONE, index=SAMPLES, name="AUC"), by=by)
    colours = {
        height: to_hex(bar.get_facecolor()) for bar in ax.patches for height in [bar.get_height()]
    }
    low = {colours[ALONE[k]] for k in (0, 2, 4)}
    high = {colours[ALONE[k]] for k in (1, 3, 5)}
    assert len(low) == len(high) == 1 and low != high
    assert entries(ax) == ["low (n = 3)", "high (n = 3)"]


def test_changes_may_be_negative_and_what_is_missing_stands_at_the_right():
    change = pd.Series([5.0, -3.0, np.nan, 1.0], index=[*"wxyz"], name="change")
    ax = plot_cohort_waterfall(change)
    assert bars(ax) == [-3.0, 1.0, 5.0]
    [cross] = [line for line in ax.lines if line.get_label() == "_no value"]
    assert cross.get_xdata() == [3]
    assert [t.get_text() for t in ax.get_xticklabels()] == [*"xzwy"]
    assert "no value (n = 1)" in entries(ax)


def test_names_are_left_out_where_they_do_not_fit_unless_wanted():
    many = pd.Series(np.arange(90.0), index=[f"sample {k}" for k in range(90)])
    ax = plot_cohort_waterfall(many)
    assert not ax.get_xticklabels()
    assert ax.get_xlabel() == "90 samples, in order"
    assert len(plot_cohort_waterfall(many, names=True).get_xticklabels()) == 90


X, Y = auc(ALONE, 0.0), auc(WITH, 25.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot_cohort(X, Y.isel(sample=slice(3))), "different samples, 6 .a, b, c"),
        (lambda: plot_cohort(xr.concat([X, Y], "il7"), Y), "dimensions il7, sample"),
        (lambda: plot_cohort(ALONE, WITH), "a DataArray or a Series, not list"),
        (lambda: plot_cohort(X, Y, by="lineages"), 'Nearest: "lineage"'),
        (lambda: plot_cohort(X, Y, by=["x"]), "1 values and there are 6 samples"),
        (lambda: plot_cohort(X, Y, by=pd.Series(["x"], index=["a"])), 'none for the sample "b"'),
        (lambda: plot_cohort(X * np.nan, Y * np.nan), "no sample has a value"),
        (lambda: plot_cohort_waterfall(X * np.nan), "no sample has a value"),
        (lambda: plot_cohort_waterfall(pd.Series([1.0, 2.0], index=["a", "a"])), "several values"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, message):
    with pytest.raises(ConditionError, match=message):
        call()


def test_too_many_groups_are_refused():
    many = pd.Series(np.arange(9.0))
    with pytest.raises(ConditionError, match="9 groups cannot be told apart, 7 at most"):
        plot_cohort(many, many, by=range(9))
