"""The commands `sweep` and `merge`, and the file that describes a design."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from typer.testing import CliRunner

import simulator as sim
from simulator.cli import app
from simulator.cli.design_file import read_design

from .sweep.examples import BLOW_UP, DECAY, assert_same_numbers, same_files

run = CliRunner().invoke

DESIGN = """
model = "decay.ant"
time = [0, 1]
outputs = ["X"]

[factors]
k = ["log:0.01:10:100", 20]
s = [1, 2]

[options]
rtol = 1e-5
"""


@pytest.fixture
def design(tmp_path):
    (tmp_path / "decay.ant").write_text(DECAY)
    path = tmp_path / "design.toml"
    path.write_text(DESIGN)
    return path


def test_a_design_is_simulated_into_a_store(design, tmp_path):
    out, file = tmp_path / "out.zarr", tmp_path / "out.nc"
    ended = run(app, ["sweep", str(design), "--out", str(out), "--netcdf", str(file)])
    assert ended.exit_code == 0, ended.output
    assert f"wrote {out}" in ended.stderr and f"wrote {file}" in ended.stderr
    rates = [*np.geomspace(0.01, 10, 100), 20]
    expected = sim.load(DECAY).simulate([0, 1], k=rates, s=[1, 2], outputs=["X"], rtol=1e-5)
    assert_same_numbers(sim.open_store(out), expected)
    with xr.open_dataset(file, engine="h5netcdf") as found:
        assert_same_numbers(found, expected)
    again = run(app, ["sweep", str(design), "--out", str(out), "--json"])
    told = json.loads(again.stdout)
    assert told["sizes"] == {"k": 101, "s": 2, "time": 2} and told["outputs"] == ["X"]


def test_a_store_of_another_design_is_refused_without_a_word_on_going_on(design, tmp_path):
    out = str(tmp_path / "out.zarr")
    assert run(app, ["sweep", str(design), "--out", out]).exit_code == 0
    again = run(app, ["sweep", str(design), "--out", out])
    assert "going on after 202 of 202 runs" in again.stderr
    design.write_text(DESIGN.replace("s = [1, 2]", "s = [1, 3]"))
    ended = run(app, ["sweep", str(design), "--out", out])
    assert ended.exit_code == 2
    assert "holds another sweep" in ended.stderr and "going on" not in ended.stderr


def test_a_plan_is_told_and_nothing_is_written(design, tmp_path):
    before = set(tmp_path.iterdir())
    ended = run(app, ["sweep", str(design), "--dry-run"])
    assert ended.exit_code == 0, ended.output
    assert "202 runs (101 k x 2 s)" in ended.stdout and "3.23 kB on disk" in ended.stdout
    told = json.loads(run(app, ["sweep", str(design), "--dry-run", "--json"]).stdout)
    assert (told["runs"], told["bytes"], told["chunks"]) == (202, 202 * 2 * 8, 1)
    assert told["seconds"] > 0
    assert set(tmp_path.iterdir()) == before


def test_shards_are_merged(design, tmp_path):
    design.write_text(DESIGN.replace('"log:0.01:10:100"', '"log:0.01:10:7000"'))
    whole, parts = tmp_path / "whole.zarr", [tmp_path / f"{i}.zarr" for i in (1, 2)]
    assert run(app, ["sweep", str(design), "--out", str(whole)]).exit_code == 0
    for i, part in enumerate(parts, start=1):
        ended = run(app, ["sweep", str(design), "--out", str(part), "--shard", f"{i}/2"])
        assert ended.exit_code == 0, ended.output
    out = tmp_path / "merged.zarr"
    ended = run(app, ["merge", str(parts[1]), "--out", str(out)])
    assert ended.exit_code == 1
    assert "chunks are in none of the parts (first: 0" in ended.stderr
    ended = run(app, ["merge", *map(str, parts), "--out", str(out), "--json"])
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.stdout)["store"] == str(out)
    assert same_files(out, whole)


def test_conditions_of_every_kind(design, tmp_path):
    pd.DataFrame({"k": [0.1, 0.2], "who": ["a", "b"]}).to_csv(tmp_path / "rows.csv", index=False)
    head = 'model = "decay.ant"\ntime = 1\n[conditions]\n'
    design.write_text(head + 'file = "rows.csv"\n[factors]\ns = [1, 2, 3]\n')
    assert read_design(design).sizes == {"condition": 2, "s": 3, "time": 1}
    design.write_text(
        head + "[conditions.sample]\nn = 50\nseed = 3\n[conditions.sample.log]\nk = [0.1, 1]\n"
    )
    rows = sim.sample(50, log={"k": (0.1, 1)}, seed=3).rows(0, 50)
    np.testing.assert_array_equal(read_design(design).simulate()["k"], rows["k"])
    design.write_text(
        'time = 96\n[conditions]\ncohort = "TALL_PDX"\nn = 5\nseed = 2\n'
        "[set]\nk_BIM_dephosphorylation = [1, 2]\n"
    )
    table = sim.load("steroid_response").cohort("TALL_PDX", 5, 2)
    found = read_design(design)
    assert found.sizes["sample"] == 5
    part = found.part(0)
    assert part.axes[0].coordinates["tonic_RTK"].tolist() == table["tonic_RTK"].tolist()


def test_what_happened_to_failed_runs_is_told(tmp_path):
    (tmp_path / "blow_up.ant").write_text(BLOW_UP)
    path = tmp_path / "design.toml"
    path.write_text('model = "blow_up.ant"\ntime = 1\n[factors]\ng = [0.1, 2.0, 0.2]\n')
    ended = run(app, ["sweep", str(path), "--out", str(tmp_path / "x.zarr")])
    assert ended.exit_code == 0, ended.output
    assert "1 of 3 runs failed" in ended.stderr and "run 1: " in ended.stderr
    assert "g=2.0" in ended.stderr
    path.write_text('model = "blow_up.ant"\ntime = 1\n[factors]\ng = [3.0, 2.0]\n')
    assert run(app, ["sweep", str(path), "--out", str(tmp_path / "y.zarr")]).exit_code == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("rtol = 1e-5", "rtol = "), "is no TOML: .*line 1"),
        (
            ("[options]", "[optoins]"),
            'it has "optoins", which means nothing there. Nearest: "options"',
        ),
        (("rtol", "rtoll"), r'\[options\] has "rtoll".* Nearest: "rtol"'),
        (("\nk =", "\nkk ="), '"kk" is no parameter'),
        (("log:0.01:10:100", "log:0:10:100"), "write log:LOW:HIGH:N"),
        (('"X"', '"Z"'), 'output "Z" is not in'),
        (("decay.ant", "decoy.ant"), "decoy.ant"),
        (("\ns = [1, 2]", "\nrtol = 3"), '"rtol" is an option'),
        (('model = "decay.ant"', "model = 3"), "model is a name or a path"),
        (("[options]", "[conditions]\nfile = 'rows.csv'\n[options]"), r"rows\.csv: cannot be read"),
        (("[options]", "[conditions]\nfiel = 'rows.csv'\n[options]"), 'Nearest: "file"'),
        (("[options]", "[conditions]\nn = 3\n[options]"), "names one of file, cohort and sample"),
        (("[options]", "[conditions.sample]\nlog = {k = [0.1, 1]}\n[options]"), "needs n"),
        (("[factors]", "k = [1]\n[factors]"), "A factor stands under"),
    ],
)
def test_what_is_wrong_is_told_with_the_file(design, tmp_path, change, message):
    design.write_text(DESIGN.replace(*change))
    ended = run(app, ["sweep", str(design), "--out", str(tmp_path / "x.zarr")])
    assert ended.exit_code == 2
    assert ended.stderr.startswith(f"steroidsim: {design}: ")
    with pytest.raises((sim.ConditionError, sim.ModelError), match=message):
        read_design(design)
    assert not (tmp_path / "x.zarr").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--out: name the store to make"),
        (["--out", "x.nc"], "--out is a Zarr store"),
        (["--out", "x.zarr", "--shard", "3/2"], "--shard is I/N"),
        (["--out", "x.zarr", "--shard", "1/2", "--netcdf", "x.nc"], "give it to merge"),
        (["--out", "x.zarr", "--dask", "nowhere"], "--dask nowhere: no scheduler"),
    ],
)
def test_options_that_make_no_sense(design, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    ended = run(app, ["sweep", str(design), *words])
    assert ended.exit_code == 2
    assert message in ended.stderr
    assert not (tmp_path / "x.zarr").exists()


def test_the_same_file_with_other_numbers_is_refused(design, tmp_path):
    out = str(tmp_path / "x.zarr")
    assert run(app, ["sweep", str(design), "--out", out]).exit_code == 0
    design.write_text(DESIGN.replace("s = [1, 2]", "s = [1, 3]"))
    ended = run(app, ["sweep", str(design), "--out", out])
    assert ended.exit_code == 2
    assert '"s" had 2 levels from 1.0 to 2.0' in ended.stderr
    assert "Nothing was changed there" in ended.stderr
