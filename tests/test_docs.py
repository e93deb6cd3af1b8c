"""Every block of code in README.md and in docs/ is run, as a reader would, from top to bottom.

A page's blocks share one namespace and one folder, in which lie the files that the page shows, and
nothing else. What a page shows as printed is compared with what is printed. What cannot be run here
is named below, with the reason.
"""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

import simulator as sim
from docs.page_code import FIGURE, Block, blocks, call, commands, is_ours
from simulator.cli import app

from .sweep.examples import same_files

CHECKOUT = Path(__file__).resolve().parents[1]
PAGES = [
    path.relative_to(CHECKOUT).as_posix()
    for path in [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
]

# Commands that are parsed, not run: page -> beginning of the line -> reason.
PARSED_ONLY = {
    "docs/command_line.md": {
        "steroidsim sweep design.toml": "the page has no design; docs/sweeps.md has",
        "steroidsim merge": "the page has no stores; docs/sweeps.md has",
        "steroidsim fit problem.yaml": "the page has no problem; docs/how_to_fit.md has",
        "steroidsim report result.h5": "the page has no fit; docs/how_to_fit.md has",
        "steroidsim blots-to-petab blots.tsv": "the page has no bands; docs/blots.md has",
        "steroidsim calibrate": "takes minutes; tests/test_calibrate.py runs it on a small model",
        "steroidsim --install-completion": "changes the reader's shell",
        "steroidsim doctor": "tests/test_cli_doctor.py runs it",
    },
    "README.md": {
        "steroidsim findings": "tests/test_bundled_findings.py checks all of them",
    },
    "docs/how_to_sweep.md": {
        "steroidsim sweep design.toml --out plates.zarr --dask": "there is no scheduler",
    },
}

# Lines that are no command of ours: page -> beginning of the line -> reason. `make` is not among
# them: that its targets exist is checked.
OTHER_COMMANDS = {
    "README.md": {
        "python3.12 -m venv": "installs from the network",
        ".venv/bin/python -m pip": "installs from the network",
    },
    "docs/first_five_minutes.md": {
        "git clone": "reads from the network",
        "cd ": "changes the reader's folder",
        "python3.12 -m venv": "installs from the network",
        "my-environment/bin/python -m pip": "installs from the network",
        "my-environment/bin/jupyter": "opens a window",
    },
    "docs/how_to_sweep.md": {
        "sbatch": "there is no queue",
    },
}

NUMBER = re.compile(r"(?<![\w.])-?\d[\d.]*(?:e[+-]\d+)?(?![\w@])")
SAVED = re.compile(r"^[^`\n]*\.savefig\(\"([^\"]+)\"\)", re.MULTILINE)
# Numbers of a page may move with the bundled model's values by this; words and bounds may not.
MOVED = {"rtol": 0.02, "atol": 2e-3}


def text_of(page):
    return (CHECKOUT / page).read_text(encoding="utf-8")


def excepted(line, exceptions):
    return next((reason for start, reason in exceptions.items() if line.startswith(start)), None)


def obey(words, page):
    """Do what a line of a console block says, and return what it prints."""
    line = " ".join(words)
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text("utf-8"), re.M)
        assert {word for word in words[1:] if "=" not in word} <= set(targets), line
        return ""
    if not is_ours(words):
        assert excepted(line, OTHER_COMMANDS.get(page, {})), f"{page}: what is `{line}`?"
        return ""
    if excepted(" ".join(["steroidsim", *words[1:]]), PARSED_ONLY.get(page, {})):
        parse(words[1:])
        return ""
    return call(words)


def parse(words):
    """Let the real parser read a command; it raises what is wrong."""
    command, (name, *rest) = get_command(app), words
    if name.startswith("-"):
        command.make_context("steroidsim", words, resilient_parsing=True)
    else:
        command.commands[name].make_context(name, rest)


def same_text(shown, printed):
    """Compare what a page shows with what is printed; `...` stands for anything to the end."""
    words, found = (NUMBER.sub("#", text).split() for text in (shown, printed))
    numbers = [[float(n) for n in NUMBER.findall(text)] for text in (shown, printed)]
    if "..." in shown:
        kept = shown[: shown.index("...")]
        words, numbers[0] = NUMBER.sub("#", kept).split(), [float(n) for n in NUMBER.findall(kept)]
        found, numbers[1] = found[: len(words)], numbers[1][: len(numbers[0])]
    assert words == found
    np.testing.assert_allclose(*numbers, **MOVED)


def run_page(page):
    """Do everything that a page does; its namespace, and what it printed."""
    namespace, printed, last = {"__name__": "__main__"}, "", ""
    for block in blocks(text_of(page)):
        if block.file:
            Path(block.file).write_text(block.code, encoding="utf-8")
        elif block.kind == "python":
            with redirect_stdout(StringIO()) as out:
                block.run(page, namespace)
            last = out.getvalue()
        elif block.kind in ("console", "sh"):
            last = "".join(obey(words, page) for words in commands(block.code))
        elif block.kind == "text" and block.after:
            same_text(block.code, last)
            continue
        else:
            continue
        printed += last
    return namespace, printed


# ------------------------------------------------------------------ what else must have come out
def after_sweeps(found, printed):
    assert '"il7" had 2 levels' in printed and "Nothing was changed there" in printed
    assert found["index"].dims == ("sample", "il7") and np.isfinite(found["index"]).any()
    assert found["drawn"].sizes == {"condition": 20_000, "alteration": 2, "time": 1}
    assert found["drawn"].part(0).size > 0
    assert sim.open_store("plates.zarr").sizes["prednisolone"] == 5
    assert Path("plates.nc").stat().st_size > 1000
    assert same_files(Path("plates.zarr"), Path("merged.zarr"))


def after_screens(found, printed):
    assert float(found["flux"]["control"].sum()) == pytest.approx(1.0)
    shares = found["shares"]["ST"].to_series()
    assert shares["GR_expression"] > shares["BIM_expression"] > 10 * shares["total_MEK"]
    assert "beyond_sum" not in found["table"] and "mu_star" in printed


def after_responses(found, printed):
    for part in ("auc400", "combination_index", "half_dose_low", "alpha12", "misfit", "NRAS_G12D"):
        assert part in printed


def after_dosing(found, printed):
    assert Path("pair.csv").exists() and Path("pair_best.csv").exists()


def after_blots(found, printed):
    problem = sim.fit.Problem("blots_problem/problem.yaml")
    assert len(problem.petab.measurements) == 7
    assert set(problem.free) >= {"k_SOS", "k_BIM_phosphorylation"}


def after_fitting(found, printed):
    assert "range over" in printed and "samples of the posterior" in printed
    assert Path("fit/report.md").exists() and Path("fit/profiles.svg").exists()
    # what the page shows of the verdicts is a part of what `fit` prints
    page = blocks(text_of("docs/fitting.md"))
    shown = next(block.code for block in page if block.code.startswith("parameter    "))
    for said in shown.splitlines()[1:]:
        line = next(line for line in printed.splitlines() if line.startswith(said.split()[0] + " "))
        same_text(said, line)
    # what the numbers of the example were made from, with noise of 0.06 decades
    true = {"k_receptor": 5.0, "k_degradation": 0.15, "degradation_MEKi": 0.35, "scale": 200.0}
    problem = sim.fit.Problem("problem.yaml")
    table = problem.verdicts(problem.read("fit.h5"))
    for name, value in true.items():
        lower, upper = table.loc[name, ["lower", "upper"]]
        assert lower < value and not value > upper  # no upper end is NaN


def after_extending(found, printed):
    """The drug that the page adds inhibits what it is meant to."""
    erk = found["model"].simulate(24, FR180204=[0, 10.0], outputs=["pERK", "pBIM"]).isel(time=-1)
    assert erk["pERK"][1] > erk["pERK"][0]
    assert erk["pBIM"][1] < 0.5 * erk["pBIM"][0]


AFTER = {
    "docs/extending.md": after_extending,
    "docs/sweeps.md": after_sweeps,
    "docs/screens.md": after_screens,
    "docs/responses.md": after_responses,
    "docs/dosing.md": after_dosing,
    "docs/blots.md": after_blots,
    "docs/fitting.md": after_fitting,
}


@pytest.mark.slow
@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("page", PAGES)
def test_what_the_page_shows_is_what_happens(page, tmp_path, monkeypatch):
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    found, printed = run_page(page)
    plt.close("all")
    for name in SAVED.findall(text_of(page)):
        assert (tmp_path / name).stat().st_size > 1000, name
    if page in AFTER:
        AFTER[page](found, printed)


def test_the_exceptions_are_of_pages_that_need_them():
    """No exception is left over."""
    for exceptions in (PARSED_ONLY, OTHER_COMMANDS):
        for page, starts in exceptions.items():
            code = "\n".join(b.code for b in blocks(text_of(page)) if b.kind in ("console", "sh"))
            lines = [re.sub(r"^\S*/steroidsim", "steroidsim", line) for line in code.splitlines()]
            for start in starts:
                assert any(line.startswith(start) for line in lines), (page, start)


@pytest.mark.parametrize("page", PAGES)
def test_a_figure_stands_below_the_block_that_draws_it(page):
    text = text_of(page)
    ends = {block.end for block in blocks(text) if block.kind == "python"}
    assert {len(text[: each.start()].rstrip()) for each in FIGURE.finditer(text)} <= ends
    assert text.count("<!-- figure") == len(FIGURE.findall(text))


# ------------------------------------------------------------------ the reader of pages itself
EXAMPLE = """\
`a.txt`: a file.

```text
one
```

```python
x = 1
```

```text
shown
```

<!-- figure: a curve -->
"""


def test_blocks_know_what_they_are():
    file, code, shown = blocks(EXAMPLE)
    assert (file.file, file.code, file.after) == ("a.txt", "one\n", False)
    end = EXAMPLE.index("\n\n```text\nshown")
    assert code == Block("python", "x = 1\n", None, 8, end, True)
    assert shown.after and shown.file is None
    assert FIGURE.findall(EXAMPLE) == ["a curve"]


def test_an_error_in_a_block_names_the_line_of_the_page():
    block = Block("python", "\n1 / 0\n", None, 41, 0, False)
    with pytest.raises(ZeroDivisionError) as raised:
        block.run("page.md", {})
    assert raised.traceback[-1].lineno + 1 == 42


@pytest.mark.parametrize(
    ("shown", "printed"),
    [("a 1.00", "a 1.01"), ("a < 2 ...", "a < 2 and more"), ("1,944 runs", "1,944 runs")],
)
def test_texts_that_are_the_same(shown, printed):
    same_text(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"), [("a 1.0", "a 1.1"), ("a < 2", "a > 2"), ("a 1", "a 1 b"), ("a 1", "a")]
)
def test_texts_that_differ(shown, printed):
    with pytest.raises(AssertionError):
        same_text(shown, printed)


def test_a_command_that_does_not_exist_is_not_parsed():
    with pytest.raises(Exception, match="No such option"):
        parse(["predict", "--nonsense"])
    parse(["predict", "--cell", "SUPT1"])
