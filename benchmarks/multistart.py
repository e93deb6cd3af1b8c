"""How often a start finds the published optimum, with hops and by a single descent.

    python -m benchmarks.multistart --starts 100 --jobs 2

Every estimated parameter is drawn from between its bounds. A call that was interrupted goes on
where it was; the numbers depend on the seed alone.
"""

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from simulator.fit import Problem
from simulator.fit.optimise import HOPS
from simulator.plot import COLOURS
from simulator.plot.waterfall import SAME

from .batches import RESULTS
from .fit_tools import PUBLISHED, ROOT
from .readme import README, filled

Array = NDArray[np.float64]

KEPT = ROOT / "build" / "benchmarks" / "multistart"
FIGURE = ROOT / "docs" / "figures" / "multistart.svg"
PROBLEMS = {
    "Boehm": "Boehm_JProteomeRes2014",
    "Fiedler": "Fiedler_BMCSystBiol2016",
    "Raia": "Raia_CancerResearch2011",
    "Brannmark": "Brannmark_JBC2010",
    "Crauste": "Crauste_CellSystems2017",
}
RTOL, ATOL = 1e-6, 1e-10
SHOWN = 0.08, 2e3
"""Ends of the vertical axis of the figure."""


class Starts(NamedTuple):
    """What the starts of a problem found, best first, and the evaluations of each."""

    objectives: Array
    evaluations: Array

    def share(self, below: float) -> float:
        """The share of starts that end at or below an objective, but for `SAME`."""
        return float(np.mean(self.objectives <= below + SAME))


class Found(NamedTuple):
    """A problem: estimated parameters, objective at the published optimum, hops -> starts."""

    free: int
    published: float
    by_hops: Mapping[int, Starts]

    @property
    def best(self) -> float:
        """The lowest objective that any start found."""
        return min(float(starts.objectives[0]) for starts in self.by_hops.values())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the starts and write table, figure and CSV file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS))
    parser.add_argument("--starts", type=int, help="of each problem; default: 100")
    parser.add_argument("--quick", action="store_true", help="10 starts of each problem")
    parser.add_argument("--hops", type=int, nargs="+", default=[0, HOPS])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    if unknown := set(asked.problems) - set(PROBLEMS):
        parser.error(f"no problem {', '.join(sorted(unknown))}; there are {', '.join(PROBLEMS)}")
    asked.out.mkdir(parents=True, exist_ok=True)
    count = asked.starts or (10 if asked.quick else 100)
    found = {
        name: searched(name, count, asked.hops, asked.seed, asked.jobs) for name in asked.problems
    }
    print(write(asked.out, found))


def searched(name: str, count: int, hops: Sequence[int], seed: int, jobs: int) -> Found:
    """Start one problem so often, with each number of hops."""
    path = PUBLISHED / PROBLEMS[name] / f"{PROBLEMS[name]}.yaml"
    problem = Problem(path, rtol=RTOL, atol=ATOL)
    by_hops = {}
    for number in hops:
        file = KEPT / f"{name}_{number}_{seed}.h5"
        result = problem.optimize(count, seed=seed, jobs=jobs, hops=number, out=file)
        ends = [start for start in result.optimize_result.list if int(start.id) < count]
        by_hops[number] = Starts(
            np.array([start.fval for start in ends], np.float64),
            np.array([start.n_grad for start in ends], np.float64),
        )
        best = by_hops[number].objectives[0]
        print(f"  {name}, {number} hops: best {best:.3f}", file=sys.stderr, flush=True)
    return Found(len(problem.free), -problem.log_likelihood(), by_hops)


def write(out: Path, found: Mapping[str, Found]) -> str:
    """Write multistart.csv, multistart.md and, for the published results, figure and README."""
    with (out / "multistart.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("problem", "hops", "rank", "objective", "evaluations"))
        for name, each in found.items():
            for hops, starts in each.by_hops.items():
                for rank, (objective, evaluations) in enumerate(zip(*starts, strict=True)):
                    writer.writerow((name, hops, rank, f"{objective:.4f}", f"{evaluations:.0f}"))
    text = table(found)
    (out / "multistart.md").write_text(text + "\n", encoding="utf-8")
    published = out == RESULTS
    figure = FIGURE if published else out / FIGURE.name
    drawn(found).savefig(figure, metadata={"Date": None})
    if published:
        README.write_text(filled(README.read_text("utf-8"), {"multistart": text}), encoding="utf-8")
    return text


def table(found: Mapping[str, Found]) -> str:
    """Markdown: one line for each problem and number of hops."""
    head = "problem|free|published|best found|hops|at the published|at the best|gradients a start"
    lines = ["| " + " | ".join(head.split("|")) + " |", "| --- " * 8 + "|"]
    for name, each in found.items():
        for hops, starts in each.by_hops.items():
            cells = (
                name,
                str(each.free),
                f"{each.published:.2f}",
                f"{each.best:.2f}",
                str(hops),
                f"{starts.share(each.published):.0%}",
                f"{starts.share(each.best):.0%}",
                f"{np.median(starts.evaluations):.0f}",
            )
            lines.append("| " + " | ".join(cells) + " |")
    counts = {name: len(next(iter(each.by_hops.values()))[0]) for name, each in found.items()}
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    return "\n".join([*lines, "", f"Starts: {told}."])


def drawn(found: Mapping[str, Found]) -> Figure:
    """A waterfall for each problem: how far above the best each start ended, in order."""
    figure = Figure(figsize=(2.4 * len(found), 2.6), layout="constrained")
    for ax, (name, each) in zip(
        np.atleast_1d(figure.subplots(1, len(found), sharey=True)), found.items(), strict=True
    ):
        for colour, (hops, starts) in zip(COLOURS[1:], each.by_hops.items(), strict=False):
            above = np.where(np.isfinite(starts.objectives), starts.objectives - each.best, np.nan)
            ranks = 100.0 * (np.arange(len(above)) + 1) / len(above)
            ax.plot(ranks, SAME + above, color=colour, label=_told(hops), drawstyle="steps")
        ax.axhline(2 * SAME, color="#7f7f7f", linewidth=0.8, linestyle=":")
        ax.set(title=name, yscale="log", ylim=SHOWN, xlabel="starts, % (best first)")
        ax.spines[["top", "right"]].set_visible(False)
    first = figure.axes[0]
    first.set_ylabel(f"objective above the best, + {SAME}")
    first.legend(frameon=False, fontsize="small")
    return figure


def _told(hops: int) -> str:
    return f"{hops} hops" if hops else "one descent"


if __name__ == "__main__":
    main()
