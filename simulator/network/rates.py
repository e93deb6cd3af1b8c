"""`rateOf(x)`: the rate of change of a quantity, written out in the network's own equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .expression import Expression, Number, Symbol, apply, substitute, symbols
from .mathml import MathError
from .network import Network
from .order import Equation

_PREFIX = "rateOf "


def rate_symbol(name: str) -> Symbol:
    """Stands for the rate of change of `name` until `with_rates` writes it out."""
    return Symbol(_PREFIX + name)


def with_rates(network: Network) -> tuple[Network, list[str]]:
    """The network with every rate of change written out, and sentences on those that cannot be."""
    formulas = [r.kinetic_law for r in network.reactions]
    for equations in (network.assignment_rules, network.rate_rules, network.initial_assignments):
        formulas += [expression for _, expression in equations]
    wanted = {s for f in formulas for s in symbols(f) if s.startswith(_PREFIX)}
    if not wanted:
        return network, []
    problems: list[str] = []
    rates: dict[str, Expression] = {}
    for symbol in sorted(wanted):
        try:
            rates[symbol] = _rate(symbol.removeprefix(_PREFIX), network, ())
        except MathError as problem:
            rates[symbol] = Number(0.0)
            problems.append(str(problem))

    def written(equations: tuple[Equation, ...]) -> tuple[Equation, ...]:
        return tuple((name, substitute(expression, rates)) for name, expression in equations)

    reactions = tuple(
        replace(r, kinetic_law=substitute(r.kinetic_law, rates)) for r in network.reactions
    )
    return (
        replace(
            network,
            reactions=reactions,
            assignment_rules=written(network.assignment_rules),
            rate_rules=written(network.rate_rules),
            initial_assignments=written(network.initial_assignments),
        ),
        problems,
    )


def _rate(name: str, network: Network, inside: tuple[str, ...]) -> Expression:
    """d(symbol)/dt as an expression without rates of change."""
    if name in inside:
        loop = " > ".join((*inside[inside.index(name) :], name))
        raise MathError(f"rateOf() is used in a circle: {loop}")
    if name in dict(network.assignment_rules):
        raise MathError(f'rateOf("{name}"): the rate of an assigned quantity is not supported')
    if name in {r.id for r in network.reactions}:
        raise MathError(f'rateOf("{name}"): the rate of a flux is not supported')
    rules = dict(network.rate_rules)
    if name in rules:
        return _without_rates(rules[name], network, (*inside, name))
    species = {s.id: s for s in network.species}.get(name)
    if species is None or species.constant:
        return Number(0.0)
    if species.boundary:
        change: Expression = Number(0.0)
    else:
        change = _amount_rate(name, species.conversion_factor, network)
    if species.only_substance_units:
        return change
    size = Symbol(species.compartment)
    growth = _rate(species.compartment, network, (*inside, name))
    rate = apply("divide", change, size)
    if growth == Number(0.0):
        return rate
    # concentration = amount / size, differentiated
    return apply("subtract", rate, apply("divide", apply("multiply", Symbol(name), growth), size))


def _amount_rate(name: str, factor: str | None, network: Network) -> Expression:
    terms = [
        apply("multiply", Number(coefficient), Symbol(r.id))
        for r in network.reactions
        for changed, coefficient in r.stoichiometry
        if changed == name
    ]
    total: Expression = apply("add", *terms)
    return total if factor is None else apply("multiply", Symbol(factor), total)


def _without_rates(expression: Expression, network: Network, inside: tuple[str, ...]) -> Expression:
    rates: Mapping[str, Expression] = {
        symbol: _rate(symbol.removeprefix(_PREFIX), network, inside)
        for symbol in symbols(expression)
        if symbol.startswith(_PREFIX)
    }
    return substitute(expression, rates)
