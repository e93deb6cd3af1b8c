"""From the keywords of `simulate` to a `Design`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import ConditionError
from ..network.definition import Definition
from .changes import Change, Column
from .designs import Axis, Design, Label
from .lazy import LazyDesign, RowAxis, some_rows
from .levels import Levels, default_cell, read_levels
from .names import GENE_PREFIX, Factor, Names
from .schedules import Schedule
from .sources import RowSource, Sample, TableFile
from .table import read_table
from .warning import warn

if TYPE_CHECKING:
    from pandas import DataFrame

Conditions: TypeAlias = "DataFrame | RowSource | str | PathLike[str]"
"""What `conditions=` takes: a table, or what gives its rows piece by piece."""

#: Names that the result itself uses.
RESERVED = ("time", "status")


def make_design(
    definition: Definition,
    factors: Mapping[str, Any],
    conditions: Conditions | None = None,
    set: Mapping[str, Any] | None = None,
    names: Names | None = None,
) -> Design | LazyDesign:
    """The runs that keywords, a conditions table and `set=` ask for.

    Axes are, in this order: the rows of `conditions`, the swept `factors` as written, the swept
    ids of `set` as written. A scalar is fixed; a list, range, 1-D array or Series is an axis, also
    when it has one level. The cell is the definition's default where none is given.

    Parameters
    ----------
    factors
        Factor, parameter, compartment or species name -> scalar or levels.
    conditions
        Table whose rows are runs: columns are names as in `factors` (empty or NaN = not set), the
        index labels them; other columns become coordinates. A file, or another `RowSource`, is
        read piece by piece, and its rows are numbered.
    set
        Parameter, compartment or species id -> scalar or levels.
    names
        Those of the definition, where they are at hand.

    Raises
    ------
    ConditionError
        Something named is unknown, cannot be set, is given twice, or a level has no meaning.
    """
    return _Builder(names or Names(definition)).build(factors, conditions, set)


class _Builder:
    """Collects axes and fixed changes, and refuses what is given twice."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.axes: list[Axis | RowAxis] = []
        self.fixed: list[Change] = []
        self.coordinates: dict[str, Label] = {}
        self.units: dict[str, str] = {}
        self.taken: dict[str, str] = {}
        """Coordinate names in use -> what uses them."""
        self.given: dict[tuple[str, str], str] = {}
        """What is changed -> where it was given."""
        self.by_table: dict[str, str] = {}
        """Constants that columns of the table set -> the column."""
        self.by_keyword: dict[str, str] = {}
        """Constants that named factors among the keywords change -> the keyword."""

    def build(
        self,
        factors: Mapping[str, Any],
        conditions: Conditions | None,
        ids: Mapping[str, Any] | None,
    ) -> Design | LazyDesign:
        if ids is not None and not isinstance(ids, Mapping):
            raise ConditionError(f'set= takes a mapping like {{"k1": 0.5}}, not {_short(ids)}.')
        if conditions is not None:
            self.add_table(conditions)
        for name, value in factors.items():
            self.add(self.names.factor(name), value, f'keyword "{name}"')
        for id, value in (ids or {}).items():
            self.add(self.names.id_factor(id), value, f'set={{"{id}": ...}}')
        self.add_default_cell()
        self.check_genes()
        self.warn_of_ids_that_win()
        listed = tuple(axis for axis in self.axes if isinstance(axis, Axis))
        if len(listed) == len(self.axes):
            return Design(listed, tuple(self.fixed), self.coordinates, self.units)
        return LazyDesign(tuple(self.axes), tuple(self.fixed), self.coordinates, self.units)

    def add(self, factor: Factor, value: Any, where: str) -> None:
        """Fix or sweep one factor."""
        self.claim(factor, where)
        name = self.coordinate(factor, where)
        listed = levels_given(factor, value)
        levels = read_levels(self.names, factor, [value] if listed is None else listed)
        if factor.kind in ("alteration", "knockout", "expression", "gene"):
            self.by_keyword |= dict.fromkeys((c.target for c in levels.columns), where)
        if listed is None:
            found = (column.change(0) for column in levels.columns)
            self.fixed.extend(change for change in found if change is not None)
            self.coordinates[name] = levels.labels[0].item()
        else:
            refuse_repeats(factor, levels)
            self.axes.append(Axis(name, tuple(levels.labels.tolist()), levels.columns))

    def add_table(self, table: Conditions) -> None:
        """Make the rows of a conditions table the first axis."""
        source = _source(table)
        if source is not None and len(source) == 0:
            raise ConditionError("conditions= has no rows.")
        if source is not None:
            table = some_rows(self.names, source, 0, 1)
        rows = read_table(self.names, table)
        if isinstance(source, Sample):
            for name in rows.further:
                self.names.factor(name)  # drawn to change something: it says what is wrong
        self.taken[rows.name] = "the index of conditions="
        columns: list[Column] = []
        coordinates: dict[str, NDArray[Any]] = {}
        named: dict[str, str] = {}
        for factor, levels in rows.factors:
            where = f'column "{factor.name}" of conditions='
            self.claim(factor, where)
            named[factor.name] = self.coordinate(factor, where)
            coordinates[named[factor.name]] = levels.labels
            columns.extend(levels.columns)
            if factor.kind == "constant":
                self.by_table[factor.target] = where
        for name, values in rows.further.items():
            self.use(name, f'column "{name}" of conditions=')
            coordinates[name] = values
        if source is not None:
            self.axes.append(RowAxis(self.names, source, rows.name, named))
        else:
            self.axes.append(Axis(rows.name, rows.labels, tuple(columns), coordinates))

    def add_default_cell(self) -> None:
        """Fix the default cell where no cell is given."""
        if ("cell", "cell") in self.given or not self.names.definition.cells:
            return
        label, changes, _ = default_cell(self.names)
        self.use("cell", "the default cell")
        self.fixed.extend(changes)
        self.coordinates["cell"] = label

    def claim(self, factor: Factor, where: str) -> None:
        """Note that a factor is given; refuse it if it, or its quantity, is given already."""
        what = factor.target if factor.kind in ("dose", "constant", "state") else factor.name
        key = ("id" if factor.kind in ("dose", "constant", "state") else factor.kind, what)
        if key in self.given:
            raise ConditionError(f'"{what}" is given twice: by {self.given[key]} and by {where}.')
        self.given[key] = where

    def check_genes(self) -> None:
        """Refuse a gene whose expression is given by `expression` and by its own factor."""
        mapped = self.given.get(("expression", "expression"))
        if mapped is None:
            return
        for (kind, name), where in self.given.items():
            gene = name.removeprefix(GENE_PREFIX)
            if kind == "gene" and self.expression_names(gene):
                raise ConditionError(
                    f'expression of gene "{gene}" is given twice: by {mapped} and by {where}.'
                )

    def warn_of_ids_that_win(self) -> None:
        """Warn where a column of the table undoes what a keyword asks for.

        Ids win over alterations, expression and knock-outs: a cohort whose samples state a gene's
        expression, crossed with a knock-out of that gene, would not be knocked out.
        """
        for target in self.by_table.keys() & self.by_keyword.keys():
            warn(
                f'{self.by_keyword[target]} does not change "{target}" in rows where '
                f"{self.by_table[target]} sets it: ids win."
            )

    def expression_names(self, gene: str) -> bool:
        """Whether some level of the factor `expression` names the gene."""
        labels: list[Any] = [self.coordinates.get("expression", "")]
        for axis in self.axes:
            if isinstance(axis, Axis):
                labels.extend(axis.labels if axis.name == "expression" else ())
                labels.extend(axis.coordinates.get("expression", ()))
        return any(f",{gene}=" in f",{label}" for label in labels)

    def coordinate(self, factor: Factor, where: str) -> str:
        """The name of a factor's coordinate, also noting its unit.

        An id that is also the name of something else in the result (`set={"time": ...}`) gets the
        suffix `_value`.
        """
        name = factor.coordinate
        if factor.kind in ("constant", "state"):
            while self.is_taken(name, factor.target):
                name += "_value"
        self.use(name, where)
        if factor.unit:
            self.units[name] = factor.unit
        return name

    def is_taken(self, name: str, target: str) -> bool:
        """Whether a name means something else in the result than the value of the id `target`."""
        if name in RESERVED or name in self.taken:
            return True
        if name == "cell" and self.names.definition.cells:
            return True
        return name != target and self.names.is_output(name)

    def use(self, name: str, where: str) -> None:
        """Note a coordinate's name; refuse it if it is in use."""
        if name in self.taken:
            raise ConditionError(
                f'{where} and {self.taken[name]} would both be the coordinate "{name}": rename one.'
            )
        self.taken[name] = where


def _source(table: Conditions) -> RowSource | None:
    """What gives rows piece by piece; None for a table that is in memory."""
    if isinstance(table, (str, PathLike)):
        return TableFile(Path(table))
    return table if isinstance(table, RowSource) else None


def levels_given(factor: Factor, value: Any) -> Sequence[Any] | None:
    """The levels, if the value is a list of them; None if it is one level.

    Raises
    ------
    ConditionError
        An empty list, an array that is not 1-D, or a collection without an order.
    """
    name = factor.name
    if value is None or isinstance(value, (str, bytes, tuple, Mapping, Schedule)):
        return None
    if isinstance(value, (list, range)):
        listed = list(value)
    elif hasattr(value, "ndim"):
        array = np.asarray(value)
        if array.ndim == 0:
            return None
        if array.ndim > 1:
            raise ConditionError(
                f"{name} is an array of shape {array.shape}; levels are a list or a 1-D array: "
                f"write {name}=list(array.ravel()), or put columns in conditions=."
            )
        listed = array.tolist()
    elif hasattr(value, "__iter__"):
        raise ConditionError(
            f"{name} is {_short(value)}; several levels are written as a list: "
            f"{name}=list(...), in the order they should have."
        )
    else:
        return None
    if not listed:
        raise ConditionError(f"{name} is an empty list; give at least one level, or leave it out.")
    return listed


def refuse_repeats(factor: Factor, levels: Levels) -> None:
    """Refuse an axis on which two levels are the same condition."""
    first: dict[object, int] = {}
    for i, identity in enumerate(levels.identities):
        j = first.setdefault(identity, i)
        if j != i:
            a, b = levels.labels[j].item(), levels.labels[i].item()
            same = f"level {a!r}" if a == b else f"levels {a!r} and {b!r}, which are the same,"
            raise ConditionError(
                f"{factor.name} has the {same} at positions {j} and {i}: write each level once."
            )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"
