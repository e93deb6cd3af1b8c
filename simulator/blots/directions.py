"""What papers say of bands, as a table of blots: directions and fold ranges, no intensities.

    python -m simulator.blots.directions

writes the table and the PEtab problem of the bundled model anew from its findings.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, NamedTuple

from ..findings.grammar import Bound, Finding, Leaf, read_findings
from ..findings.runs import base_of, condition
from ..network.definition import Definition
from .bands import ABOVE, BELOW, BETWEEN
from .problem import BlotProblem, Choices, blots_to_petab
from .treatments import Treatment, label

if TYPE_CHECKING:
    from ..conditions import Names
    from ..simulation.model import Model

MODEL, FOLDER, TABLE, PROBLEM = "steroid_response", "blots", "directions.tsv", "problem"

KINDS = ("quantitative", "qualitative", "null")
"""Findings that report what was seen; the others are structure and hypotheses."""
#: Readouts of the findings that papers show as immunoblots, or as blots of what was pulled down.
BLOTTED = (
    "RAS_GTP", "pMEK", "pERK", "pELK1", "pSTAT5", "pAKT", "pS6K", "pGSK3B", "pBIM_EL", "pBIM_L",
    "MEK_total", "ERK_total", "RAS_total", "GR_total", "BIM_total", "MCL1", "BCL2", "BCLXL", "PUMA",
    "p53", "BIM_BCL2", "BIM_BCLXL", "BIM_MCL1", "BIM_BCL2_per_BIM", "BIM_BCLXL_per_BIM",
    "BIM_MCL1_per_BIM",
)  # fmt: skip
SIGMA = 0.1
"""Noise of a band in decades, a quarter of its intensity: assumed, as no paper states one."""


class _Lane(NamedTuple):
    """A lane: what was done, when, and the bound of its ratio to the reference (None: it is it)."""

    gel: str
    readout: str
    treatment: Treatment
    time: float
    bound: Bound | None
    note: str


def directions(findings: Sequence[Finding], names: Names) -> str:
    """A table of blots with every ratio of two bands that findings bound.

    A gel is made of what one finding compares with one reference lane, whose intensity is 1 by
    definition; the other lanes have the bounds of their ratio to it.
    """
    lanes = list(_lanes(findings, names.definition))
    used = {column for lane in lanes for column, _ in lane.treatment}
    factors = [c for c in ("cell", "alteration", "knockout", *names.definition.drugs) if c in used]
    file = io.StringIO()
    writer = csv.writer(file, delimiter="\t", lineterminator="\n")
    writer.writerow(
        ["gel", "antibody", "lane", "time", "intensity", "censored", "upper", *factors, "note"]
    )
    for lane in lanes:
        given = dict(lane.treatment)
        row = (lane.gel, lane.readout, label(lane.treatment, names), f"{lane.time:g}")
        levels = (given.get(factor, "") for factor in factors)
        written = (f"{x:g}" if isinstance(x, float) else x for x in levels)
        writer.writerow([*row, *_limits(lane.bound), *written, lane.note])
    return file.getvalue()


def _lanes(findings: Sequence[Finding], definition: Definition) -> Iterator[_Lane]:
    observables = {o.id for o in definition.observables}
    for finding in findings:
        gels: dict[tuple[Treatment, float], str] = {}
        seen: set[tuple[str, str]] = set()
        for number, check in enumerate(finding.checks, start=1):
            for leaf in check.leaves:
                if not _is_blot(finding, leaf, check.bound) or leaf.readout not in observables:
                    continue
                assert leaf.over is not None  # noqa: S101
                reference = _treatment(leaf.over, leaf.where), float(leaf.over["at"])
                gel = gels.setdefault(reference, f"{finding.id}{ascii_lowercase[len(gels)]}")
                if (gel, leaf.readout) not in seen:
                    seen.add((gel, leaf.readout))
                    note = f"{finding.source}: the reference, 1 by definition"
                    yield _Lane(gel, leaf.readout, *reference, None, note)
                treated = _treatment(leaf.of, leaf.where), float(leaf.of["at"])
                note = f"{finding.source}: {finding.kind}, check {number}"
                yield _Lane(gel, leaf.readout, *treated, check.bound, note)


def _is_blot(finding: Finding, leaf: Leaf, bound: Bound) -> bool:
    """Whether a check bounds the ratio of two bands that were seen."""
    return (
        finding.kind in KINDS
        and leaf.readout in BLOTTED
        and leaf.over is not None
        and max(bound.low, bound.high) > 0
    )


def _treatment(run: Mapping[str, Any], where: str) -> Treatment:
    return condition(base_of(run, where), run.get("drugs", {}))


def _limits(bound: Bound | None) -> tuple[str, str, str]:
    """Intensity, censored and upper of a lane."""
    if bound is None:
        return "1", "", ""
    if math.isinf(bound.high):
        return f"{bound.low:g}", ABOVE, ""
    if bound.low <= 0:
        return f"{bound.high:g}", BELOW, ""
    return f"{bound.low:g}", BETWEEN, f"{bound.high:g}"


def directions_problem(model: Model, table: Path) -> BlotProblem:
    """The PEtab problem of a table of directions."""
    return blots_to_petab(model, table, choices=Choices(sigma=SIGMA, estimate=("all",)))


def main() -> None:
    """Write table and problem into the folder of the bundled model."""
    from .. import load

    model = load(MODEL)
    assert model.folder is not None  # noqa: S101
    findings, _ = read_findings(model.folder / "findings.yaml")
    folder = model.folder / FOLDER
    folder.mkdir(exist_ok=True)
    (folder / TABLE).write_text(directions(findings, model.names), encoding="utf-8")
    problem = directions_problem(model, folder / TABLE)
    (folder / PROBLEM).mkdir(exist_ok=True)
    for name, text in problem.files.items():
        (folder / PROBLEM / name).write_text(text, encoding="utf-8")
    print(f"{problem.bands} bands, {problem.conditions} conditions: {folder}")


if __name__ == "__main__":
    main()
