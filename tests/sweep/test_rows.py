"""Tables of conditions that are read, or drawn, piece by piece."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulator as sim
from simulator.conditions.sources import ROWS_AT_ONCE, TableFile

from .examples import assert_same_numbers, decay

RANGES = {"linear": {"X": (0, 2)}, "log": {"k": (0.01, 10)}}


@given(
    st.sampled_from(["sobol", "random"]),
    st.integers(0, 3 * ROWS_AT_ONCE),
    st.integers(1, 2000),
    st.integers(0, 5),
)
def test_a_row_of_a_sample_does_not_depend_on_how_it_is_cut(method, start, length, seed):
    n = 4 * ROWS_AT_ONCE
    sample = sim.sample(n, **RANGES, method=method, seed=seed)
    stop = min(n, start + length)
    part = sample.rows(start, stop)
    middle = (start + stop) // 2
    pieces = [sample.rows(*ends) for ends in ((start, middle), (middle, stop)) if ends[0] < ends[1]]
    pd.testing.assert_frame_equal(pd.concat(pieces), part)
    assert part.index.tolist() == list(range(start, stop))


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_samples_are_uniform_on_their_scales(method):
    rows = sim.sample(1 << 13, **RANGES, method=method, seed=3).rows(0, 1 << 13)
    # Kolmogorov-Smirnov at 1e-6; a Sobol' sequence is far closer than chance
    bound = 2.7 / np.sqrt(len(rows)) if method == "random" else 2e-3
    for share in (rows["X"] / 2, np.log(rows["k"] / 0.01) / np.log(1000)):
        ranked = np.sort(share)
        assert np.abs(ranked - (np.arange(ranked.size) + 0.5) / ranked.size).max() < bound
        assert ranked[0] >= 0 and ranked[-1] <= 1
    again = sim.sample(1 << 12, **RANGES, method=method, seed=3).rows(0, 1 << 12)
    pd.testing.assert_frame_equal(again, rows[: 1 << 12])
    other = sim.sample(1 << 12, **RANGES, method=method, seed=4).rows(0, 1 << 12)
    assert (other != again).any(axis=None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0, "log": {"k": (1, 2)}}, "n is a whole number >= 1"),
        ({"n": 5}, "at least one range"),
        ({"n": 5, "log": {"k": (0, 2)}}, "must begin above 0"),
        ({"n": 5, "linear": {"k": (3, 2)}}, "two rising numbers"),
        ({"n": 5, "linear": {"k": 3}}, "two rising numbers"),
        ({"n": 5, "linear": {"k": (1, 2)}, "log": {"k": (1, 2)}}, "given twice"),
        ({"n": 5, "linear": {"k": (1, 2)}, "method": "sobel"}, 'Nearest: "sobol"'),
        ({"n": 5, "linear": {"k": (1, 2)}, "seed": -1}, "seed is a whole number"),
        ({"n": 1 << 30, "linear": {"k": (1, 2)}}, 'write method="random"'),
    ],
)
def test_what_cannot_be_drawn(arguments, message):
    with pytest.raises(sim.ConditionError, match=message):
        sim.sample(**arguments)


def test_a_range_of_nothing_is_refused():
    with pytest.raises(sim.ConditionError, match='"kk" is no parameter'):
        sim.design(decay(), 1.0, conditions=sim.sample(9, linear={"kk": (0, 1)}))


def test_a_sample_is_simulated_as_its_rows(tmp_path):
    model, sample = decay(), sim.sample(5000, **RANGES)
    table = sample.rows(0, 5000)
    expected = model.simulate([0, 1], conditions=table, s=[1, 2])
    lazy = model.simulate([0, 1], conditions=sample, s=[1, 2])
    assert_same_numbers(lazy, expected)
    stored = model.simulate([0, 1], conditions=sample, s=[1, 2], store=tmp_path / "x.zarr")
    assert_same_numbers(stored, expected)
    np.testing.assert_array_equal(stored["k"], table["k"])
    np.testing.assert_array_equal(stored["X_initial"], table["X"])
    exact = table["X"].to_numpy() * np.exp(-table["k"].to_numpy())
    np.testing.assert_allclose(stored["X"][:, 0, 1], exact, rtol=1e-4, atol=1e-6)


def table_of(n):
    random = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            "k": random.uniform(0.1, 2, n),
            "sample": [f"patient {i % 7}" if i % 5 else "" for i in range(n)],
            "s": np.where(np.arange(n) % 3, 2.0, np.nan),
        }
    )
    rows.loc[n - 1, "sample"] = "a longer name than any before, with a comma"
    return rows


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_file_is_simulated_as_its_table(tmp_path, suffix):
    table, path = table_of(9001), tmp_path / f"rows{suffix}"
    table.to_csv(path, index=False, sep="," if suffix == ".csv" else "\t")
    model = decay()
    expected = model.simulate([0, 1], conditions=table)
    for conditions in (path, str(path)):
        assert_same_numbers(model.simulate([0, 1], conditions=conditions), expected)
    stored = model.simulate([0, 1], conditions=path, store=tmp_path / "x.zarr")
    assert_same_numbers(stored, expected)
    assert stored["sample"].values.tolist() == table["sample"].tolist()
    np.testing.assert_array_equal(stored["s"], table["s"])
    part = TableFile(path).rows(8190, 8195)
    assert part.index.tolist() == list(range(8190, 8195))
    np.testing.assert_array_equal(part["k"], table["k"][8190:8195])


def write(tmp_path, text):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("k,s\n", "no rows below its header"),
        ("k,s\n1,2\n3\n", "line 3: 1 cells, but the header names 2 columns"),
        ("k,s\n1,2\n\n3,4\n", "line 3: the line is empty"),
        ('k,who\n1,"a\nb"\n', "line 2: a quotation mark is not closed"),
        ("K,s\n1,2\n", 'Nearest: "k"'),
        ("k,s\n1,2\nx,4\n5,6\n", "rows.csv, line 3: .*'x'; it must be a number"),
        ("k,s\n1,2\n1,inf\n", "rows.csv, line 3: .*must be finite"),
        ("k,k\n1,2\n", 'the column "k" is there twice'),
    ],
)
def test_what_is_wrong_with_a_file_is_said_before_anything_runs(tmp_path, text, message):
    path, store = write(tmp_path, text), tmp_path / "x.zarr"
    with pytest.raises(sim.ConditionError, match=message):
        decay().simulate(1.0, conditions=path, store=store)
    assert not store.exists()


def test_files_that_are_none(tmp_path):
    with pytest.raises(sim.ConditionError, match=r"missing\.csv: cannot be read"):
        decay().simulate(1.0, conditions=tmp_path / "missing.csv")
    with pytest.raises(sim.ConditionError, match=r'a \.csv or \.tsv file, not "\.xlsx"'):
        decay().simulate(1.0, conditions="rows.xlsx")


def test_a_source_of_ones_own(tmp_path):
    class Squares:
        digest = "squares"

        def __len__(self):
            return 6000

        def rows(self, start, stop):
            return pd.DataFrame({"k": 1e-4 * np.arange(start, stop) ** 0.5 + 0.1})

    ds = decay().simulate(1.0, conditions=Squares(), store=tmp_path / "x.zarr")
    exact = np.exp(-(1e-4 * np.arange(6000) ** 0.5 + 0.1))
    np.testing.assert_allclose(ds["X"][:, 0], exact, rtol=1e-5)
