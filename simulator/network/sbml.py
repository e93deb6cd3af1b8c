"""SBML Level 2 and 3 files as a `Network`.

What the file says and a system of ordinary differential equations cannot express (events, algebraic
rules, delays, ...) is refused by name: all such things of one file at once, one line each.
Meanings follow the SBML Level 3 Version 2 Core specification (Hucka et al. 2019,
doi:10.1515/jib-2019-0021) and, for Level 2, its Version 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .expression import TIME, Number
from .mathml import Scope
from .network import Network, Parameter
from .order import in_order, problems
from .rates import rate_symbol, with_rates
from .sbml_document import parse, refuse, required_packages
from .sbml_quantities import Reading, read_quantities
from .sbml_reactions import constant_stoichiometries, read_reactions
from .units import read_units, unit_of
from .units import text as unit_text


def read_sbml(text: str, source: str) -> Network:
    """The network that an SBML text describes.

    Parameters
    ----------
    text
        The whole file.
    source
        What to call the file in messages and in `Network.source`.

    Raises
    ------
    ModelError
        The text is not readable SBML, or says things that are not supported; one line for each.
    """
    document = parse(text, source)
    model = document.getModel()
    packages = list(required_packages(document))

    reading = Reading(
        model=model,
        units=read_units(model),
        scope=Scope(
            functions={f.getId(): f.getMath() for f in model.getListOfFunctionDefinitions()},
            names={i: Number(x) for i, x in constant_stoichiometries(model).items()},
            rate_of=rate_symbol,
        ),
        problems=packages.copy(),
    )
    reading.problems.extend(_unsupported(model))
    network = _network(text, source, reading)
    network, rate_problems = with_rates(network)
    found = [*reading.problems, *rate_problems]
    if not packages:  # what a package would add is not missing
        # nor is a value that an algebraic rule would give
        complete = not any(rule.isAlgebraic() for rule in model.getListOfRules())
        found += problems(network, complete)
    refuse(source, list(dict.fromkeys(found)))
    return in_order(network)


def _network(text: str, source: str, reading: Reading) -> Network:
    model = reading.model
    quantities = read_quantities(reading)
    reactions = read_reactions(reading)
    rules: dict[str, list[tuple[str, Any]]] = {"assignment": [], "rate": []}
    for rule in model.getListOfRules():
        if rule.isAlgebraic():
            continue
        kind = "rate" if rule.isRate() else "assignment"
        place = f'the {kind} rule of "{rule.getVariable()}"'
        expression = reading.formula(rule.getMath(), place)
        if expression is not None:
            rules[kind].append((rule.getVariable(), expression))
    starts = []
    for start in model.getListOfInitialAssignments():
        place = f'the initial assignment of "{start.getSymbol()}"'
        expression = reading.formula(start.getMath(), place)
        if expression is not None and start.getSymbol() not in reading.scope.names:
            starts.append((start.getSymbol(), expression))
    decided = {s.getSymbol() for s in model.getListOfInitialAssignments()}
    decided |= {r.getVariable() for r in model.getListOfRules() if r.isAssignment()}
    starts.extend((name, e) for name, e in quantities.initial if name not in decided)
    reading.problems.extend(_bad_ids(quantities.parameters + reactions.parameters, model))
    time = model.getTimeUnits() if model.isSetTimeUnits() else "time"
    return Network(
        id=model.getId(),
        source=source,
        compartments=quantities.compartments,
        species=quantities.species,
        parameters=quantities.parameters + reactions.parameters,
        reactions=reactions.reactions,
        assignment_rules=tuple(rules["assignment"]),
        rate_rules=tuple(rules["rate"]),
        initial_assignments=tuple(starts),
        time_unit=unit_text(unit_of(time, reading.units)),
        name=model.getName(),
        sbml=text,
    )


def _unsupported(model: Any) -> Iterator[str]:
    """Constructs of SBML Core that have no place in a system of ordinary differential equations."""
    for i, event in enumerate(model.getListOfEvents(), start=1):
        name = f'event "{event.getId()}"' if event.isSetId() else f"event number {i}"
        yield f"{name}: events are not supported"
    count = 0
    for rule in model.getListOfRules():
        if rule.isAlgebraic():
            count += 1
            yield f"algebraic rule number {count}: algebraic rules are not supported"
    for reaction in model.getListOfReactions():
        if reaction.isSetFast() and reaction.getFast():
            yield f'reaction "{reaction.getId()}": fast reactions are not supported'


def _bad_ids(parameters: tuple[Parameter, ...], model: Any) -> Iterator[str]:
    ids = [
        *((c.getId(), "compartment") for c in model.getListOfCompartments()),
        *((s.getId(), "species") for s in model.getListOfSpecies()),
        *((p.id, "parameter") for p in parameters),
        *((r.getId(), "reaction") for r in model.getListOfReactions()),
    ]
    seen: dict[str, str] = {}
    for name, kind in ids:
        if name == TIME:
            yield f'{kind} "{name}": the name stands for model time; give the {kind} another id'
        if name in seen:
            yield f'{kind} "{name}": a {seen[name]} has the same id'
        seen.setdefault(name, kind)
