"""What a screen looks at: one number of each run, or of each dose-response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..conditions import Axis, make_design
from ..errors import ConditionError, did_you_mean
from ..network.definition import OPTIONS
from ..response import AUC_RANGE, auc400, ec50, ic50
from ..simulation.dataset import variable_name
from ..simulation.load import load_model
from ..simulation.model import Model

if TYPE_CHECKING:
    from os import PathLike

    import xarray as xr

Function = Callable[["xr.Dataset"], "xr.DataArray"]

OF_DOSES: Mapping[str, Callable[..., xr.DataArray]] = {"auc400": auc400, "ic50": ic50, "ec50": ec50}
"""Measures of a dose-response by name."""

VIABILITY = "viability"
"""Output that dose-responses are of, where none is named."""


@dataclass(frozen=True)
class Measure:
    """A measure, ready to be taken.

    outputs : what it needs of a simulation; None: the model's default outputs.
    of : Dataset -> DataArray, over all dimensions of the Dataset's runs but the dose's.
    dose : dimension of the doses, "" where it has none.
    output : the one output it is of, "" where it is a function.
    """

    name: str
    outputs: list[str] | None
    of: Function
    dose: str = ""
    output: str = ""


@dataclass(frozen=True)
class Asked:
    """A question as it was put, checked: the measure of a model in the conditions of `factors`."""

    model: Model
    measure: Measure
    time: Any
    factors: Mapping[str, Any]
    set: Mapping[str, Any]
    options: Mapping[str, Any]


def asked(
    model: Model | str | PathLike[str],
    measure: str | Function | None,
    time: Any,
    output: str | None,
    dose: str | None,
    given: Mapping[str, Any],
) -> Asked:
    """What is asked for, with the model's own answers to what is left out.

    Those are in the block `predict:` of its model.yaml: a drug and its doses, the range of auc400,
    and the time.

    Raises
    ------
    ConditionError
        Something named is unknown or missing, or the measure cannot be taken of what is swept.
    """
    found = model if isinstance(model, Model) else load_model(model)
    options = {k: v for k, v in given.items() if k in OPTIONS or k == "max_steps"}
    factors = {k: v for k, v in given.items() if k not in options}
    ids = options.pop("set", None) or {}
    settings = found.definition.settings.get("predict") or {}
    if measure is None:
        measure = "auc400" if "steroid" in settings else None
    if time is None:
        time = settings.get("hours")
    if measure is None or time is None:
        what = "measure" if measure is None else "time"
        raise ConditionError(f"{what}= is missing, and {found.definition.name} has no default.")
    if not (isinstance(measure, str) or callable(measure)):
        raise ConditionError(
            f"measure= is {measure!r}; it must be the name of one measure, the id of one output, or"
            " a function of the simulated Dataset: call once for each."
        )
    if measure in OF_DOSES and not dose and not _swept(found, factors, ids):
        factors = _default_doses(settings) | factors
    chosen = _measure(found, measure, output, dose, factors, ids, settings)
    return Asked(found, chosen, time, factors, ids, options)


def _measure(
    model: Model,
    measure: str | Function,
    output: str | None,
    dose: str | None,
    factors: Mapping[str, Any],
    ids: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> Measure:
    if callable(measure):
        name = getattr(measure, "__name__", "measure")
        return Measure(name, None if output is None else [_output(model, output)], measure)
    if not isinstance(measure, str):
        raise ConditionError(
            f"measure is {measure!r}; it must be {', '.join(OF_DOSES)}, an output or a function."
        )
    if measure not in OF_DOSES:
        if measure not in model.readable:
            known = [*OF_DOSES, *model.readable]
            raise ConditionError(
                f'measure "{measure}" is none of {", ".join(OF_DOSES)}, and no output of'
                f" {model.definition.name}.{did_you_mean(measure, known)}"
            )
        return Measure(measure, [measure], partial(_last, output=measure), output=measure)
    output = _output(model, VIABILITY if output is None else output)
    doses = _doses(model, measure, dose, factors, ids)
    more = {}
    if measure == "auc400":
        own = doses.name == settings.get("steroid")
        more = {"range": tuple(settings.get("auc_range", AUC_RANGE)) if own else AUC_RANGE}
    of = partial(_of_doses, output=output, function=partial(OF_DOSES[measure], **more), dose=doses)
    import xarray as xr

    probe = xr.DataArray(np.ones(doses.size), {doses.name: list(doses.labels)}, [doses.name])
    OF_DOSES[measure](probe, doses.name, **more)  # raises what is wrong with the doses
    return Measure(measure, [output], of, doses.name, output)


def alone(measure: Measure, ds: xr.Dataset) -> xr.DataArray | None:
    """What the output is at dose 0: without the drug whose dose-response is measured."""
    if not measure.dose:
        return None
    found = _last(ds, measure.output)
    if not (found[measure.dose] == 0).any():
        return None
    return found.sel({measure.dose: 0.0}, drop=True)


def _last(ds: xr.Dataset, output: str) -> xr.DataArray:
    return ds[variable_name(output)].isel(time=-1, drop=True)


def _of_doses(
    ds: xr.Dataset, output: str, function: Callable[..., xr.DataArray], dose: Axis
) -> xr.DataArray:
    return function(_last(ds, output), dose.name)


def _output(model: Model, output: str) -> str:
    if output not in model.readable:
        raise ConditionError(
            f'output "{output}" is not in {model.definition.name}.'
            f"{did_you_mean(output, model.readable)}"
        )
    return output


def _default_doses(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The drug that the model's predictions are about, with its doses."""
    grid = settings.get("steroid_doses")
    if "steroid" not in settings or not grid:
        return {}
    doses = np.geomspace(float(grid["low"]), float(grid["high"]), int(grid["points"]))
    return {str(settings["steroid"]): [0.0, *doses.tolist()]}


def _swept(model: Model, factors: Mapping[str, Any], ids: Mapping[str, Any]) -> list[Axis]:
    """What is swept that may be a dose: drugs and ligands, or else any number."""
    design = make_design(model.definition, factors, None, ids, model.names)
    axes = [axis for axis in design.axes if isinstance(axis, Axis)]
    numbers = [axis for axis in axes if not isinstance(axis.labels[0], str)]
    doses = [axis for axis in numbers if axis.name in model.definition.drugs]
    drugs = [a for a in doses if model.definition.drugs[a.name].kind == "drug"]
    return drugs or doses or numbers


def _doses(
    model: Model,
    measure: str,
    dose: str | None,
    factors: Mapping[str, Any],
    ids: Mapping[str, Any],
) -> Axis:
    """The axis of the doses."""
    swept = _swept(model, factors, ids)
    named = [axis for axis in swept if dose is None or axis.name == dose]
    if len(named) == 1:
        return named[0]
    if dose is not None:
        raise ConditionError(
            f'dose is "{dose}", which is not swept: give its doses as a list, {dose}=[0, 0.1, 1].'
            f"{did_you_mean(dose, [axis.name for axis in swept])}"
        )
    if not swept:
        raise ConditionError(
            f"{measure} is of a dose-response: give a list of doses, such as"
            f" {next(iter(model.definition.drugs), 'k1')}=[0, 0.1, 1, 10]."
        )
    names = " and ".join(f'"{axis.name}"' for axis in swept)
    raise ConditionError(f"{measure} is of one dose, but {names} are swept: say which, dose=...")
