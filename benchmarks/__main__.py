"""Every benchmark, one after the other: ``python -m benchmarks [--quick]``.

Fills the tables of README.md when the results go to their usual place. A part that fails is
reported and costs the others nothing; batches that were measured before are not measured again.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from . import batches, machine, memory, single_run, start_up, two_cores
from .readme import fill

PARTS: dict[str, Callable[[list[str]], None]] = {
    "batches": batches.main,
    "single_run": single_run.main,
    "two_cores": two_cores.main,
    "memory": memory.main,
    "start_up": start_up.main,
}


def main() -> int:
    """Run what is asked for; the exit status is the number of parts that failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split(":")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="fewer runs, repeats and tolerances")
    parser.add_argument("--out", type=Path, default=batches.RESULTS)
    parser.add_argument("--models-folder", type=Path, help="further problems for batches")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    options = ["--out", str(asked.out)] + ["--quick"] * asked.quick
    asked.out.mkdir(parents=True, exist_ok=True)
    failed, loads = 0, [machine.load()]
    for name in asked.parts or PARTS:
        begin = time.monotonic()
        print(f"== {name}", flush=True)
        further: list[str] = []
        if name == "batches" and asked.models_folder is not None:
            further = ["--models", "all", "--models-folder", str(asked.models_folder)]
        try:
            PARTS[name](options + further)
        except Exception as failure:  # the other parts are still worth having
            failed += 1
            print(f"{name} failed: {type(failure).__name__}: {failure}", file=sys.stderr)
        print(f"== {name}: {time.monotonic() - begin:.0f} s", flush=True)
        loads.append(machine.load())
    text = f"{machine.sentence()}.\n\n{machine.busy(loads)}\n"
    (asked.out / "machine.md").write_text(text, encoding="utf-8")
    if asked.out == batches.RESULTS:
        fill(asked.out)
    return failed


if __name__ == "__main__":
    sys.exit(main())
