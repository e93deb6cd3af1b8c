"""The examples of docs/sweeps.md: its Python in one script, its file and its commands."""

import re
import runpy
import shlex

import numpy as np
import pytest
from typer.testing import CliRunner

import simulator as sim
from simulator.cli import app

from .examples import same_files


def blocks(text, kind):
    return re.findall(rf"```{kind}\n(.*?)```", text, re.S)


@pytest.fixture(scope="module")
def text(checkout):
    return (checkout / "docs" / "sweeps.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_python_of_the_page_runs(text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "script.py"
    script.write_text("\n".join(blocks(text, "python")), encoding="utf-8")
    found = runpy.run_path(str(script))
    said = capsys.readouterr().out
    (shown,) = blocks(text, "text")
    assert said.startswith(shown.partition("about ...")[0])
    assert '"il7" had 2 levels' in said and "Nothing was changed there" in said
    assert found["index"].dims == ("sample", "il7") and np.isfinite(found["index"]).any()
    assert found["drawn"].sizes == {"condition": 20_000, "alteration": 2, "time": 1}
    assert found["drawn"].part(0).size > 0


@pytest.mark.slow
def test_the_commands_of_the_page_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (file,) = blocks(text, "toml")
    (tmp_path / "design.toml").write_text(file, encoding="utf-8")
    for line in "".join(blocks(text, "console")).splitlines():
        program, *arguments = shlex.split(line)
        assert program == "steroidsim"
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
    assert sim.open_store("plates.zarr").sizes["prednisolone"] == 5
    assert (tmp_path / "plates.nc").stat().st_size > 1000
    assert same_files(tmp_path / "plates.zarr", tmp_path / "merged.zarr")
