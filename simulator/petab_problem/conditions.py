"""Version 1: the wide condition table, and experiments made of the conditions that are measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..network.expression import Number, substitute, symbols
from ..network.network import Network
from ..network.tables import Problems, Row, unique
from .files import Files
from .names import Names
from .problem import PRE_EQUILIBRATION, Change, Experiment, Period
from .tables import check_id, is_empty, read_rows

_NOT_TARGETS = ("conditionId", "conditionName")


@dataclass
class Condition:
    """A row of the table: its name, and what its cells set; an empty cell sets nothing."""

    name: str
    changes: tuple[Change, ...]


def read_conditions(files: Files, names: Names, problems: Problems) -> dict[str, Condition]:
    """Condition by id."""
    rows = read_rows(files, "condition", problems, ("conditionId",), None)
    _check_columns(rows, names)
    found = {}
    for row in unique(rows, "conditionId"):
        check_id(row, "conditionId")
        changes = []
        for column, text in row.values.items():
            if column in _NOT_TARGETS or is_empty(text):
                continue
            value = names.value(row, column, text)
            if value is not None:
                changes.append(Change(column, value))
        name = row.values.get("conditionName", "")
        found[row["conditionId"]] = Condition(name, tuple(changes))
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

    Each condition is of the whole model, whose state alone is carried from the first to the second:
    what moves with time keeps its value where the second condition does not set it; a constant does
    not.
    """
    condition = conditions[during]
    if not before:
        return Experiment(during, (Period(0.0, condition.changes),), condition.name)
    first = conditions[before].changes
    constants = _constants(first, condition.changes, network, names)
    return Experiment(
        f"{before}-{during}",
        (Period(PRE_EQUILIBRATION, first), Period(0.0, condition.changes + constants)),
        condition.name,
    )


def _constants(
    first: tuple[Change, ...], second: tuple[Change, ...], network: Network, names: Names
) -> tuple[Change, ...]:
    """Constants that the second condition does not set, but that are not as in the first.

    Those that only the first sets have the model's value again, and those that the model computes
    from what either sets are computed anew.
    """
    computed = dict(network.initial_assignments)
    given = {change.target: change.value for change in second}
    fixed = {p.id: p.value for p in network.parameters}
    fixed = {id: v for id, v in fixed.items() if id not in names.moving and id not in names.ruled}
    anew = {change.target for change in first} & fixed.keys() - given.keys() - computed.keys()
    given |= {id: Number(value) for id in sorted(anew) if (value := fixed[id]) is not None}
    changed = {change.target for change in first} | given.keys()
    for id, formula in computed.items():  # each after what it uses
        used = symbols(formula)
        of_constants = id in fixed and used <= fixed.keys() | names.parameters
        if of_constants and id not in given and (id in changed or used & changed):
            given[id] = substitute(formula, given)
            changed.add(id)
    set_by_second = {change.target for change in second}
    return tuple(Change(id, value) for id, value in given.items() if id not in set_by_second)
