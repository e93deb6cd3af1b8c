"""The Hill curve that fits a dose-response best."""

from functools import partial

import numpy as np
import xarray as xr

from .doses import ABOVE, BELOW, EXACT, dose_units, measured, sorted_by_dose

# Slopes outside these limits cannot be told from a line or a step on any usual grid of doses.
SLOPES = (0.1, 20.0)

# A fitted value this close to a limit, in log units, is a bound.
AT_LIMIT = 1e-3


def hill(da: xr.DataArray, dose: str, smallest: float = 0.05) -> xr.DataArray:
    """Slope n of the Hill curve that fits best, with its `half_dose` and `bottom` as coordinates.

        viability = bottom + (top - bottom) / (1 + (dose / half_dose)^n)

    by least squares over the doses above 0; `top` is the viability at dose 0 (Hill 1910, J Physiol
    40:iv-vii). `bottom` is within 0..top, `half_dose` within the doses, n within 0.1-20; where n is
    at one of its limits it is a bound, `<` or `>`, and where `half_dose` is at the end of the doses
    the curve is not determined: NaN. So is one that falls by less than `smallest`, and one of which
    a value is missing.

    da : viability as a fraction, with dimension `dose`, at least four of them above 0, and dose 0.
    Dimensionless slope over the other dimensions.

    Raises ConditionError if the zero dose is missing, there are too few doses, they are not usable,
    or viability is given in percent.
    """
    da = sorted_by_dose(da, [dose], "hill", zero_needed=True, fewest=4)

    def part(which: int, name: str, units: str) -> xr.DataArray:
        fit = partial(_fitted, da[dose].values, which=which, smallest=smallest)
        return measured(fit, da, [dose], name=name, units=units)

    slope = part(0, "hill", "dimensionless")
    half_dose = part(1, "half_dose", dose_units(da, dose)).drop_vars("bound")
    bottom = part(2, "bottom", "dimensionless").drop_vars("bound")
    return slope.assign_coords(half_dose=half_dose, bottom=bottom)


def _fitted(
    doses: np.ndarray, viability: np.ndarray, which: int, smallest: float
) -> tuple[float, int]:
    """Slope (0), half dose (1) or bottom (2) of one curve. doses, viability : (doses,), rising."""
    slope, half_dose, bottom, bound = _fit(doses, viability, smallest)
    return (slope, half_dose, bottom)[which], bound


def _fit(
    doses: np.ndarray, viability: np.ndarray, smallest: float
) -> tuple[float, float, float, int]:
    from scipy.optimize import least_squares

    top, values = viability[0], viability[1:]
    if np.isnan(viability).any() or top - values.min() < smallest:
        return np.nan, np.nan, np.nan, EXACT
    log_dose = np.log(doses[1:])

    def residuals(guess: np.ndarray) -> np.ndarray:
        log_slope, log_half, fraction = guess
        odds = np.exp(np.clip(np.exp(log_slope) * (log_dose - log_half), -700, 700))
        off: np.ndarray = fraction * top + (1 - fraction) * top / (1 + odds) - values
        return off

    lower = np.array([np.log(SLOPES[0]), log_dose[0], 0.0])
    upper = np.array([np.log(SLOPES[1]), log_dose[-1], 1.0])
    half = (top + values.min()) / 2
    middle = log_dose[int(np.argmax(values <= half))]
    start = np.clip([0.0, middle, values.min() / top], lower + 1e-6, upper - 1e-6)
    tight = {"xtol": 1e-12, "ftol": 1e-12, "gtol": 1e-12}
    found = least_squares(residuals, start, bounds=(lower, upper), **tight).x
    if found[1] < lower[1] + AT_LIMIT or found[1] > upper[1] - AT_LIMIT:
        return np.nan, np.nan, np.nan, EXACT
    low, high = found[0] < lower[0] + AT_LIMIT, found[0] > upper[0] - AT_LIMIT
    bound = BELOW if low else ABOVE if high else EXACT
    return float(np.exp(found[0])), float(np.exp(found[1])), float(found[2] * top), bound
