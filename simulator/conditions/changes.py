"""What is done to the cell: changes of parameters and species, and the order they apply in.

For one run and one target, start from the model's own value and go through `STAGES` in order; in
each stage first the *set* replaces the value (a stage has at most one distinct set per target),
then every *multiply* of the stage multiplies it. So ids win over knock-outs, knock-outs over
expression, and so on, whatever the order in which factors were written.

`Change.time` says when:

* None: from before t = 0, through pre-equilibration (cells, alterations, expression, knock-outs,
  parameter and compartment ids);
* 0.0: at t = 0, after pre-equilibration (doses, and the values of species and other states);
* > 0: at that time (later steps of a schedule).

Changes with a time are always *set* and of stage ``id``.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..network.definition import Operation

Stage = Literal["cell", "alteration", "expression", "knockout", "id"]
STAGES: tuple[Stage, ...] = ("cell", "alteration", "expression", "knockout", "id")


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one quantity in one run; a condition is a tuple of them."""

    target: str
    operation: Operation
    value: float
    time: float | None
    stage: Stage


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The same change at every level of a factor: `values` (levels,), NaN = no change there."""

    target: str
    operation: Operation
    time: float | None
    stage: Stage
    values: NDArray[np.float64]

    def take(self, levels: NDArray[np.intp]) -> "Column":
        """The column at the given levels, in their order."""
        return Column(self.target, self.operation, self.time, self.stage, self.values[levels])

    def change(self, level: int) -> Change | None:
        """The change at one level, or None."""
        value = float(self.values[level])
        if math.isnan(value):
            return None
        return Change(self.target, self.operation, value, self.time, self.stage)


def codes_of(keys: Sequence[Hashable]) -> NDArray[np.intp]:
    """For every key, which of the distinct ones it is, in order of first appearance."""
    places = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    return np.array([places[key] for key in keys], dtype=np.intp)


def columns_of(levels: Sequence[Sequence[Change]]) -> tuple[Column, ...]:
    """Columns that hold the changes of each level.

    Several multiplications of one target in one stage become their product, taken in order of
    size so that it does not depend on the order of the changes, to the last bit. Sets must agree
    already: see `alteration_changes`.
    """
    found: dict[tuple[str, Operation, float | None, Stage], dict[int, list[float]]] = {}
    for level, changes in enumerate(levels):
        for change in changes:
            key = (change.target, change.operation, change.time, change.stage)
            found.setdefault(key, {}).setdefault(level, []).append(change.value)
    columns = []
    for (target, operation, time, stage), at in found.items():
        values = np.full(len(levels), np.nan)
        for level, numbers in at.items():
            values[level] = math.prod(sorted(numbers)) if operation == "multiply" else numbers[-1]
        columns.append(Column(target, operation, time, stage, values))
    return tuple(columns)
