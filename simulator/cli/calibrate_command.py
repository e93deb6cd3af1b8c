"""The command `calibrate`: fit a model's values to findings, and say how sure they are."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConditionError
from .options import BUNDLED_MODEL, COMPUTING, RESULTS, JsonOption, ModelOption
from .reporting import print_json, reported, say

if TYPE_CHECKING:
    from ..calibrate.files import Source
    from ..calibrate.stages import Settings
    from ..simulation.model import Model


# Options with a number that a calibration depends on.
NUMBERS = ("rounds", "iterations", "cells", "cohorts", "members", "spread", "seed", "margin")

# Panels of options in the help page.
STAGES, SURENESS = "The stages of the fit", "How sure the values are"


class Start(StrEnum):
    """Where a fit begins."""

    STORED = "stored"
    PRIOR = "prior"


def calibrate(
    model: ModelOption = BUNDLED_MODEL,
    findings: Annotated[
        list[Path] | None,
        typer.Option(
            "--findings",
            metavar="FILE",
            help="Findings file; may be repeated. Default: findings.yaml, constraints.yaml and"
            " literature.yaml of the model folder.",
        ),
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(
            "--weight",
            metavar="FILE=NUMBER",
            help="Weight of a findings file by its name; may be repeated. Default:"
            " literature.yaml=0.5, and 1 for any other.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Folder for the calibrated model; may be the model's own. Without it nothing is"
            " fitted.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    start: Annotated[
        Start,
        typer.Option(
            "--from",
            metavar="stored|prior",
            help="Begin at the stored values, or in the middle of each range.",
            rich_help_panel=STAGES,
        ),
    ] = Start.STORED,
    rounds: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Rounds of the three stages below; 0 keeps the values.",
            rich_help_panel=STAGES,
        ),
    ] = 1,
    iterations: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Iterations over all values, by derivatives; 0: left out.",
            rich_help_panel=STAGES,
        ),
    ] = 5,
    cells: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Generations of a search over each cell whose checks fail, or whose dose matrices"
            " lack margin; 0: left out.",
            rich_help_panel=STAGES,
        ),
    ] = 30,
    cohorts: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Generations of a search over the spreads and cells of cohorts; 0: left out.",
            rich_help_panel=STAGES,
        ),
    ] = 30,
    members: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Members of the ensemble; 0 keeps the one there is.",
            rich_help_panel=SURENESS,
        ),
    ] = 128,
    spread: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=1.0,
            metavar="NUMBER",
            help="Spread of the draws, in that of the prior.",
            rich_help_panel=SURENESS,
        ),
    ] = 0.3,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Seed of all draws.",
            rich_help_panel=COMPUTING,
        ),
    ] = 1,
    margin: Annotated[
        float,
        typer.Option(
            min=0.0,
            metavar="NUMBER",
            help="Margin to reach; 0.2 is about twenty percent.",
            rich_help_panel=SURENESS,
        ),
    ] = 0.2,
    robustness: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Draws of all numbers by 10 %; 0 leaves them out.",
            rich_help_panel=SURENESS,
        ),
    ] = 100,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE.md",
            help="Write a report, FILE.md, with figures.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            "-w",
            min=1,
            metavar="N",
            help="Processes; default: all cores.",
            rich_help_panel=COMPUTING,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fit values to findings, draw an ensemble that meets them, and report how sure both are.

    Writes a copy of the model folder, after each stage; an interrupt loses the stage it falls in.
    The same call gives the same numbers, with any number of workers. To report on a folder that is
    calibrated: --report FILE.md without --out.
    """
    with reported(interrupted="interrupted; what was written before this stage is complete."):
        from .. import load
        from ..calibrate.files import findings_files, weighted
        from ..calibrate.stages import Settings, calibrate

        _check(out, report)
        settings = Settings(
            prior=start is Start.PRIOR,
            rounds=rounds,
            iterations=iterations,
            cells=cells,
            cohorts=cohorts,
            members=members,
            spread=spread,
            seed=seed,
            margin=margin,
            workers=workers,
            progress=sys.stderr.isatty(),
        )
        loaded = load(model)
        if loaded.folder is None:
            raise ConditionError(f"{model}: is no model folder, whose tables could be fitted.")
        weights = dict(map(_weight, weight or ()))
        sources = weighted(tuple(findings or ()) or findings_files(loaded.folder), weights)
        if out is not None:
            command = _command(model, findings, weights, settings)
            calibrate(loaded, out, sources, settings, command=command, say=say)
            loaded = load(out)
        content = _told(loaded, sources, settings, robustness, report)
        if as_json:
            place = None if out is None else str(out)
            print_json({"model": loaded.definition.name, "folder": place, **content})


def _check(out: Path | None, report: Path | None) -> None:
    if out is None and report is None:
        raise ConditionError(
            "name a folder for the calibrated model with --out, or ask for a report alone with"
            " --report FILE.md."
        )
    if report is not None and report.suffix != ".md":
        raise ConditionError(f"--report is {report}, but must end in .md.")


def _weight(text: str) -> tuple[str, float]:
    """File name and weight of an argument FILE=NUMBER."""
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise ConditionError(
            f'--weight is "{text}", but must be like literature.yaml=0.5.'
        ) from None


def _told(
    model: "Model",
    sources: Sequence["Source"],
    settings: "Settings",
    draws: int,
    report: Path | None,
) -> dict[str, Any]:
    """Score every number moved at once, write the report, and say what came of both."""
    from ..calibrate import Scorer
    from ..calibrate.report import write_report
    from ..calibrate.robustness import robustness

    content: dict[str, Any] = {"robustness": None, "files": []}
    if report is None and not draws:
        return content
    with Scorer(model, sources, workers=settings.workers, progress=settings.progress) as scorer:
        found = robustness(scorer, draws, seed=settings.seed) if draws else None
        if found is not None:
            say(found.summary)
            content["robustness"] = {
                "draws": draws,
                "numbers": len(found.quantities),
                "spread": found.sd,
                "shares": found.shares,
            }
        if report is not None:
            for path in write_report(report, scorer, found, settings.margin):
                say(f"wrote {path}")
                content["files"].append(str(path))
    return content


def _command(
    model: str,
    findings: Sequence[Path] | None,
    weights: Mapping[str, float],
    settings: "Settings",
) -> str:
    """The call without what its numbers do not depend on; files by name, not by place."""
    words = ["steroidsim", "calibrate", "--model", Path(model).name]
    for file in findings or ():
        words += ["--findings", file.name]
    for name, weight in weights.items():
        words += ["--weight", f"{name}={weight:g}"]
    if settings.prior:
        words += ["--from", Start.PRIOR]
    for name in NUMBERS:
        words += [f"--{name}", f"{getattr(settings, name):g}"]
    return shlex.join(words)
