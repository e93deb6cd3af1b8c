"""What pairs of doses cost, relative to reference doses, and what is only known as a bound.

A reference dose that the range does not reach enters with its top dose, so that a cost with it is
at most what it says (`<`); one that is below the range enters with its lowest dose (`>`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..response.doses import ABOVE, BELOW, EXACT
from .cells import Array, Rows
from .search import Code, Found


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """Reference doses of both drugs, (places, 2), and their codes.

    own : whether they are the doses of each drug alone, where these are reached.
    """

    dose: Array
    code: Code
    own: bool

    def of(self, places: Rows) -> Priced:
        """Those of some places."""
        return Priced(self.dose[places], self.code[places], self.own)


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The cheapest pair: (places, 2), its cost (inf: none reaches the target) and code.

    place : (places,) the second drug's dose on the grid; 0 or -1 for one drug alone, or none.
    """

    pair: Array
    cost: Array
    code: Code
    place: Rows


def references(isobole: Found, alone: Found, weights: Array | None) -> Priced:
    """The reference doses: those stated, or of each drug alone."""
    single = np.column_stack([isobole.dose[:, 0], alone.dose[:, 0]])
    code = np.column_stack([isobole.code[:, 0], alone.code[:, 0]])
    if weights is None:
        return Priced(single, code, True)
    return Priced(np.broadcast_to(weights, single.shape), np.full(code.shape, EXACT), False)


def cost_of(found: Found, doses: Array, prices: Priced) -> tuple[Array, Code]:
    """Cost and code of pairs, (places, k).

    NaN where a pair misses the target or is beyond it, or where bounds conflict.  doses : of the
    second drug, (places, k).
    """
    first, second = prices.dose[:, :1], prices.dose[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        cost = np.where(found.dose > 0, found.dose / first, 0.0 * found.dose)
        cost = cost + np.where(doses > 0, doses / second, 0.0)
    used = [(found.dose > 0, prices.code[:, :1]), (doses > 0, prices.code[:, 1:])]
    upper = (found.code == BELOW) | np.logical_or(*(some & (c == ABOVE) for some, c in used))
    lower = np.logical_or(*(some & (c == BELOW) for some, c in used))
    code = np.where(upper, BELOW, np.where(lower, ABOVE, EXACT))
    if prices.own:  # the first drug alone costs 1, whatever its dose
        one = (doses == 0) & (found.dose > 0)
        cost, code, lower = np.where(one, 1.0, cost), np.where(one, EXACT, code), lower & ~one
    spare = (found.dose == 0) & (doses > 0)  # less of the second drug would do alone
    none = (found.code == ABOVE) | spare | np.isinf(cost) | (upper & lower)
    return np.where(none, np.nan, cost), np.where(none, EXACT, code)


def combination_index(isobole: Found, alone: Found, grid: Array) -> tuple[Array, Code]:
    """Loewe's sum along the isobole, (places, doses of the second drug), and its code."""
    doses = np.broadcast_to(grid, isobole.dose.shape)
    return cost_of(isobole, doses, references(isobole, alone, None))


def cheapest(isobole: Found, alone: Found, doses: Array, prices: Priced) -> Best:
    """The cheapest of the pairs on the grid and the second drug alone; the least of it in a tie."""
    cost, code = cost_of(isobole, doses, prices)
    cost = np.where(np.isnan(cost), np.inf, cost)
    rows = np.arange(len(cost))
    place = cost.argmin(axis=1)
    pair = np.column_stack([isobole.dose[rows, place], doses[rows, place]])
    best = Best(pair, cost[rows, place], code[rows, place], place)
    with np.errstate(divide="ignore", invalid="ignore"):
        second = 1.0 if prices.own else alone.dose[:, 0] / prices.dose[:, 1]
    reached = (alone.code[:, 0] != ABOVE) & ~np.isnan(alone.dose[:, 0])
    other = np.flatnonzero(reached & (second < best.cost))
    best.pair[other] = np.column_stack([0.0 * other, alone.dose[other, 0]])
    best.cost[other] = np.broadcast_to(second, best.cost.shape)[other]
    best.code[other] = EXACT if prices.own else alone.code[other, 0]
    best.place[other] = -1
    none = np.isinf(best.cost)
    best.pair[none], best.code[none], best.place[none] = np.nan, EXACT, 0
    return best


def saving(best: Best, single: Array, code: Code, prices: Priced) -> Array:
    """Part of the cost of the cheaper drug alone that the best pair saves, (places,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        alone = np.where(prices.own, np.sign(single), single / prices.dose)
        alone = np.where((code == ABOVE) | np.isnan(single), np.inf, alone).min(axis=1)
        saved = 1 - best.cost / alone
    return np.where(np.isfinite(alone) & np.isfinite(best.cost), saved, np.nan)
