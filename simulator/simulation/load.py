"""From what a user calls a model to a `Model`.

Readers are imported when something is read: a model that is kept needs none.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ModelError, did_you_mean
from ..network.definition import Definition, plain_definition
from ..network.places import bundled_names, find_bundled
from .kept import kept
from .model import Model

ANTIMONY = (".ant", ".antimony", ".txt")
SBML = (".xml", ".sbml")


def load_model(model: str | os.PathLike[str]) -> Model:
    """A model by bundled name, folder, file or Antimony text; see `simulator.load`."""
    if isinstance(model, str) and "\n" in model:
        from ..network.antimony import read_antimony

        return Model(plain_definition(read_antimony(model, "Antimony text"), "model"))
    if not isinstance(model, str | os.PathLike):
        raise ModelError(
            f"load() takes a bundled name, a path or Antimony text, not {type(model).__name__}."
        )
    path = Path(model).expanduser()
    bundled = find_bundled(str(model)) if not path.exists() else None
    return Model(_read(bundled or path, str(model)))


def _read(path: Path, name: str) -> Definition:
    if path.is_dir():
        return kept(path, _read_folder)
    if not path.is_file():
        names = bundled_names()
        raise ModelError(
            f'"{name}" is neither a bundled model ({", ".join(names)}) nor an existing file or'
            f" folder.{did_you_mean(name, names)}"
        )
    suffix = path.suffix.lower()
    if suffix not in (*ANTIMONY, *SBML):
        raise ModelError(
            f"{path}: a model file ends in .ant (Antimony) or .xml or .sbml (SBML), not"
            f' "{path.suffix}".'
        )
    return kept(path, _read_file)


def _read_folder(path: Path) -> Definition:
    from ..network.model_folder import read_model_folder

    return read_model_folder(path)


def _read_file(path: Path) -> Definition:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise ModelError(f"{path}: not UTF-8 text (byte {problem.start}).") from None
    except OSError as problem:
        raise ModelError(f"{path}: {problem.strerror}.") from None
    if path.suffix.lower() in SBML:
        from ..network.sbml import read_sbml as read
    else:
        from ..network.antimony import read_antimony as read
    return plain_definition(read(text, str(path)), path.stem)
