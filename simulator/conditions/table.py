"""Reading a conditions table: rows are runs, columns are factors or further coordinates."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConditionError
from .designs import Label
from .levels import MISSING, NUMERIC, Levels, read_levels, read_numbers
from .names import Factor, Names
from .warning import warn

if TYPE_CHECKING:
    from pandas import DataFrame, Index, Series


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A conditions table as read: the axis it makes, and its columns."""

    name: str
    labels: tuple[Label, ...]
    factors: tuple[tuple[Factor, Levels], ...]
    further: dict[str, NDArray[Any]]


def read_table(names: Names, table: "DataFrame", checked: bool = False) -> Rows:
    """The rows of a conditions table.

    checked : whether its further columns are known to be meant as such.

    Raises
    ------
    ConditionError
        It is no table with a plain, unrepeated index and unrepeated columns, a column names
        something that cannot be set, or a value has no meaning.
    """
    if not all(hasattr(table, part) for part in ("columns", "index", "isna", "iloc")):
        raise ConditionError(
            "conditions= takes a pandas DataFrame, a .csv or .tsv file, or simulator.sample(...),"
            f" not a {type(table).__name__}."
        )
    if len(table) == 0:
        raise ConditionError("conditions= has no rows.")
    name, labels = _index(names, table)
    twice = set(table.columns[table.columns.duplicated()])
    for column in table.columns:
        if not isinstance(column, str):
            raise ConditionError(f"conditions= has a column named {column!r}; names are text.")
        if column in twice:
            raise ConditionError(f'conditions= has the column "{column}" twice.')
    factors = []
    further = {}
    numbers = _plain_numbers(table)
    for k, column in enumerate(table.columns):
        if names.is_factor(column):
            factor = names.factor(column)
            if numbers is not None and factor.kind in NUMERIC:
                values = numbers[:, k]
            else:
                values = table[column]
            factors.append((factor, _levels(names, factor, values)))
        else:
            if not checked:
                _check_further(names, column)
            further[column] = _coordinate(table[column])
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
    if names.is_factor(name) or names.is_output(name) or name == "time":
        raise ConditionError(
            f'conditions= has an index named "{name}", which the model uses: make it a column with '
            ".reset_index(), or rename it."
        )
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise ConditionError(f"conditions= has the row label {twice!r} twice in its index.")
    return name, tuple(_coordinate(index).tolist())


def _plain_numbers(table: "DataFrame") -> NDArray[np.float64] | None:
    """Values of a table of plain floats, taken at once; None for any other."""
    if all(dtype == np.float64 for dtype in table.dtypes):
        return np.asfortranarray(table.to_numpy())
    return None


def _levels(names: Names, factor: Factor, series: "Series | NDArray[np.float64]") -> Levels:
    """Levels of a factor at every row."""
    try:
        if isinstance(series, np.ndarray):
            return read_numbers(names, factor, series)
        if factor.kind in NUMERIC and _holds_numbers(series):
            return read_numbers(names, factor, series.to_numpy(dtype=float, na_value=np.nan))
        unset = series.isna().tolist()
        values = [
            MISSING if missing or (isinstance(value, str) and not value.strip()) else value
            for value, missing in zip(series.tolist(), unset, strict=True)
        ]
        return read_levels(names, factor, values)
    except ConditionError as error:
        raise ConditionError(f'conditions= column "{factor.name}": {error}') from None


def _check_further(names: Names, column: str) -> None:
    """Refuse or warn of a column that looks like a factor written wrongly."""
    valid = names.factor_names()
    if column == "time" or names.is_output(column):
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


def _holds_numbers(series: "Series | Index") -> bool:
    """Whether the type of a column says that its values are numbers, or missing."""
    return getattr(series.dtype, "kind", "O") in "iuf"


def _coordinate(series: "Series | Index") -> NDArray[Any]:
    """Values of the index or a further column as plain numbers, or as text if any is no number."""
    if _holds_numbers(series):
        if series.isna().any():
            return np.asarray(series.to_numpy(dtype=float, na_value=np.nan))
        return np.asarray(series.to_numpy(dtype=int if series.dtype.kind == "i" else float))
    values = zip(series.tolist(), series.isna().tolist(), strict=True)
    return np.array(["" if unset else str(value) for value, unset in values])
