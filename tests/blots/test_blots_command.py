"""The command, and the bundled model's own blots."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import roadrunner
import yaml
from typer.testing import CliRunner

from simulator.blots.directions import BLOTTED, KINDS, directions, directions_problem
from simulator.cli import app
from simulator.findings.grammar import read_findings
from simulator.findings.readouts import _total_of
from simulator.fit.problem import Problem
from simulator.petab_problem import read_problem

from .test_blots import TINY, lanes, written

CHECKOUT = Path(__file__).parents[2]
BLOTS = CHECKOUT / "models" / "steroid_response" / "blots"


def run(*arguments):
    return CliRunner().invoke(app, ["blots-to-petab", *map(str, arguments)])


# ---------------------------------------------------------------------- the command
def test_the_command_writes_a_problem_and_says_what_is_in_it(tmp_path):
    blots, out = written(tmp_path, lanes()), tmp_path / "out"
    done = run(blots, "--model", TINY, "--out", out, "--estimate", "k_deg,k_syn")
    assert done.exit_code == 0, done.output
    assert "12 bands of 2 gels (0 censored), intensities as they are" in done.stdout
    assert {p.id for p in read_problem(out / "problem.yaml").parameters} == {
        "k_deg", "k_syn", "scale_protein_monday", "scale_protein_friday", "noise_protein",
    }  # fmt: skip


def test_json_says_the_same(tmp_path):
    blots = written(tmp_path, lanes(loading=1))
    done = run(blots, "--model", TINY, "--out", tmp_path / "out", "--sigma", "0.1", "--json")
    said = json.loads(done.stdout)
    assert Path(said["problem"]).is_file()
    assert (said["gels"], said["bands"], said["censored"]) == (2, 12, 0)
    assert said["intensities"] == "over the loading control"
    assert said["estimated"] == ["scale_protein_monday", "scale_protein_friday"]


def test_files_that_exist_stay_unless_forced(tmp_path):
    blots, out = written(tmp_path, lanes()), tmp_path / "out"
    out.mkdir()
    (out / "parameters.tsv").write_text("mine", encoding="utf-8")
    done = run(blots, "--model", TINY, "--out", out)
    assert done.exit_code == 2 and "parameters.tsv exists already" in done.stderr
    assert [p.name for p in out.iterdir()] == ["parameters.tsv"]
    assert (out / "parameters.tsv").read_text(encoding="utf-8") == "mine"
    assert run(blots, "--model", TINY, "--out", out, "--force").exit_code == 0
    assert read_problem(out / "problem.yaml").version == 1


def test_bad_input_writes_nothing(tmp_path):
    rows = [row | {"time": -1} for row in lanes()]
    done = run(written(tmp_path, rows), "--model", TINY, "--out", tmp_path / "out")
    assert done.exit_code == 2 and "blots.tsv:2: time is -1" in done.stderr
    assert not (tmp_path / "out").exists()
    for text in ("protein", "=X", "protein="):
        done = run(written(tmp_path, lanes()), "-m", TINY, "-o", tmp_path, "--antibody", text)
        assert done.exit_code == 2 and "must be NAME=OBSERVABLE" in done.stderr


# ---------------------------------------------------------------------- the bundled model
TREATMENTS = [
    {"cell": "SUPT1", "time": 0},
    {"cell": "SUPT1", "alteration": "NRAS_G12D", "selumetinib": 0.1, "time": 24},
    {"cell": "SUPT1", "alteration": "JAK1_T901A+AKT_WT", "prednisolone": 1, "time": 48},
    {"cell": "SEM", "knockout": "NF1+JAK3", "expression:MCL1": 3, "time": 6},
    {"cell": "PDX_IL7_DEPENDENT", "il7": 25, "ruxolitinib": 0.05, "time": 0.5},
]
SHOWN = {"pERK": 40.0, "MCL1": 3.0, "live_G1": 7.0}
"""What antibodies show, and the scale of each."""


def bands_of(model, **further):
    """Bands of every treatment, with the noise of no blot."""
    rows = []
    times = sorted({treatment["time"] for treatment in TREATMENTS})
    conditions = pd.DataFrame(TREATMENTS).drop(columns="time").assign(**further)
    found = model.simulate(times, conditions=conditions, outputs=list(SHOWN), rtol=1e-9)
    for antibody, scale in SHOWN.items():
        for lane, treatment in enumerate(TREATMENTS):
            value = scale * found[antibody].values[lane, times.index(treatment["time"])]
            rows.append({"gel": "g", "antibody": antibody, "lane": lane, "intensity": value})
            rows[-1] |= treatment
    return rows


@pytest.mark.slow
def test_a_problem_of_the_bundled_model_gives_what_the_model_gives(tmp_path, steroid_response):
    """The held population, and all factors, in PEtab's words; estimated or not."""
    rows, estimate = bands_of(steroid_response), ["BIM_expression", "total_JAK3", "k_SOS"]
    path = written(tmp_path, rows)
    done = run(path, "-o", tmp_path / "p", "--sigma", "0.1", "--estimate", ",".join(estimate))
    assert done.exit_code == 0, done.output
    problem = Problem(tmp_path / "p" / "problem.yaml")
    scales = {f"scale_{antibody}_g": scale for antibody, scale in SHOWN.items()}
    found = problem.simulate(scales)["simulation"]
    np.testing.assert_allclose(found, [row["intensity"] for row in rows], rtol=1e-4)
    assert np.abs(problem.gradient(scales)[list(scales)]).max() < 1

    cells = steroid_response.definition.cells
    factors = {
        cell: math.prod(o.value for o in overrides if o.parameter == "BIM_expression")
        for cell, overrides in cells.items()
    }
    other = [1.3 * factors[treatment["cell"]] for treatment in TREATMENTS]
    rows = bands_of(steroid_response, BIM_expression=other)
    found = problem.simulate(scales | {"BIM_expression": 1.3})["simulation"]
    np.testing.assert_allclose(found, [row["intensity"] for row in rows], rtol=1e-4)


@pytest.mark.slow
def test_another_simulator_follows_the_conditions(steroid_response):
    """libRoadRunner, brought to rest under one condition and then given the next."""
    problem = BLOTS / "problem"
    table = pd.read_csv(problem / "conditions.tsv", sep="\t", index_col=0)
    conditions = table.drop(columns="conditionName")
    runner = roadrunner.RoadRunner(str(problem / "model.xml"))
    runner.integrator.relative_tolerance, runner.integrator.absolute_tolerance = 1e-9, 1e-12
    runner.integrator.maximum_num_steps = 100_000
    for id, value in conditions.loc["SUPT1_NRAS_G12D_untreated"].items():
        runner[id] = value
    record = roadrunner.SelectionRecord
    runner.reset(record.TIME | record.RATE | record.FLOATING)  # initial assignments follow
    runner.simulate(0, 2e4, 2)
    for id, value in conditions.loc["SUPT1_NRAS_G12D_selumetinib_10"].items():
        runner[id] = value
    runner.simulate(0, 24, 2)
    outputs = ["ERK_p", "BIM_EL_p", "live_G1", "early_apoptotic"]
    model = steroid_response.simulate(
        24, alteration="NRAS_G12D", selumetinib=10, outputs=outputs, rtol=1e-9
    )
    for name in outputs:
        assert runner[f"[{name}]"] == pytest.approx(model[name].item(), rel=1e-4)


# ---------------------------------------------------------------------- the papers' blots
def ratios():
    """Every (finding, readout, bound) of findings.yaml that the table must hold."""
    findings, _ = read_findings(BLOTS.parent / "findings.yaml")
    return [
        (finding.id, leaf.readout, check.bound)
        for finding in findings
        for check in finding.checks
        for leaf in check.leaves
        if finding.kind in KINDS and leaf.over is not None and leaf.readout in BLOTTED
    ]


def test_the_papers_directions_are_those_of_the_findings(steroid_response):
    findings, _ = read_findings(BLOTS.parent / "findings.yaml")
    text = (BLOTS / "directions.tsv").read_text(encoding="utf-8")
    assert text == directions(findings, steroid_response.names), (
        "write it anew: python -m simulator.blots.directions"
    )


def test_every_ratio_is_a_lane_and_every_reference_is_one():
    table = pd.read_csv(BLOTS / "directions.tsv", sep="\t", keep_default_na=False)
    censored, exact = table[table["censored"] != ""], table[table["censored"] == ""]
    expected = sorted(
        (id, readout, bound.low if bound.low > 0 else bound.high) for id, readout, bound in ratios()
    )
    found = zip(censored["gel"].str[:-1], censored["antibody"], censored["intensity"], strict=True)
    assert sorted(found) == expected and len(expected) > 100
    assert (exact["intensity"] == 1).all()
    assert not exact.duplicated(["gel", "antibody"]).any()
    assert set(zip(exact["gel"], exact["antibody"], strict=True)) == set(
        zip(table["gel"], table["antibody"], strict=True)
    )


def test_the_papers_problem_is_read():
    problem = read_problem(BLOTS / "problem" / "problem.yaml")
    table = pd.read_csv(BLOTS / "directions.tsv", sep="\t", keep_default_na=False)
    assert len(problem.measurements) == len(table)
    assert yaml.safe_load((BLOTS / "problem" / "problem.yaml").read_text())["format_version"] == 1


@pytest.mark.slow
def test_the_papers_problem_is_that_of_the_table(steroid_response):
    """But for nominal values, which another machine rounds in another way."""
    made = directions_problem(steroid_response, BLOTS / "directions.tsv")
    for name, text in made.files.items():
        there = (BLOTS / "problem" / name).read_text(encoding="utf-8")
        if name != "parameters.tsv":
            assert text == there, f"{name}: write it anew: python -m simulator.blots.directions"
    kept = pd.read_csv(BLOTS / "problem" / "parameters.tsv", sep="\t")
    assert kept["parameterId"].tolist() == [
        line.split("\t")[0] for line in made.files["parameters.tsv"].splitlines()[1:]
    ]


@pytest.mark.slow
def test_totals_of_compared_lanes_are_alike(steroid_response):
    """Shares of a protein may stand for bands as long as its total is the same in both lanes."""
    table = pd.read_csv(BLOTS / "directions.tsv", sep="\t", keep_default_na=False)
    observables = {o.id for o in steroid_response.definition.observables}
    table = table[[_total_of(a) in observables for a in table["antibody"]]]
    factors = [c for c in ("cell", "alteration") if c in table]
    conditions = table[factors].reset_index(drop=True)
    totals = sorted({_total_of(a) for a in table["antibody"]})
    found = steroid_response.steady_state(conditions=conditions, outputs=totals)
    own = [found[_total_of(a)].values[k] for k, a in enumerate(table["antibody"])]
    for _, group in table.assign(total=own).groupby(["gel", "antibody"]):
        if group["antibody"].iloc[0].startswith("p"):
            np.testing.assert_allclose(group["total"], group["total"].iloc[0], rtol=1e-6)


@pytest.mark.slow
def test_the_model_as_it_is_meets_the_papers_ranges(steroid_response):
    """The findings pass, so the ratios that PEtab's conditions give lie within their bounds."""
    problem = Problem(BLOTS / "problem" / "problem.yaml")
    bands = pd.read_csv(BLOTS / "problem" / "measurements.tsv", sep="\t", keep_default_na=False)
    bands["found"] = problem.simulate()["simulation"].to_numpy()
    outside = 0
    for _, band in bands.iterrows():
        kind, limits = band["measurementType"], band["censoringBounds"].split(";")
        if not kind:
            assert band["found"] == pytest.approx(1, rel=1e-3)
            continue
        low = float(limits[0]) if kind != "left-censored" else -math.inf
        high = float(limits[-1]) if kind != "right-censored" else math.inf
        outside += not low <= band["found"] <= high
    assert outside <= 0.05 * len(bands)
