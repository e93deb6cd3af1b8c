"""The model of a PEtab problem: what conditions need that the model itself does not have."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import ModelError

SWITCH = "population_moves"
"""Parameter that multiplies what changes the population: 0 while the untreated cell comes to rest,
as PEtab cannot hold states at their initial values."""


@dataclass(frozen=True, slots=True)
class Shared:
    """An estimated parameter that some conditions set or multiply, as PEtab has no other way.

    Everything in the model that used `id` uses `here` instead, which is factor x id + fixed.
    """

    id: str
    here: str
    factor: str
    fixed: str


def with_switch(sbml: str, population: Collection[str]) -> str:
    """SBML in which a new parameter, `SWITCH`, multiplies whatever changes the population.

    Raises
    ------
    ModelError
        A reaction changes the population and something else, so that it cannot be switched off; or
        the model has the parameter's id already.
    """
    import libsbml

    document = libsbml.readSBMLFromString(sbml)
    model = document.getModel()
    if model.getElementBySId(SWITCH) is not None:
        raise ModelError(f'{model.getId()}: has a "{SWITCH}", an id that its PEtab problem needs.')
    switch = model.createParameter()
    switch.setId(SWITCH)
    switch.setName("1: the population grows and dies; 0: it is held, as before t = 0")
    switch.setValue(1.0)
    switch.setUnits("dimensionless")
    switch.setConstant(True)
    for i in range(model.getNumReactions()):
        reaction = model.getReaction(i)
        changed = {
            each.getSpecies()
            for group in (reaction.getListOfReactants(), reaction.getListOfProducts())
            for each in (group.get(k) for k in range(group.size()))
        }
        if not changed & set(population):
            continue
        if other := sorted(changed - set(population)):
            raise ModelError(
                f'{model.getId()}: reaction "{reaction.getId()}" changes the population and '
                f'"{other[0]}"; PEtab cannot hold only one of them before t = 0.'
            )
        _switch(reaction.getKineticLaw())
    for i in range(model.getNumRules()):
        rule = model.getRule(i)
        if rule.isRate() and rule.getVariable() in population:
            _switch(rule)
    return str(libsbml.writeSBMLToString(document))


def _switch(element: Any) -> None:
    """Multiply the formula of a kinetic law or rule by `SWITCH`."""
    import libsbml

    name, product = libsbml.ASTNode(libsbml.AST_NAME), libsbml.ASTNode(libsbml.AST_TIMES)
    name.setName(SWITCH)
    product.addChild(name)
    product.addChild(element.getMath().deepCopy())
    element.setMath(product)


def with_shared(sbml: str, parameters: Iterable[Shared]) -> str:
    """SBML in which conditions can set or multiply what is estimated: see `Shared`."""
    import libsbml

    document = libsbml.readSBMLFromString(sbml)
    model = document.getModel()
    for each in parameters:
        elements = document.getListOfAllElements()
        for i in range(elements.getSize()):
            elements.get(i).renameSIdRefs(each.id, each.here)
        unit = model.getParameter(each.id).getUnits()
        for id, value, own in ((each.here, None, unit), (each.factor, 1.0, "dimensionless"),
                               (each.fixed, 0.0, unit)):  # fmt: skip
            new = model.createParameter()
            new.setId(id)
            new.setConstant(value is not None)
            if own:
                new.setUnits(own)
            if value is not None:
                new.setValue(value)
        rule = model.createAssignmentRule()
        rule.setVariable(each.here)
        rule.setMath(libsbml.parseL3Formula(f"{each.factor} * {each.id} + {each.fixed}"))
    return str(libsbml.writeSBMLToString(document))
