"""Antimony text as a `Network`, by way of the SBML that libantimony makes of it.

A species that is given no initial value starts at 0, as Antimony models are commonly written; a
parameter or compartment without a value is refused like in any SBML file.
"""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import ModelError
from .network import Network
from .sbml import read_sbml

_LINE = re.compile(r"Error in model string, line (\d+):\s*")


def read_antimony(text: str, source: str) -> Network:
    """The network that an Antimony text describes: its main module, or else its last one.

    Parameters
    ----------
    text
        The whole file.
    source
        What to call the file in messages and in `Network.source`.

    Raises
    ------
    ModelError
        The text is not Antimony, or describes things that are not supported; one line for each.
    """
    return read_sbml(antimony_to_sbml(text, source), source)


def antimony_to_sbml(text: str, source: str) -> str:
    """The SBML Level 3 text of an Antimony text.

    Raises
    ------
    ModelError
        The text is not Antimony.
    """
    import antimony

    # libantimony keeps every model it has read; start and end with none.
    antimony.clearPreviousLoads()
    if Path(source).is_file():
        antimony.addDirectory(str(Path(source).parent))  # where `import` looks
    try:
        if antimony.loadAntimonyString(text) < 0:
            raise ModelError(_error(source, antimony.getLastError()))
        return _from_zero(antimony.getSBMLString(antimony.getMainModuleName()))
    finally:
        antimony.clearPreviousLoads()
        antimony.clearDirectories()
        antimony.freeAll()


def _from_zero(sbml: str) -> str:
    """The SBML text with 0 as the initial value of each species that has none."""
    import libsbml

    document = libsbml.readSBMLFromString(sbml)
    model = document.getModel()
    decided = {s.getSymbol() for s in model.getListOfInitialAssignments()}
    decided |= {r.getVariable() for r in model.getListOfRules() if r.isAssignment()}
    for species in model.getListOfSpecies():
        given = species.isSetInitialAmount() or species.isSetInitialConcentration()
        if given or species.getId() in decided:
            continue
        if species.getHasOnlySubstanceUnits():
            species.setInitialAmount(0.0)
        else:
            species.setInitialConcentration(0.0)
    return str(libsbml.writeSBMLToString(document))


def _error(source: str, message: str) -> str:
    message = " ".join(message.split())
    line = _LINE.match(message)
    if line is None:
        return f"{source}: {message}"
    return f"{source}:{line[1]}: {message[line.end() :]}"
