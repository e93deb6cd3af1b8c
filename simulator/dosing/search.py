"""The lowest dose that reaches a target, in all conditions at once.

Doses are scanned on a logarithmic grid, and the first crossing of each condition is narrowed down
by grids again. So a response need not be monotone; a bump narrower than the grid can be missed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..response.doses import ABOVE, BELOW, EXACT
from .cells import SUCCESS, Array, Cells, Rows, Text, Window, scheduled
from .target import Target

Code = NDArray[np.int64]

# Calls of the model that narrow an interval of the scan down: with three, a call has some ten doses
# of each condition, enough for the vehicles in it to cost little.
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Search:
    """What to search: a drug within doses, read at a time.

    precision : the dose below that misses the target is within this of the one found, relatively.
    per_decade : doses of the scan.
    """

    drug: str
    low: float
    high: float
    target: Target
    time: float
    window: Window | None
    precision: float
    per_decade: int

    @property
    def grid(self) -> Array:
        """Doses of the scan, the first 0."""
        points = 1 + math.ceil(self.per_decade * math.log10(self.high / self.low) - 1e-9)
        inside = np.geomspace(self.low, self.high, max(points, 2))
        # to the last digit what was asked for
        return np.concatenate([[0.0, self.low], inside[1:-1], [self.high]])


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Lowest doses, one per row.

    dose : NaN where a run failed that may have reached the target before any other.
    code : whether the dose is exact or a bound.  output : what it reaches.  status : how the runs
    that decide ended.
    """

    dose: Array
    code: Code
    output: Array
    status: Text


def lowest(cells: Cells, search: Search, rows: Rows, others: Mapping[str, Array]) -> Found:
    """The lowest doses of some rows.  others : dose of each further drug, (rows,)."""
    grid = search.grid
    doses = np.broadcast_to(grid, (rows.size, grid.size))
    values, status = _simulated(cells, search, rows, others, doses)
    at, dose, output, ended = _first(search.target, doses, values, status)
    missed = at < 0
    dose[missed], output[missed] = search.high, values[missed, -1]
    code = np.where(missed, ABOVE, np.where((at == 1) & ~np.isnan(dose), BELOW, EXACT))
    inside = np.flatnonzero((at > 1) & ~np.isnan(dose))
    below, above = grid[at[inside] - 1], grid[at[inside]]
    for _ in range(ROUNDS):
        if not inside.size:
            break
        some = {drug: given[inside] for drug, given in others.items()}
        doses = _between(below, above, _steps(grid, search.precision))
        values, status = _simulated(cells, search, rows[inside], some, doses[:, :-1])
        # the last dose reached the target before
        values = np.column_stack([values, output[inside]])
        status = np.column_stack([status, ended[inside]])
        at, above, output[inside], ended[inside] = _first(search.target, doses, values, status)
        dose[inside] = above
        below = np.where(at > 0, doses[np.arange(at.size), at - 1], below)
        known = ~np.isnan(above)
        inside, below, above = inside[known], below[known], above[known]
    return Found(dose, code, output, ended)


def _simulated(
    cells: Cells, search: Search, rows: Rows, others: Mapping[str, Array], doses: Array
) -> tuple[Array, Text]:
    """The output (rows, doses) at the time of the search, and how the runs ended."""
    given: dict[str, NDArray[Any]] = {search.drug: scheduled(doses, search.window)}
    for drug, each in others.items():
        given[drug] = np.broadcast_to(each[:, None], doses.shape)
    values, status = cells.outputs(rows, given, search.target.output, [search.time])
    return values[:, :, -1], status


def _first(
    target: Target, doses: Array, values: Array, status: Text
) -> tuple[Rows, Array, Array, Text]:
    """The first dose of each row that reaches the target: its place, dose, output and status.

    The place is -1 where none does.  A run that failed, or a missing value, ends the search of its
    row: the dose is NaN, for the target may be reached there.
    """
    failed = (status != SUCCESS) | np.isnan(values)
    stop = target.reached(values) | failed
    at = np.where(stop.any(axis=1), stop.argmax(axis=1), -1)
    rows = np.arange(at.size)
    hit = (at >= 0) & ~failed[rows, at]
    dose = np.where(hit, doses[rows, at], np.nan)
    output = np.where(hit, values[rows, at], np.nan)
    ended = np.where((at >= 0) & ~hit, status[rows, at], SUCCESS)
    return at, dose, output, ended.astype(object)


def _steps(grid: Array, precision: float) -> int:
    """Parts of an interval in each round, so that the last ones are within the precision."""
    widest = float(np.log(grid[2:] / grid[1:-1]).max())
    parts = math.pow(widest / math.log1p(precision), 1 / ROUNDS)
    return max(2, math.ceil(parts))


def _between(below: Array, above: Array, steps: int) -> Array:
    """Doses (rows, steps) that divide the intervals evenly in log dose; the last is `above`."""
    share = np.arange(1, steps + 1) / steps
    doses = below[:, None] * (above / below)[:, None] ** share
    doses[:, -1] = above
    return doses
