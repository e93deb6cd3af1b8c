"""Initial values of whole batches of runs, with overrides."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..network.expression import TIME, Expression, symbols
from ..network.network import Network
from .arrays import evaluate_arrays, shared
from .equations import Equations

Array = NDArray[np.float64]
Levels = tuple[NDArray[np.intp], ...]


class Override(NamedTuple):
    """What runs make of a quantity: arrays that broadcast against the runs.

    values, given : values, and where they apply.  factor : of what is computed where none applies.
    """

    values: Array
    given: NDArray[np.bool_]
    factor: Array | float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """A row of numbers for every run of a design, by what differs between runs.

    base : (width,) what all rows have.
    varying : column -> its values, broadcastable to the shape of the design.
    """

    base: Array
    varying: Mapping[int, Array]

    def column(self, index: int) -> Array:
        """Values of one column, broadcastable to the design: of shape () where all are the same."""
        return self.varying.get(index, self.base[index : index + 1].reshape(()))

    def rows(self, levels: Levels, count: int) -> Array:
        """Rows (count, width) of runs at the given levels (count,) of each axis of the design."""
        found = np.empty((count, self.base.size))
        self.write(found, levels)
        return found

    def write(self, rows: Array, levels: Levels) -> None:
        """Write the rows (count, width) of runs at the given levels (count,) of each axis."""
        rows[:] = self.base
        for column, values in self.varying.items():
            rows[:, column] = at_levels(values, levels)


def _columns(row: Array, changed: Mapping[int, Any]) -> Columns:
    """Columns from a row and what is put in its place: a number, or an array where runs differ."""
    base = row.copy()
    varying = {column: value for column, value in changed.items() if value.ndim}
    for column in changed.keys() - varying.keys():
        base[column] = changed[column]
    return Columns(base, varying)


def at_levels(values: Array, levels: Levels) -> Array:
    """Elements of an array that broadcasts against a design, at levels (count,) of each axis.

    One that is the same everywhere, of shape (), stays so.
    """
    if not values.ndim:
        return values
    lengths = zip(levels, values.shape, strict=True)
    found: Array = values[tuple(level if length > 1 else 0 for level, length in lengths)]
    return found


def _nominal(network: Network) -> dict[str, float | None]:
    """What the file gives each quantity; None where it gives nothing."""
    return {
        **{c.id: c.size for c in network.compartments},
        **{p.id: p.value for p in network.parameters},
        **{s.id: s.initial for s in network.species},
    }


class InitialValues:
    """States and parameters at t = 0.

    An initial assignment gives a quantity its value unless that quantity is overridden; what
    depends on an overridden quantity follows it, and is multiplied as what it has become.
    """

    def __init__(self, network: Network, eqs: Equations) -> None:
        self._where = network.source
        self.equations = eqs
        self.nominal = _nominal(network)
        self.definitions: dict[str, Expression] = shared(
            {n: expression for n, expression in eqs.computed.items() if n not in eqs.amounts}
            | dict(eqs.initial)
        )
        self._needs = {name: sorted(symbols(e)) for name, e in self.definitions.items()}
        # What no equation uses may lack a value, and is then reported as NaN.
        used = (eqs.states, eqs.amounts.values(), *map(symbols, eqs.rates), *self._needs.values())
        self._used = frozenset[str]().union(*used)
        self._wanted = (*eqs.parameters, *eqs.states, *eqs.amounts.values())
        self._place = {name: i for i, name in enumerate(eqs.parameters)}
        # The state of a species, and the states that are amounts in a compartment.
        self._states_of: dict[str, list[int]] = {}
        for i, name in enumerate(eqs.states):
            for source in {name, eqs.amounts.get(name, name)}:
                self._states_of.setdefault(source, []).append(i)

    def with_nominal(self, network: Network) -> InitialValues:
        """The same initial values for a network that differs in values only."""
        other = copy(self)
        for name in ("baseline", "_unchanged", "_without_value", "_rows", "_users"):
            other.__dict__.pop(name, None)  # computed from what the model as it stands has
        other.nominal = _nominal(network)
        return other

    def columns(self, overrides: Mapping[str, Override]) -> tuple[Columns, Columns]:
        """States and parameters at t = 0 of the runs of a design.

        Parameters
        ----------
        overrides
            Id of a state or parameter -> what becomes of it, in the symbol's meaning.

        Raises
        ------
        ModelError
            A quantity has no value, or initial assignments need each other in a circle.
        """
        known, changed = self.known(overrides)
        states, parameters = self._rows
        y = {i: self._state(i, known) for name in changed for i in self._states_of.get(name, ())}
        p = {self._place[name]: known[name] for name in changed if name in self._place}
        return _columns(states, y), _columns(parameters, p)

    def known(self, overrides: Mapping[str, Override]) -> tuple[dict[str, Any], list[str]]:
        """Value of every quantity of the runs of a design, and those that overrides change.

        Parameters and errors are those of `columns`.
        """
        known, changed = dict(self._unchanged), list(overrides)
        for name in changed:  # which grows by what depends on it
            if known.pop(name, None) is not None:
                changed.extend(self._users.get(name, ()))
        memo: dict[int, Any] = {}
        changed = [*self._without_value, *changed]
        for name in changed:
            self._resolve(name, known, overrides, memo, ())
        return known, changed

    def values(self, runs: int, overrides: Mapping[str, Override]) -> tuple[Array, Array]:
        """States (runs, n) and parameters (runs, parameters) at t = 0 of a list of runs.

        Parameters and errors are those of `columns`.
        """
        every = (np.arange(runs),)
        y, p = self.columns(overrides)
        return y.rows(every, runs), p.rows(every, runs)

    @cached_property
    def baseline(self) -> dict[str, float | None]:
        """Value of each constant in the model as it stands; None where the file gives none."""
        values = {n: float(self._unchanged.get(n, np.nan)) for n in self.equations.parameters}
        return {name: None if np.isnan(value) else value for name, value in values.items()}

    @cached_property
    def _unchanged(self) -> dict[str, Any]:
        """Values without overrides of what has one, and of all that these need."""
        known: dict[str, Any] = {TIME: np.float64(0.0)}
        memo: dict[int, Any] = {}
        for name in self._wanted:
            with suppress(ModelError):  # raised once a run needs it
                self._resolve(name, known, {}, memo, ())
        return known

    @cached_property
    def _without_value(self) -> tuple[str, ...]:
        return tuple(name for name in self._wanted if name not in self._unchanged)

    @cached_property
    def _rows(self) -> tuple[Array, Array]:
        """States and parameters without overrides; NaN where there is no value."""
        known = dict.fromkeys(self._wanted, np.float64(np.nan)) | self._unchanged
        states = [self._state(i, known) for i in range(len(self.equations.states))]
        return np.array(states), np.array([known[name] for name in self._place])

    def _state(self, index: int, known: Mapping[str, Any]) -> Any:
        """Value of a state; an amount where it is held as one."""
        name = self.equations.states[index]
        size = self.equations.amounts.get(name)
        return known[name] if size is None else known[name] * known[size]

    @cached_property
    def _users(self) -> dict[str, list[str]]:
        """Symbol -> those of `_unchanged` that are computed from it."""
        users: dict[str, list[str]] = {}
        for name in self._unchanged.keys() & self.definitions.keys():
            for need in self._needs[name]:
                users.setdefault(need, []).append(name)
        return users

    def _resolve(
        self,
        name: str,
        known: dict[str, Any],
        overrides: Mapping[str, Override],
        memo: dict[int, Any],
        asked_by: tuple[str, ...],
    ) -> Any:
        if name in known:
            return known[name]
        if name in asked_by:
            circle = " > ".join([*asked_by, name])
            raise ModelError(f"{self._where}: initial values need each other: {circle}.")
        override = overrides.get(name)
        if override is not None and override.given.all():
            known[name] = override.values
            return known[name]
        if name in self.definitions:
            for need in self._needs[name]:
                self._resolve(need, known, overrides, memo, (*asked_by, name))
            value = evaluate_arrays(self.definitions[name], known, memo)
        else:
            nominal = self.nominal.get(name)
            if nominal is None and name in self._used:
                raise ModelError(f'{self._where}: "{name}" has no value and no initial assignment.')
            value = np.float64(np.nan if nominal is None else nominal)
        if override is not None:
            value = np.where(override.given, override.values, value * override.factor)
        known[name] = value
        return value
