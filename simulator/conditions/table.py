"""Reading a conditions table: rows are runs, columns are factors or further coordinates."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConditionError
from .designs import Label
from .levels import MISSING, Levels, read_levels
from .names import Factor, Names
from .warning import warn

if TYPE_CHECKING:
    from pandas import DataFrame, Series


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A conditions table as read: the axis it makes, and its columns."""

    name: str
    labels: tuple[Label, ...]
    factors: tuple[tuple[Factor, Levels], ...]
    further: dict[str, NDArray[Any]]


def read_table(names: Names, table: "DataFrame") -> Rows:
    """The rows of a conditions table.

    Raises
    ------
    ConditionError
        It is no table with a plain, unrepeated index and unrepeated columns, a column names
        something that cannot be set, or a value has no meaning.
    """
    if not all(hasattr(table, part) for part in ("columns", "index", "isna", "iloc")):
        raise ConditionError(f"conditions= takes a pandas DataFrame, not a {type(table).__name__}.")
    if len(table) == 0:
        raise ConditionError("conditions= has no rows.")
    name, labels = _index(names, table)
    columns = list(table.columns)
    for column in columns:
        if not isinstance(column, str):
            raise ConditionError(f"conditions= has a column named {column!r}; names are text.")
        if columns.count(column) > 1:
            raise ConditionError(f'conditions= has the column "{column}" twice.')
    factors = []
    further = {}
    for position, column in enumerate(columns):
        series = table.iloc[:, position]
        if names.is_factor(column):
            factor = names.factor(column)
            factors.append((factor, _levels(names, factor, series)))
        else:
            _check_further(names, column)
            further[column] = _coordinate(series)
    return Rows(name, labels, tuple(factors), further)


def _index(names: Names, table: "DataFrame") -> tuple[str, tuple[Label, ...]]:
    index = table.index
    if index.nlevels > 1:
        raise ConditionError(
            "conditions= has an index of several levels: make them columns with .reset_index()."
        )
    name = "condition" if index.name is None else index.name
    if not isinstance(name, str):
        raise ConditionError(f"conditions= has an index named {name!r}; names are text.")
    if names.is_factor(name) or name in names.output_names() or name == "time":
        raise ConditionError(
            f'conditions= has an index named "{name}", which the model uses: make it a column with '
            ".reset_index(), or rename it."
        )
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise ConditionError(f"conditions= has the row label {twice!r} twice in its index.")
    return name, tuple(_coordinate(index.to_series()).tolist())


def _levels(names: Names, factor: Factor, series: "Series") -> Levels:
    """Levels of a factor at every row."""
    unset = series.isna().to_numpy(dtype=bool)
    values = [
        MISSING if missing or (isinstance(value, str) and not value.strip()) else value
        for value, missing in zip(series.tolist(), unset, strict=True)
    ]
    try:
        return read_levels(names, factor, values)
    except ConditionError as error:
        raise ConditionError(f'conditions= column "{factor.name}": {error}') from None


def _check_further(names: Names, column: str) -> None:
    """Refuse or warn of a column that looks like a factor written wrongly."""
    valid = names.factor_names()
    if column == "time" or column in names.output_names():
        raise ConditionError(
            f'conditions= has a column "{column}", which is an output of the model: rename it.'
        )
    for name in valid:
        if name.casefold() == column.casefold():
            raise ConditionError(
                f'conditions= has a column "{column}", which is no factor. Nearest: "{name}".'
            )
    close = get_close_matches(column, valid, n=1, cutoff=0.85)
    if close:
        warn(
            f'conditions= column "{column}" is no factor and changes nothing; it becomes a '
            f'coordinate. Nearest factor: "{close[0]}".'
        )


def _coordinate(series: "Series") -> NDArray[Any]:
    """Values of a further column as plain numbers, or as text if any is no number."""
    kind = getattr(series.dtype, "kind", "O")
    if kind in "iuf":
        if series.isna().any():
            return np.asarray(series.to_numpy(dtype=float, na_value=np.nan))
        return np.asarray(series.to_numpy(dtype=int if kind == "i" else float))
    unset = series.isna().to_numpy(dtype=bool)
    values = series.tolist()
    return np.array(["" if u else str(v) for v, u in zip(values, unset, strict=True)])
