"""Measures of one drug's dose-response: inhibitory concentrations and EC50."""

from functools import partial

import numpy as np
import xarray as xr

from ..errors import ConditionError
from .doses import (
    ABOVE,
    BELOW,
    DOSE_DIRECTION,
    EXACT,
    dose_units,
    measured,
    sorted_by_dose,
)


def ic50(da: xr.DataArray, dose: str) -> xr.DataArray:
    """Lowest dose at which viability is 0.5, interpolated linearly in log dose.

    Parameters
    ----------
    da
        Viability as a fraction, with dimension `dose` (uM in the bundled model); other dimensions
        are kept. The dose 0, if there, is not used.
    dose
        The dose dimension.

    Returns
    -------
    xarray.DataArray
        Doses, in the unit of the axis. Where viability stays above 0.5 the value is the top dose
        with bound `>`; where it is below 0.5 at the lowest dose already, that dose with bound `<`.
        A missing viability at or below the crossing gives NaN.

    Raises
    ------
    ConditionError
        The doses are not usable or viability is given in percent.
    """
    return _inhibitory_dose(da, dose, 0.5, "ic50")


def ic(da: xr.DataArray, dose: str, level: float = 0.5) -> xr.DataArray:
    """Lowest dose at which viability is `level`: 0.5 for the IC50, 0.1 for the IC90.

    Parameters
    ----------
    da, dose
        As of `ic50`.
    level
        The viability that is looked for.

    Returns
    -------
    xarray.DataArray
        Shapes, units, bounds and missing values as in `ic50`.

    Raises
    ------
    ConditionError
        `level` is not between 0 and 1; and as `ic50`.
    """
    if not 0 < level < 1:
        raise ConditionError(
            f"ic: level is {level!r}, but must be a viability between 0 and 1, such as 0.1 for the"
            " IC90."
        )
    return _inhibitory_dose(da, dose, level, "ic")


def _inhibitory_dose(da: xr.DataArray, dose: str, level: float, name: str) -> xr.DataArray:
    da = sorted_by_dose(da, [dose], name, zero_needed=False)
    return measured(
        partial(dose_at_level, da[dose].values, level=level),
        da,
        [dose],
        name=name,
        units=dose_units(da, dose),
        direction=DOSE_DIRECTION,
    )


def ec50(da: xr.DataArray, dose: str, smallest: float = 0.05) -> xr.DataArray:
    """Lowest dose with half of the curve's own effect, interpolated linearly in log dose.

    The effect is the fall from the zero dose to the lowest viability among the doses. A curve
    that falls by less than `smallest` has no half to be found: top dose with bound `>`.

    Parameters
    ----------
    da, dose
        As of `ic50`; the dose 0 is needed.
    smallest
        The least fall of viability that counts as an effect.

    Returns
    -------
    xarray.DataArray
        Shapes, units and other bounds as in `ic50`. A missing value anywhere gives NaN, since it
        could be the lowest one.

    Raises
    ------
    ConditionError
        The zero dose is missing, the doses are not usable, or viability is given in percent.
    """
    da = sorted_by_dose(da, [dose], "ec50", zero_needed=True)
    return measured(
        partial(_dose_at_half_effect, da[dose].values, smallest=smallest),
        da,
        [dose],
        name="ec50",
        units=dose_units(da, dose),
        direction="lower is more potent",
    )


def dose_at_level(
    doses: np.ndarray, viability: np.ndarray, level: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """First dose at which each curve is at `level` or below it, and the code of its bound.

    doses : (doses,), rising; viability : (..., doses); level : one number, or (...).
    """
    viability, doses = viability[..., doses > 0], doses[doses > 0]
    wanted = np.asarray(level, dtype=float)[..., None]
    # A missing value stops the search: what lies behind it may not be the first crossing.
    stopped = (viability <= wanted) | np.isnan(viability)
    reached = stopped.any(axis=-1)
    first = np.argmax(stopped, axis=-1)
    before = np.maximum(first - 1, 0)
    at_first = np.take_along_axis(viability, first[..., None], axis=-1)
    at_before = np.take_along_axis(viability, before[..., None], axis=-1)
    fall = np.where(at_before > at_first, at_before - at_first, 1.0)
    # The search may end at the lowest dose, or not at all: then this share is not used.
    share = np.where(at_before > at_first, (at_before - wanted) / fall, 0.0)[..., 0]
    between = doses[before] * (doses[first] / doses[before]) ** share
    at_lowest = reached & (first == 0)
    dose = np.where(at_lowest, doses[0], np.where(reached, between, doses[-1]))
    missing = reached & np.isnan(at_first[..., 0])
    below = at_lowest & ~missing & (at_first != wanted)[..., 0]
    bound = np.where(reached, np.where(below, BELOW, EXACT), ABOVE)
    return np.where(missing, np.nan, dose), bound


def _dose_at_half_effect(
    doses: np.ndarray, viability: np.ndarray, smallest: float
) -> tuple[np.ndarray, np.ndarray]:
    untreated = viability[..., 0]
    effect = untreated - viability.min(axis=-1)
    dose, bound = dose_at_level(doses, viability, level=untreated - effect / 2)
    flat, missing = effect < smallest, np.isnan(viability).any(axis=-1)
    dose = np.where(missing, np.nan, np.where(flat, doses[-1], dose))
    return dose, np.where(missing, EXACT, np.where(flat, ABOVE, bound))
