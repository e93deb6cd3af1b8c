"""Small systems, stiff and not, and short ways to integrate them.

Models are compiled once a session. Values of runs are given by name, as numbers or as one number
for each run.
"""

import math
from dataclasses import replace
from functools import cache
from time import monotonic
from typing import NamedTuple

import numpy as np

from simulator.codegen import Kernel, compile_network
from simulator.codegen.initial import Override
from simulator.integrator.batch import integrate_batch
from simulator.integrator.steady import settle_batch
from simulator.integrator.system import Tolerances
from simulator.integrator.tableau import rodas5p
from simulator.integrator.work import Changes, Ends, no_changes
from simulator.network.antimony import read_antimony
from simulator.network.formula import parse_formula

METHOD = rodas5p()
LOOSE = Tolerances(1e-6, 1e-9, 2_000)
TIGHT = Tolerances(1e-10, 1e-13, 50_000)

# A -> B -> C.
CHAIN = """
compartment cell = 1
species A in cell, B in cell, C in cell
A = 1
a = 1
b = 2
R1: A -> B; a*A
R2: B -> C; b*B
"""

# Prothero & Robinson: the solution is cos(w t), whatever the stiffness.
FORCED = """
y' = s*(y - cos(w*time)) - w*sin(w*time)
y = 1
s = -1
w = 1
"""

# y = 1 / (1 - k t): no solution beyond t = 1/k.
BLOW_UP = """
y' = k*y^2
y = 1
k = 1
"""

# Never at rest.
OSCILLATOR = """
x' = w*v
v' = -w*x
x = 1
v = 0
w = 1
"""

# Robertson's kinetics (Hairer & Wanner II, IV.10).
ROBERTSON = """
u' = -0.04*u + 1e4*v*w
v' = 0.04*u - 1e4*v*w - 3e7*v^2
w' = 3e7*v^2
u = 1
v = 0
w = 0
"""

# Lotka & Volterra: hundreds of steps, none of them stiff.
PREDATORS = """
x' = a*x - b*x*y
y' = c*x*y - d*y
x = 10
y = 5
a = 1.1
b = 0.4
c = 0.1
d = 0.4
"""

# An oscillator, and a state that follows it the closer the larger k is.
FOLLOWED = """
x' = w*v
v' = -w*x
q' = k*(x - q)
x = 1
v = 0
q = 0
w = 1
k = 0.1
"""

VAN_DER_POL = """
y' = z
z' = mu*((1 - y^2)*z) - y
y = 2
z = 0
mu = 5
"""


class Runs(NamedTuple):
    """Outputs (outputs, runs, times) and how the runs ended."""

    out: np.ndarray
    ends: Ends

    def __getitem__(self, place):
        return self.out[place]


@cache
def compiled(text: str) -> Kernel:
    """The kernel of an Antimony text."""
    return compile_network(read_antimony(text, "test.ant"))


def batch(kernel, runs=1, **values):
    """States (runs, n) and parameters (runs, parameters) at t = 0."""
    everywhere = np.ones(runs, bool)
    given = {
        name: Override(np.broadcast_to(np.asarray(value, float), runs), everywhere)
        for name, value in values.items()
    }
    return kernel.initial.values(runs, given)


def schedule(kernel, *changes, runs=1):
    """Changes of parameters, the same in every run: (time, name, value)."""
    changes = sorted(changes, key=lambda change: change[0])
    return Changes(
        np.arange(runs + 1) * len(changes),
        np.tile([float(time) for time, _, _ in changes], runs),
        np.tile([kernel.parameters.index(name) for _, name, _ in changes], runs).astype(np.int64),
        np.tile([float(value) for _, _, value in changes], runs),
    )


def integrate(
    model,
    times,
    *,
    outputs=None,
    runs=1,
    tolerances=TIGHT,
    tableau=METHOD,
    changes=(),
    held=(),
    workers=1,
    seconds=None,
    order=None,
    **values,
):
    """Integrate runs of a text or kernel; `outputs` default to the states, `order` picks runs."""
    kernel = compiled(model) if isinstance(model, str) else model
    y, p = batch(kernel, runs, **values)
    if not isinstance(changes, Changes):
        changes = schedule(kernel, *changes, runs=runs) if changes else no_changes(runs)
    if order is not None:
        y, p, changes = y[order], p[order], pick(changes, order)
    outputs = kernel.states if outputs is None else outputs
    out = np.full((len(outputs), len(y), len(times)), np.nan)
    ends = integrate_batch(
        kernel.system(outputs, held),
        tableau,
        tolerances,
        y,
        p,
        np.array(times, float),
        changes,
        out,
        np.arange(len(y)),
        workers,
        deadline=math.inf if seconds is None else monotonic() + seconds,
    )
    return Runs(out, ends)


def pick(changes, order):
    """The changes of some runs, in that order."""
    spans = [np.arange(changes.start[r], changes.start[r + 1]) for r in order]
    places = np.concatenate([*spans, np.empty(0, np.int64)]).astype(np.int64)
    start = np.cumsum([0, *map(len, spans)])
    return Changes(
        start.astype(np.int64),
        changes.time[places],
        changes.parameter[places],
        changes.value[places],
    )


def settle(model, *, runs=1, tolerances=LOOSE, held=(), workers=1, seconds=None, **values):
    """States of rest (runs, n), and how the runs ended."""
    kernel = compiled(model) if isinstance(model, str) else model
    y, p = batch(kernel, runs, **values)
    system, conserved = kernel.system((), held), kernel.conserved(frozenset(held))
    deadline = math.inf if seconds is None else monotonic() + seconds
    return settle_batch(system, METHOD, tolerances, y, p, conserved, workers, deadline)


def chain_solution(t, a, b):
    """(3, times) from (1, 0, 0); the Bateman equations."""
    t = np.asarray(t, float)
    first = np.exp(-a * t)
    second = a / (b - a) * (np.exp(-a * t) - np.exp(-b * t))
    return np.stack([first, second, 1 - first - second])


def same(a, b):
    """Whether two arrays are equal to the last bit, NaN included."""
    return np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes()


def with_algebraic(text, **residuals):
    """The network of an Antimony text, and for some of its parameters what must be 0."""
    network = read_antimony(text, "test.ant")
    rules = tuple((name, parse_formula(residual, "test")) for name, residual in residuals.items())
    free = tuple(replace(p, constant=False) if p.id in residuals else p for p in network.parameters)
    return replace(network, parameters=free, algebraic_rules=rules)
