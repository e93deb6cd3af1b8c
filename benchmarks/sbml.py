"""SBML of one condition, the same file for every tool.

A PEtab problem becomes one SBML file (`one_condition`): nominal parameter values and one row of
the condition table written into the model. What is handed to the tools has its initial assignments
replaced by numbers besides (`flatten`), so that every tool starts from the same state.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import libsbml
import pandas as pd
import yaml


def read(text: str) -> Any:
    """The libsbml document of an SBML text.

    Raises
    ------
    ValueError
        libsbml finds an error in it.
    """
    document = libsbml.readSBMLFromString(text)
    if document.getNumErrors(libsbml.LIBSBML_SEV_ERROR) or document.getModel() is None:
        raise ValueError(f"not a readable SBML file: {document.getErrorLog().toString()[:300]}")
    return document


def one_condition(folder: Path) -> tuple[str, str, float, dict[str, float]]:
    """One condition of a PEtab problem.

    The condition is the last row of the condition table that has measurements (dose series
    ascend); a pre-equilibration is left out.

    Returns
    -------
    SBML text, condition id, last measured time, and the nominal values of the estimated parameters
    that are constant parameters of the model.
    """
    problem = yaml.safe_load(next(iter(sorted(folder.glob("*.yaml")))).read_text("utf-8"))
    files = problem["problems"][0]
    parameters = _table(folder / problem["parameter_file"]).set_index("parameterId")
    conditions = _table(folder / files["condition_files"][0]).set_index("conditionId")
    measured = _table(folder / files["measurement_files"][0])
    used = measured["simulationConditionId"].astype(str).unique()
    chosen = [name for name in conditions.index if name in used][-1]

    document = read((folder / files["sbml_files"][0]).read_text("utf-8"))
    model = document.getModel()
    nominal = parameters["nominalValue"].astype(float).to_dict()
    for name, value in nominal.items():
        _set_value(model, name, value)
    for name, value in conditions.loc[chosen].drop("conditionName", errors="ignore").items():
        _set_value(model, str(name), nominal[value] if value in nominal else float(value))
    _strip(model)
    estimated = parameters.index[parameters["estimate"] == 1]
    perturbed = {name: nominal[name] for name in estimated if _is_constant(model, name)}
    return (
        libsbml.writeSBMLToString(document),
        str(chosen),
        float(measured["time"].max()),
        perturbed,
    )


def flatten(text: str, start: Mapping[str, float]) -> str:
    """The SBML with initial assignments of species dropped and `start` as initial values.

    `start` holds each species' symbol: an amount where it has only substance units, else a
    concentration.
    """
    document = read(text)
    model = document.getModel()
    for name, value in start.items():
        species = model.getSpecies(name)
        model.removeInitialAssignment(name)
        if species.getHasOnlySubstanceUnits():
            species.unsetInitialConcentration()
            species.setInitialAmount(float(value))
        else:
            species.unsetInitialAmount()
            species.setInitialConcentration(float(value))
    return str(libsbml.writeSBMLToString(document))


def dynamic_species(text: str) -> list[str]:
    """Species that reactions or rate rules may change."""
    document = read(text)
    model = document.getModel()
    return [
        s.getId()
        for s in items(model.getListOfSpecies())
        if not s.getConstant() and not s.getBoundaryCondition() and not _assigned(model, s.getId())
    ]


def sizes(text: str, species: Iterable[str]) -> dict[str, float]:
    """Amount over symbol of each species: its compartment's size, or 1 where it is an amount."""
    document = read(text)
    model = document.getModel()
    found = {}
    for name in species:
        s = model.getSpecies(name)
        size = model.getCompartment(s.getCompartment()).getSize()
        found[name] = 1.0 if s.getHasOnlySubstanceUnits() else float(size)
    return found


def amounts(text: str) -> set[str]:
    """Species whose symbol is an amount."""
    document = read(text)
    species = items(document.getModel().getListOfSpecies())
    return {s.getId() for s in species if s.getHasOnlySubstanceUnits()}


def values(text: str, parameters: Iterable[str]) -> dict[str, float]:
    """Values of constant parameters as the file states them."""
    document = read(text)  # kept: it owns the model
    model = document.getModel()
    return {name: float(model.getParameter(name).getValue()) for name in parameters}


def items(elements: Any) -> list[Any]:
    """The elements of one of libsbml's lists."""
    return [elements.get(i) for i in range(elements.size())]


def _table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", dtype={"conditionId": str}, skip_blank_lines=True)


def _assigned(model: Any, name: str) -> bool:
    rule = model.getRule(name)
    return rule is not None and rule.isAssignment()


def _is_constant(model: Any, name: str) -> bool:
    parameter = model.getParameter(name)
    return parameter is not None and model.getRule(name) is None


def _set_value(model: Any, name: str, value: float) -> None:
    """Set a parameter, compartment or species where the model has it."""
    element = model.getElementBySId(name)
    if element is None or model.getRule(name) is not None:
        return
    model.removeInitialAssignment(name)
    if isinstance(element, libsbml.Parameter):
        element.setValue(value)
    elif isinstance(element, libsbml.Compartment):
        element.setSize(value)
    elif isinstance(element, libsbml.Species) and element.getHasOnlySubstanceUnits():
        element.setInitialAmount(value)
    elif isinstance(element, libsbml.Species):
        element.setInitialConcentration(value)


def _strip(model: Any) -> None:
    """Drop notes and annotations: they are not simulated, and are most of some files."""
    every = model.getListOfAllElements()
    for element in (model, *(every.get(i) for i in range(every.getSize()))):
        element.unsetNotes()
        element.unsetAnnotation()
