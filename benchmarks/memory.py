"""Peak memory against the number of runs, less the result itself.

    python -m benchmarks.memory

Each batch size is a process of its own. What it holds after a small batch of the same model
(compiled code, libraries) and the sizes of the conditions table and of the result are subtracted
from its peak. The steps
of the first runs are compared between the sizes: a run must not notice how many share its batch.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from . import problem
from .batches import RESULTS
from .tools import engine_watched

SIZES = (1_000, 10_000, 100_000)
FIRST = 1_000
_STATUS = Path("/proc/self/status")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="Boehm")
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--quick", action="store_true", help="up to 10000 runs")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.child:
        print(json.dumps(measured(asked.model, asked.child)))
        return
    rows = [_in_process(asked.model, n) for n in asked.sizes if n <= 10_000 or not asked.quick]
    text = table(asked.model, rows)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "memory.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def _in_process(model: str, runs: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.memory", "--model", model, "--child", str(runs)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measured(name: str, runs: int) -> dict[str, float]:
    """Megabytes and steps of one batch, in this process."""
    task = problem.load(name, runs)
    model = problem.loaded(name, task.sbml)
    species = list(task.species)

    def simulate(count: int) -> tuple[float, float, float]:
        table = task.first(count).table()
        with engine_watched() as spent:
            ds = model.simulate(
                task.times, conditions=table, outputs=species, workers=1, progress=False
            )
        steps = float(np.mean(spent.accepted[:FIRST])) if spent.accepted else np.nan
        return ds.nbytes / 1e6, table.memory_usage().sum() / 1e6, steps

    simulate(64)
    before = resident()
    result, conditions, steps = simulate(runs)
    return {
        "runs": runs,
        "extra": max(0.0, peak() - before - result - conditions),  # a little below 0 is 0
        "result": result,
        "steps": steps,
    }


def peak() -> float:
    """Largest resident memory of this process so far, in MB."""
    if _STATUS.exists():  # getrusage would also count the process that started this one
        return _status("VmHWM")
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / 1e6 if sys.platform == "darwin" else largest * 1024 / 1e6


def resident() -> float:
    """Memory that this process holds now, in MB; the peak so far where the system does not tell."""
    return _status("VmRSS") if _STATUS.exists() else peak()


def _status(name: str) -> float:
    line = next(x for x in _STATUS.read_text("utf-8").splitlines() if x.startswith(name))
    return float(line.split()[1]) * 1024 / 1e6


def table(model: str, rows: list[dict[str, float]]) -> str:
    """Markdown, one line per batch size."""
    lines = [
        "| runs | result (MB) | peak beyond start, table and result (MB) | per MB of result |"
        f" mean steps of the first {FIRST} |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        extra, result = row["extra"], row["result"]
        lines.append(
            f"| {row['runs']:.0f} | {result:.1f} | {extra:.1f} | {extra / result:.2f}"
            f" | {row['steps']:.4f} |"
        )
    note = f"{model}, all species at {problem.POINTS} times, one thread."
    return "\n".join([*lines, "", note])


if __name__ == "__main__":
    main()
