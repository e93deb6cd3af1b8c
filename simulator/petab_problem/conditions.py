"""Version 1: the wide condition table, and experiments made of the conditions that are measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..network.expression import Expression, Number
from ..network.network import Network
from ..network.tables import Problems, Row, unique
from .files import Files
from .names import Names
from .problem import PRE_EQUILIBRATION, Change, Experiment, Period
from .tables import check_id, is_empty, read_rows

_NOT_TARGETS = ("conditionId", "conditionName")


@dataclass
class Condition:
    """A row of the table; `unset` are targets whose cells are empty."""

    name: str
    changes: tuple[Change, ...]
    unset: tuple[str, ...]


def read_conditions(files: Files, names: Names, problems: Problems) -> dict[str, Condition]:
    """Condition by id."""
    rows = read_rows(files, "condition", problems, ("conditionId",), None)
    _check_columns(rows, names)
    found = {}
    for row in unique(rows, "conditionId"):
        check_id(row, "conditionId")
        changes, unset = [], []
        for column, text in row.values.items():
            if column in _NOT_TARGETS:
                continue
            if is_empty(text):
                unset.append(column)
                continue
            value = names.value(row, column, text)
            if value is not None:
                changes.append(Change(column, value))
        name = row.values.get("conditionName", "")
        found[row["conditionId"]] = Condition(name, tuple(changes), tuple(unset))
    return found


def _check_columns(rows: Iterable[Row], names: Names) -> None:
    """Note, once a file, each column that conditions may not set."""
    seen = set()
    for row in rows:
        file = row.where.rpartition(":")[0]
        for column in row.values:
            if column in _NOT_TARGETS or (file, column) in seen:
                continue
            seen.add((file, column))
            names.check_target(row.problems, file, f'column "{column}"', column)


def experiment_of(
    before: str, during: str, conditions: dict[str, Condition], network: Network, names: Names
) -> Experiment:
    """The experiment of one condition, after pre-equilibration under another if `before` has one.

    What moves with time keeps its value from pre-equilibration where the second condition does not
    set it; a constant that only the first one sets has its value in the model again.
    """
    condition = conditions[during]
    if not before:
        return Experiment(during, (Period(0.0, condition.changes),), condition.name)
    set_before = {change.target for change in conditions[before].changes}
    restored = tuple(
        Change(target, value)
        for target in condition.unset
        if target in set_before and (value := _constant(target, network, names)) is not None
    )
    return Experiment(
        f"{before}-{during}",
        (
            Period(PRE_EQUILIBRATION, conditions[before].changes),
            Period(0.0, condition.changes + restored),
        ),
        condition.name,
    )


def _constant(target: str, network: Network, names: Names) -> Expression | None:
    """What the model gives a parameter that does not move with time; None for anything else."""
    if names.kinds.get(target) != "parameter" or target in names.moving:
        return None
    for name, formula in network.initial_assignments:
        if name == target:
            return formula
    values = {p.id: p.value for p in network.parameters}
    value = values[target]
    return None if value is None else Number(value)
