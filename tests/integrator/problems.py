"""Small stiff and non-stiff systems as numba C functions, with solutions in closed form.

They reach the integrator without any of the package's own code generation.
"""

import numpy as np
from numba import carray, cfunc, types

from simulator.integrator.linear import analyse
from simulator.integrator.system import System

SIGNATURE = types.void(
    types.float64,
    types.CPointer(types.float64),
    types.CPointer(types.float64),
    types.CPointer(types.float64),
)


def system(rates, jacobian, outputs, states, rows, columns, held=()):
    """A `System` from three C functions whose outputs are the states; LU by tables."""
    rows, columns = np.array(rows, np.int64), np.array(columns, np.int64)
    held = np.array(held, np.int64)
    return System(
        rates.address,
        jacobian.address,
        outputs.address,
        states,
        0,
        0,
        analyse(states, rows, columns),
        held,
        np.flatnonzero(np.isin(rows, held)),
    )


# A -> B -> C with rates p0, p1.
@cfunc(SIGNATURE)
def chain_rates(t, y_, p_, out_):
    y, p, out = carray(y_, 3), carray(p_, 2), carray(out_, 3)
    out[0] = -p[0] * y[0]
    out[1] = p[0] * y[0] - p[1] * y[1]
    out[2] = p[1] * y[1]


@cfunc(SIGNATURE)
def chain_jacobian(t, y_, p_, out_):
    p, out = carray(p_, 2), carray(out_, 7)
    out[0], out[1], out[2], out[3] = -p[0], p[0], -p[1], p[1]
    out[4] = out[5] = out[6] = 0.0


@cfunc(SIGNATURE)
def three_states(t, y_, p_, out_):
    y, out = carray(y_, 3), carray(out_, 3)
    for i in range(3):
        out[i] = y[i]


def chain(held=()):
    return system(chain_rates, chain_jacobian, three_states, 3, [0, 1, 1, 2], [0, 0, 1, 1], held)


def chain_solution(t, a, b):
    """From (1, 0, 0); the Bateman equations."""
    t = np.asarray(t, float)
    first = np.exp(-a * t)
    second = a / (b - a) * (np.exp(-a * t) - np.exp(-b * t))
    return np.stack([first, second, 1 - first - second], axis=-1)


# Prothero & Robinson: y' = p0 (y - cos(p1 t)) - p1 sin(p1 t); solution cos(p1 t), any stiffness.
@cfunc(SIGNATURE)
def forced_rates(t, y_, p_, out_):
    y, p, out = carray(y_, 1), carray(p_, 2), carray(out_, 1)
    out[0] = p[0] * (y[0] - np.cos(p[1] * t)) - p[1] * np.sin(p[1] * t)


@cfunc(SIGNATURE)
def forced_jacobian(t, y_, p_, out_):
    p, out = carray(p_, 2), carray(out_, 2)
    out[0] = p[0]
    out[1] = p[0] * p[1] * np.sin(p[1] * t) - p[1] * p[1] * np.cos(p[1] * t)


@cfunc(SIGNATURE)
def one_state(t, y_, p_, out_):
    carray(out_, 1)[0] = carray(y_, 1)[0]


def forced():
    return system(forced_rates, forced_jacobian, one_state, 1, [0], [0])


# y' = p0 y^2: y = 1 / (1 - p0 t), no solution beyond t = 1/p0.
@cfunc(SIGNATURE)
def blow_up_rates(t, y_, p_, out_):
    y, p, out = carray(y_, 1), carray(p_, 1), carray(out_, 1)
    out[0] = p[0] * y[0] * y[0]


@cfunc(SIGNATURE)
def blow_up_jacobian(t, y_, p_, out_):
    y, p, out = carray(y_, 1), carray(p_, 1), carray(out_, 2)
    out[0] = 2 * p[0] * y[0]
    out[1] = 0.0


def blow_up():
    return system(blow_up_rates, blow_up_jacobian, one_state, 1, [0], [0])


# Harmonic oscillator of angular frequency p0: never at rest.
@cfunc(SIGNATURE)
def oscillator_rates(t, y_, p_, out_):
    y, p, out = carray(y_, 2), carray(p_, 1), carray(out_, 2)
    out[0] = p[0] * y[1]
    out[1] = -p[0] * y[0]


@cfunc(SIGNATURE)
def oscillator_jacobian(t, y_, p_, out_):
    p, out = carray(p_, 1), carray(out_, 4)
    out[0], out[1], out[2], out[3] = p[0], -p[0], 0.0, 0.0


@cfunc(SIGNATURE)
def two_states(t, y_, p_, out_):
    y, out = carray(y_, 2), carray(out_, 2)
    out[0], out[1] = y[0], y[1]


def oscillator():
    return system(oscillator_rates, oscillator_jacobian, two_states, 2, [0, 1], [1, 0])
