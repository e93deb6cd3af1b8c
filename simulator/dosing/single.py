"""The lowest dose of one drug."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..conditions.schedules import number_of
from ..errors import ConditionError
from ..response.doses import BOUND_SIGN
from .cells import Array, Cells, Window, read_cells
from .fraction import Share, checked_fractions, dose_of_fraction
from .search import Code, Found, Search, lowest
from .settings import checked_drug, checked_number, dose_range, evaluated_at
from .target import checked_target

if TYPE_CHECKING:
    import xarray as xr

    from ..conditions.factors import Conditions
    from ..simulation.model import Model

PRECISION = 1e-3
PER_DECADE = 4


def lowest_dose(
    model: Model,
    drug: str,
    *,
    effect: float | None = None,
    output: str = "viability",
    below: float | None = None,
    above: float | None = None,
    time: float | None = None,
    range: tuple[float, float] | None = None,
    window: tuple[float, float | None] | None = None,
    fraction: float | list[float] | None = None,
    conditions: Conditions | None = None,
    rtol_dose: float = PRECISION,
    per_decade: int = PER_DECADE,
    **factors: Any,
) -> xr.Dataset:
    """The lowest dose of a drug that reaches a target, in every condition.

    The dose 0 and `per_decade` log-spaced doses per decade of `range` are simulated, and the first
    interval in which the target is reached is narrowed down: the dose found was simulated and
    reaches the target, and one lower by at most `rtol_dose` of it does not. A response need not be
    monotone; a bump narrower than the scan's intervals can be missed.

    Parameters
    ----------
    model
        From `simulator.load`.
    drug
        Its name.
    effect
        1 - output, of an output that is relative to the vehicle. Default 0.5. Or:
    output, below, above
        The output that counts, and the level at or below, or at or above, which it is to be.
    time
        When it is read, in the model's unit of time. Default: the hours of a prediction that the
        model's folder states.
    range
        Lowest and highest dose. Default: those of the folder's prediction; an error for a drug for
        which it states none.
    window
        (start, stop): when the drug is given; stop None: until the end. Default: from t = 0 on.
    fraction
        The lowest dose at which at least this fraction of the rows of `conditions` reaches the
        target, each at its own lowest dose or above; a list becomes the last dimension.
    conditions, **factors
        The conditions, and options of the simulation, as of `Model.simulate`.
    rtol_dose, per_decade
        Precision of the dose, and fineness of the scan.

    Returns
    -------
    xarray.Dataset
        Over the factors: `dose`, in the drug's unit; `bound`, `=`, or `<` where the lowest dose of
        the range already reaches the target (and 0 does not), or `>` where none does (the dose is
        then an end of the range: nothing is extrapolated); the output at that dose; `status`, not
        SUCCESS, and a dose that is NaN, where a run failed that may have reached the target first.
        With `fraction`, over the other factors: `dose` and `bound`, the `share` of samples that
        reach the target at that dose, the number `failed` of samples that are not determined, and
        `status`, not SUCCESS where the dose depends on these.

    Raises
    ------
    ConditionError
        Before any run: something named does not exist, or a value is not allowed.
    IntegrationError
        Every run of the first round failed; those of later rounds are marked.
    """
    checked_drug(model, drug)
    cells = read_cells(model, factors, conditions, [drug])
    fractions = checked_fractions(fraction, conditions)
    at = evaluated_at(model, time)
    low, high = dose_range(model, drug, range)
    search = Search(
        drug,
        low,
        high,
        checked_target(model, output, effect, below, above, cells.design.dims),
        at,
        checked_window(window, at),
        checked_number("rtol_dose", rtol_dose, 0, 0.5, "between 0 and 0.5"),
        checked_scan(per_decade),
    )
    names = ("dose", "bound", "status", search.target.variable)
    cells.dataset(dict.fromkeys(names, ((), 0)), {})  # names that clash, before any run
    found = lowest(cells, search, cells.every, {})
    cells.warn_of(found.status)
    if fractions is None:
        return _each(cells, search, found)
    return _of_cohort(cells, search, found, fractions, scalar=number_of(fraction) is not None)


def checked_scan(per_decade: Any) -> int:
    """Doses per decade of a scan.  Raises ConditionError for anything but a whole number >= 1."""
    if number_of(per_decade) is None or per_decade != int(per_decade) or per_decade < 1:
        raise ConditionError(f"per_decade is a whole number >= 1, not {per_decade!r}.")
    return int(per_decade)


def checked_window(window: Any, time: float) -> Window | None:
    """From when until when a drug is given.

    Raises ConditionError for anything but (start, stop) with 0 <= start < stop, or for a window
    that begins only when the output is read.
    """
    if window is None:
        return None
    ends = tuple(window) if isinstance(window, tuple | list) else ()
    start = number_of(ends[0]) if len(ends) == 2 else None
    stop = None if len(ends) < 2 or ends[1] is None else number_of(ends[1])
    open_end = len(ends) == 2 and ends[1] is None
    valid = start is not None and 0 <= start < math.inf
    if not valid or start is None or not (open_end or (stop is not None and start < stop)):
        raise ConditionError(
            f"window is (start, stop) with 0 <= start < stop, or (start, None), not {window!r}."
        )
    if start >= time:
        raise ConditionError(f"window begins at {start:g}, but the output is read at {time:g}.")
    return start, stop


def signs(code: Code) -> np.ndarray:
    """Bounds as `=`, `<` and `>`."""
    found = np.full(code.shape, "=")
    for number, sign in BOUND_SIGN.items():
        found[code == number] = sign
    return found


def described(cells: Cells, search: Search) -> dict[str, Any]:
    """Attributes of a result: what was searched."""
    return {
        "model": cells.model.definition.name,
        "model_hash": cells.model.hash,
        "target": str(search.target),
        "time": search.time,
        "time_unit": cells.model.network.time_unit,
        "range": [search.low, search.high],
        "rtol_dose": search.precision,
        "per_decade": search.per_decade,
    }


def unit_of(model: Model, drug: str) -> str:
    """Unit of a drug's dose."""
    return model.definition.drugs[drug].unit


def _each(cells: Cells, search: Search, found: Found) -> xr.Dataset:
    """One dose per condition."""
    dims, shape = cells.design.dims, cells.design.shape

    def over(values: np.ndarray, **attributes: str) -> tuple[Any, ...]:
        return dims, values.reshape(shape), attributes

    readout = cells.model.readable[search.target.output]
    units = unit_of(cells.model, search.drug)
    return cells.dataset(
        {
            "dose": over(found.dose, long_name=f"lowest dose of {search.drug}", units=units),
            "bound": over(signs(found.code)),
            search.target.variable: over(found.output, long_name=readout.name, units=readout.unit),
            "status": over(found.status.astype(str)),
        },
        {},
    ).assign_attrs(described(cells, search), drug=search.drug)


def _of_cohort(
    cells: Cells, search: Search, found: Found, fractions: Array, scalar: bool
) -> xr.Dataset:
    """One dose per fraction and condition beside the samples."""
    share = of_samples(cells, found, fractions)
    dims = (*cells.design.dims[1:], "fraction")
    units = unit_of(cells.model, search.drug)
    about = {"long_name": f"lowest dose of {search.drug} for the fraction", "units": units}
    variables = {
        "dose": (dims, share.dose, about),
        "bound": (dims, signs(share.code)),
        "share": (dims, share.share, {"long_name": "samples that reach the target at that dose"}),
        "failed": (dims[:-1], share.failed, {"long_name": "samples that are not determined"}),
        "status": (dims, share.status),
    }
    result = cells.dataset(variables, {"fraction": ("fraction", fractions)})
    result = without_samples(result, cells).assign_attrs(
        described(cells, search), drug=search.drug, samples=cells.design.shape[0]
    )
    return result.isel(fraction=0) if scalar else result


def of_samples(cells: Cells, found: Found, fractions: Array) -> Share:
    """Doses that serve fractions of the samples, which are the first dimension."""
    shape = cells.design.shape
    return dose_of_fraction(
        found.dose.reshape(shape),
        found.code.reshape(shape),
        found.status.reshape(shape),
        fractions,
    )


def without_samples(result: xr.Dataset, cells: Cells) -> xr.Dataset:
    """A result that has been reduced over the samples, without their labels."""
    return result.drop_dims(cells.design.dims[0])
