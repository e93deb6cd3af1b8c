"""Version 2: the long condition table and the experiment table."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..errors import did_you_mean
from ..network.tables import Problems, Row
from .files import Files
from .names import Names
from .problem import PRE_EQUILIBRATION, Change, Experiment, Period
from .tables import check_id, number, read_rows

Rows = list[tuple[Row, Change]]
AS_IT_IS = Experiment("", (Period(0.0, ()),))
"""What a measurement without an experiment is of: the model, unchanged, from time 0."""


def read_experiments(
    files: Files, names: Names, conditions: dict[str, Rows], problems: Problems
) -> dict[str, Experiment]:
    """Experiment by id, each with its periods in order of time."""
    complete = "condition" not in files.unread
    columns = ("experimentId", "time", "conditionId")
    rows = read_rows(files, "experiment", problems, columns, ())
    periods: dict[str, dict[float, list[Row]]] = {}
    for row in rows:
        if not check_id(row, "experimentId"):
            continue
        found = periods.setdefault(row["experimentId"], {})
        time = number(row, "time", infinite=(PRE_EQUILIBRATION,))
        if time is not None:
            found.setdefault(time, []).append(row)
    experiments = {}
    for id, found in periods.items():
        of_id = []
        for time in sorted(found):
            changes = _changes(
                found[time], conditions, names, first=time == min(found), complete=complete
            )
            of_id.append(Period(time, changes))
        experiments[id] = Experiment(id, tuple(of_id))
    return experiments


def read_changes(files: Files, names: Names, problems: Problems) -> dict[str, Rows]:
    """Condition -> its changes, with their rows."""
    columns = ("conditionId", "targetId", "targetValue")
    found: dict[str, Rows] = {}
    for row in read_rows(files, "condition", problems, columns, ()):
        if not check_id(row, "conditionId") or not check_id(row, "targetId"):
            continue
        condition, target = found.setdefault(row["conditionId"], []), row["targetId"]
        names.check_target(problems, row.where, f'targetId "{target}"', target)
        target = names.resolved(target)
        if any(change.target == target for _, change in condition):
            row.problem(f'condition "{row["conditionId"]}" sets "{row["targetId"]}" twice.')
        value = names.formula(row, "targetValue")
        if value is not None:
            condition.append((row, Change(target, value)))
    return found


def _changes(
    rows: Iterable[Row], conditions: dict[str, Rows], names: Names, *, first: bool, complete: bool
) -> tuple[Change, ...]:
    """What all conditions of one period change together.

    first : whether it is the experiment's first period.
    complete : whether `conditions` are all of them.
    """
    changes: dict[str, tuple[str, Change]] = {}
    seen = []
    for row in rows:
        id = row["conditionId"]
        if not id:
            continue
        if id in seen:
            row.problem(f'conditionId "{id}" is there twice at this time.')
            continue
        seen.append(id)
        if id not in conditions and complete:
            hint = did_you_mean(id, conditions)
            row.problem(f'conditionId "{id}" is not in the condition table.{hint}')
        for place, change in conditions.get(id, ()):
            other = changes.setdefault(change.target, (id, change))[0]
            if other != id:
                row.problem(f'conditions "{other}" and "{id}" both set "{change.target}".')
            _check_value(place, change, names, first=first)
    return tuple(change for _, change in changes.values())


def _check_value(row: Row, change: Change, names: Names, *, first: bool) -> None:
    """A first period starts from nothing, so its values are of parameters alone."""
    parameters = [names.resolved(p) for p in names.parameters]
    if first:
        where = "no id of the parameter table, as a first period's values must be"
        names.check_among(row, "targetValue", change.value, parameters, where)
    else:
        where = f"no id of {names.model} and no parameter"
        names.check_symbols(row, "targetValue", change.value, parameters, where)


def start_of(experiment: Experiment) -> float:
    """When measurements can begin: the first period after pre-equilibration, or 0."""
    times = [period.start for period in experiment.periods if math.isfinite(period.start)]
    return times[0] if times else 0.0
