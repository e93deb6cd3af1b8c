"""In which order the equations of a network are evaluated.

Assignment rules and fluxes are evaluated together, as each may use the other; at the start, initial
assignments join them. A rate of change that a formula uses is evaluated before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from .expression import Expression, symbols
from .network import Network
from .rates import rate_equations, with_symbols

Equation = tuple[str, Expression]


def rule_order(network: Network) -> tuple[Equation, ...]:
    """Assignment rules, and the fluxes they use, each after what it uses.

    This is what a right-hand side evaluates first, from states, constants and time.
    """
    return _needed_by(dict(network.assignment_rules), rule_equations(network), network)


def initial_order(network: Network) -> tuple[Equation, ...]:
    """Initial assignments, assignment rules and the fluxes they use, each after what it uses.

    Evaluated in turn at time 0 on the file's values, this gives every quantity its initial value.
    """
    starts = dict(network.initial_assignments)
    targets = dict(network.assignment_rules) | starts
    return _needed_by(targets, rule_equations(network) | starts, network)


def in_order(network: Network) -> Network:
    """The network with its rules and initial assignments sorted; cycles are cut."""
    rules, starts = dict(network.assignment_rules), dict(network.initial_assignments)
    ordered_rules = tuple(e for e in rule_order(network) if e[0] in rules)
    ordered_starts = tuple(e for e in initial_order(network) if e[0] in starts)
    return replace(network, assignment_rules=ordered_rules, initial_assignments=ordered_starts)


def rule_equations(network: Network) -> dict[str, Expression]:
    """Fluxes and assignment rules."""
    return {r.id: r.kinetic_law for r in network.reactions} | dict(network.assignment_rules)


def used_by(name: str, network: Network, *, at_start: bool = False) -> frozenset[str]:
    """All that a computed quantity needs, directly or through other rules and fluxes.

    at_start : initial assignments compute quantities too.
    """
    equations = rule_equations(network)
    if at_start:
        equations |= dict(network.initial_assignments)
    found: set[str] = set()
    pending = [name]
    while pending:
        expression = equations.get(pending.pop())
        new = symbols(expression) - found if expression is not None else frozenset()
        found |= new
        pending.extend(new)
    return frozenset(found)


def _needed_by(
    targets: Iterable[str], equations: Mapping[str, Expression], network: Network
) -> tuple[Equation, ...]:
    """`targets` and what they use of `equations`, sorted, else in the given order."""
    uses = dependencies({**equations, **rate_equations(network)[0]})
    done: dict[str, None] = {}
    for target in targets:
        for name in _depth_first(target, uses, done):
            done[name] = None
    return tuple((name, equations[name]) for name in done if name in equations)


def dependencies(equations: Mapping[str, Expression]) -> dict[str, tuple[str, ...]]:
    """Which of the equations each one uses."""
    return {
        name: tuple(sorted(symbols(with_symbols(expression)) & equations.keys()))
        for name, expression in equations.items()
    }


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
    uses = dependencies(equations)
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
