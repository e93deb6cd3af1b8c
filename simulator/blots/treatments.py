"""What was done to the cells of a lane: columns of factors, read cell by cell."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

from ..conditions import Names
from ..conditions.levels import NUMERIC, read_levels
from ..conditions.names import Factor
from ..errors import ConditionError, did_you_mean
from ..network.tables import Row
from ..network.unit_text import same_unit
from ..petab_problem.tables import as_number, decimal_point
from .rows import Table

Treatment = tuple[tuple[str, float | str], ...]
"""(column, level) of every factor that is given, sorted; `none` and empty cells are left out."""


class Treatments:
    """Reads the treatment of each row of a table.

    Parameters
    ----------
    passed
        Columns of the table that are no factors.
    """

    def __init__(self, names: Names, table: Table, passed: Collection[str]) -> None:
        self.names = names
        self.factors = _factors(names, table, passed)
        self._known: dict[tuple[str, str], float | str | None] = {}
        """(column, text) -> level, each read once, so that what is wrong is told once."""

    def read(self, row: Row) -> Treatment:
        """The treatment in a row; what is wrong is noted, and left out."""
        found = []
        for column, factor in self.factors.items():
            text = row[column]
            if (column, text) not in self._known:
                self._known[column, text] = self._level(row, factor, text)
            level = self._known[column, text]
            if level is not None:
                found.append((column, level))
        return tuple(sorted(found, key=lambda entry: entry[0]))

    def _level(self, row: Row, factor: Factor, text: str) -> float | str | None:
        if not text or text.casefold() == "nan" or (text == "none" and factor.kind != "cell"):
            return None
        if factor.kind not in NUMERIC:
            return text if self._allowed(row, factor, text) else None
        if factor.kind == "dose" and "@" in text:
            row.problem(
                f'{factor.name} is "{text}", a dose that changes in time, which PEtab version 1 '
                "cannot say; it must be one number."
            )
            return None
        value = as_number(text)
        if value is None or not math.isfinite(value):
            row.problem(f'{factor.name} is "{text}"; it must be a number.{decimal_point(text)}')
            return None
        return value if self._allowed(row, factor, value) else None

    def _allowed(self, row: Row, factor: Factor, level: float | str) -> bool:
        try:
            read_levels(self.names, factor, [level])
        except ConditionError as error:
            row.problem(f"{factor.name}: {error}")
            return False
        return True


def _factors(names: Names, table: Table, passed: Collection[str]) -> dict[str, Factor]:
    """The factor of each column that is one; a problem for a column that is neither."""
    found = {}
    problems = next((row.problems for row in table.rows), None)
    for column in table.columns:
        if column in passed or problems is None:
            continue
        try:
            factor = names.factor(column)
        except ConditionError as error:
            hint = "" if "Nearest" in str(error) else did_you_mean(column, passed)
            problems.add(table.header, f'column "{column}": {error}{hint}')
            continue
        found[column] = factor
        unit = table.units.get(column)
        if unit is not None and not same_unit(unit, factor.unit):
            must = f"{column} is in {factor.unit}" if factor.unit else f"{column} has no unit"
            problems.add(table.header, f'column "{column} [{unit}]" has the unit {unit}; {must}.')
    return found


def label(treatment: Treatment, names: Names) -> str:
    """A treatment for a reader: `SUPT1, JAK1_T901A, prednisolone 1`."""
    given = dict(treatment)
    cell = given.pop("cell", None) or names.definition.default_cell
    parts = [str(cell)] if cell else []
    for column, level in given.items():
        if column == "knockout":
            parts.append(f"without {level}")
        elif isinstance(level, float):
            parts.append(f"{column.removeprefix('expression:')} {level:g}")
        else:
            parts.append(str(level))
    return ", ".join(parts) or "as it is"


def as_columns(treatments: Iterable[Treatment]) -> Mapping[str, list[float | str | None]]:
    """Treatments as columns of a conditions table, None where a factor is not given."""
    rows = [dict(treatment) for treatment in treatments]
    columns = dict.fromkeys(column for row in rows for column in row)
    return {column: [row.get(column) for row in rows] for column in columns}
