"""Help pages and their examples, and every `steroidsim ...` line of the documentation."""

import shlex
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import simulator as sim
from docs.page_code import blocks, commands, is_ours
from simulator.cli import GROUPS, app
from simulator.cli.design_file import read_design
from simulator.cli.examples import COLUMNS, EXAMPLES, examples_text
from simulator.cli.factor_arguments import read_factors

CHECKOUT = Path(__file__).resolve().parents[1]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
COMMANDS = get_command(app).commands
DESIGN = 'time = 24\noutputs = ["viability"]\n[factors]\nprednisolone = [0, 1]\n'

# Examples that take no more than a second or two; those of all commands are parsed.
CHEAP = [
    *(example.call for example in EXAMPLES["simulate"]),
    *(example.call for example in EXAMPLES["export"]),
    EXAMPLES["sweep"][0].call,
    EXAMPLES["sweep"][1].call,
    EXAMPLES["screen"][2].call,
    EXAMPLES["dose"][0].call,
    EXAMPLES["dose"][2].call,
]


def console_lines(text):
    """Calls in the console and sh blocks of a page."""
    shells = [block.code for block in blocks(text) if block.kind in ("console", "sh")]
    return [shlex.join(words) for code in shells for words in commands(code) if is_ours(words)]


def parsed(line):
    """What the real parser makes of a call; nothing is run."""
    program, *words = shlex.split(line.removeprefix("$ "), comments=True)
    assert program.endswith("steroidsim")
    if words[0].startswith("-"):
        known = {"--help", *(name for param in get_command(app).params for name in param.opts)}
        assert set(words) <= known
        return {}
    name, *rest = words
    if rest == ["--help"]:
        return COMMANDS[name].params
    return COMMANDS[name].make_context(name, rest).params


def documented():
    return [(page, line) for page in PAGES for line in console_lines(page.read_text("utf-8"))]


def test_every_command_has_examples_and_a_group():
    grouped = {f.__name__.replace("_", "-") for group in GROUPS.values() for f in group}
    assert set(EXAMPLES) == {"", *COMMANDS} == {"", *grouped}
    assert all(example.call.split()[1] == name for name in COMMANDS for example in EXAMPLES[name])


@pytest.mark.parametrize("command", list(EXAMPLES))
def test_help_fits_80_columns_and_ends_with_the_examples(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", COLUMNS)
    shown = CliRunner().invoke(app, [*([command] if command else []), "--help"])
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert [line for line in lines if len(line) > COLUMNS] == []
    assert shown.stdout.rstrip("\n").endswith(examples_text(command).rstrip("\n"))
    assert "list[str]" not in shown.stdout and "<bool>" not in shown.stdout
    first = lines[lines.index("Examples:") + 1]
    assert first.startswith("  # ")


def test_the_page_of_all_commands_groups_them(monkeypatch):
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", COLUMNS)
    shown = CliRunner().invoke(app, ["--help"]).stdout
    places = [shown.index(f"─ {group} ─") for group in GROUPS]
    assert places == sorted(places)
    for place, (_, functions) in zip(places, GROUPS.items(), strict=True):
        for function in functions:
            assert shown.index(f"│ {function.__name__.replace('_', '-')} ") > place


@pytest.mark.parametrize("command", list(EXAMPLES))
def test_examples_can_be_pasted(command):
    """Lines as they are shown, joined as a shell joins them, are the calls."""
    shown = examples_text(command).replace("\\\n", " ").splitlines()[1:]
    calls = [" ".join(line.split()) for line in shown if not line.startswith("  #")]
    assert calls == [example.call for example in EXAMPLES[command]]
    assert all(parsed(call) is not None for call in calls)


@pytest.mark.parametrize(("page", "line"), documented(), ids=lambda x: str(x)[-40:])
def test_every_call_on_a_page_is_parsed(page, line):
    assert parsed(line) is not None


def test_the_page_on_the_command_line_shows_every_command():
    lines = console_lines((CHECKOUT / "docs" / "command_line.md").read_text("utf-8"))
    assert {line.split()[1] for line in lines} >= set(COMMANDS)


def test_a_call_that_is_wrong_is_not_parsed():
    for line, said in (
        ("steroidsim predict --celll SEM", "celll"),
        ("steroidsim sweep", "design"),
        ("steroidsim predcit", "predcit"),
    ):
        with pytest.raises(Exception, match=said):
            parsed(line)


def test_factors_of_all_calls_are_of_the_model(steroid_response):
    """Names that the parser takes for any text."""
    calls = [example.call for examples in EXAMPLES.values() for example in examples]
    for line in [*calls, *(line for _, line in documented())]:
        words = shlex.split(line, comments=True)
        if words[1] not in ("simulate", "export", "screen", "dose"):
            continue
        texts = [w for k, w in enumerate(words) if "=" in w and not words[k - 1].startswith("--")]
        assert sim.design(steroid_response, 24, **read_factors(texts)).runs >= 1


@pytest.mark.parametrize("call", CHEAP)
def test_cheap_examples_run(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("design.toml").write_text(DESIGN)
    assert read_design(Path("design.toml")).runs == 2
    ended = CliRunner().invoke(app, shlex.split(call)[1:])
    assert ended.exit_code == 0, ended.output
