"""Every benchmark, one after the other: ``python -m benchmarks [--quick]``.

Fills the tables of README.md when the results go to their usual place. A part that fails is
reported and costs the others nothing; batches that were measured before are not measured again.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from . import batches, machine
from .readme import fill

PARTS = (
    *("batches", "single_run", "two_cores", "memory", "start_up", "sweep", "sweep_scale"),
    *("fit_speed", "multistart", "recovery"),
)
"""Modules of this package, each with a `main` that takes a list of arguments."""


def main() -> int:
    """Run what is asked for; the exit status is the number of parts that failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split(":")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="fewer runs, repeats and tolerances")
    parser.add_argument("--out", type=Path, default=batches.RESULTS)
    parser.add_argument("--models-folder", type=Path, help="further problems for batches")
    parser.add_argument("--amici-python", help="Python that has AMICI, for fit_speed")
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
        if name == "fit_speed" and asked.amici_python is not None:
            further = ["--amici-python", asked.amici_python]
        try:
            with same_cores():
                import_module(f".{name}", __package__).main(options + further)
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


@contextmanager
def same_cores() -> Iterator[None]:
    """Give this process the cores back that a part has left it without."""
    known = hasattr(os, "sched_setaffinity")
    cores = os.sched_getaffinity(0) if known else set()
    try:
        yield
    finally:
        if known:
            os.sched_setaffinity(0, cores)


if __name__ == "__main__":
    sys.exit(main())
