"""In which order the equations of a network are evaluated, and whether the network is consistent.

Assignment rules and fluxes are evaluated together, as each may use the other; at the start, initial
assignments join them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ..errors import did_you_mean
from .expression import TIME, Expression, symbols
from .network import Network

Equation = tuple[str, Expression]


def rule_order(network: Network) -> tuple[Equation, ...]:
    """Assignment rules, and the fluxes they use, each after what it uses.

    This is what a right-hand side evaluates first, from states, constants and time.
    """
    laws = {r.id: r.kinetic_law for r in network.reactions}
    rules = dict(network.assignment_rules)
    return _needed_by(rules, laws | rules)


def initial_order(network: Network) -> tuple[Equation, ...]:
    """Initial assignments, assignment rules and the fluxes they use, each after what it uses.

    Evaluated in turn at time 0 on the file's values, this gives every quantity its initial value.
    """
    laws = {r.id: r.kinetic_law for r in network.reactions}
    assigned = dict(network.assignment_rules) | dict(network.initial_assignments)
    return _needed_by(assigned, laws | assigned)


def in_order(network: Network) -> Network:
    """The network with its rules and initial assignments sorted; see `problems` for cycles."""
    rules, starts = dict(network.assignment_rules), dict(network.initial_assignments)
    ordered_rules = tuple(e for e in rule_order(network) if e[0] in rules)
    ordered_starts = tuple(e for e in initial_order(network) if e[0] in starts)
    return replace(network, assignment_rules=ordered_rules, initial_assignments=ordered_starts)


def _needed_by(targets: Iterable[str], equations: Mapping[str, Expression]) -> tuple[Equation, ...]:
    """`targets` and what they use of `equations`, sorted, else in the given order."""
    uses = {name: _uses(equations[name], equations) for name in equations}
    done: dict[str, None] = {}
    for target in targets:
        for name in _depth_first(target, uses, done):
            done[name] = None
    return tuple((name, equations[name]) for name in done)


def _uses(expression: Expression, equations: Mapping[str, Expression]) -> tuple[str, ...]:
    return tuple(sorted(symbols(expression) & equations.keys()))


def _depth_first(
    start: str, uses: Mapping[str, tuple[str, ...]], done: Mapping[str, None]
) -> Iterator[str]:
    """Names that `start` needs and that are not yet done, what is used first; cycles are cut."""
    stack = [(start, iter(uses[start]))] if start not in done else []
    entered = {start}
    while stack:
        name, rest = stack[-1]
        following = next((n for n in rest if n not in done and n not in entered), None)
        if following is None:
            stack.pop()
            yield name
        else:
            entered.add(following)
            stack.append((following, iter(uses[following])))


def find_cycle(equations: Mapping[str, Expression]) -> tuple[str, ...] | None:
    """A cycle (a, b, ..., a) in which each equation uses the next, or None."""
    uses = {name: _uses(expression, equations) for name, expression in equations.items()}
    finished: set[str] = set()
    for start in uses:
        path: list[str] = [start]
        branches = [iter(uses[start])]
        if start in finished:
            continue
        while path:
            following = next((n for n in branches[-1] if n not in finished), None)
            if following is None:
                finished.add(path.pop())
                branches.pop()
            elif following in path:
                return (*path[path.index(following) :], following)
            else:
                path.append(following)
                branches.append(iter(uses[following]))
    return None


@dataclass(frozen=True)
class _Places:
    """Every formula of a network with the words that say where it stands."""

    network: Network

    def __iter__(self) -> Iterator[tuple[str, Expression]]:
        network = self.network
        for reaction in network.reactions:
            yield f'reaction "{reaction.id}"', reaction.kinetic_law
        for name, expression in network.assignment_rules:
            yield f'the assignment rule of "{name}"', expression
        for name, expression in network.rate_rules:
            yield f'the rate rule of "{name}"', expression
        for name, expression in network.initial_assignments:
            yield f'the initial assignment of "{name}"', expression


def problems(network: Network, complete: bool = True) -> list[str]:
    """What keeps the network from being a system of equations, one sentence each.

    Unless it is `complete`, quantities may lack values.
    """
    found = [*_unknown(network), *_cycles(network), *_conflicts(network)]
    return [*found, *_without_value(network)] if complete else found


def _quantities(network: Network) -> dict[str, tuple[str, float | None]]:
    """Id -> (kind of quantity, value or None)."""
    return {
        **{c.id: ("compartment", c.size) for c in network.compartments},
        **{s.id: ("species", s.initial) for s in network.species},
        **{p.id: ("parameter", p.value) for p in network.parameters},
    }


def _unknown(network: Network) -> Iterator[str]:
    known = {*_quantities(network), *(r.id for r in network.reactions), TIME}
    for place, expression in _Places(network):
        for name in sorted(symbols(expression) - known):
            yield (
                f'{place} uses "{name}", which is no species, parameter, compartment or reaction.'
                + did_you_mean(name, known)
            )
    species = {s.id for s in network.species}
    for reaction in network.reactions:
        for name, _ in reaction.stoichiometry:
            if name not in species:
                yield f'reaction "{reaction.id}" changes "{name}", which is no species.' + (
                    did_you_mean(name, species)
                )
    compartments = {c.id for c in network.compartments}
    for s in network.species:
        if s.compartment not in compartments:
            yield f'species "{s.id}" lies in "{s.compartment}", which is no compartment.' + (
                did_you_mean(s.compartment, compartments)
            )
        factor = s.conversion_factor
        if factor is not None and factor not in {p.id for p in network.parameters}:
            yield (
                f'species "{s.id}" has the conversion factor "{factor}", which is no parameter.'
                + did_you_mean(factor, (p.id for p in network.parameters))
            )


def _cycles(network: Network) -> Iterator[str]:
    laws = {r.id: r.kinetic_law for r in network.reactions}
    rules = laws | dict(network.assignment_rules)
    cycle = find_cycle(rules)
    if cycle is not None:
        yield f"the assignment rules use each other in a circle: {' > '.join(cycle)}"
        return
    cycle = find_cycle(rules | dict(network.initial_assignments))
    if cycle is not None:
        yield f"the initial assignments use each other in a circle: {' > '.join(cycle)}"


def _conflicts(network: Network) -> Iterator[str]:
    """Quantities that two things, or something that may not, would change."""
    quantities = _quantities(network)
    ruled: set[str] = set()
    for kind, rules in (("assignment", network.assignment_rules), ("rate", network.rate_rules)):
        for name, _ in rules:
            if name in ruled:
                yield f'"{name}" has two rules; it can have one'
            ruled.add(name)
            if name not in quantities:
                yield f'the {kind} rule is for "{name}", which is no quantity of the model.' + (
                    did_you_mean(name, quantities)
                )
    by_rule = {name for name, _ in network.assignment_rules}
    seen: set[str] = set()
    for name, _ in network.initial_assignments:
        if name in seen:
            yield f'"{name}" has two initial assignments; it can have one'
        seen.add(name)
        if name in by_rule:
            yield f'"{name}" has an assignment rule and an initial assignment; it can have one'
        if name not in quantities:
            yield f'the initial assignment is for "{name}", which is no quantity of the model.' + (
                did_you_mean(name, quantities)
            )
    yield from _changed_though_constant(network, ruled)


def _changed_though_constant(network: Network, ruled: set[str]) -> Iterator[str]:
    constant = {c.id for c in network.compartments if c.constant}
    constant |= {s.id for s in network.species if s.constant}
    constant |= {p.id for p in network.parameters if p.constant}
    for name in sorted(constant & ruled):
        yield f'"{name}" is declared constant but has a rule'
    changed = {name for r in network.reactions for name, _ in r.stoichiometry}
    for s in network.species:
        if s.id in changed and s.id in ruled and not s.boundary:
            yield (
                f'species "{s.id}" is changed by a rule and by reactions; '
                "make it a boundary species or drop one of them"
            )


def _without_value(network: Network) -> Iterator[str]:
    """Quantities that an equation needs and that the file gives no value, rule or assignment."""
    quantities = _quantities(network)
    assigned = {name for name, _ in (*network.assignment_rules, *network.initial_assignments)}
    needed = _needs(network)
    for name, (kind, value) in quantities.items():
        if value is None and name not in assigned and name in needed:
            yield (
                f'{kind} "{name}" has no value, and {needed[name]} needs one; '
                "give it a value, an initial assignment or an assignment rule"
            )


def _needs(network: Network) -> dict[str, str]:
    """Id -> the first place that needs its value."""
    needed: dict[str, str] = {}
    for place, expression in _Places(network):
        for name in symbols(expression):
            needed.setdefault(name, place)
    for name, _ in network.rate_rules:
        needed.setdefault(name, f'the rate rule of "{name}"')
    species = {s.id: s for s in network.species}
    for reaction in network.reactions:
        for name, _ in reaction.stoichiometry:
            changed = species.get(name)
            if changed is None or changed.boundary or changed.constant:
                continue
            place = f'reaction "{reaction.id}"'
            needed.setdefault(name, place)
            if not changed.only_substance_units:
                needed.setdefault(changed.compartment, place)
            if changed.conversion_factor is not None:
                needed.setdefault(changed.conversion_factor, place)
    return needed
