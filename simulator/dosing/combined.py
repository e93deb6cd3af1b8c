"""The lowest doses of two drugs together: the isobole of a target, and its cheapest pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..conditions.schedules import number_of
from ..errors import ConditionError
from .cells import Array, Cells, Rows, read_cells
from .costs import Best, Priced, cheapest, combination_index, cost_of, references, saving
from .fraction import checked_fractions, dose_of_fraction
from .search import Found, Search, lowest
from .settings import by_drug, checked_number, checked_pair, dose_range, evaluated_at
from .single import PER_DECADE, PRECISION, checked_scan, described, signs, unit_of
from .target import checked_target

if TYPE_CHECKING:
    import xarray as xr

    from ..conditions.factors import Conditions
    from ..simulation.model import Model

POINTS = 9

# Rounds that narrow the cheapest pair down, and doses of the second drug in each: from half a
# decade to 8 % of the dose, where the cost is flat.
ROUNDS, INSIDE = 2, 7


def lowest_doses(
    model: Model,
    drugs: Sequence[str],
    *,
    effect: float | None = None,
    output: str = "viability",
    below: float | None = None,
    above: float | None = None,
    time: float | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    points: int = POINTS,
    weights: Mapping[str, float] | None = None,
    fraction: float | None = None,
    conditions: Conditions | None = None,
    rtol_dose: float = PRECISION,
    per_decade: int = PER_DECADE,
    **factors: Any,
) -> xr.Dataset:
    """The isobole of two drugs, and the pair of doses on it that costs least.

    For each dose of the second drug - 0 and `points` log-spaced ones - the lowest dose of the first
    that reaches the target with it, found as by `lowest_dose`. The cost of a pair (a, b) is

        a / weight of the first + b / weight of the second,

    the weights being doses; by default those with which each drug alone reaches the target, so that
    the cost is the combination index of Loewe additivity along the isobole: below 1 is synergy.

    Parameters
    ----------
    model
        From `simulator.load`.
    drugs
        Two names. The doses of the second are the grid.
    points
        How many doses above 0 the grid has.
    ranges
        Drug -> (low, high), where the folder states none or others are wanted.
    weights
        Drug -> reference dose, of both drugs.
    fraction
        One fraction; every dose is then that which serves it, as of `lowest_dose`.
    effect, output, below, above, time, conditions, rtol_dose, per_decade, **factors
        As of `lowest_dose`.

    Returns
    -------
    xarray.Dataset
        Over the factors and the second drug's doses: `dose` of the first and its `bound`, the
        output reached (with `fraction`: `share`), `status`, and `combination_index` with its bound:
        `<` or `>` where a dose that enters it is itself a bound, as at the top of
        `sim.response.combination_index`; NaN where the target is not reached.
        Over the factors and `drug`: `single`, the dose of each drug alone, with its bound, and
        `best`, the cheapest pair, which may be one drug alone; NaN where no pair reaches the
        target. Over the factors: its `cost` with a bound, and the `saving`, the part of the cost of
        the cheaper drug alone that the pair saves (NaN where neither alone reaches the target).

    Raises
    ------
    ConditionError
        As `lowest_dose`; also for drugs that are the same, and weights of one drug only.
    IntegrationError
        Every run of the first round failed; those of later rounds are marked.
    """
    pair = checked_pair(model, drugs)
    cells = read_cells(model, factors, conditions, pair)
    target = checked_target(model, output, effect, below, above, cells.design.dims)
    at = evaluated_at(model, time)
    given = by_drug(ranges, pair, "ranges")
    limits = {drug: dose_range(model, drug, given[drug], "ranges") for drug in pair}
    precision = checked_number("rtol_dose", rtol_dose, 0, 0.5, "between 0 and 0.5")
    scan = checked_scan(per_decade)
    first, second = (
        Search(drug, *limits[drug], target, at, None, precision, scan) for drug in pair
    )
    fractions = checked_fractions(fraction, conditions)
    if fractions is not None and fractions.size != 1:
        raise ConditionError("fraction of two drugs is one number, not a list.")
    own = checked_weights(weights, pair)
    grid = np.concatenate([[0.0], np.geomspace(second.low, second.high, checked_points(points))])
    grid[-1] = second.high
    search = _Isobole(cells, first, second.drug, None if fractions is None else float(fractions[0]))
    names = [*VARIABLES, target.variable if fractions is None else "share"]
    search.dataset(dict.fromkeys(names, ((), 0)), grid)  # names that clash, before any run
    isobole = search.on(grid)
    alone = search.alone(second)
    prices = references(isobole, alone, own)
    best = _refined(search, isobole, alone, grid, prices)
    return _result(search, isobole, alone, grid, prices, best)


VARIABLES = (
    "dose", "bound", "status", "combination_index", "combination_index_bound",
    "single", "single_bound", "best", "cost", "cost_bound", "saving",
)  # fmt: skip


def checked_points(points: Any) -> int:
    """Doses of the second drug.  Raises ConditionError for anything but a whole number >= 2."""
    if number_of(points) is None or points != int(points) or points < 2:
        raise ConditionError(f"points is a whole number >= 2, not {points!r}.")
    return int(points)


def checked_weights(weights: Any, drugs: tuple[str, str]) -> Array | None:
    """Reference doses of both drugs.  Raises ConditionError for anything else."""
    if weights is None:
        return None
    found = by_drug(weights, drugs, "weights")
    if None in found.values():
        raise ConditionError(f"weights needs a dose of {drugs[0]} and of {drugs[1]}.")
    return np.array(
        [
            checked_number(f"weights of {d}", w, 0, np.inf, "a dose above 0")
            for d, w in found.items()
        ]
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Isobole:
    """Lowest doses of the first drug beside doses of the second.

    fraction : that of the samples which counts; the samples are then the first dimension of the
    design. `places` are conditions beside the samples.
    """

    cells: Cells
    first: Search
    second: str
    fraction: float | None

    @property
    def dims(self) -> tuple[str, ...]:
        return self.cells.design.dims[self.fraction is not None :]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.cells.design.shape[self.fraction is not None :]

    @property
    def samples(self) -> int:
        return 1 if self.fraction is None else self.cells.design.shape[0]

    @property
    def every(self) -> Rows:
        return np.arange(self.cells.design.size // self.samples)

    def on(self, grid: Array) -> Found:
        """The lowest doses at every place with each dose of a grid, (places, doses)."""
        doses = np.tile(grid, (self.every.size, 1))
        return self._lowest(self.first, self.second, self.every, doses, warned=True)

    def at(self, places: Rows, doses: Array) -> Found:
        """The lowest doses at some places, (places, k), with these of the second drug."""
        return self._lowest(self.first, self.second, places, doses, warned=False)

    def alone(self, second: Search) -> Found:
        """The lowest doses of the second drug alone, (places, 1)."""
        none = np.zeros((self.every.size, 1))
        return self._lowest(second, self.first.drug, self.every, none, warned=True)

    def _lowest(
        self, search: Search, other: str, places: Rows, doses: Array, warned: bool
    ) -> Found:
        shape = (self.samples, *doses.shape)
        # row of sample s at place p: s places + p
        rows = np.arange(self.samples)[:, None, None] * self.every.size + places[:, None]
        given = np.broadcast_to(doses, shape).ravel()
        found = lowest(self.cells, search, np.broadcast_to(rows, shape).ravel(), {other: given})
        if warned:  # every place: statuses are in the order of the conditions
            self.cells.warn_of(found.status)
        dose, code = found.dose.reshape(shape), found.code.reshape(shape)
        status, output = found.status.reshape(shape), found.output.reshape(shape)
        if self.fraction is None:
            return Found(dose[0], code[0], output[0], status[0])
        share = dose_of_fraction(dose, code, status, np.array([self.fraction]))
        return Found(
            share.dose[..., 0], share.code[..., 0], share.share[..., 0], share.status[..., 0]
        )

    def dataset(self, variables: Mapping[str, Any], grid: Array) -> xr.Dataset:
        """A result over the places."""
        more = {
            self.second: (self.second, grid, {"units": unit_of(self.cells.model, self.second)}),
            "drug": ("drug", np.array([self.first.drug, self.second])),
        }
        found = self.cells.dataset(variables, more)
        return found if self.fraction is None else found.drop_dims(self.cells.design.dims[0])


def _refined(search: _Isobole, isobole: Found, alone: Found, grid: Array, prices: Priced) -> Best:
    """The cheapest pair of each place: that of the grid, then of finer doses around it."""
    doses = np.tile(grid, (search.every.size, 1))
    best = cheapest(isobole, alone, doses, prices)
    low, high = grid[np.maximum(best.place - 1, 1)], grid[np.minimum(best.place + 1, grid.size - 1)]
    inner = np.flatnonzero(best.place > 0)
    low, high = low[inner], high[inner]
    share = np.arange(INSIDE + 2) / (INSIDE + 1)
    for _ in range(ROUNDS if inner.size else 0):
        doses = low[:, None] * (high / low)[:, None] ** share
        found = search.at(inner, doses[:, 1:-1])
        cost, code = cost_of(found, doses[:, 1:-1], prices.of(inner))
        cost = np.where(np.isnan(cost), np.inf, cost)
        at, rows = cost.argmin(axis=1), np.arange(inner.size)
        better = cost[rows, at] < best.cost[inner]
        which = inner[better]
        best.pair[which, 0] = found.dose[rows, at][better]
        best.pair[which, 1] = doses[rows, at + 1][better]
        best.cost[which], best.code[which] = cost[rows, at][better], code[rows, at][better]
        low, high = doses[rows, at], doses[rows, at + 2]
    return best


def _result(
    search: _Isobole,
    isobole: Found,
    alone: Found,
    grid: Array,
    prices: Priced,
    best: Best,
) -> xr.Dataset:
    model, target, shape = search.cells.model, search.first.target, search.shape
    by_dose, by_drugs = (*search.dims, search.second), (*search.dims, "drug")
    single = np.column_stack([isobole.dose[:, 0], alone.dose[:, 0]])
    single_code = np.column_stack([isobole.code[:, 0], alone.code[:, 0]])
    index, index_code = combination_index(isobole, alone, grid)
    readout = model.readable[target.output]

    def over(dims: tuple[str, ...], values: np.ndarray, **attributes: str) -> tuple[Any, ...]:
        return dims, values.reshape((*shape, *values.shape[1:])), attributes

    units = unit_of(model, search.first.drug)
    reached = "share" if search.fraction is not None else target.variable
    about = (
        {"long_name": "samples that reach the target"}
        if search.fraction is not None
        else {"long_name": readout.name, "units": readout.unit}
    )
    variables = {
        "dose": over(by_dose, isobole.dose, long_name=f"dose of {search.first.drug}", units=units),
        "bound": over(by_dose, signs(isobole.code)),
        reached: over(by_dose, isobole.output, **about),
        "status": over(by_dose, isobole.status.astype(str)),
        "combination_index": over(by_dose, index),
        "combination_index_bound": over(by_dose, signs(index_code)),
        "single": over(by_drugs, single, long_name="dose of each drug alone"),
        "single_bound": over(by_drugs, signs(single_code)),
        "best": over(by_drugs, best.pair, long_name="cheapest pair"),
        "cost": over(search.dims, np.where(np.isinf(best.cost), np.nan, best.cost)),
        "cost_bound": over(search.dims, signs(best.code)),
        "saving": over(search.dims, saving(best, single, single_code, prices)),
    }
    attributes = described(search.cells, search.first)
    attributes |= {"weights": "single doses" if prices.own else prices.dose[0].tolist()}
    if search.fraction is not None:
        attributes |= {"fraction": search.fraction, "samples": search.samples}
    return search.dataset(variables, grid).assign_attrs(attributes)
