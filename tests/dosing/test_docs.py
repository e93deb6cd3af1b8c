"""The blocks of docs/dosing.md: its Python prints what the page shows, its commands run."""

import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from simulator.cli import app

TEXT = (Path(__file__).parents[2] / "docs" / "dosing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", TEXT, re.S)
FIGURES = {"isobole", "order", "best", "given"}
NUMBER = re.compile(r"(?<![\w.])-?\d[\d.]*(?:e[+-]\d+)?(?![\w@])")

# Numbers of the page may move with the bundled model's values by this; words and bounds may not.
MOVED = 0.02
END = "=== end of block ==="


def test_the_python_of_the_page_prints_what_it_shows(tmp_path, capsys, monkeypatch):
    """In one script, as the page has it."""
    monkeypatch.chdir(tmp_path)
    assert len(BLOCKS) == TEXT.count("```python") == 9
    assert sum(bool(shown) for _, shown in BLOCKS) == 7
    script = tmp_path / "script.py"
    script.write_text(f"print({END!r})\n".join(code for code, _ in BLOCKS), encoding="utf-8")
    runpy.run_path(str(script))
    printed = capsys.readouterr().out.split(END)
    for (_, shown), said in zip(BLOCKS, printed, strict=True):
        assert NUMBER.sub("#", shown).split() == NUMBER.sub("#", said).split()
        numbers = [[float(n) for n in NUMBER.findall(text)] for text in (shown, said)]
        np.testing.assert_allclose(*numbers, rtol=MOVED, atol=2e-3)
    assert {figure.stem for figure in tmp_path.glob("*.pdf")} == FIGURES


@pytest.mark.parametrize(
    "line", "".join(re.findall(r"```console\n(.*?)```", TEXT, re.S)).splitlines()
)
def test_its_commands_run(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(line)
    assert program == "steroidsim"
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    if "pair.csv" in line:
        assert {f.name for f in tmp_path.iterdir()} == {"pair.csv", "pair_best.csv"}
