"""Reading a model folder: a network, and the tables that name what may be done to it.

The folder's files and columns are described in the README of each model. Everything that is wrong
in a folder is told at once, one sentence per problem, each with its file and line.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ModelError, did_you_mean
from .definition import (
    Definition,
    Drug,
    Observable,
    Override,
    ParameterRecord,
    plain_definition,
)
from .folder_tables import FolderTables
from .network import Network
from .places import shown
from .tables import Problems, read_text, read_yaml

__all__ = [
    "Definition",
    "Drug",
    "Observable",
    "Override",
    "ParameterRecord",
    "plain_definition",
    "read_model_folder",
]

SETTINGS = ("name", "title", "model", "time_unit", "start", "default_cell", "predict", "outlook")
STARTS = ("steady_state", "initial")


def read_model_folder(path: str | Path) -> Definition:
    """The definition that a model folder describes.

    Raises
    ------
    ModelError
        Something is missing or wrong; one line for each problem of the whole folder.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ModelError(f"{shown(folder)}: is no model folder.")
    problems = Problems()
    settings = _read_settings(folder, problems)
    network = _read_network(folder, settings, problems)
    if network is None:
        raise ModelError("\n".join(problems.sentences))
    name = str(settings.get("name") or folder.resolve().name)
    definition = FolderTables(folder, network, problems).read(name, settings)
    if problems.sentences:
        raise ModelError("\n".join(problems.sentences))
    return definition


def _read_settings(folder: Path, problems: Problems) -> dict[str, Any]:
    path = folder / "model.yaml"
    where = shown(path)
    settings = read_yaml(path, problems)
    if settings is None:
        return {}
    for key in settings:
        if key not in SETTINGS:
            problems.add(where, f'has an unknown key "{key}".{did_you_mean(key, SETTINGS)}')
    for key in ("name", "model", "time_unit", "start"):
        if not isinstance(settings.get(key), str):
            problems.add(where, f'needs the key "{key}" with a text.')
    start = settings.get("start")
    if isinstance(start, str) and start not in STARTS:
        problems.add(where, f'start is "{start}"; it must be one of: {", ".join(STARTS)}.')
    name = settings.get("name")
    if isinstance(name, str) and name != folder.resolve().name:
        problems.add(where, f'name is "{name}", but the folder is "{folder.resolve().name}".')
    return settings


def _read_network(folder: Path, settings: Mapping[str, Any], problems: Problems) -> Network | None:
    path = folder / str(settings.get("model", "model.ant"))
    where = shown(path)
    text = read_text(path, where, problems)
    if text is None:
        return None
    from .antimony import read_antimony
    from .sbml import read_sbml

    try:
        if path.suffix in (".xml", ".sbml"):
            return read_sbml(text, where)
        return read_antimony(text, where)
    except ModelError as error:
        problems.sentences.append(str(error))
        return None
