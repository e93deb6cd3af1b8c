"""The states in which untreated cells rest, and with which runs begin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..codegen import Kernel
from ..codegen.initial import Levels, at_levels
from ..conditions.resolve import distinct_rows
from ..integrator.status import Status
from ..integrator.steady import settle_batch
from ..integrator.system import Tolerances
from ..integrator.tableau import rodas5p
from .plan import Array, Indices, Plan, blocks, runs_at_once

REMEMBERED = 4096
"""Cells at rest that a model remembers, the latest: notebooks treat the same ones many times."""


class Rest(NamedTuple):
    """Untreated cells at rest.

    states : (cells, n), NaN where there is no steady state.
    status : (cells,) values of Status.
    cell : (runs,) the cell that each run begins with.
    """

    states: Array
    status: NDArray[np.int64]
    cell: Indices


def equilibrate(
    kernel: Kernel,
    plans: Sequence[Plan],
    held: frozenset[str],
    tolerances: Tolerances,
    workers: int,
    deadline: float = math.inf,
) -> Rest:
    """Steady states of the untreated cells of plans, each distinct cell settled once.

    Parameters
    ----------
    held
        Species that stay at their initial values.
    deadline
        Moment of `time.monotonic` at which what is not done ends with TIME_LIMIT.
    """
    differing = _differing(plans)
    cells = [_cells(each, differing) for each in plans]
    groups, first = distinct_rows(np.concatenate([numbers for _, numbers, _ in cells]))
    states = np.empty((first.size, len(kernel.states)))
    status = np.empty(first.size, np.int64)
    size = runs_at_once(workers, states.shape[1] + len(kernel.parameters))
    cell, offset = [], 0
    for each, (levels, numbers, own) in zip(plans, cells, strict=True):
        new = np.flatnonzero((first >= offset) & (first < offset + len(numbers)))
        for block in blocks(new, size):
            here = tuple(level[first[block] - offset] for level in levels)
            untreated = each.untreated.rows(here, block.size)
            before = each.before.rows(here, block.size)
            states[block], status[block] = _settle(
                kernel, held, tolerances, untreated, before, workers, deadline
            )
        cell.append(groups[offset + own])
        offset += len(numbers)
    return Rest(states, status, np.concatenate(cell))


def _differing(plans: Sequence[Plan]) -> list[int]:
    """Parameters in which runs of the plans differ before t = 0."""
    found = {column for each in plans for column in each.before.varying}
    for each in plans[1:]:
        found.update(np.flatnonzero(each.before.base != plans[0].before.base).tolist())
    return sorted(found)


def _cells(work: Plan, columns: Sequence[int]) -> tuple[Levels, Array, Indices]:
    """Untreated cells of a plan, by the axes of the design on which they depend.

    Returns
    -------
    Their levels on each axis, their numbers (cells, columns), and the cell of each run (runs,).
    """
    varying = work.before.varying.values()
    shape = np.broadcast_shapes((1,) * len(work.shape), *(values.shape for values in varying))
    flat = np.zeros(work.runs.size, np.intp)
    for level, length in zip(work.levels(slice(None)), shape, strict=True):
        if length > 1:
            flat = flat * length + level
    used = np.zeros(math.prod(shape), bool)
    used[flat] = True
    chosen = np.flatnonzero(used)
    levels = tuple(np.unravel_index(chosen, shape)) if shape else ()
    numbers = np.empty((chosen.size, len(columns)))
    for i, column in enumerate(columns):
        numbers[:, i] = at_levels(work.before.column(column), levels)
    return levels, numbers, (np.cumsum(used) - 1)[flat]


def _settle(
    kernel: Kernel,
    held: frozenset[str],
    tolerances: Tolerances,
    untreated: Array,
    before: Array,
    workers: int,
    deadline: float,
) -> tuple[Array, NDArray[np.int64]]:
    """Steady states (cells, n) and status (cells,), of cells met before from memory.

    A cell's state is the same to the last bit whatever it is settled with, so nobody can tell.
    """
    memory = kernel.settled.setdefault((held, tolerances), {})
    keys = [
        blake2b(y.tobytes() + p.tobytes(), digest_size=16).digest()
        for y, p in zip(untreated, before, strict=True)
    ]
    # other threads may add to the memory, and drop from it
    remembered = ((key, memory.get(key)) for key in keys)
    found = {key: rested for key, rested in remembered if rested is not None}
    new = [i for i, key in enumerate(keys) if key not in found]
    if new:
        states, ends = settle_batch(
            kernel.system(held=held),
            rodas5p(),
            tolerances,
            untreated[new],
            before[new],
            kernel.conserved(held),
            workers,
            deadline,
        )
        for i, state, status in zip(new, states, ends.status.tolist(), strict=True):
            found[keys[i]] = state.copy(), status
            if status != Status.TIME_LIMIT:
                memory[keys[i]] = found[keys[i]]
        for key in list(memory)[: max(0, len(memory) - REMEMBERED)]:
            memory.pop(key, None)
    rested = [found[key] for key in keys]
    return np.array([state for state, _ in rested]), np.array([status for _, status in rested])
