"""The differential equations of a network: what is a state, a parameter, or computed.

SBML's rules are applied here: reactions change amounts, boundary and constant species are left
alone, a concentration follows its compartment's size, and rate rules change the quantity itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..errors import ModelError
from ..network.expression import TIME, Expression, Number, Symbol, apply, symbols
from ..network.network import Network, Species


@dataclass(frozen=True)
class EventEquations:
    """An event in the symbols of `Equations`; see `network.network.Event`.

    assignments : (state or parameter id, value). The value is evaluated when the event is
        triggered, or when it is executed unless `use_trigger_values`.
    scales : (state id, factor): at execution, once the values of all assignments of this event are
        in place, the assigned value of that state is multiplied by the factor evaluated with them.
        A state held as amount has its compartment's size here, which the same event, or another
        one meanwhile, may change.
    """

    id: str
    trigger: Expression
    delay: Expression | None
    priority: Expression | None
    persistent: bool
    initial_value: bool
    use_trigger_values: bool
    assignments: tuple[tuple[str, Expression], ...]
    scales: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True)
class Equations:
    """dy/dt of a network, in symbols.

    states : ids in the order of y.  rates : dy/dt, same order.
    amounts : state id -> compartment id, where y is an amount though the symbol is a concentration
        (compartments whose size varies).
    parameters : ids in the order of p: all that keeps its value between scheduled changes.
    computed : symbol -> expression, in any order, for everything else (assignment rules, reaction
        fluxes, concentrations in varying compartments).
    algebraic : states that no derivative determines: their entry of `rates` is a residual that is
        0 at all times.
    events : what happens at triggers, in the order of the file.
    """

    states: tuple[str, ...]
    rates: tuple[Expression, ...]
    amounts: dict[str, str]
    parameters: tuple[str, ...]
    computed: dict[str, Expression]
    algebraic: frozenset[str] = frozenset()
    events: tuple[EventEquations, ...] = ()

    @cached_property
    def quantities(self) -> tuple[str, ...]:
        """Every symbol that has a value, in reporting order: states, computed, parameters."""
        computed = [c for c in self.computed if c not in self.amounts]
        return (*self.states, *computed, *self.parameters)


def amount_symbol(species: str) -> str:
    """Name of the state that holds the amount of a species (no SBML id has a dot)."""
    return f"{species}.amount"


def equations(network: Network) -> Equations:
    """Equations of a network.

    Raises
    ------
    ModelError
        A compartment whose size varies is changed by no rule that can be followed.
    """
    assigned = dict(network.assignment_rules)
    rate_ruled = dict(network.rate_rules)
    varying = {c.id for c in network.compartments if c.id in assigned or c.id in rate_ruled}
    changes = _net_rates(network)
    states: list[str] = []
    rates: list[Expression] = []
    amounts: dict[str, str] = {}
    computed: dict[str, Expression] = dict(assigned)
    parameters: list[str] = []
    for species in network.species:
        if species.id in assigned:
            continue
        if species.id in rate_ruled:
            states.append(species.id)
            rates.append(rate_ruled[species.id])
            continue
        is_concentration = not species.only_substance_units
        reacts = species.id in changes and not (species.boundary or species.constant)
        in_varying = is_concentration and species.compartment in varying
        if not reacts and not in_varying:
            parameters.append(species.id)
            continue
        change = changes[species.id] if reacts else Number(0.0)
        if in_varying:
            amounts[species.id] = species.compartment
            computed[species.id] = apply(
                "divide", Symbol(amount_symbol(species.id)), Symbol(species.compartment)
            )
        elif is_concentration:
            change = apply("divide", change, Symbol(species.compartment))
        states.append(species.id)
        rates.append(change)
    for name in [*(c.id for c in network.compartments), *(p.id for p in network.parameters)]:
        if name in rate_ruled:
            states.append(name)
            rates.append(rate_ruled[name])
        elif name not in assigned:
            parameters.append(name)
    for reaction in network.reactions:
        computed[reaction.id] = reaction.kinetic_law
    return Equations(tuple(states), tuple(rates), amounts, tuple(parameters), computed)


def _net_rates(network: Network) -> dict[str, Expression]:
    """d(amount)/dt of every species that takes part in a reaction."""
    species: dict[str, Species] = {s.id: s for s in network.species}
    terms: dict[str, list[Expression]] = {}
    for reaction in network.reactions:
        for name, coefficient in reaction.stoichiometry:
            flux: Expression = Symbol(reaction.id)
            if coefficient == -1.0:
                flux = apply("negate", flux)
            elif coefficient != 1.0:
                flux = apply("multiply", Number(coefficient), flux)
            terms.setdefault(name, []).append(flux)
    result: dict[str, Expression] = {}
    for name, fluxes in terms.items():
        total = apply("add", *fluxes)
        factor = species[name].conversion_factor
        result[name] = apply("multiply", Symbol(factor), total) if factor else total
    return result


def evaluation_order(computed: dict[str, Expression], where: str) -> list[str]:
    """Names of `computed` so that each uses only earlier ones.

    Raises
    ------
    ModelError
        They need each other in a circle.
    """
    order: list[str] = []
    state: dict[str, int] = {}
    for root in computed:
        stack = [(root, iter(sorted(symbols(computed[root]))))] if root not in state else []
        state.setdefault(root, 1)
        while stack:
            name, needs = stack[-1]
            for need in needs:
                if need not in computed or need == TIME or state.get(need) == 2:
                    continue
                if state.get(need) == 1:
                    circle = " > ".join([*[n for n, _ in stack], need])
                    raise ModelError(f"{where}: these need each other in a circle: {circle}.")
                state[need] = 1
                stack.append((need, iter(sorted(symbols(computed[need])))))
                break
            else:
                stack.pop()
                state[name] = 2
                order.append(name)
    return order
