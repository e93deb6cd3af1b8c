"""Achieved error, and the cost at equal achieved error."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

OF_OWN_MAXIMUM = 1e-4
OF_LARGEST = 1e-8


class Cost(NamedTuple):
    """Cost at a target error, and what is known of it.

    bound : "" interpolated between two points; "<=" every point is more precise than the target,
        so this, the cheapest, costs at least as much as needed; ">=" no point reaches the target,
        and this is the most precise one.
    """

    value: float
    bound: str


def achieved_error(values: Array, reference: Array) -> Array:
    """(runs,) error of each run: the largest over times and species of |y - r| / scale.

    The scale is |r| + 1e-4 max_t |r_species| + 1e-8 max |r| within the run: relative to the value,
    but a species that has all but vanished is measured against what it once was.

    Parameters
    ----------
    values, reference
        (runs, times, species). A run with a NaN, where it failed, has the error inf.
    """
    size = np.abs(reference)
    scale = (
        size
        + OF_OWN_MAXIMUM * size.max(axis=1, keepdims=True)
        + OF_LARGEST * size.max(axis=(1, 2), keepdims=True)
    )
    difference = np.abs(values - reference)
    # A species that is 0 throughout a run in which everything is 0 has no scale: 0/0 is no error.
    ratio = np.divide(difference, scale, out=np.zeros_like(difference), where=scale > 0)
    ratio = np.where((scale == 0) & (difference > 0), np.inf, ratio)
    error = ratio.max(axis=(1, 2))
    return np.where(np.isnan(error), np.inf, error)


def front(errors: Sequence[float], costs: Sequence[float]) -> tuple[Array, Array]:
    """The points that no other beats in both error and cost, from imprecise to precise."""
    error, cost = np.asarray(errors, float), np.asarray(costs, float)
    usable = np.isfinite(error) & (error > 0) & np.isfinite(cost) & (cost > 0)
    error, cost = error[usable], cost[usable]
    order = np.lexsort((cost, error))  # most precise first
    kept: list[int] = []
    cheapest = np.inf
    for i in order:
        if cost[i] < cheapest:
            kept.append(i)
            cheapest = cost[i]
    return error[kept][::-1], cost[kept][::-1]


def cost_at(target: float, errors: Sequence[float], costs: Sequence[float]) -> Cost:
    """Cost at an achieved error, interpolated in log error and log cost; never extrapolated."""
    error, cost = front(errors, costs)
    if not error.size:
        return Cost(np.nan, "")
    if target > error[0]:
        # Looser points may exist and be no cheaper: then the cheapest is known, not bounded.
        looser = np.asarray(errors, float)
        known = bool((np.isfinite(looser) & (looser >= target)).any())
        return Cost(float(cost[0]), "" if known else "<=")
    if target < error[-1]:
        return Cost(float(cost[-1]), ">=")
    position = np.interp(-np.log(target), -np.log(error), np.log(cost))
    return Cost(float(np.exp(position)), "")


def ratio(peer: Cost, own: Cost) -> Cost:
    """How many times as much a peer costs, with what the bounds of both say of the ratio."""
    flipped = {"": "", "<=": ">=", ">=": "<="}[own.bound]
    bounds = {peer.bound, flipped} - {""}
    bound = "~" if len(bounds) == 2 else (bounds.pop() if bounds else "")
    return Cost(peer.value / own.value, bound)
