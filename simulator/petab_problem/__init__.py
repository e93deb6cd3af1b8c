"""PEtab problems, versions 1 and 2: from their files to checked trees."""

from .problem import (
    PRE_EQUILIBRATION,
    Change,
    Distribution,
    Experiment,
    Measurement,
    Observable,
    Parameter,
    Period,
    PetabProblem,
)
from .read import read_problem

__all__ = [
    "read_problem",
    "PetabProblem",
    "Parameter",
    "Distribution",
    "Observable",
    "Experiment",
    "Period",
    "Change",
    "Measurement",
    "PRE_EQUILIBRATION",
]
