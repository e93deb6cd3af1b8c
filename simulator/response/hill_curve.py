"""The Hill curve that fits a dose-response best."""

from functools import partial

import numpy as np
import xarray as xr

from .doses import ABOVE, BELOW, EXACT, applied, bound_signs, dose_units, sorted_by_dose
from .intervals import check_interval, half_widths
from .least_squares import Fitted, fitted

# Slopes outside these limits cannot be told from a line or a step on any usual grid of doses.
SLOPES = (0.1, 20.0)

# Slopes among which the search for a start is made.
GRID_SLOPES = (0.2, 0.4, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 15.0)

# A fitted value this close to a limit, in log units, is a bound.
AT_LIMIT = 1e-3

# Parameters of a curve, in the order of the arrays here: logarithms of slope and half dose.
LOG_SLOPE, LOG_HALF, BOTTOM = 0, 1, 2

# Suffixes of a value and of the ends of its interval.
ENDS = ("", "_low", "_high")


def hill(
    da: xr.DataArray,
    dose: str,
    smallest: float = 0.05,
    level: float = 0.95,
    sigma: float | None = None,
) -> xr.DataArray:
    """Slope n of the Hill curve that fits best, with its other parameters as coordinates.

        viability = bottom + (top - bottom) / (1 + (dose / half_dose)^n)

    by least squares over the doses above 0; `top` is the viability at dose 0, taken as exact (Hill
    1910, J Physiol 40:iv-vii). `bottom` is within 0..top, `half_dose` within the doses, n within
    0.1-20; where n is at one of its limits it is a bound, `<` or `>`, and where `half_dose` is at
    the end of the doses the curve is not determined: NaN. So is one that falls by less than
    `smallest`, and one of which a value is missing.

    The coordinates `slope_low`, `slope_high` and the same of `half_dose` and `bottom` are
    confidence intervals at `level`, from the slopes of the curve at the fit, in the logarithms of
    slope and half dose. With `sigma`, the standard error of one viability, they say what
    measurements of that error would leave open. Without it the misfit itself serves as the error,
    by the t distribution: for simulated curves, which have no noise, they then say how far a Hill
    curve is from describing this curve, and nothing of how certain the model is. They end at the
    limits above, where they mean "or beyond".

    Parameters
    ----------
    da
        Viability as a fraction, with dimension `dose`: the dose 0 and at least four above it.
    dose
        The dose dimension.
    smallest
        The least fall of viability that counts as an effect.
    level
        Confidence of the intervals.
    sigma
        Standard error of one viability; None: the misfit.

    Returns
    -------
    xarray.DataArray
        The slope, dimensionless, over the other dimensions.

    Raises
    ------
    ConditionError
        The zero dose is missing, there are too few doses, they are not usable, viability is given
        in percent, or `level` or `sigma` is out of range.
    """
    check_interval(level, sigma, "hill")
    da = sorted_by_dose(da, [dose], "hill", zero_needed=True, fewest=4)
    function = partial(_parameters, da[dose].values, smallest=smallest, level=level, sigma=sigma)
    outputs = [*[float] * 10, "U1"]
    *numbers, signs = applied(function, da, [dose], measure="hill", outputs=outputs)
    names = [f"{name}{end}" for name in ("slope", "half_dose", "bottom") for end in ENDS]
    slope = numbers[0].rename("hill")
    slope.attrs = {"units": "dimensionless", "direction": "higher is steeper"}
    coords = dict(zip(names[1:], numbers[1:9], strict=True)) | {"top": numbers[9], "bound": signs}
    for name, coord in coords.items():
        if name != "bound":
            unit = dose_units(da, dose) if name.startswith("half") else "dimensionless"
            coord.attrs["units"] = unit
    coords["half_dose"].attrs["direction"] = "lower is more potent"
    coords["bottom"].attrs["direction"] = "lower kills more at best"
    variables = {name: coord.variable for name, coord in coords.items()}
    result: xr.DataArray = slope.assign_coords(variables)
    return result


def _parameters(
    doses: np.ndarray,
    viability: np.ndarray,
    smallest: float,
    level: float,
    sigma: float | None,
) -> tuple[np.ndarray, ...]:
    """Slope, half dose and bottom, each with the ends of its interval, top, signs of the bound.

    doses : (doses,), from 0; viability : (curves, doses); each result (curves,).
    """
    top, values, log_dose = viability[:, 0], viability[:, 1:], np.log(doses[1:])
    seen = np.isfinite(viability).all(axis=-1)
    seen[seen] &= top[seen] - values[seen].min(axis=-1) >= smallest
    lower, upper = limits(log_dose, top[seen])
    fit = fit_curves(log_dose, top[seen], values[seen], lower, upper)
    found = fit.parameters
    width = half_widths(fit.squares, fit.spread, len(log_dose) - 3, level, sigma)
    ends = np.stack([found, np.maximum(found - width, lower), np.minimum(found + width, upper)])
    ends[..., :BOTTOM] = np.exp(ends[..., :BOTTOM])
    half = found[:, LOG_HALF]
    ends[:, (half < log_dose[0] + AT_LIMIT) | (half > log_dose[-1] - AT_LIMIT)] = np.nan
    whole = np.full((3, len(viability), 3), np.nan)
    whole[:, seen] = ends
    code = np.full(len(viability), EXACT)
    code[seen] = _slope_bound(found)
    code[np.isnan(whole[0, :, 0])] = EXACT
    tops = np.where(np.isnan(whole[0, :, 0]), np.nan, top)
    each = [whole[end, :, parameter] for parameter in range(3) for end in range(3)]
    return (*each, tops, bound_signs(code))


def _slope_bound(found: np.ndarray) -> np.ndarray:
    low = found[:, LOG_SLOPE] < np.log(SLOPES[0]) + AT_LIMIT
    high = found[:, LOG_SLOPE] > np.log(SLOPES[1]) - AT_LIMIT
    return np.where(low, BELOW, np.where(high, ABOVE, EXACT))


def limits(log_dose: np.ndarray, highest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper limits of the parameters, (curves, 3); `highest` is that of the bottom."""
    lower, upper = np.zeros((2, len(highest), 3))
    lower[:, LOG_SLOPE], upper[:, LOG_SLOPE] = np.log(SLOPES)
    lower[:, LOG_HALF], upper[:, LOG_HALF] = log_dose[0], log_dose[-1]
    upper[:, BOTTOM] = highest
    return lower, upper


def fit_curves(
    log_dose: np.ndarray, top: np.ndarray, values: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> Fitted:
    """Least squares of Hill curves that start at `top`.

    log_dose : (doses,); top : (curves,); values : (curves, doses); lower, upper : (curves, 3).
    """

    def model(parameters: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        curve, slopes = hill_curves(log_dose, top[which], parameters)
        return curve - values[which], slopes

    start = _best_of_grid(log_dose, top, values, lower, upper)
    # Not on a limit, where a parameter may be held that should leave it.
    margin = 1e-3 * (upper - lower)
    return fitted(model, np.clip(start, lower + margin, upper - margin), lower, upper)


def _best_of_grid(
    log_dose: np.ndarray, top: np.ndarray, values: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> np.ndarray:
    """The best parameters with slope and half dose on a grid: which valley to descend, (curves, 3).

    Given those two, the curve is a straight line in `bottom`.
    """
    between = (log_dose[1:] + log_dose[:-1]) / 2
    slope, half = np.meshgrid(np.log(GRID_SLOPES), np.sort(np.r_[log_dose, between]))
    grid = np.stack([slope.ravel(), half.ravel(), np.ones(slope.size)], axis=-1)
    share, _ = hill_curves(log_dose, np.zeros(len(grid)), grid)
    drop = values - top[:, None]
    along, length = drop @ share.T, (share**2).sum(axis=-1)
    lowest, highest = (limit[:, BOTTOM] - top for limit in (lower, upper))
    fall = np.clip(along / length, lowest[:, None], highest[:, None])
    best = np.argmin(fall * (fall * length - 2 * along), axis=-1)
    start: np.ndarray = grid[best]
    start[:, BOTTOM] = top + np.take_along_axis(fall, best[:, None], axis=-1)[:, 0]
    return start


def hill_curves(
    log_dose: np.ndarray, top: np.ndarray, parameters: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Viabilities (curves, doses) and their derivatives by the parameters (curves, doses, 3)."""
    slope = np.exp(parameters[:, LOG_SLOPE, None])
    exponent = np.clip(slope * (log_dose - parameters[:, LOG_HALF, None]), -700.0, 700.0)
    share = 1.0 / (1.0 + np.exp(-exponent))
    drop = (parameters[:, BOTTOM] - top)[:, None]
    steep = drop * share * (1.0 - share)
    slopes = np.stack([steep * exponent, -steep * slope, share], axis=-1)
    return top[:, None] + drop * share, slopes
