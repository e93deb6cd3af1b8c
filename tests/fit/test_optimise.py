"""Multi-start fits: the known optimum, numbers that depend on the seed alone, and resuming."""

import math
import os
import shutil
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pypesto
import pytest

from simulator.errors import ConditionError
from simulator.fit.objective import Search
from simulator.fit.optimise import FAILED, _hop
from simulator.fit.problem import Problem
from simulator.fit.results import STARTS

from . import decay
from .test_objective import BOEHM

PUBLISHED = 138.222  # negative log-likelihood of Boehm et al. 2014, see the benchmarks' README
KNOWN = ("k", "scale")  # with these alone estimated, the problem has one optimum


def values(result):
    return {start.id: float(start.fval) for start in result.optimize_result.list}


def points(result):
    return {start.id: np.asarray(start.x).tolist() for start in result.optimize_result.list}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return decay.write(tmp_path_factory.mktemp("decay"), estimated=KNOWN)


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    """u = ln k is measured as 1 with sigma 0.5, and u^2 as 1 with 0.05: u = -1 is an end too."""
    path = decay.write(tmp_path_factory.mktemp("folded"), estimated=("k", "r"))
    observables = "observableId\tobservableFormula\tnoiseFormula\n"
    observables += "squared\tln(k)^2\t0.05\nitself\tln(k)\t0.5\n"
    (path.parent / "observables.tsv").write_text(observables)
    measurements = "observableId\tsimulationConditionId\ttime\tmeasurement\n"
    measurements += "squared\tc\t1.0\t1.0\nitself\tc\t1.0\t1.0\n"
    (path.parent / "measurements.tsv").write_text(measurements)
    return Problem(path)


def test_the_published_optimum_of_boehm_is_found(tmp_path):
    # from within a decade of it: from the whole box, one start in eight or so gets there
    folder = tmp_path / "boehm"
    shutil.copytree(BOEHM.parent, folder)
    table = folder / "parameters_Boehm_JProteomeRes2014.tsv"
    head, *rows = table.read_text().splitlines()
    lines = [f"{head}\tinitializationPriorType\tinitializationPriorParameters"]
    for row in rows:
        cells = row.split("\t")
        middle = np.log10(float(cells[5]))
        low, high = max(middle - 1, -5), min(middle + 1, 5)
        prior = f"parameterScaleUniform\t{low};{high}" if cells[6] == "1" else "\t"
        lines.append(f"{row}\t{prior}")
    table.write_text("\n".join(lines) + "\n")
    result = Problem(folder / BOEHM.name).optimize(starts=6, seed=1, hops=0)
    assert result.optimize_result[0].fval == pytest.approx(PUBLISHED, abs=0.1)


@pytest.mark.parametrize("optimizer", ["fides", "trust-region", "L-BFGS-B"])
def test_every_optimizer_finds_what_the_data_were_made_from(path, optimizer):
    problem = Problem(path)
    result = problem.optimize(starts=2, seed=4, optimizer=optimizer)
    best = problem.best(result)
    assert best == pytest.approx({name: decay.TRUE[name] for name in KNOWN}, rel=1e-3)


def test_a_start_with_hops_is_never_worse_than_its_first_descent(folded):
    plain = values(folded.optimize(starts=6, seed=3, hops=0))
    hopping = values(folded.optimize(starts=6, seed=3, hops=2))
    assert all(hopping[start] <= plain[start] for start in plain)
    wrong = 0.5 * (2.0 / 0.5) ** 2  # of the objective, at u = -1
    assert sum(value > min(plain.values()) + 0.9 * wrong for value in plain.values()) >= 2
    assert sum(hopping.values()) < sum(plain.values()) - 0.9 * wrong  # one got over at least


def test_hops_stay_between_the_bounds(folded):
    search = Search(folded)
    random = np.random.default_rng(0)
    points = np.array([_hop(search, search.lower, random) for _ in range(200)])
    assert (points >= search.lower).all() and (points <= search.upper).all()
    assert len(np.unique(points[:, 0])) > 50  # the others were clipped, or not moved


def test_processes_and_interruptions_change_nothing(path, tmp_path):
    problem = Problem(path)
    whole = problem.optimize(starts=4, seed=2)
    apart = problem.optimize(starts=4, seed=2, jobs=2)
    out = tmp_path / "fit.h5"
    problem.optimize(starts=2, seed=2, out=out)
    told = []
    resumed = problem.optimize(starts=4, seed=2, out=out, progress=lambda *all: told.append(all))
    assert [done for done, _, _ in told] == [2, 3, 4]
    assert points(whole) == points(apart) == points(resumed)
    assert values(whole) == values(apart) == values(resumed)
    read = pypesto.store.read_result(out, profile=False, sample=False, optimize=True)
    assert values(read) == values(whole) and points(read) == points(whole)


SCRIPT = """
import sys
from simulator.fit.problem import Problem

if __name__ == "__main__":
    Problem(sys.argv[1]).optimize(starts=2000, seed=3, jobs=int(sys.argv[3]), out=sys.argv[2])
"""


def test_a_killed_fit_resumes(path, tmp_path):
    script, out = tmp_path / "script.py", tmp_path / "fit.h5"
    script.write_text(SCRIPT)
    run = subprocess.Popen([sys.executable, str(script), str(path), str(out), "1"])
    until = time.monotonic() + 120
    there = 0
    while time.monotonic() < until and there < 3 and run.poll() is None:
        time.sleep(0.05)
        there = len(_starts(out))
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    there = len(_starts(out))
    assert 3 <= there < 2000
    problem = Problem(path)
    problem.optimize(starts=there + 2, seed=3, out=out)
    read = pypesto.store.read_result(out, profile=False, sample=False, optimize=True)
    assert len(read.optimize_result.list) == there + 2
    assert points(read) == points(problem.optimize(starts=there + 2, seed=3))


def _starts(out):
    """Ids of the starts in a file: it may be read at any time, since it is replaced whole."""
    if not out.exists():
        return []
    with h5py.File(out, "r") as file:
        return list(file[STARTS])


def test_another_fit_is_not_resumed(tmp_path):
    folder, out = tmp_path / "p", tmp_path / "fit.h5"
    path = decay.write(folder, estimated=KNOWN)
    Problem(path).optimize(starts=1, out=out)
    with pytest.raises(ConditionError, match="seed was 1 and is 2"):
        Problem(path).optimize(starts=1, seed=2, out=out)
    with pytest.raises(ConditionError, match=r"rtol was 1e-08 and is 1e-06"):
        Problem(path, rtol=1e-6).optimize(starts=1, out=out)
    table = folder / "measurements.tsv"
    table.write_text(table.read_text() + "risen\tc\t4.0\t1.0\n")
    with pytest.raises(ConditionError, match=r"measurements\.tsv has changed"):
        Problem(path).optimize(starts=1, out=out)
    other = tmp_path / "other.h5"
    other.write_text("no result")
    with pytest.raises(ConditionError, match="is no result file"):
        Problem(path).optimize(starts=1, out=other)


def test_a_start_that_cannot_be_simulated_is_recorded_as_failed(path, tmp_path):
    out = tmp_path / "fit.h5"
    problem = Problem(path, max_steps=3)
    result = problem.optimize(starts=2, out=out, redraws=2)
    for start in result.optimize_result.list:
        assert start.fval == math.inf and start.exitflag == FAILED
        assert "3 start points" in start.message and np.isnan(start.x).all()


def test_a_problem_that_was_edited_is_read_anew(tmp_path):
    path = decay.write(tmp_path, estimated=KNOWN)
    before = Problem(path).optimize(starts=1)
    decay.write(tmp_path, estimated=("k",))
    after = Problem(path).optimize(starts=1)
    assert len(before.optimize_result[0].x) == 2 and len(after.optimize_result[0].x) == 1


def test_arguments_are_checked(path):
    problem = Problem(path)
    with pytest.raises(ConditionError, match='Nearest: "fides"'):
        problem.optimize(optimizer="fidels")
    for wrong in ({"starts": 0}, {"jobs": 0}, {"seed": -1}, {"maxiter": 0}, {"hops": -1}):
        with pytest.raises(ConditionError, match=next(iter(wrong))):
            problem.optimize(**wrong)


def test_the_optimum_becomes_the_nominal_value(path, tmp_path):
    problem = Problem(path)
    copy = problem.write_petab(tmp_path / "copy", {"k": 0.25})
    again = Problem(copy)
    assert dict(zip(again.ids, again.nominal, strict=True)) == decay.TRUE | {"k": 0.25}
    assert again.log_likelihood() == problem.log_likelihood({"k": 0.25})
    with pytest.raises(ConditionError, match="own folder"):
        problem.write_petab(path.parent, {})
