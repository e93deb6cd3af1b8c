"""A small problem with scales, an offset and noise, solved at sight."""

import math

import numpy as np

from tests.petab.cases import write

TIMES = (0.25, 0.5, 1.0, 2.0, 4.0)
MODEL = """
model small
  compartment cell = 1
  species A in cell, B in cell
  A = 1; B = 0.2
  k1 = 0.8; k2 = 0.6
  J1: A -> B; k1*A
  J2: B -> A; k2*B
end
"""
PARAMETERS = """
parameterId parameterScale lowerBound upperBound nominalValue estimate
k1 log10 0.01 10 0.9 1
k2 log10 0.01 10 0.5 1
scale lin 0 100 2 1
shift lin -10 10 0.5 1
gain log10 0.001 1000 3 1
factor lin -50 50 1 1
sigma lin 0 10 0.1 1
spread log10 0.001 10 0.2 1
"""
OBSERVABLES = """
observableId observableFormula observableTransformation noiseFormula noiseDistribution
blot observableParameter1_blot*A+observableParameter2_blot lin noiseParameter1_blot normal
plain A/(A+2*B) lin sigma normal
logged gain*B log10 spread normal
weighed -factor*(B+k1*A) lin noiseParameter1_weighed*k2 normal
"""


def amounts(time, k1=0.8, k2=0.6):
    """A and B, by the formula."""
    rest = 1.2 * k2 / (k1 + k2)
    a = rest + (1.0 - rest) * math.exp(-(k1 + k2) * time)
    return a, 1.2 - a


def measurements(censored=False):
    """Values with noise of some observables; a fourth of them in intervals, if so wished."""
    random = np.random.default_rng(7)
    rows = []
    for k, time in enumerate(TIMES):
        a, b = amounts(time)
        noise = random.normal(size=4)
        values = (
            ("blot", 2 * a + 0.5 + 0.1 * noise[0], "scale;shift sigma"),
            ("plain", a / (a + 2 * b) + 0.1 * noise[1], "_ _"),
            ("logged", 3 * b * 10 ** (0.2 * noise[2]), "_ _"),
            ("weighed", -1.5 * (b + 0.8 * a) + 0.2 * noise[3], f"_ {0.2 + 0.1 * k:g}"),
        )
        for number, (observable, value, given) in enumerate(values):
            kind = "_ _"
            if censored and (k + number) % 4 == 0:
                ends = (value - 0.1 * abs(value), value + 0.3 * abs(value))
                kind = (
                    f"left-censored {ends[1]:.4f}",
                    f"right-censored {ends[0]:.4f}",
                    f"interval-censored {ends[0]:.4f};{ends[1]:.4f}",
                )[(k + 2 * number) % 3]
            rows.append(f"{observable} c {value:.5f} {time} {given} {kind}")
    header = "observableId simulationConditionId measurement time observableParameters"
    return "\n".join([f"{header} noiseParameters measurementType censoringBounds", *rows, ""])


def small(folder, *edits, censored=False):
    files = {
        "problem.yaml": """
format_version: 1
parameter_file: parameters.tsv
problems:
- sbml_files: [model.ant]
  condition_files: [conditions.tsv]
  observable_files: [observables.tsv]
  measurement_files: [measurements.tsv]
""",
        "model.ant": MODEL,
        "parameters.tsv": PARAMETERS,
        "conditions.tsv": "conditionId\nc\n",
        "observables.tsv": OBSERVABLES,
        "measurements.tsv": measurements(censored),
    }
    return write(folder, files, *edits)


INNER = ("scale", "shift", "gain", "factor", "sigma", "spread")
LAPLACE = (
    "observables.tsv",
    "noiseParameter1_weighed*k2 normal",
    "noiseParameter1_weighed laplace",
)
ROBUST = (
    "observables.tsv",
    "logged gain*B log10 spread normal",
    "logged gain*B log10 spread laplace",
)
