"""Results in HDF5 files of pyPESTO's layout, with what they are results of.

A file is never written in place: a copy gets what is new and takes its place, so that a fit that
is killed at any moment leaves a file that can be read, and taken up again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import h5py
import numpy as np
import pypesto
from pypesto import store

from .._version import __version__
from ..errors import ConditionError
from ..network.tables import Problems
from ..petab_problem.files import read_files
from .objective import Search, pypesto_problem

if TYPE_CHECKING:
    from .problem import Problem

GROUP = "steroidsim"
"""Group of a result file with what pyPESTO does not write."""

HIERARCHICAL = "hierarchical"
"""The option of a problem that says which parameters are searched; files without it mean False."""

STARTS = "optimization/results"
"""Group with one group for each start."""

SAME_BEST = 1e-3
"""Objectives this near are of one optimum: a thousandth of what widens a 95 % interval visibly."""


def files_of(problem: Problem) -> dict[str, Path]:
    """The problem's files by name, relative to its folder."""
    path = problem.petab.path
    found = read_files(path, Problems(), allow_outside=True)
    assert found is not None and found.model is not None  # noqa: S101
    files = [path, found.model, *(file for table in found.tables.values() for file in table)]
    return {Path(os.path.relpath(file, path.parent)).as_posix(): file for file in files}


def described(problem: Problem, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a fit depends on: digests of files, settings, and tolerances."""
    digests = {
        name: hashlib.sha256(file.read_bytes()).hexdigest()[:32]
        for name, file in files_of(problem).items()
    }
    numbers = {k: v for k, v in problem.options.items() if k in ("rtol", "atol", "max_steps")}
    numbers[HIERARCHICAL] = problem.options[HIERARCHICAL]
    return {"files": digests, "settings": dict(settings) | numbers}


class ResultFile:
    """A result file of one problem.

    Raises
    ------
    ConditionError
        The file is no result file, or one of another fit; says what differs.
    """

    def __init__(self, path: str | os.PathLike[str], search: Search) -> None:
        self.path = Path(path)
        self.search = search

    def begin(self, settings: Mapping[str, Any]) -> list[int]:
        """Prepare for a fit; the numbers of starts that are there already."""
        wanted = described(self.search.problem, settings)
        if self.path.exists():
            stored = stored_description(self.path)
            _check_same(self.path, stored, wanted)
            with h5py.File(self.path, "r") as file:
                return sorted(map(int, file.get(STARTS, ())))

        def write(path: Path) -> None:
            store.ProblemHDF5Writer(path).write(pypesto_problem(self.search))
            origin = str(self.search.problem.petab.path.resolve())
            with h5py.File(path, "a") as file:
                group = file.require_group(GROUP)
                group.attrs["description"] = json.dumps(wanted)
                group.attrs["problem"] = origin
                group.attrs["version"] = __version__
                file.require_group(STARTS)

        self._change(write)
        return []

    def add_start(self, start: pypesto.OptimizerResult) -> None:
        """Write a start that has ended."""
        writer = store.OptimizationResultHDF5Writer
        self._change(lambda path: writer(path).write_optimizer_result(start))

    def write_profiles(self, result: pypesto.Result) -> None:
        """Write, or replace, the profiles."""
        self._change(lambda path: store.ProfileResultHDF5Writer(path).write(result, overwrite=True))

    def write_samples(self, result: pypesto.Result) -> None:
        """Write, or replace, the samples."""
        writer = store.SamplingResultHDF5Writer
        self._change(lambda path: writer(path).write(result, overwrite=True))

    def read(self) -> pypesto.Result:
        """The result, with a problem that can be evaluated."""
        return _read(self.path, self.search)

    def _change(self, write: Callable[[Path], object]) -> None:
        """Let a copy be written to, and put it in the file's place."""
        copy = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists():
                shutil.copyfile(self.path, copy)
            write(copy)
            os.replace(copy, self.path)
        except OSError as error:
            raise ConditionError(
                f"{self.path}: results cannot be written there ({error.strerror or error})."
            ) from None
        finally:
            copy.unlink(missing_ok=True)


def stored_description(path: Path) -> dict[str, Any]:
    """What the fit of a file depends on.

    Raises
    ------
    ConditionError
        The file is no result file of this package.
    """
    try:
        with h5py.File(path, "r") as file:
            found: dict[str, Any] = json.loads(file[GROUP].attrs["description"])
            return found
    except (OSError, KeyError, ValueError):
        raise ConditionError(
            f"{path}: is no result file of `steroidsim fit`; name another file."
        ) from None


def stored_problem(path: Path) -> Path:
    """The problem's yaml file that a result file was made from: as it was, or beside the result."""
    stored_description(path)
    with h5py.File(path, "r") as file:
        origin = Path(file[GROUP].attrs["problem"])
    beside = path.parent / origin.name
    return beside if beside.exists() and not origin.exists() else origin


def stored_hierarchical(path: Path) -> bool | Literal["auto"]:
    """The option `hierarchical` of the problem that a result file was made from."""
    found: bool | Literal["auto"] = stored_description(path)["settings"].get(HIERARCHICAL, False)
    return found


def read_result(path: str | os.PathLike[str], problem: Problem) -> pypesto.Result:
    """The pyPESTO result of a file, for the problem that it was made from.

    Raises
    ------
    ConditionError
        The file is no result file, the problem's files are no longer the same, or `hierarchical`
        is not.
    """
    path = Path(path)
    stored = stored_description(path)
    wanted = described(problem, {})
    wanted["settings"] = {HIERARCHICAL: problem.options[HIERARCHICAL]}
    searched = {HIERARCHICAL: stored["settings"].get(HIERARCHICAL, False)}
    _check_same(path, {"files": stored["files"], "settings": searched}, wanted)
    return _read(path, Search(problem))


def _read(path: Path, search: Search) -> pypesto.Result:
    with h5py.File(path, "r") as file:
        parts = [name for name in ("profiling", "sampling") if name in file]
    result = store.read_result(
        path, problem=False, optimize=True, profile="profiling" in parts, sample="sampling" in parts
    )
    result.problem = pypesto_problem(search)
    starts = sorted(result.optimize_result.list, key=lambda start: int(start.id))
    result.optimize_result.list = starts
    result.optimize_result.sort()
    if not _of_best(result):
        result.profile_result.list.clear()
    return result


def _of_best(result: pypesto.Result) -> bool:
    """Whether profiles are those of the best start: later starts may have found a better one."""
    paths = [path for paths in result.profile_result.list for path in paths if path is not None]
    if not paths or not result.optimize_result.list:
        return True
    best = float(result.optimize_result.list[0].fval)
    return all(abs(float(np.min(path.fval_path)) - best) <= SAME_BEST for path in paths)


def _check_same(path: Path, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise ConditionError, naming what differs, unless a fit is the one that is stored."""
    differences = []
    for name in sorted({*stored["files"], *wanted["files"]}):
        if stored["files"].get(name) != wanted["files"].get(name):
            differences.append(f"{name} has changed")
    before, now = ({HIERARCHICAL: False} | each["settings"] for each in (stored, wanted))
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            differences.append(f"{name} was {before.get(name)} and is {now.get(name)}")
    if differences:
        raise ConditionError(
            f"{path}: is the result of another fit ({'; '.join(differences)}); name another file,"
            " or remove this one."
        )
