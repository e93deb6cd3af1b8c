"""Stores: what they hold, how they are gone on with, and what they refuse."""

import json
import resource
import shutil
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import simulator as sim
from simulator.integrator.status import Status
from simulator.store import export_netcdf

from .examples import BLOW_UP, assert_same_numbers, decay, same_files

RATES = np.geomspace(0.01, 5, 60).tolist()
FACTORS = {"k": RATES, "s": np.linspace(1, 3, 150).tolist()}  # 9000 runs, 3 chunks
TABLE = pd.DataFrame({"X": [1.0, 2.0], "who": ["Ada", "Émilie"]}, index=["a", "b"])


def sweep(**options):
    return sim.design(decay(), [0, 1, 4], **(FACTORS | options))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "whole.zarr"
    return path, sweep(conditions=TABLE).simulate(store=path)


def test_a_store_holds_what_simulate_returns(whole):
    _, stored = whole
    expected = decay().simulate([0, 1, 4], conditions=TABLE, **FACTORS)
    assert stored.sizes == {"condition": 2, "k": 60, "s": 150, "time": 3}
    assert_same_numbers(stored, expected)
    assert stored.attrs == expected.attrs
    for name in expected.coords:
        np.testing.assert_array_equal(stored[name], expected[name])
        assert stored[name].attrs == expected[name].attrs
    assert stored["X"].attrs == expected["X"].attrs
    assert list(stored.data_vars) == list(expected.data_vars)


def test_a_store_is_read_by_xarray_alone_and_piece_by_piece(whole):
    path, stored = whole
    alone = xr.open_zarr(path)
    assert_same_numbers(alone, stored)
    assert_same_numbers(sim.open_store(path), stored)
    assert alone["X"].chunks is not None, "nothing is loaded before it is used"
    exact = stored["X_initial"] * np.exp(-stored["k"] * stored["time"])
    found = stored["X"].isel(s=0).transpose(*exact.dims)
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-8)


def test_a_large_store_is_worked_on_chunk_by_chunk(whole, monkeypatch):
    path, stored = whole
    monkeypatch.setattr("simulator.store.writing.IN_MEMORY", 0)
    large = sim.open_store(path)
    assert stored["X"].chunks is None
    assert large["X"].data.npartitions == len(sweep(conditions=TABLE).grid) > 1
    assert_same_numbers(large, stored)


def test_a_store_goes_where_netcdf_is_read(whole, tmp_path):
    path, stored = whole
    export_netcdf(path, tmp_path / "x.nc")
    with xr.open_dataset(tmp_path / "x.nc", engine="h5netcdf") as found:
        assert_same_numbers(found, stored)
    with pytest.raises(sim.ConditionError, match="there is no store"):
        export_netcdf(tmp_path / "none.zarr", tmp_path / "y.nc")
    assert not (tmp_path / "y.nc").exists()


def test_the_same_call_again_computes_nothing(whole):
    path, _ = whole
    before = {file: file.stat().st_mtime_ns for file in path.rglob("*") if file.is_file()}
    again = decay().simulate([0, 1, 4], conditions=TABLE, store=path, **FACTORS)
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*") if file.is_file()} == before
    assert again["status"].values.all()


@pytest.mark.parametrize("workers", [1, 3])
def test_files_do_not_depend_on_threads_nor_on_the_order_of_chunks(whole, tmp_path, workers):
    path, _ = whole
    other = tmp_path / "other.zarr"
    sweep(conditions=TABLE).simulate(store=other, workers=workers)
    assert same_files(path, other)
    lost = sorted((other / ".steroidsim/chunks").iterdir())[1]
    lost.unlink()
    sweep(conditions=TABLE).simulate(store=other, workers=workers)
    assert same_files(path, other)


def test_shards_are_put_together(whole, tmp_path):
    path, stored = whole
    parts = [tmp_path / f"{i}.zarr" for i in (1, 2)]
    for i, part in enumerate(parts, start=1):
        found = sweep(conditions=TABLE).simulate(store=part, shard=(i, 2))
        assert 0 < (found["status"] == "").sum() < found["status"].size
    merged, missing = sim.merge(parts, tmp_path / "m.zarr")
    assert missing == []
    assert_same_numbers(merged, stored)
    assert same_files(path, tmp_path / "m.zarr")
    _, missing = sim.merge(parts[1:], tmp_path / "half.zarr")
    assert missing == [0, 2, 4][: len(missing)] and missing
    sweep(conditions=TABLE).simulate(store=tmp_path / "half.zarr")
    assert same_files(path, tmp_path / "half.zarr")


def test_parts_of_different_sweeps_are_not_put_together(tmp_path):
    sweep().simulate(store=tmp_path / "a.zarr", shard=(1, 2))
    sweep(rtol=1e-5).simulate(store=tmp_path / "b.zarr", shard=(2, 2))
    with pytest.raises(sim.ConditionError, match="rtol was 1e-06 and is 1e-05"):
        sim.merge([tmp_path / "a.zarr", tmp_path / "b.zarr"], tmp_path / "m.zarr")
    assert not (tmp_path / "m.zarr").exists()
    with pytest.raises(sim.ConditionError, match="there is no store"):
        sim.merge([tmp_path / "a.zarr", tmp_path / "c.zarr"], tmp_path / "m.zarr")
    with pytest.raises(sim.ConditionError, match="name the stores"):
        sim.merge([], tmp_path / "m.zarr")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"k": [*RATES[:-1], 6.0]},
            '"k" had 60 levels from 0.01 to 5.0 .* 60 levels from 0.01 to 6',
        ),
        ({"s": [1, 2]}, '"s" had 150 levels .* has 2 levels'),
        ({"X": [1, 2]}, '"X_initial" is a new dimension'),
        ({"X": 2}, "X_initial was not given and is 2.0"),
        ({"outputs": ["X"]}, "the outputs were X, Y and are X"),
        ({"outputs": ["Y", "X"]}, "the outputs were X, Y and are Y, X"),
        ({"atol": 1e-8}, "atol was 1e-09 and is 1e-08"),
        ({"method": "Rodas5P"}, "method was auto and is Rodas5P"),
        ({"time": [0, 1, 5]}, "the times were 0.0, 1.0, 4.0 and are 0.0, 1.0, 5.0"),
    ],
)
def test_a_store_of_another_design_is_refused(tmp_path, changed, message):
    path = tmp_path / "x.zarr"
    model, before = decay(), {"outputs": ["X", "Y"], "time": [0, 1, 4]} | FACTORS
    sim.design(model, **before).simulate(store=path, shard=(1, 3))
    copy = shutil.copytree(path, tmp_path / "copy.zarr")
    with pytest.raises(sim.ConditionError, match=message) as told:
        sim.design(model, **(before | changed)).simulate(store=path)
    assert "Nothing was changed there" in str(told.value)
    assert same_files(path, copy)


def test_a_store_of_another_model_is_refused(tmp_path, checkout):
    folder = shutil.copytree(checkout / "tests/models/tiny", tmp_path / "tiny")
    ask = {"time": 5, "k_syn": np.linspace(0.1, 1, 5000), "store": tmp_path / "x.zarr"}
    sim.load(folder).simulate(**ask)
    sim.load(folder).simulate(**ask)
    table = folder / "cells.tsv"
    table.write_text(
        table.read_text().replace("B\tk_syn\tmultiply\t1.5", "B\tk_syn\tmultiply\t1.6")
    )
    with pytest.raises(sim.ConditionError, match=r"of the model tiny, cells\.tsv changed"):
        sim.load(folder).simulate(**ask)


def test_other_packages_are_told_of(tmp_path):
    path = tmp_path / "x.zarr"
    sweep().simulate(store=path, shard=(1, 2))
    file = path / ".steroidsim/manifest.json"
    file.write_text(file.read_text().replace(f'"numpy": "{np.__version__}"', '"numpy": "1.0"'))
    with pytest.warns(UserWarning, match=r"begun with numpy 1\.0 \(now .*last bits"):
        sweep().simulate(store=path)


def test_what_is_no_store_is_left_alone(tmp_path):
    folder, file, empty = tmp_path / "folder", tmp_path / "file", tmp_path / "empty"
    folder.mkdir()
    empty.mkdir()
    (folder / "precious.txt").write_text("data")
    file.write_text("data")
    for place in (folder, file):
        with pytest.raises(sim.ConditionError, match="exists, and is no store of a sweep"):
            sweep().simulate(store=place)
        with pytest.raises(sim.ConditionError, match="exists, and is no store of a sweep"):
            sim.open_store(place)
    assert (folder / "precious.txt").read_text() == "data" and len(list(folder.iterdir())) == 1
    sweep().simulate(store=empty, shard=(1, 3))
    assert (empty / ".zgroup").exists()


def test_what_was_left_of_a_store_that_was_being_made_is_made_anew(whole, tmp_path):
    path, left = tmp_path / "x.zarr", tmp_path / "x.zarr.making"
    shutil.copytree(whole[0], left)
    (left / ".zattrs").write_text("half")
    sweep(conditions=TABLE).simulate(store=path)
    assert same_files(path, whole[0])
    assert not left.exists()


def test_a_damaged_store_is_told_of_and_mended(whole, tmp_path):
    path = tmp_path / "x.zarr"
    shutil.copytree(whole[0], path)
    files = json.loads((path / ".steroidsim/chunks/00000001.json").read_text())["files"]
    chunk = path / next(iter(files))
    for damage, message in (
        (lambda: chunk.write_bytes(chunk.read_bytes()[:-1]), "of chunk 1 is damaged"),
        (chunk.unlink, "of chunk 1 is missing"),
    ):
        damage()
        with pytest.raises(sim.ConditionError, match=message) as told:
            sweep(conditions=TABLE).simulate(store=path)
    record = path / ".steroidsim/chunks/00000001.json"
    assert str(record) in str(told.value)
    record.unlink()
    sweep(conditions=TABLE).simulate(store=path)
    assert same_files(path, whole[0])


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (".steroidsim/manifest.json", "{", "its manifest .* cannot be read"),
        (".steroidsim/manifest.json", '{"format": "other"}', "its manifest .* cannot be read"),
        (".steroidsim/chunks/00000000.json", "{}", "the record .* cannot be read .*Delete it"),
        (".zmetadata", "x", "cannot be read as a Zarr store"),
    ],
)
def test_a_store_with_an_unreadable_file_is_refused(whole, tmp_path, file, content, message):
    path = shutil.copytree(whole[0], tmp_path / "x.zarr")
    (path / file).write_text(content)
    (path / ".steroidsim/chunks/00000001.json").unlink()
    with pytest.raises(sim.ConditionError, match=message):
        sweep(conditions=TABLE).simulate(store=path)
        sim.open_store(path)


def test_another_format_is_refused(whole, tmp_path):
    path = shutil.copytree(whole[0], tmp_path / "x.zarr")
    file = path / ".steroidsim/manifest.json"
    file.write_text(file.read_text().replace("steroidsim sweep 1", "steroidsim sweep 9"))
    with pytest.raises(sim.ConditionError, match='"steroidsim sweep 9", and this version'):
        sim.open_store(path)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(sim.ConditionError, match=r"cannot be written .*name another place"):
        sweep().simulate(store=tmp_path / "file" / "x.zarr")


FULL = """
import resource, signal, sys
import numpy as np, simulator as sim
from tests.sweep.examples import DECAY
path, limit = sys.argv[1], int(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit fails, as on a full disk
sweep = sim.design(sim.load(DECAY), np.linspace(0, 9, 40), k=np.linspace(0.1, 1, 9000))
sweep.simulate(store=path, workers=1, shard=(1, 3))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    sweep.simulate(store=path, workers=1)
except sim.ConditionError as error:
    sys.exit(str(error))
"""


def test_a_full_disk_leaves_what_was_there_readable(tmp_path, checkout):
    path = tmp_path / "x.zarr"
    command = [sys.executable, "-c", FULL, str(path), "100000"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=checkout)
    assert ended.returncode == 1, ended.stderr
    assert "x.zarr: cannot be written (File too large)" in ended.stderr
    found = sim.open_store(path)
    done = found["status"].values == "SUCCESS"
    assert 0 < done.sum() < done.size
    assert np.isfinite(found["X"].values[done]).all()
    subprocess.run([*command[:-1], str(resource.RLIM_INFINITY)], cwd=checkout, check=True)
    assert (sim.open_store(path)["status"] == "SUCCESS").all()
    assert not [file for file in path.rglob("*") if file.suffix in (".writing", ".making")]


def test_failed_runs_are_marked_and_listed_with_their_factors(tmp_path):
    model, path = sim.load(BLOW_UP), tmp_path / "x.zarr"
    rates = [0.01, 0.02, 2.0, 0.03, 4.0]
    ask = {"g": rates, "X": np.linspace(0.501, 1, 2000), "store": path}
    with pytest.warns(RuntimeWarning) as warned:
        ds = model.simulate([0, 1], **ask)
    text = str(warned[0].message)
    assert warned[0].filename == __file__
    assert ds["status"].dims == ("g", "X_initial")
    failed = (ds["status"] != "SUCCESS").values
    exact = 1 / (1 / ds["X_initial"] - ds["g"])  # at t = 1, unless it was endless before
    np.testing.assert_array_equal(failed, (ds["g"] * ds["X_initial"] >= 1).values)
    assert np.isnan(ds["X"].values[failed][:, 1]).all()
    fine = ds["X"].sel(time=1).where(ds["status"] == "SUCCESS").values
    np.testing.assert_allclose(fine[~failed], exact.T.values[~failed], rtol=1e-4)
    assert f"{failed.sum()} of 10000 runs failed" in text
    assert text.count("\n") == 21 and "g=2.0, X_initial=" in text
    assert f"and {failed.sum() - 20} more: see `status`" in text
    with pytest.raises(sim.IntegrationError, match="runs failed"):
        model.simulate([0, 1], **ask, on_failure="raise")


def test_all_runs_failed_is_an_error_and_the_store_says_so(tmp_path):
    with pytest.raises(sim.IntegrationError, match="3 of 3 runs failed"):
        sim.load(BLOW_UP).simulate(9, g=[2, 3, 4], store=tmp_path / "x.zarr")
    found = sim.open_store(tmp_path / "x.zarr")["status"].values
    assert set(found) <= {status.name for status in Status} - {"SUCCESS"}


def test_failed_rows_are_listed_with_what_the_row_says(tmp_path):
    sample = sim.sample(64, linear={"g": (0.5, 1.5)}, method="random")
    with pytest.warns(RuntimeWarning, match=r"run \d+: [A-Z_]+ at t = .*; condition=\d+, g=1\."):
        sim.load(BLOW_UP).simulate(1, conditions=sample, store=tmp_path / "x.zarr")


def test_a_single_run_can_be_stored(tmp_path):
    ds = decay().simulate([0, 2], store=tmp_path / "x.zarr")
    assert ds["X"].dims == ("time",) and ds["status"].item() == "SUCCESS"
    assert ds["X"][1].item() == pytest.approx(np.exp(-1), rel=1e-6)


def test_columns_with_blanks_are_coordinates_and_with_slashes_refused(tmp_path):
    table = TABLE.rename(columns={"who": "who was it"})
    ds = decay().simulate(1, conditions=table, store=tmp_path / "x.zarr")
    assert ds["who was it"].values.tolist() == ["Ada", "Émilie"]
    assert "who was it" in ds.coords
    with pytest.raises(sim.ConditionError, match='"who/what" cannot be stored'):
        decay().simulate(
            1, conditions=TABLE.rename(columns={"who": "who/what"}), store=tmp_path / "y.zarr"
        )
    assert not (tmp_path / "y.zarr").exists()


def test_names_with_signs_are_kept(tmp_path, steroid_response):
    ask = {
        "expression": [{"BCL2": 4, "IL7R": 0.2}, {}],
        "knockout": [None, ("BIM", "PUMA")],
        "prednisolone": [0, sim.schedule((0, 1.0), (24, 0.0))],
        "outputs": ["viability", "BIM_total"],
    }
    stored = steroid_response.simulate([0, 24], **ask, store=tmp_path / "x.zarr")
    expected = steroid_response.simulate([0, 24], **ask)
    assert_same_numbers(stored, expected)
    for name in expected.coords:
        assert stored[name].values.tolist() == expected[name].values.tolist()


def test_options_that_make_no_sense_with_a_store(tmp_path):
    with pytest.raises(sim.ConditionError, match="max_seconds= cannot be kept"):
        decay().simulate(1, store=tmp_path / "x.zarr", max_seconds=5)
    for shard in ((0, 2), (3, 2), (1.5, 2), 4):
        with pytest.raises(sim.ConditionError, match="shard is"):
            sweep().simulate(store=tmp_path / "x.zarr", shard=shard)
    with pytest.raises(sim.ConditionError, match="shard= is for stores"):
        sweep().simulate(shard=(1, 2))
    with pytest.raises(sim.ConditionError, match=r"on_failure is .mark. or .raise., not"):
        sweep().simulate(on_failure="rais")


@pytest.mark.parametrize(
    "ask",
    [
        lambda: decay().simulate(1, store=5),
        lambda: sweep().simulate(store=["x.zarr"]),
        lambda: sim.open_store(5),
        lambda: sim.merge([5], "x.zarr"),
    ],
)
def test_a_store_is_named_by_a_path(ask):
    with pytest.raises(sim.ConditionError, match=r"A store is a path, like .*, not "):
        ask()


KILLED = """
import sys
import simulator as sim
from tests.sweep.examples import DECAY
rows = sim.sample(60_000, log={"k": (0.01, 10)}, linear={"X": (0.5, 1)}, seed=2)
sim.design(sim.load(DECAY), [0, 1, 2, 5, 9], conditions=rows).simulate(store=sys.argv[1])
"""


@pytest.mark.slow
def test_a_sweep_that_is_killed_goes_on_and_computes_nothing_twice(tmp_path, checkout):
    """SIGKILL after one chunk, and after some more; then it is left alone."""
    import time

    path, whole = tmp_path / "killed.zarr", tmp_path / "whole.zarr"
    command = [sys.executable, "-c", KILLED]
    chunks = path / ".steroidsim/chunks"
    kept = {}
    for wanted in (1, 5):
        with subprocess.Popen([*command, str(path)], cwd=checkout) as process:
            while process.poll() is None:
                if chunks.exists() and len(list(chunks.glob("*.json"))) >= wanted:
                    process.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.002)
            process.wait()
        for record in chunks.glob("*.json"):
            for name in json.loads(record.read_text())["files"]:
                kept.setdefault(name, (path / name).stat().st_mtime_ns)
    total = len(sim.design(decay(), 0, k=np.linspace(0.1, 1, 60_000)).grid)
    assert 0 < len(list(chunks.glob("*.json"))) < total
    subprocess.run([*command, str(path)], cwd=checkout, check=True)
    subprocess.run([*command, str(whole)], cwd=checkout, check=True)
    assert same_files(path, whole)
    assert {name: (path / name).stat().st_mtime_ns for name in kept} == kept
