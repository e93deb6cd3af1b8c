"""Rates of change: of amounts, by the reactions, and `rateOf(x)` written out in them."""

from __future__ import annotations

from collections.abc import Iterable

from .derivative import derivative
from .expression import RATE_OF, Apply, Expression, Number, Symbol, apply
from .mathml import MathError
from .network import Network, Species, formulas

ZERO = Number(0.0)


def rate_symbol(name: str) -> str:
    """Name of the computed quantity that is the rate of change of `name` (no id has a bracket)."""
    return f"{RATE_OF}({name})"


def is_rate(name: str) -> bool:
    """Whether a computed quantity is a rate of change."""
    return name.startswith(f"{RATE_OF}(")


def with_symbols(expression: Expression) -> Expression:
    """The tree with each rate of change as a symbol, see `rate_symbol`."""
    if not isinstance(expression, Apply):
        return expression
    if expression.operator == RATE_OF:
        (name,) = rates_used([expression])
        return Symbol(rate_symbol(name))
    arguments = tuple(map(with_symbols, expression.arguments))
    unchanged = all(new is old for new, old in zip(arguments, expression.arguments, strict=True))
    return expression if unchanged else Apply(expression.operator, arguments)


def rates_used(expressions: Iterable[Expression]) -> frozenset[str]:
    """Names of quantities whose rates of change the trees use."""
    found: set[str] = set()
    pending = list(expressions)
    while pending:
        node = pending.pop()
        if isinstance(node, Apply):
            if node.operator == RATE_OF:
                found |= {a.name for a in node.arguments if isinstance(a, Symbol)}
            else:
                pending.extend(node.arguments)
    return frozenset(found)


def amount_rates(network: Network) -> dict[str, Expression]:
    """d(amount)/dt of every species that reactions change, as a sum over fluxes."""
    species = {s.id: s for s in network.species}
    terms: dict[str, list[Expression]] = {}
    for reaction in network.reactions:
        flux = Symbol(reaction.id)
        for name, number in reaction.stoichiometry:
            terms.setdefault(name, []).append(_scaled(number, flux))
        for name, formula in reaction.formulas:
            terms.setdefault(name, []).append(apply("multiply", formula, flux))
    changed: dict[str, Expression] = {}
    for name, fluxes in terms.items():
        one = species.get(name)
        if one is None or one.boundary or one.constant:
            continue
        total = fluxes[0] if len(fluxes) == 1 else apply("add", *fluxes)
        factor = one.conversion_factor
        changed[name] = apply("multiply", Symbol(factor), total) if factor else total
    return changed


def _scaled(number: float, flux: Expression) -> Expression:
    if number == 1.0:
        return flux
    return apply("negate", flux) if number == -1.0 else apply("multiply", Number(number), flux)


def rate_equations(
    network: Network, more: Iterable[Expression] = ()
) -> tuple[dict[str, Expression], list[str]]:
    """Expression of each rate of change that a formula uses, under its `rate_symbol`.

    Returns the expressions, in which further rates are symbols, and a sentence on each rate that
    cannot be had. `more` are expressions beside the formulas of the network.
    """
    equations: dict[str, Expression] = {}
    problems: list[str] = []
    pending = sorted(rates_used((*(expression for _, expression in formulas(network)), *more)))
    if not pending:
        return {}, []
    of_amounts = amount_rates(network)
    while pending:
        name = pending.pop()
        if rate_symbol(name) in equations:
            continue
        try:
            rate = _rate(name, network, of_amounts)
        except MathError as problem:
            rate = ZERO
            problems.append(f'rateOf("{name}") {problem}')
        pending.extend(rates_used([rate]))
        equations[rate_symbol(name)] = with_symbols(rate)
    return equations, problems


def _rate(name: str, network: Network, of_amounts: dict[str, Expression]) -> Expression:
    """d(symbol)/dt between events."""
    for ruled, rate in network.rate_rules:
        if ruled == name:
            return rate
    if name in dict(network.algebraic_rules):
        raise MathError("is the rate of what an algebraic rule gives, which is not supported")
    computed = _computed(network).get(name)
    if computed is not None:
        return derivative(computed)
    species = {s.id: s for s in network.species}.get(name)
    if species is None:
        return ZERO
    change = of_amounts.get(name, ZERO)
    return change if species.only_substance_units else _of_concentration(species, change, network)


def _computed(network: Network) -> dict[str, Expression]:
    return {r.id: r.kinetic_law for r in network.reactions} | dict(network.assignment_rules)


def _of_concentration(species: Species, change: Expression, network: Network) -> Expression:
    """d(amount / size)/dt, where `change` is d(amount)/dt."""
    size = Symbol(species.compartment)
    rate = ZERO if change == ZERO else apply("divide", change, size)
    ruled = (*network.rate_rules, *network.assignment_rules, *network.algebraic_rules)
    if species.compartment not in dict(ruled):
        return rate
    growth = apply(RATE_OF, size)
    dilution = apply("divide", apply("multiply", Symbol(species.id), growth), size)
    return apply("subtract", rate, dilution)
