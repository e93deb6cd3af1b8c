"""Batches: a run's numbers are its own, however it ends and whatever runs beside it."""

import hashlib
import math
import os
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.codegen import compile_network
from simulator.integrator.batch import integrate_batch, run_on_lanes
from simulator.integrator.status import Status
from simulator.integrator.system import evaluate, read_outputs
from simulator.integrator.tableau import tsit5
from tests.integrator import problems
from tests.integrator.problems import METHOD, Tolerances, integrate, same

# ------------------------------------------------------------------ how runs end

QUIET = "quiet' = -0.1*quiet; quiet = 1;"
"""A state that is never to blame."""

ENDS = {
    "step limit": (
        "x' = w*v; v' = -w*x; x = 1; v = 0; w = 1;",
        {"tolerances": Tolerances(1e-8, 1e-8, 100)},
        (Status.STEP_LIMIT, ("x", "v"), (5.0, 50.0)),
    ),
    "pole": (
        "y' = y^2; y = 1;",
        {},
        (Status.STEP_TOO_SMALL, ("y",), (1 - 1e-9, 1 + 1e-9)),
    ),
    "growth beyond numbers": (
        "y' = y; y = 1;",
        {"tolerances": Tolerances(1e-4, 1e-4, 10_000)},
        (Status.NOT_FINITE, ("y",), (690.0, 710.0)),
    ),
    "zero by zero": ("y' = a/b; y = 1; a = 0; b = 0;", {}, (Status.NOT_FINITE, ("y",), (0, 0))),
    "logarithm of a negative": ("y' = ln(y); y = -1;", {}, (Status.NOT_FINITE, ("y",), (0, 0))),
    "logarithm on the way": (
        "y' = c*ln(y) - 1; y = 1; c = 0;",
        {},
        (Status.NOT_FINITE, ("y",), (1 - 1e-9, 1 + 1e-9)),
    ),
    "no number as parameter": (
        "y' = -k*y; y = 1; k = 1;",
        {"k": np.nan},
        (Status.NOT_FINITE, ("y",), (0, 0)),
    ),
    "no number as state": (
        "y' = -k*y; y = 1; k = 1;",
        {"y": np.nan},
        (Status.NOT_FINITE, ("y",), (0, 0)),
    ),
    "slope without bound": (
        "y' = -1 - sqrt(y); y = 0;",
        {},
        (Status.SINGULAR_MATRIX, ("y",), (0, 0)),
    ),
    "endless cascade": (
        "x = 1; at (x > 0.5), t0=false: x = 0; at (x <= 0.5): x = 1;",
        {},
        (Status.EVENT_LIMIT, (), (0, 0)),
    ),
    "cascade later": (
        "x = 1; at (time > 2), t0=true: x = 0; at (x <= 0.5): x = 1; at (x > 0.5): x = 0;",
        {},
        (Status.EVENT_LIMIT, None, (2, 2 + 1e-15)),
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_how_runs_end(name, capfd):
    """Status, time, and the state that is to blame; nothing is printed."""
    text, options, (status, states, (earliest, latest)) = ENDS[name]
    kernel = problems.compiled(QUIET + text)
    found = integrate(kernel, [0.25, 1e6], **options)
    assert Status(found.ends.status[0]) == status
    assert earliest <= found.ends.time[0] <= latest
    if states is not None:
        blamed = found.ends.state[0]
        assert blamed == -1 if not states else kernel.states[blamed] in states
    quiet = found.out[kernel.states.index("quiet"), 0]
    expected = np.exp(-0.025) if latest > 0.25 else np.nan
    np.testing.assert_allclose(quiet, [expected, np.nan], rtol=1e-4)
    assert capfd.readouterr() == ("", "")


def test_a_system_that_pivoting_cannot_solve():
    """0 = x - z, 0 = 2 (x - z) cannot be solved for x and z once they are consistent."""
    network = problems.with_algebraic(
        "y' = -y; y = 1; x = 1; z = 1;", x="(x - z) * 1.0", z="(x - z) * 2.0"
    )
    found = integrate(compile_network(network), [1.0])
    assert Status(found.ends.status[0]) in (Status.INCONSISTENT, Status.SINGULAR_MATRIX)


def test_inconsistent_rules():
    network = problems.with_algebraic(QUIET + "z = 1;", z="z^2 + 1")
    found = integrate(compile_network(network), [0.0, 1.0])
    assert found.ends.status.tolist() == [Status.INCONSISTENT]
    assert found.ends.time.tolist() == [0.0]
    assert np.isnan(found.out).all()


def test_a_time_budget(capfd):
    tolerances = Tolerances(1e-8, 1e-8, 10**12)
    found = integrate(
        problems.OSCILLATOR, [0.5, 1e12], runs=30, tolerances=tolerances, seconds=0.01
    )
    assert found.ends.status.tolist() == [Status.TIME_LIMIT] * 30
    first = found.out[0, 0]
    np.testing.assert_allclose(first, [np.cos(0.5), np.nan], rtol=1e-6)
    assert capfd.readouterr() == ("", "")


def test_a_time_budget_that_suffices_changes_nothing():
    free, bound = (integrate(problems.CHAIN, [1.0], runs=9, seconds=s) for s in (None, 60.0))
    assert same(free.out, bound.out)


def test_every_status_has_a_sentence():
    assert all(status.sentence.endswith(".") for status in Status)


def test_trouble_after_the_last_time_does_not_matter():
    found = integrate(problems.BLOW_UP, [0.999])
    assert found.ends.status.tolist() == [Status.SUCCESS]
    assert found.out[0, 0, 0] == pytest.approx(1000, rel=1e-6)
    found = integrate("y' = c*ln(1 - y) + 1; y = 0; c = 0;", [0.5, 0.999])
    assert found.ends.status.tolist() == [Status.SUCCESS]
    np.testing.assert_allclose(found.out[0, 0], [0.5, 0.999], rtol=1e-9)


def test_progress_adds_up():
    seen = []
    kernel = problems.compiled(problems.CHAIN)
    y, p = problems.batch(kernel, 100)
    out = np.empty((0, 100, 1))
    times, changes = np.array([1.0]), problems.no_changes(100)
    integrate_batch(
        *(kernel.system(), METHOD, problems.LOOSE, y, p, times, changes, out),
        *(np.arange(100), 2, seen.append),
    )
    assert sum(seen) == 100


def test_an_interrupt_stops_the_workers():
    """What is raised where progress is reported reaches the caller, and the work is told."""
    told = []

    def work(queue):
        while not queue[2]:
            queue[3] = 1
        told.append(True)

    def interrupt(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_on_lanes(work, 100, 8, 1, interrupt, math.inf)
    assert told == [True]


# ------------------------------------------------------------------ independence

EVENTFUL = (
    problems.CHAIN
    + """
n = 0; u = 0; v = 0;
at (A < 0.3), priority=1, fromTrigger=false: A = A + d, n = n + 1, u = u + n;
at 0.2 after (A < 0.3), priority=1: v = v + 1, cell = 1 + 0.1*v;
at (A < 0.3), priority=1, fromTrigger=false: u = 2*u;
at (time >= 0.75): a = 2*a;
d = 1;
"""
)


@cache
def constrained():
    """An algebraic state without a diagonal entry, so that lanes pivot."""
    network = problems.with_algebraic(
        "y' = -a*z; y = 1; z = 0.3; q = 2; a = 1; b = 2; n = 0; at (y < b): y = y + 1, n = n + 1;",
        z="q - 2*y",
        q="z - y",
    )
    return compile_network(network)


TIMES = [0.0, 0.3, 0.5, 1.0, 2.5]
RUNS = 21


def zoo():
    """Name -> kernel, values of runs, scheduled changes (name of a parameter)."""
    random = np.random.default_rng(7)

    def spread(low, high):
        return 10.0 ** random.uniform(low, high, RUNS)

    def spoilt(values, *bad):
        values = values.copy()
        values[: len(bad)] = bad
        return values

    a, b = spread(-2, 4), spread(-2, 4)
    return {
        "chain": (
            problems.CHAIN,
            {"a": spoilt(a, np.nan, np.inf, 0.0, -900.0), "b": spoilt(b, 1.0)},
            "a",
        ),
        "forced": (problems.FORCED, {"s": -a, "w": spoilt(b, 1.0, np.nan)}, "s"),
        "pole": (problems.BLOW_UP, {"k": spread(-2, 1)}, None),
        "robertson": (
            problems.ROBERTSON,
            {"u": spoilt(spread(-1, 1), np.nan), "v": spoilt(spread(-9, -3), 1.0, 1e300)},
            None,
        ),
        "events": (
            EVENTFUL,
            {"a": spoilt(spread(-1, 1), np.nan, 1.0), "d": spoilt(spread(-1, 0.5), 1.0, -0.5)},
            "b",
        ),
        "algebraic": (
            constrained(),
            {"a": spoilt(spread(-1, 1), np.nan), "b": spoilt(spread(-2, -0.1), 1.0, 9.0)},
            "a",
        ),
        "explicit": (
            EVENTFUL,
            {"a": spoilt(spread(-1, 1), np.nan, 1.0), "d": spoilt(spread(-1, 0.5), 1.0, -0.5)},
            "b",
        ),
        "chosen": (
            problems.FOLLOWED,
            {"w": spoilt(spread(0.5, 2.5), np.nan, 1e9), "k": spread(-1, 5)},
            "k",
        ),
    }


TABLEAUS = {"explicit": tsit5(), "chosen": None}
ZOO = ("chain", "forced", "pole", "robertson", "events", "algebraic", "explicit", "chosen")


@cache
def animal(name):
    model, values, changed = zoo()[name]
    kernel = problems.compiled(model) if isinstance(model, str) else model
    if changed is None:
        changes = problems.no_changes(RUNS)
    else:  # one change in each run, none in every third
        place = kernel.parameters.index(changed)
        counts = (np.arange(RUNS) % 3 > 0).astype(int)
        number = counts.sum()
        changes = problems.Changes(
            np.cumsum([0, *counts]),
            np.random.default_rng(1).uniform(0, 2, number),
            np.full(number, place),
            np.random.default_rng(2).uniform(0.1, 2, number),
        )
    options = {"runs": RUNS, "changes": changes, "outputs": kernel.outputs, **values}
    options["tolerances"] = Tolerances(1e-7, 1e-9, 3000)
    options["tableau"] = TABLEAUS.get(name, problems.METHOD)
    return kernel, options


def picked(name, order, workers=1):
    kernel, options = animal(name)
    return integrate(kernel, TIMES, order=list(order), workers=workers, **options)


@cache
def alone(name):
    """Every run by itself."""
    return [picked(name, [run]) for run in range(RUNS)]


def assert_as_alone(name, found, order):
    for place, run in enumerate(order):
        one = alone(name)[run]
        assert same(found.out[:, place], one.out[:, 0]), run
        for part, of_one in zip(found.ends, one.ends, strict=True):
            assert same(part[place], of_one[0]), run


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_has_failing_and_other_runs(name):
    ends = picked(name, range(RUNS)).ends
    assert (ends.status == Status.SUCCESS).sum() >= 5
    if name != "forced":
        assert (ends.status != Status.SUCCESS).any()


@pytest.mark.parametrize("name", ZOO)
@settings(max_examples=40, deadline=None)
@given(order=st.lists(st.integers(0, RUNS - 1), min_size=1, max_size=45), workers=st.integers(1, 2))
def test_a_run_does_not_depend_on_its_batch(name, order, workers):
    """To the last bit: alone, in any batch, order, place and lane, on one thread or two."""
    assert_as_alone(name, picked(name, order, workers), order)


@pytest.mark.parametrize("lane", range(8))
def test_a_run_does_not_depend_on_its_lane(lane):
    for name in ZOO:
        order = [*[0, 1, *range(RUNS)][:lane], 12, 1, 0, 1]
        assert_as_alone(name, picked(name, order), order)


def test_lanes_pivot_in_the_zoo():
    """Its algebraic system has no pivots on the diagonal."""
    kernel, _ = animal("algebraic")
    y, p = problems.batch(kernel, 1)
    entries = evaluate(kernel.system(), 0.0, y, p, linearise=True)[0]
    assert len(kernel.equations.algebraic) == 2
    own = kernel.pattern[0] == kernel.pattern[1]
    diagonal = set(kernel.pattern[0][own].tolist())
    missing = {kernel.states.index(s) for s in kernel.equations.algebraic} - diagonal
    assert missing
    assert np.isfinite(entries).all()


def test_a_thousand_runs_are_their_blocks():
    random = np.random.default_rng(0)
    values = {"a": 10.0 ** random.uniform(-2, 2, 1000), "b": 10.0 ** random.uniform(-2, 4, 1000)}
    values["a"][::97] = np.nan
    options = {"runs": 1000, "tolerances": problems.LOOSE, **values}
    whole = integrate(problems.CHAIN, TIMES, workers=2, **options)
    for first in range(0, 1000, 170):
        block = np.arange(first, min(first + 170, 1000))
        part = integrate(problems.CHAIN, TIMES, order=block, **options)
        assert same(part.out, whole.out[:, block])
        for one, all_of_them in zip(part.ends, whole.ends, strict=True):
            assert same(one, all_of_them[block])
    failed = np.isnan(whole.out[0, :, -1])
    assert failed.tolist() == np.isnan(values["a"]).tolist()


def test_rates_and_outputs_of_python_batches_are_those_of_single_runs():
    kernel, options = animal("events")
    values = {k: v for k, v in options.items() if k in ("a", "d")}
    y, p = problems.batch(kernel, RUNS, **values)
    system = kernel.system(kernel.outputs)
    every = [
        evaluate(system, 0.5, y, p),
        evaluate(system, 0.5, y, p, linearise=True),
        read_outputs(system, 0.5, y, p),
    ]
    for run in range(RUNS):
        one = slice(run, run + 1)
        assert same(every[0][one], evaluate(system, 0.5, y[one], p[one]))
        assert same(every[1][one], evaluate(system, 0.5, y[one], p[one], linearise=True))
        assert same(every[2][one], read_outputs(system, 0.5, y[one], p[one]))


def digest():
    """Of all that a few batches give."""
    total = hashlib.sha256()
    for name in ("events", "algebraic", "chosen"):
        found = picked(name, range(RUNS), 2)
        for part in (found.out, *found.ends):
            total.update(np.ascontiguousarray(part).tobytes())
    return total.hexdigest()


@pytest.mark.slow
def test_an_empty_cache_and_a_shared_one_change_nothing(tmp_path):
    """Two processes compile at once into one empty folder; both compute what this one does."""
    script = "from tests.integrator.test_batch import digest; print(digest())"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env=os.environ
            | {"STEROIDSIM_CACHE": str(tmp_path / "new"), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    results = [process.communicate() for process in processes]
    assert results == [(digest() + "\n", "")] * 2
