"""What docs/screens.md shows: its command says what it prints, and its Python runs."""

import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from simulator.cli import app

TEXT = (Path(__file__).parents[2] / "docs" / "screens.md").read_text(encoding="utf-8")


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", TEXT, re.S)


def test_the_command_prints_what_the_page_says():
    (command,), (shown,) = blocks("console"), blocks("text")
    program, *words = shlex.split(command)
    assert program == "steroidsim"
    ended = CliRunner().invoke(app, words)
    assert ended.exit_code == 0, ended.output
    said, printed = (text.strip().splitlines() for text in (shown, ended.stdout))
    assert printed[0].split() == said[0].split() and len(printed) == len(said)
    for ours, theirs in zip(said[1:], printed[1:], strict=True):
        names, numbers = ours.split()[:3], [float(x) for x in ours.split()[5:]]
        assert theirs.split()[:3] == names
        np.testing.assert_allclose([float(x) for x in theirs.split()[5:]], numbers, rtol=0.01)


@pytest.mark.filterwarnings("error::UserWarning")
def test_the_python_of_the_page_runs(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "script.py"
    script.write_text("\n".join(blocks("python")), encoding="utf-8")
    found = runpy.run_path(str(script))
    assert float(found["flux"]["control"].sum()) == pytest.approx(1.0)
    assert {p.stem for p in tmp_path.glob("*.pdf")} == {"screen", "control", "sobol", "morris"}
    shares = found["shares"]["ST"].to_series()
    assert shares["GR_expression"] > shares["BIM_expression"] > 10 * shares["total_MEK"]
    assert "beyond_sum" not in found["table"] and "mu_star" in capsys.readouterr().out
