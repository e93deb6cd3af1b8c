"""What the problem's yaml file names: the version of PEtab, the model and the tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import did_you_mean
from ..network.places import shown
from ..network.tables import Problems, read_yaml

TABLES = ("parameter", "condition", "experiment", "observable", "measurement", "mapping")
_NEEDED = ("parameter", "observable", "measurement")
_KEYS_1 = ("format_version", "parameter_file", "problems", "extensions")
_PROBLEM_KEYS_1 = (
    "sbml_files", "condition_files", "observable_files", "measurement_files", "visualization_files",
)  # fmt: skip
_KEYS_2 = ("format_version", "id", "model_files", "extensions", *(f"{t}_files" for t in TABLES))
_LANGUAGES = ("sbml", "antimony")
_ANTIMONY = (".ant", ".antimony")


@dataclass
class Files:
    """Where everything is.

    tables : a list of files, perhaps empty, for each of `TABLES`.
    unread : tables of which a file could not be read, so that ids may be missing.
    """

    version: int = 0
    model: Path | None = None
    model_id: str = ""
    antimony: bool = False
    tables: dict[str, list[Path]] = field(default_factory=lambda: {t: [] for t in TABLES})
    unread: set[str] = field(default_factory=set)


class _Config:
    """Reads the content of one yaml file."""

    def __init__(self, path: Path, problems: Problems, allow_outside: bool) -> None:
        self.folder = path.parent
        self.where = shown(path)
        self.problems = problems
        self.allow_outside = allow_outside

    def problem(self, sentence: str) -> None:
        self.problems.add(self.where, sentence)

    def keys(self, content: dict[str, Any], known: Sequence[str], needed: Sequence[str]) -> None:
        """Note keys that are unknown or not there."""
        for key in content:
            if key not in known:
                missing = [k for k in known if k not in content]
                self.problem(f'has an unknown key "{key}".{did_you_mean(key, missing)}')
        for key in needed:
            if key not in content:
                self.problem(f'has no "{key}".')

    def paths(self, content: dict[str, Any], key: str) -> list[Path]:
        """The files under a key, which may also be a single name."""
        names = content.get(key)
        names = [names] if isinstance(names, str) else names or []
        if not isinstance(names, list):
            self.problem(f"{key} is {names!r}; it must be a list of file names.")
            return []
        found = (self.path(name, key) for name in names)
        return [path for path in found if path is not None]

    def path(self, name: object, key: str) -> Path | None:
        """A file of the problem; None and a problem if it is none, or outside its folder."""
        if not isinstance(name, str) or not name:
            self.problem(f"{key} names {name!r}; it must be a file name.")
            return None
        if "://" in name:
            self.problem(f'{key} names "{name}"; files are read from the problem\'s folder only.')
            return None
        path = self.folder / name
        inside = path.resolve().is_relative_to(self.folder.resolve())
        if not self.allow_outside and (Path(name).is_absolute() or not inside):
            self.problem(
                f'{key} names "{name}", which leaves the problem\'s folder; '
                "that is read with allow_outside=True only."
            )
            return None
        return path

    def extensions(self, content: dict[str, Any]) -> None:
        """Refuse each extension by its name."""
        names = content.get("extensions") or ()
        for name in [names] if isinstance(names, str) else names:
            self.problem(f'uses the extension "{name}"; no extension is supported.')


def read_files(path: Path, problems: Problems, *, allow_outside: bool) -> Files | None:
    """What the yaml file names, checked; None and a problem if its version is not known."""
    content = read_yaml(path, problems)
    if content is None:
        return None
    config = _Config(path, problems, allow_outside)
    version = re.fullmatch(r"([12])(?:\.\d+)*", str(content.get("format_version", "")))
    if version is None:
        found = content.get("format_version")
        says = "is not there" if found is None else f"is {found!r}"
        config.problem(f"format_version {says}; it must be 1 or 2.0.0.")
        return None
    config.extensions(content)
    return _version_1(content, config) if version[1] == "1" else _version_2(content, config)


def _version_1(content: dict[str, Any], config: _Config) -> Files:
    files = Files(1)
    config.keys(content, _KEYS_1, ("parameter_file", "problems"))
    files.tables["parameter"] = config.paths(content, "parameter_file")
    entries = content.get("problems") or []
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        config.problem("problems must be a list with one entry of file names.")
        return files
    if len(entries) != 1:
        config.problem(
            f"has {len(entries)} entries under problems; one is supported: "
            "write a file for each of them."
        )
        return files
    entry = {str(key): value for key, value in entries[0].items()}
    config.keys(entry, _PROBLEM_KEYS_1, [k for k in _PROBLEM_KEYS_1 if k[0] != "v"])
    for table in ("condition", "observable", "measurement"):
        files.tables[table] = config.paths(entry, f"{table}_files")
    before = len(config.problems.sentences)
    models = config.paths(entry, "sbml_files")
    if len(models) == 1:
        files.model = models[0]
        files.antimony = files.model.suffix in _ANTIMONY
    elif "sbml_files" in entry and before == len(config.problems.sentences):
        config.problem(f"has {len(models)} sbml_files; one model is supported.")
    return files


def _version_2(content: dict[str, Any], config: _Config) -> Files:
    files = Files(2)
    needed = ["model_files", *(f"{table}_files" for table in _NEEDED)]
    config.keys(content, _KEYS_2, needed)
    for table in TABLES:
        files.tables[table] = config.paths(content, f"{table}_files")
    models = content.get("model_files") or {}
    if not isinstance(models, dict) or not all(isinstance(m, dict) for m in models.values()):
        config.problem("model_files must map the model's id to its location and language.")
        return files
    if len(models) != 1:
        if "model_files" in content:
            config.problem(f"has {len(models)} model_files; one model is supported.")
        return files
    ((id, model),) = models.items()
    files.model_id = str(id)
    files.model = config.path(model.get("location"), f'the location of model "{id}"')
    language = str(model.get("language", "")).casefold()
    if language not in _LANGUAGES:
        config.problem(
            f'the language of model "{id}" is "{language}"; '
            f"it must be one of: {', '.join(_LANGUAGES)}."
        )
        files.model = None
    elif files.model is not None:
        files.antimony = language == "antimony" or files.model.suffix in _ANTIMONY
    return files
