"""Chunks on threads, processes and machines: the same numbers, whoever computes them."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import simulator as sim

from .examples import assert_same_numbers, decay, same_files

FACTORS = {"k": np.geomspace(0.01, 5, 100).tolist(), "s": np.linspace(1, 3, 130).tolist()}


def sweep():
    return sim.design(decay(), [0, 1, 4], **FACTORS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "whole.zarr"
    return path, sweep().simulate(store=path)


class Calls:
    """An executor like those of concurrent.futures, which counts what is under way.

    It begins nothing before so much is under way as is ever to be.
    """

    def __init__(self, most):
        self.pool, self.full, self.lock = ThreadPoolExecutor(2), threading.Event(), threading.Lock()
        self.now, self.most, self.expected = 0, 0, most

    def submit(self, function, /, *args):
        self.count(1)
        future = self.pool.submit(self.run, function, *args)
        future.add_done_callback(lambda _: self.count(-1))
        return future

    def count(self, change):
        with self.lock:
            self.now += change
            self.most = max(self.most, self.now)
            if self.now == self.expected:
                self.full.set()

    def run(self, function, *args):
        assert self.full.wait(timeout=60)
        return function(*args)


@pytest.mark.parametrize("workers", [None, 2])
def test_threads(whole, tmp_path, workers):
    with ThreadPoolExecutor(3) as executor:
        sweep().simulate(store=tmp_path / "x.zarr", executor=executor, workers=workers)
        found = decay().simulate([0, 1, 4], executor=executor, workers=workers, **FACTORS)
    assert same_files(tmp_path / "x.zarr", whole[0])
    assert_same_numbers(found, whole[1])


def test_anything_that_submits(whole, tmp_path):
    few = 2 * (os.cpu_count() or 1)
    executor = Calls(few)
    rows = sim.sample(1 << 17, linear={"k": (0.1, 1)})
    decay().simulate(1, conditions=rows, store=tmp_path / "x.zarr", executor=executor)
    assert executor.most == few, "a few chunks at once, not all"


@pytest.mark.slow
def test_processes(whole, tmp_path):
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        sweep().simulate(store=tmp_path / "x.zarr", executor=executor)
    assert same_files(tmp_path / "x.zarr", whole[0])


@pytest.mark.slow
def test_a_dead_process_is_told_of_and_costs_nothing(whole, tmp_path):
    path = tmp_path / "x.zarr"
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        pid = executor.submit(os.getpid).result()
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(sim.IntegrationError, match="Workers ended before their work did"):
            sweep().simulate(store=path, executor=executor)
    sweep().simulate(store=path)
    assert same_files(path, whole[0])


def test_what_is_no_executor():
    with pytest.raises(sim.ConditionError, match=r"executor= takes an executor .* not a int"):
        sweep().simulate(executor=4)


def test_an_error_of_a_worker_is_not_swallowed(tmp_path):
    class Failing:
        def submit(self, function, /, *args):
            future = Future()
            future.set_exception(ZeroDivisionError("in the worker"))
            return future

    with pytest.raises(ZeroDivisionError, match="in the worker"):
        sweep().simulate(executor=Failing())


def test_failures_are_reported_from_executors():
    from .examples import BLOW_UP

    with (
        ThreadPoolExecutor(2) as executor,
        pytest.warns(RuntimeWarning, match="1 of 3 runs failed.*g=2.0"),
    ):
        ds = sim.load(BLOW_UP).simulate(1, g=[0.1, 2.0, 0.2], executor=executor)
    assert ds["status"].values[[0, 2]].tolist() == ["SUCCESS", "SUCCESS"]


COLD = """
import sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np, simulator as sim
model = sim.load("tests/models/tiny")
def run(k):  # each other outputs, the same compiled functions, all at once
    return model.simulate(5, k_syn=np.linspace(0.1, 1, 50), outputs=[["protein"], ["X"]][k % 2],
                          workers=1)["status"].values
with ThreadPoolExecutor(8) as pool:
    assert all((each == "SUCCESS").all() for each in pool.map(run, range(16)))
"""


@pytest.mark.slow
def test_threads_that_begin_at_once_in_a_fresh_process(checkout):
    """What several threads compile at first use must not be dropped under the others."""
    for _ in range(3):
        subprocess.run([sys.executable, "-c", COLD], cwd=checkout, check=True, timeout=120)


@pytest.mark.slow
def test_a_cluster_whose_workers_come_and_go(tmp_path):
    """A worker is killed in the middle, and another comes; nobody notices but the clock."""
    from distributed import Client, LocalCluster

    rows = sim.sample(120_000, log={"k": (0.01, 10)}, seed=5)
    sweep = sim.design(decay(), np.linspace(0, 9, 50), conditions=rows)
    sweep.simulate(store=tmp_path / "alone.zarr")
    path, ended = tmp_path / "cluster.zarr", []
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        workers = client.run(os.getpid)
        thread = threading.Thread(
            target=lambda: ended.append(sweep.simulate(store=path, executor=client))
        )
        thread.start()
        records = path / ".steroidsim/chunks"
        until = time.monotonic() + 60
        while not (records.exists() and len(list(records.iterdir())) >= 2):
            assert thread.is_alive() and time.monotonic() < until
            time.sleep(0.002)
        os.kill(next(iter(workers.values())), signal.SIGKILL)
        assert thread.is_alive(), "the worker was killed before the sweep had ended"
        cluster.scale(3)
        thread.join(timeout=120)
    assert len(ended) == 1
    assert same_files(path, tmp_path / "alone.zarr")
