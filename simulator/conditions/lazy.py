"""Designs with an axis whose rows are read when they are needed.

A `LazyDesign` says what a `Design` says of its shape and gives its runs part by part, each part a
`Design` of its own; a `Design` does so too. So a sweep needs only the part it computes in memory.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConditionError
from .changes import Change
from .designs import Axis, Design, Label
from .levels import NUMERIC
from .names import Names
from .sources import RowSource, TableFile
from .table import read_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class RowAxis:
    """The axis that the rows of a source make; its levels are numbered, and have no labels.

    Attributes
    ----------
    source
        Where the rows come from.
    name
        Name of the dimension.
    named
        Factor, as the columns name it -> name of its coordinate.
    """

    names: Names
    source: RowSource
    name: str
    named: Mapping[str, str]

    @property
    def size(self) -> int:
        """Number of levels."""
        return len(self.source)

    def part(self, levels: slice) -> Axis:
        """The axis of the rows of a slice.

        Raises ConditionError for a value that has no meaning.
        """
        start, stop, _ = levels.indices(self.size)
        try:
            rows = read_table(self.names, some_rows(self.names, self.source, start, stop), True)
        except ConditionError as error:
            if stop - start == 1:
                raise ConditionError(f"{_place(self.source, start)}: {error}") from None
            middle = (start + stop) // 2
            for half in (slice(start, middle), slice(middle, stop)):
                self.part(half)  # raises for the row that is wrong
            raise
        columns = tuple(c for _, levels in rows.factors for c in levels.columns)
        coordinates = {self.named[factor.name]: levels.labels for factor, levels in rows.factors}
        return Axis(self.name, tuple(range(start, stop)), columns, coordinates | rows.further)


def some_rows(names: Names, source: RowSource, start: int, stop: int) -> pd.DataFrame:
    """Some rows of a source as a table.

    A factor of numbers may be in a column that is text in other rows: its numbers are read here.
    """
    table = source.rows(start, stop)
    texts = (c for c in table.columns if table[c].dtype.kind == "O" and names.is_factor(c))
    for column in texts:
        if names.factor(column).kind in NUMERIC:
            table[column] = [_number(value) for value in table[column]]
    return table


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _place(source: RowSource, row: int) -> str:
    if isinstance(source, TableFile):
        return f"{source.path}, line {row + 2}"  # below the header, and lines are counted from 1
    return f"row {row} of conditions="


@dataclass(frozen=True, slots=True, eq=False)
class LazyDesign:
    """All runs of one call, with at least one axis that is expanded piece by piece.

    Attributes as of `Design`.
    """

    axes: tuple[Axis | RowAxis, ...]
    fixed: tuple[Change, ...]
    coordinates: Mapping[str, Label]
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the dimensions."""
        return tuple(axis.name for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Levels of each axis."""
        return tuple(axis.size for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of runs."""
        return math.prod(self.shape)

    def part(self, levels: Sequence[slice]) -> Design:
        """The runs at a slice of each axis.

        Raises ConditionError for a value of a row that has no meaning.
        """
        axes = (axis.part(own) for axis, own in zip(self.axes, levels, strict=True))
        return Design(tuple(axes), self.fixed, self.coordinates, self.units)

    def whole(self) -> Design:
        """All runs, with every row in memory."""
        return self.part([slice(None)] * len(self.axes))

    def label(self, run: int) -> dict[str, Label]:
        """Label of one run on every dimension, and what its row says, for messages."""
        levels = np.unravel_index(run, self.shape)
        here = self.part([slice(int(level), int(level) + 1) for level in levels])
        found = here.label(0)
        for axis, own in zip(self.axes, here.axes, strict=True):
            if isinstance(axis, RowAxis):
                found |= {name: values[0].item() for name, values in own.coordinates.items()}
        return found


def axis_digest(axis: Axis | RowAxis) -> str:
    """Digest of what an axis does and what its levels are called."""
    if isinstance(axis, RowAxis):
        return hashlib.sha256(f"{axis.name} {axis.source.digest}".encode()).hexdigest()
    digest = hashlib.sha256(f"{axis.name} {axis.labels!r}".encode())
    for column in axis.columns:
        what = (column.target, column.operation, column.time, column.stage)
        digest.update(repr(what).encode() + np.ascontiguousarray(column.values).tobytes())
    for name, values in axis.coordinates.items():
        digest.update(f"{name} {values.tolist()!r}".encode())
    return digest.hexdigest()


def fixed_digest(design: Design | LazyDesign) -> str:
    """Digest of what is the same in all runs."""
    return hashlib.sha256(repr(sorted(map(repr, design.fixed))).encode()).hexdigest()
