"""What is to be integrated, and how it ended: arrays of runs."""

from typing import NamedTuple

import numpy as np

from .system import Array, Indices


class Changes(NamedTuple):
    """Scheduled changes of parameters, run after run.

    start : (runs + 1,) where each run's changes begin in the other three.
    time, parameter, value : (changes,) in time order within a run; `parameter` is an index.
    """

    start: Indices
    time: Array
    parameter: Indices
    value: Array


class Ends(NamedTuple):
    """How the runs ended, each (runs,).

    status, time reached, accepted and rejected steps; `state` is the index of the state that held
    a failed run up (its error was largest, or its rate no number), -1 where none did.
    """

    status: Indices
    time: Array
    accepted: Indices
    rejected: Indices
    state: Indices


class Work(NamedTuple):
    """What compiled code integrates: see `batch.integrate_batch`.

    order : (any,) the runs that are to be integrated, from the times in `Ends` on.
    step, recorded : (runs,) the first step to attempt, 0 where it is to be chosen, and how many of
        the times are recorded already.
    out : as in `reporting.write_pending`.
    leave : whether runs are left to another method where that suits them better; `states`, `step`
        and `recorded` then become those to go on with.
    """

    states: Array
    parameters: Array
    order: Indices
    step: Array
    recorded: Indices
    times: Array
    changes: Changes
    out: tuple[Array, int, int]
    rows: Indices
    leave: bool


def no_changes(runs: int) -> Changes:
    """A schedule in which nothing happens."""
    return Changes(np.zeros(runs + 1, np.int64), np.empty(0), np.empty(0, np.int64), np.empty(0))


def no_ends(runs: int) -> Ends:
    """Ends still to be filled in."""
    counts = [np.zeros(runs, np.int64) for _ in range(3)]
    return Ends(counts[0], np.zeros(runs), counts[1], counts[2], np.full(runs, -1, np.int64))
