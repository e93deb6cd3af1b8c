"""Constants of a network with their values and units, as parameters.tsv must repeat them."""

from dataclasses import dataclass

from .expression import TIME, evaluate
from .network import Compartment, Network, Parameter


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of the network as the parameter table must repeat it."""

    value: float | None
    units: tuple[str, ...]
    derived: bool


def constants_of(network: Network) -> dict[str, Constant]:
    """Constant parameters and compartments with their values and units.

    A value that the file computes (an initial assignment) is evaluated where it can be.
    """
    values: dict[str, float] = {c.id: c.size for c in network.compartments if c.size is not None}
    values |= {s.id: s.initial for s in network.species if s.initial is not None}
    values |= {p.id: p.value for p in network.parameters if p.value is not None}
    derived = set()
    for id, formula in network.initial_assignments:
        try:
            values[id] = evaluate(formula, {**values, TIME: 0.0})
        except KeyError:
            values.pop(id, None)
        derived.add(id)
    declared = _declared_units(network.sbml)
    found: dict[str, Constant] = {}
    quantities: tuple[Compartment | Parameter, ...] = (*network.compartments, *network.parameters)
    for quantity in quantities:
        if quantity.constant:
            units = dict.fromkeys([*declared.get(quantity.id, ()), quantity.unit])
            found[quantity.id] = Constant(
                values.get(quantity.id), tuple(units), quantity.id in derived
            )
    return found


def _declared_units(sbml: str) -> dict[str, tuple[str, ...]]:
    """Parameter or compartment -> the name that the file itself gives its unit."""
    if not sbml:
        return {}
    import libsbml

    model = libsbml.readSBMLFromString(sbml).getModel()
    quantities = [*model.getListOfCompartments(), *model.getListOfParameters()]
    return {q.getId(): (q.getUnits(),) for q in quantities if q.isSetUnits()}
