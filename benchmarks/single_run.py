"""One run of the bundled model, everything included after loading, against libRoadRunner.

    python -m benchmarks.single_run

The same run (cell, dose, start and output times) for both, at a ladder of tolerances; a call of
each in turn. Compared at equal achieved error. In a third column steroidsim does what a user of
the bundled model asks for: it also brings the untreated cell to rest and simulates the vehicle,
which libRoadRunner is spared.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import simulator as sim

from . import precision, problem
from .batches import ABSOLUTE, RESULTS, TIGHT
from .report import TARGETS, Curve, shown
from .tools import OWN, OWN_ENGINE, ROADRUNNER, RoadRunner, Steroidsim

WHOLE = "steroidsim, with pre-equilibration and vehicle"
RTOLS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=31)
    parser.add_argument("--quick", action="store_true", help="7 repeats")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    text = table(measured(7 if asked.quick else asked.repeats))
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "single_run.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def measured(repeats: int) -> dict[str, Curve]:
    """A curve of each column; costs are CPU seconds of one call."""
    task = problem.steroid(1, sigma=0.0)
    own, peer = Steroidsim(task, as_stated=True), RoadRunner(task)
    bundled = sim.load("steroid_response")
    factors: dict[str, Any] = {"cell": problem.CELL, problem.DRUG: problem.DOSE}

    def whole(rtol: float) -> float:
        bundled.kernel.settled.clear()  # as if the cell had not been met before
        begin = time.process_time()
        bundled.simulate(task.times, rtol=rtol, atol=ABSOLUTE * rtol, progress=False, **factors)
        return time.process_time() - begin

    whole(1e-3)  # compiles
    reference = peer.measure(1, *TIGHT[ROADRUNNER]).values
    errors: dict[str, list[float]] = {OWN: [], ROADRUNNER: []}
    costs: dict[str, list[float]] = {}
    for k in range(repeats):
        for rtol in RTOLS:
            for tool in (own, peer):
                found = tool.measure(1, rtol, ABSOLUTE * rtol)
                if k == 0:
                    error = precision.achieved_error(found.values, reference)
                    errors[tool.name].append(float(error[0]))
                for column, seconds in found.cost.items():
                    costs.setdefault(column, []).append(seconds)
            costs.setdefault(WHOLE, []).append(whole(rtol))
    source = {OWN: OWN, OWN_ENGINE: OWN, WHOLE: OWN, ROADRUNNER: ROADRUNNER}
    return {
        column: Curve(
            list(RTOLS),
            errors[source[column]],
            np.reshape(costs[column], (repeats, len(RTOLS))),
        )
        for column in source
    }


def table(found: dict[str, Curve]) -> str:
    """Markdown: libRoadRunner's cost over each of steroidsim's columns at equal achieved error."""
    columns = (OWN, OWN_ENGINE, WHOLE)
    lines = [
        f"| achieved error | {' | '.join(columns)} |",
        "| --- |" + " --- |" * len(columns),
    ]
    for target in TARGETS:
        cells = [
            shown({OWN: found[column], ROADRUNNER: found[ROADRUNNER]}, ROADRUNNER, target)
            for column in columns
        ]
        lines.append(f"| {target:.0e} | {' | '.join(cells)} |")
    note = "CPU time of one call of libRoadRunner over steroidsim's: above 1, steroidsim is faster."
    return "\n".join([*lines, "", note])


if __name__ == "__main__":
    main()
