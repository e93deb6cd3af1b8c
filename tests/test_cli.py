"""The command line: results, messages, exit statuses, and nothing half written."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml
from typer.testing import CliRunner

import simulator
from simulator.cli import app
from simulator.cli.factor_arguments import read_factors
from simulator.cli.reporting import as_json, write_files
from simulator.conditions import schedule
from simulator.errors import ConditionError, IntegrationError, ModelError

from .analytic_model import AnalyticModel
from .test_predict import SETTINGS

CHECKOUT = Path(__file__).resolve().parents[1]
FINDING = {
    "id": "F1",
    "source": "s",
    "kind": "qualitative",
    "statement": "An inhibitor lowers pERK, which takes a rather long statement to say in full.",
    "checks": [
        {
            "readout": "pERK",
            "of": {"cell": "LINE", "drugs": {"selumetinib": 1}, "at": 24},
            "over": {"drugs": {}},
            "is": "<= 0.2",
        }
    ],
}


@pytest.fixture
def model(monkeypatch, tmp_path):
    """The analytic model in place of whatever a command loads; its folder is `tmp_path`."""
    (tmp_path / "findings.yaml").write_text(yaml.safe_dump({"findings": [FINDING]}))
    made = AnalyticModel(settings={"predict": SETTINGS}, folder=tmp_path)
    monkeypatch.setattr(simulator, "load", lambda name: made)
    return made


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


# ---- predict -----------------------------------------------------------------------------------


def test_predict_prints_a_line_per_condition_and_writes_four_files(model, tmp_path):
    done = run("predict", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "resistant, re-sensitised by selumetinib" in done.stdout
    assert "not calibrated" in done.stdout
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "prediction.csv",
        "prediction.json",
        "prediction.pdf",
        "prediction.png",
    ]
    table = pd.read_csv(tmp_path / "out" / "prediction.csv")
    assert len(table) == 12
    content = json.loads((tmp_path / "out" / "prediction.json").read_text())
    assert len(content["table"]) == 12
    assert (tmp_path / "out" / "prediction.png").read_bytes().startswith(b"\x89PNG")


def test_predict_json_is_the_whole_of_standard_output(model, tmp_path):
    done = run("predict", "--json", "--cell", "LINE", "--out", tmp_path / "out")
    assert {row["cell"] for row in json.loads(done.stdout)["table"]} == {"LINE"}


def test_an_unknown_cell_is_bad_input_and_writes_nothing(model, tmp_path):
    done = run("predict", "--cell", "LINES", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert 'Nearest: "LINE"' in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_failure_half_way_leaves_the_old_results(model, tmp_path, monkeypatch):
    out = tmp_path / "out"
    assert run("predict", "--out", out).exit_code == 0
    before = {p.name: p.read_bytes() for p in out.iterdir()}

    def fail(self, *arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    done = run("predict", "--cell", "LINE", "--out", out)
    assert done.exit_code == 2
    assert "No space left" in done.stderr
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


def test_files_are_written_together_or_not_at_all(tmp_path):
    def broken(path):
        path.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_files(tmp_path / "out", {"a": lambda path: path.write_text("a"), "b": broken})
    assert list((tmp_path / "out").iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_bad_input(model, tmp_path):
    (tmp_path / "file").write_text("")
    done = run("predict", "--cell", "LINE", "--out", tmp_path / "file" / "out")
    assert done.exit_code == 2
    assert "--out" in done.stderr


# ---- simulate ----------------------------------------------------------------------------------


def test_simulate_prints_csv_with_a_column_per_factor(model):
    done = run(
        "simulate", "alteration=none,RAS_ON", "prednisolone=0,1", "--time", "0,96", "--output",
        "viability",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    rows = [line.split(",") for line in done.stdout.splitlines()]
    assert {"alteration", "prednisolone", "time", "viability"} <= set(rows[0])
    assert len(rows) == 1 + 2 * 2 * 2


def test_simulate_takes_a_method(tmp_path):
    file = tmp_path / "decay.ant"
    file.write_text("A' = -k*A; A = 1; k = 1")
    arguments = ("simulate", "--model", file, "--time", "1", "--output", "A", "--method")
    done = run(*arguments, "Rodas5P", "--json")
    assert json.loads(done.stdout)["attrs"]["method"] == "Rodas5P"
    done = run(*arguments, "Rodas5")
    assert done.exit_code == 2
    assert 'Nearest: "Rodas5P"' in done.stderr


@pytest.mark.parametrize("name", ["run.csv", "run.nc"])
def test_simulate_writes_csv_or_netcdf(model, tmp_path, name):
    out = tmp_path / "deep" / name
    done = run("simulate", "prednisolone=log:0.01:1:3", "--output", "viability", "--out", out)
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    if name.endswith(".csv"):
        found = pd.read_csv(out)["prednisolone"]
    else:
        with xr.open_dataset(out) as dataset:
            found = dataset["prednisolone"].values
    np.testing.assert_allclose(found, [0.01, 0.1, 1])
    assert [p.name for p in out.parent.iterdir()] == [name]


def test_simulate_json(model):
    done = run("simulate", "prednisolone=0.1,1", "--output", "viability", "--json")
    content = json.loads(done.stdout)
    assert np.shape(content["data_vars"]["viability"]["data"]) == (1, 2, 1)


def test_factors_as_they_are_typed():
    read = read_factors(
        [
            "cell=SUPT1",
            "alteration=none,A+B",
            "il7=25",
            "prednisolone=1@0,0@24",
            "dose=0,log:1:100:3",
        ]
    )
    assert read == {
        "cell": "SUPT1",
        "alteration": ["none", "A+B"],
        "il7": 25.0,
        "prednisolone": schedule((0, 1), (24, 0)),
        "dose": [0.0, 1.0, pytest.approx(10), 100.0],
    }
    crossed = read_factors(["expression:BCL2=1,4", "expression:MCL1=2"])
    assert crossed == {"expression": [{"BCL2": 1.0, "MCL1": 2.0}, {"BCL2": 4.0, "MCL1": 2.0}]}
    assert read_factors(["expression:BCL2=4"]) == {"expression": {"BCL2": 4.0}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prednisolone"], "NAME=VALUE"),
        (["prednisolone=0,1", "prednisolone=2"], "given twice"),
        (["prednisolone=log:1:0.1:5"], "log:LOW:HIGH:N"),
        (["prednisolone=1@0,x@24"], '"x" is not a number'),
        (["--time", "0,noon"], '"noon" is not a number'),
        (["--out", "run.txt"], ".csv or .nc"),
        (["--set", "growth"], "--set"),
        (["outputs=pERK"], "is an option"),
        (["cell=bad"], 'no level "bad"'),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(model, arguments, message):
    done = run("simulate", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_failed_run_is_status_1(model, monkeypatch):
    def fail(*arguments, **options):
        raise IntegrationError("1 of 1 runs failed: STEP_LIMIT.")

    monkeypatch.setattr(model, "simulate", fail)
    done = run("simulate")
    assert done.exit_code == 1
    assert done.stderr == "steroidsim: 1 of 1 runs failed: STEP_LIMIT.\n"


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_line_beside_the_result(model, monkeypatch):
    simulate = model.simulate

    def warn(*arguments, **options):
        warnings.warn("1 of 2 runs failed.", stacklevel=2)
        return simulate(*arguments, **options)

    monkeypatch.setattr(model, "simulate", warn)
    done = run("simulate", "--output", "pERK")
    assert done.exit_code == 0
    assert done.stderr == "steroidsim: warning: 1 of 2 runs failed.\n"


def test_a_model_that_cannot_be_loaded_is_status_2(monkeypatch):
    def fail(name):
        raise ModelError(f"{name}: is no model.")

    monkeypatch.setattr(simulator, "load", fail)
    for command in ("predict", "simulate", "findings", "export"):
        done = run(command, "--model", "nothing")
        assert done.exit_code == 2
        assert done.stderr == "steroidsim: nothing: is no model.\n"


def test_the_traceback_is_shown_on_request(model, monkeypatch):
    monkeypatch.setenv("STEROIDSIM_DEBUG", "1")
    assert isinstance(run("simulate", "cell=bad").exception, ConditionError)


# ---- findings ----------------------------------------------------------------------------------


def test_findings_ends_with_the_score(model):
    done = run("findings")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "1 of 1 findings pass (1 of 1 checks)"
    line = next(line for line in done.stdout.splitlines() if line.startswith("F1"))
    assert "PASS" in line
    assert "<= 0.2" in line
    assert line.endswith("…")


def test_findings_show_every_value_on_request(model):
    lines = run("findings", "--all").stdout.splitlines()
    assert any("pass" in line and "pERK" in line for line in lines)


def test_findings_json(model):
    content = json.loads(run("findings", "--json").stdout)
    assert content["findings"][0]["checks"][0]["values"][0]["value"] == pytest.approx(1 / 101)


def test_findings_of_another_file_and_by_id(model, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump({"findings": [FINDING | {"id": "X1"}]}))
    assert "X1" in run("findings", "X1", "--file", other).stdout
    assert run("findings", "F1", "--file", other).exit_code == 2
    other.write_text(yaml.safe_dump({"findings": [FINDING | {"kind": "guess"}]}))
    done = run("findings", "--file", other)
    assert done.exit_code == 2
    assert 'kind "guess"' in done.stderr


# ---- export and the command itself ---------------------------------------------------------------


def test_export_prints_or_writes_sbml(model, tmp_path):
    assert run("export", "cell=LINE").stdout == "<sbml>[('cell', 'LINE')]</sbml>\n"
    out = tmp_path / "run.xml"
    done = run("export", "cell=LINE", "--out", out)
    assert done.exit_code == 0
    assert out.read_text().startswith("<sbml>")
    assert run("export", "cell=LIEN").exit_code == 2


def test_json_has_no_nan():
    assert json.loads(as_json({"a": [np.float64("nan"), np.inf, np.int64(2)]})) == {
        "a": [None, None, 2]
    }


@pytest.mark.parametrize("command", ["predict", "simulate", "findings", "export"])
def test_each_command_has_help_with_an_example(command):
    done = run(command, "--help")
    assert done.exit_code == 0
    assert "Example" in done.stdout


@pytest.mark.parametrize("arguments", [["sweeep"], ["predict", "--nonsense"], []])
def test_usage_errors_are_status_2(arguments):
    assert run(*arguments).exit_code == 2


def test_the_version_is_printed():
    assert run("--version").stdout == f"steroidsim {simulator.__version__}\n"


def command(*arguments, **environment):
    program = "from simulator.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=CHECKOUT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_error_of_the_real_command_is_one_line_without_traceback():
    done = command("simulate", "--model", "steroid_respons")
    assert done.returncode == 2
    assert done.stderr.startswith("steroidsim: ")
    assert "steroid_response" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.slow
def test_the_real_command_simulates_and_stays_silent_when_piped():
    done = command("simulate", "prednisolone=0,1", "--output", "viability", "--time", "0,96")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    rows = [line.split(",") for line in done.stdout.splitlines()]
    assert len(rows) == 5
    viability = rows[0].index("viability")
    assert float(rows[1][viability]) == 1.0
    assert float(rows[4][viability]) < 1.0
