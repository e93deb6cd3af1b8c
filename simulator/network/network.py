"""What a model file says: an immutable reaction network.

All mathematics is in `expression` trees whose function definitions are already inlined and whose
local parameters have become parameters named ``<reaction>.<parameter>`` (a dot cannot occur in an
SBML id, so nothing clashes). A symbol in a tree has its SBML meaning: for a species that is its
concentration, or its amount where `only_substance_units` is set.
"""

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
    constant species removed: what those flags mean is decided where equations are made.
    """

    id: str
    stoichiometry: tuple[tuple[str, float], ...]
    kinetic_law: Expression
    unit: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """A model as read from one file.

    `assignment_rules` and `initial_assignments` are sorted so that each uses only symbols that are
    already known (initial assignments and assignment rules are sorted together where they need
    each other). `sbml` is the full SBML text the network was read from, kept for export.
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
    time_unit: str = ""
    name: str = ""
    sbml: str = ""
