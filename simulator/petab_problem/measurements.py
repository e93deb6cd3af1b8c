"""The measurement table: what was measured, when, in which experiment."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from ..errors import did_you_mean
from ..network.expression import Expression, symbols
from ..network.network import Network
from ..network.tables import Problems, Row
from .conditions import Condition, experiment_of
from .experiments import AS_IT_IS, start_of
from .files import Files
from .names import Names
from .problem import Experiment, Measurement, Observable
from .tables import is_empty, listed, number, read_rows

_OPTIONAL_1 = (
    "preequilibrationConditionId", "observableParameters", "noiseParameters", "datasetId",
    "replicateId",
)  # fmt: skip
_OPTIONAL_2 = ("modelId", "observableParameters", "noiseParameters", "datasetId", "replicateId")


class MeasurementTable:
    """Reads the measurements of one problem, and finds the experiments that they are of.

    observables : by id, None where its own row has problems.
    targets : what conditions set.
    experiments : by id; of version 1, filled while the rows are read.
    """

    def __init__(
        self,
        files: Files,
        names: Names,
        observables: Mapping[str, Observable | None],
        targets: Collection[str],
        problems: Problems,
    ) -> None:
        self.files = files
        self.names = names
        self.observables = observables
        self.targets = set(targets)
        self.problems = problems
        self.experiments: dict[str, Experiment] = {}
        self.checked: set[tuple[str, str]] = set()

    def read_1(
        self, conditions: dict[str, Condition], network: Network | None
    ) -> list[Measurement]:
        """The rows of a table of version 1."""
        columns = ("observableId", "simulationConditionId", "measurement", "time")
        rows = read_rows(self.files, "measurement", self.problems, columns, _OPTIONAL_1)
        found = []
        for place, row in enumerate(rows):
            before, during = row["preequilibrationConditionId"], row["simulationConditionId"]
            before = "" if is_empty(before) else before
            known = self.known_condition(row, "simulationConditionId", conditions)
            if before:
                known &= self.known_condition(row, "preequilibrationConditionId", conditions)
            experiment = None
            if known and network is not None:
                experiment = experiment_of(before, during, conditions, network, self.names)
                experiment = self.experiments.setdefault(experiment.id, experiment)
            found.append(self.measurement(row, place, experiment))
        return [measurement for measurement in found if measurement is not None]

    def known_condition(self, row: Row, column: str, conditions: Mapping[str, Condition]) -> bool:
        """Whether the condition in a column is in the condition table; a problem if not."""
        id = row[column]
        if id in conditions:
            return True
        if "condition" in self.files.unread:
            return False
        what = f'{column} "{id}" is' if id else f"{column} is empty; it must be"
        row.problem(
            f"{what} {'not ' if id else ''}in the condition table.{did_you_mean(id, conditions)}"
        )
        return False

    def read_2(self, experiments: dict[str, Experiment]) -> list[Measurement]:
        """The rows of a table of version 2."""
        columns = ("observableId", "experimentId", "measurement", "time")
        rows = read_rows(self.files, "measurement", self.problems, columns, _OPTIONAL_2)
        self.experiments = dict(experiments)
        if any(is_empty(row["experimentId"]) for row in rows):
            self.experiments[AS_IT_IS.id] = AS_IT_IS
        found = []
        for place, row in enumerate(rows):
            id = "" if is_empty(row["experimentId"]) else row["experimentId"]
            if id not in self.experiments and "experiment" not in self.files.unread:
                hint = did_you_mean(id, self.experiments)
                row.problem(f'experimentId "{id}" is not in the experiment table.{hint}')
            if not is_empty(row["modelId"]) and row["modelId"] != self.files.model_id:
                row.problem(f'modelId is "{row["modelId"]}"; the model is "{self.files.model_id}".')
            found.append(self.measurement(row, place, self.experiments.get(id)))
        return [measurement for measurement in found if measurement is not None]

    def measurement(
        self, row: Row, place: int, experiment: Experiment | None
    ) -> Measurement | None:
        """One row, if it is good."""
        id = row["observableId"]
        observable = self.observables.get(id)
        if id not in self.observables and "observable" not in self.files.unread:
            hint = did_you_mean(id, self.observables)
            row.problem(f'observableId "{id}" is not in the observable table.{hint}')
        value = number(row, "measurement")
        time = number(row, "time", infinite=(math.inf,))
        start = 0.0 if experiment is None else start_of(experiment)
        if time is not None and time < start:
            row.problem(f"time is {time:g}; the experiment starts at {start:g}.")
        if observable is None:
            return None
        logarithmic = observable.transformation != "lin" or observable.distribution[:4] == "log-"
        if value is not None and logarithmic and value <= 0:
            row.problem(
                f'measurement is {value:g}; of "{id}", compared as logarithms, it must be > 0.'
            )
        overrides = {
            **self.overrides(row, "observableParameters", observable.placeholders),
            **self.overrides(row, "noiseParameters", observable.noise_placeholders),
        }
        if value is None or time is None or experiment is None:
            return None
        self.check_complete(row, observable, experiment)
        return Measurement(id, experiment.id, time, value, overrides, place)

    def overrides(
        self, row: Row, column: str, placeholders: tuple[str, ...]
    ) -> dict[str, Expression]:
        """Placeholder -> value, as many as the observable has."""
        texts = listed(row[column])
        if len(texts) != len(placeholders):
            needs = " ; ".join(placeholders) or "none"
            row.problem(
                f'{column} has {len(texts)} values; "{row["observableId"]}" needs '
                f"{len(placeholders)}: {needs}."
            )
            return {}
        values = (self.names.value(row, column, text) for text in texts)
        return {
            name: value
            for name, value in zip(placeholders, values, strict=True)
            if value is not None
        }

    def check_complete(self, row: Row, observable: Observable, experiment: Experiment) -> None:
        """What only conditions can set, of the symbols of an observable, this experiment sets."""
        if (observable.id, experiment.id) in self.checked:
            return
        self.checked.add((observable.id, experiment.id))
        given = {change.target for period in experiment.periods for change in period.changes}
        needed = (symbols(observable.formula) | symbols(observable.noise)) & self.targets
        for name in sorted(needed - given - set(self.names.kinds)):
            row.problem(
                f'observable "{observable.id}" uses "{name}", to which experiment '
                f'"{experiment.id}" gives no value.'
            )
