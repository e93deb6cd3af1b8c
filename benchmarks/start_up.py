"""The time to a first result, and where it goes.

    python -m benchmarks.start_up

Every measurement is a fresh interpreter that imports, loads a file, simulates it once and ends;
libRoadRunner does the same with the same file. Cases: the bundled model with an empty cache
("cold") and again ("warm"); a network of 100 species that this machine has not seen, after another
model has filled the cache with everything that does not depend on the model; and networks of 500
species and 1000 reactions with an empty cache, once with partners mostly nearby, as in pathways,
and once with partners anywhere. The large ones are measured once.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import problem
from .batches import RESULTS
from .memory import peak
from .networks import random_network

PHASES = ("import", "load", "equations", "machine code", "numba", "first run")
STEROID_NAME = "steroid_response"


class Case(NamedTuple):
    """A first result: of which file, and with which cache folder (shared by what has the same)."""

    name: str
    file: str
    cache: str
    large: bool = False


CASES = (
    Case("bundled model, cold", STEROID_NAME, "small"),
    Case("bundled model, warm", STEROID_NAME, "small"),
    Case("100 species, new to a warm machine", "100", "small"),
    Case("500 species, partners nearby, cold", "500", "nearby", large=True),
    Case("500 species, partners nearby, warm", "500", "nearby", large=True),
    Case("500 species, partners anywhere, cold", "500 anywhere", "anywhere", large=True),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write it; or be one of the interpreters measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one repeat")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.child:
        tool, file, end = asked.child
        first = own_first_result if tool == "own" else peer_first_result
        print(json.dumps(first(file, float(end))))
        return
    text = table(measured(1 if asked.quick else asked.repeats))
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "start_up.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def measured(repeats: int) -> dict[str, list[dict[str, Any]]]:
    """Every case's measurements, repeats in turn."""
    found: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        files = _files(Path(scratch))
        for k in range(repeats):
            for case in CASES:
                if k == 0 or not case.large:
                    cache = Path(scratch) / f"cache-{k}-{case.cache}"
                    found.setdefault(case.name, []).append(_measure(case, files, cache))
                    print(f"  {case.name}: done", file=sys.stderr, flush=True)
    return found


def _measure(case: Case, files: dict[str, str], cache: Path) -> dict[str, Any]:
    """A case with both tools."""
    cache.mkdir(exist_ok=True)
    bundled = case.file == STEROID_NAME
    own_file, end = (STEROID_NAME, problem.HOURS) if bundled else (files[case.file], 10.0)
    return {
        "own": in_process("own", own_file, end, cache),
        "peer": in_process("peer", files[case.file], end, cache),
    }


def _files(folder: Path) -> dict[str, str]:
    """SBML of every case, the same for both tools."""
    import simulator as sim

    networks = {
        "100": random_network(100, 200),
        "500": random_network(500, 1000),
        "500 anywhere": random_network(500, 1000, reach=None),
    }
    texts = {name: sim.load(text).network.sbml for name, text in networks.items()}
    texts[STEROID_NAME] = problem.steroid(1, sigma=0.0).sbml
    found = {}
    for name, text in texts.items():
        file = folder / f"{name.replace(' ', '_')}.xml"
        file.write_text(text, encoding="utf-8")
        found[name] = str(file)
    return found


def in_process(tool: str, file: str, end: float, cache: Path) -> dict[str, float]:
    """One fresh interpreter: its own account, and its wall time from outside."""
    command = [sys.executable, "-m", "benchmarks.start_up", "--child", tool, file, str(end)]
    begin = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - this interpreter and module
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"STEROIDSIM_CACHE": str(cache)},
    )
    wall = time.perf_counter() - begin
    if done.returncode:
        raise RuntimeError(f"{tool} with {Path(file).name}: {done.stderr[-600:]}")
    return {**json.loads(done.stdout.splitlines()[-1]), "wall": wall}


# --- inside a measured interpreter -----------------------------------------------------------


def own_first_result(file: str, end: float) -> dict[str, float]:
    """Seconds of each phase, and the peak of memory, with steroidsim."""
    begin = time.perf_counter()
    import simulator as sim
    from simulator.simulation import load  # noqa: F401 - what load() imports

    spent = {"import": time.perf_counter() - begin}
    begin = time.perf_counter()
    model = sim.load(file)
    spent["load"] = time.perf_counter() - begin
    from simulator.integrator import cache, machine_code

    with (
        _clocked(machine_code, "_object_code") as machine_seconds,
        _clocked(cache.EntryPoint, "_lowered") as numba_seconds,
    ):
        begin = time.perf_counter()
        model.kernel  # noqa: B018 - compiles
        spent["equations"] = time.perf_counter() - begin - sum(machine_seconds)
        begin, before = time.perf_counter(), sum(machine_seconds)
        factors: dict[str, Any] = {problem.DRUG: problem.DOSE} if file == STEROID_NAME else {}
        model.simulate(np.linspace(0.0, end, problem.POINTS), progress=False, **factors)
        spent["first run"] = time.perf_counter() - begin - sum(numba_seconds)
        spent["first run"] -= sum(machine_seconds) - before
    spent["machine code"], spent["numba"] = sum(machine_seconds), sum(numba_seconds)
    return {**spent, "peak": peak()}


def peer_first_result(file: str, end: float) -> dict[str, float]:
    """The same with libRoadRunner."""
    import roadrunner

    config = roadrunner.Config
    config.setValue(config.LLVM_BACKEND, config.LLJIT)
    runner = roadrunner.RoadRunner(file)
    runner.integrator.maximum_num_steps = 200_000
    runner.simulate(0.0, end, problem.POINTS)
    return {"peak": peak()}


@contextmanager
def _clocked(home: Any, name: str) -> Iterator[list[float]]:
    """Wall seconds of every call of a function of a module or class."""
    seconds: list[float] = []
    original = getattr(home, name)

    def clocked(*arguments: Any) -> Any:
        begin = time.perf_counter()
        try:
            return original(*arguments)
        finally:
            seconds.append(time.perf_counter() - begin)

    setattr(home, name, clocked)
    try:
        yield seconds
    finally:
        setattr(home, name, original)


# --- table -----------------------------------------------------------------------------------


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    """Markdown: wall time over libRoadRunner's, shares of the phases, peak memory."""
    lines = [
        "| first result of | wall time over libRoadRunner's | interpreter | "
        + " | ".join(PHASES)
        + " | peak memory (MB) | libRoadRunner's |",
        "| --- | --- | --- |" + " --- |" * (len(PHASES) + 2),
    ]
    for name, rows in found.items():
        over = np.median([row["own"]["wall"] / row["peer"]["wall"] for row in rows])
        wall = np.median([row["own"]["wall"] for row in rows])
        parts = [float(np.median([row["own"][phase] for row in rows])) for phase in PHASES]
        shares = [max(0.0, wall - sum(parts)) / wall, *(part / wall for part in parts)]
        own, peer = (np.median([row[t]["peak"] for row in rows]) for t in ("own", "peer"))
        cells = [name, f"{over:.1f}x", *(f"{x:.0%}" for x in shares), f"{own:.0f}", f"{peer:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    note = "Shares are of steroidsim's wall time, from starting Python to its end; medians."
    return "\n".join([*lines, "", note])


if __name__ == "__main__":
    main()
