"""MuSyC: synergy of potency and of efficacy of two drugs, told apart by a fitted surface."""

from collections.abc import Sequence
from functools import partial, reduce
from itertools import product

import numpy as np
import xarray as xr

from ..errors import ConditionError, did_you_mean
from .doses import applied, dose_units, sorted_by_dose
from .hill_curve import AT_LIMIT, SLOPES, fit_curves, limits
from .intervals import check_interval, half_widths
from .least_squares import Fitted, fitted
from .musyc_surface import EFFICACIES, PARAMETERS, surface

# Potency changes beyond these limits move a curve out of any usual range of doses.
POTENCY_CHANGES = (1e-3, 1e3)

# Changes of potency among which starts are looked for, and how many of the best are followed.
FIRST_CHANGES = (0.1, 1.0, 10.0)
STARTS = 4

# Wider than this, an interval of viability (or beta, its ratio) says nothing.
WIDEST = 0.5

NAMES = (*PARAMETERS, "beta")
DIRECTIONS = {
    "E": "lower kills more",
    "h": "higher is steeper",
    "C": "lower is more potent",
    "a": "above 1 is synergy of potency, below 1 antagonism",
    "b": "above 0 is synergy of efficacy, below 0 antagonism",
}


def musyc(
    da: xr.DataArray,
    dose_a: str,
    dose_b: str,
    level: float = 0.95,
    sigma: float | None = None,
) -> xr.Dataset:
    """MuSyC parameters of two drugs: how each changes the other's potency, and what both reach.

    The surface is that of `musyc_surface`, fitted by least squares over the whole matrix, the best
    of several starts that depend on the data alone (Meyer et al. 2019, Cell Syst 8:97-108; Wooten
    et al. 2021, Nat Commun 12:4607). Drug 1 is `dose_a`, drug 2 `dose_b`:

    - `E0`, `E1`, `E2`, `E3`: viability without drug, and at saturating doses of drug 1, of drug 2
      and of both;
    - `C1`, `C2`: doses of half effect alone, in their units; `h1`, `h2`: slopes;
    - `alpha12`: by what factor drug 1, saturating, multiplies the effective dose of drug 2;
      `alpha21` the other way. Above 1 is synergy of potency;
    - `beta` = (min(E1, E2) - E3) / (E0 - min(E1, E2)): effect of both beyond that of the stronger,
      as a share of it. Above 0 is synergy of efficacy;
    - `misfit`: root mean square of what the surface leaves, a viability.

    Limits: viabilities from 0 to 1 or the highest value, C within the doses, h within 0.1-20, alpha
    within 0.001-1000. Each parameter `p` has coordinates `p_low` and `p_high`, a confidence
    interval (its meaning, `level` and `sigma` as in `hill`) cut off at those limits, and `p_bound`:
    `=`; `<` where the value or its interval is at the lower limit, so that it is known only to be
    below `p_high`; `>` likewise; `?` where the data do not determine it: an interval that spans the
    limits, or of E and beta one wider than 0.5. Do not read a value marked `?`.

    Parameters
    ----------
    da, dose_a, dose_b
        As of `combination_index`, with at least three doses above 0 of each drug.
    level, sigma
        As of `hill`.

    Returns
    -------
    xarray.Dataset
        One variable per parameter, over the other dimensions; NaN, with bound `?`, where a value
        of the matrix is missing.

    Raises
    ------
    ConditionError
        There are too few doses, or `level` or `sigma` is out of range; and as `combination_index`.
    """
    check_interval(level, sigma, "musyc")
    dims = [dose_a, dose_b]
    da = sorted_by_dose(da, dims, "musyc", zero_needed=True, fewest=3)
    function = partial(_fit, da[dose_a].values, da[dose_b].values, level=level, sigma=sigma)
    outputs = [*[float, float, float, "U1"] * len(NAMES), float]
    found = applied(function, da, dims, measure="musyc", outputs=outputs)
    result = xr.Dataset(attrs={"drug_1": dose_a, "drug_2": dose_b})
    units = {"C1": dose_units(da, dose_a), "C2": dose_units(da, dose_b)}
    for i, name in enumerate(NAMES):
        value, low, high, sign = found[4 * i : 4 * i + 4]
        unit = {"units": units.get(name, "dimensionless")}
        result[name] = value.assign_attrs(unit, direction=DIRECTIONS[name[0]])
        ends = {f"{name}_low": low.assign_attrs(unit), f"{name}_high": high.assign_attrs(unit)}
        result = result.assign_coords(ends | {f"{name}_bound": sign})
    result["misfit"] = found[-1].assign_attrs(units="dimensionless", direction="lower fits better")
    return result


def musyc_surface(
    parameters: xr.Dataset,
    doses_a: Sequence[float] | np.ndarray,
    doses_b: Sequence[float] | np.ndarray,
) -> xr.DataArray:
    """Viability that MuSyC parameters give at all pairs of doses, by the model of four states.

    Cells are unaffected (viability E0), affected by drug 1 (E1), by drug 2 (E2) or by both (E3).
    They pass into the state of drug 1 at the rate (d1 / C1)^h1, or (alpha21 d1 / C1)^h1 if drug 2
    affects them already, and of drug 2 at (d2 / C2)^h2 or (alpha12 d2 / C2)^h2; back at the rate 1.
    The viability is that of the states at rest. This is the full model of Wooten et al. 2021, not
    the one in detailed balance, which would tie alpha21^h1 to alpha12^h2 and so could not say which
    drug changes which; cooperativity stays (their gamma is 1), and both drugs come off equally
    fast, which are further parameters that a dose matrix rarely determines.

    Parameters
    ----------
    parameters
        What `musyc` returns, or a Dataset of the same variables.
    doses_a, doses_b
        Doses >= 0 of drugs 1 and 2, in the units of C1 and C2.

    Returns
    -------
    xarray.DataArray
        Viability over the dimensions of the parameters and both drugs.

    Raises
    ------
    ConditionError
        A parameter is missing or a dose is no number >= 0.
    """
    for name in PARAMETERS:
        if name not in parameters:
            raise ConditionError(
                f'musyc_surface: the parameters have no "{name}"; give what musyc returns.'
                f"{did_you_mean(name, map(str, parameters.data_vars))}"
            )
    dims = [str(parameters.attrs.get(f"drug_{i}", f"drug_{i}")) for i in (1, 2)]
    grids = [
        _checked_doses(doses, dim) for doses, dim in zip((doses_a, doses_b), dims, strict=True)
    ]
    log_a, log_b = _points(*grids)

    def values(*given: np.ndarray) -> np.ndarray:
        flat = np.stack([np.ravel(value) for value in given], axis=-1).astype(float)
        flat[:, EFFICACIES:] = np.log(flat[:, EFFICACIES:])
        viability, _ = surface(log_a, log_b, flat)
        return viability.reshape(*np.shape(given[0]), *map(len, grids))

    each = xr.broadcast(*(parameters[name].reset_coords(drop=True) for name in PARAMETERS))
    result: xr.DataArray = xr.apply_ufunc(
        values,
        *each,
        output_core_dims=[dims],
        dask="parallelized",
        output_dtypes=[float],
        dask_gufunc_kwargs={"output_sizes": dict(zip(dims, map(len, grids), strict=True))},
    )
    result = result.assign_coords(dict(zip(dims, grids, strict=True))).rename("viability")
    for dim, c in zip(dims, ("C1", "C2"), strict=True):
        if "units" in parameters[c].attrs:
            result[dim].attrs["units"] = parameters[c].attrs["units"]
    result.attrs = {"units": "dimensionless", "direction": "lower is more sensitive"}
    return result


def _checked_doses(doses: Sequence[float] | np.ndarray, dim: str) -> np.ndarray:
    try:
        checked = np.atleast_1d(np.asarray(doses, dtype=float))
    except (TypeError, ValueError):
        checked = np.array([np.nan])
    if checked.ndim != 1 or not np.all(np.isfinite(checked) & (checked >= 0)):
        raise ConditionError(
            f'musyc_surface: doses of "{dim}" are {doses!r}, but must be a list of numbers >= 0.'
        )
    return checked


def _points(doses_a: np.ndarray, doses_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the doses at all pairs, in the order of a flattened matrix."""
    with np.errstate(divide="ignore"):
        log_a, log_b = np.log(doses_a), np.log(doses_b)
    return np.repeat(log_a, len(log_b)), np.tile(log_b, len(log_a))


def _fit(
    doses_a: np.ndarray,
    doses_b: np.ndarray,
    viability: np.ndarray,
    level: float,
    sigma: float | None,
) -> tuple[np.ndarray, ...]:
    """For each of `NAMES` value, ends of its interval and sign of the bound, then the misfit.

    viability : (matrices, doses of a, doses of b), both from 0; each result (matrices,).
    """
    complete = np.isfinite(viability).all(axis=(-2, -1))
    seen = viability[complete]
    log_a, log_b = _points(doses_a, doses_b)
    values = seen.reshape(len(seen), len(log_a))

    def model(parameters: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        fits, slopes = surface(log_a, log_b, parameters)
        return fits - values[which], slopes

    lower, upper = _limits(doses_a, doses_b, values)
    starts = _starts(doses_a, doses_b, seen, lower, upper)
    costs = [(model(start, np.arange(len(start)))[0] ** 2).sum(axis=-1) for start in starts]
    order = np.argsort(costs, axis=0, kind="stable")[:STARTS, :, None]
    best = np.take_along_axis(np.stack(starts), order, axis=0)
    fit = reduce(Fitted.or_better, (fitted(model, start, lower, upper) for start in best))
    columns = _columns(fit, lower, upper, values.shape[-1], level, sigma)
    misfit = np.sqrt(fit.squares / values.shape[-1])
    results = []
    for column in (*columns, misfit):
        signs = column.dtype.kind == "U"
        whole = np.full(len(viability), "?" if signs else np.nan)
        whole[complete] = column
        results.append(whole)
    return tuple(results)


def _limits(
    doses_a: np.ndarray, doses_b: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper limits of the parameters, (matrices, 10)."""
    lower, upper = np.zeros((2, len(values), len(PARAMETERS)))
    upper[:, :EFFICACIES] = np.maximum(1.0, values.max(axis=-1, initial=0.0))[:, None]
    ends = [SLOPES, SLOPES, doses_a[[1, -1]], doses_b[[1, -1]], POTENCY_CHANGES, POTENCY_CHANGES]
    lower[:, EFFICACIES:], upper[:, EFFICACIES:] = np.log(np.array(ends)).T
    return lower, upper


def _starts(
    doses_a: np.ndarray,
    doses_b: np.ndarray,
    viability: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
) -> list[np.ndarray]:
    """Where to begin: each drug's own Hill curve, the corners, and several changes of potency."""
    start = np.empty(lower.shape)
    untreated, corner = viability[:, 0, 0], viability[:, -1, -1]
    start[:, 0], start[:, 3] = untreated, corner
    alone = ((doses_a, viability[:, 1:, 0]), (doses_b, viability[:, 0, 1:]))
    for drug, (doses, curve) in enumerate(alone):
        log_dose = np.log(doses[1:])
        fit = fit_curves(log_dose, untreated, curve, *limits(log_dose, upper[:, 1 + drug]))
        start[:, [4 + drug, 6 + drug, 1 + drug]] = fit.parameters
    margin = 1e-3 * (upper - lower)
    starts = []
    for changes in product(np.log(FIRST_CHANGES), repeat=2):
        start[:, -2:] = changes
        starts.append(np.clip(start, lower + margin, upper - margin))
    return starts


def _columns(
    fit: Fitted,
    lower: np.ndarray,
    upper: np.ndarray,
    points: int,
    level: float,
    sigma: float | None,
) -> list[np.ndarray]:
    """Value, low, high and sign of each of `NAMES`, one after the other."""
    found = fit.parameters
    beta, beta_spread = _efficacy_synergy(fit)
    spread = np.concatenate([fit.spread, beta_spread[:, None]], axis=-1)
    widths = half_widths(fit.squares, spread, points - len(PARAMETERS), level, sigma)
    columns = []
    for i in range(len(PARAMETERS)):
        value, width = found[:, i], widths[:, i]
        low, high = value - width, value + width
        if i < EFFICACIES:
            sign = np.where(2 * width > WIDEST, "?", "=")
        else:
            at_low, at_high = low < lower[:, i] + AT_LIMIT, high > upper[:, i] - AT_LIMIT
            sign = np.select([at_low & at_high, at_low, at_high], ["?", "<", ">"], default="=")
        ends = [value, np.maximum(low, lower[:, i]), np.minimum(high, upper[:, i])]
        columns += [*(ends if i < EFFICACIES else np.exp(ends)), sign]
    wide = ~(2 * widths[:, -1] <= WIDEST)
    columns += [beta, beta - widths[:, -1], beta + widths[:, -1], np.where(wide, "?", "=")]
    return columns


def _efficacy_synergy(fit: Fitted) -> tuple[np.ndarray, np.ndarray]:
    """beta and its standard error for residuals of standard error one, (matrices,)."""
    e0, e1, e2, e3 = fit.parameters[:, :EFFICACIES].T
    stronger = np.minimum(e1, e2)
    effect = e0 - stronger
    some = effect > 0
    scale = np.where(some, effect, np.nan)
    beta = (stronger - e3) / scale
    slopes = np.zeros((len(beta), EFFICACIES))
    slopes[:, 0], slopes[:, 3] = -beta / scale, -1.0 / scale
    rows = np.arange(len(beta))
    slopes[rows, np.where(e1 <= e2, 1, 2)] = (1.0 + beta) / scale
    covariance = fit.covariance[:, :EFFICACIES, :EFFICACIES]
    known = np.where(np.isfinite(covariance), covariance, 0.0)
    variance = np.einsum("np,npq,nq->n", slopes, known, slopes)
    endless = (~np.isfinite(fit.spread[:, :EFFICACIES]) & (slopes != 0)).any(axis=-1)
    return beta, np.where(endless, np.inf, np.sqrt(np.maximum(variance, 0.0)))
