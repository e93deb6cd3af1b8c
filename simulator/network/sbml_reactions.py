"""Reactions of an SBML model.

A species reference with an id (Level 3) is a quantity of the network like any other: mathematics
may use it, and rules, initial assignments and events may change it. Its reaction then has no number
but a formula for the species, as it has for Level 2's `stoichiometryMath`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from .expression import Expression, Number, Symbol, apply
from .mathml import Scope
from .network import Parameter, Reaction
from .sbml_quantities import Reading, parameter, substance_unit
from .units import Unit, ratio, unit_of


@dataclass(frozen=True)
class Reactions:
    """`parameters` are local parameters and species references that have an id.

    `participants` are all reactants and products, also those whose net coefficient is 0.
    """

    reactions: tuple[Reaction, ...]
    parameters: tuple[Parameter, ...]
    participants: frozenset[str]


def read_reactions(reading: Reading) -> Reactions:
    """All reactions in the order of the file."""
    unit = _flux_unit(reading)
    reactions: list[Reaction] = []
    parameters: list[Parameter] = []
    participants: set[str] = set()
    for r in reading.model.getListOfReactions():
        local, names = _local_parameters(r, reading)
        parameters += local
        parameters += [_quantity(reference) for _, reference in _references(r) if _named(reference)]
        participants |= {reference.getSpecies() for _, reference in _references(r)}
        law = _law(r, replace(reading.scope, names={**reading.scope.names, **names}), reading)
        numbers: dict[str, float] = {}
        formulas: dict[str, Expression] = {}
        for sign, reference in _references(r):
            how_many = _stoichiometry(reference, reading, r.getId())
            name = reference.getSpecies()
            if isinstance(how_many, Number):
                numbers[name] = numbers.get(name, 0.0) + sign * how_many.value
            elif how_many is not None:
                term = how_many if sign > 0 else apply("negate", how_many)
                formulas[name] = apply("add", formulas[name], term) if name in formulas else term
        if law is not None:
            net = tuple((name, n) for name, n in numbers.items() if n != 0)
            changes = tuple(formulas.items())
            reactions.append(Reaction(r.getId(), net, law, unit, r.getName(), changes))
    return Reactions(tuple(reactions), tuple(parameters), frozenset(participants))


def _references(r: Any) -> Iterator[tuple[float, Any]]:
    for reference in r.getListOfReactants():
        yield -1.0, reference
    for reference in r.getListOfProducts():
        yield 1.0, reference


def _named(reference: Any) -> bool:
    """Level 2 gives ids too, but they mean nothing in its mathematics."""
    return reference.getLevel() > 2 and bool(reference.isSetId())


def _has_number(reference: Any) -> bool:
    """Level 2 has the default 1; Level 3 has none."""
    value = reference.getStoichiometry()
    return (reference.getLevel() < 3 or bool(reference.isSetStoichiometry())) and value == value


def _quantity(reference: Any) -> Parameter:
    return Parameter(
        id=reference.getId(),
        value=float(reference.getStoichiometry()) if _has_number(reference) else None,
        unit="dimensionless",
        constant=bool(reference.getConstant()),
        name=reference.getName(),
    )


def _stoichiometry(reference: Any, reading: Reading, reaction: str) -> Expression | None:
    place = f'the stoichiometry of "{reference.getSpecies()}" in reaction "{reaction}"'
    if _named(reference):
        return Symbol(reference.getId())
    formula = reference.getStoichiometryMath()
    if formula is not None and formula.isSetMath():
        return reading.formula(formula.getMath(), place)
    if _has_number(reference):
        return Number(float(reference.getStoichiometry()))
    reading.problems.append(f"{place} has no value")
    return None


def _local_parameters(r: Any, reading: Reading) -> tuple[list[Parameter], dict[str, Expression]]:
    law = r.getKineticLaw()
    if law is None:
        return [], {}
    level_3 = reading.model.getLevel() > 2
    local = law.getListOfLocalParameters() if level_3 else law.getListOfParameters()
    names = {p.getId(): f"{r.getId()}.{p.getId()}" for p in local}
    parameters = [replace(parameter(p, names[p.getId()], reading), constant=True) for p in local]
    return parameters, {old: Symbol(new) for old, new in names.items()}


def _law(r: Any, scope: Scope, reading: Reading) -> Expression | None:
    """The kinetic law; one without mathematics lets nothing happen."""
    place = f'reaction "{r.getId()}"'
    if r.getKineticLaw() is None:
        reading.problems.append(f"{place} has no kinetic law")
        return None
    return reading.formula(r.getKineticLaw().getMath(), place, scope) or Number(0.0)


def _flux_unit(reading: Reading) -> str:
    model = reading.model
    extent: Unit | None
    if model.getLevel() == 2:
        extent, time = substance_unit("", reading), unit_of("time", reading.units)
    else:
        extent = unit_of(model.getExtentUnits(), reading.units)
        time = unit_of(model.getTimeUnits(), reading.units)
    return ratio(extent, time)
