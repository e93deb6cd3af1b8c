"""Excess over zero interaction potency (ZIP), by which a drug leaves the other's curve as it is."""

from functools import partial

import numpy as np
import xarray as xr

from .doses import EXACT, EXCESS_DIRECTION, measured, sorted_by_dose
from .hill_curve import LOG_HALF, fit_curves, hill_curves, limits

# Half doses may lie this far, in log units, beyond the doses: only the curve within them is used.
BEYOND = np.log(100.0)


def zip_delta(da: xr.DataArray, dose_a: str, dose_b: str) -> xr.DataArray:
    """Effect of each pair, smoothed, beyond that of drugs that leave each other's potency alone.

        delta(a, b) = V_a(a) V_b(b) - (V_a|b(a) + V_b|a(b)) / 2

    V_a and V_b are Hill curves through each drug alone, V_a|b the Hill curve through the viability
    over the doses of a at that dose of b, which starts at V_b(b), and V_b|a likewise (Yadav et al.
    2015, Comput Struct Biotechnol J 13:504-513, doi 10.1016/j.csbj.2015.09.001, as documented for
    the `synergy` package). Positive is synergy. The plateaus of all curves are fitted, where the
    paper has full kill: else a drug that kills a part of the cells would differ from its own curve.
    The curves smooth out the noise of single pairs, which `bliss_excess` shows, and agree with it
    where the data are such curves.

    Parameters
    ----------
    da, dose_a, dose_b
        As of `combination_index`, with at least three doses above 0 of each drug.

    Returns
    -------
    xarray.DataArray
        A fraction of cells, where the paper has percent, over the other dimensions and both dose
        dimensions without their zeros. NaN throughout a matrix of which a value is missing.

    Raises
    ------
    ConditionError
        There are too few doses; and as `combination_index`.
    """
    dims = [dose_a, dose_b]
    da = sorted_by_dose(da, dims, "zip_delta", zero_needed=True, fewest=3)
    return measured(
        partial(_deltas, da[dose_a].values, da[dose_b].values),
        da,
        dims,
        kept=dims,
        name="zip_delta",
        units="dimensionless",
        direction=EXCESS_DIRECTION,
    )


def _deltas(
    doses_a: np.ndarray, doses_b: np.ndarray, viability: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Scores and codes of their bounds, (matrices, doses of a above 0, doses of b above 0).

    viability : (matrices, doses of a, doses of b), both from 0.
    """
    complete = np.isfinite(viability).all(axis=(-2, -1))
    seen = viability[complete]
    log_a, log_b = np.log(doses_a[1:]), np.log(doses_b[1:])
    highest = np.maximum(1.0, seen.max(axis=(-2, -1), initial=0.0))
    untreated = seen[:, 0, 0]
    alone_a = _smooth(log_a, untreated, seen[:, 1:, 0], highest)
    alone_b = _smooth(log_b, untreated, seen[:, 0, 1:], highest)
    pairs = seen[:, 1:, 1:]
    over_b = _smooth(log_b, alone_a, pairs, highest[:, None])
    over_a = _smooth(log_a, alone_b, np.swapaxes(pairs, 1, 2), highest[:, None])
    together = (over_b + np.swapaxes(over_a, 1, 2)) / 2
    delta = np.full((len(viability), len(log_a), len(log_b)), np.nan)
    delta[complete] = alone_a[:, :, None] * alone_b[:, None, :] - together
    return delta, np.full(delta.shape, EXACT)


def _smooth(
    log_dose: np.ndarray, top: np.ndarray, values: np.ndarray, highest: np.ndarray
) -> np.ndarray:
    """The Hill curves nearest to the values: top (...), values and result (..., doses)."""
    flat, starts = values.reshape(top.size, len(log_dose)), top.ravel()
    lower, upper = limits(log_dose, np.broadcast_to(highest, top.shape).ravel())
    lower[:, LOG_HALF] -= BEYOND
    upper[:, LOG_HALF] += BEYOND
    fit = fit_curves(log_dose, starts, flat, lower, upper)
    curves, _ = hill_curves(log_dose, starts, fit.parameters)
    return curves.reshape(values.shape)
