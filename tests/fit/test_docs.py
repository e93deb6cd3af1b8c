"""The example of docs/fitting.md: its files, its commands, its Python, and what it says of them.

And the problem that the notebook about fitting brings with it.
"""

import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from simulator.cli import app
from simulator.fit.problem import Problem

CHECKOUT = Path(__file__).parents[2]
TEXT = (CHECKOUT / "docs" / "fitting.md").read_text(encoding="utf-8")
FENCE = r"```{}\n(.*?)```"
NUMBER = re.compile(r"(?<![\w.])\d[\d.]*(?:e[+-]\d+)?")

TRUE = {"k_receptor": 5.0, "k_degradation": 0.15, "degradation_MEKi": 0.35, "scale": 200.0}
"""What the numbers of the example were made from, with noise of 0.06 decades."""


def blocks(kind):
    return re.findall(FENCE.format(kind), TEXT, re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files of the example."""
    found = tmp_path_factory.mktemp("example")
    named = re.findall(rf"^`([\w.]+)`:\n\n{FENCE.format('[a-z]+')}", TEXT, re.S | re.M)
    assert len(named) == 6
    for name, content in named:
        (found / name).write_text(content, encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def printed(folder):
    """What each command prints."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in "".join(blocks("console")).splitlines():
            program, *arguments = shlex.split(line)
            assert program == "steroidsim"
            done = CliRunner().invoke(app, arguments)
            assert done.exit_code == 0, done.output
            found[arguments[0]] = done.stdout
    return found


@pytest.mark.slow
def test_the_commands_find_what_the_page_says(folder, printed):
    shown = next(text for text in blocks("text") if "verdict" in text).splitlines()[1:]
    lines = printed["fit"].splitlines()
    assert len(shown) == 5
    for said in shown:
        (line,) = (line for line in lines if line.startswith(said.split()[0] + " "))
        assert NUMBER.sub("", said).split() == NUMBER.sub("", line).split()
        numbers = [[float(n) for n in NUMBER.findall(text)] for text in (said, line)]
        np.testing.assert_allclose(*numbers, rtol=0.02)
    assert (folder / "fit" / "report.md").exists() and (folder / "fit" / "profiles.svg").exists()


@pytest.mark.slow
def test_the_example_finds_what_its_numbers_were_made_from(folder, printed):
    problem = Problem(folder / "problem.yaml")
    table = problem.verdicts(problem.read(folder / "fit.h5"))
    for name, value in TRUE.items():
        lower, upper = table.loc[name, ["lower", "upper"]]
        assert lower < value and not value > upper  # no upper end is NaN


@pytest.mark.slow
@pytest.mark.filterwarnings("error::UserWarning")
def test_the_python_of_the_page_runs(folder, printed, monkeypatch, capsys):
    """In one script, after the commands, as the page has it."""
    script = folder / "script.py"
    script.write_text("\n".join(blocks("python")), encoding="utf-8")
    monkeypatch.chdir(folder)
    runpy.run_path(str(script))
    said = capsys.readouterr().out
    assert "range over" in said and "samples of the posterior" in said
    for name in ("fit", "waterfall", "parameters", "profiles"):
        assert (folder / f"{name}.png").stat().st_size > 1000


def test_the_notebook_brings_the_problem_that_other_tests_check():
    own = CHECKOUT / "notebooks" / "data" / "fiedler"
    checked = CHECKOUT / "tests" / "data" / "petab_benchmarks" / "Fiedler_BMCSystBiol2016"
    names = {path.name for path in checked.iterdir()}
    assert {path.name for path in own.iterdir()} == names | {"LICENSE", "README.md"}
    assert all((own / name).read_bytes() == (checked / name).read_bytes() for name in names)
