"""Measures of two drugs together: Chou-Talalay, Berenbaum, Bliss, highest single agent.

Effect means 1 - viability. The single-agent curves are the edges of the dose matrix at which the
other drug is 0, and a dose of equal effect is read off them between two neighbouring doses.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import xarray as xr

from .doses import (
    ABOVE,
    BELOW,
    EXACT,
    EXCESS_DIRECTION,
    INDEX_DIRECTION,
    measured,
    sorted_by_dose,
)
from .equal_effect import clipped, equal_effect_sum

# A drug that alone kills more than this leaves a partner nothing to add.
SATURATED_EFFECT = 0.9

# Effects between which the Berenbaum sum is evaluated.
F_SYN_EFFECTS = (0.1, 0.95)

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

    Parameters
    ----------
    da
        Viability as a fraction, with both dose dimensions, each with dose 0.
    dose_a, dose_b
        The dose dimensions.
    noise
        Effects that differ by less are not told apart.

    Returns
    -------
    xarray.DataArray
        Dimensionless, over the other dimensions; NaN where a value of the matrix is missing or all
        pairs are left out.

    Raises
    ------
    ConditionError
        A zero dose is missing, the doses are not usable, or viability is given in percent.
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
        direction=INDEX_DIRECTION,
    )


def f_syn(da: xr.DataArray, dose_a: str, dose_b: str) -> xr.DataArray:
    """Berenbaum's sum for every pair of non-zero doses; below 1 is synergy, above 1 antagonism.

        F_syn(a, b) = a / A(E) + b / B(E),   E the effect of the pair

    (Berenbaum 1989, Pharmacol Rev 41:93-141; used by Kerstjens et al. 2017), with A(E), B(E) as in
    `combination_index`, for pairs with an effect of 0.1-0.95 and NaN for the others. A drug that
    alone does not reach E enters with its top dose and flags that pair as an upper bound, `<`; a
    drug that is beyond E at its lowest dose enters with that dose, a lower bound, `>`.

    Parameters
    ----------
    da, dose_a, dose_b
        As of `combination_index`.

    Returns
    -------
    xarray.DataArray
        Dimensionless, over the other dimensions and both dose dimensions without their zeros; all
        NaN where a value of the matrix is missing.

    Raises
    ------
    ConditionError
        As `combination_index`.
    """
    dims = [dose_a, dose_b]
    da = sorted_by_dose(da, dims, "f_syn", zero_needed=True)
    doses = da[dose_a].values, da[dose_b].values
    return measured(
        partial(berenbaum_sums, *doses),
        da,
        dims,
        kept=dims,
        name="f_syn",
        units="dimensionless",
        direction=INDEX_DIRECTION,
    )


def bliss_excess(da: xr.DataArray, dose_a: str, dose_b: str) -> xr.DataArray:
    """Effect of each pair beyond that of two independent drugs: E_ab - (E_a + E_b - E_a E_b).

    Positive is synergy (Bliss 1939, Ann Appl Biol 26:585-615).

    Parameters
    ----------
    da, dose_a, dose_b
        As of `combination_index`.

    Returns
    -------
    xarray.DataArray
        A fraction of cells, over the other dimensions and both dose dimensions without their zeros.
        NaN where one of the three viabilities is missing.

    Raises
    ------
    ConditionError
        As `combination_index`.
    """
    return _excess(da, dose_a, dose_b, "bliss_excess", lambda a, b: a + b - a * b)


def hsa_excess(da: xr.DataArray, dose_a: str, dose_b: str) -> xr.DataArray:
    """Effect of each pair beyond that of the better drug alone: E_ab - max(E_a, E_b).

    Positive means better than the highest single agent (Berenbaum 1989, Pharmacol Rev 41:93-141).

    Parameters
    ----------
    da, dose_a, dose_b
        As of `combination_index`.

    Returns
    -------
    xarray.DataArray
        Shapes and missing values as in `bliss_excess`.

    Raises
    ------
    ConditionError
        As `combination_index`.
    """
    return _excess(da, dose_a, dose_b, "hsa_excess", np.maximum)


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
        alone_a, alone_b = effect[..., 1:, :1], effect[..., :1, 1:]
        excess = effect[..., 1:, 1:] - expected(alone_a, alone_b)
        return excess, np.full(excess.shape, EXACT)

    return measured(
        over_expectation,
        da,
        dims,
        kept=dims,
        name=name,
        units="dimensionless",
        direction=EXCESS_DIRECTION,
    )


def mean_index(
    doses_a: np.ndarray, doses_b: np.ndarray, viability: np.ndarray, noise: float = NOISE
) -> tuple[np.ndarray, np.ndarray]:
    """Combination index of each matrix, and the code of its bound, both (...).

    viability : (..., doses of a, doses of b), both from 0.
    """
    effect = clipped(1.0 - viability)
    alone_a, alone_b, pair = effect[..., 1:, :1], effect[..., :1, 1:], effect[..., 1:, 1:]
    better = np.maximum(alone_a, alone_b)
    index, bound = equal_effect_sum(doses_a, doses_b, viability, pair)
    additive = pair - better < noise - ROUNDING
    index, bound = np.where(additive, 1.0, index), np.where(additive, EXACT, bound)
    counted = (better <= SATURATED_EFFECT + ROUNDING) & ~_incomplete(viability)
    terms, total = np.where(counted, index, 0.0), np.zeros(index.shape[:-2])
    for i, j in np.ndindex(*index.shape[-2:]):  # in this order, however many matrices there are
        total += terms[..., i, j]
    number = counted.sum(axis=(-2, -1))
    mean = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    upper = (counted & (bound == BELOW)).any(axis=(-2, -1))
    lower = (counted & (bound == ABOVE)).any(axis=(-2, -1))
    return mean, np.where(upper, BELOW, np.where(lower, ABOVE, EXACT))


def berenbaum_sums(
    doses_a: np.ndarray, doses_b: np.ndarray, viability: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """F_syn of each matrix and the codes of the bounds, (..., doses of a above 0, of b above 0).

    viability : (..., doses of a, doses of b), both from 0.
    """
    pair = 1.0 - viability[..., 1:, 1:]
    total, bound = equal_effect_sum(doses_a, doses_b, viability, pair)
    low, high = F_SYN_EFFECTS
    inside = (pair >= low - ROUNDING) & (pair <= high + ROUNDING) & ~_incomplete(viability)
    return np.where(inside, total, np.nan), np.where(inside, bound, EXACT)


def _incomplete(viability: np.ndarray) -> np.ndarray:
    """Whether a value is missing, (..., 1, 1)."""
    missing: np.ndarray = np.isnan(viability).any(axis=(-2, -1), keepdims=True)
    return missing
