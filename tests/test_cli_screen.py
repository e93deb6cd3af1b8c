"""The command `screen`."""

import csv
import json

import pytest
from typer.testing import CliRunner

from simulator.cli import app

run = CliRunner().invoke

DECAY = "model decay\n species S; S -> ; k*S; S = 2; k = 0.3; unused = 1\nend\n"
DOSES = "prednisolone=0,log:0.00316:31.6:5"


@pytest.fixture(scope="module")
def decay(tmp_path_factory):
    path = tmp_path_factory.mktemp("decay") / "decay.ant"
    path.write_text(DECAY)
    return str(path)


def test_a_ranked_table_and_a_file(tmp_path):
    out = tmp_path / "screen.csv"
    words = [
        "screen",
        DOSES,
        "--knockout",
        "BIM",
        "--drug",
        "selumetinib=0.5",
        "--drug",
        "MK2206=1",
    ]
    ended = run(app, [*words, "--out", str(out), "--top", "2"])
    assert ended.exit_code == 0, ended.output
    lines = ended.stdout.splitlines()
    assert lines[0].split()[:5] == ["rank", "kind", "name", "level", "unit"]
    assert len(lines) == 3 and lines[1].split()[:3] == ["1", "knock-out", "BIM"]
    assert "2 more rows" in ended.stderr and f"wrote {out}" in ended.stderr
    rows = list(csv.DictReader(out.open()))
    assert {row["name"] for row in rows} == {"BIM", "selumetinib", "MK2206"}
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]


def test_json_of_a_plain_model(decay):
    words = ["screen", "--model", decay, "--measure", "S", "--time", "5", "--parameter", "all"]
    ended = run(app, [*words, "--knockdown", "0.5", "--overexpression", "2", "--json"])
    assert ended.exit_code == 0, ended.output
    content = json.loads(ended.stdout)
    assert content["measure"] == "S" and content["time"] == [5.0]
    assert [row["name"] for row in content["rows"]] == ["k", "k", "unused", "unused"]
    assert content["rows"][0]["level"] == 2.0 and content["rows"][0]["rank"] == 1


def test_control_coefficients(decay):
    words = ["screen", "k=0.3,0.6", "--model", decay, "--measure", "S", "--time", "5", "--control"]
    ended = run(app, [*words, "--json"])
    assert ended.exit_code == 0, ended.output
    rows = json.loads(ended.stdout)["rows"]
    found = {(row["k"], row["parameter"]): row["control"] for row in rows}
    assert found[0.3, "k"] == pytest.approx(-1.5, rel=1e-4)
    assert found[0.6, "k"] == pytest.approx(-3.0, rel=1e-4)
    assert [row["parameter"] for row in rows] == ["k", "unused"] * 2


@pytest.mark.parametrize(("method", "index"), [("--sobol", "ST"), ("--morris", "mu_star")])
def test_global_sensitivity(decay, method, index):
    words = ["screen", "--model", decay, "--measure", "S", "--time", "5", method, "--n", "8"]
    ended = run(app, [*words, "--range", "k=0.1:1:log", "--parameter", "unused", "--json"])
    assert ended.exit_code == 0, ended.output
    content = json.loads(ended.stdout)
    first, second = content["rows"]
    assert (first["parameter"], first["low"], first["high"]) == ("k", 0.1, 1.0)
    assert second["parameter"] == "unused" and (second["low"], second["high"]) == (0.5, 2.0)
    assert first[index] > 0.5 > second[index] == 0
    assert content["n"] == 8 and content["mean"] > 0
    ended = run(app, [*words, "--range", "k=0.1:1:log", "--parameter", "unused"])
    assert ended.stdout.splitlines()[0].split()[0] == "parameter"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--measure", "auc40"], 'measure "auc40" is none of'),
        (["--knockout", "BIMM"], 'gene "BIMM" is not in steroid_response. Nearest: "BIM"'),
        (["--drug", "selumetinib=much"], '"much" is not a number'),
        (["--drug", "selumetinib=1", "--drug", "MK2206"], "to all drugs or to none"),
        (["--knockdown", "half"], '--knockdown: "half" is not a number'),
        (["--control", "--sobol"], "ask one"),
        (["--control", "--pairs"], "--pairs is for perturbing one at a time"),
        (["--n", "8"], "--n is for --sobol and --morris"),
        (["--sobol", "--range", "total_MEK=1"], "write ID=LOW:HIGH"),
        (["--out", "screen.xlsx"], "must end in .csv"),
        (["store=a.zarr"], '"store" is an option, not a factor'),
        (["seed=3"], '"seed" is an option, not a factor'),
        (["alteratoin=NRAS_G12D"], "alteratoin"),
    ],
)
def test_bad_input_is_one_sentence(words, said):
    ended = run(app, ["screen", *words])
    assert ended.exit_code == 2
    assert said in ended.stderr and ended.stderr.startswith("steroidsim: ")
    assert len(ended.stderr.splitlines()) == 1 and "Traceback" not in ended.output


def test_failed_runs_end_with_1(tmp_path):
    path = tmp_path / "bang.ant"
    path.write_text("model bang\n species x; x = 1; k = 1\n -> x; k*x^2\nend\n")
    words = ["screen", "--model", str(path), "--measure", "x", "--time", "3"]
    ended = run(app, [*words, "--parameter", "k"])
    assert ended.exit_code == 1 and "runs failed" in ended.stderr


def test_help_has_examples():
    ended = run(app, ["screen", "--help"])
    assert ended.exit_code == 0
    for text in ("Examples", "--control", "--sobol", "--morris", "--pairs", "steroidsim screen"):
        assert text in ended.stdout
