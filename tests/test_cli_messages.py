"""What is said of wrong calls and of warnings, and in which colours."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text
from typer.testing import CliRunner

from simulator.cli import app
from simulator.cli.reporting import colours, print_table

CHECKOUT = Path(__file__).resolve().parents[1]
PROGRAM = "from simulator.cli import main; main()"
ESCAPE = "\x1b"
BOTH = {"FORCE_COLOR": "1", "NO_COLOR": "1"}

# A command that warns: its program replaces the work of `export`.
WARNING = """
import warnings
import simulator
simulator.load = lambda model: warnings.warn("mind this") or 1 / 0
from simulator.cli import main
try:
    main()
except ZeroDivisionError:
    pass
"""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["predcit"], 'there is no command "predcit". Nearest: "predict". See steroidsim --help.'),
        (["xyzzy"], 'there is no command "xyzzy". See steroidsim --help.'),
        (
            ["predict", "--celll", "SEM"],
            'predict: there is no option "--celll". Nearest: "--cell". See steroidsim predict'
            " --help.",
        ),
        (["--versoin"], 'there is no option "--versoin". Nearest: "--version". See'),
        (["sweep"], "sweep: the argument DESIGN.toml is missing. See steroidsim sweep --help."),
        (["merge", "a.zarr"], "merge: the option --out is missing. See"),
        (["simulate", "--rtol", "small"], "simulate: --rtol: "),
        (["fit", "a.yaml", "--starts", "0"], "fit: --starts: "),
        (["simulate", "--out"], "simulate: Option '--out' requires an argument."),
        (["report", "a.h5", "b.h5"], "report: "),
    ],
)
def test_a_wrong_call_is_one_sentence_and_status_2(words, said):
    ended = CliRunner().invoke(app, words, prog_name="steroidsim")
    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"steroidsim: {said}")
    assert ended.stderr.count("\n") == 1 and ended.stderr.endswith(" --help.\n")


def test_without_a_command_the_help_is_shown():
    ended = CliRunner().invoke(app, [])
    assert ended.exit_code == 2
    assert "Usage" in ended.stdout and "steroidsim: " not in ended.stderr


class Stream:
    """A stream that is a terminal, or not."""

    def __init__(self, terminal):
        self.isatty = lambda: terminal


@pytest.mark.parametrize(
    ("terminal", "environment", "expected"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),  # empty counts as unset: no-color.org
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": ""}, False),
        (True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_when_there_are_colours(monkeypatch, terminal, environment, expected):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert colours(Stream(terminal)) is expected


def on_terminal(program, *words, **environment):
    """Standard error of a call whose standard error is a terminal."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=CHECKOUT,
            env=_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            check=False,
        )
        return os.read(ours, 65536).decode().replace("\r\n", "\n")
    finally:
        os.close(ours)
        os.close(theirs)


def piped(program, *words, **environment):
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=CHECKOUT,
        env=_environment(environment),
        capture_output=True,
        text=True,
        check=False,
    ).stderr


def _environment(changes):
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    return kept | {"TERM": "xterm-256color"} | changes


WRONG = (PROGRAM, "predcit")
PLAIN = 'steroidsim: there is no command "predcit". Nearest: "predict". See steroidsim --help.\n'


def test_an_error_is_red_on_a_terminal_only():
    shown = on_terminal(*WRONG)
    assert shown == PLAIN.replace("steroidsim:", "\x1b[31m\x1b[1msteroidsim:\x1b[0m", 1)
    assert on_terminal(*WRONG, NO_COLOR="1") == PLAIN
    assert piped(*WRONG) == PLAIN
    assert ESCAPE in piped(*WRONG, FORCE_COLOR="1")


def test_a_warning_is_yellow_on_a_terminal_only():
    call = (WARNING, "export")
    yellow = "\x1b[33m\x1b[1msteroidsim: warning:\x1b[0m mind this\n"
    assert on_terminal(*call) == yellow
    assert on_terminal(*call, NO_COLOR="1") == piped(*call) == "steroidsim: warning: mind this\n"
    assert piped(*call, FORCE_COLOR="1") == yellow


@pytest.mark.parametrize(
    ("environment", "coloured"), [({}, False), ({"FORCE_COLOR": "1"}, True), (BOTH, False)]
)
def test_tables_in_a_pipe_are_plain_unless_colours_are_forced(
    capsys, monkeypatch, environment, coloured
):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    grid = Table(box=None, pad_edge=False)
    grid.add_column("id")
    grid.add_row(Text("FAIL", style="bold red"))
    print_table(grid)
    shown = capsys.readouterr().out
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown).split() == ["id", "FAIL"]
    assert (ESCAPE in shown) is coloured
