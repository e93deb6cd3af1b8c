"""Whether a network is a system of equations: every name known, nothing determined twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..errors import did_you_mean, nearest
from .expression import TIME, symbols
from .network import Network, formulas
from .order import dependencies, find_cycle, rule_equations, used_by
from .rates import rate_equations
from .tables import Row


def problems(network: Network, complete: bool = True) -> list[str]:
    """What keeps the network from being a system of equations, one sentence each.

    Unless it is `complete`, quantities may lack values.
    """
    found = [*_unknown(network), *_cycles(network), *_conflicts(network), *_events(network)]
    found += _unsolved_starts(network)
    return [*found, *_without_value(network)] if complete else found


def _quantities(network: Network) -> dict[str, tuple[str, float | None]]:
    """Id -> (kind of quantity, value or None)."""
    return {
        **{c.id: ("compartment", c.size) for c in network.compartments},
        **{s.id: ("species", s.initial) for s in network.species},
        **{p.id: ("parameter", p.value) for p in network.parameters},
    }


def _changed(network: Network) -> Iterator[tuple[str, str]]:
    """(reaction, species it changes)."""
    for reaction in network.reactions:
        for name, _ in (*reaction.stoichiometry, *reaction.formulas):
            yield reaction.id, name


def _unknown(network: Network) -> Iterator[str]:
    known = {*_quantities(network), *(r.id for r in network.reactions), TIME}
    for place, expression in formulas(network):
        for name in sorted(symbols(expression) - known):
            yield (
                f'{place} uses "{name}", which is no species, parameter, compartment or reaction.'
                + did_you_mean(name, known)
            )
    species = {s.id for s in network.species}
    for reaction, name in _changed(network):
        if name not in species:
            yield f'reaction "{reaction}" changes "{name}", which is no species.' + (
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
    rates, without = rate_equations(network)
    yield from without
    cycle = find_cycle(rule_equations(network))
    if cycle is not None:
        yield f"the assignment rules use each other in a circle: {' > '.join(cycle)}"
        return
    cycle = find_cycle(rule_equations(network) | rates)
    if cycle is not None:
        yield f"rules and rates of change use each other in a circle: {' > '.join(cycle)}"
        return
    cycle = find_cycle(rule_equations(network) | rates | dict(network.initial_assignments))
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
    for name in sorted(_constants(network) & ruled):
        yield f'"{name}" is declared constant but has a rule'
    changed = {name for _, name in _changed(network)}
    for s in network.species:
        if s.id in changed and s.id in ruled and not s.boundary:
            yield (
                f'species "{s.id}" is changed by a rule and by reactions; '
                "make it a boundary species or drop one of them"
            )


def _constants(network: Network) -> set[str]:
    groups = (network.compartments, network.species, network.parameters)
    return {q.id for group in groups for q in group if q.constant}


def _events(network: Network) -> Iterator[str]:
    """Events that assign what does not exist, may not change, or follows a rule."""
    quantities, constants = _quantities(network), _constants(network)
    by_rule = {name for name, _ in network.assignment_rules}
    for event in network.events:
        seen: set[str] = set()
        for name, _ in event.assignments:
            place = f'event "{event.id}" assigns "{name}"'
            if name not in quantities:
                yield f"{place}, which is no quantity of the model.{did_you_mean(name, quantities)}"
            elif name in constants:
                yield f"{place}, which is declared constant"
            elif name in by_rule:
                yield f"{place}, which has an assignment rule"
            if name in seen:
                yield f"{place} twice"
            seen.add(name)


def _unsolved_starts(network: Network) -> Iterator[str]:
    """Initial values that need what an algebraic rule gives which is not solved for it.

    Such a quantity is found from the initial values, not before them.
    """
    from_unsolved = {name: name for name, _ in network.algebraic_rules}
    starts = dict(network.initial_assignments)
    uses = dependencies(dict(network.algebraic_rules) | rule_equations(network) | starts)
    for _ in range(len(uses) if from_unsolved else 0):
        from_unsolved |= {
            name: from_unsolved[other]
            for name, others in uses.items()
            for other in others
            if name not in from_unsolved and other in from_unsolved
        }
    ruled = {name for name, _ in (*network.assignment_rules, *network.rate_rules)}
    concentrations = {s.id: s.compartment for s in network.species if not s.only_substance_units}
    for name in sorted(from_unsolved.keys() & starts.keys()):
        # an amount over the size of its compartment is given by the amount
        if symbols(starts[name]) != {concentrations.get(name)}:
            yield _unsolved(name, from_unsolved[name])
    for name, size in concentrations.items():
        if size in from_unsolved and name not in starts.keys() | ruled | from_unsolved.keys():
            yield _unsolved(name, from_unsolved[size])


def _unsolved(name: str, source: str) -> str:
    return (
        f'the initial value of "{name}" depends on "{source}", '
        "which an algebraic rule gives that cannot be solved for it"
    )


def _without_value(network: Network) -> Iterator[str]:
    """Quantities that an equation needs and that the file gives no value, rule or assignment."""
    quantities = _quantities(network)
    given = (*network.assignment_rules, *network.algebraic_rules, *network.initial_assignments)
    by_events = (assignment for event in network.events for assignment in event.assignments)
    assigned = {name for name, _ in (*given, *by_events)}
    needed = _needs(network)
    # a slip of the pen makes a parameter of its own in Antimony
    known = [name for name, (_, value) in quantities.items() if value is not None]
    for name, (kind, value) in quantities.items():
        if value is None and name not in assigned and name in needed:
            close = nearest(name, known)
            meant = "" if close is None else f', or write "{close}" if that was meant'
            yield (
                f'{kind} "{name}" has no value, and {needed[name]} needs one; '
                f"give it a value, an initial assignment or an assignment rule{meant}"
            )


def _needs(network: Network) -> dict[str, str]:
    """Id -> the first place that needs its value."""
    needed: dict[str, str] = {}
    for place, expression in formulas(network):
        for name in symbols(expression):
            needed.setdefault(name, place)
    for name, _ in network.rate_rules:
        needed.setdefault(name, f'the rate rule of "{name}"')
    species = {s.id: s for s in network.species}
    for reaction, name in _changed(network):
        changed = species.get(name)
        if changed is None or changed.boundary or changed.constant:
            continue
        place = f'reaction "{reaction}"'
        needed.setdefault(name, place)
        if not changed.only_substance_units:
            needed.setdefault(changed.compartment, place)
        if changed.conversion_factor is not None:
            needed.setdefault(changed.conversion_factor, place)
    return needed


def check_followers(gene: str, rows: Mapping[str, Row], network: Network) -> None:
    """What follows another of a gene's quantities must not be multiplied besides.

    rows : constant -> the row of genes.tsv that gives it to the gene.
    """
    for parameter, row in rows.items():
        sources = sorted(used_by(parameter, network, at_start=True) & rows.keys())
        if sources:
            row.problem(
                f'gene "{gene}" has "{parameter}", which is computed from its "{sources[0]}" and'
                " follows that: leave one of them out."
            )
