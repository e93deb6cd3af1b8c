"""Single steps of given length, of any method."""

import numpy as np

from simulator.integrator.explicit import attempt_explicit, begin_pieces
from simulator.integrator.group import describe, idle_group
from simulator.integrator.reporting import LANE_ROWS
from simulator.integrator.rosenbrock import attempt, linearise, put_run
from simulator.integrator.step_code import CONTROL, STOP, H, T, compile_method
from tests.integrator import problems, rows


class Steps:
    """Steps of given length of a group, each lane its own run."""

    def __init__(self, text, tableau=problems.METHOD, **values):
        kernel = problems.compiled(text)
        self.system = kernel.system()
        self.method = compile_method(tableau, self.system.lanes, self.system.timed)
        self.g, self.tables = describe(self.system, self.method, problems.TIGHT)
        self.w = idle_group(self.g, self.system, self.method, problems.TIGHT)
        y, p = problems.batch(kernel, **values)
        for lane in range(self.g.lanes):
            put_one(self.g, self.w, lane, y[0], p[0])
        self.control = self.rows(self.g.at_control, CONTROL)
        self.control[STOP] = np.inf
        self.y = self.rows(self.g.at_y, self.g.n)
        self.y_new = self.rows(self.g.at_y_new, self.g.n)

    def rows(self, place, count):
        return self.w[place : place + count * self.g.lanes].reshape(count, self.g.lanes)

    def step(self, h):
        self.control[H] = h
        fresh = np.ones((LANE_ROWS, self.g.lanes), np.int64)
        explicit = 1 if self.method.gamma == 0.0 else None
        step_once(self.g, self.tables, self.w, fresh, explicit)

    def take(self):
        self.y[:] = self.y_new
        self.control[T] += self.control[H]

    def dense(self, s):
        u = self.rows(self.g.at_u, self.g.stages * self.g.n)
        rest = self.rows(self.g.at_dense, 3 * self.g.n)
        rows.call(self.method.dense, None, u, None, rest, self.control, count=self.g.n)
        q = rest.reshape(3, self.g.n, -1)
        bend = q[0] + s * (q[1] + s * q[2])
        return (1 - s) * self.y + s * (self.y_new + (1 - s) * bend)


@rows.entry
def put_one(g, w, lane, y, p):
    put_run(g, w, lane, y, p)


@rows.entry
def step_once(g, tables, w, lane_of, explicit):
    if explicit is not None:
        begin_pieces(g, tables, w, lane_of)
        attempt_explicit(g, tables, w)
    else:
        linearise(g, tables, w)
        attempt(g, tables, w, 1)
