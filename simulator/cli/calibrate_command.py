"""The command `calibrate`: fit a model's values to findings, and say how sure they are."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConditionError
from .options import BUNDLED_MODEL, ModelOption
from .reporting import INTERRUPTED, reported, say

if TYPE_CHECKING:
    from ..calibrate.stages import Settings
    from ..simulation.model import Model


def calibrate(
    model: ModelOption = BUNDLED_MODEL,
    findings: Annotated[
        list[Path] | None,
        typer.Option(
            "--findings",
            help="Findings file; may be repeated. Default: findings.yaml, constraints.yaml and"
            " literature.yaml of the model folder.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for the calibrated model; may be the model's."),
    ] = None,
    iterations: Annotated[
        int, typer.Option(min=0, help="Iterations of the point estimate; 0 keeps the values.")
    ] = 5,
    members: Annotated[
        int, typer.Option(min=0, help="Members of the ensemble; 0 keeps the one there is.")
    ] = 128,
    spread: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="Spread of the draws, in that of the prior.")
    ] = 0.3,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all draws.")] = 1,
    margin: Annotated[
        float, typer.Option(min=0.0, help="Margin to reach; 0.2 is about twenty percent.")
    ] = 0.2,
    robustness: Annotated[
        int, typer.Option(min=0, help="Draws of all numbers by 10 %; 0 leaves them out.")
    ] = 100,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write a report, FILE.md, with figures.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", "-w", min=1, help="Processes; default: all cores.")
    ] = None,
) -> None:
    """Fit values to findings, draw an ensemble that meets them, and report how sure both are.

    Writes a copy of the model folder, after each stage; an interrupt loses the stage it falls in.
    The same call gives the same numbers, with any number of workers. To report on a folder that is
    calibrated: --iterations 0 --members 0 --report FILE.md.
    """
    with reported():
        try:
            from .. import load
            from ..calibrate.stages import Settings, calibrate, findings_files

            _check(out, report, iterations, members)
            settings = Settings(iterations, members, spread, seed, margin, workers,
                                progress=sys.stderr.isatty())  # fmt: skip
            loaded = load(model)
            if loaded.folder is None:
                raise ConditionError(f"{model}: is no model folder, whose tables could be fitted.")
            files = tuple(findings or ()) or findings_files(loaded.folder)
            if out is not None:
                command = _command(model, findings, settings)
                calibrate(loaded, out, files, settings, command=command, say=say)
                loaded = load(out)
            _tell(loaded, files, settings, robustness, report)
        except KeyboardInterrupt:
            say("steroidsim: interrupted; what was written before this stage is complete.")
            raise typer.Exit(INTERRUPTED) from None


def _check(out: Path | None, report: Path | None, iterations: int, members: int) -> None:
    if out is None and (report is None or iterations or members):
        raise ConditionError(
            "name a folder for the calibrated model with --out, or ask for a report alone:"
            " --iterations 0 --members 0 --report FILE.md."
        )
    if report is not None and report.suffix != ".md":
        raise ConditionError(f"--report is {report}, but must end in .md.")


def _tell(
    model: "Model",
    files: Sequence[Path],
    settings: "Settings",
    draws: int,
    report: Path | None,
) -> None:
    """Score every number moved at once, and write the report."""
    from ..calibrate import Scorer
    from ..calibrate.report import write_report
    from ..calibrate.robustness import robustness

    if report is None and not draws:
        return
    with Scorer(model, files, workers=settings.workers, progress=settings.progress) as scorer:
        found = robustness(scorer, draws, seed=settings.seed) if draws else None
        if found is not None:
            say(found.summary)
        if report is not None:
            for path in write_report(report, scorer, found, settings.margin):
                say(f"wrote {path}")


def _command(model: str, findings: Sequence[Path] | None, settings: "Settings") -> str:
    """The call without what its numbers do not depend on; files by name, not by place."""
    words = ["steroidsim", "calibrate", "--model", Path(model).name]
    for file in findings or ():
        words += ["--findings", file.name]
    for name in ("iterations", "members", "spread", "seed", "margin"):
        words += [f"--{name}", f"{getattr(settings, name):g}"]
    return shlex.join(words)
