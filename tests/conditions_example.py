"""A small definition for tests of conditions, and what its runs must come to, written out plainly.

`expected` goes through one run's factors step by step in plain Python; it shares no code with the
package but the definition's tables.
"""

from pathlib import Path

from simulator.network.definition import (
    Definition,
    Drug,
    Observable,
    Override,
    ParameterRecord,
    plain_definition,
)
from simulator.network.expression import Symbol, apply
from simulator.network.network import Compartment, Network, Parameter, Reaction, Species

BASE = {
    "cell": 0.8,
    "k_syn": 2.0,
    "k_deg": 3.0,
    "total_MEK": 500.0,
    "BIM_expression": 1.0,
    "prednisolone": 0.0,
    "trametinib": 0.0,
    "il7_dose": 0.0,
    "time_scale": 1.0,
}

NETWORK = Network(
    id="toy",
    source="models/toy/model.ant",
    compartments=(Compartment("cell", BASE["cell"], "pL"),),
    species=(
        Species("BIM", "cell", 10.0, "nM"),
        Species("MEK_pp", "cell", 0.0, "nM"),
        Species("MEK_sum", "cell", None, "nM"),
    ),
    parameters=(
        *(Parameter(id, value, "1/h") for id, value in BASE.items() if id != "cell"),
        Parameter("ERK_activity", None, constant=False),
        Parameter("age", 0.0, "h", constant=False),
        Parameter("open", None, "nM"),
    ),
    reactions=(Reaction("BIM_synthesis", (("BIM", 1.0),), Symbol("k_syn")),),
    assignment_rules=(
        ("ERK_activity", apply("multiply", Symbol("MEK_pp"), Symbol("k_deg"))),
        ("MEK_sum", apply("add", Symbol("MEK_pp"), Symbol("BIM"), Symbol("k_syn"))),
    ),
    rate_rules=(("age", Symbol("time_scale")),),
    time_unit="h",
)


def _record(id, value):
    return ParameterRecord(id, id, "lin", value, value, value, False, "1/h", "", "assumed", "")


TOY = Definition(
    name="toy",
    folder=Path("models/toy"),
    network=NETWORK,
    parameters={id: _record(id, value) for id, value in BASE.items()},
    population=frozenset({"BIM"}),
    cells={
        "SUPT1": (),
        "SEM": (Override("k_syn", "set", 5.0), Override("k_deg", "multiply", 2.0)),
        "RS411": (Override("total_MEK", "set", 250.0),),
    },
    alterations={
        "NRAS_G12D": (Override("k_deg", "set", 7.0),),
        "NRAS_Q61": (Override("k_deg", "set", 8.0),),
        "NRAS_TWIN": (Override("k_deg", "set", 7.0),),
        "MEK_CA": (Override("total_MEK", "multiply", 3.0), Override("k_syn", "multiply", 0.1)),
        "BIM_HIGH": (Override("BIM_expression", "multiply", 0.7),),
        "BIM_LOW": (Override("BIM_expression", "multiply", 1.1),),
    },
    genes={"MEK": ("total_MEK",), "BIM": ("BIM_expression", "k_syn"), "PUMA": ("k_syn",)},
    drugs={
        "prednisolone": Drug("prednisolone", "drug", "prednisolone", "uM", "GR", "steroid"),
        "trametinib": Drug("trametinib", "drug", "trametinib", "uM", "MEK", "MEK inhibitor"),
        "il7": Drug("il7", "ligand", "il7_dose", "ng/ml", "IL7R", "cytokine"),
    },
    observables=(Observable("viability", "", Symbol("BIM"), "", "vehicle"),),
    default_cell="SUPT1",
    start="steady_state",
)

PLAIN = plain_definition(NETWORK, "toy.ant")


def expected(cell=None, alteration=(), expression=None, knockout=(), ids=None):
    """Value of every constant of `TOY` before t = 0 in one run (no doses)."""
    values = dict(BASE)
    for override in TOY.cells[cell or "SUPT1"]:
        if override.operation == "set":
            values[override.parameter] = override.value
    for override in TOY.cells[cell or "SUPT1"]:
        if override.operation == "multiply":
            values[override.parameter] *= override.value
    changes = [override for name in alteration for override in TOY.alterations[name]]
    for override in changes:
        if override.operation == "set":
            values[override.parameter] = override.value
    for override in changes:
        if override.operation == "multiply":
            values[override.parameter] *= override.value
    for gene, factor in (expression or {}).items():
        for parameter in TOY.genes[gene]:
            values[parameter] *= factor
    for gene in knockout:
        for parameter in TOY.genes[gene]:
            values[parameter] = 0.0
    return values | (ids or {})
