"""Figures of screens: what is drawn is the table, and what has no value says so."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from simulator.errors import ConditionError
from simulator.plot import plot_screen, plot_screen_pairs


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def table(measure="auc400", units="dimensionless"):
    """Perturbations of a measure that is 200 without: lower, bound, higher, equal, failed."""
    rows = [
        ("knock-out", "A", 0.0, "fold", 50.0, "=", 1.0, "SUCCESS"),
        ("drug", "d", 0.5, "uM", 100.0, "<", 0.2, "SUCCESS"),
        ("knock-down", "B", 0.2, "fold", 300.0, "=", 0.9, "SUCCESS"),
        ("knock-down", "C", 0.2, "fold", 200.0, "=", 0.9, "SUCCESS"),
        ("knock-out", "D", 0.0, "fold", np.nan, "=", np.nan, "STEP_LIMIT"),
    ]
    names = ["kind", "name", "level", "unit", measure, "bound", "at_dose_0", "status"]
    frame = pd.DataFrame(rows, columns=names)
    frame.insert(0, "rank", pd.array([1, 2, 3, 4, None], "Int64"))
    frame.insert(6, "unperturbed", 200.0)
    frame["unperturbed_bound"] = "="
    frame["log2_ratio"] = np.log2(frame[measure] / 200)
    frame.attrs = {"measure": measure, "units": units, "dose": "steroid"}
    return frame


def points(ax):
    """Marker, value and face of each row's mark, from the top down."""
    found = {}
    for line in ax.lines:
        if line.get_linestyle() == "None":
            found[line.get_ydata()[0]] = (
                line.get_marker(), line.get_xdata()[0], line.get_markerfacecolor(),
            )  # fmt: skip
    return [found[k] for k in sorted(found)]


def names(ax):
    return [t.get_text() for t in ax.get_yticklabels()]


def test_every_perturbation_has_a_row_its_value_and_its_direction():
    ax = plot_screen(table())
    assert names(ax) == ["A knock-out", "d 0.5 µM †", "B × 0.2", "C × 0.2", "D knock-out"]
    assert [(m, x) for m, x, _ in points(ax)] == [("<", 50), ("<", 100), (">", 300), ("o", 200)]
    assert [face == "white" for *_, face in points(ax)] == [False, True, False, False]
    assert ax.lines[0].get_xdata() == [200, 200]  # unperturbed
    texts = [t.get_text() for t in ax.texts]
    assert texts == ["<", "× step limit"]
    legend = ax.get_legend()
    assert "less than 0.5" in legend.get_title().get_text()
    said = [t.get_text() for t in legend.get_texts()]
    assert said == ["unperturbed", "more sensitive", "more resistant", "unchanged"]
    assert ax.get_xlabel() == "auc400 of steroid"
    top, bottom = ax.get_ylim()[::-1]
    assert top < 0 and bottom > 4


def test_units_other_measures_and_the_rest_of_the_rows_are_named():
    ax = plot_screen(table("live_cells", "nM"), top=2, kills_below=0.1)
    assert ax.get_xlabel() == "live_cells of steroid (nM)"
    # the failed one is never dropped
    assert names(ax) == ["A knock-out", "d 0.5 µM", "D knock-out"]
    assert ax.get_title(loc="left") == "2 largest effects of 4"
    assert "lower" in [t.get_text() for t in ax.get_legend().get_texts()]


def test_a_wide_positive_measure_has_a_log_axis_and_given_axes_are_used():
    wide = table("ic50", "uM")
    wide.loc[0, "ic50"] = 0.01
    given = plt.subplots()[1]
    assert plot_screen(wide, given) is given
    assert given.get_xscale() == "log" and plot_screen(table()).get_xscale() == "linear"


@pytest.mark.parametrize(
    ("changed", "options", "message"),
    [
        (lambda t: t.rename(columns={"unperturbed": "unperturbd"}), {}, 'Nearest: "unperturbd"'),
        (lambda t: t.iloc[:0], {}, "no rows"),
        (lambda t: pd.concat([t.assign(c="x"), t.assign(c="y")]), {}, "several of c"),
        (lambda t: [1], {}, "sim.screen returns"),
        (lambda t: t, {"top": 0}, "whole number"),
    ],
)
def test_what_is_no_screen_of_one_condition_is_refused(changed, options, message):
    with pytest.raises(ConditionError, match=message):
        plot_screen(changed(table()), **options)


def with_pairs():
    frame = table().iloc[[0, 1]]
    both = frame.iloc[[0]].assign(kind="knock-out + drug", name="A + d", level=np.nan, unit="")
    both = both.assign(auc400=25.0, log2_ratio=-3.0)
    found = pd.concat([frame, both], ignore_index=True).assign(beyond_sum=[np.nan, np.nan, 0.75])
    found.attrs = frame.attrs
    return found


def test_pairs_are_a_triangle_with_numbers():
    ax = plot_screen_pairs(with_pairs())
    assert names(ax) == ["d"] and [t.get_text() for t in ax.get_xticklabels()] == ["A"]
    assert [t.get_text() for t in ax.texts] == ["0.75*"]  # the drug alone is a bound
    ax = plot_screen_pairs(with_pairs(), value="log2_ratio")
    assert [t.get_text() for t in ax.texts if t.get_text()] == ["−2.00", "−3.00*", "−1.00*"]
    mesh = ax.collections[-1]
    assert mesh.get_clim() == (-3, 3)


def test_pairs_that_failed_say_so_and_what_has_none_is_refused():
    lost = with_pairs()
    lost.loc[2, ["auc400", "log2_ratio", "beyond_sum"]] = np.nan
    lost.loc[2, "status"] = "STEP_LIMIT"
    assert [t.get_text() for t in plot_screen_pairs(lost).texts] == ["failed"]
    with pytest.raises(ConditionError, match="no pairs"):
        plot_screen_pairs(table())
    with pytest.raises(ConditionError, match="beyond_sum"):
        plot_screen_pairs(with_pairs(), value="difference")
