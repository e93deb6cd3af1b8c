"""A small model with a pathway map, and runs of it that need no simulation."""

import numpy as np
import xarray as xr

from simulator.network.antimony import read_antimony
from simulator.network.definition import Definition, Drug, Override
from simulator.simulation.model import Model

NETWORK = """
model small
  compartment cell; cell = 1; cell has litre
  species A in cell, B in cell, C in cell
  A = 1; B = 0; C = 0; k = 1; d = 0; e = 0
  J1: A => B; cell * k * A / (1 + d)
  J2: B => C; cell * B * (1 + e)
end
"""
MAP = """
page: [100, 60]
regions:
  cytoplasm: {kind: cytoplasm, label: cytoplasm, box: [0, 0, 100, 60]}
nodes:
  a: {label: alpha, at: [20, 20], shows: A, gene: GA}
  b: {label: beta, at: [50, 20], shows: B, gene: [GB1, GB2]}
  c: {label: gamma, at: [80, 20], shape: outcome, shows: C}
edges:
- {from: a, to: b, kind: activates}
- {from: b, to: c, kind: inhibits}
- {from: a, to: c, kind: binds, via: [[20, 40], [80, 40]]}
- {from: c, to: a, kind: transcribes, bend: 0.3}
drugs:
- {label: B inhibitor, at: [50, 50], drugs: {drug: [b], other_drug: [b, c]}}
"""
ALTERATIONS = (
    "alteration\tgene\tparameterId\toperation\tvalue\tlowerBound\tupperBound\tsource\tconfidence"
    "\tnote\nA_MUT\tGA\tk\tset\t2\t\t\t\tassumed\t\nX_MUT\tGX\tk\tset\t2\t\t\t\tassumed\t\n"
)


def small_model(folder, text=MAP):
    """The model, with this map in its folder; None for no map."""
    if text is not None:
        (folder / "map.yaml").write_text(text, encoding="utf-8")
    (folder / "alterations.tsv").write_text(ALTERATIONS, encoding="utf-8")
    definition = Definition(
        name="small",
        folder=folder,
        network=read_antimony(NETWORK, "small.ant"),
        alterations={"A_MUT": (Override("k", "set", 2.0),), "X_MUT": (Override("k", "set", 2.0),)},
        genes={"GA": ("k",), "GB1": ("k",), "GB2": ("k",), "GX": ("k",)},
        drugs={
            "drug": Drug("drug", "drug", "d", "uM", "B", "B inhibitor"),
            "other_drug": Drug("other_drug", "drug", "e", "uM", "B", "B inhibitor"),
        },
    )
    return Model(definition)


def run(a=1.0, b=1.0, c=1.0, units="nM", atol=0.0, **coordinates):
    """One run at one time, as `simulate` returns it; a value may be a list over times 0, 1, ..."""
    values = {"A": a, "B": b, "C": c}
    n = max(np.size(value) for value in values.values())
    times = np.arange(float(n))
    variables = {
        name: ("time", np.broadcast_to(np.asarray(value, float), n), {"units": units})
        for name, value in values.items()
    }
    coords = {"time": ("time", times, {"units": "h"}), **coordinates}
    return xr.Dataset(variables, coords, {"atol": atol})
