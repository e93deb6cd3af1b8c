"""The commands `fit` and `report`: parameters from measurements, and a page about them."""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import IntegrationError
from .options import COMPUTING, RESULTS, JsonOption
from .reporting import print_json, print_table, reported, say, write_files

if TYPE_CHECKING:
    import pypesto

    from ..fit.problem import Problem

STARTS_SHOWN = 10

ProblemArgument = Annotated[
    Path,
    typer.Argument(metavar="PROBLEM", help="The yaml file of a PEtab problem, version 1 or 2."),
]
JobsOption = Annotated[
    int,
    typer.Option("--jobs", "-j", min=1, metavar="N", help="Processes.", rich_help_panel=COMPUTING),
]


def fit(
    problem: ProblemArgument,
    starts: Annotated[
        int, typer.Option("--starts", "-n", min=1, metavar="N", help="Start points.")
    ] = 20,
    hops: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="How often a start goes on from its best point moved at random; with 0 it is a"
            " single descent.",
        ),
    ] = 5,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the start points.")] = 1,
    optimizer: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help='"fides", "trust-region" (SciPy) or "L-BFGS-B" (SciPy).',
            rich_help_panel=COMPUTING,
        ),
    ] = "fides",
    jobs: JobsOption = 1,
    hierarchical: Annotated[
        bool,
        typer.Option(
            "--hierarchical",
            help="Do not search scales, offsets and noise that only measurements use: take the best"
            " for each set of the other parameters.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE.h5",
            help="Result file (HDF5, as pyPESTO reads it). Each start is written as it ends: the"
            " same call goes on where one was interrupted or killed.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    profile: Annotated[
        bool,
        typer.Option(
            "--profile",
            help="Also profile each parameter, for its uncertainty.",
            rich_help_panel=RESULTS,
        ),
    ] = False,
    petab: Annotated[
        Path | None,
        typer.Option(
            "--petab",
            metavar="FOLDER",
            help="Folder for a copy of the problem, the optimum as nominal.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fit a PEtab problem to its measurements, from many start points.

    The numbers do not depend on the number of processes. Ends with the best starts and the
    parameters of the best one; `steroidsim report` draws the result.
    """
    kept = "" if out is None else f" The starts and profiles that ended are in {out}; call again."
    with reported(interrupted=f"interrupted.{kept}"):
        from ..fit.problem import Problem

        loaded = Problem(problem, hierarchical="auto" if hierarchical else False)
        with _told("starts") as progress:
            result = loaded.optimize(
                starts,
                seed=seed,
                optimizer=optimizer,
                jobs=jobs,
                out=out,
                progress=progress,
                hops=hops,
            )
        if not any(math.isfinite(start.fval) for start in result.optimize_result.list):
            reason = result.optimize_result.list[0].message
            raise IntegrationError(f"{problem}: all {starts} starts failed: {reason}.")
        if profile:
            with _told("profiles") as progress:
                loaded.profile(result, optimizer=optimizer, jobs=jobs, out=out, progress=progress)
        if petab is not None:
            say(f"wrote {loaded.write_petab(petab, loaded.best(result))}")
        if as_json:
            print_json(_content(loaded, result))
        else:
            _print(loaded, result)
        if out is not None:
            say(f"wrote {out}; `steroidsim report {out}` draws it")


def report(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="File of `steroidsim fit`.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Folder; default: beside the file, named like it.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    problem: Annotated[
        Path | None,
        typer.Option(
            "--problem",
            metavar="PROBLEM",
            help="The problem's yaml file, if it is not where it was.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw a fit: data with the simulation, waterfall, parameters, profiles; and a page of them."""
    with reported():
        from ..fit.problem import Problem
        from ..fit.report import report_files
        from ..fit.results import stored_hierarchical, stored_problem

        origin = stored_problem(result) if problem is None else problem
        loaded = Problem(origin, hierarchical=stored_hierarchical(result))
        files = report_files(loaded, loaded.read(result))
        folder = out if out is not None else result.with_suffix("")
        written = write_files(folder, files)
        say(f"wrote {folder / 'report.md'} and {len(written) - 1} figures")
        if as_json:
            print_json({"problem": str(origin), "files": [str(path) for path in written]})


@contextmanager
def _told(what: str) -> Iterator[Callable[[int, int, float | None], None]]:
    """Progress: a bar on a terminal, a line for each tenth otherwise."""
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def show(done: int, total: int, best: float | None) -> None:
            text = what if best is None else f"{what}, best objective {best:.4f}"
            bar.update(task, completed=done, total=total, description=text)

        yield show


def _lines(what: str) -> Callable[[int, int, float | None], None]:
    last = -1

    def show(done: int, total: int, best: float | None) -> None:
        nonlocal last
        tenth = 10 * done // total
        if tenth > last:
            last = tenth
            say(f"{what}: {done} of {total}" + (f", best {best:.4f}" if best is not None else ""))

    return show


def _print(problem: "Problem", result: "pypesto.Result") -> None:
    """The best starts, then the parameters of the best one."""
    from rich.table import Table

    from ..fit.report import FOLLOWS
    from ..plot.waterfall import SAME

    starts = result.optimize_result.list
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("start", "objective", "evaluations", "seconds"):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("end", no_wrap=True)
    for start in starts[:STARTS_SHOWN]:
        objective = f"{start.fval:.4f}" if math.isfinite(start.fval) else "failed"
        cells = (str(start.id), objective, str(start.n_fval), f"{start.time:.1f}")
        grid.add_row(*cells, str(start.message))
    print_table(grid)
    typer.echo("")
    said = dict(problem.verdicts(result)["sentence"]) | dict.fromkeys(problem.following, FOLLOWS)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("parameter", "estimate", *(["verdict"] if said else [])):
        table.add_column(name, no_wrap=True)
    for name, value in problem.best(result).items():
        verdict = [said.get(name, "").removeprefix(f"{name} ")] if said else []
        table.add_row(name, f"{value:.6g}", *verdict)
    print_table(table)
    typer.echo("")
    found = sum(start.fval - starts[0].fval <= SAME for start in starts)
    typer.echo(f"{found} of {len(starts)} starts found the best optimum, {starts[0].fval:.4f}")


def _content(problem: "Problem", result: "pypesto.Result") -> dict[str, Any]:
    """The result as JSON has it; a start that failed has no objective."""
    verdicts = problem.verdicts(result)
    return {
        "problem": problem.petab.path.name,
        "objective": float(result.optimize_result.list[0].fval),
        "parameters": problem.best(result),
        "starts": [
            {"start": int(s.id), "objective": float(s.fval), "message": str(s.message)}
            for s in result.optimize_result.list
        ],
        "profiles": verdicts.reset_index().to_dict("records"),
    }
