"""The arithmetic of steps on rows against the formulas of `tableau` in NumPy."""

import numpy as np
import pytest

from simulator.integrator.machine_code import INTEGER, Rows
from simulator.integrator.step_code import (
    ACCEPT,
    ATOL,
    CONTROL,
    ERROR,
    FACTOR,
    PER_H,
    RTOL,
    STIFF,
    H,
    compile_method,
)
from simulator.integrator.tableau import rodas5p, tsit5
from tests.integrator import rows
from tests.tolerances import COMPILED_TWIN_RELATIVE, STEP_FACTOR, STEP_TWIN_RELATIVE

LANES = (1, 4, 8, 16)
SIZES = (1, 2, 3, 7, 16, 17, 33)
TABLEAUS = {"Rodas5P": rodas5p(), "Tsit5": tsit5()}


class Group:
    """Random rows of a group: states, stages and control."""

    def __init__(self, tableau, n, lanes, seed=0):
        random = np.random.default_rng([n, lanes, seed])
        self.tableau, self.n, self.lanes = tableau, n, lanes
        self.stages = tableau.m.size
        self.y = rows.block(random.normal(size=(n, lanes)) * 10.0 ** random.integers(-3, 4, (n, 1)))
        self.u = rows.block(random.normal(size=(self.stages * n, lanes)))
        self.by_time = rows.block(random.normal(size=(n, lanes)))
        self.control = rows.block(random.uniform(0.1, 2.0, size=(CONTROL, lanes)))
        self.control[PER_H] = 1 / self.control[H]

    @property
    def explicit(self):
        return self.tableau.gamma == 0.0

    @property
    def by_stage(self):
        """The u_i: of an explicit method, rates k_i lie there, and u_i = h k_i."""
        stages = self.u.reshape(self.stages, self.n, self.lanes)
        return self.control[H] * stages if self.explicit else stages

    def weighted(self, coefficients):
        """sum_j c_j u_j, and the sum of magnitudes that its round-off is measured by."""
        terms = coefficients[:, None, None] * self.by_stage[: len(coefficients)]
        return terms.sum(axis=0), np.abs(terms).sum(axis=0)


def assert_close(got, expected, magnitude):
    assert (np.abs(got - expected) <= STEP_TWIN_RELATIVE * magnitude).all()


@pytest.fixture(params=TABLEAUS)
def tableau(request):
    return TABLEAUS[request.param]


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("lanes", LANES)
def test_arguments_and_right_hand_sides_of_stages(tableau, lanes, timed):
    method = compile_method(tableau, lanes, timed)
    for n in SIZES:
        group = Group(tableau, n, lanes)
        h = group.control[H]
        argument = rows.empty(2 * n, lanes)
        for i in range(1 if group.explicit else 0, group.stages):
            rows.call(
                int(method.combine[i]),
                *(group.y, group.u, argument, group.by_time, group.control),
                count=n,
            )
            if i > 0:
                total, magnitude = group.weighted(tableau.a[i, :i])
                assert_close(argument[:n], group.y + total, np.abs(group.y) + magnitude)
            if group.explicit:
                continue
            total, magnitude = group.weighted(tableau.c[i, :i])
            slope = h * tableau.d[i] * group.by_time if timed else np.zeros((n, lanes))
            assert_close(argument[n:], total / h + slope, magnitude / h + np.abs(slope))


@pytest.mark.parametrize("lanes", LANES)
def test_end_of_a_step(tableau, lanes):
    """y_new, the error norm and the step factor; the last stage's argument is there already."""
    method = compile_method(tableau, lanes, False)
    for n in SIZES:
        group = Group(tableau, n, lanes)
        last = group.stages - 1
        argument = rows.empty(2 * n, lanes)
        group.control[RTOL], group.control[ATOL] = 1e-2, 1e-3
        group.u *= 10.0 ** np.linspace(-6, 2, lanes)
        argument[:n] = group.y + group.weighted(tableau.a[last, :last])[0]
        y_new = rows.empty(n, lanes)
        rows.call(method.finish, group.y, group.u, argument, y_new, group.control, count=n)
        total, magnitude = group.weighted(tableau.m)
        assert_close(y_new, group.y + total, np.abs(group.y) + magnitude)
        error, magnitude = group.weighted(tableau.e)
        scale = 1e-3 + 1e-2 * np.maximum(np.abs(group.y), np.abs(y_new))
        norm = (np.abs(error) / scale).max(axis=0)
        assert_close(group.control[ERROR], norm, (magnitude / scale).max(axis=0))
        if group.explicit:
            assert_close(argument[n:], error, magnitude)


@pytest.mark.parametrize("lanes", LANES)
def test_stiffness_of_an_explicit_step(lanes):
    """h |k_7 - k_6| / |g_7 - g_6| in the weights of the error."""
    tableau = TABLEAUS["Tsit5"]
    method = compile_method(tableau, lanes, False)
    for n in SIZES:
        group = Group(tableau, n, lanes)
        group.control[RTOL], group.control[ATOL] = 1e-2, 1e-3
        argument, y_new = rows.empty(2 * n, lanes), rows.empty(n, lanes)
        rows.call(method.finish, group.y, group.u, argument, y_new, group.control, count=n)
        weights = 1 / (1e-3 + 1e-2 * np.abs(group.y))
        rates = group.by_stage[6] - group.by_stage[5]
        states = group.weighted(tableau.a[6] - tableau.a[5])[0]
        above, below = (np.sum((weights * part) ** 2, axis=0) for part in (rates, states))
        np.testing.assert_allclose(group.control[STIFF], above / below, rtol=COMPILED_TWIN_RELATIVE)


@pytest.mark.parametrize("lanes", LANES)
def test_step_factor(lanes):
    """0.85 err**(-1/5), between 0.2 and 10."""
    tableau = TABLEAUS["Rodas5P"]
    method = compile_method(tableau, lanes, False)
    norms = np.concatenate([[0.0, 1e-300, 1.0], np.geomspace(1e-14, 1e14, 997)])
    norms = np.resize(norms, (-(-norms.size // lanes), lanes))
    control = rows.block(np.zeros((CONTROL, lanes)))
    control[ATOL] = 1.0
    y, y_new, argument = (rows.block(np.zeros((1, lanes))) for _ in range(3))
    u = rows.block(np.zeros((8, lanes)))
    for wanted in norms:
        u[7] = wanted  # which is the error estimate, measured by atol = 1
        rows.call(method.finish, y, u, argument, y_new, control, count=1)
        assert control[ERROR].tolist() == wanted.tolist()
        with np.errstate(divide="ignore"):
            expected = np.clip(0.85 * wanted ** (-1 / 5), 0.2, 10.0)
        np.testing.assert_allclose(control[FACTOR], expected, rtol=STEP_FACTOR)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", range(5))
def test_a_state_that_is_no_number_shows_in_the_error_of_its_lane_alone(bad, row):
    tableau, n, lanes = TABLEAUS["Rodas5P"], 5, 8
    method = compile_method(tableau, lanes, False)
    group = Group(tableau, n, lanes)
    argument, y_new = rows.block(group.y), rows.empty(n, lanes)
    group.by_stage[7, row, 3] = bad
    rows.call(method.finish, group.y, group.u, argument, y_new, group.control, count=n)
    assert np.isnan(group.control[ERROR, 3])
    assert np.isfinite(np.delete(group.control[ERROR], 3)).all()


@pytest.mark.parametrize("lanes", LANES)
def test_coefficients_of_dense_output(tableau, lanes):
    method = compile_method(tableau, lanes, False)
    assert method.dense_rows == 3
    for n in SIZES:
        group = Group(tableau, n, lanes)
        dense = rows.empty(3 * n, lanes)
        rows.call(method.dense, None, group.u, None, dense, group.control, count=n)
        for block, coefficients in enumerate(tableau.dense):
            assert_close(dense[block * n : (block + 1) * n], *group.weighted(coefficients))


@pytest.mark.parametrize("lanes", LANES)
def test_states_are_taken_in_accepted_lanes_alone(lanes):
    method = compile_method(TABLEAUS["Rodas5P"], lanes, False)
    for n in SIZES:
        random = np.random.default_rng(n)
        y, y_new = (rows.block(random.normal(size=(n, lanes))) for _ in range(2))
        y[0] = np.nan  # a failed lane's states
        control = rows.block(np.zeros((CONTROL, lanes)))
        control[ACCEPT] = random.integers(0, 2, lanes)
        expected = np.where(control[ACCEPT] == 0.0, y_new, y)
        rows.call(method.take, y, None, None, y_new, control, count=n)
        np.testing.assert_array_equal(y, expected)


def test_one_method_is_compiled_once():
    assert compile_method(rodas5p(), 4, True) is compile_method(rodas5p(), 4, True)


@pytest.mark.parametrize(
    ("start", "stop", "step"), [(0, 0, 1), (0, 1, 1), (2, 11, 3), (5, 2, 1), (-2, 2, 2)]
)
def test_loops_count_like_ranges(start, stop, step):
    """Each index adds one to its row, and so does a loop inside a loop."""

    def write(module):
        f = Rows(module, "count", 4)
        with f.loop(INTEGER(start), INTEGER(stop), step) as i:
            row = f.build.add(i, INTEGER(2))
            f.store(f.add(f.load(0, row), f.constant(1.0)), 0, row)
            with f.loop(INTEGER(0), f.count) as j:
                f.store(f.add(f.load(1, j), f.constant(1.0)), 1, j)
        f.end()

    code = rows.compiled(write)
    outer, inner = rows.block(np.zeros((20, 4))), rows.block(np.zeros((3, 4)))
    rows.call(code.address("count"), outer, inner, count=3)
    expected = np.zeros(20)
    expected[[i + 2 for i in range(start, stop, step)]] = 1.0
    assert outer.T.tolist() == [expected.tolist()] * 4
    assert (inner == len(range(start, stop, step))).all()
