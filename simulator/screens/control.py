"""Control coefficients: the relative change of a measure for a relative change of a parameter.

C = d ln m / d ln p (Kacser & Burns 1973; Heinrich & Rapoport 1974), from exact sensitivities of
everything that the measure reads, and the measure's own derivative along them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConditionError
from ..simulation.sensitivities import PARAMETER, sensitivities
from .measures import Asked, Function, asked

if TYPE_CHECKING:
    from os import PathLike

    import xarray as xr

    from ..simulation.model import Model

STEP = 1e-4
"""How far a measure's arguments are moved to differentiate it, in units of the largest of them."""

STENCIL = ((1.0, 8.0), (2.0, -1.0))  # fourth order, over 12 h; nothing is simulated for it

NOT_SIMULATED = ("store", "executor", "method", "progress")


def control_coefficients(
    model: Model | str | PathLike[str],
    measure: str | Function | None = None,
    *,
    time: Any = None,
    parameters: Sequence[str] | None = None,
    output: str | None = None,
    dose: str | None = None,
    **factors: Any,
) -> xr.Dataset:
    """Local control coefficients of a measure by parameters, in every condition.

    Parameters
    ----------
    parameters
        Constants of the model; default: all.
    model, measure, time, output, dose, **factors
        As of `screen`, with options of `Model.simulate` but `store`, `executor`, `progress` and
        `method` (it is a Rosenbrock method). With an output as measure and several times, all of
        them are kept.

    Returns
    -------
    xarray.Dataset
        With dims (parameter, the conditions'): ``control``, C = d ln m / d ln p, dimensionless, NaN
        where m is 0; ``slope``, d m / d ln p, in the measure's unit; and the measure itself, under
        its name, without the dimension. They hold through the state of rest with which a run
        begins, and through the vehicle that viability is relative to. A measure that is a bound
        (of a dose not reached) has none: NaN.

    Raises
    ------
    ConditionError
        As `screen`.
    ModelError
        The model has algebraic rules or delayed events, which are not differentiated.
    IntegrationError
        As `Model.simulate`.
    """
    import xarray as xr

    what = asked(model, measure, time, output, dose, factors)
    _check_options(what)
    values, slopes = sensitivities(
        what.model,
        what.time,
        parameters,
        set=what.set or None,
        outputs=what.measure.outputs,
        **{k: v for k, v in what.options.items() if k not in NOT_SIMULATED},
        **what.factors,
    )
    if what.measure.output and not what.measure.dose:
        name = next(iter(slopes.data_vars))
        found, slope = values[name], slopes[name]
        if values.sizes["time"] == 1:
            found, slope = found.isel(time=0, drop=True), slope.isel(time=0, drop=True)
    else:
        found = what.measure.of(values)
        slope = _along(what.measure.of, values, slopes)
    slope = slope.transpose(PARAMETER, *found.dims)
    if "bound" in found.coords:
        slope = slope.where(found["bound"] == "=")
    control = slope / found.where(found != 0)
    unit = str(found.attrs.get("units", ""))
    control.attrs = {"long_name": f"d ln {what.measure.name} / d ln p", "units": "dimensionless"}
    slope.attrs = {"long_name": f"d {what.measure.name} / d ln p", "units": unit}
    ds = xr.Dataset({"control": control, "slope": slope, what.measure.name: found})
    ds.attrs = dict(values.attrs) | {"measure": what.measure.name}
    return ds


def _along(of: Function, values: xr.Dataset, slopes: xr.Dataset) -> Any:
    """The measure's derivative along the sensitivities (..., parameter).

    A central difference of the measure alone, which is a formula: its error is of the order of
    STEP^4, and rounding. On a kink (the cap of auc400 at 100 %) it is the mean of both sides.
    """
    names = [name for name in slopes.data_vars if values[name].dtype.kind == "f"]
    total: Any = 0.0
    step = _steps(values, slopes, names)
    for far, weight in STENCIL:
        for sign in (1.0, -1.0):
            moved = {name: values[name] + sign * far * step * slopes[name] for name in names}
            there = of(values.assign(moved)).drop_vars("bound", errors="ignore")
            total = total + sign * weight * there
    return total / (12.0 * step)


def _steps(values: xr.Dataset, slopes: xr.Dataset, names: Sequence[Any]) -> xr.DataArray:
    """For each parameter the step after which no argument has moved by more than STEP of itself."""
    largest: Any = 0.0
    for name in names:
        others = [dim for dim in slopes[name].dims if dim != PARAMETER]
        size = float(abs(values[name]).max())
        largest = np.maximum(largest, abs(slopes[name]).max(others) / (size or 1.0))
    step: xr.DataArray = STEP / largest.where(largest > 0, 1.0)
    return step


def _check_options(what: Asked) -> None:
    for name in NOT_SIMULATED:
        if what.options.get(name) is not None:
            raise ConditionError(f"{name}= has no meaning for control coefficients: leave it out.")
