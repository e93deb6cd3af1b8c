"""What can be simulated: a network and the tables that name what may be done to it.

A `Definition` is what `read_model_folder` returns. A plain model (one file, or text) is a
`Definition` whose tables are empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .expression import Expression
from .network import Network

Operation = Literal["set", "multiply"]
OPERATIONS: tuple[Operation, ...] = ("set", "multiply")

#: Names that are factors in every model that has them; never names of drugs or observables.
NAMED_FACTORS = ("cell", "alteration", "knockout", "expression")

#: Where a value comes from, best first.
CONFIDENCES = ("measured", "derived", "fitted", "assumed")

#: Keywords of `simulate` that are no factors.
OPTIONS = (
    "time", "conditions", "set", "outputs", "start", "rtol", "atol", "max_steps", "on_failure",
    "workers", "progress", "max_seconds", "method", "store", "executor",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ParameterRecord:
    """A row of parameters.tsv: a constant parameter or compartment with its provenance.

    `lower` and `upper` bound the plausible range, on the linear scale and in `unit`; `scale`
    (lin, log, log10) is the one on which it is estimated.
    """

    id: str
    name: str
    scale: str
    lower: float
    upper: float
    nominal: float
    estimate: bool
    unit: str
    source: str
    confidence: str
    note: str


@dataclass(frozen=True, slots=True)
class Override:
    """One change that a cell or an alteration makes to a parameter.

    `lower` and `upper` bound the plausible range of the value, where the table gives them.
    """

    parameter: str
    operation: Operation
    value: float
    lower: float | None = None
    upper: float | None = None
    confidence: str = "assumed"


@dataclass(frozen=True, slots=True)
class Drug:
    """A dose that an experimenter can give; kind `ligand` is kept in the vehicle."""

    name: str
    kind: Literal["drug", "ligand"]
    parameter: str
    unit: str
    target: str
    drug_class: str


@dataclass(frozen=True, slots=True)
class Observable:
    """A readout: a formula over ids of the model, perhaps relative to the vehicle or to t = 0."""

    id: str
    name: str
    formula: Expression
    unit: str
    relative_to: Literal["", "vehicle", "start"]


@dataclass(frozen=True, eq=False)
class Definition:
    """A network with its named cells, alterations, genes, drugs, observables and cohorts.

    Attributes
    ----------
    folder
        Folder it was read from; None for a plain model.
    population
        Species held at their initial values during pre-equilibration.
    genes
        Gene -> parameters that `expression` multiplies and `knockout` sets to 0.
    cohorts
        cohorts.yaml as checked, unchanged: cohort -> mapping.
    settings
        model.yaml, unchanged.
    start
        Default start of a simulation: `steady_state` or `initial`.
    """

    name: str
    folder: Path | None
    network: Network
    parameters: Mapping[str, ParameterRecord] = field(default_factory=dict)
    species_groups: Mapping[str, str] = field(default_factory=dict)
    population: frozenset[str] = frozenset()
    cells: Mapping[str, tuple[Override, ...]] = field(default_factory=dict)
    alterations: Mapping[str, tuple[Override, ...]] = field(default_factory=dict)
    genes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    drugs: Mapping[str, Drug] = field(default_factory=dict)
    observables: tuple[Observable, ...] = ()
    cohorts: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    default_cell: str | None = None
    start: Literal["steady_state", "initial"] = "initial"


def plain_definition(network: Network, name: str) -> Definition:
    """The definition of a plain model: the network alone, starting from its initial values."""
    return Definition(name=name, folder=None, network=network)


def ids(network: Network) -> dict[str, str]:
    """Every id of the network -> what it is, for messages: `species`, `parameter`, ..."""
    return (
        dict.fromkeys((c.id for c in network.compartments), "compartment")
        | dict.fromkeys((s.id for s in network.species), "species")
        | dict.fromkeys((p.id for p in network.parameters), "parameter")
        | dict.fromkeys((r.id for r in network.reactions), "reaction")
    )
