"""A page of all findings in Markdown: what was found, against what is allowed, with panels."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .drawing import draw, png
from .grammar import Check, Finding
from .labels import Labels, readable_observable
from .panels import panel_of
from .runs import Runs
from .scoring import CheckResult, FindingResult, Results, Survey, as_percent, on_cohort

Writer = Callable[[Path], object]

HONEST = (
    "A finding that was used to tune the model is passed by a fit: that it passes shows that the"
    " model can be like the paper, not that it predicts it. A finding that passes by construction"
    " says nothing but that the reactions are written so."
)
READING = (
    "Each panel is drawn from simulations of the model, not from the paper's data. Green is what"
    " the finding allows, given the value of the reference; a vermilion cross marks a value"
    " outside. In the tables, a check that is compared with another condition gives the ratio of"
    " the two. Dots are the samples of a cohort, dark those of its first draw, pale those of the"
    " other draws; medians, shares and correlations are the mean over the draws, on which its"
    " checks are scored."
)


def page_files(
    survey: Survey,
    results: Results,
    runs: Runs,
    members: Sequence[Runs],
    *,
    name: str,
    command: str,
) -> dict[str, Writer]:
    """The page and its figures as file name -> function that writes it.

    Parameters
    ----------
    results, runs
        Of the point estimate, members' shares included in the results.
    members
        Simulations of the members whose range the panels show.
    name
        File name of the page; figures go to ``figures/<name without its ending>/<id>.png``.
    command
        How the page is made again.
    """
    units = {name: drug.unit for name, drug in runs.model.definition.drugs.items()}
    folder = f"figures/{Path(name).stem}"
    files: dict[str, Writer] = {}
    sections = []
    for finding, result in zip(survey.findings, results.findings, strict=True):
        figure = f"{folder}/{file_name(finding.id)}.png" if finding.checks else ""
        sections.append(_section(finding, result, figure, units))
        if finding.checks:
            files[figure] = _panel_writer(survey, finding, runs, members)
    text = "\n".join([*_head(results, command, len(members)), *sections])
    return {name: lambda path: path.write_text(text, "utf-8")} | files


def file_name(id: str) -> str:
    """A finding's id with nothing in it that a file cannot be called."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in id)


def _panel_writer(survey: Survey, finding: Finding, runs: Runs, members: Sequence[Runs]) -> Writer:
    def write(path: Path) -> None:
        panel = panel_of(survey, finding.checks, runs, members)
        path.write_bytes(png(draw(panel, finding.id, len(members))))

    return write


# ---- text ----------------------------------------------------------------------------------------


def _head(results: Results, command: str, shown: int) -> list[str]:
    lines = ["# What the papers report, and what the model gives", "", f"- {results.summary}."]
    if results.members:
        lines.append(f"- {results.members_summary}.")
    lines += ["", f"Model: `{results.model}`. Made by `{command}`; do not edit it.", "", HONEST]
    lines += ["", READING]
    if shown:
        lines.append(
            f"Whiskers and bands are the range of 90 % of {shown} members of the ensemble; checks"
            " on cohorts are scored at the point estimate only."
        )
    lines += ["", *_overview(results.findings), ""]
    fixed = [finding.id for finding in results.findings if finding.by_construction]
    if fixed:
        lines += [f"Passed by construction alone: {', '.join(map(_link, fixed))}.", ""]
    return lines


def _overview(findings: Sequence[FindingResult]) -> list[str]:
    rows = [[_link(f.id), f.kind, _status(f), as_percent(f.members), f.statement] for f in findings]
    return _table(["finding", "kind", "status", "members", "statement"], rows)


def _section(finding: Finding, result: FindingResult, figure: str, units: Mapping[str, str]) -> str:
    lines = [f"## {finding.id}", "", finding.statement, ""]
    lines.append(f"Source: {finding.source}. Kind: {finding.kind}. Status: {_status(result)}.")
    if finding.checks:
        leaves = [leaf for check in finding.checks for leaf in check.leaves]
        labels = Labels(leaves, units)
        rows = [
            _row(number, check, scored, labels)
            for number, (check, scored) in enumerate(
                zip(finding.checks, result.checks, strict=True), start=1
            )
        ]
        head = ["", "readout", "in", "compared with", "value or ratio", "bound", "", "members"]
        common = [f"Cells and doses: {labels.subtitle}.", ""] if labels.subtitle else []
        lines += ["", *common, *_table(head, rows), "", f"![Panel of {finding.id}]({figure})"]
    return "\n".join([*lines, ""])


def _row(number: int, check: Check, result: CheckResult, labels: Labels) -> list[str]:
    """A line of a finding's table: a check, its lowest and highest value, and its bound."""
    readouts = dict.fromkeys(readable_observable(leaf.readout) for leaf in check.leaves)
    verdict = "pass" if result.passed else "**fail**"
    if result.by_construction:
        verdict += " (by construction)"
    return [
        str(number),
        ", ".join(readouts),
        _runs_text([leaf.of for leaf in check.leaves], labels),
        _runs_text([leaf.over for leaf in check.leaves if leaf.over is not None], labels),
        _values_text(result),
        _bound_text(result.bound),
        verdict,
        "-" if on_cohort(check) else as_percent(result.members),
    ]


def _runs_text(runs: Sequence[Mapping[str, Any]], labels: Labels) -> str:
    """Up to four runs by name, more by number."""
    names = list(dict.fromkeys(labels.of(run, drug=True, time=True) for run in runs))
    return "; ".join(names) if len(names) <= 4 else f"{len(names)} conditions"


def _values_text(result: CheckResult) -> str:
    values = [leaf.value for leaf in result.leaves]
    if any(value != value for value in values):
        return "no value"
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} to {high}"


def _bound_text(bound: str) -> str:
    return bound.replace(">=", "≥").replace("<=", "≤").replace("..", " to ")


def _status(finding: FindingResult) -> str:
    return f"{finding.status}, by construction" if finding.by_construction else finding.status


def _link(id: str) -> str:
    anchor = "".join(c for c in id.lower().replace(" ", "-") if c.isalnum() or c in "-_")
    return f"[{id}](#{anchor})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(map(_cell, line))} |" for line in lines]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
