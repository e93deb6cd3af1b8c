"""Treatments as rows of PEtab's condition table: untreated cells at rest, then what is done."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..conditions import make_design, resolve
from ..errors import ConditionError
from .population import SWITCH
from .treatments import Treatment, as_columns, label

if TYPE_CHECKING:
    from ..simulation.model import Model

Cell = float | None
"""What a condition sets; None leaves it to the model, or to what was before."""


@dataclass(frozen=True)
class Conditions:
    """Rows of a condition table.

    columns : ids of the model that conditions set.
    names : condition -> its name for a reader.  values : condition -> (columns,).
    of : treatment -> (condition before t = 0, or empty; condition from t = 0 on).
    """

    columns: tuple[str, ...]
    names: Mapping[str, str]
    values: Mapping[str, tuple[Cell, ...]]
    of: Mapping[Treatment, tuple[str, str]]


def make_conditions(model: Model, treatments: Sequence[Treatment]) -> Conditions:
    """What distinct treatments set before and from t = 0.

    Raises
    ------
    ConditionError
        Factors contradict each other, or multiply what the model computes from something else.
    """
    at_rest = model.definition.start == "steady_state"
    before, after = _values(model, treatments)
    columns = _columns(before, after)
    if at_rest and model.definition.population:
        columns = (*columns, SWITCH)
        before = [row | {SWITCH: 0.0} for row in before]
        after = [row | {SWITCH: 1.0} for row in after]
    names: dict[str, str] = {}
    values: dict[str, tuple[Cell, ...]] = {}
    of = {}
    for treatment, early, late in zip(treatments, before, after, strict=True):
        start = ""
        if at_rest:
            cell = label(_untreated(model, treatment), model.names)
            start = _condition(f"{cell}, untreated", early, columns, names, values)
        given = label(treatment, model.names)
        of[treatment] = start, _condition(given, late, columns, names, values)
    return Conditions(columns, names, values, of)


def _values(
    model: Model, treatments: Sequence[Treatment]
) -> tuple[list[dict[str, Cell]], list[dict[str, Cell]]]:
    """Of each treatment, what it sets before t = 0, and from then on."""
    import pandas as pd

    index = pd.RangeIndex(len(treatments))
    table = pd.DataFrame(as_columns(treatments), index=index)
    design = make_design(model.definition, {}, table, names=model.names)
    baseline, computed = model.kernel.initial.baseline, model.kernel.initial.definitions
    numbers = resolve(design, baseline)
    shape = (len(treatments),)
    species = {s.id for s in model.network.species}
    before: list[dict[str, Cell]] = [{} for _ in treatments]
    after: list[dict[str, Cell]] = [{} for _ in treatments]
    for name, array in numbers.before.items():
        given = np.broadcast_to(numbers.given[name], shape)
        factor = np.broadcast_to(numbers.factor[name], shape)
        for k, value in enumerate(np.broadcast_to(array, shape).tolist()):
            cell: Cell = value
            if name in computed and not given[k]:
                if factor[k] != 1:
                    raise ConditionError(
                        f'{label(treatments[k], model.names)}: multiplies "{name}", which the '
                        f"model computes from something else; PEtab has no such change. Set "
                        f'"{name}" to a number in a column of that name.'
                    )
                cell = None
            before[k][name] = after[k][name] = cell
    for name, array in numbers.start.items():
        for k, value in enumerate(np.broadcast_to(array, shape).tolist()):
            if name not in species and name not in before[k]:
                before[k][name] = baseline.get(name)
                after[k][name] = baseline.get(name)
            if not math.isnan(value):
                after[k][name] = value
    return before, after


def _columns(*groups: Iterable[Mapping[str, Cell]]) -> tuple[str, ...]:
    """What some condition sets, be it to the model's own value."""
    found = {
        name: None
        for group in groups
        for row in group
        for name, value in row.items()
        if value is not None
    }
    return tuple(found)


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


def unique_id(name: str, taken: Collection[str]) -> str:
    """An id of PEtab that is like a name, and new: letters, digits and _ only, no digit first."""
    found = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "_"
    found = f"_{found}" if found[0].isdigit() else found
    number, first = 1, found
    while found in taken:
        number += 1
        found = f"{first}_{number}"
    return found


def check_estimated(conditions: Conditions, estimated: Iterable[str]) -> None:
    """Refuse to estimate what conditions set, as PEtab has one place for a parameter's value.

    Raises ConditionError.
    """
    for name in estimated:
        if name in conditions.columns:
            place = conditions.columns.index(name)
            by = next(c for c, row in conditions.values.items() if row[place] is not None)
            raise ConditionError(
                f'--estimate: "{name}" cannot be estimated, as conditions set it (such as '
                f'"{conditions.names[by]}").'
            )
