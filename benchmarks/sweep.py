"""The reference sweep against libRoadRunner: throughput, a second core, and what storing costs.

    python -m benchmarks.sweep

Each turn runs every tool at every tolerance, so that a change of the machine's speed meets all of
them. steroidsim is timed as its users call it: the whole sweep, pre-equilibration and storing
included. libRoadRunner simulates some of the same runs and is given their states at t = 0.
"""

import argparse
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .batches import ABSOLUTE, RESULTS, TIGHT
from .precision import ratio
from .reference_sweep import PARTNERS, Peer, ReferenceSweep, errors
from .report import SIGNS, Curve
from .tools import ROADRUNNER

TARGET = 1e-4
OWN_RTOLS, PEER_RTOLS = (1e-1, 1e-2, 1e-3, 1e-4), (1e-3, 1e-4, 1e-5)
RTOL = 1e-2  # at which the error of most runs is below the target; see the first table
PEER_SHARE = 100  # runs of libRoadRunner of which two processes do half each


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the tables and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="16 samples, 2 repeats")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    sweep = ReferenceSweep(16) if asked.quick else ReferenceSweep()
    repeats = 2 if asked.quick else asked.repeats
    text = "\n\n".join((throughput(sweep, repeats), cores(sweep, repeats), storing(sweep, repeats)))
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "sweep.md").write_text(text + "\n", encoding="utf-8")
    print(text)


@contextmanager
def stored(sweep: ReferenceSweep, partner: str, rtol: float, workers: int = 1) -> Iterator[Any]:
    """The stored result of one half, of which nothing is remembered from before."""
    sweep.model.kernel.settled.clear()
    folder = Path(tempfile.mkdtemp())
    try:
        design = sweep.design(partner, rtol, ABSOLUTE * rtol)
        yield design.simulate(store=folder / "sweep.zarr", workers=workers, progress=False)
    finally:
        shutil.rmtree(folder)


def throughput(sweep: ReferenceSweep, repeats: int) -> str:
    """Runs per CPU second at equal achieved error, over libRoadRunner's."""
    lines = [
        "| partner | runs | achieved error | libRoadRunner's CPU time per run over steroidsim's |",
        "| --- | --- | --- | --- |",
    ]
    points = ["| partner | tool | rtol | achieved error |", "| --- | --- | --- | --- |"]
    for partner in PARTNERS:
        own, peer, runs = _curves(sweep, partner, repeats)
        each = [ratio(peer.at(TARGET, k), own.at(TARGET, k)).value for k in range(repeats)]
        whole = ratio(peer.at(TARGET), own.at(TARGET))
        lines.append(
            f"| {partner} | {runs} | {TARGET:.0e} | {SIGNS[whole.bound]}{whole.value:.0f}x"
            f" ({min(each):.0f} to {max(each):.0f}) |"
        )
        for name, curve in (("steroidsim", own), (ROADRUNNER, peer)):
            for rtol, error in zip(curve.rtol, curve.error, strict=True):
                points.append(f"| {partner} | {name} | {rtol:.0e} | {error:.1e} |")
    note = (
        f"One core; median (lowest to highest) of {repeats} turns. Error of a run: the largest over"
        " the seven outputs; the median over the compared runs counts."
    )
    return "\n".join([*lines, "", note, "", *points])


def _curves(sweep: ReferenceSweep, partner: str, repeats: int) -> tuple[Curve, Curve, int]:
    peer = Peer(sweep, partner)
    _, reference = peer.measure(*TIGHT[ROADRUNNER])
    with stored(sweep, partner, 1e-3):  # compiles
        pass
    own_costs, peer_costs, own_errors, peer_errors, runs = [], [], [], [], 0
    for k in range(repeats):
        own_costs.append([])
        peer_costs.append([])
        for rtol in OWN_RTOLS:
            begin = time.process_time()
            with stored(sweep, partner, rtol) as ds:
                seconds = time.process_time() - begin
                runs = int(ds["status"].size)
                own_costs[k].append(seconds / runs)
                if k == 0:
                    found = errors(sweep.compared(ds.load(), partner), reference)
                    own_errors.append(float(np.median(found)))
        for rtol in PEER_RTOLS:
            measured, values = peer.measure(rtol, ABSOLUTE * rtol)
            peer_costs[k].append(measured.cost[ROADRUNNER])
            if k == 0:
                peer_errors.append(float(np.median(errors(values, reference))))
    own = Curve(list(OWN_RTOLS), own_errors, np.array(own_costs))
    return own, Curve(list(PEER_RTOLS), peer_errors, np.array(peer_costs)), runs


def cores(sweep: ReferenceSweep, repeats: int) -> str:
    """What a second core brings to the sweep, and to two processes of libRoadRunner."""
    pipes, processes = _peers(sweep)
    own, peer = [], []
    for _ in range(repeats):
        walls = []
        for workers in (1, 2):
            begin = time.perf_counter()
            with stored(sweep, PARTNERS[0], RTOL, workers):
                walls.append(time.perf_counter() - begin)
        own.append(walls[0] / walls[1])
        peer.append(_wall(pipes, [PEER_SHARE]) / _wall(pipes, [PEER_SHARE // 2] * 2))
    for pipe, process in zip(pipes, processes, strict=True):
        pipe.send(0)
        process.join()
    return "\n".join(
        [
            "| steroidsim, 2 threads | libRoadRunner, 2 processes |",
            "| --- | --- |",
            f"| {_spread(own)} | {_spread(peer)} |",
            "",
            "Wall time on one core over wall time on two, of the half with selumetinib.",
        ]
    )


def _peers(sweep: ReferenceSweep) -> tuple[list[Any], list[Any]]:
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for _ in range(2):
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(there, sweep.samples), daemon=True)
        process.start()
        pipes.append(here)
        processes.append(process)
    for pipe in pipes:
        pipe.recv()  # loaded
    return pipes, processes


def _serve(pipe: Any, samples: int) -> None:
    """Simulate as many runs as asked for, again and again the same ones, until 0."""
    peer = Peer(ReferenceSweep(samples), PARTNERS[0])
    pipe.send("loaded")
    while count := pipe.recv():
        while count > 0:
            now = min(count, peer.task.runs)
            peer.runner.measure(now, 1e-4, ABSOLUTE * 1e-4)
            count -= now
        pipe.send("done")


def _wall(pipes: list[Any], counts: Sequence[int]) -> float:
    begin = time.perf_counter()
    for pipe, count in zip(pipes, counts, strict=False):
        pipe.send(count)
    for pipe, _ in zip(pipes, counts, strict=False):
        pipe.recv()
    return time.perf_counter() - begin


def storing(sweep: ReferenceSweep, repeats: int) -> str:
    """CPU time of a stored sweep that is not spent on simulating its chunks."""
    import simulator.simulation.streamed

    streamed: Any = simulator.simulation.streamed
    original, inside = streamed.simulate_design, [0.0]

    def watched(*arguments: Any) -> Any:
        begin = time.thread_time()
        found = original(*arguments)
        inside[0] += time.thread_time() - begin
        return found

    shares = []
    streamed.simulate_design = watched
    try:
        for _ in range(repeats):
            inside[0], begin = 0.0, time.process_time()
            with stored(sweep, PARTNERS[0], RTOL):
                shares.append((time.process_time() - begin) / inside[0] - 1)
    finally:
        streamed.simulate_design = original
    return (
        f"Storing, with all else that is not simulating, costs {100 * np.median(shares):.1f} %"
        f" ({100 * min(shares):.1f} to {100 * max(shares):.1f} %) of the CPU time of simulating:"
        " one core, the same half."
    )


def _spread(ratios: list[float]) -> str:
    return f"{np.median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})"


if __name__ == "__main__":
    main()
