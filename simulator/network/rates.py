"""Rates of change: of amounts, by the reactions, and `rateOf(x)` written out in them."""

from __future__ import annotations

from collections.abc import Iterable

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


def rate_equations(network: Network) -> tuple[dict[str, Expression], list[str]]:
    """Expression of each rate of change that a formula uses, under its `rate_symbol`.

    Returns the expressions, in which further rates are symbols, and a sentence on each rate that
    cannot be had.
    """
    equations: dict[str, Expression] = {}
    problems: list[str] = []
    pending = sorted(rates_used(expression for _, expression in formulas(network)))
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
            problems.append(str(problem))
        pending.extend(rates_used([rate]))
        equations[rate_symbol(name)] = with_symbols(rate)
    return equations, problems


def _rate(name: str, network: Network, of_amounts: dict[str, Expression]) -> Expression:
    """d(symbol)/dt between events."""
    place = f'rateOf("{name}")'
    if name in {r.id for r in network.reactions}:
        raise MathError(f"{place}: the rate of a flux is not supported")
    if _is_determined(name, network):
        raise MathError(f"{place}: the rate of what a rule assigns is not defined in SBML")
    for ruled, rate in network.rate_rules:
        if ruled == name:
            return rate
    species = {s.id: s for s in network.species}.get(name)
    if species is None:
        return ZERO
    change = of_amounts.get(name, ZERO)
    if species.only_substance_units:
        return change
    if _is_determined(species.compartment, network):
        raise MathError(
            f'{place}: the rate of a concentration in a compartment, "{species.compartment}", '
            "whose size a rule assigns is not defined in SBML"
        )
    return _concentration_rate(species, change, network)


def _is_determined(name: str, network: Network) -> bool:
    return any(name == n for n, _ in (*network.assignment_rules, *network.algebraic_rules))


def _concentration_rate(species: Species, change: Expression, network: Network) -> Expression:
    """d(amount / size)/dt, where `change` is d(amount)/dt and a rate rule gives d(size)/dt."""
    size = Symbol(species.compartment)
    rate = ZERO if change == ZERO else apply("divide", change, size)
    if species.compartment not in dict(network.rate_rules):
        return rate
    growth = apply(RATE_OF, size)
    dilution = apply("divide", apply("multiply", Symbol(species.id), growth), size)
    return apply("subtract", rate, dilution)
