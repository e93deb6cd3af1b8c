"""A design: every run that one call asks for, as axes of levels and what is the same in all."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .changes import STAGES, Change, Column

Label = float | int | str


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """A dimension of the result.

    Attributes
    ----------
    name
        Name of the dimension.
    labels
        Its coordinate, one label per level: all numbers or all text.
    columns
        What its levels change; `columns[j].values[i]` is NaN where level i leaves it alone.
    coordinates
        Further coordinates along this dimension (columns of a conditions table): name -> values
        (levels,), numbers or text.
    """

    name: str
    labels: tuple[Label, ...]
    columns: tuple[Column, ...]
    coordinates: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of levels."""
        return len(self.labels)

    def part(self, levels: slice) -> "Axis":
        """The axis with the levels of a slice."""
        return Axis(
            self.name,
            self.labels[levels],
            tuple(
                Column(c.target, c.operation, c.time, c.stage, c.values[levels])
                for c in self.columns
            ),
            {name: values[levels] for name, values in self.coordinates.items()},
        )

    def level(self, index: int) -> tuple[Change, ...]:
        """The changes that one level makes."""
        changes = (column.change(index) for column in self.columns)
        return tuple(change for change in changes if change is not None)


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """All runs of one call: the product of its axes, in C order (the last axis fastest).

    Attributes
    ----------
    axes
        Dimensions of the result in order, `time` not included.
    fixed
        Changes made in every run.
    coordinates
        Scalar coordinates: labels of the factors that are fixed.
    units
        Unit of a coordinate, where it has one.
    """

    axes: tuple[Axis, ...]
    fixed: tuple[Change, ...]
    coordinates: Mapping[str, Label]
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the dimensions."""
        return tuple(axis.name for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Levels of each axis; () for a single run."""
        return tuple(axis.size for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of runs."""
        return math.prod(self.shape)

    @property
    def targets(self) -> tuple[str, ...]:
        """Every id that some run changes, each once."""
        changed = dict.fromkeys(change.target for change in self.fixed)
        changed |= dict.fromkeys(c.target for axis in self.axes for c in axis.columns)
        return tuple(changed)

    def part(self, levels: Sequence[slice]) -> "Design":
        """The runs at a slice of each axis."""
        axes = (axis.part(own) for axis, own in zip(self.axes, levels, strict=True))
        return Design(tuple(axes), self.fixed, self.coordinates, self.units)

    def whole(self) -> "Design":
        """All runs: the design itself, every level of which is in memory."""
        return self

    def level_indices(self) -> tuple[NDArray[np.intp], ...]:
        """For every axis, the level (size,) that each run has of it."""
        return tuple(np.unravel_index(np.arange(self.size), self.shape)) if self.axes else ()

    def changes(self, run: int) -> tuple[Change, ...]:
        """The condition of one run: all its changes, by stage, sets before multiplications."""
        levels = np.unravel_index(run, self.shape) if self.axes else ()
        found = list(self.fixed)
        for axis, level in zip(self.axes, levels, strict=True):
            found.extend(axis.level(int(level)))
        found.sort(key=lambda c: (STAGES.index(c.stage), c.operation == "multiply", c.time or 0.0))
        return tuple(found)

    def label(self, run: int) -> dict[str, Label]:
        """Label of one run on every dimension, for messages."""
        levels = np.unravel_index(run, self.shape) if self.axes else ()
        return {
            axis.name: axis.labels[int(level)]
            for axis, level in zip(self.axes, levels, strict=True)
        }
