"""Areas under one drug's dose-response."""

from functools import partial

import numpy as np
import xarray as xr

from ..errors import ConditionError
from .doses import ABOVE, BELOW, EXACT, measured, per_micromolar, sorted_by_dose

# 4-log range of the viability assays of van der Zwet et al. 2021, uM.
AUC_RANGE = (0.00316, 31.6)

# Relative slack when an axis is compared with a range, so that the rounding of a logarithmic
# grid does not decide whether 31.6 covers 31.6.
RANGE_SLACK = 1e-6


def auc400(
    da: xr.DataArray,
    dose: str,
    range: tuple[float, float] | None = None,
    background: bool = True,
) -> xr.DataArray:
    """Area under the dose-response: 4 x mean viability in % over log10 dose, 400 = no effect.

        auc400 = 4 / log10(high / low) * integral of min(100, 100 * viability) d(log10 dose)

    by the trapezoid rule on the given doses, interpolated linearly in log dose to the ends of
    `range` = (low, high) in the unit of the axis; the scale of van der Zwet et al. 2021, where the
    range spans 4 decades. Without `range` it is theirs, 0.00316-31.6 uM, converted where the axis
    states another molar unit. `background=True` first divides by the viability at dose 0 of the
    same axis, so that killing by a second drug present throughout does not count as an effect of
    this one.

    Parameters
    ----------
    da
        Viability as a fraction, with dimension `dose` (uM in the bundled model).
    dose
        The dose dimension.
    range
        Ends (low, high) of the doses, in the unit of the axis.
    background
        Divide by the viability at dose 0 first.

    Returns
    -------
    xarray.DataArray
        Dimensionless, over the other dimensions. A missing viability among the values used gives
        NaN, and so does a background that leaves no cell.

    Raises
    ------
    ConditionError
        The axis does not cover `range`, dose 0 is missing although `background=True`, the doses
        are not usable, or viability is given in percent.
    """
    da = sorted_by_dose(da, [dose], "auc400", zero_needed=background)
    if range is None:
        low, high = (end * per_micromolar(da, dose) for end in AUC_RANGE)
    else:
        low, high = _two_doses(range, "auc400")
    first, last = _ends(da[dose])
    if first > low * (1 + RANGE_SLACK) or last < high * (1 - RANGE_SLACK):
        raise ConditionError(
            f'auc400: the doses of "{dose}" run from {first:g} to {last:g}, which does not cover'
            f" the range {low:g} to {high:g}; simulate those doses, or give"
            f" range=({first:g}, {last:g})."
        )
    low, high = max(low, first), min(high, last)
    return measured(
        partial(curve_area, da[dose].values, low=low, high=high, background=background),
        da,
        [dose],
        name="auc400",
        units="dimensionless",
        direction="lower is more sensitive",
    )


def auc(
    da: xr.DataArray,
    dose: str,
    range: tuple[float, float] | None = None,
    background: bool = False,
) -> xr.DataArray:
    """Mean viability over log dose, each point capped at 1: 1 = no effect, 0 = all dead.

    By the trapezoid rule over the doses above 0, or over `range` = (low, high) in the unit of the
    axis. Where the doses end inside `range` the curve is continued at the height at which it ends,
    and the result is a bound, as long as viability does not rise with dose: `<` where the higher
    doses are missing, `>` where the lower ones are. `background` as in `auc400`, which is 400 times
    this number on its own range.

    Parameters
    ----------
    da, dose, range, background
        As of `auc400`.

    Returns
    -------
    xarray.DataArray
        Dimensionless, over the other dimensions; missing values as in `auc400`.

    Raises
    ------
    ConditionError
        `range` goes beyond the doses at both ends, which bounds nothing; and as `auc400`.
    """
    da = sorted_by_dose(da, [dose], "auc", zero_needed=background)
    first, last = _ends(da[dose])
    low, high = (first, last) if range is None else _two_doses(range, "auc")
    no_low, no_high = low < first * (1 - RANGE_SLACK), high > last * (1 + RANGE_SLACK)
    if (no_low and no_high) or low >= last or high <= first:
        raise ConditionError(
            f'auc: the doses of "{dose}" run from {first:g} to {last:g}, from which nothing can be'
            f" said of the range {low:g} to {high:g}; simulate those doses, or give"
            f" range=({first:g}, {last:g})."
        )
    code = BELOW if no_high else ABOVE if no_low else EXACT

    def mean(viability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        area, _ = curve_area(da[dose].values, viability, low, high, background)
        return area / 400.0, np.where(np.isnan(area), EXACT, code)

    return measured(
        mean, da, [dose], name="auc", units="dimensionless", direction="lower is more sensitive"
    )


def _two_doses(range: object, measure: str) -> tuple[float, float]:
    """The ends of a range, as numbers."""
    try:
        low, high = (float(end) for end in range)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        low = high = np.nan
    if not 0 < low < high < np.inf:
        raise ConditionError(
            f"{measure}: range is {range!r}, but must be two rising doses above 0,"
            f" such as {AUC_RANGE}."
        )
    return low, high


def _ends(axis: xr.DataArray) -> tuple[float, float]:
    """Lowest and highest dose above 0 of a rising axis."""
    above_zero = axis.values[axis.values > 0]
    return float(above_zero[0]), float(above_zero[-1])


def curve_area(
    doses: np.ndarray, viability: np.ndarray, low: float, high: float, background: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """auc400 of each curve, and the code of its bound, both (...).

    doses : (doses,), rising; viability : (..., doses), which beyond the doses stays as it is.
    """
    if background:
        # The first dose is 0: it is needed, doses are rising and none is negative.
        untreated = viability[..., :1]
        viability = viability / np.where(untreated > 0, untreated, np.nan)
    log_dose = np.log10(doses[doses > 0])
    percent = np.minimum(100.0, 100.0 * viability[..., doses > 0])
    ends = np.log10([low, high])
    inside = (log_dose > ends[0]) & (log_dose < ends[1])
    at = np.concatenate([ends[:1], log_dose[inside], ends[1:]])
    first, last = (_between(log_dose, percent, end)[..., None] for end in ends)
    heights = np.concatenate([first, percent[..., inside], last], axis=-1)
    area = np.zeros(heights.shape[:-1])
    for i, width in enumerate(np.diff(at)):  # in this order, however many curves there are
        area += width * (heights[..., i] + heights[..., i + 1]) / 2
    area *= 4.0 / (ends[1] - ends[0])
    return area, np.full(area.shape, EXACT)


def _between(positions: np.ndarray, heights: np.ndarray, at: float) -> np.ndarray:
    """Heights (...) at one position, on straight lines; beyond the ends as there."""
    i = int(np.clip(np.searchsorted(positions, at, side="right") - 1, 0, len(positions) - 1))
    if at <= positions[i] or i == len(positions) - 1:
        return heights[..., i]
    rise = (heights[..., i + 1] - heights[..., i]) / (positions[i + 1] - positions[i])
    height: np.ndarray = rise * (at - positions[i]) + heights[..., i]
    return height
