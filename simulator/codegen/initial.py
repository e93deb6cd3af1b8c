"""Initial values of whole batches of runs, with overrides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..network.expression import TIME, Expression, symbols
from ..network.network import Network
from .arrays import evaluate_arrays
from .equations import Equations

Array = NDArray[np.float64]
Override = tuple[Array, NDArray[np.bool_]]
"""Values (runs,) and where they apply (runs,)."""


class InitialValues:
    """States and parameters at t = 0.

    An initial assignment gives a quantity its value unless that quantity is overridden; what
    depends on an overridden quantity follows it.
    """

    def __init__(self, network: Network, eqs: Equations) -> None:
        self._where = network.source
        self._equations = eqs
        self.nominal: dict[str, float | None] = {
            **{c.id: c.size for c in network.compartments},
            **{p.id: p.value for p in network.parameters},
            **{s.id: s.initial for s in network.species},
        }
        self.definitions: dict[str, Expression] = {
            name: expression for name, expression in eqs.computed.items() if name not in eqs.amounts
        } | dict(eqs.initial)
        # What no equation uses may lack a value, and is then reported as NaN.
        needed = [symbols(e) for e in (*eqs.rates, *self.definitions.values())]
        self._used = frozenset().union(eqs.states, eqs.amounts.values(), *needed)

    def values(self, runs: int, overrides: Mapping[str, Override]) -> tuple[Array, Array]:
        """States (runs, n) and parameters (runs, parameters) at t = 0.

        Parameters
        ----------
        overrides
            Id of a state or parameter -> values and where they apply, in the symbol's meaning.

        Raises
        ------
        ModelError
            A quantity has no value, or initial assignments need each other in a circle.
        """
        known: dict[str, Any] = {TIME: np.float64(0.0)}
        for name in (*self._equations.parameters, *self._equations.states):
            self._resolve(name, known, overrides, ())
        eqs = self._equations
        y = np.empty((runs, len(eqs.states)))
        for i, name in enumerate(eqs.states):
            y[:, i] = known[name]
            if name in eqs.amounts:
                y[:, i] *= self._resolve(eqs.amounts[name], known, overrides, ())
        p = np.empty((runs, len(eqs.parameters)))
        for i, name in enumerate(eqs.parameters):
            p[:, i] = known[name]
        return y, p

    def baseline(self) -> dict[str, float | None]:
        """Value of each constant in the model as it stands; None where the file gives none."""
        found: dict[str, float | None] = {}
        known: dict[str, Any] = {TIME: np.float64(0.0)}
        for name in self._equations.parameters:
            try:
                value = float(self._resolve(name, known, {}, ()))
            except ModelError:
                value = np.nan
            found[name] = None if np.isnan(value) else value
        return found

    def _resolve(
        self,
        name: str,
        known: dict[str, Any],
        overrides: Mapping[str, Override],
        asked_by: tuple[str, ...],
    ) -> Any:
        if name in known:
            return known[name]
        if name in asked_by:
            circle = " > ".join([*asked_by, name])
            raise ModelError(f"{self._where}: initial values need each other: {circle}.")
        override = overrides.get(name)
        if override is not None and override[1].all():
            known[name] = override[0]
            return known[name]
        if name in self.definitions:
            expression = self.definitions[name]
            for need in sorted(symbols(expression)):
                self._resolve(need, known, overrides, (*asked_by, name))
            value = evaluate_arrays(expression, known)
        else:
            nominal = self.nominal.get(name)
            if nominal is None and name in self._used:
                raise ModelError(f'{self._where}: "{name}" has no value and no initial assignment.')
            value = np.float64(np.nan if nominal is None else nominal)
        if override is not None:
            value = np.where(override[1], override[0], value)
        known[name] = value
        return value
