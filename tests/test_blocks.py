"""Runs are planned by what differs between them and integrated in blocks, which nothing shows."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import simulator as sim
from simulator.conditions import make_design
from simulator.conditions.resolve import distinct_rows
from simulator.integrator.system import Tolerances
from simulator.simulation import plan as planning
from simulator.simulation import rest as rest_states
from simulator.simulation import runs
from simulator.simulation.plan import Plan, plan

# X rests at s K^n / d.
TURNOVER = """
model turnover
  compartment cell = 2
  species X in cell = 5, Y in cell = 1, Z in cell
  s = 2; d = 0.25; K = 0.7; n = 2; m = 0.3
  Z = K^n
  J0: -> X; cell * s * K^n
  J1: X -> ; cell * d * X
  J2: -> Y; cell * m * Z
  J3: Y -> ; cell * Y
end
"""


@pytest.fixture(scope="module")
def turnover():
    return sim.load(TURNOVER)


@pytest.fixture
def settled(monkeypatch):
    """Counts of cells in each call that settles them."""
    counts = []

    def spy(system, method, tolerances, states, *rest, **options):
        counts.append(len(states))
        return settle(system, method, tolerances, states, *rest, **options)

    settle = rest_states.settle_batch
    monkeypatch.setattr(rest_states, "settle_batch", spy)
    return counts


TABLE = pd.DataFrame(
    {
        "d": [0.25, 0.5, np.nan, 0.5, 0.25],
        "X": [np.nan, 3.0, 1.0, np.nan, 2.0],
        "note": ["a", "b", "c", "d", "e"],
    }
)


@pytest.mark.parametrize("start", ["initial", "steady_state"])
@pytest.mark.parametrize("size", [1, 2, 7])
def test_blocks_change_nothing(turnover, monkeypatch, start, size):
    def simulate():
        return turnover.simulate(
            [0, 0.5, 3.0], conditions=TABLE, s=[1.0, 2.0], n=[0.5, 2.0, 3.0], start=start, workers=1
        )

    whole = simulate()
    monkeypatch.setattr(planning, "RUNS_AT_ONCE", size)
    turnover.kernel.settled.clear()
    xr.testing.assert_identical(simulate(), whole)


def test_blocks_of_large_models_change_nothing(turnover, monkeypatch):
    times = np.linspace(0, 3, 50)
    whole = turnover.simulate(times, s=[1.0, 2.0, 3.0])
    monkeypatch.setattr(planning, "NUMBERS_AT_ONCE", 1)
    xr.testing.assert_identical(turnover.simulate(times, s=[1.0, 2.0, 3.0]), whole)


def test_blocks_keep_failures_where_they_are(turnover, monkeypatch):
    """d = 0 has no steady state; a NaN of one run must not reach its neighbours."""
    factors = {"d": [0.25, 0.0, 0.5], "s": [1.0, 2.0]}
    monkeypatch.setattr(planning, "RUNS_AT_ONCE", 4)
    with pytest.warns(RuntimeWarning, match="2 of 6 runs failed: NO_STEADY_STATE in runs 2, 3"):
        ds = turnover.simulate([0, 1.0], start="steady_state", outputs=["X"], workers=1, **factors)
    assert np.isnan(ds["X"].sel(d=0.0)).all()
    expected = np.array([[4.0, 8.0], [2.0, 4.0]]) * 0.49
    np.testing.assert_allclose(ds["X"].sel(d=[0.25, 0.5])[..., 1], expected, rtol=1e-6)


def test_cells_at_rest_are_remembered(turnover, settled, monkeypatch):
    """Each is settled once; what differs in anything that matters is another one."""
    monkeypatch.setattr(rest_states, "REMEMBERED", 3)
    turnover.kernel.settled.clear()

    def simulate(**options):
        settled.clear()
        ds = turnover.simulate([0, 1.0], start="steady_state", **options)
        return ds, sum(settled)

    first, new = simulate(s=[1.0, 2.0, 3.0])
    assert new == 3
    again, new = simulate(s=[1.0, 2.0, 3.0])
    assert new == 0
    xr.testing.assert_identical(again, first)
    more, new = simulate(s=[3.0, 4.0])
    assert new == 1
    xr.testing.assert_equal(more.sel(s=3.0), first.sel(s=3.0))
    assert simulate(s=[1.0])[1] == 1, "the oldest is forgotten"
    assert simulate(s=[4.0], atol=1e-8)[1] == 1


def test_progress_counts_every_run_once(turnover, monkeypatch):
    counted = []
    monkeypatch.setattr(planning, "RUNS_AT_ONCE", 4)
    kernel = turnover.kernel
    works = [plan(kernel, make_design(turnover.definition, {"d": [0.25, 0.0], "s": range(1, 6)}))]
    tolerances = Tolerances(1e-6, 1e-9, 1000)
    rest = rest_states.equilibrate(kernel, works, frozenset(), tolerances, 1)
    runs.simulate_runs(
        kernel,
        works,
        np.ones(1),
        ["X"],
        rest=rest,
        tolerances=tolerances,
        method="auto",
        workers=1,
        progress=counted.append,
    )
    assert sum(counted) == 10


def test_a_cell_is_settled_once_for_all_its_runs(turnover, settled, monkeypatch):
    """Species values are put in place after pre-equilibration: they make no cell of their own."""
    monkeypatch.setattr(planning, "RUNS_AT_ONCE", 2)
    turnover.kernel.settled.clear()
    turnover.simulate(
        1.0, conditions=TABLE, s=[1.0, 2.0], Y=[0.0, 1.0, 2.0], start="steady_state", workers=1
    )
    assert sum(settled) == 4  # d is 0.25 or 0.5, and s is 1 or 2


def test_doses_and_their_vehicle_share_one_untreated_cell(steroid_response, settled):
    doses = [0.0, 0.1, sim.schedule((0, 1.0), (24, 0.0))]
    steroid_response.kernel.settled.clear()
    steroid_response.simulate(
        24.0, prednisolone=doses, il7=[0.0, 25.0], alteration=[None, "NRAS_G12D"],
        outputs=["viability"], rtol=1e-3, atol=1e-6,
    )  # fmt: skip
    assert settled == [2]
    settled.clear()
    steroid_response.kernel.settled.clear()
    table = pd.DataFrame({"cell": ["SUPT1", "SEM", None], "selumetinib": [0.1, 0.2, 0.3]})
    steroid_response.simulate(24.0, conditions=table, outputs=["viability"], rtol=1e-3, atol=1e-6)
    assert settled == [2]


ROWS = [
    {"cell": "SUPT1", "knockout": "BIM", "trametinib": 0.1},
    {"cell": "SUPT1", "knockout": "BIM", "trametinib": 0.2},
    {"cell": "SEM", "knockout": None, "trametinib": 0.1},
]
DOSES = [0.5, sim.schedule((0, 1.0), (3, 0.0)), sim.schedule((2, 1.0), (4, 2.0))]


def viability(model, **factors):
    outputs = ["viability", "live_cells", "pERK"]
    return model.simulate([6.0, 8.0], outputs=outputs, rtol=1e-3, atol=1e-6, workers=1, **factors)


def test_every_run_is_as_if_alone(steroid_response, monkeypatch):
    """No run is drug-free, so that vehicles are runs of their own behind those asked for."""
    table = pd.DataFrame(ROWS)
    whole = viability(steroid_response, conditions=table, prednisolone=DOSES)
    for i, row in enumerate(ROWS):
        for j, dose in enumerate(DOSES):
            alone = viability(steroid_response, prednisolone=dose, **row)
            for name in alone.data_vars:
                assert alone[name].values.tolist() == whole[name][i, j].values.tolist()
    monkeypatch.setattr(planning, "RUNS_AT_ONCE", 4)
    blocks = viability(steroid_response, conditions=table, prednisolone=DOSES)
    xr.testing.assert_identical(blocks, whole)


@pytest.mark.parametrize("n", [-1.0, 0.5, 2.0, 3.0, 1.7])
def test_initial_values_of_a_run_do_not_depend_on_its_batch(turnover, n):
    """To the last bit, also for powers, for which NumPy has short cuts that a batch may take."""
    bases = np.random.default_rng(0).lognormal(0, 1, 20_000)

    def initial(**factors):
        work = plan(turnover.kernel, make_design(turnover.definition, factors))
        # Z does not react: it is among the parameters
        return np.hstack(runs.start_values([work], None, np.arange(work.runs.size)))

    one_exponent = initial(K=bases, n=n)
    several = initial(K=bases, n=[n, 0.9])[::2]
    assert (one_exponent == several).all()
    alone = [initial(K=base, n=n)[0] for base in bases[:100]]
    assert (one_exponent[:100] == alone).all()


def test_a_plan_takes_the_memory_of_its_levels(steroid_response):
    definition, doses = steroid_response.definition, [0.0, *np.geomspace(0.01, 10, 63)]
    factors = {"cell": list(definition.cells), "prednisolone": doses, "selumetinib": doses}
    work = plan(steroid_response.kernel, make_design(definition, factors))
    count = work.runs.size
    assert count == len(definition.cells) * 64 * 64
    assert held(work) < 8 * (4 * count)  # a few numbers of each run, not its 400


def held(work: Plan) -> int:
    """Bytes of a plan's arrays."""
    tables = (work.untreated, work.before, work.start, work.parameters)
    columns = [c for table in tables for c in (table.base, *table.varying.values())]
    arrays_ = [*columns, *work.replaced.values(), work.runs, work.program]
    return sum(a.nbytes for a in arrays_)


values = st.sampled_from([0.0, -0.0, 1.0, 2.0, np.nan, -np.nan, np.inf])


@given(arrays(float, st.tuples(st.integers(0, 9), st.integers(0, 3)), elements=values))
def test_distinct_rows_by_comparing_each_with_each(matrix):
    groups, first = distinct_rows(matrix)
    seen: list[tuple] = []
    for row in matrix.tolist():
        key = tuple("nan" if x != x else x for x in row)
        if key not in seen:
            seen.append(key)
    keys = [tuple("nan" if x != x else x for x in row) for row in matrix.tolist()]
    assert groups.tolist() == [seen.index(key) for key in keys]
    assert first.tolist() == [keys.index(key) for key in seen]
