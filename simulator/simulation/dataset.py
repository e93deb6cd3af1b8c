"""Arrays back into names: the labelled result, and the sentence about runs that failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..conditions import Axis, Design, LazyDesign
from ..conditions.factors import RESERVED
from ..conditions.warning import warn
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

LISTED = 5  # failed runs of a kind that are named in a message
MOST_LISTED = 20  # failed runs that are listed with their factors


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
    coordinates = result_coordinates(model, design, times, wanted)
    if times is not None:
        dims, shape = (*dims, "time"), (*shape, times.size)
    variables: dict[str, Any] = {
        variable_name(readout.id): (dims, values.reshape(shape), attributes_of(readout))
        for readout, values in zip(wanted, outcome.outputs, strict=True)
    }
    kinds, kind = np.unique(outcome.status, return_inverse=True)
    words = np.array([Status(int(k)).name for k in kinds])[kind].reshape(design.shape)
    variables["status"] = (design.dims, words, {"long_name": "how the run ended"})
    return xr.Dataset(variables, coordinates, provenance(model, options))


def result_coordinates(
    model: Model, design: Design | LazyDesign, times: Array | None, wanted: Sequence[Readout]
) -> dict[str, Any]:
    """Coordinates of a result, but those of rows that are read when they are needed."""
    found: dict[str, Any] = {}
    units = {name: {"units": unit} for name, unit in design.units.items() if unit}
    names = {readout.id for readout in wanted}  # which is asked for as an output is one
    for axis in design.axes:
        if isinstance(axis, Axis):
            found[axis.name] = (axis.name, _labels(axis.labels), units.get(axis.name))
            for name, values in axis.coordinates.items():
                if name not in names:
                    found[name] = (axis.name, values, units.get(name))
    if times is not None:
        found["time"] = ("time", times, {"units": model.network.time_unit})
    for name, label in design.coordinates.items():
        if name not in names:
            found[name] = ((), label, units.get(name))
    return found


def variable_name(output: str) -> str:
    """Name of an output in a result: its id, with a suffix if that is `time` or `status`."""
    return f"{output}_value" if output in RESERVED else output


def _labels(labels: Sequence[Any]) -> NDArray[Any]:
    return np.array(labels, dtype=str if isinstance(labels[0], str) else None)


def attributes_of(readout: Readout) -> dict[str, str]:
    """Attributes of an output: its name and unit, and what it is relative to."""
    attributes = {"long_name": readout.name, "units": readout.unit}
    if readout.relative_to:
        attributes["relative_to"] = readout.relative_to
    return attributes


@cache
def _version(distribution: str) -> str:
    return version(distribution)


def provenance(model: Model, options: Options) -> dict[str, Any]:
    """Attributes of a result: what it was made from, and how."""
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


class Failed(NamedTuple):
    """A run that failed: its number, its status, when, and the state that held it up (or -1)."""

    run: int
    status: int
    time: float
    state: int


def report_failures(
    model: Model,
    design: Design | LazyDesign,
    failed: Iterable[Failed],
    options: Options,
    listed: bool = False,
) -> None:
    """Warn once about failed runs, or raise; the warning is of the line that called the model.

    listed : whether the message ends with a list of the first of them and their factors.

    Raises
    ------
    IntegrationError
        Every run failed, or some did and `on_failure` is "raise".
    """
    counts: Counter[int] = Counter()
    first: list[Failed] = []
    for each in failed:  # may be as many as there are runs: only the first are kept
        counts[each.status] += 1
        if len(first) < MOST_LISTED or counts[each.status] <= LISTED:
            first.append(each)
    if not counts:
        return
    message = _failure_sentence(model, design, counts, first, options.tolerances)
    if listed:
        message += _failure_list(model, design, first[:MOST_LISTED], sum(counts.values()))
    if options.on_failure == "raise" or sum(counts.values()) == design.size:
        raise IntegrationError(message)
    warn(message, RuntimeWarning)


def failed_runs(outcome: Outcome) -> list[Failed]:
    """The runs that failed, in order."""
    which = np.flatnonzero(outcome.status != Status.SUCCESS)
    columns = (which, outcome.status[which], outcome.failed_at[which], outcome.state[which])
    return [Failed(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _failure_sentence(
    model: Model,
    design: Design | LazyDesign,
    counts: Mapping[int, int],
    first: Sequence[Failed],
    tolerances: Tolerances,
) -> str:
    """What failed, where first, and what to do about it."""
    parts = []
    for kind in sorted(counts):
        runs = [each.run for each in first if each.status == kind][:LISTED]
        named = ", ".join(map(str, runs))
        more = f" and {counts[kind] - LISTED} more" if counts[kind] > LISTED else ""
        parts.append(f"{Status(kind).name} in run{'s' * (counts[kind] > 1)} {named}{more}")
    where = _factors(design, first[0].run)
    at = f"first {_moment(model, first[0])}"
    place = f"{at}; {where}" if where else at
    remedies = " ".join(dict.fromkeys(Status(kind).sentence for kind in sorted(counts)))
    budget = f" (max_steps is {tolerances.max_steps}, rtol {tolerances.rtol:g})"
    return (
        f"{sum(counts.values())} of {design.size} runs failed: {'; '.join(parts)} ({place})."
        f" {remedies}{budget if Status.STEP_LIMIT in counts else ''}"
    )


def _failure_list(
    model: Model, design: Design | LazyDesign, failed: Sequence[Failed], total: int
) -> str:
    lines = [
        f"\n  run {each.run}: {Status(each.status).name} {_moment(model, each)};"
        f" {_factors(design, each.run)}"
        for each in failed
    ]
    more = f"\n  and {total - len(failed)} more: see `status`" if total > len(failed) else ""
    return "".join(lines) + more


def _moment(model: Model, failed: Failed) -> str:
    at = f"at t = {failed.time:.4g} {model.network.time_unit}".rstrip()
    return f"{at}, at {model.kernel.states[failed.state]}" if failed.state >= 0 else at


def _factors(design: Design | LazyDesign, run: int) -> str:
    return ", ".join(f"{name}={label}" for name, label in design.label(run).items())
