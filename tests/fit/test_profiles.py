"""Profiles and their verdicts, against profiles of the closed solution; and the figures."""

import math
from types import SimpleNamespace

import numpy as np
import pypesto
import pytest
from matplotlib.figure import Figure
from scipy import optimize

from simulator.errors import ConditionError
from simulator.fit import verdicts as words
from simulator.fit.fit_plot import plot_fit
from simulator.fit.objective import Search
from simulator.fit.plots import plot_parameters, plot_profiles
from simulator.fit.problem import Problem
from simulator.fit.results import ResultFile
from simulator.fit.verdicts import allowed_rise, verdict_of
from simulator.plot import plot_waterfall
from simulator.plot.profile import VERDICT_COLOURS

from . import decay

# A profile's limit is interpolated between two of its points, some tenth of the interval apart.
LIMIT = 0.03


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    return Problem(decay.write(tmp_path_factory.mktemp("decay")))


@pytest.fixture(scope="module")
def fitted(problem, tmp_path_factory):
    """The file of a fit from one start, and its result with profiles."""
    out = tmp_path_factory.mktemp("fit") / "fit.h5"
    result = problem.optimize(starts=3, seed=1, out=out)
    return out, problem.profile(result, out=out)


def exact_profile(k):
    """The lowest rise of the exact objective at this k: the amplitude is linear and refitted."""

    def rise(amplitude):
        return decay.exact(k, amplitude, 1.0, 50.0) - decay.exact(**decay.TRUE)

    return optimize.minimize_scalar(rise, bounds=(0.1, 10), method="bounded").fun


def test_an_identifiable_parameter_has_the_interval_of_the_exact_profile(problem, fitted):
    row = problem.verdicts(fitted[1]).loc["k"]
    ends = [
        optimize.brentq(lambda k: exact_profile(k) - allowed_rise(), *bracket)
        for bracket in ((0.1, 0.5), (0.5, 3.0))
    ]
    assert row["verdict"] == "identifiable"
    assert row["estimate"] == pytest.approx(0.5, rel=1e-3)
    assert [row["lower"], row["upper"]] == pytest.approx(ends, rel=LIMIT)


def test_parameters_that_only_their_product_matters_of_are_flat(problem, fitted):
    table = problem.verdicts(fitted[1])
    for name in ("scale", "a0"):
        assert table.loc[name, "verdict"] == "flat"
        assert math.isnan(table.loc[name, "lower"]) and math.isnan(table.loc[name, "upper"])
        assert "say nothing" in table.loc[name, "sentence"]


def test_what_is_only_known_to_be_large_is_one_sided(problem, fitted):
    def rise(r):
        return decay.exact(0.5, 1.0, 1.0, r) - decay.exact(**decay.TRUE) - allowed_rise()

    row = problem.verdicts(fitted[1]).loc["r"]
    assert row["verdict"] == "one-sided" and math.isnan(row["upper"])
    assert row["lower"] == pytest.approx(optimize.brentq(rise, 0.5, 20.0), rel=LIMIT)


def test_processes_change_no_profile(problem, fitted):
    again = problem.read(fitted[0])
    problem.profile(again, ids=["k", "r"], jobs=2)
    for k, name in enumerate(problem.free):
        path = again.profile_result.list[-1][k]
        if name in ("k", "r"):
            expected = fitted[1].profile_result.list[-1][k]
            assert np.array_equal(path.x_path, expected.x_path)
        else:
            assert path is None


def test_profiles_that_a_file_has_are_not_run_again(problem, fitted, tmp_path, monkeypatch):
    out, expected = tmp_path / "fit.h5", fitted[1].profile_result.list[-1]
    problem.optimize(starts=3, seed=1, out=out)

    def stop(done, total, best):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        problem.profile(problem.read(out), ["k", "scale"], out=out, progress=stop)
    told = []
    resumed = problem.profile(
        problem.read(out), ["k", "scale"], out=out, progress=lambda *all: told.append(all)
    )
    assert told == [(1, 2, None), (2, 2, None)]
    monkeypatch.setattr("simulator.fit.profiles.run_profile", lambda *all: pytest.fail("ran"))
    again = problem.profile(problem.read(out), ["scale"], out=out)
    for result in (resumed, again, problem.read(out)):
        for name, path in zip(problem.free, result.profile_result.list[-1], strict=True):
            if name in ("k", "scale"):
                wanted = expected[problem.free.index(name)]
                assert np.array_equal(path.x_path, wanted.x_path)
                assert np.array_equal(path.fval_path, wanted.fval_path)
            else:
                assert path is None


def test_a_profile_is_run_again_after_another_start_or_a_refit_that_failed(
    problem, fitted, tmp_path, monkeypatch
):
    ran = []

    def run(reference, optimizer, x, place):
        ran.append(problem.free[place])
        return fitted[1].profile_result.list[-1][place]

    monkeypatch.setattr("simulator.fit.profiles.run_profile", run)
    out = tmp_path / "fit.h5"
    out.write_bytes(fitted[0].read_bytes())
    result = problem.read(out)
    result.profile_result.list[-1][0].message = "upwards: no"
    ResultFile(out, Search(problem)).write_profiles(result)
    problem.profile(problem.read(out), out=out)
    assert ran == [problem.free[0]]
    other = problem.read(out)
    other.optimize_result[0].x = other.optimize_result[0].x + 1e-9
    problem.profile(other, ["k"], out=out)
    assert ran == [problem.free[0], "k"]


def test_profiles_are_read_by_pypesto(problem, fitted):
    read = pypesto.store.read_result(fitted[0], sample=False, optimize=True, profile=True)
    for path, expected in zip(
        read.profile_result.list[-1], fitted[1].profile_result.list[-1], strict=True
    ):
        assert np.array_equal(path.fval_path, expected.fval_path)


def test_profiles_of_a_start_that_is_no_longer_the_best_are_left_out(problem, fitted, tmp_path):
    out = tmp_path / "fit.h5"
    out.write_bytes(fitted[0].read_bytes())
    assert problem.read(out).profile_result.list
    better = problem.read(out).optimize_result[0]
    better.update(id="9", fval=better.fval - 1.0, x=better.x + 0.1)
    ResultFile(out, Search(problem)).add_start(better)
    assert not problem.read(out).profile_result.list


def path_of(x, rise, message=None):
    return SimpleNamespace(x_path=np.array([x]), fval_path=np.array(rise), message=message)


@pytest.mark.parametrize(
    ("x", "rise", "verdict"),
    [
        ([-2, -1, 0, 0, 1, 2], [9, 1, 0, 0, 1, 9], "identifiable"),
        ([-5, -1, 0, 0, 1, 2], [1, 1, 0, 0, 1, 9], "one-sided"),
        ([-5, -1, 0, 0, 1, 5], [1, 1, 0, 0, 1, 1], "flat"),
        ([-5, -5, -4, -3], [0, 0, 1, 9], "at bound"),
        ([-2, -1, 0, 0, 1], [9, 1, 0, 0, 1], "optimiser failed"),
        ([-2, -1, 0, 0, 1, 2], [9, -1, 0, 0, 1, 9], "optimiser failed"),
    ],
)
def test_verdicts_on_given_profiles(x, rise, verdict):
    found = verdict_of("p", path_of(x, rise), 0, -5.0, 5.0, "log10")
    assert found.verdict == verdict and found.sentence.startswith("p ")


def test_the_table_of_profiles_has_their_points_on_linear_scale(problem, fitted):
    table = problem.profile_table(fitted[1])
    assert table.index.names == ["parameter", "point"]
    assert list(table.index.unique("parameter")) == list(problem.free)
    assert table.attrs == {"level": 0.95, "allowed_rise": allowed_rise()}
    k = table.loc["k"]
    # What was refitted is no better than the exact profile, and hardly worse.
    exact = [exact_profile(value) for value in k["value"]]
    np.testing.assert_allclose(k["rise"], exact, atol=1e-3)
    assert k["value"].is_monotonic_increasing
    said = problem.verdicts(fitted[1])
    for name, rows in table.groupby(level="parameter"):
        assert [rows["lower_bound"].iloc[0], rows["upper_bound"].iloc[0]] == pytest.approx(
            decay.BOUNDS[name]
        )
        for column in ("estimate", "lower", "upper", "verdict"):
            assert (rows[column].isna() | (rows[column] == said.loc[name, column])).all()
    wider = problem.profile_table(fitted[1], level=0.9)
    assert wider.attrs["allowed_rise"] == allowed_rise(0.9)
    assert wider.loc["k", "upper"].iloc[0] < k["upper"].iloc[0]


def test_the_table_of_a_result_without_profiles_is_empty_and_is_not_drawn(problem):
    result = pypesto.Result()
    assert problem.profile_table(result).empty
    with pytest.raises(ConditionError, match="There are no profiles"):
        plot_profiles(problem, result)


def test_every_verdict_has_a_colour():
    kinds = (words.IDENTIFIABLE, words.ONE_SIDED, words.FLAT, words.BOUND, words.FAILED)
    assert set(VERDICT_COLOURS) == set(kinds)
    assert len(set(VERDICT_COLOURS.values())) == len(kinds)


def test_ids_are_checked(problem, fitted):
    with pytest.raises(ConditionError, match='Nearest: "scale"'):
        problem.profile(fitted[1], ids=["scales"])


def test_figures_show_what_they_should(problem, fitted):
    result = fitted[1]
    axes = plot_waterfall(result, Figure().subplots())
    assert "of 3 starts" in axes.get_title(loc="left")
    axes = plot_parameters(problem, result, Figure().subplots())
    assert [t.get_text() for t in axes.get_yticklabels()] == list(problem.free)
    panels = [ax for ax in plot_profiles(problem, result).axes if ax.get_visible()]
    assert [ax.get_xlabel() for ax in panels] == list(problem.free)
    figure = plot_fit(problem, result, problem.predict(result))
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["decaying", "risen"]
    figure.canvas.draw()
