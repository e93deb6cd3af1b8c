"""The reference sweep: a cohort's dose matrices, and some of its runs for libRoadRunner.

46 T-ALL samples x IL7 0 and 25 ng/ml x 16 x 16 doses of prednisolone and a partner, 96 h, viability
and six readouts; once with selumetinib and once with ruxolitinib.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

import simulator as sim
from simulator.integrator.system import read_outputs

from . import problem, sbml
from .tools import Measured, RoadRunner

Array = NDArray[np.float64]

COHORT, HOURS, PARTNERS = "TALL_PDX", 96.0, ("selumetinib", "ruxolitinib")
DOSES = (0.0, *(float(f"{dose:.4g}") for dose in np.geomspace(0.00316, 31.6, 15)))
IL7 = (0.0, 25.0)
OUTPUTS = ("viability", "pMEK", "pERK", "pAKT", "BIM_total", "MCL1", "GR_nuclear")

# Of every fifteenth sample, with and without IL7: the vehicle and a diagonal of the dose matrix.
SAMPLES = range(0, 46, 15)
DOSE_PAIRS = ((0, 0), (4, 0), (0, 9), (5, 3), (8, 8), (11, 6), (15, 12))


@dataclass(frozen=True)
class ReferenceSweep:
    """Both halves of the sweep. samples : of the cohort (46; fewer for a quick look)."""

    samples: int = 46

    @cached_property
    def model(self) -> Any:
        """The bundled model."""
        return sim.load("steroid_response")

    @cached_property
    def cohort(self) -> Any:
        """Its samples as a conditions table."""
        return self.model.cohort(COHORT).iloc[: self.samples]

    def design(self, partner: str, rtol: float, atol: float) -> Any:
        """The half with one partner."""
        doses = {"prednisolone": list(DOSES), partner: list(DOSES)}
        return sim.design(
            self.model,
            HOURS,
            conditions=self.cohort,
            il7=list(IL7),
            outputs=list(OUTPUTS),
            rtol=rtol,
            atol=atol,
            **doses,
        )

    def compared(self, ds: Any, partner: str) -> Array:
        """The runs that libRoadRunner simulates too, (groups, runs of a group, outputs)."""
        rows = [i for i in SAMPLES if i < self.samples]
        return np.array(
            [
                [
                    [
                        float(
                            ds[name].isel({"sample": i, "il7": k, "prednisolone": a, partner: b})[0]
                        )
                        for name in OUTPUTS
                    ]
                    for a, b in DOSE_PAIRS
                ]
                for i in rows
                for k in range(len(IL7))
            ]
        )


class Peer:
    """libRoadRunner on the compared runs, given their parameters and their states at t = 0.

    It is spared the pre-equilibration; its outputs are computed from its species, untimed.
    """

    def __init__(self, sweep: ReferenceSweep, partner: str) -> None:
        self.model = sweep.model
        doses = [(DOSES[a], DOSES[b]) for a, b in DOSE_PAIRS]
        table = sweep.cohort.iloc[[i for i in SAMPLES if i < sweep.samples]]
        rows = [
            {**row.dropna().to_dict(), "il7": il7, "prednisolone": a, partner: b}
            for _, row in table.iterrows()
            for il7 in IL7
            for a, b in doses
        ]
        self.task = _problem(self.model, rows, partner)
        self.runner = RoadRunner(self.task)

    def measure(self, rtol: float, atol: float) -> tuple[Measured, Array]:
        """Cost of a run, and outputs (groups, runs of a group, outputs)."""
        found = self.runner.measure(self.task.runs, rtol, atol)
        kernel = self.model.kernel
        readable = self.model.readable
        system = kernel.system([readable[name].quantity for name in OUTPUTS])
        _, p = kernel.initial.values(self.task.runs, {})
        for name, values in zip(self.task.parameters, self.task.values.T, strict=True):
            p[:, kernel.parameters.index(name)] = values
        y = np.empty((self.task.runs, len(kernel.states)))
        for k, name in enumerate(self.task.species):
            y[:, kernel.states.index(name)] = found.values[:, -1, k]
        outputs = read_outputs(system, HOURS, y, p).reshape(-1, len(DOSE_PAIRS), len(OUTPUTS))
        for k, name in enumerate(OUTPUTS):
            if readable[name].relative_to == "vehicle":
                outputs[:, :, k] /= outputs[:, :1, k].copy()  # the first of a group is its vehicle
        return found, outputs


def errors(values: Array, reference: Array) -> Array:
    """Error of each run: the largest over outputs of |y - r| / (|r| + 1e-4 max |r| of that output).

    values, reference : (groups, runs of a group, outputs).
    """
    scale = np.abs(reference) + 1e-4 * np.abs(reference).max(axis=(0, 1), keepdims=True)
    error = (np.abs(values - reference) / scale).max(axis=2).ravel()
    return np.where(np.isnan(error), np.inf, error)


def _problem(model: Any, rows: list[dict[str, Any]], partner: str) -> problem.Problem:
    """The rows as runs of a flat SBML model: parameters that differ, and states at t = 0."""
    import pandas as pd

    # doses are given as constants of the file, so that none is 0 by default
    text = model.export_sbml(cell="SUPT1", prednisolone=1.0, il7=1.0, **{partner: 1.0})
    species = tuple(sbml.dynamic_species(text))
    table = pd.DataFrame(rows)
    kernel = model.kernel
    ds = model.simulate(
        [0.0], conditions=table, outputs=[*species, *kernel.parameters], workers=1, progress=False
    )
    start = np.stack([ds[s].values[:, 0] for s in species], axis=1)
    values = {name: ds[name].values[:, 0] for name in kernel.parameters}
    differing = tuple(name for name, each in values.items() if (each != each[0]).any())
    same = {name: float(each[0]) for name, each in values.items() if name not in differing}
    text = _with_values(text, same)
    flat = sbml.flatten(text, dict(zip(species, start[0], strict=True)))
    matrix = np.stack([values[name] for name in differing], axis=1)
    return problem.Problem("sweep", flat, np.array([0.0, HOURS]), species, differing, matrix, start)


def _with_values(text: str, values: dict[str, float]) -> str:
    """The SBML with other values of its parameters; names of anything else are left alone."""
    import libsbml

    document = sbml.read(text)
    for name, value in values.items():
        parameter = document.getModel().getParameter(name)
        if parameter is not None and not np.isnan(value):
            parameter.setValue(value)
    return str(libsbml.writeSBMLToString(document))
