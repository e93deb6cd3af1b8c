"""What a second core brings: two threads of steroidsim, two processes of libRoadRunner.

    python -m benchmarks.two_cores

Wall time of the same work on one and on two cores, in turn, in the same minutes: a machine whose
second core is a hyper-thread, or busy, holds both tools back alike.
"""

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import problem
from .batches import ABSOLUTE, RESULTS
from .tools import RoadRunner, Steroidsim

RTOL = 1e-6


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["Raia", problem.STEROID])
    parser.add_argument("--runs", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="3 repeats")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    repeats = 3 if asked.quick else asked.repeats
    lines = [
        "| model | steroidsim, 2 threads | libRoadRunner, 2 processes |",
        "| --- | --- | --- |",
    ]
    for name in asked.models:
        own, peer = speed_ups(name, asked.runs, repeats)
        lines.append(f"| {name} | {_spread(own)} | {_spread(peer)} |")
    note = (
        "Wall time on one core over wall time on two: median (lowest to highest repeat);"
        f" {asked.runs} runs a call."
    )
    text = "\n".join([*lines, "", note])
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "two_cores.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def speed_ups(name: str, runs: int, repeats: int) -> tuple[list[float], list[float]]:
    """Speed-up of each repeat: steroidsim's, and libRoadRunner's."""
    task = problem.load(name, runs)
    one, two = Steroidsim(task, workers=1), Steroidsim(task, workers=2)
    share = 50  # runs of each libRoadRunner process; twice as many when it works alone
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for _ in range(2):
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(there, task.first(2 * share)), daemon=True)
        process.start()
        pipes.append(here)
        processes.append(process)
    for pipe in pipes:
        pipe.recv()  # loaded

    def peers(counts: Sequence[int]) -> float:
        begin = time.perf_counter()
        for pipe, count in zip(pipes, counts, strict=False):
            pipe.send(count)
        for pipe, _ in zip(pipes, counts, strict=False):
            pipe.recv()
        return time.perf_counter() - begin

    own, peer = [], []
    for _ in range(repeats):
        own.append(_wall(one, runs) / _wall(two, runs))
        peer.append(peers([2 * share]) / peers([share, share]))
    for pipe, process in zip(pipes, processes, strict=True):
        pipe.send(0)
        process.join()
    return own, peer


def _wall(tool: Steroidsim, runs: int) -> float:
    begin = time.perf_counter()
    tool.measure(runs, RTOL, ABSOLUTE * RTOL)
    return time.perf_counter() - begin


def _serve(pipe: Any, task: problem.Problem) -> None:
    """Simulate as many runs as asked for, until 0."""
    tool = RoadRunner(task)
    pipe.send("loaded")
    while count := pipe.recv():
        tool.measure(count, RTOL, ABSOLUTE * RTOL)
        pipe.send("done")


def _spread(ratios: list[float]) -> str:
    return f"{np.median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})"


if __name__ == "__main__":
    main()
