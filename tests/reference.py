"""A plain, slow simulator of networks, against which the fast one and the readers are tested.

It follows SBML's equations with `evaluate` alone, integrates with SciPy's LSODA at tight
tolerances, looks for triggers along the dense output, and solves algebraic rules with SciPy's root
finder. It shares no code with `simulator.codegen` or `simulator.integrator`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from scipy.integrate import LSODA
from scipy.optimize import root

from simulator.network.expression import (
    RATE_OF,
    TIME,
    Apply,
    Expression,
    Symbol,
    evaluate,
)
from simulator.network.network import Event, Network
from simulator.network.order import initial_order, rule_order

from .reference_events import Queue, System

RTOL = 1e-10
"""Four orders below the tightest relative tolerance of the SBML test suite."""
ATOL = 1e-13
"""Relative to each state's own size (or 1e-4, whichever is larger)."""
LOOKS = 20
"""In how many places between two output times triggers are looked at, at least."""
PASSES = 50
"""Evaluations after which quantities that use each other must have settled."""

Values = dict[str, float]


def _rate(name: str) -> str:
    return f"rate of {name}"


def _without_rates(expression: Expression) -> Expression:
    if not isinstance(expression, Apply):
        return expression
    if expression.operator == RATE_OF:
        return Symbol(_rate(expression.arguments[0].name))
    return Apply(expression.operator, tuple(map(_without_rates, expression.arguments)))


def _event_without_rates(event: Event) -> Event:
    parts = {part: getattr(event, part) for part in ("trigger", "delay", "priority")}
    return replace(
        event,
        assignments=tuple((name, _without_rates(e)) for name, e in event.assignments),
        **{part: e and _without_rates(e) for part, e in parts.items()},
    )


def _same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


class Reference:
    """The equations of one network, and its values between events.

    The state of a species is its amount, unless a rule gives its symbol; that of a quantity with a
    rate rule is the quantity itself. `held` has every quantity that neither a state nor a rule
    gives. All quantities are evaluated in turn until none changes any more, which settles every
    order in which they use each other.
    """

    def __init__(self, network: Network, overrides: Mapping[str, float] | None = None) -> None:
        self.network = network
        self.rules = [(name, _without_rates(e)) for name, e in rule_order(network)]
        self.laws = [(r.id, _without_rates(r.kinetic_law)) for r in network.reactions]
        self.rate_rules = {name: _without_rates(e) for name, e in network.rate_rules}
        self.residuals = {name: _without_rates(e) for name, e in network.algebraic_rules}
        assigned = {name for name, _ in network.assignment_rules}
        ruled = assigned | self.rate_rules.keys() | self.residuals.keys()
        self.amounts = [s for s in network.species if s.id not in ruled]
        self.sizes = {s.id: s.compartment for s in network.species if not s.only_substance_units}
        self.states = [s.id for s in self.amounts] + list(self.rate_rules)
        sizes = {s.compartment for s in network.species}
        ruled_sizes = sizes & (assigned | self.residuals.keys())
        self.entangled = bool(ruled_sizes) or RATE_OF in repr(network)
        self.at_rest = [
            q.id for g in (network.species, network.compartments, network.parameters) for q in g
        ]
        self.held: Values = {}
        self._initial(overrides or {})
        self.y = np.array(
            [self.held[s.id] * self._size(s.id, self.held) for s in self.amounts]
            + [self.held[name] for name in self.rate_rules]
        )
        self.unknowns = [self.held.pop(name) for name in self.residuals]
        self.unknowns = [1.0 if math.isnan(u) else u for u in self.unknowns]

    def _initial(self, overrides: Mapping[str, float]) -> None:
        """Value of every quantity and flux at time 0; nan where the file gives none."""
        network, values = self.network, self.held
        values[TIME] = 0.0
        for c in network.compartments:
            values[c.id] = math.nan if c.size is None else c.size
        for s in network.species:
            values[s.id] = math.nan if s.initial is None else s.initial
        for p in network.parameters:
            values[p.id] = math.nan if p.value is None else p.value
        values.update(overrides)
        order = [(name, _without_rates(e)) for name, e in initial_order(network)]
        order = [(name, e) for name, e in [*order, *self.laws] if name not in overrides]
        for _ in range(PASSES):
            before = dict(values)
            self._add_rates(values)
            for name, expression in order:
                values[name] = evaluate(expression, values)
            if all(_same(values[name], before.get(name, math.inf)) for name in values):
                return
        raise RuntimeError("initial values do not settle")

    def _size(self, species: str, values: Mapping[str, float]) -> float:
        """What the symbol is multiplied by to give the amount."""
        compartment = self.sizes.get(species)
        if compartment is None:
            return 1.0
        size = values[compartment]
        return 1.0 if math.isnan(size) else size

    def values(self, time: float, y: Sequence[float] | np.ndarray) -> Values:
        """Value of every quantity and flux at a time, from the states."""
        if not self.residuals:
            return self._explicit(time, y, [])

        def residual(unknowns: np.ndarray) -> list[float]:
            values = self._explicit(time, y, unknowns)
            return [evaluate(e, values) for e in self.residuals.values()]

        found = root(residual, self.unknowns, tol=1e-13)
        if not np.allclose(found.fun, 0.0, atol=1e-9):
            raise RuntimeError(f"no solution of the algebraic rules at t = {time}")
        self.unknowns = list(found.x)
        return self._explicit(time, y, found.x)

    def _explicit(
        self, time: float, y: Sequence[float] | np.ndarray, unknowns: Sequence[float] | np.ndarray
    ) -> Values:
        values = dict(self.held)
        values[TIME] = float(time)
        state = dict(zip(self.states, map(float, y), strict=True))
        values.update({name: state[name] for name in self.rate_rules})
        values.update(zip(self.residuals, map(float, unknowns), strict=True))
        for _ in range(PASSES):
            before = values.copy()
            for species in self.amounts:
                size = self._size(species.id, values)
                values[species.id] = state[species.id] / size if size else math.nan
            if self.entangled:
                self._add_rates(values)
            for name, expression in (*self.rules, *self.laws):
                values[name] = evaluate(expression, values)
            if not self.entangled:
                return values
            if all(_same(values[name], before.get(name, math.inf)) for name in values):
                return values
        raise RuntimeError("the values of quantities do not settle")

    def _add_rates(self, values: Values) -> None:
        """The rate of change of every quantity, as far as it can be evaluated yet."""
        try:
            changes = self._changes(values)
        except KeyError:  # in the first pass
            changes = {}
        for name in self.at_rest:
            values[_rate(name)] = 0.0
        for name, change in changes.items():
            if name in self.sizes and name not in self.rate_rules:  # symbol = amount / size
                size, growth = self._size(name, values), changes.get(self.sizes[name], 0.0)
                change = (change - values[name] * growth) / size if size else math.nan
            values[_rate(name)] = change

    def _changes(self, values: Values) -> Values:
        """d(states)/dt."""
        change = dict.fromkeys(self.states, 0.0)
        species = {s.id: s for s in self.amounts}
        for reaction in self.network.reactions:
            net = [*reaction.stoichiometry]
            net += [(name, evaluate(_without_rates(e), values)) for name, e in reaction.formulas]
            for name, coefficient in net:
                s = species.get(name)
                if s is None or s.boundary or s.constant:
                    continue
                factor = 1.0 if s.conversion_factor is None else values[s.conversion_factor]
                change[name] += factor * coefficient * values[reaction.id]
        for name, expression in self.rate_rules.items():
            change[name] = evaluate(expression, values)
        return change

    def rates(self, time: float, y: Sequence[float] | np.ndarray) -> np.ndarray:
        """d(states)/dt, shape (states,)."""
        change = self._changes(self.values(time, y))
        return np.array([change[name] for name in self.states])

    def assign(self, time: float, new: Mapping[str, float]) -> None:
        """Give quantities new values at once, in the meaning of their symbols.

        A new concentration is an amount in the old size. Amounts stay where sizes change, also
        those of species that a rate rule moves.
        """
        old = self.values(time, self.y)
        y = dict(zip(self.states, self.y, strict=True))
        for name in new.keys() & y.keys():
            is_amount = name not in self.rate_rules
            y[name] = new[name] * (self._size(name, old) if is_amount else 1.0)
        self.held |= {name: value for name, value in new.items() if name in self.held}
        self.y = np.array([y[name] for name in self.states])
        now = self.values(time, self.y)
        for name in self.rate_rules.keys() & self.sizes.keys():
            before, after = old[self.sizes[name]], now[self.sizes[name]]
            if before != after:
                self.y[self.states.index(name)] *= before / after


def simulate(
    network: Network, times: Sequence[float], overrides: Mapping[str, float] | None = None
) -> dict[str, np.ndarray]:
    """Value of every species (its symbol), parameter, compartment and flux at `times`.

    `overrides` replaces values before anything that depends on them is computed. `times` begin at
    or after 0 and increase. Each array has the shape (times,).
    """
    return run(Reference(network, overrides), network.events, times)


def run(system: System, events: Sequence[Event], times: Sequence[float]) -> dict[str, np.ndarray]:
    """Value of every quantity of a system at `times`, events done."""
    queue = Queue([_event_without_rates(event) for event in events], system)
    queue.settle(0.0)
    rows: list[Values] = []
    now = 0.0
    for time in times:
        look = (time - now) / LOOKS
        while now < time:
            now = _advance(system, queue, now, min(time, queue.next_execution()), look)
            queue.settle(now)
        rows.append(system.values(time, system.y))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _advance(system: System, queue: Queue, begin: float, end: float, look: float) -> float:
    """Integrate until `end`, or until a trigger changes; the time that was reached."""
    y = system.y
    known = np.isfinite(y)

    def whole(part: np.ndarray) -> np.ndarray:
        """All states; those without a value keep none and do not disturb the others."""
        everything = y.copy()
        everything[known] = part
        return everything

    if not known.any():
        return _first_change(system, queue, lambda _: y, begin, end, look)
    solver = LSODA(
        lambda time, part: system.rates(time, whole(part))[known],
        begin,
        y[known],
        end,
        rtol=RTOL,
        atol=ATOL * np.maximum(np.abs(y[known]), 1e-4),
    )
    while solver.status == "running":
        message = solver.step()
        if solver.status == "failed":
            raise RuntimeError(f"the reference stopped at t = {solver.t}: {message}")
        if queue.events:
            dense = solver.dense_output()
            found = _first_change(
                system, queue, lambda t, d=dense: whole(d(t)), solver.t_old, solver.t, look
            )
            if found < solver.t or queue.changes(found, system.y):
                return found
        system.y = whole(solver.y)
    return end


def _first_change(system, queue, states, begin, end, look) -> float:  # type: ignore[no-untyped-def]
    """The first time at which a trigger is no more what it was, else `end`; leaves the states."""
    if queue.events:
        times = np.linspace(begin, end, max(2, math.ceil((end - begin) / look) + 1))
        for low, high in pairwise(times):
            if queue.changes(high, states(high)):
                while np.nextafter(low, high) < high:  # down to neighbouring numbers
                    middle = 0.5 * (low + high)
                    if queue.changes(middle, states(middle)):
                        high = middle
                    else:
                        low = middle
                system.y = states(high)
                return float(high)
    system.y = states(end)
    return float(end)


def output(network: Network, values: Mapping[str, np.ndarray], name: str, as_: str) -> np.ndarray:
    """One quantity of a result as its ``symbol``, its ``amount`` or its ``concentration``."""
    species = {s.id: s for s in network.species}.get(name)
    given = values[name]
    if species is None or as_ == "symbol":
        return given
    if species.only_substance_units:
        return given / values[species.compartment] if as_ == "concentration" else given
    return given * values[species.compartment] if as_ == "amount" else given
