"""The processes of the tools that fit, as seen from the one that measures; see `fit_worker`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ROOT = Path(__file__).parent.parent
PUBLISHED = ROOT / "tests" / "data" / "petab_benchmarks"
"""A folder for each published problem, named like its yaml file."""
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")


class Failed(Exception):
    """A tool's process ended; the message has the end of what it said."""


def environment(python: str) -> dict[str, str]:
    """One thread, this checkout's modules, and the programs beside that interpreter.

    AMICI compiles a model with the swig of its own environment.
    """
    one_each = {f"{name}_NUM_THREADS": "1" for name in THREADS}
    path = os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", "")])
    modules = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return os.environ | one_each | {"PATH": path, "PYTHONPATH": modules}


def on_one_core() -> None:
    """Keep this process, and those it starts, on one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


class Worker:
    """A tool in a process of its own.

    Attributes
    ----------
    facts
        What it says of itself: ids of the estimated parameters, versions and, of steroidsim,
        nominal values, scales and sizes.
    """

    def __init__(self, tool: str, *arguments: str, python: str = sys.executable) -> None:
        self._errors = Path(arguments[-1]) / "log.txt" if tool == "amici" else None
        self._log = self._errors.open("ab") if self._errors else None
        self._process = subprocess.Popen(  # noqa: S603 - an interpreter the caller names
            [python, "-m", "benchmarks.fit_worker", tool, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment(python),
        )
        self.name = tool
        self.facts = self._answer()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        if self._log:
            self._log.close()

    def measure(
        self, points: Array, rtol: float, atol: float, seconds: float = 0.0
    ) -> tuple[Array, dict[str, float]]:
        """Values (points, 1 + parameters), and CPU seconds per evaluation by column."""
        request = {"points": points.tolist(), "rtol": rtol, "atol": atol, "seconds": seconds}
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        found = self._answer()
        return np.array(found["values"], np.float64), found["cost"]

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()  # it may still be writing its log
            where = f"; see {self._errors}" if self._errors else ""
            raise Failed(f"the process of {self.name} ended{where}")
        found: dict[str, Any] = json.loads(line)
        return found
