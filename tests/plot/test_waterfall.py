"""The starts of a fit: which are drawn, where, and as what."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from simulator.errors import ConditionError
from simulator.plot import plot_waterfall


@pytest.fixture(autouse=True)
def figures_are_closed():
    yield
    plt.close("all")


def starts(*objectives):
    found = [SimpleNamespace(fval=value) for value in objectives]
    return SimpleNamespace(optimize_result=SimpleNamespace(list=found))


def drawn(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines}


def test_starts_stand_above_the_best_one_in_order():
    ax = plot_waterfall(starts(-10.0, -9.95, -8.0, 90.0))
    np.testing.assert_allclose(drawn(ax)["best optimum"], [[1, 0], [2, 0.05]])
    np.testing.assert_allclose(drawn(ax)["others"], [[3, 2], [4, 100]])
    assert ax.get_title(loc="left") == "2 of 4 starts found the best optimum"
    assert ax.get_ylabel() == "objective above the best, -10.00"
    assert ax.get_yscale() == "symlog"
    assert ax.get_ylim()[1] > 100


def test_starts_that_failed_are_marked_at_the_upper_edge():
    ax = plot_waterfall(starts(1.0, 5.0, np.nan, np.inf))
    np.testing.assert_array_equal(drawn(ax)["failed"], [[3, 1], [4, 1]])
    assert ax.get_xlim()[1] > 4
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        "best optimum", "others", "failed",
    ]  # fmt: skip


def test_where_all_found_the_best_there_is_no_legend():
    ax = plot_waterfall(starts(1.0, 1.0), plt.subplots()[1])
    assert ax.get_legend() is None
    assert "others" not in drawn(ax)


def test_a_fit_without_an_objective_is_refused():
    with pytest.raises(ConditionError, match="nothing to draw"):
        plot_waterfall(starts(np.inf, np.nan))


def test_what_is_no_result_of_a_fit_is_refused():
    with pytest.raises(ConditionError, match=r"draws the pypesto\.Result of problem\.optimize"):
        plot_waterfall(np.zeros(3))
