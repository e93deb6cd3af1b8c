"""Compartments, species and parameters of an SBML model, with their values and units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .expression import Expression, Number, Symbol, apply
from .mathml import MathError, Scope, to_expression
from .network import Compartment, Parameter, Species
from .units import Unit, ratio, text, unit_of


@dataclass(frozen=True)
class Reading:
    """What every part of the reader needs; `problems` collects sentences as reading goes on."""

    model: Any
    units: Mapping[str, Unit]
    scope: Scope
    problems: list[str]

    def formula(self, node: Any, place: str, scope: Scope | None = None) -> Expression | None:
        """The tree of a formula, or None where there is none, or (and a problem) it has no meaning.

        Level 3 Version 2 allows elements without mathematics; they are as if they were not there.
        """
        if node is None:
            return None
        try:
            return to_expression(node, scope or self.scope)
        except MathError as problem:
            self.problems.append(f"{place} {problem}")
            return None


@dataclass(frozen=True)
class Quantities:
    """`initial` holds initial values that follow from the size of a compartment."""

    compartments: tuple[Compartment, ...]
    species: tuple[Species, ...]
    parameters: tuple[Parameter, ...]
    initial: tuple[tuple[str, Expression], ...]


def read_quantities(reading: Reading) -> Quantities:
    """Compartments, species and global parameters in the order of the file."""
    model = reading.model
    compartments = {c.getId(): _compartment(c, reading) for c in model.getListOfCompartments()}
    species: list[Species] = []
    initial: list[tuple[str, Expression]] = []
    for s in model.getListOfSpecies():
        compartment = compartments.get(s.getCompartment())
        one = _species(s, compartment, reading)
        species.append(one)
        expression = _initial_expression(s, one)
        if expression is not None:
            initial.append((one.id, expression))
    parameters = tuple(parameter(p, p.getId(), reading) for p in model.getListOfParameters())
    return Quantities(tuple(compartments.values()), tuple(species), parameters, tuple(initial))


def parameter(p: Any, name: str, reading: Reading) -> Parameter:
    """A global or local parameter, under the id `name`."""
    return Parameter(
        id=name,
        value=float(p.getValue()) if p.isSetValue() else None,
        unit=text(unit_of(p.getUnits(), reading.units)),
        constant=bool(p.getConstant()),
        name=p.getName(),
    )


def _compartment(c: Any, reading: Reading) -> Compartment:
    return Compartment(
        id=c.getId(),
        size=float(c.getSize()) if c.isSetSize() else None,
        unit=text(_size_unit(c, reading)),
        constant=bool(c.getConstant()),
        name=c.getName(),
        dimensions=_dimensions(c),
    )


def _dimensions(c: Any) -> float:
    """Level 3 lets them be undeclared; then the compartment is taken for a volume."""
    value = float(c.getSpatialDimensionsAsDouble())
    return value if value == value else 3.0


def _size_unit(c: Any, reading: Reading) -> Unit | None:
    model = reading.model
    if c.isSetUnits():
        return unit_of(c.getUnits(), reading.units)
    dimension = {3.0: "volume", 2.0: "area", 1.0: "length"}.get(_dimensions(c))
    if dimension is None:
        return None
    if model.getLevel() == 2:
        return unit_of(dimension, reading.units)
    declared = {
        "volume": model.getVolumeUnits(),
        "area": model.getAreaUnits(),
        "length": model.getLengthUnits(),
    }
    return unit_of(declared[dimension], reading.units)


def substance_unit(declared: str, reading: Reading) -> Unit | None:
    """The declared unit of an amount, or the model's own."""
    if declared:
        return unit_of(declared, reading.units)
    if reading.model.getLevel() == 2:
        return unit_of("substance", reading.units)
    return unit_of(reading.model.getSubstanceUnits(), reading.units)


def _species(s: Any, compartment: Compartment | None, reading: Reading) -> Species:
    # A compartment without extent has no concentrations, whatever the flag says.
    flat = compartment is not None and compartment.dimensions == 0
    only_substance = bool(s.getHasOnlySubstanceUnits()) or flat
    size = compartment.size if compartment is not None else None
    amount = substance_unit(s.getSubstanceUnits(), reading)
    unit = text(amount)
    if not only_substance:
        c = reading.model.getCompartment(s.getCompartment())
        unit = ratio(amount, _size_unit(c, reading)) if c is not None else ""
    factor = s.getConversionFactor() if s.isSetConversionFactor() else ""
    factor = factor or reading.model.getConversionFactor()
    return Species(
        id=s.getId(),
        compartment=s.getCompartment(),
        initial=_initial(s, only_substance, size),
        unit=unit,
        only_substance_units=only_substance,
        boundary=bool(s.getBoundaryCondition()),
        constant=bool(s.getConstant()),
        name=s.getName(),
        conversion_factor=factor or None,
    )


def _initial(s: Any, only_substance: bool, size: float | None) -> float | None:
    """The initial value in the meaning of the symbol, if the file's numbers give it."""
    if s.isSetInitialAmount():
        amount = float(s.getInitialAmount())
        if only_substance:
            return amount
        return amount / size if size else None
    if s.isSetInitialConcentration():
        concentration = float(s.getInitialConcentration())
        if not only_substance:
            return concentration
        return concentration * size if size is not None else None
    return None


def _initial_expression(s: Any, species: Species) -> Expression | None:
    """The initial value through the compartment's size, where the two are in different terms.

    Kept beside the number, so that whoever changes the size keeps the amount (or concentration)
    that the file gives.
    """
    size = Symbol(species.compartment)
    if s.isSetInitialAmount() and not species.only_substance_units:
        return apply("divide", Number(float(s.getInitialAmount())), size)
    if s.isSetInitialConcentration() and species.only_substance_units:
        return apply("multiply", Number(float(s.getInitialConcentration())), size)
    return None
