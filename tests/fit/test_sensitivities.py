"""Forward sensitivities of the integrator: analytic, by complex steps, through events, at rest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from simulator import load
from simulator.codegen import compile_network
from simulator.errors import ModelError
from simulator.integrator.sensitivity import (
    Directed,
    Lanes,
    first_triggers,
    integrate_along,
    prepare,
    width_of,
)
from simulator.integrator.status import Status
from simulator.integrator.system import Tolerances
from simulator.integrator.tableau import rodas5p
from simulator.network.antimony import read_antimony
from simulator.simulation.rest_along import Cells, settle

from .. import tolerances
from .differences import central

TIGHT = Tolerances(1e-10, 1e-12, 100_000)


class Runs:
    """A model with directions for some of its parameters and initial values."""

    def __init__(self, text, by, outputs=None, tolerances=TIGHT):
        self.kernel = compile_network(read_antimony(text, "test.ant"))
        self.by = by
        self.outputs = tuple(outputs or self.kernel.states)
        self.width = width_of(len(by), self.kernel.lanes)
        self.tolerances = tolerances

    def begin(self, values):
        """States, parameters, and how they move along the directions."""
        y, p = self.kernel.initial.values(1, {})
        s = np.zeros((1, y.shape[1], self.width))
        dp = np.zeros((1, p.shape[1], self.width))
        for k, name in enumerate(self.by):
            if name in self.kernel.states:
                place = self.kernel.states.index(name)
                y[0, place], s[0, place, k] = values.get(name, y[0, place]), 1.0
            else:
                place = self.kernel.parameters.index(name)
                p[0, place], dp[0, place, k] = values.get(name, p[0, place]), 1.0
        return y, p, s, dp

    def simulate(self, times, directions=True, **values):
        """Outputs (times, outputs), how they move (times, outputs, by), and how the run ended."""
        times = np.array(times, float)
        y, p, s, dp = self.begin(values)
        width = self.width if directions else 0
        outputs = np.full((times.size, len(self.outputs)), np.nan)
        along = np.full((times.size, len(self.outputs), width), np.nan)
        system = self.kernel.system(self.outputs)
        work = Directed(
            *(y, p, s[:, :, :width], dp[:, :, :width], np.zeros(1), np.full(1, np.inf)),
            *(first_triggers(system, 1), np.array([0, times.size]), times, outputs, along),
        )
        prepared = prepare(
            system, self.kernel.along(self.outputs), rodas5p(), self.tolerances, width
        )
        ends = integrate_along(prepared, work)
        return outputs, along[:, :, : len(self.by)], ends

    def differences(self, times, name, at, step=1e-3):
        """The derivative by one of the parameters, by central differences, and their doubts."""

        def run(x):
            outputs, _, ends = self.simulate(times, directions=False, **{name: x})
            assert ends.status[0] == Status.SUCCESS
            return outputs

        return central(run, at, step)


def check(runs, times, at, step=1e-3):
    """Sensitivities against central differences, by all directions."""
    _, along, ends = runs.simulate(times, **at)
    assert ends.status[0] == Status.SUCCESS
    for k, name in enumerate(runs.by):
        expected, doubt = runs.differences(times, name, at[name], step)
        allowed = tolerances.SENSITIVITY_RELATIVE * (1 + np.abs(expected)) + 3 * doubt
        assert (np.abs(along[:, :, k] - expected) <= allowed).all(), name
        assert doubt.max() <= 1e-4 * (1 + np.abs(expected).max()), name


def test_decay_is_differentiated_as_the_formula_is():
    runs = Runs("S' = -k*S; S = 2; k = 0.3; compartment c = 1", ["k", "S"])
    times = np.array([0.0, 0.5, 2.0, 10.0])
    values, along, _ = runs.simulate(times)
    expected = 2 * np.exp(-0.3 * times)
    np.testing.assert_allclose(values[:, 0], expected, rtol=tolerances.SENSITIVITY_RELATIVE)
    by_k, by_start = -times * expected, np.exp(-0.3 * times)
    np.testing.assert_allclose(along[:, 0, 0], by_k, rtol=tolerances.SENSITIVITY_RELATIVE)
    np.testing.assert_allclose(along[:, 0, 1], by_start, rtol=tolerances.SENSITIVITY_RELATIVE)


LOTKA = "x' = a*x - b*x*y; y' = d*x*y - c*y; x = 1; y = 0.5; a = 1.1; b = 0.4; c = 0.4; d = 0.1"


def test_oscillations_agree_with_the_complex_step():
    names = ["a", "b", "c", "d", "x", "y"]
    runs = Runs(LOTKA, names)
    times = np.linspace(0, 20, 9)
    _, along, _ = runs.simulate(times)
    nominal = {"a": 1.1, "b": 0.4, "c": 0.4, "d": 0.1, "x": 1.0, "y": 0.5}
    for k, name in enumerate(names):
        v = {each: complex(value) for each, value in nominal.items()}
        v[name] += 1e-30j

        def rates(t, z, v=v):
            x, y = z
            return [v["a"] * x - v["b"] * x * y, v["d"] * x * y - v["c"] * y]

        found = solve_ivp(rates, (0, 20), [v["x"], v["y"]], "DOP853", times, rtol=1e-12, atol=1e-14)
        expected = found.y.T.imag / 1e-30
        size = np.abs(expected).max()
        np.testing.assert_allclose(
            along[:, :, k], expected, atol=10 * tolerances.SENSITIVITY_RELATIVE * size
        )


ROBERTSON = """
x' = -k1*x + k3*y*z; y' = k1*x - k3*y*z - k2*y*y; z' = k2*y*y
x = 1; y = 0; z = 0; k1 = 0.04; k2 = 3e7; k3 = 1e4
"""


def test_stiff_kinetics_are_differentiated():
    runs = Runs(ROBERTSON, ["k1", "k2", "k3"], tolerances=Tolerances(1e-10, 1e-16, 100_000))
    times = [0.4, 40.0, 4e3, 4e5]
    _, along, ends = runs.simulate(times)
    assert ends.status[0] == Status.SUCCESS
    for k, (name, value) in enumerate({"k1": 0.04, "k2": 3e7, "k3": 1e4}.items()):
        expected, doubt = runs.differences(times, name, value, 3e-3 * value)
        size = np.abs(expected).max(axis=0)
        allowed = 1e-5 * size + 3 * doubt
        assert (np.abs(along[:, :, k] - expected) <= allowed).all(), name


def test_more_directions_than_lanes_agree_with_one():
    terms = " + ".join(f"a{k}*sin({k + 1}*x/5)" for k in range(20))
    values = "; ".join(f"a{k} = {0.02 * (k + 1)}" for k in range(20))
    text = f"x' = {terms} - x; x = 1; {values}"
    names = [f"a{k}" for k in range(20)]
    every = Runs(text, names)
    assert every.width > every.kernel.lanes
    _, along, _ = every.simulate([1.0, 3.0])
    for k in (0, 9, 19):
        _, one, _ = Runs(text, [names[k]]).simulate([1.0, 3.0])
        np.testing.assert_allclose(
            along[:, :, k], one[:, :, 0], rtol=tolerances.SENSITIVITY_RELATIVE
        )


def test_errors_of_sensitivities_follow_the_tolerance():
    times = np.linspace(1, 20, 12)
    _, exact, _ = Runs(LOTKA, ["a", "b"], tolerances=Tolerances(1e-12, 1e-14, 10**6)).simulate(
        times
    )
    errors = []
    for rtol in (1e-4, 1e-6, 1e-8):
        _, along, _ = Runs(LOTKA, ["a", "b"], tolerances=Tolerances(rtol, rtol, 10**5)).simulate(
            times
        )
        errors.append(np.abs(along - exact).max() / np.abs(exact).max())
    assert errors[0] < 1e-2
    assert errors[1] < errors[0] / 20
    assert errors[2] < errors[1] / 20


def test_without_directions_the_states_are_those_of_a_simulation():
    runs = Runs(LOTKA, ["a"], tolerances=Tolerances(1e-8, 1e-10, 10**5))
    plain, _, _ = runs.simulate([1.0, 5.0], directions=False)
    model = load(LOTKA + "\n")
    found = model.simulate(time=[1.0, 5.0], outputs=["x"], rtol=1e-8, atol=1e-10, method="Rodas5P")
    np.testing.assert_array_equal(plain[:, 0], found["x"].values)


# ---------------------------------------------------------------------- events and switches
def test_a_dose_whose_time_is_a_parameter():
    text = "x' = -k*x; x = 1; k = 0.5; t0 = 2; d = 3; at time > t0: x = x + d"
    runs = Runs(text, ["k", "t0", "d"])
    times = np.array([1.0, 3.0, 5.0])
    _, along, _ = runs.simulate(times)
    k, t0, d, late = 0.5, 2.0, 3.0, times > 2
    rest = np.where(late, np.exp(-k * (times - t0)), 0.0)
    expected = np.stack([-times * np.exp(-k * times) - d * (times - t0) * rest, d * k * rest, rest])
    np.testing.assert_allclose(along[:, 0, :].T, expected, atol=tolerances.SENSITIVITY_RELATIVE)


def test_an_event_at_a_state_s_threshold():
    text = "x' = k; x = 0; y' = 0; y = 1; k = 0.7; a = 2; b = 0.25; at x > a: x = b*x, y = y + x"
    runs = Runs(text, ["k", "a", "b"])
    check(runs, [1.0, 4.0, 7.5, 12.0], {"k": 0.7, "a": 2.0, "b": 0.25})


def test_a_rate_that_switches_at_an_estimated_time():
    text = "x' = piecewise(k, time < t1, -m*x); x = 0.5; k = 1; m = 0.3; t1 = 4"
    check(Runs(text, ["k", "m", "t1"]), [2.0, 5.0, 9.0], {"k": 1.0, "m": 0.3, "t1": 4.0})


def test_an_event_that_changes_a_parameter():
    text = "x' = -k*x; x = 1; k = 0.2; f = 3; t0 = 1.5; at time > t0: k = f*k"
    runs = Runs(text, ["k", "f", "t0"])
    check(runs, [1.0, 2.0, 4.0], {"k": 0.2, "f": 3.0, "t0": 1.5})


def test_events_that_follow_from_events():
    text = """
    x' = k; y' = -m*y; z' = 0; x = 0; y = 1; z = 0; k = 0.7; m = 0.1; a = 1.3
    at x > a, priority = 2: y = y + x*a
    at x > a, priority = 1: z = y*k
    at z > 0.5: x = 0, z = z - 0.4
    """
    check(Runs(text, ["k", "m", "a"]), [1.0, 3.0, 5.5], {"k": 0.7, "m": 0.1, "a": 1.3})


@settings(max_examples=15, deadline=None)
@given(k=st.floats(0.3, 2.0), a=st.floats(0.5, 3.0), b=st.floats(0.05, 0.9), t=st.floats(0.3, 8.0))
def test_sawtooth_property(k, a, b, t):
    """x rises by k t and falls from a to b a: the derivatives follow from counting teeth."""
    runs = _SAWTOOTH
    tooth = a * (1 - b) / k
    teeth = np.floor((t - a / k) / tooth) + 1 if t >= a / k else 0.0
    left = abs((t - a / k) / tooth - round((t - a / k) / tooth))
    if left < 1e-3 or teeth > 50:
        return
    values, along, _ = runs.simulate([t], k=k, a=a, b=b)
    np.testing.assert_allclose(values[0, 0], k * t - teeth * a * (1 - b), atol=1e-7)
    expected = [t, -teeth * (1 - b), teeth * a]
    np.testing.assert_allclose(along[0, 0], expected, atol=1e-6)


_SAWTOOTH = Runs("x' = k; x = 0; k = 1; a = 1; b = 0.5; at x > a: x = b*a", ["k", "a", "b"])


def test_a_step_whose_diagonal_pivots_cancel(monkeypatch):
    """With coarse tolerances steps grow tenfold, up to one where 1/(h gamma) is the diagonal of J.

    A run begins again there, with pivots. Steps do not depend on the initial values, so the end is
    linear in them: a derivative is the end of the run from a unit vector.
    """
    begun, put = [], Lanes._put
    monkeypatch.setattr(Lanes, "_put", lambda *given: (begun.append(given[2]), put(*given))[1])
    diagonal = 1 / (0.1 * rodas5p().gamma)  # the steps are 0.0001, 0.001, 0.01 and 0.1
    text = f"u' = {diagonal}*u + 4*v; v' = -4*u + {diagonal}*v; u = 1; v = 0.5"
    runs, times = Runs(text, ["u", "v"], tolerances=Tolerances(1e3, 1e6, 100)), [0.1]
    outputs, along, ends = runs.simulate(times)
    assert ends.status[0] == Status.SUCCESS
    assert (begun, ends.accepted[0]) == ([0, 0], 4)
    np.testing.assert_allclose(along[0] @ [1.0, 0.5], outputs[0], rtol=1e-9)
    for k, unit in enumerate(({"u": 1.0, "v": 0.0}, {"u": 0.0, "v": 1.0})):
        alone, _, _ = runs.simulate(times, directions=False, **unit)
        np.testing.assert_allclose(along[0, :, k], alone[0], rtol=1e-9)


def test_what_is_not_differentiated_is_refused():
    delayed = compile_network(read_antimony("x' = 1; x = 0; at 2 after x > 1: x = 0", "d.ant"))
    with pytest.raises(ModelError, match=r'd.ant: no sensitivities with delay of event "_E0"'):
        delayed.along()


# ---------------------------------------------------------------------- states of rest
def rested(text, by, values=None):
    runs = Runs(text, by)
    y, p, s, dp = runs.begin(values or {})
    triggers = first_triggers(runs.kernel.system(), 1)
    cells = Cells(y, p, s, dp, triggers, np.zeros(1, np.int64))
    settle(runs.kernel, TIGHT, cells)
    return runs, cells


def test_rest_of_a_conversion_moves_with_rates_and_total():
    text = "A -> B; k1*A - k2*B; A = 3; B = 1; k1 = 0.4; k2 = 0.1"
    _, cells = rested(text, ["k1", "k2", "A"])
    total, k1, k2 = 4.0, 0.4, 0.1
    by_k1, by_k2 = -total * k2 / (k1 + k2) ** 2, total * k1 / (k1 + k2) ** 2
    expected = [[by_k1, by_k2, k2 / (k1 + k2)], [-by_k1, -by_k2, k1 / (k1 + k2)]]
    np.testing.assert_allclose(cells.states_along[0, :, :3], expected, rtol=1e-9)


def test_rest_in_compartments_of_estimated_size():
    text = """
    compartment c1 = 2, c2 = 5; species A in c1, B in c2
    A -> B; k1*A - k2*B; A = 3; B = 1; k1 = 0.4; k2 = 0.1
    """
    runs, cells = rested(text, ["c1", "c2", "k1"])
    for k, (name, value) in enumerate({"c1": 2.0, "c2": 5.0, "k1": 0.4}.items()):

        def at(x, name=name):
            y, p, s, dp = runs.begin({name: x})
            cells = Cells(y, p, s, dp, np.zeros((1, 0)), np.zeros(1, np.int64))
            settle(runs.kernel, TIGHT, cells)
            return cells.states[0].copy()

        expected, _ = central(at, value, 1e-3)
        np.testing.assert_allclose(cells.states_along[0, :, k], expected, rtol=1e-6)


def test_rest_that_only_the_path_determines():
    """A total that reactions do not show: rate rules."""
    text = "A' = k2*B - k1*A; B' = k1*A - k2*B; A = 3; B = 1; k1 = 0.4; k2 = 0.1"
    _, cells = rested(text, ["k1", "A"])
    by_k1 = -4 * 0.1 / 0.25
    expected = [[by_k1, 0.2], [-by_k1, 0.8]]
    np.testing.assert_allclose(cells.states_along[0, :, :2], expected, rtol=1e-6)


def test_growth_without_end_is_no_rest():
    _, cells = rested("x' = k; x = 0; k = 1; at x > 5: k = 2*k", ["k"])
    assert cells.status[0] != Status.SUCCESS
    assert np.isnan(cells.states).all()


def test_a_rest_that_moves_without_end_is_none():
    """Where p = 0 nothing moves, but for any other p nothing ever rests."""
    _, cells = rested("x' = p; x = 1; p = 0", ["p"])
    assert cells.status[0] != Status.SUCCESS
    assert np.isnan(cells.states).all()
