"""A model in closed form, with the parts of `simulator.load`'s result that readers of it use.

Viability = H(steroid) * H(kinase inhibitor), each a Hill curve of slope 1. The alteration RAS_ON
raises the steroid's half dose 100-fold, and the inhibitor undoes that; IL7 raises it 10-fold in
cells with `il7_gain`. What comes out can be worked out on paper.
"""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import xarray as xr

from simulator.errors import ConditionError
from simulator.network.definition import Drug, Override, ParameterRecord
from simulator.simulation.cohort import draw_cohort

HALF_STEROID = 0.1
HALF_INHIBITOR = 10.0
HALF_SIGNAL = 0.01
OBSERVABLES = (
    "viability",
    "live_cells",
    "pERK",
    "ERK_total",
    "BIM_total",
    "BIM_BCL2",
    "RAS_GTP",
    "RAS_total",
)


def parameter(id, nominal):
    return ParameterRecord(id, id, "log10", 0.0, 1e3, nominal, True, "1", "", "assumed", "")


def definition(folder=None, cohorts=None, settings=None):
    return SimpleNamespace(
        name="analytic",
        folder=folder,
        parameters={id: parameter(id, 2.0) for id in ("potency", "il7_gain", "growth", "ERK_made")},
        cells={
            "LINE": (),
            "OTHER": (Override("potency", "multiply", 10.0),),
            "PDX": (Override("il7_gain", "set", 10.0), Override("potency", "multiply", 3.0)),
        },
        alterations={
            "RAS_ON": (Override("growth", "set", 3.0),),
            "RAS_UP": (),
            "POTENCY_UP": (Override("potency", "multiply", 5.0),),
            "POTENCY_SET": (Override("potency", "set", 7.0),),
        },
        genes={"ERK": ("ERK_made",)},
        drugs={
            name: Drug(name, kind, name, unit, "", "")
            for name, kind, unit in [
                ("prednisolone", "drug", "uM"),
                ("selumetinib", "drug", "uM"),
                ("ruxolitinib", "drug", "uM"),
                ("il7", "ligand", "ng/ml"),
            ]
        },
        observables=tuple(SimpleNamespace(id=id) for id in OBSERVABLES),
        cohorts=cohorts or {},
        settings=settings or {},
        default_cell="LINE",
    )


class AnalyticModel:
    """Takes the calls that findings, predict, cohorts and the command line make."""

    members = ()

    def __init__(self, **parts):
        self.definition = definition(**parts)
        self.calls = []

    def is_constant_readout(self, observable):
        return observable == "ERK_total"

    def cohort(self, name, n=None, seed=0):
        return draw_cohort(self, name, n, seed)

    def export_sbml(self, **factors):
        if "cell" in factors and factors["cell"] not in self.definition.cells:
            raise ConditionError(f'cell "{factors["cell"]}" is not in analytic.')
        return f"<sbml>{sorted(factors.items())}</sbml>"

    def simulate(self, time, conditions=None, outputs=None, **factors):
        for option in ("rtol", "atol", "method", "workers", "progress", "set"):
            factors.pop(option, None)
        self.calls.append((time, conditions, outputs, factors))
        if conditions is None:
            conditions = pd.DataFrame([{}], index=pd.Index(["only"], name="condition"))
        name = conditions.index.name or "condition"
        axes = {k: np.atleast_1d(v) for k, v in factors.items() if np.ndim(v)}
        fixed = {k: v for k, v in factors.items() if not np.ndim(v)}
        shape = (len(conditions), *(len(v) for v in axes.values()), len(time))
        values = {o: np.empty(shape) for o in outputs or OBSERVABLES}
        for place in np.ndindex(shape):
            row = conditions.iloc[place[0]].dropna().to_dict() | fixed
            row |= {k: v[i] for (k, v), i in zip(axes.items(), place[1:-1], strict=True)}
            found = self.run(row, time[place[-1]])
            for output in values:
                values[output][place] = found[output]
        coords = {name: conditions.index.to_numpy(), **axes, "time": list(time)}
        dims = (name, *axes, "time")
        return xr.Dataset({o: (dims, v) for o, v in values.items()}, coords=coords)

    def value(self, row, id):
        """A parameter in one condition: nominal, cell, then alterations, then the id itself."""
        value = self.definition.parameters[id].nominal
        names = str(row.get("alteration", "none")).split("+")
        changes = list(self.definition.cells[row.get("cell", "LINE")])
        changes += [c for name in names for c in self.definition.alterations.get(name, ())]
        for change in changes:
            if change.parameter == id:
                value = change.value if change.operation == "set" else value * change.value
        return row.get(id, value)

    def run(self, row, time):
        """All observables of one condition at one time."""
        for drug in row:
            if str(row[drug]) == "bad":
                raise ConditionError(f'"{drug}" has no level "bad".')
        altered = "RAS_ON" in str(row.get("alteration"))
        inhibitor = row.get("selumetinib", 0.0)
        signal = (10.0 if altered else 1.0) / (1 + inhibitor / HALF_SIGNAL)
        il7 = 1.0 + (self.value(row, "il7_gain") - 2.0) * (row.get("il7", 0.0) > 0)
        resistance = 1 + (99.0 if altered else 0.0) / (1 + inhibitor / HALF_SIGNAL)
        half = HALF_STEROID * resistance * il7 * self.value(row, "potency") / 2
        steroid = row.get("prednisolone", 0.0)
        alive = 1 / (1 + steroid / half) / (1 + inhibitor / HALF_INHIBITOR)
        total = 4.0 if "RAS_UP" in str(row.get("alteration")) else 1.0
        return {
            "viability": alive,
            "live_cells": alive * self.value(row, "growth") * il7 * (1 + time / 96),
            "pERK": 0.02 * signal,
            "ERK_total": 500.0,
            "BIM_total": 10.0
            * (1 + steroid)
            * (2.0 if row.get("cell") == "OTHER" and steroid else 1.0),
            "BIM_BCL2": 3.0 / signal,
            "RAS_GTP": 0.1,
            "RAS_total": 50.0 * total,
        }


class EnsembleModel(AnalyticModel):
    """The model with an ensemble: member m<k> has its half doses scaled by the k-th factor."""

    hash = "0123456789abcdef"

    def __init__(self, potencies, **parts):
        super().__init__(**parts)
        self.parts = parts
        self.potencies = {f"m{k}": factor for k, factor in enumerate(potencies)}

    @property
    def members(self):
        return tuple(self.potencies)

    def member(self, name):
        one = type(self)([], **self.parts)
        potency = one.definition.parameters["potency"]
        scaled = replace(potency, nominal=potency.nominal * self.potencies[name])
        one.definition.parameters = one.definition.parameters | {"potency": scaled}
        return one


def steroid_auc400(half, low=0.00316, high=31.6):
    """auc400 of 1 / (1 + dose / half) in closed form."""

    def primitive(x):
        return x - np.log10(1 + 10**x / half)

    a, b = np.log10([low, high])
    return 400 * (primitive(b) - primitive(a)) / (b - a)
