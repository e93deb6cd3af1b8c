"""The effect that a dose is to reach."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..conditions.schedules import number_of
from ..errors import ConditionError
from ..simulation.readouts import readouts

if TYPE_CHECKING:
    from ..simulation.model import Model

HALF = 0.5  # the effect that is meant where none is stated

# What results of searches hold besides the output, so that an output cannot have the name.
TAKEN = frozenset({
    "time", "status", "drug", "fraction", "dose", "bound", "share", "failed",
    "combination_index", "combination_index_bound", "single", "single_bound", "best", "cost",
    "cost_bound", "saving", "delay", "order", "exposure", "together", "gain", "better",
    "tied_from", "tied_to",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """An output at or below a level, or at or above it."""

    output: str
    level: float
    above: bool

    @property
    def variable(self) -> str:
        """Name of the output in a result."""
        return variable_of(self.output)

    def reached(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Where values of the output meet the target; a missing one does not."""
        return values >= self.level if self.above else values <= self.level

    def __str__(self) -> str:
        return f"{self.output} {'>=' if self.above else '<='} {self.level:g}"


def variable_of(output: str) -> str:
    """Name of an output in a result: its id, with a suffix if a result has that name itself."""
    return f"{output}_value" if output in TAKEN else output


def checked_target(
    model: Model, output: str, effect: Any, below: Any, above: Any, dims: tuple[str, ...] = ()
) -> Target:
    """The target that a call states; `effect` 0.5 where it states none.

    Raises ConditionError for an unknown output, several targets, a target that is no number, or an
    effect of an output that is not relative to the vehicle.
    """
    if not isinstance(output, str):
        raise ConditionError(f'output is one name, like "viability", not {output!r}.')
    (readout,) = readouts(model, [output], dims=dims)
    given = {"effect": effect, "below": below, "above": above}
    stated = {name: value for name, value in given.items() if value is not None}
    if len(stated) > 1:
        raise ConditionError(
            f"A search has one target, but {' and '.join(f'{n}=' for n in stated)} are given."
        )
    ((name, value),) = stated.items() if stated else (("effect", HALF),)
    number = number_of(value)
    if number is None or not math.isfinite(number):
        raise ConditionError(f"{name} is {value!r}; it must be one finite number.")
    if name != "effect":
        return Target(output, number, name == "above")
    if readout.relative_to != "vehicle":
        raise ConditionError(
            f'effect is 1 - output relative to the vehicle, which "{output}" is not: state its'
            " level with below= or above=."
        )
    if not 0 < number < 1:
        raise ConditionError(f"effect is between 0 and 1, not {number:g}.")
    return Target(output, 1 - number, False)
