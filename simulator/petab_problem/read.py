"""From the yaml file of a PEtab problem to a checked `PetabProblem`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import ModelError, did_you_mean
from ..network.expression import TIME, symbols
from ..network.network import Network
from ..network.places import shown
from ..network.tables import Problems
from .conditions import read_conditions
from .experiments import read_changes, read_experiments
from .files import Files, read_files
from .measurements import MeasurementTable
from .model_file import read_model
from .names import names_of, read_mapping
from .observables import check_observables, read_observables
from .parameters import read_parameters
from .problem import Change, Experiment, Measurement, Observable, PetabProblem
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
    if files is None or problems.sentences:
        raise _told(problems)
    network = read_model(files, problems, allow_outside=allow_outside)
    return _Reading(path, files, network, problems).problem()


class _Reading:
    """The tables of one problem, read in the order in which they refer to each other."""

    def __init__(
        self, path: Path, files: Files, network: Network | None, problems: Problems
    ) -> None:
        self.path = path
        self.files = files
        self.problems = problems
        self.network = network
        self.names = names_of(network, files.model)

    def problem(self) -> PetabProblem:
        """Everything, or all that is wrong."""
        files, names, problems = self.files, self.names, self.problems
        if files.version == 2:
            columns = ("petabEntityId", "modelEntityId")
            read_mapping(read_rows(files, "mapping", problems, columns, ("name",)), names)
        parameters = read_parameters(files, names, problems)
        rows, by_id = read_observables(files, names, problems)
        observables = [observable for observable in by_id.values() if observable is not None]
        used = {s for o in observables for s in symbols(o.formula) | symbols(o.noise)}
        names.complete &= not files.unread & {"mapping", "parameter"}
        if len(observables) == len(by_id) and "observable" not in files.unread:
            own = {p for o in observables for p in (*o.placeholders, *o.noise_placeholders)}
            names.outputs = used - {TIME} - own - names.parameters - set(names.kinds)
        changes, experiments, measurements = self.measured(by_id)
        check_observables(rows, by_id, names, {change.target for change in changes})
        self.check_used(used, changes, measurements)
        if self.network is None or problems.sentences:
            raise _told(problems)
        return PetabProblem(
            path=self.path,
            version=files.version,
            network=self.network,
            parameters=tuple(parameters.values()),
            experiments=tuple(experiments),
            observables=tuple(observables),
            measurements=tuple(measurements),
        )

    def measured(
        self, observables: Mapping[str, Observable | None]
    ) -> tuple[list[Change], list[Experiment], list[Measurement]]:
        """All changes of conditions, the experiments, and the measurements."""
        files, names, problems = self.files, self.names, self.problems
        if files.version == 2:
            long = read_changes(files, names, problems)
            changes = [change for rows in long.values() for _, change in rows]
        else:
            wide = read_conditions(files, names, problems)
            changes = [change for condition in wide.values() for change in condition.changes]
        names.complete &= "condition" not in files.unread
        targets = {change.target for change in changes}
        table = MeasurementTable(files, names, observables, targets, problems)
        if files.version == 2:
            measurements = table.read_2(read_experiments(files, names, long, problems))
        else:
            measurements = table.read_1(wide, self.network)
        return changes, list(table.experiments.values()), measurements

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


def _told(problems: Problems) -> ModelError:
    """All problems, each once, a line for each."""
    return ModelError("\n".join(dict.fromkeys(problems.sentences)))
