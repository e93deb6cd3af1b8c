"""Many runs of one system, over threads; each run is computed as if it were alone."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .cache import compiled
from .rosenbrock import integrate
from .system import System, Tolerances
from .tableau import Array, Tableau

CHUNK = 64  # runs handed to a thread at once: small against a batch, large against a call


class Changes(NamedTuple):
    """Scheduled changes of parameters, run after run.

    start : (runs + 1,) where each run's changes begin in the other three.
    time, parameter, value : (changes,) in time order within a run; `parameter` is an index.
    """

    start: NDArray[np.int64]
    time: Array
    parameter: NDArray[np.int64]
    value: Array


class Ends(NamedTuple):
    """How the runs ended: status, time reached, accepted and rejected steps, each (runs,)."""

    status: NDArray[np.int64]
    time: Array
    accepted: NDArray[np.int64]
    rejected: NDArray[np.int64]


def no_changes(runs: int) -> Changes:
    """A schedule in which nothing happens."""
    return Changes(np.zeros(runs + 1, np.int64), np.empty(0), np.empty(0, np.int64), np.empty(0))


@compiled
def _integrate_runs(  # type: ignore[no-untyped-def]
    system,
    method,
    tolerances,
    states,
    parameters,
    times,
    changes,
    selection,
    out,
    ends,
    first,
    last,
):
    for run in range(first, last):
        begin, end = changes.start[run], changes.start[run + 1]
        own = (changes.time[begin:end], changes.parameter[begin:end], changes.value[begin:end])
        status, reached, accepted, rejected = integrate(
            system,
            method,
            tolerances,
            states[run].copy(),
            parameters[run].copy(),
            times,
            own,
            selection,
            out[run],
        )
        ends.status[run] = status
        ends.time[run] = reached
        ends.accepted[run] = accepted
        ends.rejected[run] = rejected


def integrate_batch(
    system: System,
    method: Tableau,
    tolerances: Tolerances,
    states: Array,
    parameters: Array,
    times: Array,
    changes: Changes,
    selection: NDArray[np.int64],
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> tuple[Array, Ends]:
    """Integrate every run from t = 0.

    Parameters
    ----------
    states, parameters
        (runs, n) and (runs, parameters), values at t = 0.
    times
        (times,) increasing, >= 0, in the system's unit of time.
    selection
        (selected,) indices into the system's outputs.
    workers
        Threads; the numbers do not depend on it.
    progress
        Called with the number of runs just finished, from this thread.

    Returns
    -------
    (runs, times, selected) outputs, NaN from where a run failed, and how the runs ended.
    """
    runs = states.shape[0]
    out = np.full((runs, times.size, selection.size), np.nan)
    ends = Ends(
        np.zeros(runs, np.int64), np.zeros(runs), np.zeros(runs, np.int64), np.zeros(runs, np.int64)
    )
    shared = (system, method, tolerances, states, parameters, times, changes, selection, out, ends)
    run_in_chunks(lambda a, b: _integrate_runs(*shared, a, b), runs, workers, progress)
    return out, ends


def run_in_chunks(
    work: Callable[[int, int], None],
    runs: int,
    workers: int,
    progress: Callable[[int], None] | None,
) -> None:
    """Call ``work(first, last)`` over all runs in chunks, on `workers` threads."""
    chunks = [(first, min(first + CHUNK, runs)) for first in range(0, runs, CHUNK)]
    with ThreadPoolExecutor(max(1, workers)) as pool:
        pending = {pool.submit(work, *chunk): chunk for chunk in chunks}
        for future in as_completed(pending):
            future.result()
            if progress is not None:
                first, last = pending[future]
                progress(last - first)
