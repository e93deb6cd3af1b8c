"""Reactions of an SBML model.

A stoichiometry that is a formula (assigned, ruled, or Level 2 `stoichiometryMath`) is no number of
the network. Such a participant gets a process of its own, named ``<reaction>.<species>``, with the
law stoichiometry * flux of the reaction, so that it follows its formula exactly.
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
    """`parameters` are local parameters and stoichiometries that a formula assigns."""

    reactions: tuple[Reaction, ...]
    parameters: tuple[Parameter, ...]


def read_reactions(reading: Reading) -> Reactions:
    """All reactions in the order of the file."""
    assigned = _assigned(reading.model)
    unit = _flux_unit(reading)
    reactions: list[Reaction] = []
    parameters: list[Parameter] = []
    for r in reading.model.getListOfReactions():
        local, names = _local_parameters(r, reading)
        parameters += local
        law = _law(r, replace(reading.scope, names={**reading.scope.names, **names}), reading)
        numbers: dict[str, float] = {}
        formulas: dict[str, Expression] = {}
        for sign, reference in _references(r):
            if reference.isSetId() and reference.getId() in assigned:
                parameters.append(_assigned_parameter(reference, assigned[reference.getId()]))
            how_many = _stoichiometry(reference, reading, assigned, r.getId())
            name = reference.getSpecies()
            if isinstance(how_many, Number):
                numbers[name] = numbers.get(name, 0.0) + sign * how_many.value
            elif how_many is not None:
                term = apply("multiply", Number(sign), how_many)
                formulas[name] = apply("add", formulas[name], term) if name in formulas else term
        if law is None:
            continue
        net = tuple((name, n) for name, n in numbers.items() if n != 0)
        reactions.append(Reaction(r.getId(), net, law, unit, r.getName()))
        for name, how_many in formulas.items():
            flux = apply("multiply", how_many, Symbol(r.getId()))
            reactions.append(Reaction(f"{r.getId()}.{name}", ((name, 1.0),), flux, unit))
    return Reactions(tuple(reactions), tuple(parameters))


def constant_stoichiometries(model: Any) -> dict[str, float]:
    """Numbers of the species references that have an id and that no formula assigns."""
    assigned = _assigned(model)
    return {
        reference.getId(): float(reference.getStoichiometry())
        for r in model.getListOfReactions()
        for _, reference in _references(r)
        if reference.isSetId() and reference.getId() not in assigned and _has_number(reference)
    }


def _references(r: Any) -> Iterator[tuple[float, Any]]:
    for reference in r.getListOfReactants():
        yield -1.0, reference
    for reference in r.getListOfProducts():
        yield 1.0, reference


def _assigned(model: Any) -> dict[str, bool]:
    """Id that a rule or initial assignment is for -> whether only an initial assignment is."""
    starts = {s.getSymbol(): True for s in model.getListOfInitialAssignments()}
    rules = {r.getVariable(): False for r in model.getListOfRules() if not r.isAlgebraic()}
    return starts | rules


def _has_number(reference: Any) -> bool:
    """Level 2 has the default 1; Level 3 has none."""
    value = reference.getStoichiometry()
    return (reference.getLevel() < 3 or bool(reference.isSetStoichiometry())) and value == value


def _assigned_parameter(reference: Any, constant: bool) -> Parameter:
    value = float(reference.getStoichiometry()) if _has_number(reference) else None
    return Parameter(reference.getId(), value, "dimensionless", constant, reference.getName())


def _stoichiometry(
    reference: Any, reading: Reading, assigned: dict[str, bool], reaction: str
) -> Expression | None:
    place = f'the stoichiometry of "{reference.getSpecies()}" in reaction "{reaction}"'
    if reference.isSetId() and reference.getId() in assigned:
        return Symbol(reference.getId())
    if reference.isSetStoichiometryMath():
        return reading.formula(reference.getStoichiometryMath().getMath(), place)
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
    place = f'reaction "{r.getId()}"'
    if r.getKineticLaw() is None:
        reading.problems.append(f"{place} has no kinetic law")
        return None
    return reading.formula(r.getKineticLaw().getMath(), place, scope)


def _flux_unit(reading: Reading) -> str:
    model = reading.model
    extent: Unit | None
    if model.getLevel() == 2:
        extent, time = substance_unit("", reading), unit_of("time", reading.units)
    else:
        extent = unit_of(model.getExtentUnits(), reading.units)
        time = unit_of(model.getTimeUnits(), reading.units)
    return ratio(extent, time)
