"""The dose axes of a response: checking them, and applying a measure over all other dimensions."""

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
import xarray as xr

from ..errors import ConditionError, did_you_mean

# Code of a bound as the numerical functions return it, and its sign in the coordinate `bound`.
EXACT, BELOW, ABOVE = 0, -1, 1
BOUND_SIGN = {EXACT: "=", BELOW: "<", ABOVE: ">"}

# Viabilities handed to a measure at once, so that its working arrays stay below some 100 MB
# however many curves there are.
BLOCK = 1 << 18

# Which way a measure of two drugs is read.
INDEX_DIRECTION = "below 1 is synergy, above 1 antagonism"
EXCESS_DIRECTION = "above 0 is synergy, below 0 antagonism"
DOSE_DIRECTION = "lower is more sensitive"

# Molar units of doses, in uM, as they are usually written; case matters.
MICROMOLAR = {"pM": 1e-6, "nM": 1e-3, "uM": 1.0, "mM": 1e3, "M": 1e6}
MICROMOLAR |= {f"{prefix}mol/l": MICROMOLAR[f"{prefix}M"] for prefix in ("p", "n", "u", "m", "")}

# A live fraction above 10 is no growth advantage but a percentage.
LARGEST_FRACTION = 10.0


def sorted_by_dose(
    da: object,
    dims: Sequence[str],
    measure: str,
    *,
    zero_needed: bool,
    fewest: int = 2,
) -> xr.DataArray:
    """`da` with rising doses along `dims`, after checking that it is a dose-response.

    `fewest` counts doses above zero. Dask arrays stay lazy, the dose dimensions in one chunk.
    Raises ConditionError for anything else than a DataArray over numeric, distinct, non-negative
    doses; that its values are fractions is checked when they are there.
    """
    if isinstance(da, xr.Dataset):
        names = ", ".join(map(str, list(da.data_vars)[:3]))
        raise ConditionError(
            f"{measure} takes one DataArray, not a Dataset; pick an output of it"
            f' ({names}, ...), usually ds["viability"].'
        )
    if not isinstance(da, xr.DataArray):
        raise ConditionError(
            f"{measure} takes an xarray.DataArray with a dose dimension, found a"
            f" {type(da).__name__}."
        )
    if len(set(dims)) < len(dims):
        raise ConditionError(
            f'{measure} needs two different drugs, found "{dims[0]}" twice; simulate one drug with'
            " itself as two dimensions of other names."
        )
    for dim in dims:
        check_doses(da, dim, measure, zero_needed=zero_needed, fewest=fewest)
    rising: xr.DataArray = da.astype(float).sortby(list(dims))
    # Infinite, where the vehicle has no live cell: as good as missing.
    rising = rising.where(np.isfinite(rising))
    if rising.chunks is None:
        _check_fractions(rising.values, measure)
        return rising
    return rising.chunk(dict.fromkeys(dims, -1))


def _check_fractions(values: np.ndarray, measure: str) -> None:
    finite = values[np.isfinite(values)]
    if finite.size and finite.max() > LARGEST_FRACTION:
        raise ConditionError(
            f"{measure} takes viability as a fraction (1 = untreated), found values up to"
            f" {finite.max():g}; if they are percent, divide by 100."
        )


def check_doses(
    da: xr.DataArray, dim: str, measure: str, *, zero_needed: bool, fewest: int
) -> None:
    """Raise ConditionError unless `dim` is a dimension of numeric, distinct doses >= 0."""
    if dim not in da.dims:
        found = ", ".join(f'"{d}"' for d in da.dims) or "none"
        raise ConditionError(
            f'{measure}: "{dim}" is no dimension of the data, which has {found}; give the drug as'
            f" a list of doses in simulate.{did_you_mean(dim, map(str, da.dims))}"
        )
    if dim not in da.coords or not np.issubdtype(da[dim].dtype, np.number):
        raise ConditionError(
            f'{measure}: the dimension "{dim}" has no numeric doses as its coordinate; a measure'
            " needs constant doses, not schedules."
        )
    doses = np.asarray(da[dim].values, dtype=float)
    if not np.all(np.isfinite(doses)):
        raise ConditionError(f'{measure}: a dose of "{dim}" is not a finite number.')
    if doses.size and doses.min() < 0:
        raise ConditionError(
            f'{measure}: a dose of "{dim}" is negative ({doses.min():g}); doses start at 0.'
        )
    if np.unique(doses).size < doses.size:
        raise ConditionError(f'{measure}: a dose of "{dim}" occurs twice; each may occur once.')
    if zero_needed and not np.any(doses == 0):
        raise ConditionError(
            f'{measure} needs the dose 0 of "{dim}" as its reference, found doses from'
            f" {doses.min():g}; add 0 to the list of doses."
        )
    above_zero = int(np.sum(doses > 0))
    if above_zero < fewest:
        raise ConditionError(
            f'{measure} needs at least {fewest} doses of "{dim}" above 0, found {above_zero}.'
        )


def applied(
    function: Callable[[np.ndarray], Sequence[np.ndarray]],
    da: xr.DataArray,
    dims: Sequence[str],
    *,
    measure: str,
    outputs: Sequence[object],
    kept: Sequence[str] = (),
) -> list[xr.DataArray]:
    """What `function` makes of the values over `dims`, for all points of the other dimensions.

    function : (points, *doses) -> one array (points, *kept doses) per type in `outputs`. `kept` are
    the core dimensions of the results (none: one number each), of which the doses above 0 remain.
    A dask array is worked on chunk by chunk, when the result is computed.
    """
    above_zero = da.isel({dim: da[dim].values > 0 for dim in kept})

    def in_blocks(values: np.ndarray) -> tuple[np.ndarray, ...]:
        if da.chunks is not None:
            _check_fractions(values, measure)
        points = values.shape[: values.ndim - len(dims)]
        core = values.shape[values.ndim - len(dims) :]
        flat = values.reshape((prod(points), *core))
        step = max(1, BLOCK // prod(core))
        starts = range(0, max(1, len(flat)), step)
        parts = [function(flat[start : start + step]) for start in starts]
        whole = (np.concatenate(part) for part in zip(*parts, strict=True))
        return tuple(array.reshape((*points, *array.shape[1:])) for array in whole)

    results = xr.apply_ufunc(
        in_blocks,
        da,
        input_core_dims=[list(dims)],
        output_core_dims=[list(kept)] * len(outputs),
        exclude_dims=set(dims),
        keep_attrs=False,
        dask="parallelized",
        output_dtypes=list(outputs),
        dask_gufunc_kwargs={"output_sizes": {dim: above_zero.sizes[dim] for dim in kept}},
    )
    doses = {dim: above_zero[dim] for dim in kept}
    return [described_as(result.assign_coords(doses), da) for result in results]


def described_as(result: xr.DataArray, da: xr.DataArray) -> xr.DataArray:
    """The result, its coordinates with units and descriptions of those of `da`."""
    for name in set(result.coords) & set(da.coords):
        result[name].attrs = dict(da[name].attrs)
    return result


def measured(
    function: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    da: xr.DataArray,
    dims: Sequence[str],
    *,
    kept: Sequence[str] = (),
    name: str,
    units: str,
    direction: str,
) -> xr.DataArray:
    """The result of a measure, where `function` returns its values and the codes of their bounds.

    `kept` as in `applied`; `direction` says which way the number is read.
    """

    def signed(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value, code = function(values)
        return value, bound_signs(code)

    value, signs = applied(signed, da, dims, measure=name, outputs=[float, "U1"], kept=kept)
    result: xr.DataArray = value.assign_coords(bound=signs.variable)
    result.name = name
    result.attrs = {"units": units, "direction": direction}
    return result


def bound_signs(code: np.ndarray) -> np.ndarray:
    """The signs of bounds, `=`, `<` or `>`, of their codes."""
    return np.select(
        [code == BELOW, code == ABOVE],
        [BOUND_SIGN[BELOW], BOUND_SIGN[ABOVE]],
        default=BOUND_SIGN[EXACT],
    )


def dose_units(da: xr.DataArray, dim: str) -> str:
    """Unit of the doses along `dim`; uM, the bundled model's, where the data do not say."""
    return str(da[dim].attrs.get("units", "uM"))


def per_micromolar(da: xr.DataArray, dim: str) -> float:
    """What 1 uM is in the unit of the doses along `dim`; 1 where that is no molar unit."""
    unit = dose_units(da, dim).strip().replace("µ", "u").replace("μ", "u").replace("L", "l")
    return 1.0 / MICROMOLAR.get(unit, 1.0)
