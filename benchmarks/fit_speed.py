"""Fitting: log-likelihood and gradient of published problems, against AMICI through pyPESTO.

    python -m benchmarks.fit_speed --amici-python ENVIRONMENT/bin/python

Both tools evaluate the same points at a ladder of tolerances, each in its own process, in turns on
one core; costs are compared at equal achieved error of value and gradient. Fills the tables of
README.md when the results go to their usual place.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import fit_report, fit_start_up, machine
from .batches import ABSOLUTE, AGREEMENT, RESULTS
from .fit_points import around, fit_error
from .fit_report import FIRST
from .fit_tools import PUBLISHED, Failed, Worker, on_one_core
from .report import Curve

Array = NDArray[np.float64]

PERTURBATIONS = 10
SECONDS = 0.05  # of evaluations at least, a tool, tolerance and turn
LOOSEST = {"own": -1, "amici": -2}  # decades: the same rtol is an error 10 times as large in AMICI
RUNGS = 10
TIGHT = {"own": (1e-12, 1e-14), "amici": (1e-12, 1e-15)}


class Measured(NamedTuple):
    """A problem's measurement.

    points : evaluated; left_out : points more, at which a tool failed at its tight tolerance or the
        two disagreed.  agreement : median and largest disagreement at the points evaluated.
    """

    facts: dict[str, Any]
    points: int
    left_out: int
    agreement: tuple[float, float]
    curves: dict[str, Curve]


def options() -> argparse.ArgumentParser:
    """Command-line options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", default=["all"], help='short names, or "all"')
    parser.add_argument("--amici-python", default=sys.executable, help="Python that has AMICI")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="2 repeats, 3 points")
    parser.add_argument("--no-start-up", action="store_true", help="leave out the first gradient")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--build", type=Path, default=Path("build/benchmarks"))
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write points, ratios and tables."""
    asked = options().parse_args(arguments)
    files = chosen(asked.problems)
    asked.build.mkdir(parents=True, exist_ok=True)
    asked.out.mkdir(parents=True, exist_ok=True)
    if not asked.no_start_up:  # before all else is kept on one core: compilers may use more
        _start_up(files, asked)
    on_one_core()
    loads, found = [machine.load()], {}
    for name, file in files.items():
        begin = time.monotonic()
        print(f"{name}:", flush=True)
        try:
            found[name] = measure_problem(file, asked)
        except (Failed, ValueError) as failure:  # one problem must not cost the others' results
            print(f"  left out: {failure}", file=sys.stderr)
            continue
        loads.append(machine.load())
        print(f"  done, {time.monotonic() - begin:.0f} s", flush=True)
        print(fit_report.write(asked.out, found, loads), flush=True)
    if asked.out == RESULTS:
        fit_report.fill(asked.out)


def _start_up(files: dict[str, Path], asked: argparse.Namespace) -> None:
    """Measure the first gradient of the problems of `FIRST` among those asked for."""
    first = {name: file for name, file in files.items() if name in FIRST} or files
    repeats = 1 if asked.quick else 3
    try:
        found = fit_start_up.measured(first, asked.amici_python, repeats)
    except Failed as failure:
        print(f"  first gradient left out: {failure}", file=sys.stderr)
        return
    print(fit_start_up.write(asked.out, found), flush=True)


def available() -> dict[str, Path]:
    """The yaml file of each stored problem by short name; those of `FIRST` first."""
    files = {f.stem.split("_")[0]: f for f in sorted(PUBLISHED.glob("*/*.yaml"))}
    return {name: files[name] for name in (*FIRST, *sorted(files.keys() - set(FIRST)))}


def chosen(names: Sequence[str]) -> dict[str, Path]:
    """The problems asked for.

    Raises
    ------
    SystemExit
        There is no such problem.
    """
    known = available()
    if list(names) == ["all"]:
        return known
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"no problem {', '.join(unknown)}; there are {', '.join(known)}.")
    return {name: known[name] for name in names}


def measure_problem(file: Path, asked: argparse.Namespace) -> Measured:
    """Measure one problem.

    Raises
    ------
    ValueError
        The tools disagree about what the problem says.
    """
    own = Worker("own", str(file))
    with own, Worker("amici", str(file), str(asked.build), python=asked.amici_python) as peer:
        if own.facts["ids"] != peer.facts["ids"]:
            raise ValueError(f"estimated are {own.facts['ids']}, says AMICI {peer.facts['ids']}")
        count = 2 if asked.quick else PERTURBATIONS
        nominal = np.array(own.facts["nominal"])
        points = around(nominal, own.facts["scales"], count)
        reference, solved, agreement = compared(own, peer, points)
        print(f"  agreement: median {agreement[0]:.1e}, worst {agreement[1]:.1e}", flush=True)
        curves = repeat(own, peer, points[solved], reference, 2 if asked.quick else asked.repeats)
        facts = own.facts | {"versions": own.facts["versions"] | peer.facts["versions"]}
        return Measured(facts, int(solved.sum()), int((~solved).sum()), agreement, curves)


def compared(
    own: Worker, peer: Worker, points: Array
) -> tuple[Array, NDArray[np.bool_], tuple[float, float]]:
    """AMICI's values at tight tolerance, the points at which both agree, and how well.

    Raises
    ------
    ValueError
        The tools agree at less than half of the points at which both succeed.
    """
    mine, _ = own.measure(points, *TIGHT["own"])
    theirs, _ = peer.measure(points, *TIGHT["amici"])
    errors = fit_error(mine, theirs)
    solved = errors <= AGREEMENT
    if not solved.any() or 2 * solved.sum() < np.isfinite(errors).sum():
        said = " ".join(f"{error:.1e}" for error in errors)
        raise ValueError(f"the tools agree at few points; disagreement at each: {said}")
    agreement = float(np.median(errors[solved])), float(errors[solved].max())
    return theirs[solved], solved, agreement


def repeat(
    own: Worker, peer: Worker, points: Array, reference: Array, repeats: int
) -> dict[str, Curve]:
    """Error by tolerance, and cost by turn and tolerance, of every column.

    The tools take turns at each rung, so that other work on the machine meets both.
    """
    errors: dict[str, list[float]] = {}
    rtols: dict[str, list[float]] = {}
    costs: dict[str, list[list[float]]] = {}
    for turn in range(repeats):
        for rung in range(RUNGS):
            for worker in (own, peer):
                rtol = float(f"1e{LOOSEST[worker.name] - rung}")
                values, cost = worker.measure(points, rtol, ABSOLUTE * rtol, SECONDS)
                error = float(np.median(fit_error(values, reference)))
                for column, seconds in cost.items():
                    if turn == 0:
                        errors.setdefault(column, []).append(error)
                        rtols.setdefault(column, []).append(rtol)
                    turns = costs.setdefault(column, [[] for _ in range(repeats)])
                    turns[turn].append(seconds)
    return {name: Curve(rtols[name], errors[name], np.array(costs[name])) for name in costs}


if __name__ == "__main__":
    main()
