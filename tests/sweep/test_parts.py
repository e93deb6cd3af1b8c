"""Designs cut into parts, and chunks of runs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulator as sim
from simulator.conditions import make_design, resolve
from simulator.store import Grid, chunk_shape

from .examples import decay

SHAPES = st.lists(st.integers(1, 9), max_size=4).map(tuple)


@st.composite
def grids(draw):
    shape = draw(SHAPES)
    return Grid(shape, tuple(draw(st.integers(1, n)) for n in shape))


@given(grids())
def test_every_run_is_in_one_chunk(grid):
    seen = np.zeros(int(np.prod(grid.shape)), int)
    for number in range(len(grid)):
        runs = grid.runs(number, np.arange(grid.size(number)))
        seen[runs] += 1
        whole = np.arange(seen.size).reshape(grid.shape)[grid.slices(number)]
        np.testing.assert_array_equal(runs, np.ravel(whole))
    assert (seen == 1).all()


@given(SHAPES, st.integers(1, 5000), st.randoms())
def test_chunks_hold_at_most_so_many_runs_and_at_least_half_of_what_they_could(shape, most, random):
    order = random.sample(range(len(shape)), len(shape))
    chunk = chunk_shape(shape, order, most)
    size = int(np.prod(chunk))
    assert size <= most
    assert all(1 <= c <= n for c, n in zip(chunk, shape, strict=True))
    if size < np.prod(shape):
        cut = next(axis for axis in order if chunk[axis] < shape[axis])
        before = int(np.prod([shape[axis] for axis in order[: order.index(cut)]]))
        assert 2 * chunk[cut] >= most // before


def test_early_dimensions_are_kept_whole():
    assert chunk_shape((46, 2, 16, 16), [3, 2, 1, 0], 4096) == (8, 2, 16, 16)
    assert chunk_shape((46, 2, 16, 16), [0, 1, 2, 3], 100) == (46, 2, 1, 1)


@given(st.data())
def test_a_part_has_the_numbers_of_its_runs(data):
    model = decay()
    levels = {
        name: data.draw(st.lists(st.floats(0.1, 9), min_size=1, max_size=5, unique=True))
        for name in data.draw(st.permutations(["k", "s", "X"]))
    }
    design = make_design(model.definition, levels, None, None, model.names)
    part = [slice(a, a + 2) for a in (data.draw(st.integers(0, n - 1)) for n in design.shape)]
    whole = np.arange(design.size).reshape(design.shape)[tuple(part)].ravel()
    found = design.part(part)
    assert found.size == whole.size
    for own, run in enumerate(whole.tolist()):
        assert found.changes(own) == design.changes(run)
        assert found.label(own) == design.label(run)


def test_a_part_of_a_table_keeps_its_coordinates(tmp_path):
    import pandas as pd

    model = decay()
    table = pd.DataFrame({"k": [0.1, 0.2, 0.3], "who": ["a", "b", "c"]}, index=[5, 6, 7])
    found = make_design(model.definition, {}, table, None, model.names).part([slice(1, 3)])
    assert found.axes[0].labels == (6, 7)
    assert found.axes[0].coordinates["who"].tolist() == ["b", "c"]
    assert resolve(found, {"k": 0.5}).before["k"].tolist() == [0.2, 0.3]


def test_a_design_says_what_it_is_before_it_runs():
    sweep = sim.design(decay(), [0, 1], k=[0.1, 0.2, 0.3], s=[1, 2], outputs=["X"])
    assert (sweep.runs, sweep.bytes) == (6, 6 * 2 * 8)
    assert sweep.sizes == {"k": 3, "s": 2, "time": 2}
    text = str(sweep)
    for said in ("6 runs (3 k x 2 s)", "1 output at 2 times: X", "96 B on disk", "about a second"):
        assert said in text
    assert "6 runs" in repr(sweep)
    assert sweep.seconds(workers=1) > 0


def test_ten_million_runs_are_no_list_in_memory():
    import tracemalloc

    model = decay()
    rows = sim.sample(10_000_000, log={"k": (0.01, 1)}, linear={"X": (0, 2)})
    doses = np.linspace(0.1, 1, 500)
    model.kernel.system(())  # compiling and importing take memory of their own
    rows.rows(0, 1)
    tracemalloc.start()
    for sweep in (
        sim.design(model, 1.0, conditions=rows),
        sim.design(model, 1.0, k=doses, s=doses, X=np.linspace(1, 2, 40)),
    ):
        assert sweep.runs == 10_000_000
        part = sweep.part(len(sweep.grid) - 1)
        assert part.size <= 16384
        sweep.manifest()
        assert "10,000,000 runs" in repr(sweep)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"q": 1}, '"q" is no parameter'),
        ({"k": [1, 1]}, "write each level once"),
        ({"outputs": ["Z"]}, 'output "Z" is not in'),
        ({"time": [2, 1]}, "Times must increase"),
        ({"rtol": 2}, "rtol is a number between 0 and 1"),
    ],
)
def test_what_a_model_lacks_is_said_before_anything_runs(arguments, message):
    with pytest.raises(sim.ConditionError, match=message):
        sim.design(decay(), **{"time": 1.0, **arguments})
