"""The command `findings`: the model against what the papers report."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConditionError
from . import completion
from .options import BUNDLED_MODEL, RESULTS, JsonOption, ModelOption, WorkersOption
from .reporting import caution, print_json, print_table, reported, say, write_files

if TYPE_CHECKING:
    from ..findings import CheckResult, FindingResult, LeafResult, Results, Survey

STATEMENT_LENGTH = 70

# Members whose range the panels of a page show; a band of more looks the same.
MEMBERS_IN_PANELS = 32


def findings(
    only: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID", autocompletion=completion.finding_ids, help="Only these findings."
        ),
    ] = None,
    model: ModelOption = BUNDLED_MODEL,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="Findings file. Default: the model folder's."),
    ] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Show every check and value.",
            rich_help_panel=RESULTS,
        ),
    ] = False,
    members: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Members of the ensemble to score besides, spread evenly over it; 0: none; at"
            " most all of them, the default.",
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--page",
            metavar="FILE.md",
            help="Write a Markdown page with a panel per finding.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the model against what the papers report.

    "By construction" counts checks whose readout no reaction of the model can change. "Members" is
    the share of the model's ensemble that passes (of the finding's checks, the least); checks on
    cohorts are scored at the point estimate only. The last line says how many findings pass;
    hypotheses and notes are shown but not counted.
    """
    with reported():
        from .. import load
        from ..findings import Survey
        from ..findings.members import score_members
        from ..simulation.members import chosen_members

        if page is not None:
            _check_page(page)
        loaded = load(model)
        names = chosen_members(loaded, members)
        survey = Survey(loaded, file, only=only or ())
        runs = survey.simulated(loaded, workers=workers)
        keep = MEMBERS_IN_PANELS if page is not None else 0
        scores = score_members(survey, loaded, names, keep=keep, workers=workers)
        results = scores.added_to(survey.results(runs))
        for reason in results.undrawn.values():
            caution(reason)
        if page is not None:
            command = _command(page, only or [], model, file, members)
            _write_page(page, survey, results, (runs, *scores.runs), command)
        if as_json:
            print_json(results.as_dict())
            return
        _print_findings(results, every)
        if results.members_summary:
            typer.echo(results.members_summary)
        typer.echo(results.summary)


def _check_page(page: Path) -> None:
    """Raise ConditionError, before anything is simulated, where a page cannot be written."""
    if page.suffix != ".md" or page.is_dir():
        raise ConditionError(f"--page is {page}, but must be a file that ends in .md.")
    write_files(page.parent, {}, option="--page")


def _write_page(
    page: Path, survey: "Survey", results: "Results", runs: tuple[Any, ...], command: str
) -> None:
    from ..findings.page import page_files

    files = page_files(survey, results, runs[0], runs[1:], name=page.name, command=command)
    write_files(page.parent, files, option="--page")
    say(f"wrote {page} and {len(files) - 1} figures")


def _command(
    page: Path, only: list[str], model: str, file: Path | None, members: int | None
) -> str:
    """How a page is made again."""
    words = ["steroidsim", "findings", *only]
    if model != BUNDLED_MODEL:
        words += ["--model", model]
    if file is not None:
        words += ["--file", str(file)]
    if members is not None:
        words += ["--members", str(members)]
    return shlex.join([*words, "--page", page.as_posix()])


def _print_findings(results: "Results", every: bool) -> None:
    """A line per finding with its worst check and, with `every`, a line per value."""
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("id", "status", "check" if every else "worst check"):
        grid.add_column(name, no_wrap=True)
    grid.add_column("value", justify="right", no_wrap=True)
    grid.add_column("bound", no_wrap=True)
    if results.members:
        grid.add_column("members", justify="right", no_wrap=True)
    for name in ("by construction", "statement"):
        grid.add_column(name, no_wrap=True)
    apart = [finding for finding in results.findings if finding.by_construction]
    for finding in results.findings:
        if finding not in apart:
            _add_finding(grid, finding, every, bool(results.members))
    if apart:
        grid.add_row("")
        grid.add_row("by construction alone:")
        for finding in apart:
            _add_finding(grid, finding, every, bool(results.members))
    print_table(grid)


def _add_finding(grid: Any, finding: "FindingResult", every: bool, members: bool) -> None:
    from rich.text import Text

    from ..findings.scoring import as_percent

    styles = {"PASS": "green", "FAIL": "bold red"}
    fixed = sum(check.by_construction for check in finding.checks)
    worst = finding.worst
    shown = ("", "", "") if every or worst is None else _cells(worst.worst, worst.bound)
    grid.add_row(
        finding.id,
        Text(finding.status, style=styles.get(finding.status, "dim")),
        *shown,
        *([as_percent(finding.members)] if members else []),
        f"{fixed} of {len(finding.checks)}" if fixed else "",
        _shortened(finding.statement),
    )
    for check in finding.checks if every else ():
        _add_check(grid, check, members)


def _add_check(grid: Any, check: "CheckResult", members: bool) -> None:
    """A line per value; what is said of the check as a whole stands in the first."""
    from rich.text import Text

    from ..findings.scoring import as_percent

    for k, leaf in enumerate(check.leaves):
        status = Text("pass", style="dim") if leaf.passed else Text("fail", style="red")
        share = [as_percent(check.members) if k == 0 else ""] if members else []
        by_construction = "yes" if check.by_construction else ""
        grid.add_row("", status, *_cells(leaf, check.bound), *share, by_construction, "")


def _cells(leaf: "LeafResult", bound: str) -> tuple[str, str, str]:
    """Readout with what `each` chose, value, bound."""
    chosen = ", ".join(word for word in leaf.varied.split(", ") if word != leaf.readout)
    readout = f"{leaf.readout} ({chosen})" if chosen else leaf.readout
    return readout, "no value" if leaf.value != leaf.value else f"{leaf.value:.3g}", bound


def _shortened(statement: str) -> str:
    if len(statement) <= STATEMENT_LENGTH:
        return statement
    return statement[: STATEMENT_LENGTH - 1].rsplit(" ", 1)[0] + "…"
