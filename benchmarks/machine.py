"""What a figure needs said with it: the machine without its name, and the versions."""

import hashlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("steroidsim", "numpy", "numba", "llvmlite", "libroadrunner", "amici")
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
