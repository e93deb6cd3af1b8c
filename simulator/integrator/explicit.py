"""Explicit Runge-Kutta steps of a group of runs, one run in each lane. Notation as in `tableau`.

Stages are kept as rates k_i, u_i = h k_i: the model's code writes them where they are needed. The
last stage is evaluated at y_new, so its rates are the next step's first ones. What the arguments g,
tables and w hold: see `group`.
"""

from .cache import compiled
from .lanes import call
from .reporting import FRESH
from .rosenbrock import linearise, rates_at
from .step_code import STAGE_T, H
from .step_code import T as TIME


@compiled
def begin_pieces(g, tables, w, lane_of):  # type: ignore[no-untyped-def]
    """Rates at (t, y) of the lanes where a smooth piece begins; J too if a step is to be chosen."""
    lanes, fresh, unknown = g.lanes, False, False
    for lane in range(lanes):
        if lane_of[FRESH, lane] == 1:
            fresh, unknown = True, unknown or w[H * lanes + lane] == 0.0
    if not fresh:
        return
    if unknown:
        linearise(g, tables, w)
    else:
        rates_at(g, tables, w, TIME * lanes, g.at_y, g.at_linear)
    for lane in range(lanes):
        if lane_of[FRESH, lane] == 1:
            for k in range(g.n):
                w[g.at_u + k * lanes + lane] = w[g.at_linear + k * lanes + lane]


@compiled
def attempt_explicit(g, tables, w):  # type: ignore[no-untyped-def]
    """One attempted step of every lane from (t, y), whose rates are the first stage already."""
    lanes, rows = g.lanes, g.n * g.lanes
    call(g.begin, w, 0, 0, 0, 0, 0, 0)
    time = STAGE_T * lanes if g.timed != 0 else TIME * lanes
    for i in range(1, g.stages):
        call(tables[g.combine + i], w, g.at_y, g.at_u, g.at_argument, g.at_by_time, 0, g.n)
        rates_at(g, tables, w, time, g.at_argument, g.at_u + i * rows)
    call(g.finish, w, g.at_y, g.at_u, g.at_argument, g.at_y_new, 0, g.n)


@compiled
def take_rates(g, w):  # type: ignore[no-untyped-def]
    """The last stage's rates become the first of the next step, in the lanes that are accepted."""
    last = g.at_u + (g.stages - 1) * g.n * g.lanes
    call(g.take, w, g.at_u, g.at_y, g.at_y, last, 0, g.n)
