"""The equations of a network as a system that the reference simulator can run.

What it shares with `tests.reference` is the search for triggers and the order of executions.
States, rates, initial values and what an execution changes all come from `Equations`, so that a run
of both compares what the network says with what its equations say.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.optimize import root

from simulator.codegen.equations import amount_symbol, equations, evaluation_order
from simulator.codegen.initial import InitialValues
from simulator.network.expression import TIME, evaluate
from simulator.network.network import Network

from ..reference import run


class EquationsTwin:
    """States, in the meaning of `Equations`, and the values that follow from them."""

    def __init__(self, network: Network) -> None:
        self.equations = eqs = equations(network)
        self.names = [amount_symbol(n) if n in eqs.amounts else n for n in eqs.states]
        self.order = evaluation_order(eqs.computed, "twin")
        self.scales = dict(pair for event in eqs.events for pair in event.scales)
        y, p = InitialValues(network, eqs).values(1, {})
        self.y, self.p = y[0], p[0]
        self.implicit = np.array([name in eqs.algebraic for name in eqs.states], bool)
        self.guess = self.y[self.implicit]

    def values(self, time: float, y: np.ndarray) -> dict[str, float]:
        """Value of every quantity and flux at a time, from the states."""
        y = self._on_manifold(time, np.asarray(y))
        return self._explicit(time, y)

    def _explicit(self, time: float, y: np.ndarray) -> dict[str, float]:
        values = dict(zip(self.names, map(float, y), strict=True))
        values |= dict(zip(self.equations.parameters, map(float, self.p), strict=True))
        values[TIME] = float(time)
        for name in self.order:
            values[name] = evaluate(self.equations.computed[name], values)
        return values

    def _on_manifold(self, time: float, y: np.ndarray) -> np.ndarray:
        """The states with the algebraic ones such that their residuals are 0."""
        if not self.implicit.any():
            return y

        def residual(unknowns: np.ndarray) -> np.ndarray:
            return self._rates(time, np.where(self.implicit, _spread(unknowns, self.implicit), y))[
                self.implicit
            ]

        found = root(residual, self.guess, tol=1e-13)
        np.testing.assert_allclose(found.fun, 0.0, atol=1e-9)
        self.guess = found.x
        return np.where(self.implicit, _spread(found.x, self.implicit), y)

    def _rates(self, time: float, y: np.ndarray) -> np.ndarray:
        values = self._explicit(time, y)
        return np.array([evaluate(rate, values) for rate in self.equations.rates])

    def rates(self, time: float, y: np.ndarray) -> np.ndarray:
        """d(states)/dt, shape (states,)."""
        return np.where(self.implicit, 0.0, self._rates(time, self._on_manifold(time, y)))

    def assign(self, time: float, new: Mapping[str, float]) -> None:
        """Do what an execution does; the scales belong to the values before it."""
        eqs = self.equations
        old = self.values(time, self.y)
        y, self.p = self.y.copy(), self.p.copy()
        for name, value in new.items():
            if name in eqs.parameters:
                self.p[eqs.parameters.index(name)] = value
            else:
                y[eqs.states.index(name)] = value
        for name in new.keys() & self.scales.keys():
            y[eqs.states.index(name)] *= evaluate(self.scales[name], old)
        self.y = y


def _spread(part: np.ndarray, where: np.ndarray) -> np.ndarray:
    whole = np.zeros(where.size)
    whole[where] = part
    return whole


def simulate_equations(network: Network, times: np.ndarray) -> dict[str, np.ndarray]:
    """As `tests.reference.simulate`, by way of the equations."""
    twin = EquationsTwin(network)
    return run(twin, twin.equations.events, times)
