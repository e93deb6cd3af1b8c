"""Batches of perturbed runs: cost at equal achieved error, against libRoadRunner and AMICI.

    python -m benchmarks.batches --models Boehm Fiedler Raia steroid

Every tool simulates the same runs at a ladder of tolerances; repeats are interleaved, so that a
change of the machine's speed meets all of them. A model that was measured with the same settings
and the same steroidsim is not measured again.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import machine, precision, problem, report
from .tools import AMICI, OWN, ROADRUNNER, Amici, NotInstalled, RoadRunner, Steroidsim, Tool

RESULTS = Path(__file__).parent / "results"
DEFAULT_MODELS = ("Boehm", "Fiedler", "Raia", problem.STEROID)
PEER_RUNS = 60
REFERENCE_RUNS = 50
ABSOLUTE = 1e-3  # atol over rtol
AGREEMENT = 1e-6  # median disagreement of two references above which a model is not judged

TIGHT = {ROADRUNNER: (1e-12, 1e-14), AMICI: (1e-12, 1e-14), OWN: (1e-12, 1e-13)}


def ladder(quick: bool) -> list[float]:
    """Relative tolerances from 1e-2 to 1e-9, in half decades (quick: in decades)."""
    steps = np.arange(-4, -19, -2 if quick else -1) / 2
    return [float(f"{10.0**e:.3g}") for e in steps]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write points, tables and diagrams."""
    asked = options().parse_args(arguments)
    known = [*problem.available(asked.models_folder), problem.STEROID]
    names = known if asked.models == ["all"] else asked.models
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in names:
        print(f"{name}:", flush=True)
        try:
            measure_model(name, asked)
        except Exception as failure:  # one model must not cost the others' results
            if asked.strict:
                raise
            print(f"  left out: {type(failure).__name__}: {failure}", file=sys.stderr)
    print(report.write(asked.out, names))


def options() -> argparse.ArgumentParser:
    """Command-line options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=list(DEFAULT_MODELS), help='names, or "all"')
    parser.add_argument("--models-folder", type=Path, help="further problems in PEtab layout")
    parser.add_argument("--runs", type=int, default=1000, help="runs of steroidsim's batch")
    parser.add_argument("--peer-runs", type=int, default=PEER_RUNS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--budget", type=float, default=900.0, help="seconds of repeats a model")
    parser.add_argument("--quick", action="store_true", help="200 runs, 3 repeats, whole decades")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--build", type=Path, default=Path("build/benchmarks"))
    parser.add_argument("--again", action="store_true", help="measure also what is stored")
    parser.add_argument("--strict", action="store_true", help="stop at the first failure")
    return parser


def settings(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    """What a stored measurement must agree with to be kept."""
    return {
        "problem": name,
        "runs": 200 if asked.quick else asked.runs,
        "peer runs": asked.peer_runs,
        "repeats": 3 if asked.quick else asked.repeats,
        "rtol": ladder(asked.quick),
        "sigma": problem.SIGMA,
        "seed": problem.SEED,
        "source": machine.source_digest(),
    }


def measure_model(name: str, asked: argparse.Namespace) -> None:
    """Measure one model and store it, unless that was done before with the same settings."""
    wanted, file = settings(name, asked), report.stored_in(asked.out, name)
    if file.exists() and not asked.again:
        stored = json.loads(file.read_text("utf-8"))
        if stored["settings"] == wanted:
            print("  measured before with these settings")
            return
    begin = time.monotonic()
    task = solvable(problem.load(name, wanted["runs"], asked.models_folder))
    tools, absent = make_tools(task, asked.build)
    print(f"  {task.runs} runs, {len(task.species)} species; prepared", flush=True)
    reference, agreement = reference_values(tools)
    for tool, (median, worst) in agreement.items():
        print(f"  reference against {tool}: median {median:.1e}, worst {worst:.1e}", flush=True)
    points, overhead, repeats = repeat(tools, reference, wanted, asked)
    document = {
        "settings": wanted,
        "machine": machine.description(),
        "runs": task.runs,
        "species": len(task.species),
        "perturbed": len(task.parameters),
        "end": float(task.times[-1]),
        "repeats": repeats,
        "agreement": agreement,
        "absent": absent,
        "overhead": overhead,
        "points": points,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"  done, {time.monotonic() - begin:.0f} s", flush=True)


def solvable(task: problem.Problem) -> problem.Problem:
    """The runs that have a solution: perturbed models can grow without bound in finite time.

    A run is left out where both steroidsim and libRoadRunner fail; where only one does, the run
    stays and is that tool's failure.
    """
    failed = _incomplete(Steroidsim(task).measure(task.runs, 1e-6, 1e-9).values)
    if not failed.any():
        return task
    doubtful = task.take(failed)
    failed[failed] = _incomplete(RoadRunner(doubtful).measure(doubtful.runs, 1e-6, 1e-9).values)
    print(f"  {failed.sum()} of {task.runs} runs have no solution to the end: left out")
    return task.take(~failed)


def _incomplete(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(runs,) whether a run has a NaN."""
    return np.asarray(np.isnan(values).any(axis=(1, 2)))


def make_tools(task: problem.Problem, build: Path) -> tuple[list[Tool], dict[str, str]]:
    """The tools that can be measured here, and why others cannot."""
    tools: list[Tool] = [Steroidsim(task), RoadRunner(task)]
    try:
        return [*tools, Amici(task, build)], {}
    except NotInstalled as reason:
        print(f"  without AMICI: {reason}")
        return tools, {AMICI: str(reason)}


def reference_values(
    tools: Sequence[Tool],
) -> tuple[NDArray[np.float64], dict[str, tuple[float, float]]]:
    """libRoadRunner's runs at tight tolerance, and how far the others' tight runs are from them.

    Raises
    ------
    ValueError
        No other tool agrees with the reference.
    """
    tight = {t.name: t.measure(REFERENCE_RUNS, *TIGHT[t.name]).values for t in tools}
    reference = tight.pop(ROADRUNNER)
    agreement = {}
    for name, values in tight.items():
        errors = precision.achieved_error(values, reference)
        agreement[name] = (float(np.median(errors)), float(errors.max()))
    if all(median > AGREEMENT for median, _ in agreement.values()):
        raise ValueError(f"no two tools agree at tight tolerance: {agreement}")
    return reference, agreement


def repeat(
    tools: Sequence[Tool],
    reference: NDArray[np.float64],
    wanted: dict[str, Any],
    asked: argparse.Namespace,
) -> tuple[list[dict[str, Any]], list[float], int]:
    """All points with the cost of each repeat, libRoadRunner's overhead, and the repeats done."""
    found: dict[tuple[str, float], dict[str, Any]] = {}
    overhead: list[float] = []
    begin, done = time.monotonic(), 0
    for _ in range(wanted["repeats"]):
        for tool, rtol in schedule(tools, wanted["rtol"]):
            runs = wanted["runs"] if tool.name == OWN else wanted["peer runs"]
            measured = tool.measure(runs, rtol, ABSOLUTE * rtol)
            key = (tool.name, rtol)
            if key not in found:
                errors = precision.achieved_error(measured.values[: len(reference)], reference)
                found[key] = {
                    "tool": tool.name,
                    "rtol": rtol,
                    "error": float(np.median(errors)),
                    "worst": float(errors.max()),
                    "failed": int(_incomplete(measured.values).sum()),
                    "runs": len(measured.values),
                    "steps": measured.steps,
                    "cost": {column: [] for column in measured.cost},
                }
            for column, seconds in measured.cost.items():
                found[key]["cost"][column].append(seconds)
            if isinstance(tool, RoadRunner) and rtol == wanted["rtol"][-1]:
                overhead.append(tool.overhead(runs))
        done += 1
        spent = time.monotonic() - begin
        if spent + spent / done > asked.budget and done < wanted["repeats"]:
            print(f"  {done} repeats are what {asked.budget:.0f} s allow")
            break
    return list(found.values()), overhead, done


def schedule(tools: Sequence[Tool], rtols: Sequence[float]) -> Iterator[tuple[Tool, float]]:
    """Tolerance by tolerance, tool by tool; peers at whole decades only."""
    for rtol in rtols:
        whole = abs(np.log10(rtol) - round(np.log10(rtol))) < 0.01
        for tool in tools:
            if whole or tool.name == OWN:
                yield tool, rtol


if __name__ == "__main__":
    main()
