"""Sweeps of a thousand to a million runs: memory, CPU time and steps of a run; Dask and threads.

    python -m benchmarks.sweep_scale

The runs are rows drawn from ranges of two doses of the bundled model, into a store. Each sweep is
a process of its own; sizes take turns.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import simulator as sim

from .batches import RESULTS
from .memory import peak

SIZES = (1_000, 10_000, 100_000, 1_000_000)
AT_LEAST = 10_000  # runs that are timed; smaller sweeps are repeated
FIRST = 1_000  # rows that every size begins with
RANGES = {"prednisolone": (0.00316, 31.6), "selumetinib": (0.00316, 31.6)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the tables and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--quick", action="store_true", help="up to 10000 runs, 2 repeats")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.child:
        print(json.dumps(measured(asked.child)))
        return
    sizes = asked.sizes[:2] if asked.quick else asked.sizes
    repeats = 2 if asked.quick else asked.repeats
    found: dict[int, list[dict[str, Any]]] = {size: [] for size in sizes}
    for _ in range(repeats):
        for size in sizes:
            found[size].append(_in_process(size))
    text = "\n\n".join((scale_table(found), dask_text(sizes[-1] // 10, repeats)))
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "sweep_scale.md").write_text(text + "\n", encoding="utf-8")
    print(text)


@cache
def model() -> Any:
    """The bundled model, loaded and compiled once."""
    return sim.load("steroid_response")


def design(runs: int) -> Any:
    """So many runs at the default tolerances; more of them begin with the same ones."""
    rows = sim.sample(runs, log=RANGES, method="random", seed=1)
    return sim.design(model(), 96, conditions=rows, outputs=["viability", "pERK"])


def measured(runs: int) -> dict[str, Any]:
    """Memory in MB, CPU seconds per run and mean steps of the first rows, in this process."""
    with _in_folder() as folder, _steps_of_first() as steps:
        design(FIRST).simulate(store=folder / "first.zarr", progress=False)  # compiles
        steps.clear()
        begin, often = time.process_time(), max(1, AT_LEAST // runs)
        for k in range(often):
            design(runs).simulate(store=folder / f"{k}.zarr", progress=False)
        seconds = (time.process_time() - begin) / often
        bytes_ = sum(file.stat().st_size for file in (folder / "0.zarr").rglob("*"))
    return {"cpu": seconds / runs, "peak": peak(), "steps": steps[0], "disk": bytes_ / 1e6}


@contextmanager
def _steps_of_first() -> Iterator[list[float]]:
    """Mean accepted steps of the first rows, of each sweep meanwhile."""
    import simulator.simulation.runs

    runs: Any = simulator.simulation.runs
    original, found, first = runs.integrate_batch, [], []

    def watched(*arguments: Any, **options: Any) -> Any:
        ends = original(*arguments, **options)
        row = arguments[4][0].tobytes()  # parameters of the block's first run
        if not first:
            first.append(row)
        if row == first[0]:
            found.append(float(ends.accepted[:FIRST].mean()))
        return ends

    runs.integrate_batch = watched
    try:
        yield found
    finally:
        runs.integrate_batch = original


def _in_process(runs: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.sweep_scale", "--child", str(runs)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return dict(json.loads(done.stdout.splitlines()[-1]))


@contextmanager
def _in_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def scale_table(found: dict[int, list[dict[str, Any]]]) -> str:
    """Markdown, one line per size, relative to the second one (10000 runs)."""
    lines = [
        "| runs | CPU time per run, relative | peak memory, relative | on disk (MB) |"
        f" mean steps of the first {FIRST} |",
        "| --- | --- | --- | --- | --- |",
    ]
    sizes = list(found)
    base = found[sizes[1]]
    for size in sizes:
        cpu = [a["cpu"] / b["cpu"] for a, b in zip(found[size], base, strict=True)]
        memory = [a["peak"] / b["peak"] for a, b in zip(found[size], base, strict=True)]
        steps = {each["steps"] for each in found[size]}
        lines.append(
            f"| {size} | {np.median(cpu):.2f} ({min(cpu):.2f} to {max(cpu):.2f})"
            f" | {np.median(memory):.2f} ({min(memory):.2f} to {max(memory):.2f})"
            f" | {found[size][0]['disk']:.1f} | {' or '.join(f'{s:.6f}' for s in sorted(steps))} |"
        )
    note = (
        f"Relative to {sizes[1]} runs of the same turn; median (lowest to highest) of"
        f" {len(base)} turns, two threads. Peak memory is that of the whole process."
    )
    return "\n".join([*lines, "", note])


def dask_text(runs: int, repeats: int) -> str:
    """Wall time on a local Dask cluster of two workers over that on two threads."""
    from distributed import Client, LocalCluster

    ratios = []
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
        _in_folder() as folder,
    ):
        for name, executor in (("threads", None), ("dask", client)):  # compiles
            design(20_000).simulate(
                store=folder / f"{name}.zarr", executor=executor, progress=False
            )
        for k in range(repeats):
            walls = {}
            for name, executor in (("threads", None), ("dask", client)):
                begin = time.perf_counter()
                store = folder / f"{name}{k}.zarr"
                design(runs).simulate(
                    store=store, executor=executor, workers=None if executor else 2, progress=False
                )
                walls[name] = time.perf_counter() - begin
            ratios.append(walls["dask"] / walls["threads"] - 1)
    more = [f"{100 * r:+.1f} %" for r in (np.median(ratios), min(ratios), max(ratios))]
    return (
        f"Wall time of {runs} runs on a local Dask cluster of two workers, beside two threads:"
        f" {more[0]} ({more[1]} to {more[2]})."
    )


if __name__ == "__main__":
    main()
