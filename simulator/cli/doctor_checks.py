"""What `steroidsim doctor` looks at: what is installed, where things lie, whether numbers agree."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SteroidsimError

if TYPE_CHECKING:
    from ..simulation.model import Model

#: Distributions without which something does not work.
REQUIRED = (
    "antimony", "cma", "fides", "h5netcdf", "h5py", "libroadrunner", "llvmlite", "matplotlib",
    "numba", "numcodecs", "numpy", "pandas", "pypesto", "python-libsbml", "pyyaml", "rich", "salib",
    "scipy", "six", "tellurium", "typer", "xarray", "zarr",
)  # fmt: skip
#: Distributions that sweeps over several machines need.
OPTIONAL = ("dask", "distributed")

FEATURES = ("avx512f", "avx2", "fma", "neon")

# The comparison with libRoadRunner, as in the project's tests: |y - r| / (|r| + SMALL max_t |r|), r
# the reference, so that what has decayed to a thousandth of its maximum counts less; DUST is a
# billionth of a molecule per cell in nM. Both run at the tolerances below.
BOUND, SMALL, DUST = 1e-6, 1e-3, 1e-12
TIGHT: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-14, "max_steps": 200_000}
REFERENCE_RTOL, REFERENCE_ATOL = 1e-11, 1e-14
TIMES = (0.0, 6.0, 24.0, 48.0, 96.0)

CONDITION = {"alteration": "NRAS_G12D", "prednisolone": 1.0, "selumetinib": 0.1}

# A model without tables that calls every kind of function: exp, power, logarithm.
PLAIN = """
model plain
  A -> B; k1 * A * exp(-time / 5)
  B -> C; Vmax * B^n / (Km^n + B^n)
  C -> A; k3 * ln(1 + C)
  A = 10; B = 0; C = 0; k1 = 1; Vmax = 2; Km = 1.5; n = 2.5; k3 = 0.3
end
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is as it should be, or not; `advice` is what to do in that case."""

    name: str
    passed: bool
    found: str
    advice: str


def installation() -> dict[str, Any]:
    """Versions, the processor, the cache folder: plain values by name."""
    from .._version import __version__

    return {
        "steroidsim": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": _versions(REQUIRED),
        "optional": _versions(OPTIONAL),
        "processor": _processor(),
        "cache": _cache(),
    }


def _versions(names: tuple[str, ...]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def _processor() -> dict[str, Any]:
    """The processor as LLVM sees it, and what of its vectors is used; no LLVM, no vectors."""
    cores: dict[str, Any] = {"cores": os.cpu_count()}
    try:
        from llvmlite import binding

        from ..integrator.lanes import lane_count
        from ..integrator.machine_code import vector_library
        from ..simulation.progress import worker_count
    except ImportError:
        return cores
    known = binding.get_host_cpu_features()
    return cores | {
        "cores_used": worker_count(None),
        "name": binding.get_host_cpu_name(),
        "features": [name for name in FEATURES if known.get(name)],
        "vector_width": lane_count(states=1000),
        "vector_functions": sorted(vector_library()),
    }


def _cache() -> dict[str, Any] | None:
    """Where compiled code is kept, and how much of it; None where nothing can be computed."""
    try:
        from ..integrator.cache import cache_folder
    except ImportError:
        return None
    folder = cache_folder()
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        "folder": str(folder),
        "chosen_by": "STEROIDSIM_CACHE" if os.environ.get("STEROIDSIM_CACHE") else "the system",
        "temporary": _is_temporary(folder),
        "mode": f"{folder.stat().st_mode & 0o777:04o}" if os.name == "posix" else None,
        "bytes": sum(path.stat().st_size for path in files),
        "kernels": sum(path.suffix == ".o" for path in files),
    }


def _is_temporary(folder: Path) -> bool:
    """Whether it is the folder that `cache_folder` makes where it cannot write."""
    return folder.parent == Path(tempfile.gettempdir()) and folder.name.startswith("steroidsim-")


def checks(found: Mapping[str, Any]) -> Iterator[Check]:
    """Each check as it is made, of what `installation` found."""
    missing = [name for name, number in found["packages"].items() if number is None]
    yield Check(
        "packages",
        not missing,
        f"missing: {', '.join(missing)}" if missing else f"all {len(found['packages'])} are there",
        f"install them: python -m pip install {' '.join(missing)}",
    )
    if found["cache"] is not None:
        yield from _checks_of_cache(found["cache"])
    yield _agreement("steroid_response against libRoadRunner", _bundled, CONDITION)
    yield _agreement("a plain model against libRoadRunner", _plain, {})


def _checks_of_cache(cache: Mapping[str, Any]) -> Iterator[Check]:
    folder = cache["folder"]
    yield Check(
        "cache folder can be written",
        not cache["temporary"],
        f"no: {folder} is used, and lost at the end" if cache["temporary"] else "yes",
        "name a folder that can be written in the environment variable STEROIDSIM_CACHE; until then"
        " every process compiles its models again",
    )
    if cache["mode"] is not None:
        yield Check(
            "cache folder is written by you alone",
            not int(cache["mode"], 8) & 0o022,
            f"mode {cache['mode']}",
            f"who writes there can run code as you: chmod 700 {folder}",
        )


def _bundled() -> Model:
    from .. import load

    return load("steroid_response")


def _plain() -> Model:
    from .. import load

    return load(PLAIN)


def _agreement(name: str, made: Callable[[], Model], factors: Mapping[str, Any]) -> Check:
    """A model simulated here and by libRoadRunner, from the SBML that is exported."""
    advice = (
        "empty the cache folder and call again; if it stays, install the versions of the project's"
        " constraints/ folder, and report it with the output of: steroidsim doctor --json"
    )
    try:
        difference, where = largest_difference(made(), factors)
    except (SteroidsimError, ImportError, RuntimeError, OSError) as error:
        return Check(name, False, f"{type(error).__name__}: {error}", advice)
    found = f"largest relative difference {difference:.1e} ({where}), bound {BOUND:.0e}"
    return Check(name, bool(difference <= BOUND), found, advice)


def largest_difference(model: Model, factors: Mapping[str, Any]) -> tuple[float, str]:
    """The largest relative difference from libRoadRunner (CVODE), and its species and time."""
    import numpy as np
    import roadrunner

    species = [each.id for each in model.network.species]
    runs = model.simulate(TIMES, outputs=species, **TIGHT, **factors)
    ours = np.stack([runs[each].values for each in species], axis=-1)
    runner = roadrunner.RoadRunner(model.export_sbml(**factors))
    runner.integrator.relative_tolerance = REFERENCE_RTOL
    runner.integrator.absolute_tolerance = REFERENCE_ATOL
    runner.integrator.maximum_num_steps = TIGHT["max_steps"]
    runner.timeCourseSelections = ["time", *(f"[{each}]" for each in species)]
    reference = np.asarray(runner.simulate(times=list(TIMES)))[:, 1:]
    scale = np.abs(reference) + SMALL * np.abs(reference).max(axis=0) + DUST
    difference = np.abs(ours - reference) / scale
    # NaN, a run that failed, is larger than anything.
    difference = np.where(np.isnan(difference), np.inf, difference)
    time, worst = np.unravel_index(difference.argmax(), difference.shape)
    return float(difference[time, worst]), f"{species[worst]} at {TIMES[time]:g}"
