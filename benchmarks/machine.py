"""What a figure needs said with it: the machine without its name, and the versions."""

import hashlib
import math
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("steroidsim", "numpy", "numba", "llvmlite", "libroadrunner", "amici")
BUSY = 1.2  # load per core above which others must have been at work
WATCHED = ("integrator", "codegen", "simulation", "conditions", "network")


def description() -> dict[str, str]:
    """Processor, cores, system, Python and package versions."""
    found = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def sentence() -> str:
    """The same on one line."""
    return ", ".join(f"{name} {value}" for name, value in description().items())


def load() -> float:
    """Processes that wanted to run in the last minute, on average; NaN where not told."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else math.nan


def busy(loads: Sequence[float]) -> str:
    """What the loads seen say about the figures; a benchmark by itself makes a load of 1 to 2."""
    seen = f"Load average between the parts: {min(loads):.1f} to {max(loads):.1f}."
    if not max(loads) > BUSY * (os.cpu_count() or 1):
        return seen
    return (
        f"{seen} The machine was busy with other work: ratios of CPU times bear that, wall times"
        " (two cores, first result) do not."
    )


def source_digest() -> str:
    """Digest of what decides steroidsim's speed: a stored measurement is kept while it is equal."""
    import simulator

    package = Path(simulator.__file__).parent
    digest = hashlib.sha256()
    for folder in WATCHED:
        for source in sorted((package / folder).rglob("*.py")):
            digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def _processor() -> str:
    """The processor's model and vector width, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    facts: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name", "unknown")
    flags = facts.get("flags", "").split()
    width = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else ""
    return f"{name} {width}".strip()
