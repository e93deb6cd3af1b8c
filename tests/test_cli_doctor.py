"""The command `doctor`, and that its checks can fail."""

import json
import os
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import simulator as sim
from simulator.cli import app, doctor_checks
from simulator.cli.examples import COLUMNS

from .test_cli_json import documented

CHECKOUT = Path(__file__).resolve().parents[1]
STEADY = "model m\n A -> ; k*A; A = 1; k = 0.1\nend\n"


def run(*words):
    return CliRunner().invoke(app, ["doctor", *words])


@pytest.fixture
def quick(monkeypatch):
    """Without the comparison of the two models, which another test makes."""
    monkeypatch.setattr(doctor_checks, "largest_difference", lambda *_: (1e-9, "A at 6"))


@pytest.fixture
def found(quick):
    return doctor_checks.installation()


def test_all_is_well_and_said_in_80_columns():
    ended = run()
    assert ended.exit_code == 0, ended.output
    lines = ended.stdout.splitlines()
    assert [line for line in lines if len(line) > COLUMNS] == []
    assert lines[0].startswith(f"steroidsim  {sim.__version__}, Python 3.")
    assert ended.stdout.count("against libRoadRunner: largest relative difference") == 2
    passed = sum(line.startswith("PASS  ") for line in lines)
    assert passed >= 4 and lines[-1] == f"all {passed} checks passed"
    assert "\x1b" not in ended.stdout


def test_json_has_the_keys_that_are_documented(quick):
    content = json.loads(run("--json").stdout)
    assert set(content) == documented()["doctor"]
    assert content["passed"] is True
    assert content["packages"]["numpy"] == np.__version__
    assert content["cache"]["folder"]


def test_what_is_required_is_what_the_project_depends_on():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {re.match(r"[\w.-]+", requirement)[0] for requirement in project["dependencies"]}
    assert names == set(doctor_checks.REQUIRED)
    cluster = project["optional-dependencies"]["cluster"]
    assert {re.match(r"[\w.-]+", each)[0] for each in cluster} == set(doctor_checks.OPTIONAL)


def test_a_missing_package_is_named(found):
    found["packages"]["cma"] = None
    check = next(doctor_checks.checks(found))
    assert not check.passed
    assert check.found == "missing: cma"
    assert check.advice == "install them: python -m pip install cma"


@pytest.mark.parametrize(
    ("changed", "name", "advice"),
    [
        ({"temporary": True}, "can be written", "STEROIDSIM_CACHE"),
        ({"mode": "0770"}, "by you alone", "chmod 700"),
        ({"mode": "0702"}, "by you alone", "chmod 700"),
    ],
)
def test_a_cache_folder_that_is_not_as_it_should_be(found, changed, name, advice):
    found["cache"] |= changed
    failed = [check for check in doctor_checks.checks(found) if not check.passed]
    assert [name in check.name and advice in check.advice for check in failed] == [True]


@pytest.mark.parametrize("mode", ["0700", "0755"])
def test_others_may_read_the_cache(found, mode):
    found["cache"]["mode"] = mode
    assert all(check.passed for check in doctor_checks.checks(found))


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_the_cache_folder_is_described(tmp_path, monkeypatch):
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "a.o").write_bytes(b"12345")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "b").write_bytes(b"123")
    tmp_path.chmod(0o750)
    monkeypatch.setattr("simulator.integrator.cache.cache_folder", lambda: tmp_path)
    monkeypatch.setenv("STEROIDSIM_CACHE", str(tmp_path))
    assert doctor_checks._cache() == {
        "folder": str(tmp_path),
        "chosen_by": "STEROIDSIM_CACHE",
        "temporary": False,
        "mode": "0750",
        "bytes": 8,
        "kernels": 1,
    }


def test_a_difference_is_found_and_told(monkeypatch):
    """libRoadRunner is given another rate: A(t) is exp(-0.2 t) there and exp(-0.1 t) here."""
    model = sim.load(STEADY)
    assert doctor_checks.largest_difference(model, {})[0] < 1e-8
    other = sim.load(STEADY.replace("0.1", "0.2")).export_sbml()
    monkeypatch.setattr(type(model), "export_sbml", lambda self, **_: other)
    times = np.array(doctor_checks.TIMES)
    ours, theirs = np.exp(-0.1 * times), np.exp(-0.2 * times)
    expected = np.abs(ours - theirs) / (theirs + 1e-3)
    difference, where = doctor_checks.largest_difference(model, {})
    assert difference == pytest.approx(expected.max(), rel=1e-6)
    assert where == f"A at {times[expected.argmax()]:g}"
    ended = run()
    assert ended.exit_code == 1
    failed = [line for line in ended.stdout.splitlines() if line.startswith("FAIL  ")]
    assert len(failed) == 2
    assert "To do: empty the cache folder" in ended.stdout
    assert json.loads(run("--json").stdout)["passed"] is False


def test_what_cannot_be_simulated_fails_its_check(found, monkeypatch):
    def broken(*_):
        raise sim.IntegrationError("1 of 1 runs failed: STEP_LIMIT.")

    monkeypatch.setattr(doctor_checks, "largest_difference", broken)
    *_, plain = doctor_checks.checks(found)
    assert not plain.passed
    assert plain.found == "IntegrationError: 1 of 1 runs failed: STEP_LIMIT."
