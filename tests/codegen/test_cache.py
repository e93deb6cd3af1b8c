"""Results do not depend on what the cache of compiled code holds."""

import subprocess
import sys

import pytest

SCRIPT = """
import simulator as sim
model = sim.load('''
model decay
  compartment cell = 1
  species A in cell = 1
  k = 0.5
  R1: A -> ; cell * k * A
end
''')
print(repr(model.simulate([0.5, 1.0])["A"].values.tolist()))
"""


def simulate(cache):
    run = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:simulator", "-c", SCRIPT],
        env={"STEROIDSIM_CACHE": str(cache), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache") / "of" / "mine"


def test_cache_folder_is_private_and_moved_by_the_environment(cache):
    simulate(cache)
    assert cache.stat().st_mode & 0o777 == 0o700
    assert list((cache / "kernels").glob("*.o"))
    assert list(cache.glob("numba-*"))


def test_damaged_object_code_is_compiled_anew(cache):
    before = simulate(cache)
    (stored,) = (cache / "kernels").glob("*.o")
    intact = stored.read_bytes()
    for damaged in (b"", intact[:100], intact[:-1] + b"?"):
        stored.write_bytes(damaged)
        assert simulate(cache) == before
        assert stored.read_bytes() == intact


def test_two_processes_may_compile_at_once(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            env={"STEROIDSIM_CACHE": str(tmp_path / "new"), "PATH": ""},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    first, second = (process.communicate()[0] for process in processes)
    assert first == second
    assert first.startswith("[")
