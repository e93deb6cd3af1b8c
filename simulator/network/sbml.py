"""SBML Level 2 and 3 files as a `Network`.

What the file says and a system of differential and algebraic equations with events cannot express
(delays inside formulas, fast reactions, random draws, ...) is refused by name: all such things of
one file at once, one line each. Meanings follow the SBML Level 3 Version 2 Core specification
(Hucka et al. 2019, doi:10.1515/jib-2019-0021) and, for Level 2, its Version 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .algebraic import with_algebraic_rules
from .composition import flattened
from .consistency import problems
from .expression import Expression
from .mathml import Scope
from .network import Network, Parameter
from .order import in_order
from .sbml_document import parse, refuse, required_packages
from .sbml_events import read_events
from .sbml_quantities import Reading, read_quantities
from .sbml_reactions import read_reactions
from .units import read_units, unit_of
from .units import text as unit_text


def read_sbml(text: str, source: str) -> Network:
    """The network that an SBML text describes.

    Parameters
    ----------
    text
        The whole file.
    source
        What to call the file in messages and in `Network.source`; where it is the path of a file,
        models that the text refers to are looked for beside it.

    Raises
    ------
    ModelError
        The text is not readable SBML, or says things that are not supported; one line for each.
    """
    document, text = flattened(parse(text, source), text, source)
    model = document.getModel()
    packages = list(required_packages(document))

    reading = Reading(
        model=model,
        units=read_units(model),
        scope=Scope(
            functions={f.getId(): f.getMath() for f in model.getListOfFunctionDefinitions()},
            in_model=True,
        ),
        problems=packages.copy(),
    )
    reading.problems.extend(_unsupported(model))
    network, residuals, participants = _network(text, source, reading)
    network, unsolved = with_algebraic_rules(network, residuals, participants)
    found = [*reading.problems, *unsolved]
    if not packages:  # what a package would add is not missing
        # nor is a value that an algebraic rule which is refused would give
        found += problems(network, complete=not unsolved)
    refuse(source, list(dict.fromkeys(found)))
    return in_order(network)


def _network(
    text: str, source: str, reading: Reading
) -> tuple[Network, dict[str, Expression], frozenset[str]]:
    """The network without its algebraic rules; what these say is 0; species in reactions."""
    model = reading.model
    quantities = read_quantities(reading)
    reactions = read_reactions(reading)
    rules: dict[str, list[tuple[str, Expression]]] = {"assignment": [], "rate": []}
    residuals: dict[str, Expression] = {}
    algebraic = 0
    for rule in model.getListOfRules():
        if rule.isAlgebraic():
            algebraic += 1
            place = f"algebraic rule number {algebraic}"
            residual = reading.formula(rule.getMath(), place)
            if residual is not None:
                residuals[place] = residual
            continue
        kind = "rate" if rule.isRate() else "assignment"
        place = f'the {kind} rule of "{rule.getVariable()}"'
        expression = reading.formula(rule.getMath(), place)
        if expression is not None:
            rules[kind].append((rule.getVariable(), expression))
    parameters = quantities.parameters + reactions.parameters
    reading.problems.extend(_repeated_ids(parameters, model))
    time = model.getTimeUnits() if model.isSetTimeUnits() else "time"
    network = Network(
        id=model.getId(),
        source=source,
        compartments=quantities.compartments,
        species=quantities.species,
        parameters=parameters,
        reactions=reactions.reactions,
        assignment_rules=tuple(rules["assignment"]),
        rate_rules=tuple(rules["rate"]),
        initial_assignments=_initial_assignments(quantities.initial, rules["assignment"], reading),
        events=read_events(reading),
        time_unit=unit_text(unit_of(time, reading.units)),
        name=model.getName(),
        sbml=text,
    )
    return network, residuals, reactions.participants


def _initial_assignments(
    through_size: tuple[tuple[str, Expression], ...],
    rules: list[tuple[str, Expression]],
    reading: Reading,
) -> tuple[tuple[str, Expression], ...]:
    """The file's initial assignments, and initial values that follow from a compartment's size."""
    starts = []
    for start in reading.model.getListOfInitialAssignments():
        place = f'the initial assignment of "{start.getSymbol()}"'
        expression = reading.formula(start.getMath(), place)
        if expression is not None:
            starts.append((start.getSymbol(), expression))
    decided = {name for name, _ in (*starts, *rules)}
    return (*starts, *((name, e) for name, e in through_size if name not in decided))


def _unsupported(model: Any) -> Iterator[str]:
    """Constructs of SBML Core that have no place in a system of equations with events."""
    for reaction in model.getListOfReactions():
        if reaction.isSetFast() and reaction.getFast():
            yield f'reaction "{reaction.getId()}": fast reactions are not supported'


def _repeated_ids(parameters: tuple[Parameter, ...], model: Any) -> Iterator[str]:
    ids = [
        *((c.getId(), "compartment") for c in model.getListOfCompartments()),
        *((s.getId(), "species") for s in model.getListOfSpecies()),
        *((p.id, "parameter") for p in parameters),
        *((r.getId(), "reaction") for r in model.getListOfReactions()),
    ]
    seen: dict[str, str] = {}
    for name, kind in ids:
        if name in seen:
            yield f'{kind} "{name}": a {seen[name]} has the same id'
        seen.setdefault(name, kind)
