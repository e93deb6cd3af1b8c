"""A problem whose simulated values are free to choose: only its likelihood is looked at."""

from pathlib import Path

import numpy as np

from simulator.network import network as model
from simulator.network.expression import Number, Symbol, apply
from simulator.petab_problem.problem import (
    Experiment,
    Measurement,
    Observable,
    Parameter,
    Period,
    PetabProblem,
)

STATES = ("x1", "x2", "x3", "x4", "x5")


def parameter(name, value, estimate=True, scale="log10", lower=1e-5, upper=1e5):
    return Parameter(name, scale, lower, upper, value, estimate)


def problem(parameters, observables, measurements):
    species = tuple(model.Species(name, "cell", 1.0) for name in STATES)
    network = model.Network("m", "m.xml", (model.Compartment("cell", 1.0),), species, (), ())
    experiment = Experiment("e", (Period(0.0, ()),))
    return PetabProblem(
        Path("problem.yaml"),
        1,
        network,
        tuple(parameters),
        (experiment,),
        tuple(observables),
        tuple(measurements),
    )


def measurement(row, observable, value, time=1.0, **overrides):
    return Measurement(observable, "e", time, value, overrides, row)


def boehm_like(points=16):
    """Three relative observables, each with its own noise: sizes as in Boehm et al. 2014."""
    x = [Symbol(name) for name in STATES]
    hundred, two = Number(100.0), Number(2.0)

    def percentage(above, below):
        return apply("divide", apply("multiply", hundred, above), below)

    total = apply("add", x[0], x[1], apply("multiply", two, x[2]))
    formulas = (
        percentage(apply("add", x[0], apply("multiply", two, x[2])), total),
        percentage(apply("add", x[1], apply("multiply", Symbol("ratio"), x[3])), total),
        percentage(apply("add", x[0], x[3]), apply("add", total, x[4])),
    )
    observables, measurements = [], []
    random = np.random.default_rng(1)
    for k, formula in enumerate(formulas):
        name = f"o{k}"
        noise = f"noiseParameter1_{name}"
        observables.append(Observable(name, formula, Symbol(noise), "lin", "normal", (), (noise,)))
        for value in random.uniform(10, 90, points):
            row = len(measurements)
            measurements.append(measurement(row, name, value, **{noise: Symbol(f"sd{k}")}))
    names = ["k1", "k2", "k3", "k4", "k5", "k6", "sd0", "sd1", "sd2"]
    parameters = [parameter(name, 1.0 + k) for k, name in enumerate(names)]
    parameters.append(parameter("ratio", 0.7, estimate=False))
    return problem(parameters, observables, measurements), tuple(names)
