"""Treatments as rows of PEtab's condition table: untreated cells at rest, then what is done."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..conditions import make_design, resolve
from ..errors import ConditionError
from .model_file import SWITCH, Shared
from .treatments import Treatment, as_columns, label

if TYPE_CHECKING:
    from ..simulation.model import Model

Cell = float | None
"""What a condition sets; None leaves it to the model, or to what was before."""


class Setting(NamedTuple):
    """What a treatment makes of a constant: `value`, which is set or the model's times `factor`."""

    value: float
    is_set: bool
    factor: float


@dataclass(frozen=True)
class Resolved:
    """What treatments set, in numbers.

    constants : treatment -> constant -> setting, from before t = 0.
    starts : treatment -> dose parameter or state -> value from t = 0 on; None: as it was.
    """

    constants: Mapping[Treatment, Mapping[str, Setting]]
    starts: Mapping[Treatment, Mapping[str, Cell]]


@dataclass(frozen=True)
class Conditions:
    """Rows of a condition table.

    columns : ids of the model that conditions set.
    names : condition -> its name for a reader.  values : condition -> (columns,).
    of : treatment -> (condition before t = 0, or empty; condition from t = 0 on).
    shared : estimated parameters that some treatments set or multiply.
    """

    columns: tuple[str, ...]
    names: Mapping[str, str]
    values: Mapping[str, tuple[Cell, ...]]
    of: Mapping[Treatment, tuple[str, str]]
    shared: tuple[Shared, ...]


def resolved(model: Model, treatments: Sequence[Treatment]) -> Resolved:
    """What distinct treatments set before and from t = 0.

    Raises
    ------
    ConditionError
        Factors contradict each other.
    """
    import pandas as pd

    index = pd.RangeIndex(len(treatments))
    table = pd.DataFrame(as_columns(treatments), index=index)
    design = make_design(model.definition, {}, table, names=model.names).whole()
    numbers = resolve(design, model.kernel.initial.baseline)
    shape = (len(treatments),)
    constants: dict[Treatment, dict[str, Setting]] = {each: {} for each in treatments}
    starts: dict[Treatment, dict[str, Cell]] = {each: {} for each in treatments}
    for name, array in numbers.before.items():
        columns = (array, numbers.given[name], numbers.factor[name])
        rows = zip(*(np.broadcast_to(each, shape).tolist() for each in columns), strict=True)
        for treatment, row in zip(treatments, rows, strict=True):
            constants[treatment][name] = Setting(*row)
    for name, array in numbers.start.items():
        for treatment, value in zip(
            treatments, np.broadcast_to(array, shape).tolist(), strict=True
        ):
            starts[treatment][name] = None if math.isnan(value) else value
    return Resolved(constants, starts)


def make_conditions(model: Model, found: Resolved, estimated: Collection[str]) -> Conditions:
    """Rows for treatments, with what they make of estimated parameters as factors.

    Raises
    ------
    ConditionError
        A treatment multiplies what the model computes from something else.
    """
    at_rest = model.definition.start == "steady_state"
    shared = _shared(model, found, estimated)
    before, after = {}, {}
    for treatment in found.constants:
        before[treatment] = _before(model, treatment, found, estimated, shared)
        after[treatment] = before[treatment] | {
            name: value for name, value in found.starts[treatment].items() if value is not None
        }
        if at_rest and model.definition.population:
            before[treatment][SWITCH], after[treatment][SWITCH] = 0.0, 1.0
    every = [*before.values(), *after.values()]
    columns = tuple({n: None for row in every for n, value in row.items() if value is not None})
    names: dict[str, str] = {}
    values: dict[str, tuple[Cell, ...]] = {}
    of = {}
    for treatment in found.constants:
        start = ""
        if at_rest:
            cell = f"{label(_untreated(model, treatment), model.names)}, untreated"
            start = _condition(cell, before[treatment], columns, names, values)
        given = label(treatment, model.names)
        of[treatment] = start, _condition(given, after[treatment], columns, names, values)
    return Conditions(columns, names, values, of, tuple(shared.values()))


def _shared(model: Model, found: Resolved, estimated: Collection[str]) -> dict[str, Shared]:
    """The estimated parameters that some treatment changes, with ids for what they need."""
    taken = {*model.names.kinds, SWITCH}
    shared = {}
    for name in estimated:
        settings = [constants.get(name) for constants in found.constants.values()]
        if any(s is not None and (s.is_set or s.factor != 1) for s in settings):
            ids = []
            for end in ("here", "factor", "fixed"):
                ids.append(unique_id(f"{name}_{end}", taken))
                taken.add(ids[-1])
            shared[name] = Shared(name, *ids)
    return shared


def _before(
    model: Model,
    treatment: Treatment,
    found: Resolved,
    estimated: Collection[str],
    shared: Mapping[str, Shared],
) -> dict[str, Cell]:
    """What is set of an untreated cell."""
    baseline, computed = model.kernel.initial.baseline, model.kernel.initial.definitions
    states = {s.id for s in model.network.species}
    row: dict[str, Cell] = {
        name: baseline.get(name) for name in found.starts[treatment] if name not in states
    }
    for name, (value, is_set, factor) in found.constants[treatment].items():
        if name in shared:
            row[shared[name].factor] = 0.0 if is_set else factor
            row[shared[name].fixed] = value if is_set else 0.0
        elif name in computed and not is_set:
            if factor != 1:
                raise ConditionError(
                    f'{label(treatment, model.names)}: multiplies "{name}", which the model '
                    "computes from something else; PEtab has no such change. Set it to a number "
                    f'in a column "{name}".'
                )
            row[name] = None
        elif name not in estimated:
            row[name] = value
    return row


def _untreated(model: Model, treatment: Treatment) -> Treatment:
    """What of a treatment is there before t = 0."""
    late = ("dose", "state")
    return tuple(each for each in treatment if model.names.factor(each[0]).kind not in late)


def _condition(
    name: str,
    row: Mapping[str, Cell],
    columns: Sequence[str],
    names: dict[str, str],
    values: dict[str, tuple[Cell, ...]],
) -> str:
    """The condition of these values: one that is there already, or a new one."""
    own = tuple(row.get(column) for column in columns)
    for condition, other in values.items():
        if other == own:
            return condition
    condition = unique_id(name, names)
    names[condition], values[condition] = name, own
    return condition


def unique_id(name: str, taken: Iterable[str]) -> str:
    """An id of PEtab that is like a name, and new: letters, digits and _ only, no digit first."""
    found = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "_"
    found = f"_{found}" if found[0].isdigit() else found
    taken = {*taken}
    number, first = 1, found
    while found in taken:
        number += 1
        found = f"{first}_{number}"
    return found
