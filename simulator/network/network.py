"""What a model file says: an immutable reaction network.

All mathematics is in `expression` trees whose function definitions are already inlined and whose
local parameters have become parameters named ``<reaction>.<parameter>`` (a dot cannot occur in an
SBML id, so nothing clashes). A symbol in a tree has its SBML meaning: for a species that is its
concentration, or its amount where `only_substance_units` is set.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .expression import Expression


@dataclass(frozen=True, slots=True)
class Compartment:
    """A volume (or area) in which species live; `size` is None when the file gives none."""

    id: str
    size: float | None
    unit: str = ""
    constant: bool = True
    name: str = ""
    dimensions: float = 3.0


@dataclass(frozen=True, slots=True)
class Species:
    """A chemical species.

    `initial` is in the meaning of the species' symbol (concentration, or amount where
    `only_substance_units`); None when the file gives none. `boundary` species are not changed by
    reactions, `constant` ones by nothing. `unit` is that of the symbol.
    """

    id: str
    compartment: str
    initial: float | None
    unit: str = ""
    only_substance_units: bool = False
    boundary: bool = False
    constant: bool = False
    name: str = ""
    conversion_factor: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named quantity; constant unless a rule (or event) may change it."""

    id: str
    value: float | None
    unit: str = ""
    constant: bool = True
    name: str = ""


@dataclass(frozen=True, slots=True)
class Reaction:
    """A process with net stoichiometry and a kinetic law in substance per time.

    `stoichiometry` lists (species id, net coefficient: products positive) without boundary or
    constant species removed: what those flags mean is decided where equations are made. What a
    formula or a quantity gives is in `formulas`, as (species id, net coefficient), and adds to it.
    """

    id: str
    stoichiometry: tuple[tuple[str, float], ...]
    kinetic_law: Expression
    unit: str = ""
    name: str = ""
    formulas: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens when its trigger turns from false to true.

    delay : time between trigger and execution; None for none.
    priority : of events that are due at the same time, the one with the highest value goes first;
        None leaves the order open.
    persistent : whether the event is executed even if its trigger turns false in the meantime.
    initial_value : what the trigger counts as just before t = 0.
    use_trigger_values : whether assignments are evaluated when the event is triggered (else when it
        is executed).
    assignments : (quantity, its new value in the meaning of its symbol), all at once.
    """

    id: str
    trigger: Expression
    delay: Expression | None = None
    priority: Expression | None = None
    persistent: bool = True
    initial_value: bool = True
    use_trigger_values: bool = True
    assignments: tuple[tuple[str, Expression], ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """A model as read from one file.

    `assignment_rules` and `initial_assignments` are sorted so that each uses only symbols that are
    already known (initial assignments and assignment rules are sorted together where they need
    each other). `algebraic_rules` holds (the quantity that the rule determines, what must be 0);
    those that can be solved for their quantity are assignment rules. `parameters` also has local
    parameters and species references with an id. `sbml` is the full SBML text the network was read
    from, its parts made one, kept for export.
    """

    id: str
    source: str
    compartments: tuple[Compartment, ...]
    species: tuple[Species, ...]
    parameters: tuple[Parameter, ...]
    reactions: tuple[Reaction, ...]
    assignment_rules: tuple[tuple[str, Expression], ...] = ()
    rate_rules: tuple[tuple[str, Expression], ...] = ()
    initial_assignments: tuple[tuple[str, Expression], ...] = ()
    algebraic_rules: tuple[tuple[str, Expression], ...] = ()
    events: tuple[Event, ...] = ()
    time_unit: str = ""
    name: str = ""
    sbml: str = ""


def formulas(network: Network) -> Iterator[tuple[str, Expression]]:
    """Every formula of a network, with the words that say where it stands."""
    for reaction in network.reactions:
        yield f'reaction "{reaction.id}"', reaction.kinetic_law
        for species, formula in reaction.formulas:
            yield f'the stoichiometry of "{species}" in reaction "{reaction.id}"', formula
    for name, expression in network.assignment_rules:
        yield f'the assignment rule of "{name}"', expression
    for name, expression in network.rate_rules:
        yield f'the rate rule of "{name}"', expression
    for name, expression in network.algebraic_rules:
        yield f'the algebraic rule of "{name}"', expression
    for name, expression in network.initial_assignments:
        yield f'the initial assignment of "{name}"', expression
    for event in network.events:
        place = f'event "{event.id}"'
        for part in ("trigger", "delay", "priority"):
            expression = getattr(event, part)
            if expression is not None:
                yield f"the {part} of {place}", expression
        for name, expression in event.assignments:
            yield f'{place}: the assignment to "{name}"', expression
