"""The differential equations of a network: what is a state, a parameter, or computed.

SBML's rules are applied here: reactions change amounts, boundary and constant species are left
alone, a concentration follows its compartment's size, and rate rules change the quantity itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..errors import ModelError
from ..network.expression import RATE_OF, TIME, Expression, Number, Symbol, apply, symbols
from ..network.network import Event, Network
from ..network.order import used_by
from ..network.rates import amount_rates, is_rate, rate_equations, with_symbols


@dataclass(frozen=True)
class EventEquations:
    """An event in the symbols of `Equations`; see `network.network.Event`.

    assignments : (state or parameter id, value). The value is evaluated when the event is
        triggered, or when it is executed unless `use_trigger_values`.
    scales : (state id, factor): at execution, the value assigned to that state is multiplied by the
        factor, evaluated just before this event changes anything. A species held as amount is
        assigned a concentration, which is one in the compartment's size of that moment, even if the
        same event changes the size: assignments do not see each other.
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
    initial : initial assignments of the network.

    `computed` also holds rates of change that a formula uses, see `network.rates.rate_symbol`.
    """

    states: tuple[str, ...]
    rates: tuple[Expression, ...]
    amounts: dict[str, str]
    parameters: tuple[str, ...]
    computed: dict[str, Expression]
    algebraic: frozenset[str] = frozenset()
    events: tuple[EventEquations, ...] = ()
    initial: tuple[tuple[str, Expression], ...] = ()

    @cached_property
    def quantities(self) -> tuple[str, ...]:
        """Every symbol that has a value, in reporting order: states, computed, parameters."""
        computed = [c for c in self.computed if c not in self.amounts and not is_rate(c)]
        return (*self.states, *computed, *self.parameters)


def amount_symbol(species: str) -> str:
    """Name of the state that holds the amount of a species (no SBML id has a dot)."""
    return f"{species}.amount"


def equations(network: Network) -> Equations:
    """Equations of a network, rates of change written out.

    Raises
    ------
    ModelError
        A size that events change is computed in a way that has no rate of change.
    """
    states, amounts = _states(network)
    computed = dict(network.assignment_rules)
    for name, size in amounts.items():
        computed[name] = apply("divide", Symbol(amount_symbol(name)), Symbol(size))
    computed |= {r.id: r.kinetic_law for r in network.reactions}
    rates, problems = rate_equations(network, states.values())
    if problems:
        raise ModelError("\n".join(f"{network.source}: {problem}" for problem in problems))
    computed |= rates
    names = [s.id for s in network.species] + _others(network)
    return Equations(
        states=tuple(states),
        rates=tuple(map(with_symbols, states.values())),
        amounts=amounts,
        parameters=tuple(name for name in names if not (name in states or name in computed)),
        computed={name: with_symbols(expression) for name, expression in computed.items()},
        algebraic=frozenset(name for name, _ in network.algebraic_rules),
        events=tuple(_event(event, amounts) for event in network.events),
        initial=tuple((name, with_symbols(e)) for name, e in network.initial_assignments),
    )


def _states(network: Network) -> tuple[dict[str, Expression], dict[str, str]]:
    """Each state with its rate (or residual), and the compartments of states held as amounts."""
    assigned, rate_rules = dict(network.assignment_rules), dict(network.rate_rules)
    ruled = rate_rules | dict(network.algebraic_rules)
    by_events = {name for event in network.events for name, _ in event.assignments}
    varying = assigned.keys() | ruled.keys() | by_events
    changes = amount_rates(network)
    states: dict[str, Expression] = {}
    amounts: dict[str, str] = {}
    for species in network.species:
        name, size = species.id, species.compartment
        is_concentration = not species.only_substance_units
        if name in assigned:
            continue
        if name in ruled:
            states[name] = ruled[name]
            if is_concentration and name in rate_rules and _may_jump(size, network):
                amounts[name] = size
                states[name] = _rate_of_amount(name, size, rate_rules[name], network)
        elif is_concentration and size in varying:
            amounts[name] = size
            states[name] = changes.get(name, Number(0.0))
        elif name in changes:
            by_size = apply("divide", changes[name], Symbol(size))
            states[name] = by_size if is_concentration else changes[name]
    return states | {name: ruled[name] for name in _others(network) if name in ruled}, amounts


def _others(network: Network) -> list[str]:
    """Compartments and parameters."""
    return [c.id for c in network.compartments] + [p.id for p in network.parameters]


def _may_jump(size: str, network: Network) -> bool:
    """Whether events may change a compartment's size at once, also through rules.

    Then amounts stay, and a concentration jumps even if a rate rule moves it between events. (It is
    not an amount over a size that is itself computed from concentrations there.)
    """
    by_events = {name for event in network.events for name, _ in event.assignments}
    uses = used_by(size, network)
    if uses & {s.id for s in network.species if s.compartment == size}:
        return False
    return size in by_events or not uses.isdisjoint(by_events)


def _rate_of_amount(species: str, size: str, rate: Expression, network: Network) -> Expression:
    """d(concentration * size)/dt where a rate rule changes the concentration."""
    change = apply("multiply", rate, Symbol(size))
    if size not in dict((*network.rate_rules, *network.assignment_rules)):
        return change
    growth = apply(RATE_OF, Symbol(size))
    return apply("add", change, apply("multiply", Symbol(species), growth))


def _event(event: Event, amounts: dict[str, str]) -> EventEquations:
    def written(expression: Expression | None) -> Expression | None:
        return None if expression is None else with_symbols(expression)

    return EventEquations(
        id=event.id,
        trigger=with_symbols(event.trigger),
        delay=written(event.delay),
        priority=written(event.priority),
        persistent=event.persistent,
        initial_value=event.initial_value,
        use_trigger_values=event.use_trigger_values,
        assignments=tuple((name, with_symbols(e)) for name, e in event.assignments),
        scales=tuple(
            (name, Symbol(amounts[name])) for name, _ in event.assignments if name in amounts
        ),
    )


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
