"""Measures of one drug's dose-response: IC50, EC50 and the area under the curve."""

from functools import partial

import numpy as np
import xarray as xr

from ..errors import ConditionError
from .doses import ABOVE, BELOW, EXACT, dose_units, measured, sorted_by_dose

# 4-log range of the viability assays of van der Zwet et al. 2021, uM.
AUC_RANGE = (0.00316, 31.6)

# Relative slack when an axis is compared with a range, so that the rounding of a logarithmic
# grid does not decide whether 31.6 covers 31.6.
RANGE_SLACK = 1e-6


def ic50(da: xr.DataArray, dose: str) -> xr.DataArray:
    """Lowest dose at which viability is 0.5, interpolated linearly in log dose.

    da : viability as a fraction, with dimension `dose` (uM in the bundled model); other
    dimensions are kept. The dose 0, if there, is not used. Returns doses in the unit of the axis.
    Where viability stays above 0.5 the value is the top dose with bound `>`; where it is below
    0.5 at the lowest dose already, that dose with bound `<`. A missing viability at or below the
    crossing gives NaN.

    Raises ConditionError if the doses are not usable or viability is given in percent.
    """
    da = sorted_by_dose(da, [dose], "ic50", zero_needed=False)
    return measured(
        partial(dose_at_level, da[dose].values, level=0.5),
        da,
        [dose],
        name="ic50",
        units=dose_units(da, dose),
    )


def ec50(da: xr.DataArray, dose: str, smallest: float = 0.05) -> xr.DataArray:
    """Lowest dose with half of the curve's own effect, interpolated linearly in log dose.

    The effect is the fall from the zero dose to the lowest viability among the doses. A curve
    that falls by less than `smallest` has no half to be found: top dose with bound `>`. Shapes,
    units and other bounds as in `ic50`. A missing value anywhere gives NaN, since it could be
    the lowest one.

    Raises ConditionError if the zero dose is missing, the doses are not usable, or viability is
    given in percent.
    """
    da = sorted_by_dose(da, [dose], "ec50", zero_needed=True)
    return measured(
        partial(_dose_at_half_effect, da[dose].values, smallest=smallest),
        da,
        [dose],
        name="ec50",
        units=dose_units(da, dose),
    )


def auc400(
    da: xr.DataArray,
    dose: str,
    range: tuple[float, float] = AUC_RANGE,
    background: bool = True,
) -> xr.DataArray:
    """Area under the dose-response: 4 x mean viability in % over log10 dose, 400 = no effect.

        auc400 = 4 / log10(high / low) * integral of min(100, 100 * viability) d(log10 dose)

    by the trapezoid rule on the given doses, interpolated linearly in log dose to the ends of
    `range` = (low, high); the scale of van der Zwet et al. 2021, where the range spans 4 decades.
    `background=True` first divides by the viability at dose 0 of the same axis, so that killing
    by a second drug present throughout does not count as an effect of this one.

    da : viability as a fraction, with dimension `dose` (uM in the bundled model). Dimensionless
    result over the other dimensions. A missing viability among the values used gives NaN, and so
    does a background that leaves no cell.

    Raises ConditionError if the axis does not cover `range`, if dose 0 is missing although
    `background=True`, if the doses are not usable, or if viability is given in percent.
    """
    da = sorted_by_dose(da, [dose], "auc400", zero_needed=background)
    low, high = _checked_range(range, da[dose], dose)
    return measured(
        partial(curve_area, da[dose].values, low=low, high=high, background=background),
        da,
        [dose],
        name="auc400",
        units="dimensionless",
    )


def _checked_range(
    range: tuple[float, float], axis: xr.DataArray, dose: str
) -> tuple[float, float]:
    """(low, high) as numbers that the positive doses of the axis cover."""
    try:
        low, high = (float(end) for end in range)
    except (TypeError, ValueError):
        low = high = np.nan
    if not 0 < low < high < np.inf:
        raise ConditionError(
            f"auc400: range is {range!r}, but must be two rising doses above 0,"
            f" such as {AUC_RANGE}."
        )
    positive = axis.values[axis.values > 0]
    first, last = float(positive[0]), float(positive[-1])
    if first > low * (1 + RANGE_SLACK) or last < high * (1 - RANGE_SLACK):
        raise ConditionError(
            f'auc400: the doses of "{dose}" run from {first:g} to {last:g}, which does not cover'
            f" the range {low:g} to {high:g}; simulate those doses, or give"
            f" range=({first:g}, {last:g})."
        )
    return max(low, first), min(high, last)


def dose_at_level(doses: np.ndarray, viability: np.ndarray, level: float) -> tuple[float, int]:
    """First dose at which a curve is at `level` or below it. doses, viability : (doses,)."""
    viability = viability[doses > 0]
    doses = doses[doses > 0]
    # A missing value stops the search: what lies behind it may not be the first crossing.
    reached = (viability <= level) | np.isnan(viability)
    if not reached.any():
        return doses[-1], ABOVE
    i = int(np.argmax(reached))
    if np.isnan(viability[i]):
        return np.nan, EXACT
    if i == 0:
        return doses[0], EXACT if viability[0] == level else BELOW
    share = (viability[i - 1] - level) / (viability[i - 1] - viability[i])
    return doses[i - 1] * (doses[i] / doses[i - 1]) ** share, EXACT


def _dose_at_half_effect(
    doses: np.ndarray, viability: np.ndarray, smallest: float
) -> tuple[float, int]:
    if np.isnan(viability).any():
        return np.nan, EXACT
    untreated = viability[0]
    effect = untreated - viability.min()
    if effect < smallest:
        return doses[-1], ABOVE
    return dose_at_level(doses, viability, level=untreated - effect / 2)


def curve_area(
    doses: np.ndarray, viability: np.ndarray, low: float, high: float, background: bool = True
) -> tuple[float, int]:
    """auc400 of one curve. doses, viability : (doses,), rising."""
    if background:
        # The first dose is 0: it is needed, doses are rising and none is negative.
        viability = viability / viability[0] if viability[0] > 0 else np.nan * viability
    log_dose = np.log10(doses[doses > 0])
    percent = np.minimum(100.0, 100.0 * viability[doses > 0])
    ends = np.log10([low, high])
    inside = (log_dose > ends[0]) & (log_dose < ends[1])
    at = np.concatenate([ends[:1], log_dose[inside], ends[1:]])
    area = np.trapezoid(np.interp(at, log_dose, percent), at)
    return 4.0 * area / (ends[1] - ends[0]), EXACT
