"""Tables of the fitting benchmark: `fit_*.csv` and the Markdown that README.md takes over."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import machine
from .fit_worker import OWN, PETAB, PYPESTO, SIMULATIONS
from .readme import README, filled
from .report import TARGETS, Curve, compared, share, shown, write_points, write_ratios

if TYPE_CHECKING:
    from .fit_speed import Measured

PEERS = (PYPESTO, PETAB, SIMULATIONS)
FIRST = ("Boehm", "Fiedler", "Raia")
TABLES = ("fit_machine", "fit_speed", "fit_start_up")


def write(out: Path, found: "Mapping[str, Measured]", loads: Sequence[float]) -> str:
    """Write what was measured; the Markdown text."""
    curves = {name: each.curves for name, each in found.items()}
    _write_problems(out / "fit_problems.csv", found)
    write_points(out / "fit_points.csv", "problem", curves)
    write_ratios(out / "fit_ratios.csv", "problem", curves, PEERS)
    text = "\n\n".join((ratio_table(found), error_table(curves)))
    (out / "fit_speed.md").write_text(text + "\n", encoding="utf-8")
    versions = next(iter(found.values())).facts["versions"]
    here = {k: v for k, v in machine.description().items() if k not in ("amici", "libroadrunner")}
    said = ", ".join(f"{name} {value}" for name, value in (here | versions).items())
    (out / "fit_machine.md").write_text(f"{said}.\n\n{machine.busy(loads)}\n", encoding="utf-8")
    return text


def ratio_table(found: "Mapping[str, Measured]") -> str:
    """AMICI's cost over steroidsim's at equal achieved error, a line per problem and error."""
    lines = [
        f"| problem | estimated | experiments | achieved error | {' | '.join(PEERS)} |"
        " own time in the integrator |",
        "| --- | --- | --- | --- |" + " --- |" * (len(PEERS) + 1),
    ]
    for name, each in found.items():
        for target in TARGETS:
            cells = [name, str(len(each.facts["ids"])), str(each.facts["experiments"])]
            cells += [f"{target:.0e}", *(shown(each.curves, peer, target) for peer in PEERS)]
            cells.append(share(each.curves, target))
            lines.append("| " + " | ".join(cells) + " |")
    first = [name for name in found if name in FIRST]
    for members in (first, list(found)) if len(found) > len(first) > 0 else (list(found),):
        said = f"geometric mean of {'all' if members != first else ', '.join(first)}"
        for target in TARGETS:
            means = [mean_ratio([found[m].curves for m in members], p, target) for p in PEERS]
            cells = [said, "", "", f"{target:.0e}", *(f"{mean:.1f}x" for mean in means), ""]
            lines.append("| " + " | ".join(cells) + " |")
    turns = min(len(each.curves[OWN].cost) for each in found.values())
    points = min(each.points for each in found.values())
    note = (
        "Times as much CPU time per log-likelihood and gradient as steroidsim, at equal achieved"
        " error, one core. ≥ and ≤: a tool's tolerances do not reach this error on both sides, so"
        " its nearest point is taken and the ratio is a bound; ~: both tools' are. Medians of"
        f" {turns} turns, at {points} points or more."
    )
    return "\n".join([*lines, "", note])


def mean_ratio(curves: Iterable[Mapping[str, Curve]], peer: str, target: float) -> float:
    """The geometric mean of the problems' ratios."""
    ratios = [compared(each, peer, target)[0].value for each in curves]
    return float(np.exp(np.mean(np.log(ratios))))


def error_table(curves: Mapping[str, Mapping[str, Curve]]) -> str:
    """Median achieved error of each tool by requested rtol."""
    every = {rtol for each in curves.values() for curve in each.values() for rtol in curve.rtol}
    rtols = sorted(every, reverse=True)
    lines = [
        "| problem | tool | " + " | ".join(f"{r:.0e}" for r in rtols) + " |",
        "| --- | --- |" + " --- |" * len(rtols),
    ]
    for name, each in curves.items():
        for column, tool in ((OWN, OWN), (PYPESTO, "AMICI")):
            known = dict(zip(each[column].rtol, each[column].error, strict=True))
            errors = " | ".join(_error(known[r]) if r in known else "-" for r in rtols)
            lines.append(f"| {name} | {tool} | {errors} |")
    return "\n".join([*lines, "", "Median achieved error over the points, by requested rtol."])


def fill(out: Path) -> None:
    """Put the tables that were measured into README.md."""
    files = {name: out / f"{name}.md" for name in TABLES}
    tables = {name: file.read_text("utf-8") for name, file in files.items() if file.exists()}
    README.write_text(filled(README.read_text("utf-8"), tables), encoding="utf-8")


def _error(error: float) -> str:
    return f"{error:.1e}" if np.isfinite(error) else "failed"


def _write_problems(file: Path, found: "Mapping[str, Measured]") -> None:
    """Sizes of the problems, the points, and how well the tools agree."""
    sizes = ("species", "experiments", "measurements")
    with file.open("w", newline="", encoding="utf-8") as handle:
        table = csv.writer(handle, lineterminator="\n")
        table.writerow(["problem", "estimated", *sizes, "points", "left out", "median", "worst"])
        for name, each in found.items():
            row = [name, len(each.facts["ids"]), *(each.facts[size] for size in sizes)]
            agreement = [f"{x:.2g}" for x in each.agreement]
            table.writerow([*row, each.points, each.left_out, *agreement])
