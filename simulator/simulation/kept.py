"""Models read before: reading a model takes longer than simulating it once.

What was read is kept in the cache folder, under a digest of everything that it was made from: the
model's files, the code that reads them, and the libraries that this uses.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..integrator.cache import cache_folder, write_whole
from ..network.definition import Definition
from ..network.places import shown

# Files of a model folder that say what the model is.
SUFFIXES = (".ant", ".tsv", ".yaml", ".xml", ".sbml")

# Statements of Antimony and of SBML by which a file draws on another.
ELSEWHERE = re.compile(rb'\bimport\s*"|externalModelDefinition', re.IGNORECASE)

READERS = ("antimony", "python-libsbml", "pyyaml")

PACKAGE = Definition.__module__.removesuffix("definition")


def kept(path: Path, read: Callable[[Path], Definition]) -> Definition:
    """The definition that `read` makes of a model's file or folder, read only if it changed.

    Raises what `read` raises; a model in which something is wrong is not kept.
    """
    name = _name(path)
    if name is None:
        return read(path)
    file = cache_folder() / "models" / name
    found = _stored(file)
    if found is not None:
        return replace(found, folder=path if path.is_dir() else None)
    found = read(path)
    network = Path(str(found.settings.get("model", "model.ant")))  # may lie outside the folder
    if len(network.parts) == 1 and _is_part(network) and _name(path) == name:
        _store(file, found)
    return found


def _name(path: Path) -> str | None:
    """Digest of all that a definition is made from; None if that is not known."""
    digest = hashlib.sha256(_readers())
    digest.update(f"{path}\n{shown(path)}\n".encode())  # as messages call it
    try:
        files = sorted(filter(_is_part, path.iterdir())) if path.is_dir() else [path]
        for file in files:
            content = file.read_bytes()
            if ELSEWHERE.search(content):
                return None
            digest.update(f"{file.name} {len(content)}\n".encode() + content)
    except OSError:
        return None
    return digest.hexdigest()[:32]


def _is_part(file: Path) -> bool:
    """Whether a file of a model folder is part of the model, by its name."""
    return file.suffix in SUFFIXES


@cache
def _readers() -> bytes:
    """Digest of the code that reads models."""
    digest = hashlib.sha256(sys.version.encode())
    for name in READERS:
        digest.update(f"{name} {version(name)}\n".encode())
    for source in sorted(Path(__file__).parents[1].joinpath("network").glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.digest()


class _Definitions(pickle.Unpickler):
    """Reads definitions and the plain data in them, and refuses anything else."""

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name) if module.startswith(PACKAGE) else None
        if not isinstance(found, type) or not found.__module__.startswith(PACKAGE):
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a definition")
        return found


def _stored(file: Path) -> Definition | None:
    """The definition kept in a file; None where there is none or the file is damaged."""
    try:
        found = _Definitions(io.BytesIO(file.read_bytes())).load()
    except Exception:  # whatever a damaged file may raise
        return None
    return found if isinstance(found, Definition) else None


def _store(file: Path, definition: Definition) -> None:
    """Keep a definition; without a place to keep it, it is read anew each time."""
    with suppress(OSError, RecursionError):
        write_whole(file, pickle.dumps(replace(definition, folder=None)))
