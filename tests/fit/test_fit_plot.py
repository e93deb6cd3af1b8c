"""Panels of a fit's figure: what shares an axis, and how bounds of values are marked."""

from dataclasses import replace

import pypesto
import pytest

from simulator.fit import Problem, plot_fit
from simulator.fit.objective import Search, pypesto_problem

from .relative_problem import small


def at_nominal(problem):
    """A result with one start, which ends at the nominal values."""
    search = Search(problem)
    x = search.scales.scaled(problem.nominal[[problem.ids.index(name) for name in search.ids]])
    result = pypesto.Result(pypesto_problem(search))
    value = search.evaluate(x).objective
    result.optimize_result.append(pypesto.OptimizerResult(id="0", x=x, fval=value, exitflag=0))
    return result


def drawn(problem):
    figure = plot_fit(problem, at_nominal(problem))
    figure.canvas.draw()
    return figure, {ax.get_title(loc="left"): ax for ax in figure.axes if ax.get_visible()}


@pytest.fixture(scope="module")
def gels(tmp_path_factory):
    """The observable `blot` on three gels: of scales 2, 3 and 500."""
    path = small(tmp_path_factory.mktemp("gels"))
    table = path.parent / "measurements.tsv"
    lines = table.read_text().splitlines()
    own = [line for line in lines if line.startswith("blot")]
    for scale in ("3", "500"):
        lines += [line.replace("scale;shift", f"{scale};shift") for line in own]
    table.write_text("\n".join(lines) + "\n")
    problem = Problem(path)
    measured = problem.petab.measurements
    simulated = problem.at(problem.table()).evaluation.simulations
    return problem.with_measurements(
        [replace(m, value=float(v)) for m, v in zip(measured, simulated, strict=True)],
        estimated=True,
    )


def test_gels_whose_sizes_are_far_apart_have_panels_of_their_own(gels):
    _, axes = drawn(gels)
    assert list(axes) == ["blot (1 of 2)", "blot (2 of 2)", "plain", "logged", "weighed"]
    large, little = axes["blot (1 of 2)"], axes["blot (2 of 2)"]
    points = {
        ax: [line for line in ax.lines if line.get_linestyle() == "None"] for ax in axes.values()
    }
    count = len([m for m in gels.petab.measurements if m.observable == "blot"]) // 3
    assert [len(points[ax]) for ax in (large, little)] == [count, 2 * count]
    for ax in (large, little):
        largest = max(float(line.get_ydata()[0]) for line in points[ax])
        assert largest > 0.5 * ax.get_ylim()[1]
    assert large.get_ylim()[1] > 30 * little.get_ylim()[1]


def test_a_small_series_stays_beside_the_others_of_its_gel(tmp_path):
    """That an untreated sample is near 0 is what its axis shows."""
    path = small(tmp_path, ("conditions.tsv", "conditionId\nc\n", "conditionId A\nc 1\nd 1e-6\n"))
    table = path.parent / "measurements.tsv"
    lines = table.read_text().splitlines()
    lines += [line.replace("\tc\t", "\td\t") for line in lines if line.startswith("plain")]
    table.write_text("\n".join(lines) + "\n")
    assert "plain" in drawn(Problem(path))[1]


def test_censored_values_are_hollow_and_point_to_where_they_may_lie(tmp_path):
    problem = Problem(small(tmp_path, censored=True))
    figure, axes = drawn(problem)
    text = (problem.petab.path.parent / "measurements.tsv").read_text()
    kinds = [text.count(kind) for kind in ("left-censored", "right-censored", "interval-censored")]
    hollow = [line for ax in axes.values() for line in ax.lines if line.get_fillstyle() == "none"]
    marks = [line.get_marker() for line in hollow]
    assert [marks.count(mark) for mark in "v^_"] == kinds
    assert min(kinds) > 0
    (legend,) = figure.legends
    assert {"below this", "above this", "between these"} <= {
        text.get_text() for text in legend.get_texts()
    }


def test_values_at_one_time_are_shown_against_simulated_ones_on_equal_axes(tmp_path):
    path = small(tmp_path)
    table = path.parent / "measurements.tsv"
    head, *lines = table.read_text().splitlines()
    table.write_text("\n".join([head, *(line for line in lines if "\t0.5\t" in line)]) + "\n")
    _, axes = drawn(Problem(path))
    assert list(axes) == ["blot", "plain", "logged", "weighed"]
    for name, ax in axes.items():
        assert ax.get_xlabel() == "simulated"
        assert ax.get_xlim() == ax.get_ylim()
        assert ax.get_xscale() == ax.get_yscale() == ("log" if name == "logged" else "linear")


def test_what_fitting_exports_is_there_and_misspelt_names_are_corrected():
    from simulator import fit

    assert all(callable(getattr(fit, name)) for name in dir(fit))
    with pytest.raises(AttributeError, match='Nearest: "plot_profiles"'):
        fit.plot_profile  # noqa: B018


def test_a_long_legend_leaves_the_panels_their_height(tmp_path):
    names = [f"an_untreated_cell_and_then_a_rather_long_treatment_{k}" for k in range(7)]
    rows = "".join(f"{name} {k + 2}\n" for k, name in enumerate(names))
    path = small(tmp_path, ("conditions.tsv", "conditionId\nc\n", f"conditionId A\nc 1\n{rows}"))
    table = path.parent / "measurements.tsv"
    lines = table.read_text().splitlines()
    own = [line for line in lines if line.startswith("plain")]
    table.write_text("\n".join(lines) + "\n")
    _, few = drawn(Problem(path))
    lines += [line.replace("\tc\t", f"\t{name}\t") for name in names for line in own]
    table.write_text("\n".join(lines) + "\n")
    figure, many = drawn(Problem(path))
    assert len(figure.legends[0].get_texts()) > 9
    heights = [ax["plain"].get_window_extent().height for ax in (few, many)]
    assert heights[1] > 0.85 * heights[0]
