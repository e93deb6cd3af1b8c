"""Results do not depend on what the cache of compiled code holds."""

import subprocess
import sys
from itertools import cycle

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

# Where dask is installed, xarray imports it, and SciPy with it: what xarray brings does not count.
WATCH = "import sys; print('numba' in sys.modules, sorted(m for m in sys.modules if 'scipy' in m))"
XARRAY_ALONE = "import xarray as xr; xr.Dataset({'x': ('t', [0.0])}, {'t': [0.0]}); "


def simulate(cache, script=SCRIPT):
    run = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:simulator", "-c", script],
        env={"STEROIDSIM_CACHE": str(cache), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """A cache, and what two processes print that begin at once and fill it."""
    cache = tmp_path_factory.mktemp("cache") / "of" / "mine"
    command = [sys.executable, "-W", "error::UserWarning:simulator", "-c", SCRIPT]
    env = {"STEROIDSIM_CACHE": str(cache), "PATH": ""}
    runs = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    found = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    return cache, found


@pytest.fixture(scope="module")
def cache(printed):
    return printed[0]


@pytest.mark.slow
def test_processes_that_begin_at_once_do_not_disturb_each_other(printed):
    cache, found = printed
    assert set(found) == {simulate(cache)}
    assert not [path for path in cache.rglob("*") if path.is_file() and path.suffix == ""]


def test_cache_folder_is_private_and_moved_by_the_environment(cache):
    assert cache.stat().st_mode & 0o777 == 0o700
    assert list((cache / "kernels").glob("*.o"))


@pytest.mark.slow
def test_damaged_object_code_is_compiled_anew(cache):
    before = simulate(cache)
    intact = {path: path.read_bytes() for path in sorted((cache / "kernels").glob("*.o"))}
    damages = (lambda code: b"", lambda code: code[:100], lambda code: code[:-1] + b"?")
    assert len(intact) >= len(damages)  # each is met, by files that are read alike
    for (path, code), damage in zip(intact.items(), cycle(damages), strict=False):
        path.write_bytes(damage(code))
    assert simulate(cache) == before
    assert {path: path.read_bytes() for path in intact} == intact


def test_a_warm_cache_is_only_read(cache):
    before = simulate(cache)
    stamps = {path: path.stat().st_mtime_ns for path in cache.rglob("*.o")}
    assert simulate(cache) == before
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.o")} == stamps


def test_a_process_that_finds_its_code_needs_no_compiler(cache):
    before = simulate(cache)
    assert simulate(cache, SCRIPT + WATCH) == before + simulate(cache, XARRAY_ALONE + WATCH)
    assert simulate(cache, XARRAY_ALONE + WATCH).startswith("False ")
