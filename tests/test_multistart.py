"""How often starts find an optimum: the shares, and a study of a small problem."""

import csv

import numpy as np
import pytest

from benchmarks import multistart
from benchmarks.multistart import Found, Starts
from tests.fit import decay

STARTS = Starts(np.array([1.0, 1.05, 1.2, np.inf]), np.array([10.0, 20.0, 30.0, 40.0]))


def test_a_share_counts_starts_at_an_optimum_or_below():
    assert STARTS.share(1.0) == 0.5
    assert STARTS.share(1.15) == 0.75
    assert STARTS.share(0.5) == 0.0


def test_what_is_written_is_what_was_found(tmp_path):
    found = {"a": Found(3, 1.15, {0: STARTS, 5: Starts(STARTS.objectives - 0.5, STARTS[1])})}
    text = multistart.write(tmp_path, found)
    plain, hopping = (line.split(" | ") for line in text.splitlines()[2:4])
    assert plain[:5] == ["| a", "3", "1.15", "0.50", "0"]
    assert plain[5:7] == ["75%", "0%"] and hopping[5:7] == ["75%", "50%"]
    with (tmp_path / "multistart.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["objective"] for row in rows[:4]] == ["1.0000", "1.0500", "1.2000", "inf"]
    assert (tmp_path / "multistart.svg").stat().st_size > 1000


@pytest.mark.slow
def test_a_problem_with_one_optimum_is_always_solved(tmp_path, monkeypatch):
    decay.write(tmp_path / "decay", estimated=("k", "scale"), name="decay")
    monkeypatch.setattr(multistart, "PUBLISHED", tmp_path)
    monkeypatch.setattr(multistart, "KEPT", tmp_path / "kept")
    monkeypatch.setitem(multistart.PROBLEMS, "decay", "decay")
    once = multistart.searched("decay", 3, [0, 1], seed=1, jobs=1)
    again = multistart.searched("decay", 2, [0, 1], seed=1, jobs=1)  # from what was kept
    assert once.free == 2
    for hops, starts in once.by_hops.items():
        assert starts.share(once.published) == 1.0
        assert set(again.by_hops[hops].objectives) <= set(starts.objectives)
