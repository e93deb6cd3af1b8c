"""The command `findings`: the model against what the papers report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import BUNDLED_MODEL, JsonOption, ModelOption, WorkersOption
from .reporting import print_json, print_table, reported, say

if TYPE_CHECKING:
    from ..findings import FindingResult, LeafResult, Results

STATEMENT_LENGTH = 70


def findings(
    only: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Only these findings.")
    ] = None,
    model: ModelOption = BUNDLED_MODEL,
    file: Annotated[
        Path | None, typer.Option("--file", help="Findings file. Default: the model folder's.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Show every check and value.")] = False,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the model against what the papers report.

    "By construction" counts checks whose readout no reaction of the model can change. The last
    line says how many findings pass; hypotheses and notes are shown but not counted.
    """
    with reported():
        from .. import load
        from ..findings import evaluate

        results = evaluate(load(model), file, only=only or (), workers=workers)
        for reason in results.undrawn.values():
            say(f"steroidsim: {reason}")
        if as_json:
            print_json(results.as_dict())
            return
        _print_findings(results, every)
        typer.echo(results.summary)


def _print_findings(results: "Results", every: bool) -> None:
    """A line per finding with its worst check and, with `every`, a line per value."""
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("id", "status", "check" if every else "worst check"):
        grid.add_column(name, no_wrap=True)
    grid.add_column("value", justify="right", no_wrap=True)
    for name in ("bound", "by construction", "statement"):
        grid.add_column(name, no_wrap=True)
    for finding in results.findings:
        _add_finding(grid, finding, every)
    print_table(grid)


def _add_finding(grid: Any, finding: "FindingResult", every: bool) -> None:
    from rich.text import Text

    styles = {"PASS": "green", "FAIL": "bold red"}
    fixed = sum(check.by_construction for check in finding.checks)
    worst = finding.worst
    shown = ("", "", "") if every or worst is None else _cells(worst.worst, worst.bound)
    grid.add_row(
        finding.id,
        Text(finding.status, style=styles.get(finding.status, "dim")),
        *shown,
        f"{fixed} of {len(finding.checks)}" if fixed else "",
        _shortened(finding.statement),
    )
    if not every:
        return
    for check in finding.checks:
        for leaf in check.leaves:
            status = Text("pass", style="dim") if leaf.passed else Text("fail", style="red")
            by_construction = "yes" if check.by_construction else ""
            grid.add_row("", status, *_cells(leaf, check.bound), by_construction, "")


def _cells(leaf: "LeafResult", bound: str) -> tuple[str, str, str]:
    """Readout with what `each` chose, value, bound."""
    chosen = ", ".join(word for word in leaf.varied.split(", ") if word != leaf.readout)
    readout = f"{leaf.readout} ({chosen})" if chosen else leaf.readout
    return readout, "no value" if leaf.value != leaf.value else f"{leaf.value:.3g}", bound


def _shortened(statement: str) -> str:
    if len(statement) <= STATEMENT_LENGTH:
        return statement
    return statement[: STATEMENT_LENGTH - 1].rsplit(" ", 1)[0] + "…"
