"""Networks at rest: batched rates and Jacobians in plain NumPy, integrated by SciPy.

Nothing here is compiled and nothing is integrated by the package: rates evaluate the expression
trees, derivatives are complex steps (exact to round-off), trajectories come from SciPy's Radau.
"""

from functools import cached_property

import numpy as np
from scipy.integrate import solve_ivp

from simulator.codegen.arrays import evaluate_arrays
from simulator.codegen.equations import equations, evaluation_order
from simulator.codegen.moieties import find_moieties
from simulator.integrator.blocks import Structure
from simulator.integrator.newton import newton_batch
from simulator.network.antimony import read_antimony
from simulator.network.expression import TIME, symbols

RTOL, ATOL = 1e-4, 1e-9
"""Tolerances of the paths: as loose as a path to a state of rest may be."""

COMPLEX_STEP = 1e-30


class RestProblem:
    """Equations of a network, or of Antimony text; no compartment's size may vary.

    Parameters
    ----------
    held
        States that stay at their values.
    """

    def __init__(self, model, held=()):
        self.network = read_antimony(model, "test") if isinstance(model, str) else model
        self.equations = eqs = equations(self.network)
        self.held = frozenset(held)
        self.order = evaluation_order(eqs.computed, "test")
        self.nominal = {q.id: q.initial for q in self.network.species}
        self.nominal |= {q.id: q.size for q in self.network.compartments}
        self.nominal |= {q.id: q.value for q in self.network.parameters}
        self.free = np.array([name not in self.held for name in eqs.states], float)
        self.pattern = self._pattern()

    def _pattern(self):
        """Positions that the trees' symbols allow a Jacobian to have."""
        eqs, uses = self.equations, {name: {name} for name in self.equations.states}
        for name in self.order:
            needs = symbols(eqs.computed[name])
            uses[name] = set().union(*(uses.get(need, set()) for need in needs))
        entries = []
        for i, rate in enumerate(eqs.rates):
            reached = set().union(*(uses.get(need, set()) for need in symbols(rate)))
            entries += [(i, j) for j, name in enumerate(eqs.states) if name in reached]
        return np.array(entries, np.int64).reshape(-1, 2).T

    @cached_property
    def moieties(self):
        return find_moieties(self.network, self.equations, self.held)

    def runs(self, *changes):
        """Start (runs, n) and parameters (runs, parameters); a run is {id: value}, what differs.

        Initial assignments are not followed.
        """
        rows = [self.nominal | change for change in changes or ({},)]
        return tuple(
            np.array([[row[name] for name in names] for row in rows], float).reshape(len(rows), -1)
            for names in (self.equations.states, self.equations.parameters)
        )

    def rates(self, y, p):
        eqs = self.equations
        values = {TIME: 0.0}
        values |= {name: y[:, i] for i, name in enumerate(eqs.states)}
        values |= {name: p[:, i] for i, name in enumerate(eqs.parameters)}
        for name in self.order:
            values[name] = evaluate_arrays(eqs.computed[name], values)
        out = np.zeros_like(y)
        for i, rate in enumerate(eqs.rates):
            out[:, i] = evaluate_arrays(rate, values)
        return out * self.free

    def jacobian(self, y, p):
        columns = np.zeros((len(y), y.shape[1], y.shape[1]))
        for j in range(y.shape[1]):
            moved = y.astype(complex)
            moved[:, j] += 1j * COMPLEX_STEP
            columns[:, :, j] = self.rates(moved, p).imag / COMPLEX_STEP
        return columns[:, self.pattern[0], self.pattern[1]]

    def linear(self, y, p):
        return self.rates(y, p), self.jacobian(y, p)

    def integrate(self, y, p, time, rtol=RTOL, atol=ATOL):
        """States (runs, n) after a time."""
        return np.array(
            [
                solve_ivp(
                    lambda _, x, row=row: self.rates(x[None], row[None])[0],
                    (0, time),
                    start,
                    method="Radau",
                    rtol=rtol,
                    atol=atol,
                ).y[:, -1]
                for start, row in zip(y, p, strict=True)
            ]
        )

    def structure(self, moieties=None):
        """Pattern and conserved totals."""
        found = moieties or self.moieties
        return Structure(self.pattern, found.coefficients, np.zeros(len(found.states), bool))

    def polish(self, settled, start, p, moieties=None, **changes):
        """`newton_batch` with everything this problem knows."""
        found = moieties or self.moieties
        known = {"start": start, "rtol": RTOL, "atol": ATOL, "weights": found.weights(p)}
        return newton_batch(self.linear, self.structure(found), settled, p, **known | changes)

    def rest(self, time, *changes, **options):
        """Integrate runs for a time and polish where that leads."""
        start, p = self.runs(*changes)
        return self.polish(self.integrate(start, p, time), start, p, **options)
