"""A plain, slow simulator of networks, against which the fast one and the readers are tested.

It follows SBML's equations with `evaluate` alone and integrates with SciPy's LSODA at tight
tolerances. It shares no code with `simulator.codegen` or `simulator.integrator`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.integrate import solve_ivp

from simulator.network.expression import TIME, Expression, evaluate
from simulator.network.network import Network
from simulator.network.order import initial_order, rule_order

RTOL = 1e-10
"""Four orders below the tightest relative tolerance of the SBML test suite."""
ATOL = 1e-13
"""Relative to each state's own size (or 1e-4, whichever is larger)."""

Values = dict[str, float]


class Reference:
    """The equations of one network.

    The state of a species that reactions change, or whose compartment changes, is its amount; that
    of a quantity with a rate rule is the quantity itself.
    """

    def __init__(self, network: Network, overrides: Mapping[str, float] | None = None) -> None:
        self.network = network
        self.rules = rule_order(network)
        self.laws = [(r.id, r.kinetic_law) for r in network.reactions]
        self.rate_rules: dict[str, Expression] = dict(network.rate_rules)
        ruled = set(self.rate_rules) | {name for name, _ in network.assignment_rules}
        self.amounts = [s for s in network.species if s.id not in ruled]
        self.by_amount = {s.id: s.compartment for s in self.amounts if not s.only_substance_units}
        self.states = [s.id for s in self.amounts] + list(self.rate_rules)
        self.start = self._initial(overrides or {})

    def _initial(self, overrides: Mapping[str, float]) -> Values:
        """Value of every quantity and flux at time 0; nan where the file gives none."""
        network = self.network
        values: Values = {TIME: 0.0}
        for c in network.compartments:
            values[c.id] = math.nan if c.size is None else c.size
        for s in network.species:
            values[s.id] = math.nan if s.initial is None else s.initial
        for p in network.parameters:
            values[p.id] = math.nan if p.value is None else p.value
        values.update(overrides)
        for name, expression in initial_order(network):
            if name not in overrides:
                values[name] = evaluate(expression, values)
        for name, law in self.laws:
            values[name] = evaluate(law, values)
        return values

    def _size(self, species: str, values: Mapping[str, float]) -> float:
        """What the symbol is multiplied by to give the amount."""
        compartment = self.by_amount.get(species)
        if compartment is None:
            return 1.0
        size = values[compartment]
        return 1.0 if math.isnan(size) else size

    def values(self, time: float, y: Sequence[float] | np.ndarray) -> Values:
        """Value of every quantity and flux at a time, from the states."""
        values = dict(self.start)
        values[TIME] = float(time)
        state = dict(zip(self.states, map(float, y), strict=True))
        values.update({name: state[name] for name in self.rate_rules})
        # A compartment with an assignment rule needs its size before concentrations, and the rule
        # may use concentrations: two passes settle every order but a circle.
        for _ in range(2):
            for species in self.amounts:
                size = self._size(species.id, values)
                values[species.id] = state[species.id] / size if size else math.nan
            for name, expression in self.rules:
                values[name] = evaluate(expression, values)
        for name, law in self.laws:
            values[name] = evaluate(law, values)
        return values

    def initial_state(self) -> np.ndarray:
        """States at time 0, shape (states,)."""
        amounts = [self.start[s.id] * self._size(s.id, self.start) for s in self.amounts]
        return np.array(amounts + [self.start[name] for name in self.rate_rules])

    def rates(self, time: float, y: Sequence[float] | np.ndarray) -> np.ndarray:
        """d(states)/dt, shape (states,)."""
        values = self.values(time, y)
        change = dict.fromkeys(self.states, 0.0)
        species = {s.id: s for s in self.amounts}
        for reaction in self.network.reactions:
            for name, coefficient in reaction.stoichiometry:
                s = species.get(name)
                if s is None or s.boundary or s.constant:
                    continue
                factor = 1.0 if s.conversion_factor is None else values[s.conversion_factor]
                change[name] += factor * coefficient * values[reaction.id]
        for name, expression in self.rate_rules.items():
            change[name] = evaluate(expression, values)
        return np.array([change[name] for name in self.states])


def simulate(
    network: Network, times: Sequence[float], overrides: Mapping[str, float] | None = None
) -> dict[str, np.ndarray]:
    """Value of every species (its symbol), parameter, compartment and flux at `times`.

    `overrides` replaces values before anything that depends on them is computed. `times` begin at
    or after 0 and increase. Each array has the shape (times,).
    """
    reference = Reference(network, overrides)
    y = reference.initial_state()
    known = np.isfinite(y)
    rows: list[Values] = []
    previous = 0.0
    for time in times:
        if time > previous and known.any():
            y = _advance(reference.rates, y, known, previous, time)
        rows.append(reference.values(time, y))
        previous = time
    return {name: np.array([row[name] for row in rows]) for name in reference.start}


def _advance(
    rates: Callable[[float, np.ndarray], np.ndarray],
    y: np.ndarray,
    known: np.ndarray,
    begin: float,
    end: float,
) -> np.ndarray:
    """States at `end`; those without a value keep none and do not disturb the others."""

    def right_hand_side(time: float, part: np.ndarray) -> np.ndarray:
        whole = y.copy()
        whole[known] = part
        return rates(time, whole)[known]

    solution = solve_ivp(
        right_hand_side,
        (begin, end),
        y[known],
        "LSODA",
        t_eval=[end],
        rtol=RTOL,
        atol=ATOL * np.maximum(np.abs(y[known]), 1e-4),
    )
    if not solution.success:
        raise RuntimeError(f"the reference stopped at t = {solution.t}: {solution.message}")
    result = y.copy()
    result[known] = solution.y[:, -1]
    return result


def output(network: Network, values: Mapping[str, np.ndarray], name: str, as_: str) -> np.ndarray:
    """One quantity of a result as its ``symbol``, its ``amount`` or its ``concentration``."""
    species = {s.id: s for s in network.species}.get(name)
    given = values[name]
    if species is None or as_ == "symbol":
        return given
    if species.only_substance_units:
        return given / values[species.compartment] if as_ == "concentration" else given
    return given * values[species.compartment] if as_ == "amount" else given
