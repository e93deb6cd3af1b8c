"""With --json, standard output is one JSON value with the keys that the documentation lists."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import simulator
from simulator.cli import app
from simulator.cli.reporting import as_json

from .analytic_model import AnalyticModel
from .blots.test_blots import TINY, lanes, written
from .fit import decay
from .test_cli import FINDING
from .test_predict import SETTINGS

CHECKOUT = Path(__file__).resolve().parents[1]
DESIGN = 'time = 24\noutputs = ["viability"]\n[factors]\nprednisolone = [0, 1]\n'


def documented():
    """Command -> keys, of the table on the page."""
    page = (CHECKOUT / "docs" / "command_line.md").read_text("utf-8")
    table = page.partition("## JSON")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", table, re.MULTILINE)
    return {command: set(re.findall(r"`(\w+)`", keys)) for command, keys in rows}


def said(*words):
    """The JSON that a call prints."""
    ended = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout, parse_constant=_refused)


def _refused(name):
    raise AssertionError(f"{name} is no JSON")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "design.toml").write_text(DESIGN)
    return tmp_path


@pytest.fixture
def analytic(home, monkeypatch):
    """The analytic model in place of whatever a command loads."""
    (home / "findings.yaml").write_text(yaml.safe_dump({"findings": [FINDING]}))
    made = AnalyticModel(settings={"predict": SETTINGS}, folder=home)
    monkeypatch.setattr(simulator, "load", lambda name: made)
    return made


def test_every_command_is_documented():
    assert {command.split()[0] for command in documented()} == {
        command.name for command in app.registered_commands
    }


def test_of_runs(home):
    keys = documented()
    assert set(said("simulate", "prednisolone=0,1", "--output", "viability")) == keys["simulate"]
    assert set(said("sweep", "design.toml", "--dry-run")) == keys["sweep --dry-run"]
    assert set(said("sweep", "design.toml", "--out", "a.zarr")) == keys["sweep"]
    assert set(said("merge", "a.zarr", "--out", "b.zarr")) == keys["merge"]
    exported = said("export", "prednisolone=1")
    assert set(exported) == keys["export"] and exported["sbml"].startswith("<?xml")
    assert exported["file"] is None
    assert said("export", "--out", "run.xml")["file"] == "run.xml"
    assert Path("run.xml").read_text().startswith("<?xml")


def test_of_screens_and_doses(home):
    keys = documented()
    words = ("--knockout", "BIM", "--knockdown", "none", "--drug", "none")
    assert set(said("screen", *words)) == keys["screen"]
    plain = ("screen", "prednisolone=1", "--measure", "BIM_active", "--parameter", "K_GR")
    assert {"rows", "measure"} <= set(said(*plain, "--control"))
    assert set(said("dose", "prednisolone")) == keys["dose"]
    pair = set(said("dose", "prednisolone", "selumetinib"))
    assert pair == keys["dose"] - {"drug", "doses"} | {"weights", "isobole", "best"}
    order = said("dose", "prednisolone=1", "selumetinib=1", "--delays", "0,24", "--exposure", "24")
    assert {"comparison", "delay", "time_from", "doses"} <= set(order)


def test_of_predictions_and_findings(analytic):
    keys = documented()
    assert set(said("predict")) == keys["predict"]
    assert set(said("findings")) == keys["findings"]


def test_of_a_report_of_predictions(home, monkeypatch):
    def text(*_):
        return "text"

    monkeypatch.setattr("simulator.outlook.outlook", lambda *_, **__: None)
    for name, made in (("figures", {}), ("full_tables", {})):
        monkeypatch.setattr(f"simulator.outlook.{name}", lambda *_, made=made: made)
    monkeypatch.setattr("simulator.outlook.report_text", text)
    found = said("predict", "--report", "page.md")
    assert set(found) == documented()["predict --report"]
    assert found["files"] == ["page.md"]


def test_of_fits(home):
    keys = documented()
    path = decay.write(home, estimated=("k", "scale"))
    found = said("fit", path, "--starts", "2", "--out", "result.h5")
    assert set(found) == keys["fit"] and len(found["starts"]) == 2
    report = said("report", "result.h5", "--out", "report")
    assert set(report) == keys["report"]
    assert all(Path(file).is_file() for file in report["files"])


def test_of_blots(home):
    found = said("blots-to-petab", written(home, lanes()), "--model", TINY, "--out", "problem")
    assert set(found) == documented()["blots-to-petab"]


def test_of_calibrations(home):
    shutil.copytree(TINY, home / "tiny")
    words = ("calibrate", "--model", "tiny", "--workers", "1", "--rounds", "0", "--members", "0")
    found = said(*words, "--robustness", "4", "--out", "made")
    assert set(found) == documented()["calibrate"]
    assert found["folder"] == "made" and Path("made/model.yaml").is_file()
    assert found["robustness"]["draws"] == len(found["robustness"]["shares"]) == 4
    assert all(0 <= share <= 1 for share in found["robustness"]["shares"])


@pytest.mark.parametrize(
    "words",
    [
        ("simulate", "--output", "viability", "--out", "file/run.csv"),
        (
            "screen",
            "--knockout",
            "BIM",
            "--knockdown",
            "none",
            "--drug",
            "none",
            "--out",
            "file/a.csv",
        ),
        ("dose", "prednisolone", "--out", "file/a.json"),
        ("export", "--out", "file/run.xml"),
        ("predict", "--cell", "SEM", "--members", "0", "--out", "file"),
    ],
)
def test_nothing_is_printed_where_files_cannot_be_written(home, words):
    (home / "file").write_text("no folder")
    ended = CliRunner().invoke(app, [*words, "--json"])
    assert ended.exit_code == 2
    assert ended.stdout == "" and "cannot be written there" in ended.stderr


def test_arrays_and_what_is_no_number():
    import numpy as np

    content = {"a": np.array([[1.0, np.nan], [np.inf, -2.0]]), "b": np.float64(0.5), 1: ("x",)}
    assert json.loads(as_json(content)) == {
        "a": [[1.0, None], [None, -2.0]],
        "b": 0.5,
        "1": ["x"],
    }
