"""Tables and work-precision diagrams from stored measurements."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .precision import Cost, cost_at, ratio
from .tools import AMICI, AMICI_SOLVER, OWN, OWN_ENGINE, ROADRUNNER

TARGETS = (1e-4, 1e-6)
PEERS = (ROADRUNNER, AMICI_SOLVER, AMICI)
COLUMNS = (OWN, OWN_ENGINE, *PEERS)
SIGNS = {"": "", "<=": "≤", ">=": "≥", "~": "~"}


class Curve(NamedTuple):
    """One column of one model: tolerances, achieved errors, and costs (repeats, points)."""

    rtol: list[float]
    error: list[float]
    cost: np.ndarray

    def at(self, target: float, only: int | None = None) -> Cost:
        """Cost at an achieved error: of the medians over repeats, or of one repeat."""
        cost = np.median(self.cost, axis=0) if only is None else self.cost[only]
        return cost_at(target, self.error, cost.tolist())


def stored_in(out: Path, name: str) -> Path:
    """Where a model's measurement is kept."""
    return out / "measured" / f"{name}.json"


def read(out: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Stored measurements by model."""
    files = {name: stored_in(out, name) for name in names}
    return {name: json.loads(f.read_text("utf-8")) for name, f in files.items() if f.exists()}


def curves(stored: dict[str, Any]) -> dict[str, Curve]:
    """The columns of one model, in the order of `COLUMNS`."""
    found = {}
    for column in COLUMNS:
        points = [p for p in stored["points"] if column in p["cost"]]
        if points:
            cost = np.array([p["cost"][column] for p in points]).T
            found[column] = Curve([p["rtol"] for p in points], [p["error"] for p in points], cost)
    return found


def write(out: Path, names: Sequence[str]) -> str:
    """Write points.csv, ratios.csv, batches.md and a diagram per model; the Markdown text."""
    from .diagram import draw

    stored = read(out, names)
    if not stored:
        return "nothing was measured"
    found = {name: curves(each) for name, each in stored.items()}
    for name, each in stored.items():
        draw(name, each, found[name], out / f"{name}.png")
    write_points(out / "points.csv", "model", found)
    write_ratios(out / "ratios.csv", "model", found, PEERS)
    text = "\n\n".join((ratio_table(stored), error_table(stored)))
    (out / "batches.md").write_text(text + "\n", encoding="utf-8")
    return text


def ratio_table(stored: dict[str, dict[str, Any]]) -> str:
    """Cost over steroidsim's at equal achieved error, one line per model and error."""
    lines = [
        f"| model | species | achieved error | {' | '.join(PEERS)} | own time in the integrator |",
        "| --- | --- | --- |" + " --- |" * (len(PEERS) + 1),
    ]
    clamped = False
    for name, each in stored.items():
        found = curves(each)
        for target in TARGETS:
            cells = [name, str(each["species"]), f"{target:.0e}"]
            for peer in PEERS:
                text = shown(found, peer, target)
                clamped |= text[0] in "≤≥~"
                cells.append(text)
            cells.append(share(found, target))
            lines.append("| " + " | ".join(cells) + " |")
    notes = ["Times as much CPU time per run as steroidsim, at equal achieved error, one core."]
    if clamped:
        notes.append(
            "≥ and ≤: a tool's tolerances do not reach this error on both sides, so its nearest"
            " point is taken and the ratio is a bound; ~: both tools' are, and it is neither."
        )
    return "\n".join([*lines, "", " ".join(notes)])


def compared(found: Mapping[str, Curve], peer: str, target: float) -> tuple[Cost, float, float]:
    """A peer's cost over steroidsim's: median of the repeats' ratios, lowest and highest.

    Tools take turns, so that a ratio within a repeat is of costs under the same load.
    """
    bound = ratio(found[peer].at(target), found[OWN].at(target)).bound
    each = [
        ratio(found[peer].at(target, k), found[OWN].at(target, k)).value
        for k in range(len(found[OWN].cost))
    ]
    return Cost(float(np.median(each)), bound), min(each), max(each)


def shown(found: Mapping[str, Curve], peer: str, target: float) -> str:
    """A ratio as it stands in the table."""
    if peer not in found:
        return "-"
    value, _, _ = compared(found, peer, target)
    if not np.isfinite(value.value):
        return "-"
    digits = f"{value.value:.0f}" if value.value >= 10 else f"{value.value:.1f}"
    return f"{SIGNS[value.bound]}{digits}x"


def share(found: Mapping[str, Curve], target: float) -> str:
    """The share of steroidsim's time that is spent inside the integrator."""
    value = found[OWN_ENGINE].at(target).value / found[OWN].at(target).value
    return f"{value:.0%}" if np.isfinite(value) else "-"


def error_table(stored: dict[str, dict[str, Any]]) -> str:
    """Median achieved error of each tool at each whole decade of rtol."""
    first = next(iter(stored.values()))
    whole = [r for r in first["settings"]["rtol"] if abs(np.log10(r) % 1) < 0.01]
    lines = [
        "| model | tool | " + " | ".join(f"{r:.0e}" for r in whole) + " |",
        "| --- | --- |" + " --- |" * len(whole),
    ]
    for name, each in stored.items():
        for column in (OWN, ROADRUNNER, AMICI):
            at = {p["rtol"]: p for p in each["points"] if p["tool"] == column}
            if at:
                errors = " | ".join(_error(at.get(r)) for r in whole)
                lines.append(f"| {name} | {column.split(' ')[0]} | {errors} |")
    note = "Median achieved error over the first 50 runs, by requested rtol."
    return "\n".join([*lines, "", note])


def _error(point: dict[str, Any] | None) -> str:
    if point is None:
        return "-"
    failed = f" ({point['failed']} failed)" if point["failed"] else ""
    return f"{point['error']:.1e}{failed}" if np.isfinite(point["error"]) else "failed"


def write_points(file: Path, first: str, found: Mapping[str, Mapping[str, Curve]]) -> None:
    """Every point of every tool, costs relative to steroidsim's at an achieved error of 1e-4.

    `first` is the first column's name: what `found` is of.
    """
    with file.open("w", newline="", encoding="utf-8") as handle:
        table = csv.writer(handle, lineterminator="\n")
        table.writerow([first, "column", "rtol", "error", "cost", "lowest", "highest"])
        for name, each in found.items():
            unit = each[OWN].at(TARGETS[0]).value
            for column, curve in each.items():
                middle, low, high = (
                    reduce(curve.cost, axis=0) / unit for reduce in (np.median, np.min, np.max)
                )
                for k, rtol in enumerate(curve.rtol):
                    numbers = (rtol, curve.error[k], middle[k], low[k], high[k])
                    table.writerow([name, column, *(f"{x:.4g}" for x in numbers)])


def write_ratios(
    file: Path, first: str, found: Mapping[str, Mapping[str, Curve]], peers: Sequence[str]
) -> None:
    """Every ratio at equal error: median, lowest and highest of the repeats; as `write_points`."""
    with file.open("w", newline="", encoding="utf-8") as handle:
        table = csv.writer(handle, lineterminator="\n")
        table.writerow([first, "error", "peer", "ratio", "bound", "lowest", "highest"])
        for name, each in found.items():
            for target in TARGETS:
                for peer in (p for p in peers if p in each):
                    middle, low, high = compared(each, peer, target)
                    row = [name, f"{target:.0e}", peer, f"{middle.value:.4g}", middle.bound]
                    table.writerow([*row, f"{low:.4g}", f"{high:.4g}"])
