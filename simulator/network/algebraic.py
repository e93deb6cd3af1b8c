"""Algebraic rules: which quantity each determines, and its value where it can be solved for.

SBML says only that something is 0. What it determines follows from a matching of the rules to the
quantities that nothing else determines (SBML Level 3 Version 2 Core, on overdetermined models). A
rule that is linear in its quantity becomes an assignment rule; any other stays a residual that is 0
at all times.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from .expression import Apply, Expression, Number, Symbol, apply, symbols
from .network import Network
from .order import find_cycle, rule_equations
from .rates import rate_equations

ZERO, ONE = Number(0.0), Number(1.0)


def with_algebraic_rules(
    network: Network, residuals: Mapping[str, Expression], participants: Collection[str]
) -> tuple[Network, list[str]]:
    """The network with its algebraic rules, and a sentence on each that determines nothing.

    Parameters
    ----------
    residuals
        What each rule says is 0, by the words that name the rule.
    participants
        Species that are reactants or products of some reaction.
    """
    matched = _matching(residuals, _undetermined(network, participants)) if residuals else {}
    problems = [
        f"{rule} determines nothing: everything in it is constant, or determined by other rules "
        "or by reactions"
        for rule in residuals
        if rule not in matched
    ]
    solved: dict[str, Expression] = {}
    unsolved: dict[str, Expression] = {}
    for rule, name in matched.items():
        solution = _solution(residuals[rule], name)
        if solution is None:
            unsolved[name] = residuals[rule]
        else:
            solved[name] = solution
    by_name = {name: residuals[rule] for rule, name in matched.items()}
    return _without_circles(network, solved, unsolved, by_name), problems


def _undetermined(network: Network, participants: Collection[str]) -> list[str]:
    """Quantities that a rule may determine, likelier ones first.

    What has no value comes before what has one, and last what an experimenter or an event sets.
    """
    ruled = {name for name, _ in (*network.assignment_rules, *network.rate_rules)}
    by_events = {name for event in network.events for name, _ in event.assignments}
    computed = {name for name, _ in network.initial_assignments}
    found: dict[str, tuple[bool, ...]] = {}
    for s in network.species:
        if not (s.constant or (s.id in participants and not s.boundary)):
            found[s.id] = (s.id in by_events, s.boundary, s.id in computed, s.initial is not None)
    for p in network.parameters:
        if not p.constant:
            found[p.id] = (p.id in by_events, False, p.id in computed, p.value is not None)
    for c in network.compartments:
        if not c.constant:
            found[c.id] = (c.id in by_events, False, c.id in computed, c.size is not None)
    return sorted((name for name in found if name not in ruled), key=lambda name: found[name])


def _matching(residuals: Mapping[str, Expression], free: list[str]) -> dict[str, str]:
    """Rule -> its quantity: as many rules as can be; of several such matchings, the one with the
    quantities that come first in `free` (augmenting paths from each quantity in turn).
    """  # noqa: D205
    rules_with = {
        name: [rule for rule, residual in residuals.items() if name in symbols(residual)]
        for name in free
    }
    matched: dict[str, str] = {}

    def augment(name: str, tried: set[str]) -> bool:
        for rule in rules_with[name]:
            if rule in tried:
                continue
            tried.add(rule)
            if rule not in matched or augment(matched[rule], tried):
                matched[rule] = name
                return True
        return False

    for name in free:
        augment(name, set())
    return matched


def _without_circles(
    network: Network,
    solved: dict[str, Expression],
    unsolved: dict[str, Expression],
    residuals: Mapping[str, Expression],
) -> Network:
    """The network with solved rules as assignments, save those that would need each other.

    Of each circle, one rule is left as a residual. That is also what becomes of an assignment rule
    for the size of a compartment that uses a concentration there, itself an amount over the size.
    """
    rules = network.assignment_rules
    while True:
        starts = tuple(e for e in network.initial_assignments if e[0] not in solved)
        whole = replace(
            network,
            assignment_rules=(*rules, *solved.items()),
            algebraic_rules=tuple(unsolved.items()),
            initial_assignments=starts,
        )
        equations = rule_equations(whole) | rate_equations(whole)[0]
        over_size = _over_size(whole)
        circle = find_cycle(equations) or find_cycle(equations | over_size) or ()
        cut = next((name for name in circle if name in solved), None)
        sizes = {over_size[name].name for name in circle if name in over_size}
        turned = {n: apply("subtract", e, Symbol(n)) for n, e in rules if n in sizes}
        if cut is not None:
            unsolved[cut] = residuals[cut]
            del solved[cut]
        elif turned:
            unsolved |= turned
            rules = tuple(e for e in rules if e[0] not in turned)
        else:
            return whole


def _over_size(network: Network) -> dict[str, Symbol]:
    """Size by which the amount of each species is divided whose concentration no rule gives."""
    rules = (*network.assignment_rules, *network.rate_rules, *network.algebraic_rules)
    ruled = {name for name, _ in rules}
    return {
        s.id: Symbol(s.compartment)
        for s in network.species
        if not (s.only_substance_units or s.id in ruled)
    }


def _solution(residual: Expression, name: str) -> Expression | None:
    """The value of the quantity that makes the residual 0, if the residual is linear in it."""
    parts = _linear(residual, name)
    if parts is None or parts[0] == ZERO:
        return None
    slope, rest = parts
    if slope == ONE:
        return _negative(rest)
    if slope == Number(-1.0):
        return rest
    return apply("divide", _negative(rest), slope)


Parts = tuple[Expression, Expression]


def _linear(expression: Expression, name: str) -> Parts | None:
    """(a, b) such that the tree is a x + b, where neither holds the symbol x; None if it is not."""
    if name not in symbols(expression):
        return ZERO, expression
    if isinstance(expression, Symbol):
        return ONE, ZERO
    if not isinstance(expression, Apply):
        return None
    arguments = expression.arguments
    if expression.operator == "divide":
        return None if name in symbols(arguments[1]) else _over(arguments, name)
    if expression.operator == "multiply":
        return _product(arguments, name)
    parts = [_linear(a, name) for a in arguments]
    found = [p for p in parts if p is not None]
    if len(found) < len(parts):
        return None
    slopes, rests = (p[0] for p in found), (p[1] for p in found)
    if expression.operator == "add":
        return _sum(slopes), _sum(rests)
    if expression.operator == "subtract":
        (a, b), (c, d) = found
        return _sum((a, _negative(c))), _sum((b, _negative(d)))
    if expression.operator == "negate":
        return _negative(found[0][0]), _negative(found[0][1])
    return None


def _over(arguments: tuple[Expression, ...], name: str) -> Parts | None:
    parts = _linear(arguments[0], name)
    if parts is None:
        return None
    slope, rest = (p if p == ZERO else apply("divide", p, arguments[1]) for p in parts)
    return slope, rest


def _product(arguments: tuple[Expression, ...], name: str) -> Parts | None:
    inside = [a for a in arguments if name in symbols(a)]
    if len(inside) > 1:
        return None
    parts = _linear(inside[0], name)
    if parts is None:
        return None
    others = [a for a in arguments if a is not inside[0]]
    slope, rest = (_times(others, p) for p in parts)
    return slope, rest


def _times(factors: list[Expression], last: Expression) -> Expression:
    if last == ZERO:
        return ZERO
    kept = [f for f in (*factors, last) if f != ONE]
    if len(kept) == 1:
        return kept[0]
    return Apply("multiply", tuple(kept)) if kept else ONE


def _sum(terms: Iterator[Expression] | tuple[Expression, ...]) -> Expression:
    kept: list[Expression] = []
    number = 0.0
    for term in terms:
        if isinstance(term, Number):
            number += term.value
        else:
            kept.append(term)
    if number != 0 or not kept:
        kept.append(Number(number))
    return kept[0] if len(kept) == 1 else Apply("add", tuple(kept))


def _negative(expression: Expression) -> Expression:
    if isinstance(expression, Number):
        return Number(-expression.value + 0.0)
    if isinstance(expression, Apply) and expression.operator == "negate":
        return expression.arguments[0]
    return apply("negate", expression)
