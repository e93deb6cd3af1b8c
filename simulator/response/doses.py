"""The dose axes of a response: checking them, and applying a measure over all other dimensions."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ..errors import ConditionError, did_you_mean

# Code of a bound as the numerical functions return it, and its sign in the coordinate `bound`.
EXACT, BELOW, ABOVE = 0, -1, 1
BOUND_SIGN = {EXACT: "=", BELOW: "<", ABOVE: ">"}

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
    """`da` in memory with rising doses along `dims`, after checking that it is a dose-response.

    `fewest` counts doses above zero. Raises ConditionError for anything else than a DataArray
    of fractions over numeric, distinct, non-negative doses.
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
    da = da.compute().astype(float)
    values = da.values
    finite = values[np.isfinite(values)]
    if finite.size and finite.max() > LARGEST_FRACTION:
        raise ConditionError(
            f"{measure} takes viability as a fraction (1 = untreated), found values up to"
            f" {finite.max():g}; if they are percent, divide by 100."
        )
    rising: xr.DataArray = da.sortby(list(dims))
    return rising


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


def measured(
    function: Callable[..., tuple[Any, Any]],
    da: xr.DataArray,
    dims: Sequence[str],
    *,
    kept: Sequence[str] = (),
    name: str,
    units: str,
) -> xr.DataArray:
    """`function(values over dims) -> (value, bound code)` at every point of the other dimensions.

    `kept` are the core dimensions of the result (none: one number each), which must already be
    coordinates of the result's length, that is, the doses above zero.
    """
    core = list(dims)
    positive = da
    for dim in kept:
        positive = positive.sel({dim: positive[dim] > 0})
    value, code = xr.apply_ufunc(
        function,
        da,
        input_core_dims=[core],
        output_core_dims=[list(kept), list(kept)],
        exclude_dims=set(core),
        vectorize=True,
        output_dtypes=[float, int],
    )
    for dim in kept:
        value = value.assign_coords({dim: positive[dim]})
    signs = np.full(code.shape, BOUND_SIGN[EXACT])
    signs[code.values == BELOW] = BOUND_SIGN[BELOW]
    signs[code.values == ABOVE] = BOUND_SIGN[ABOVE]
    result: xr.DataArray = value.assign_coords(bound=(value.dims, signs))
    result.name = name
    result.attrs = {"units": units}
    return result


def dose_units(da: xr.DataArray, dim: str) -> str:
    """Unit of the doses along `dim`; uM, the bundled model's, where the data do not say."""
    return str(da[dim].attrs.get("units", "uM"))
