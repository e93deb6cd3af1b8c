"""SBML of one condition, so that other simulators reproduce the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..conditions import make_design
from ..errors import ConditionError, IntegrationError
from ..integrator.status import Status
from ..integrator.system import Tolerances
from .options import checked_start
from .plan import plan
from .rest import equilibrate
from .runs import start_values

if TYPE_CHECKING:
    from .model import Model

TIGHT = Tolerances(1e-10, 1e-12, 100_000)  # initial values to be compared with other simulators


def export_sbml(model: Model, factors: Mapping[str, Any]) -> str:
    """SBML whose initial values are those of one condition at t = 0.

    Constants get the condition's values, species the state at t = 0 (pre-equilibrated where the
    model starts from a steady state), and initial assignments, now used up, are dropped. Doses are
    constant: a schedule cannot be exported.

    Parameters
    ----------
    factors
        As in `Model.simulate`, one level each; `set` may be among them, and `start`.

    Raises
    ------
    ConditionError
        A factor is swept or scheduled, or does not exist.
    IntegrationError
        The condition has no steady state.
    """
    import libsbml

    given = dict(factors)
    start = checked_start(model, given.pop("start", None))
    design = make_design(model.definition, given, None, given.pop("set", None)).whole()
    if design.axes:
        raise ConditionError(f'export takes one condition: "{design.dims[0]}" has several levels.')
    kernel, work, rest = model.kernel, [plan(model.kernel, design)], None
    if any(work[0].programs):
        raise ConditionError("export takes constant doses: a schedule cannot be exported.")
    if start == "steady_state":
        rest = equilibrate(kernel, work, model.definition.population, TIGHT, workers=1)
        if rest.status[0] != Status.SUCCESS:
            raise IntegrationError(Status(int(rest.status[0])).sentence)
    states, parameters = start_values(work, rest, np.arange(1))
    values = dict(zip(kernel.parameters, parameters[0], strict=True))
    values |= dict(zip(kernel.states, states[0], strict=True))
    document = libsbml.readSBMLFromString(model.network.sbml)
    amounts = {s.id for s in model.network.species if s.only_substance_units}
    _write(document.getModel(), values, amounts | set(kernel.equations.amounts))
    return str(libsbml.writeSBMLToString(document))


def _write(sbml: Any, values: Mapping[str, float], amounts: set[str]) -> None:
    """Put values into an SBML model; `amounts` are species whose value is an amount."""
    for i in reversed(range(sbml.getNumInitialAssignments())):
        if sbml.getInitialAssignment(i).getSymbol() in values:
            sbml.removeInitialAssignment(i)
    for compartment in _items(sbml.getListOfCompartments()):
        if not np.isnan(values.get(compartment.getId(), np.nan)):
            compartment.setSize(float(values[compartment.getId()]))
    for parameter in _items(sbml.getListOfParameters()):
        if not np.isnan(values.get(parameter.getId(), np.nan)):
            parameter.setValue(float(values[parameter.getId()]))
    for species in _items(sbml.getListOfSpecies()):
        if species.getId() not in values:
            continue
        value = float(values[species.getId()])
        if species.getId() in amounts:
            species.setInitialAmount(value)
        else:
            species.setInitialConcentration(value)
    for reaction in _items(sbml.getListOfReactions()):
        _write_reaction(reaction, values)


def _write_reaction(reaction: Any, values: Mapping[str, float]) -> None:
    """Stoichiometries and local parameters that have values."""
    for participant in (
        *_items(reaction.getListOfReactants()),
        *_items(reaction.getListOfProducts()),
    ):
        if not np.isnan(values.get(participant.getId(), np.nan)):
            participant.setStoichiometry(float(values[participant.getId()]))
    law = reaction.getKineticLaw()
    if law is None:
        return
    for parameter in (*_items(law.getListOfParameters()), *_items(law.getListOfLocalParameters())):
        name = f"{reaction.getId()}.{parameter.getId()}"
        if name in values:
            parameter.setValue(float(values[name]))


def _items(elements: Any) -> list[Any]:
    """The elements of a list of libsbml's."""
    return [elements.get(i) for i in range(elements.size())]
