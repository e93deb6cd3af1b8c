"""Measures of two drugs together: Chou-Talalay, Berenbaum, Bliss, Loewe, highest single agent.

Effect means 1 - viability. The single-agent curves are the edges of the dose matrix at which the
other drug is 0, and a dose of equal effect is read off them between two neighbouring doses.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import xarray as xr

from .doses import ABOVE, BELOW, EXACT, measured, sorted_by_dose

# Effects outside these limits cannot be told from 0 and 1 in an assay, and on the median-effect
# line they go to infinity.
LEAST_EFFECT, GREATEST_EFFECT = 0.03, 0.97

# A drug that alone kills more than this leaves a partner nothing to add.
SATURATED_EFFECT = 0.9

# Effects between which the Berenbaum sum is evaluated.
F_SYN_EFFECTS = (0.1, 0.95)

# Halvings of the interval in which the Loewe additive effect lies: to 1e-12.
BISECTIONS = 40

# A pair that adds less than this to the better single drug counts as additive.
NOISE = 0.05

# 1 - viability is exact to this, so that a value on a limit falls on the stated side of it.
ROUNDING = 1e-12


def combination_index(
    da: xr.DataArray, dose_a: str, dose_b: str, noise: float = NOISE
) -> xr.DataArray:
    """Chou-Talalay combination index, the mean over the pairs of non-zero doses.

        CI(a, b) = a / A(E) + b / B(E),   E the effect of the pair,

    where A(E) and B(E) are the doses at which each drug alone has that effect; < 1 is synergy,
    1 additivity (Chou & Talalay 1984, Adv Enzyme Regul 22:27-55, doi 10.1016/0065-2571(84)90007-4).
    All effects are clipped to 0.03-0.97. A and B are read off the median-effect line, log(E/(1-E))
    against log dose, between neighbouring doses; the lowest dose that reaches E counts. A drug that
    alone does not reach E within its doses enters with its top dose, and the result is then an
    upper bound, `<`. Pairs of which one drug alone has an effect above 0.9 are left out; pairs that
    add less than `noise` to the better single drug count as 1.

    da : viability as a fraction, with both dose dimensions, each with dose 0. Dimensionless result
    over the other dimensions; NaN where a value of the matrix is missing or all pairs are left out.

    Raises ConditionError if a zero dose is missing, the doses are not usable, or viability is given
    in percent.
    """
    dims = [dose_a, dose_b]
    da = sorted_by_dose(da, dims, "combination_index", zero_needed=True)
    doses = da[dose_a].values, da[dose_b].values
    return measured(
        partial(mean_index, *doses, noise=noise),
        da,
        dims,
        name="combination_index",
        units="dimensionless",
    )


def f_syn(da: xr.DataArray, dose_a: str, dose_b: str) -> xr.DataArray:
    """Berenbaum's sum for every pair of non-zero doses; below 1 is synergy, above 1 antagonism.

        F_syn(a, b) = a / A(E) + b / B(E),   E the effect of the pair

    (Berenbaum 1989, Pharmacol Rev 41:93-141; used by Kerstjens et al. 2017), with A(E), B(E) as in
    `combination_index`, for pairs with an effect of 0.1-0.95 and NaN for the others. A drug that
    alone does not reach E enters with its top dose and flags that pair as an upper bound, `<`; a
    drug that is beyond E at its lowest dose enters with that dose, a lower bound, `>`.

    da : viability as a fraction, with both dose dimensions, each with dose 0. Dimensionless result
    over the other dimensions and both dose dimensions without their zeros; all NaN where a value of
    the matrix is missing.

    Raises ConditionError as `combination_index`.
    """
    dims = [dose_a, dose_b]
    da = sorted_by_dose(da, dims, "f_syn", zero_needed=True)
    doses = da[dose_a].values, da[dose_b].values
    return measured(
        partial(berenbaum_sums, *doses), da, dims, kept=dims, name="f_syn", units="dimensionless"
    )


def bliss_excess(da: xr.DataArray, dose_a: str, dose_b: str) -> xr.DataArray:
    """Effect of each pair beyond that of two independent drugs: E_ab - (E_a + E_b - E_a E_b).

    Positive is synergy (Bliss 1939, Ann Appl Biol 26:585-615). A fraction of cells, over the other
    dimensions and both dose dimensions without their zeros. NaN where one of the three viabilities
    is missing. Raises ConditionError as `combination_index`.
    """
    return _excess(da, dose_a, dose_b, "bliss_excess", lambda a, b: a + b - a * b)


def hsa_excess(da: xr.DataArray, dose_a: str, dose_b: str) -> xr.DataArray:
    """Effect of each pair beyond that of the better drug alone: E_ab - max(E_a, E_b).

    Positive means better than the highest single agent (Berenbaum 1989, Pharmacol Rev 41:93-141).
    Shapes, missing values and errors as in `bliss_excess`.
    """
    return _excess(da, dose_a, dose_b, "hsa_excess", np.maximum)


def loewe_excess(da: xr.DataArray, dose_a: str, dose_b: str) -> xr.DataArray:
    """Effect of each pair beyond Loewe additivity, by which a drug does not interact with itself.

    The additive effect E solves a / A(E) + b / B(E) = 1, with A and B as in `combination_index`
    (Loewe 1926, Ergeb Physiol 27:47-187; Berenbaum 1989, Pharmacol Rev 41:93-141). Positive is
    synergy; all effects are clipped to 0.03-0.97. Beyond what one of the drugs reaches alone that
    drug cannot be expressed in doses of the other: the additive effect is then that of the rest,
    which is the least it can be, and the excess an upper bound, `<`.

    Shapes, missing values and errors as in `f_syn`.
    """
    dims = [dose_a, dose_b]
    da = sorted_by_dose(da, dims, "loewe_excess", zero_needed=True)
    doses = da[dose_a].values, da[dose_b].values
    return measured(
        partial(_loewe_differences, *doses),
        da,
        dims,
        kept=dims,
        name="loewe_excess",
        units="dimensionless",
    )


def _excess(
    da: xr.DataArray,
    dose_a: str,
    dose_b: str,
    name: str,
    expected: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> xr.DataArray:
    dims = [dose_a, dose_b]
    da = sorted_by_dose(da, dims, name, zero_needed=True, fewest=1)

    def over_expectation(viability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # Doses rise from 0, so that row 0 and column 0 are the single agents.
        effect = 1.0 - viability
        excess = effect[1:, 1:] - expected(effect[1:, :1], effect[:1, 1:])
        return excess, np.full(excess.shape, EXACT)

    return measured(over_expectation, da, dims, kept=dims, name=name, units="dimensionless")


def mean_index(
    doses_a: np.ndarray, doses_b: np.ndarray, viability: np.ndarray, noise: float = NOISE
) -> tuple[float, int]:
    """Combination index of one matrix. viability : (doses of a, doses of b), both from 0."""
    if np.isnan(viability).any():
        return np.nan, EXACT
    effect = _clipped(1.0 - viability)
    alone_a, alone_b, pair = effect[1:, :1], effect[:1, 1:], effect[1:, 1:]
    better = np.maximum(alone_a, alone_b)
    index, bound = _equal_effect_sum(doses_a, doses_b, viability, pair)
    additive = pair - better < noise - ROUNDING
    index[additive], bound[additive] = 1.0, EXACT
    counted = better <= SATURATED_EFFECT + ROUNDING
    if not counted.any():
        return np.nan, EXACT
    bound = bound[counted]
    flag = BELOW if BELOW in bound else ABOVE if ABOVE in bound else EXACT
    return float(index[counted].mean()), flag


def berenbaum_sums(
    doses_a: np.ndarray, doses_b: np.ndarray, viability: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """F_syn of one matrix, shape (doses of a above 0, doses of b above 0)."""
    pair = 1.0 - viability[1:, 1:]
    if np.isnan(viability).any():
        return np.full(pair.shape, np.nan), np.full(pair.shape, EXACT)
    total, bound = _equal_effect_sum(doses_a, doses_b, viability, pair)
    low, high = F_SYN_EFFECTS
    outside = (pair < low - ROUNDING) | (pair > high + ROUNDING)
    total[outside], bound[outside] = np.nan, EXACT
    return total, bound


def _loewe_differences(
    doses_a: np.ndarray, doses_b: np.ndarray, viability: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Effect of the pairs less the additive one, shape (doses of a above 0, doses of b above 0)."""
    pair = _clipped(1.0 - viability[1:, 1:])
    if np.isnan(viability).any():
        return np.full(pair.shape, np.nan), np.full(pair.shape, EXACT)
    curve_a, curve_b = 1.0 - viability[1:, 0], 1.0 - viability[0, 1:]

    def shares(effect: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The sum, unreachable doses counted as infinite, and where one of them is."""
        equal_a, bound_a = _dose_of_effect(doses_a[1:], curve_a, effect)
        equal_b, bound_b = _dose_of_effect(doses_b[1:], curve_b, effect)
        share_a = np.where(bound_a == ABOVE, 0.0, doses_a[1:, None] / equal_a)
        share_b = np.where(bound_b == ABOVE, 0.0, doses_b[None, 1:] / equal_b)
        return share_a + share_b, (bound_a == ABOVE) | (bound_b == ABOVE)

    # A higher effect takes higher doses, so that the sum falls with E: halve the interval.
    low, high = np.full(pair.shape, LEAST_EFFECT), np.full(pair.shape, GREATEST_EFFECT)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        enough = shares(middle)[0] >= 1.0
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    # The additive effect may stop where one drug does: then it is that drug's limit, or more.
    beyond = shares(np.minimum(high + 1e-6, GREATEST_EFFECT))[1] & (high < GREATEST_EFFECT - 1e-6)
    return pair - high, np.where(beyond, BELOW, EXACT)


def _equal_effect_sum(
    doses_a: np.ndarray, doses_b: np.ndarray, viability: np.ndarray, effect: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The sum a / A(E) + b / B(E) and its bound. effect : the pairs' E, (a above 0, b above 0).

    An upper bound outweighs a lower one: reaching the top dose is what happens in practice, being
    beyond E at the lowest dose needs a pair that is weaker than one of its drugs.
    """
    equal_a, bound_a = _dose_of_effect(doses_a[1:], 1.0 - viability[1:, 0], effect)
    equal_b, bound_b = _dose_of_effect(doses_b[1:], 1.0 - viability[0, 1:], effect)
    total = doses_a[1:, None] / equal_a + doses_b[None, 1:] / equal_b
    too_low = (bound_a == ABOVE) | (bound_b == ABOVE)
    too_high = (bound_a == BELOW) | (bound_b == BELOW)
    return total, np.where(too_low, BELOW, np.where(too_high, ABOVE, EXACT))


def _dose_of_effect(
    doses: np.ndarray, curve: np.ndarray, effect: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lowest dose at which a single agent has each effect, and the bound on that dose.

    doses, curve : (doses,) above 0 and their effects; effect : any shape.
    """
    curve = _clipped(curve)
    wanted = _clipped(effect)[..., None]
    reached = curve >= wanted
    first = np.argmax(reached, axis=-1)
    before = np.maximum(first - 1, 0)
    rise = _log_odds(curve[first]) - _log_odds(curve[before])
    share = (_log_odds(wanted[..., 0]) - _log_odds(curve[before])) / np.where(rise > 0, rise, 1.0)
    between = doses[before] * (doses[first] / doses[before]) ** share
    at_lowest = first == 0
    unreachable = ~reached.any(axis=-1)
    dose = np.where(unreachable, doses[-1], np.where(at_lowest, doses[0], between))
    beyond = at_lowest & (curve[0] > wanted[..., 0])
    return dose, np.where(unreachable, ABOVE, np.where(beyond, BELOW, EXACT))


def _clipped(effect: np.ndarray) -> np.ndarray:
    clipped: np.ndarray = np.clip(effect, LEAST_EFFECT, GREATEST_EFFECT)
    return clipped


def _log_odds(effect: np.ndarray) -> np.ndarray:
    """log(E / (1 - E)), linear in log dose for a Hill curve to full effect."""
    odds: np.ndarray = np.log(effect / (1.0 - effect))
    return odds
