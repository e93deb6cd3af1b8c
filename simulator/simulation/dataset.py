"""Arrays back into names: the labelled result, and the sentence about runs that failed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..conditions import Design
from ..conditions.factors import RESERVED
from ..errors import IntegrationError
from ..integrator.status import Status
from ..integrator.system import Tolerances
from .options import Options
from .readouts import Readout
from .runs import Outcome

if TYPE_CHECKING:
    import xarray as xr

    from .model import Model

Array = NDArray[np.float64]

LISTED = 5  # failed runs named in a message


def to_dataset(
    model: Model,
    design: Design,
    outcome: Outcome,
    times: Array | None,
    wanted: Sequence[Readout],
    options: Options,
) -> xr.Dataset:
    """The labelled result of a design.

    Parameters
    ----------
    outcome
        Outputs in the order of `wanted`, at these times.
    times
        None drops the dimension (a steady state).
    """
    import xarray as xr

    dims: tuple[str, ...] = design.dims
    shape: tuple[int, ...] = design.shape
    coordinates: dict[str, Any] = {}
    units = {name: {"units": unit} for name, unit in design.units.items() if unit}
    for axis in design.axes:
        coordinates[axis.name] = (axis.name, _labels(axis.labels), units.get(axis.name))
        for name, values in axis.coordinates.items():
            coordinates[name] = (axis.name, values, units.get(name))
    if times is not None:
        coordinates["time"] = ("time", times, {"units": model.network.time_unit})
        dims, shape = (*dims, "time"), (*shape, times.size)
    names = {readout.id for readout in wanted}
    for name, label in design.coordinates.items():
        if name not in names:
            coordinates[name] = ((), label, units.get(name))
    variables: dict[str, Any] = {
        variable_name(readout.id): (dims, values.reshape(shape), _attributes(readout))
        for readout, values in zip(wanted, outcome.outputs, strict=True)
    }
    kinds, kind = np.unique(outcome.status, return_inverse=True)
    words = np.array([Status(int(k)).name for k in kinds])[kind].reshape(design.shape)
    variables["status"] = (design.dims, words, {"long_name": "how the run ended"})
    return xr.Dataset(variables, coordinates, _provenance(model, options))


def variable_name(output: str) -> str:
    """Name of an output in a result: its id, with a suffix if that is `time` or `status`."""
    return f"{output}_value" if output in RESERVED else output


def _labels(labels: Sequence[Any]) -> NDArray[Any]:
    return np.array(labels, dtype=str if isinstance(labels[0], str) else None)


def _attributes(readout: Readout) -> dict[str, str]:
    attributes = {"long_name": readout.name, "units": readout.unit}
    if readout.relative_to:
        attributes["relative_to"] = readout.relative_to
    return attributes


@cache
def _version(distribution: str) -> str:
    return version(distribution)


def _provenance(model: Model, options: Options) -> dict[str, Any]:
    return {
        "model": model.definition.name,
        "model_hash": model.hash,
        "steroidsim_version": __version__,
        "numba_version": _version("numba"),
        "numpy_version": np.__version__,
        "method": options.method,
        "start": options.start,
        "rtol": options.tolerances.rtol,
        "atol": options.tolerances.atol,
        "max_steps": options.tolerances.max_steps,
    }


def report_failures(
    model: Model,
    design: Design,
    outcome: Outcome,
    options: Options,
) -> None:
    """Warn once about failed runs, or raise; the warning is of the line that called the model.

    Raises
    ------
    IntegrationError
        Every run failed, or some did and `on_failure` is "raise".
    """
    failed = np.flatnonzero(outcome.status != Status.SUCCESS)
    if not failed.size:
        return
    message = _failure_sentence(model, design, outcome, failed, options.tolerances)
    if options.on_failure == "raise" or failed.size == outcome.status.size:
        raise IntegrationError(message)
    warnings.warn(message, RuntimeWarning, stacklevel=4)


def _failure_sentence(
    model: Model,
    design: Design,
    outcome: Outcome,
    failed: NDArray[np.intp],
    tolerances: Tolerances,
) -> str:
    kinds = sorted(set(outcome.status[failed].tolist()))
    parts = []
    for kind in kinds:
        runs = failed[outcome.status[failed] == kind]
        named = ", ".join(str(r) for r in runs[:LISTED])
        more = f" and {runs.size - LISTED} more" if runs.size > LISTED else ""
        parts.append(f"{Status(kind).name} in run{'s' * (runs.size > 1)} {named}{more}")
    first = int(failed[0])
    where = ", ".join(f"{name}={label}" for name, label in design.label(first).items())
    at = f"first at t = {outcome.failed_at[first]:.4g} {model.network.time_unit}".rstrip()
    if outcome.state[first] >= 0:
        at += f", at {model.kernel.states[outcome.state[first]]}"
    place = f"{at}; {where}" if where else at
    remedies = " ".join(dict.fromkeys(Status(kind).sentence for kind in kinds))
    budget = f" (max_steps is {tolerances.max_steps}, rtol {tolerances.rtol:g})"
    return (
        f"{failed.size} of {outcome.status.size} runs failed: {'; '.join(parts)} ({place})."
        f" {remedies}{budget if Status.STEP_LIMIT in kinds else ''}"
    )
