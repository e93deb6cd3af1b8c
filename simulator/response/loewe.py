"""Excess over Loewe additivity, by which a drug does not interact with itself."""

from functools import partial

import numpy as np
import xarray as xr

from .doses import ABOVE, BELOW, EXACT, EXCESS_DIRECTION, measured, sorted_by_dose
from .equal_effect import (
    GREATEST_EFFECT,
    LEAST_EFFECT,
    clipped,
    dose_of_effect,
    log_odds,
)

# An additive effect within this of the limit of a drug is not told from that limit.
BESIDE = 1e-6

# Newton's steps for the additive effect; the function is convex, so that they cannot overshoot,
# and their error squares each time: this is twice what is needed.
NEWTON_STEPS = 12


def loewe_excess(da: xr.DataArray, dose_a: str, dose_b: str) -> xr.DataArray:
    """Effect of each pair beyond Loewe additivity, by which a drug does not interact with itself.

    The additive effect E solves a / A(E) + b / B(E) = 1, with A and B as in `combination_index`
    (Loewe 1926, Ergeb Physiol 27:47-187; Berenbaum 1989, Pharmacol Rev 41:93-141). Positive is
    synergy; all effects are clipped to 0.03-0.97. Beyond what one of the drugs reaches alone that
    drug cannot be expressed in doses of the other: the additive effect is then that of the rest,
    which is the least it can be, and the excess an upper bound, `<`.

    Parameters
    ----------
    da, dose_a, dose_b
        As of `combination_index`.

    Returns
    -------
    xarray.DataArray
        A fraction of cells; shapes and missing values as in `f_syn`.

    Raises
    ------
    ConditionError
        As `combination_index`.
    """
    dims = [dose_a, dose_b]
    da = sorted_by_dose(da, dims, "loewe_excess", zero_needed=True)
    return measured(
        partial(_differences, da[dose_a].values, da[dose_b].values),
        da,
        dims,
        kept=dims,
        name="loewe_excess",
        units="dimensionless",
        direction=EXCESS_DIRECTION,
    )


def _differences(
    doses_a: np.ndarray, doses_b: np.ndarray, viability: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Effect of the pairs less the additive one, and the code of its bound.

    viability : (matrices, doses of a, doses of b), both from 0.
    """
    pair = clipped(1.0 - viability[:, 1:, 1:])
    curve_a, curve_b = clipped(1.0 - viability[:, 1:, 0]), clipped(1.0 - viability[:, 0, 1:])
    additive = _additive_effect(doses_a[1:], curve_a, doses_b[1:], curve_b)
    # The additive effect may stop where one drug does: then it is that drug's limit, or more.
    reached_by_both = np.minimum(curve_a.max(axis=-1), curve_b.max(axis=-1))[:, None, None]
    at_limit = np.minimum(additive + BESIDE, GREATEST_EFFECT) > reached_by_both
    beyond = at_limit & (additive < GREATEST_EFFECT - BESIDE)
    missing = np.isnan(viability).any(axis=(-2, -1))[:, None, None]
    difference = np.where(missing, np.nan, pair - additive)
    return difference, np.where(beyond & ~missing, BELOW, EXACT)


def _additive_effect(
    doses_a: np.ndarray, curve_a: np.ndarray, doses_b: np.ndarray, curve_b: np.ndarray
) -> np.ndarray:
    """Greatest E with a / A(E) + b / B(E) >= 1 for every pair: (matrices, doses, doses).

    curve_a, curve_b : clipped effects of each drug alone, (matrices, doses above 0). A higher
    effect takes higher doses, so that the sum falls with E. Between neighbouring effects of the two
    curves, log A and log B are straight lines in log odds: find the last such effect at which the
    sum is still 1, then the point on the straight lines behind it. A sum that jumps from above 1 to
    below it, where a drug reaches its limit or its curve turns down, does so at one of the effects.
    """
    ends = np.broadcast_to([LEAST_EFFECT, GREATEST_EFFECT], (len(curve_a), 2))
    knots = np.sort(np.concatenate([ends, curve_a, curve_b], axis=-1), axis=-1)
    equal_a, behind_a, fall_a = _equal_doses(doses_a, curve_a, knots)
    equal_b, behind_b, fall_b = _equal_doses(doses_b, curve_b, knots)
    rows, columns = doses_a[:, None], doses_b[None, :]
    sums = rows[..., None] / equal_a[:, None, None] + columns[..., None] / equal_b[:, None, None]
    # The last knot where it is 1, of which there is one: each share is, at the least effect.
    last = knots.shape[-1] - 1 - np.argmax((sums >= 1.0)[..., ::-1], axis=-1)

    def at(values: np.ndarray, index: np.ndarray) -> np.ndarray:
        return np.take_along_axis(values[:, None, :], index, axis=-1)

    share_a, share_b = rows / at(behind_a, last), columns / at(behind_b, last)
    along = _where_sum_is_one(share_a, at(fall_a, last), share_b, at(fall_b, last))
    odds = log_odds(knots)
    lower, upper = at(odds, last), at(odds, np.minimum(last + 1, knots.shape[-1] - 1))
    effect: np.ndarray = 1.0 / (1.0 + np.exp(-(lower + along * (upper - lower))))
    return effect


def _equal_doses(
    doses: np.ndarray, curve: np.ndarray, knots: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A at the knots, A just above each, and by what log A rises from there to the next knot.

    An effect that is not reached takes an infinite dose. All (matrices, knots).
    """
    equal, bound = dose_of_effect(doses, curve, knots)
    behind, bound_behind = dose_of_effect(doses, curve, knots, beyond=True)
    rise = np.zeros(knots.shape)
    rise[:, :-1] = np.maximum(np.log(equal[:, 1:] / behind[:, :-1]), 0.0)
    never = bound_behind == ABOVE
    rise[never] = 0.0
    return np.where(bound == ABOVE, np.inf, equal), np.where(never, np.inf, behind), rise


def _where_sum_is_one(
    share_a: np.ndarray, fall_a: np.ndarray, share_b: np.ndarray, fall_b: np.ndarray
) -> np.ndarray:
    """t in 0..1 with share_a exp(-t fall_a) + share_b exp(-t fall_b) = 1, or the nearer end."""
    t = np.zeros(np.broadcast_shapes(share_a.shape, share_b.shape))
    for _ in range(NEWTON_STEPS):
        part_a, part_b = share_a * np.exp(-t * fall_a), share_b * np.exp(-t * fall_b)
        slope = part_a * fall_a + part_b * fall_b
        step = (part_a + part_b - 1.0) / np.where(slope > 0, slope, 1.0)
        t = np.clip(t + np.where(slope > 0, step, 0.0), 0.0, 1.0)
    return t
