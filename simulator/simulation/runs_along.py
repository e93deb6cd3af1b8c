"""Runs with their directions, from one scheduled change to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..integrator.sensitivity import Directed, Prepared, integrate_along
from ..integrator.status import Status
from .options import Array, Options
from .plan import Event, Indices
from .rest_along import Cells


class Ended(NamedTuple):
    """How runs ended, as in `Outcome`: each (runs,)."""

    status: NDArray[np.int64]
    failed_at: Array
    state: Indices


class Followed(NamedTuple):
    """Outputs (runs, times, outputs) of a block, how they move (..., width), and its ends."""

    outputs: Array
    along: Array
    ends: Ended


def follow(
    prepared: Prepared,
    cells: Cells,
    programs: Sequence[Sequence[Event]],
    times: Array,
    options: Options,
) -> Followed:
    """Integrate a block of runs from one scheduled change to the next."""
    runs, width = len(programs), cells.states_along.shape[2]
    count = prepared.system.sizes.outputs
    outputs = np.full((runs, times.size, count), np.nan)
    along = np.full((runs, times.size, count, width), np.nan)
    ends = Ended(np.zeros(runs, np.int64), np.zeros(runs), np.full(runs, -1))
    moments = [[t for t in sorted({e[0] for e in p}) if t <= times[-1]] for p in programs]
    going, begin, change = np.arange(runs), np.zeros(runs), 0
    while going.size:
        until = np.array([m[change] if change < len(m) else np.inf for m in moments])
        asked = (times >= begin[:, None]) & (times < until[:, None])
        which = [np.flatnonzero(asked[run]) for run in going]
        rows = np.cumsum([0, *map(len, which)])
        some = cells.some(going)
        work = Directed(
            *(some.states, some.parameters, some.states_along, some.parameters_along),
            *(begin[going], until[going], some.triggers, rows.astype(np.int64)),
            np.concatenate([times[own] for own in which]),
            *(np.empty((rows[-1], count)), np.empty((rows[-1], count, width))),
        )
        found = integrate_along(prepared, work, options.workers, options.deadline)
        for k, (run, own) in enumerate(zip(going, which, strict=True)):
            outputs[run, own] = work.outputs[rows[k] : rows[k + 1]]
            along[run, own] = work.outputs_along[rows[k] : rows[k + 1]]
        cells.take(going, some)
        failed = found.status != Status.SUCCESS
        ends.status[going], ends.failed_at[going] = found.status, np.where(failed, found.time, 0.0)
        ends.state[going] = np.where(failed, found.state, -1)
        going = going[~failed & np.isfinite(until[going])]
        for run in going:
            for time, parameter, value in programs[run]:
                if time == until[run]:
                    cells.parameters[run, parameter] = value
                    cells.parameters_along[run, parameter] = 0.0
        begin, change = until, change + 1
    return Followed(outputs, along, ends)
