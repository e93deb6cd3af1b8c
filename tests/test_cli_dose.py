"""The command dose: tables, files, messages and exit statuses."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import simulator as sim
from simulator.cli import app
from simulator.cli.dose_command import read_delays
from simulator.errors import ConditionError

FOLDER = Path(__file__).parent / "dosing" / "pathway"
ORDER = ["trigger=1", "primer=2", "--delays", "-12:12:12", "--exposure", "12", "--time", "36"]


def run(*arguments):
    return CliRunner().invoke(app, ["dose", "--model", str(FOLDER), *map(str, arguments)])


@pytest.fixture(scope="module")
def pathway():
    return sim.load(FOLDER)


def test_a_table_with_bounds(pathway):
    done = run("killer", "--below", 0.5, "alteration=none,RESISTANT", "hill=1", "--range", "0.01:1")
    assert done.exit_code == 0, done.output
    head, first, second = done.stdout.splitlines()
    assert head.split() == ["alteration", "dose", "viability"]
    assert first.split()[:2] == ["none", "0.1688"]
    assert second.split()[:2] == ["RESISTANT", ">1"]
    assert "target: viability <= 0.5 at 48" in done.stderr


def test_csv_and_json_hold_what_the_function_gives(pathway, tmp_path):
    expected = sim.lowest_dose(pathway, "killer", effect=0.9, cell=["A", "B"])
    done = run("killer", "--effect", 0.9, "cell=A,B", "--out", tmp_path / "doses.csv")
    assert done.exit_code == 0 and done.stdout == ""
    table = pd.read_csv(tmp_path / "doses.csv")
    assert table.columns.tolist() == ["cell", "dose", "bound", "viability", "status"]
    assert table["dose"].tolist() == expected["dose"].values.tolist()
    said = json.loads(run("killer", "--effect", 0.9, "cell=A,B", "--json").stdout)
    assert [row["dose"] for row in said["doses"]] == expected["dose"].values.tolist()
    assert said["target"] == "viability <= 0.1" and said["drug"] == "killer"


def test_two_drugs(tmp_path):
    done = run(
        *("killer", "sensitiser", "--weight", "killer=0.2", "--weight", "sensitiser=3"),
        *("--range", "sensitiser=0.1:10", "--out", tmp_path / "pair.csv"),
    )
    assert done.exit_code == 0, done.output
    isobole = pd.read_csv(tmp_path / "pair.csv")
    assert isobole["sensitiser"].iloc[[0, 1, -1]].tolist() == [0, 0.1, 10]
    best = pd.read_csv(tmp_path / "pair_best.csv")
    assert best["cost"].item() < 1 and best["single_bound_sensitiser"].item() == ">"
    shown = run("killer", "sensitiser", "cell=A,B").stdout
    assert len(shown.splitlines()) == 1 + 20 + 1 + 2 and ">100" in shown
    said = json.loads(run("killer", "sensitiser", "cell=A,B", "--json").stdout)
    assert len(said["isobole"]) == 20 and len(said["best"]) == 2


def test_delays_and_the_best_of_them():
    done = run(*ORDER)
    assert done.exit_code == 0, done.output
    assert [line.split()[:3] for line in done.stdout.splitlines()] == [
        ["delay", "time", "order"],
        ["-12", "36", "pre-treat"],
        ["0", "36", "together"],
        ["12", "36", "after"],
    ]
    assert "equal exposure" in done.stderr
    best = run(*ORDER, "--best", "cell=A,B")
    assert best.exit_code == 0 and len(best.stdout.splitlines()) == 3
    assert all(line.split()[-1] == "pre-treat" for line in best.stdout.splitlines()[1:])
    until_end = run(*ORDER[:4], "--exposure", "trigger=12,primer=none", "--time", "36")
    assert "unequal exposure" in until_end.stderr


def test_without_exposure_both_drugs_have_what_the_last_delay_leaves():
    shortly = run("trigger=1", "primer=2", "--delays", "-12:12:12")
    stated = run("trigger=1", "primer=2", "--delays", "-12:12:12", "--exposure", 36, "--time", 48)
    assert shortly.exit_code == 0 and shortly.stdout == stated.stdout != ""


def test_delays_as_they_are_typed():
    assert read_delays("-48:48:24") == [-48, -24, 0, 24, 48]
    assert read_delays("0:1:0.1") == pytest.approx([i / 10 for i in range(11)])
    assert read_delays("-6,0,6") == [-6, 0, 6]
    for text in ("1:2", "2:1:1", "0:1:0", "0:1e9:1", "a,b"):
        with pytest.raises(ConditionError, match="--delays"):
            read_delays(text)


def test_a_cohort_of_the_bundled_model():
    done = CliRunner().invoke(
        app,
        ["dose", "prednisolone", "--cohort", "TALL_PDX", "-n", "3", "--fraction", "0.5", "--json"],
    )
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["samples"] == 3 and len(said["doses"]) == 1
    assert said["doses"][0]["bound"] in "=<>"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name one or two drugs"),
        (["kiler"], 'Nearest: "killer"'),
        (["killer", "partner", "hook"], "Name one or two drugs"),
        (["killer", "--cohort", "none"], 'cohort "none"'),
        (["killer", "--fraction", "0.5"], "--cohort"),
        (["killer", "--samples", "5"], "--cohort"),
        (["killer", "--exposure", "5"], "--delays"),
        (["killer", "--best"], "--delays"),
        (["killer", "--weight", "killer=1"], "two drugs"),
        (["killer", "--range", "1"], "is not a number"),
        (["killer", "--range", "partner=1:2"], "none of killer"),
        (["killer", "partner", "--range", "1:2"], "DRUG=LOW:HIGH"),
        (["killer", "--out", "doses.txt"], "must end in .csv or .json"),
        (["killer", "effect=0.5"], "is an option"),
        (["trigger", "primer=2", "--delays", "0"], 'write "trigger=DOSE"'),
        (["trigger=1", "--delays", "0"], "two drugs with their doses"),
        (["trigger=1", "primer=2", "--delays", "48"], "no time left to give primer"),
        ([*ORDER, "--below", "0.5"], "no meaning with --delays"),
        ([*ORDER[:-1], "18"], "exposures would not be equal"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(arguments, message):
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert done.stdout == "" and message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_has_an_example():
    done = CliRunner().invoke(app, ["dose", "--help"])
    assert done.exit_code == 0 and "--fraction 0.8" in " ".join(done.stdout.split())
