"""From the yaml file of a PEtab problem to a checked `PetabProblem`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import ModelError, did_you_mean
from ..network.expression import symbols
from ..network.network import Network
from ..network.places import shown
from ..network.tables import Problems, read_text
from .conditions import read_conditions
from .experiments import read_experiments
from .files import Files, read_files
from .measurements import MeasurementTable
from .names import names_of, raise_all, read_mapping
from .observables import check_observables, read_observables
from .parameters import read_parameters
from .problem import Change, Measurement, Observable, PetabProblem
from .tables import read_rows


def read_problem(path: str | os.PathLike[str], *, allow_outside: bool = False) -> PetabProblem:
    """The problem that a PEtab yaml file and the files that it names describe.

    Versions 1 and 2 with one model in SBML or Antimony. Formulas become trees and are not
    evaluated; nothing is simulated.

    Parameters
    ----------
    allow_outside
        Read files outside the folder of the yaml file too, where it names such.

    Raises
    ------
    ModelError
        Something in the files is wrong or not supported; one line for each such thing in all files.
    """
    path = Path(path)
    problems = Problems()
    files = read_files(path, problems, allow_outside=allow_outside)
    raise_all(problems)
    assert files is not None  # noqa: S101
    return _Reading(path, files, problems).problem()


class _Reading:
    """The tables of one problem, read in the order in which they refer to each other."""

    def __init__(self, path: Path, files: Files, problems: Problems) -> None:
        self.path = path
        self.files = files
        self.problems = problems
        self.network = _network(files, problems)
        self.names = names_of(self.network, files.model)

    def problem(self) -> PetabProblem:
        """Everything, or all that is wrong."""
        files, names, problems = self.files, self.names, self.problems
        if files.version == 2:
            columns = ("petabEntityId", "modelEntityId")
            read_mapping(read_rows(files.tables["mapping"], problems, columns, ("name",)), names)
        parameters = read_parameters(files, names, problems)
        rows = read_observables(files, names, problems)
        observables = {observable.id: observable for _, observable in rows}
        used = {s for o in observables.values() for s in symbols(o.formula) | symbols(o.noise)}
        outputs = used - names.parameters - {p for o in observables.values() for p in _own(o)}
        table = MeasurementTable(files, names, observables, problems)
        if files.version == 2:
            experiments = read_experiments(files, names, outputs, problems)
            changes = [c for e in experiments.values() for p in e.periods for c in p.changes]
            measurements = table.read_2(experiments)
        else:
            conditions = read_conditions(files, names, outputs, problems)
            changes = [c for condition in conditions.values() for c in condition.changes]
            measurements = table.read_1(conditions, self.network)
        check_observables(rows, names, {change.target for change in changes})
        self.check_used(used, changes, measurements)
        raise_all(problems)
        assert self.network is not None  # noqa: S101
        return PetabProblem(
            path=self.path,
            version=files.version,
            network=self.network,
            parameters=tuple(parameters.values()),
            experiments=tuple(table.experiments.values()),
            observables=tuple(observables.values()),
            measurements=tuple(measurements),
        )

    def check_used(
        self, used: set[str], changes: Iterable[Change], measurements: Iterable[Measurement]
    ) -> None:
        """A parameter that nothing uses is a misspelt one."""
        if self.problems.sentences:
            return  # what could not be read may use it
        names = self.names
        values = [change.value for change in changes]
        values += [value for m in measurements for value in m.overrides.values()]
        used = used.union(names.kinds, *(symbols(value) for value in values))
        for name in sorted(names.parameters):
            if names.resolved(name) not in used:
                self.problems.add(
                    ", ".join(shown(path) for path in self.files.tables["parameter"]),
                    f'parameterId "{name}" is no parameter of {names.model}, and no table uses it.'
                    f"{did_you_mean(name, used - names.parameters)}",
                )


def _own(observable: Observable) -> tuple[str, ...]:
    return (*observable.placeholders, *observable.noise_placeholders)


def _network(files: Files, problems: Problems) -> Network | None:
    """The model; None and problems if it cannot be read."""
    if files.model is None:
        return None
    where = shown(files.model)
    text = read_text(files.model, where, problems)
    if text is None:
        return None
    if files.antimony:
        from ..network.antimony import read_antimony as read
    else:
        from ..network.sbml import read_sbml as read
    try:
        return read(text, where)
    except ModelError as error:
        problems.sentences += str(error).splitlines()
        return None
