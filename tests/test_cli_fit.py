"""The commands `fit` and `report`."""

import json
import re

import pypesto
import pytest
from typer.testing import CliRunner

from simulator.cli import app
from simulator.fit.problem import Problem

from .fit import decay

run = CliRunner().invoke


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return decay.write(tmp_path_factory.mktemp("decay"), estimated=("k", "scale"))


@pytest.fixture(scope="module")
def fitted(path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    words = ["fit", str(path), "--starts", "3", "--profile", "--out", str(folder / "result.h5")]
    return folder, run(app, [*words, "--petab", str(folder / "fitted")])


def test_fit_prints_starts_parameters_and_verdicts(fitted):
    folder, ended = fitted
    assert ended.exit_code == 0, ended.output
    assert "starts found the best optimum" in ended.stdout
    assert "k          0.5" in ended.stdout and "is 0.5, between" in ended.stdout
    assert "starts: 3 of 3, best" in ended.stderr
    assert "\x1b" not in ended.output
    result = pypesto.store.read_result(folder / "result.h5", sample=False, optimize=True)
    assert len(result.optimize_result.list) == 3


def test_scales_that_follow_are_told_and_reported(path, fitted, tmp_path):
    out = tmp_path / "result.h5"
    ended = run(app, ["fit", str(path), "--starts", "2", "--hierarchical", "--out", str(out)])
    assert ended.exit_code == 0, ended.output
    assert re.search(r"^scale +(1|0\.99\d+|1\.00\d+) +follows the others$", ended.stdout, re.M)
    searched = fitted[1].stdout.splitlines()[-1].split()[-1]
    assert ended.stdout.splitlines()[-1].split()[-1] == searched  # the same objective
    ended = run(app, ["report", str(out)])
    assert ended.exit_code == 0, ended.output
    page = (tmp_path / "result" / "report.md").read_text()
    assert "| k | 0.5 | 0.01 to 10 | not profiled |" in page
    assert "| scale | 1 | 0.01 to 100 | follows the others |" in page
    ended = run(app, ["fit", str(path), "--starts", "2", "--out", str(out)])
    assert ended.exit_code == 2
    assert "hierarchical was auto and is False" in ended.stderr


def test_the_exported_problem_has_the_optimum(fitted):
    again = Problem(fitted[0] / "fitted" / "problem.yaml")
    found = dict(zip(again.ids, again.nominal, strict=True))
    assert found == pytest.approx(decay.TRUE, rel=1e-3)


def test_the_same_call_goes_on_and_prints_json(path, fitted):
    out = str(fitted[0] / "result.h5")
    ended = run(app, ["fit", str(path), "--starts", "4", "--out", out, "--json"])
    assert ended.exit_code == 0, ended.output
    content = json.loads(ended.stdout)
    assert len(content["starts"]) == 4
    assert content["parameters"] == pytest.approx({"k": 0.5, "scale": 1.0}, rel=1e-3)


def test_report_writes_a_page_and_its_figures(fitted):
    folder = fitted[0]
    ended = run(app, ["report", str(folder / "result.h5"), "--out", str(folder / "report")])
    assert ended.exit_code == 0, ended.output
    page = (folder / "report" / "report.md").read_text()
    for name in ("fit", "waterfall", "parameters", "profiles"):
        assert f"({name}.svg)" in page
        for suffix in ("svg", "png"):
            assert (folder / "report" / f"{name}.{suffix}").stat().st_size > 1000
    assert "| k | 0.5 | 0.01 to 10 |" in page


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["fit", "nowhere.yaml"], 2, "nowhere.yaml"),
        (["fit", "PATH", "--optimizer", "newton"], 2, "no optimizer"),
        (["report", "nowhere.h5"], 2, "no result file"),
    ],
)
def test_bad_input_ends_with_2_and_a_sentence(path, words, code, said):
    ended = run(app, [str(path) if word == "PATH" else word for word in words])
    assert ended.exit_code == code
    assert said in ended.stderr and "Traceback" not in ended.output


def test_a_fit_whose_starts_all_fail_ends_with_1(path, monkeypatch):
    monkeypatch.setattr("simulator.fit.objective.Search.evaluate", _never)
    ended = run(app, ["fit", str(path), "--starts", "2"])
    assert ended.exit_code == 1
    assert "all 2 starts failed" in ended.stderr


def _never(self, x, order=0):
    import numpy as np

    from simulator.fit.objective import Value

    return Value(np.inf, np.full(len(x), np.nan), np.full((len(x), len(x)), np.nan))
