"""The conditions of a search as rows of one table, so that each can be given doses of its own."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..conditions import Design, LazyDesign, RowAxis, make_design, schedule
from ..conditions.factors import levels_given
from ..conditions.warning import warn
from ..errors import ConditionError, IntegrationError
from ..network.definition import NAMED_FACTORS, OPTIONS
from ..simulation.dataset import variable_name

if TYPE_CHECKING:
    import pandas as pd

    from ..simulation.model import Model

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
Text = NDArray[np.str_]
Window = tuple[float, float | None]
"""From when until when a drug is given; None: to the end."""

SUCCESS = "SUCCESS"
LISTED = 5  # conditions named in a warning


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Conditions that a search is made in.

    design : their dimensions and labels, the drugs that are searched at 0.
    table : a row per condition, C order, a column per factor that differs.
    fixed, options : what `model.simulate` is told besides.
    ended : a run that has succeeded, as its row of the table and its doses, once there is one.
    """

    model: Model
    design: Design
    drugs: tuple[str, ...]
    table: pd.DataFrame
    fixed: Mapping[str, Any]
    options: Mapping[str, Any]
    ended: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    @property
    def every(self) -> Rows:
        """All rows."""
        return np.arange(self.design.size)

    def outputs(
        self, rows: Rows, doses: Mapping[str, NDArray[Any]], output: str, times: Sequence[float]
    ) -> tuple[Array, Text]:
        """Simulate each of some rows with doses of its own, in one call.

        doses : drug -> (rows, k), numbers or schedules.  Returns the output, (rows, k, times), and
        statuses, (rows, k).
        """
        shape = next(iter(doses.values())).shape
        each = np.repeat(rows, shape[1])
        given = {drug: dose.ravel() for drug, dose in doses.items()}
        try:
            values, status = self._simulated(each, given, output, times)
        except IntegrationError:
            if not self.ended or self.options.get("on_failure") == "raise":
                raise
            # All of this round failed. Beside a run that is known to end, failed ones are marked.
            row, at = self.ended[0]
            each = np.append(each, row)
            given = {drug: _appended(dose, at[drug]) for drug, dose in given.items()}
            values, status = self._simulated(each, given, output, times)
            each, values, status = each[:-1], values[:-1], status[:-1]
        if not self.ended and (status == SUCCESS).any():
            k = int(np.argmax(status == SUCCESS))
            self.ended.append((int(each[k]), {drug: dose[k] for drug, dose in given.items()}))
        return values.reshape(*shape, len(times)), status.reshape(shape)

    def _simulated(
        self, rows: Rows, doses: Mapping[str, NDArray[Any]], output: str, times: Sequence[float]
    ) -> tuple[Array, Text]:
        """The output (runs, times) and statuses of runs; all of them may not fail."""
        table = self.table.iloc[rows].reset_index(drop=True).assign(**doses)
        with warnings.catch_warnings():
            # of failed runs, by numbers that mean nothing outside; `warn_of` says which they are
            warnings.filterwarnings("ignore", r"\d+ of \d+ runs failed", RuntimeWarning)
            found = self.model.simulate(
                list(times), conditions=table, outputs=[output], **self.fixed, **self.options
            )
        return found[variable_name(output)].values, found["status"].values

    def warn_of(self, status: Text) -> None:
        """Warn of conditions some run of which failed.  status : of their runs, in C order."""
        each = status.reshape(self.design.size, -1)
        lost = np.flatnonzero((each != SUCCESS).any(axis=1))
        if not lost.size:
            return
        listed = []
        for row in lost[:LISTED].tolist():
            place = ", ".join(f"{name}={label}" for name, label in self.design.label(row).items())
            ended = next(s for s in each[row] if s != SUCCESS)
            listed.append(f"{ended} at {place}" if place else ended)
        more = f" and {lost.size - LISTED} more" if lost.size > LISTED else ""
        warn(
            f"{lost.size} of {self.design.size} conditions have failed runs that leave their"
            f" result open: {'; '.join(listed)}{more}.",
            RuntimeWarning,
        )

    def coordinates(self) -> dict[str, Any]:
        """Coordinates of a result over the conditions."""
        units = {name: {"units": unit} for name, unit in self.design.units.items() if unit}
        found: dict[str, Any] = {}
        for axis in self.design.axes:
            found[axis.name] = (axis.name, np.array(axis.labels), units.get(axis.name))
            for name, values in axis.coordinates.items():
                found[name] = (axis.name, values, units.get(name))
        for name, label in self.design.coordinates.items():
            if name not in self.drugs:
                found[name] = ((), label, units.get(name))
        return found

    def dataset(self, variables: Mapping[str, Any], more: Mapping[str, Any]) -> xr.Dataset:
        """A result with the conditions' coordinates and `more`; an output's name comes first."""
        found = {k: v for k, v in self.coordinates().items() if v[0] or k not in variables}
        clash = sorted((found.keys() | more.keys()) & variables.keys())
        clash += sorted(found.keys() & more.keys())
        if clash:
            raise ConditionError(
                f'"{clash[0]}" is a name in the result, and cannot be a factor or a column of'
                " conditions= as well: rename it."
            )
        return xr.Dataset(dict(variables), found | dict(more))


def read_cells(
    model: Model, factors: Mapping[str, Any], conditions: Any, drugs: Sequence[str]
) -> Cells:
    """The conditions that a call's factors and table make; all is checked before a run.

    drugs : those that are searched for, or scheduled, and so are no factors.

    Raises ConditionError for what `model.simulate` refuses, for a drug among the factors, and for
    an option that a search cannot keep.
    """
    import pandas as pd

    options = {name: value for name, value in factors.items() if name in OPTIONS}
    given = {name: value for name, value in factors.items() if name not in OPTIONS}
    _check_options(options)
    for drug in drugs:
        if drug in given:
            raise ConditionError(f'The dose of "{drug}" is what is asked for: leave {drug}= out.')
    # with the drugs, so that a column that gives their doses as well is refused
    checked = given | dict.fromkeys(drugs, 0.0)
    design = make_design(model.definition, checked, conditions, options.get("set"), model.names)
    table = conditions
    if isinstance(design, LazyDesign):  # a file or a sample: a search has all its rows in memory
        (source,) = (axis.source for axis in design.axes if isinstance(axis, RowAxis))
        table, design = source.rows(0, len(source)), design.whole()
    swept = {name: _swept(model, name, value) for name, value in given.items()}
    fixed = {name: value for name, value in given.items() if swept[name] is None}
    levels = [levels for levels in swept.values() if levels is not None]
    columns: dict[str, Any] = {}
    places = np.unravel_index(np.arange(design.size), design.shape) if design.axes else ()
    if table is not None:
        own = table[[name for name in table.columns if model.names.is_factor(name)]]
        columns |= {name: own[name].iloc[places[0]].reset_index(drop=True) for name in own}
        places = places[1:]
    names = [name for name, found in swept.items() if found is not None]
    for name, values, place in zip(names, levels, places, strict=True):
        columns[name] = pd.Series(values).iloc[place].reset_index(drop=True)
    every = pd.DataFrame(columns, index=pd.RangeIndex(design.size))
    return Cells(model, design, tuple(drugs), every, fixed, options)


def _appended(doses: NDArray[Any], one: Any) -> NDArray[Any]:
    """Doses, or schedules, and one more."""
    found = np.empty(doses.size + 1, doses.dtype)
    found[:-1], found[-1] = doses, one
    return found


def _check_options(options: Mapping[str, Any]) -> None:
    for name in ("store", "max_seconds"):
        if options.get(name) is not None:
            raise ConditionError(f"{name}= is for one simulation; a search makes several.")
    for id, value in dict(options.get("set") or {}).items():
        if hasattr(value, "__iter__"):
            raise ConditionError(
                f'set={{"{id}": ...}} has one value in a search: sweep it as a column of'
                " conditions=."
            )


def _swept(model: Model, name: str, value: Any) -> Sequence[Any] | None:
    """The levels of a factor as a table takes them; None if it is fixed."""
    levels = levels_given(model.names.factor(name), value)
    if levels is None:
        return None
    # an empty entry of a table is not the level None: of `cell`, it is the default cell
    named = name in NAMED_FACTORS
    return ["none" if level is None and named else level for level in levels]


def scheduled(doses: Array, window: Window | None) -> NDArray[Any]:
    """The doses, given within a window only; None: all the time."""
    if window is None:
        return doses
    start, stop = window
    found = np.empty(doses.size, object)
    for i, dose in enumerate(doses.ravel().tolist()):
        end = () if stop is None else ((stop, 0.0),)
        found[i] = schedule((start, dose), *end)
    return found.reshape(doses.shape)
