"""Which members of a model's ensemble are asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..conditions.schedules import number_of
from ..errors import ConditionError

if TYPE_CHECKING:
    from .model import Model

Item = TypeVar("Item")


def chosen_members(model: Model, count: int | None, default: int | None = None) -> tuple[str, ...]:
    """`count` members of the model's ensemble, spread evenly over it.

    None: `default` of them, or all where the ensemble has no more or no default is given; none
    without an ensemble.

    Raises ConditionError for a count that is no whole number >= 0, or above what there are.
    """
    names = model.members
    if count is None:
        return evenly(names, len(names) if default is None else min(default, len(names)))
    if number_of(count) is None or count != int(count) or count < 0:
        raise ConditionError(f"members is a whole number >= 0, not {count!r}.")
    if count > len(names):
        has = f"an ensemble of {len(names)}" if names else "no ensemble"
        raise ConditionError(f"members is {count}, but {model.definition.name} has {has}.")
    return evenly(names, int(count))


def evenly(items: Sequence[Item], count: int) -> tuple[Item, ...]:
    """`count` of the items in their order, spread evenly; all where there are no more.

    Of one the first, of more the first and the last among them.
    """
    if count >= len(items):
        return tuple(items)
    places = np.linspace(0, len(items) - 1, count).round().astype(int)
    return tuple(items[i] for i in places)
