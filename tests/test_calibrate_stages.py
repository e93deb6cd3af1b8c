"""The command `calibrate`: from folder to folder, stage by stage, and its report."""

import re
import shutil
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

import simulator as sim
from simulator.calibrate import Scorer, stages
from simulator.calibrate.figures import MOST_BYTES
from simulator.calibrate.files import findings_files
from simulator.cli import app
from simulator.network.ensemble import quantities

TINY = Path(__file__).parent / "models" / "tiny"


def run(*arguments):
    return CliRunner().invoke(app, ["calibrate", "--workers", "1", *map(str, arguments)])


def content(folder):
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()}


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """A whole calibration: its folder `made`, its report, and what the command printed."""
    home = tmp_path_factory.mktemp("calibrated")
    found = run(
        *("--model", TINY, "--out", home / "made", "--members", 12, "--robustness", 20),
        *("--report", home / "calibration.md"),
    )
    assert found.exit_code == 0, found.output
    return home, found


def test_the_folder_holds_the_model_with_other_values_and_an_ensemble(calibrated):
    home, found = calibrated
    model = sim.load(home / "made")
    assert model.definition.name == "made"
    assert model.members == tuple(f"m{k:02d}" for k in range(1, 13))
    assert set(content(home / "made")) == {*content(TINY), "ensemble.tsv"}
    with Scorer(model, findings_files(TINY), workers=1) as scorer:
        sets = [{}, *map(model.ensemble.values, model.members)]
        assert (scorer.margins(sets) > 0).all()
    assert re.search(r"step 3 of 3, try \d: 12 of 12 walks moved", found.stderr)


def test_the_notes_say_how_it_was_made(calibrated):
    home, _ = calibrated
    ensemble = sim.load(home / "made").ensemble
    notes = dict(note.split(": ", 1) for note in ensemble.notes)
    assert notes["steroidsim"] == sim.__version__
    assert notes["command"].startswith("steroidsim calibrate --model tiny --rounds 1")
    assert "--seed 1" in notes["command"]
    assert (notes["seed"], notes["spread"]) == ("1", "0.3")
    assert int(notes["draws"]) >= 36  # three steps of twelve walks
    assert re.fullmatch(r"sha256 [0-9a-f]{64}", notes["findings.yaml"])
    assert notes["constraints.yaml"] != notes["findings.yaml"]
    assert stages.spread_of(ensemble) == 0.3
    # nothing of the machine it was made on
    assert str(home) not in (home / "made" / "ensemble.tsv").read_text()


def test_the_same_call_gives_the_same_bytes(calibrated, tmp_path):
    home, _ = calibrated
    out = tmp_path / "made"
    again = run("--model", TINY, "--out", out, "--members", 12, "--robustness", 0, "--workers", 2)
    assert again.exit_code == 0, again.output
    assert content(out) == content(home / "made")


def test_the_report_alone_says_the_same(calibrated, tmp_path):
    home, _ = calibrated
    before = content(home / "made")
    report = tmp_path / "calibration.md"
    found = run(
        *("--model", home / "made"),
        *("--robustness", 20, "--report", report),
    )
    assert found.exit_code == 0, found.output
    assert content(home / "made") == before
    assert report.read_text() == (home / "calibration.md").read_text()
    pictures = Path("figures") / "calibration"
    assert content(tmp_path / pictures) == content(home / pictures)


def test_what_the_report_says(calibrated):
    home, _ = calibrated
    text = (home / "calibration.md").read_text()
    assert "# Calibration of made" in text
    assert "5 quantities (3 of parameters.tsv, 1 of cells.tsv, 1 of alterations.tsv)" in text
    assert "| findings.yaml | 3 | 3 | 4 | 0 |" in text
    assert "The point estimate holds 4 of 4 checks" in text
    # d margin / d z is the prior's sd where a value is a product: ln 2
    assert re.search(r"\| F2 protein \| 0\.\d\d \| B k_syn \+0\.69 \|", text)
    assert "No value pulls on 1 of 5 quantities: idle." in text
    assert "4 of 4 checks hold in every member." in text
    linked = set(re.findall(r"\]\((figures/[^)]+)\)", text))
    assert linked
    assert linked == {
        file.relative_to(home).as_posix() for file in (home / "figures").rglob("*.png")
    }


def test_figures_are_small_and_can_be_read(calibrated):
    home, _ = calibrated
    for file in (home / "figures" / "calibration").iterdir():
        assert file.stat().st_size <= MOST_BYTES
        assert min(Image.open(file).size) >= 300


def test_no_round_keeps_the_values(tmp_path, calibrated):
    home, _ = calibrated
    out = tmp_path / "made"
    found = run(
        *("--model", home / "made", "--out", out, "--rounds", 0, "--members", 3),
        *("--seed", 2, "--robustness", 0),
    )
    assert found.exit_code == 0, found.output
    before, after = content(home / "made"), content(out)
    assert {name for name in before if before[name] != after[name]} == {"ensemble.tsv"}
    assert len(sim.load(out).members) == 3


def test_an_ensemble_of_other_values_does_not_stay(calibrated, tmp_path):
    home, _ = calibrated
    folder = tmp_path / "made"
    shutil.copytree(home / "made", folder)
    found = run("--model", folder, "--out", folder, "--members", 0, "--robustness", 0)
    assert found.exit_code == 0, found.output
    assert not (folder / "ensemble.tsv").exists()


def test_an_interrupt_keeps_the_stages_before(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("simulator.calibrate.stages.draw_members", interrupted)
    found = run("--model", TINY, "--out", tmp_path / "made", "--iterations", 2)
    assert found.exit_code == 130
    assert "interrupted; what was written before this stage is complete" in found.stderr
    assert sim.load(tmp_path / "made").members == ()
    assert content(tmp_path / "made")["parameters.tsv"] != content(TINY)["parameters.tsv"]


def test_no_member_at_all_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("simulator.calibrate.ensemble.CORRECTIONS", 0)
    narrow = tmp_path / "narrow.yaml"
    narrow.write_text((TINY / "findings.yaml").read_text().replace("8..12.5", "9.999..10.001"))
    found = run(
        *("--model", TINY, "--findings", narrow, "--out", tmp_path / "made"),
        *("--rounds", 0, "--members", 1),
    )
    assert found.exit_code == 2
    assert "none of 9 draws holds nearly what the point estimate holds" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a folder for the calibrated model with --out"),
        (("--out", "x", "--report", "x.txt"), "--report is x.txt, but must end in .md"),
        (("--out", "full"), "has files but is no model folder"),
        (("--out", "full/file"), "is a file; name a folder"),
        (("--out", "x", "--weight", "finding.yaml=1"), 'Nearest: "findings.yaml"'),
        (("--out", "x", "--weight", "findings.yaml"), "must be like literature.yaml=0.5"),
        (("--out", "x", "--from", "nowhere"), "is not one of"),
        (("--out", "a b"), "a model is named after its folder"),
        (("--out", "x", "--model", "tiny.ant"), "is no model folder"),
        (("--out", "x", "--model", "silent"), "has no findings.yaml to calibrate against"),
    ],
)
def test_what_is_wrong_with_a_call(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    shutil.copy(TINY / "model.ant", "tiny.ant")
    shutil.copytree(TINY, "tiny")
    shutil.copytree(TINY, "silent")
    settings = tmp_path / "silent" / "model.yaml"
    settings.write_text(settings.read_text().replace("name: tiny", "name: silent"))
    for name in ("findings.yaml", "constraints.yaml"):
        (tmp_path / "silent" / name).unlink()
    found = run("--model", "tiny", "--robustness", 0, *arguments)
    assert found.exit_code == 2
    assert message in found.stderr
    assert not (tmp_path / "x").exists()


def test_a_model_without_fitted_quantities_is_told(tmp_path):
    folder = tmp_path / "tiny"
    shutil.copytree(TINY, folder)
    for name in ("parameters", "cells", "alterations"):
        table = folder / f"{name}.tsv"
        text = table.read_text().replace("\tfitted", "\tassumed")
        table.write_text(
            re.sub(r"(?m)\t1\t(nM_per_hour|per_hour|dimensionless)\t", r"\t0\t\1\t", text)
        )
    for arguments in (
        ("--out", tmp_path / "out"),
        ("--report", tmp_path / "x.md"),
    ):
        found = run("--model", folder, "--robustness", 0, *arguments)
        assert found.exit_code == 2
        assert "has no fitted quantity" in found.stderr


def test_a_fit_may_begin_in_the_middle_of_every_range(tmp_path):
    folder = tmp_path / "tiny"
    shutil.copytree(TINY, folder)
    (folder / "cohorts.yaml").write_text(
        "C:\n  n: 3\n  cell: A\n"
        "  quantities: {k_deg: {sd: 0.5, sd_range: [0.1, 0.9], confidence: fitted}}\n"
    )
    out = tmp_path / "made"
    found = run(
        *("--model", folder, "--out", out, "--from", "prior", "--rounds", 0),
        *("--members", 0, "--robustness", 0),
    )
    assert found.exit_code == 0, found.output
    values = {str(q): value for q, value in quantities(sim.load(out).definition).items()}
    # geometric means of the ranges; the middle of a linear one
    assert values["k_deg"] == 0.1414
    assert values["idle"] == 4.0
    assert values["B k_syn"] == 2.0
    assert values["UNSTABLE k_deg"] == 4.0
    assert values["C k_deg sd"] == 0.3
    assert values["GIVEN k_deg"] == 0.5


def test_the_stages_of_a_round_are_said_and_repeated(tmp_path):
    # derivatives left out: the cell whose checks fail is searched, once a round
    found = run(
        *("--model", TINY, "--out", tmp_path / "made", "--rounds", 2, "--iterations", 0),
        *("--cells", 8, "--members", 0, "--robustness", 0, "--weight", "constraints.yaml=0.5"),
    )
    assert found.exit_code == 0, found.output
    lines = [line for line in found.stderr.splitlines() if "generation" not in line]
    costs = [line for line in lines if line.startswith("B: cost ")]
    searching = "B: searching 1 values on 2 checked ones"
    assert lines == ["round 1 of 2", searching, costs[0], "round 2 of 2", searching, costs[1]]
    reached = quantities(sim.load(tmp_path / "made").definition)
    changed = {str(q) for q, v in quantities(sim.load(TINY).definition).items() if reached[q] != v}
    assert changed == {"B k_syn"}
