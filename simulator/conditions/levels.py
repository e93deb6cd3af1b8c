"""Reading the levels of a factor: labels for the coordinate, and the changes each level makes."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ConditionError
from .changes import Change, Column, codes_of, columns_of
from .named_levels import alteration_changes, expression_changes, names_of
from .names import Factor, Names, check_name
from .schedules import Schedule, number_of, parse_schedule


class Missing(float):
    """Marks a cell of a table that is not set."""


MISSING = Missing("nan")

#: Kinds of factors whose levels are numbers.
NUMERIC = ("dose", "constant", "state", "gene")


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Levels of one factor.

    Attributes
    ----------
    labels
        (levels,) for the coordinate, all numbers or all text.
    columns
        What the levels change.
    identities
        Tell levels apart: two that are equal are the same condition written twice.
    """

    labels: NDArray[Any]
    columns: tuple[Column, ...]
    identities: Sequence[object] | NDArray[np.float64]


def read_levels(names: Names, factor: Factor, values: Sequence[Any]) -> Levels:
    """The levels of a factor, each a scalar as the experimenter wrote it, or `MISSING`.

    Raises
    ------
    ConditionError
        A level has no meaning for this factor.
    """
    if factor.kind in NUMERIC:
        return _read_numbers(names, factor, values)
    return _read_named(names, factor, values)


# --- numbers ---------------------------------------------------------------------------------


def read_numbers(names: Names, factor: Factor, values: NDArray[np.float64]) -> Levels:
    """The levels of a factor of a `NUMERIC` kind from an array of numbers; NaN = not set.

    Raises
    ------
    ConditionError
        A number is not allowed for this factor.
    """
    return _number_levels(names, factor, values, np.isnan(values))


def _read_numbers(names: Names, factor: Factor, values: Sequence[Any]) -> Levels:
    if factor.kind == "dose":
        values = [_scheduled(v) for v in values]
        if any(isinstance(v, Schedule) for v in values):
            return _read_schedules(names, factor, values)
    return _number_levels(names, factor, *_numbers(names, factor, values))


def _number_levels(
    names: Names, factor: Factor, values: NDArray[np.float64], unset: NDArray[np.bool_]
) -> Levels:
    numbers = _allowed(names, factor, values, unset)
    shown = np.where(unset, {"dose": 0.0, "gene": 1.0}.get(factor.kind, math.nan), numbers)
    if factor.kind == "gene":
        columns = tuple(
            Column(parameter, "multiply", None, "expression", numbers)
            for parameter in names.definition.genes[factor.target]
        )
    else:
        time = None if factor.kind == "constant" else 0.0
        columns = (Column(factor.target, "set", time, "id", numbers),)
    return Levels(shown, columns, numbers)


def _scheduled(value: Any) -> Any:
    """The schedule whose label this is, or the value itself."""
    if isinstance(value, str):
        return parse_schedule(value) or value
    return value


def _read_schedules(names: Names, factor: Factor, values: Sequence[Any]) -> Levels:
    """Levels of a dose some of which are schedules: all are labelled as schedules."""
    constant = [MISSING if isinstance(v, Schedule) else v for v in values]
    doses = _allowed(names, factor, *_numbers(names, factor, constant)).tolist()
    schedules = [
        v if isinstance(v, Schedule) else Schedule(((0.0, 0.0 if v is MISSING else dose),))
        for v, dose in zip(values, doses, strict=True)
    ]
    changes = [
        [] if v is MISSING else [Change(factor.target, "set", x, t, "id") for t, x in s.steps]
        for v, s in zip(values, schedules, strict=True)
    ]
    labels = np.array([s.label for s in schedules])
    return Levels(labels, columns_of(changes), [s.steps for s in schedules])


def _numbers(
    names: Names, factor: Factor, values: Sequence[Any]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values as floats, and which are `MISSING`."""
    found = np.empty(len(values))
    for i, value in enumerate(values):
        number = value if type(value) is float or value is MISSING else number_of(value)
        if number is None:
            raise ConditionError(_not_a_number(names, factor, value))
        found[i] = number
    return found, np.array([v is MISSING for v in values], dtype=bool)


def _allowed(
    names: Names, factor: Factor, values: NDArray[np.float64], unset: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The values, after refusing those that the factor does not allow; no negative zero."""
    limits = _limits(names, factor)
    bad = ~(unset | np.isfinite(values))
    if limits == "not negative":
        bad |= values < 0
    elif limits == "positive":
        bad |= values <= 0
    if bad.any():
        value = values[int(np.argmax(bad))] + 0.0
        allowed = {"any": "finite", "not negative": "finite and >= 0", "positive": "finite and > 0"}
        raise ConditionError(f"{_what(names, factor)} is {value:g}; it must be {allowed[limits]}.")
    return values + 0.0


def _limits(names: Names, factor: Factor) -> Literal["any", "not negative", "positive"]:
    if factor.kind in ("dose", "gene") or factor.target in names.dose_parameters:
        return "not negative"
    return "positive" if names.kinds.get(factor.target) == "compartment" else "any"


def _what(names: Names, factor: Factor) -> str:
    """`drug "prednisolone" (uM)`, for the start of a message."""
    if factor.kind == "dose":
        kind: str = names.definition.drugs[factor.name].kind
        what = f'dose of {kind} "{factor.name}"'
    elif factor.kind == "gene":
        what = f'expression of gene "{factor.target}"'
    else:
        what = f'{names.kinds[factor.target]} "{factor.target}"'
    return f"{what} ({factor.unit})" if factor.unit else what


def _not_a_number(names: Names, factor: Factor, value: Any) -> str:
    what = _what(names, factor)
    name = factor.name
    if isinstance(value, Schedule):
        return f"{what} cannot follow a schedule: only drugs and ligands can."
    if isinstance(value, tuple):
        listed = ", ".join(map(repr, value))
        message = f"{what} is given the tuple {value!r}, which has no meaning here: "
        if factor.kind == "dose":
            return (
                f"{message}write {name}=[{listed}] for several runs, or "
                f"{name}=sim.schedule((time, dose), ...) for a dose that changes in time."
            )
        return f"{message}write a list, [{listed}], for several runs."
    if isinstance(value, (list, Mapping)) or getattr(value, "shape", ()) != ():
        return f"{what} has the level {value!r}; each level must be one number."
    zero = " (0 for none)" if value is None and factor.kind == "dose" else ""
    allowed = "a number"
    if factor.kind == "dose":
        allowed = 'a number >= 0, or sim.schedule((time, dose), ...) or its label like "1@0,0@24"'
    elif factor.kind == "gene":
        allowed = "a number >= 0"
    return f"{what} is {value!r}; it must be {allowed}{zero}."


# --- names -----------------------------------------------------------------------------------


def _read_named(names: Names, factor: Factor, values: Sequence[Any]) -> Levels:
    """Levels of cell, alteration, knockout or expression; each distinct level is read once."""
    keys = [value if type(value) is str else _key(value) for value in values]
    found = dict(zip(reversed(keys), reversed(values), strict=True))
    distinct = [_read_one(names, factor, found[key]) for key in dict.fromkeys(keys)]
    codes = codes_of(keys)
    columns = columns_of([changes for _, changes, _ in distinct])
    return Levels(
        np.array([label for label, _, _ in distinct])[codes],
        tuple(column.take(codes) for column in columns),
        [distinct[c][2] for c in codes],
    )


def _key(value: Any) -> Hashable:
    """Something that tells a level from others as written."""
    if isinstance(value, (str, tuple)) or value is None:
        try:
            hash(value)
        except TypeError:
            return id(value)
        return value
    return id(value)


def _read_one(names: Names, factor: Factor, value: Any) -> tuple[str, list[Change], object]:
    """(label, changes, identity) of one level of a named factor."""
    definition = names.definition
    if factor.kind == "cell":
        if value is MISSING:
            label, changes, _ = default_cell(names)
            return label, changes, None
        cell = _one_cell(names, value)
        return cell, cell_changes(names, cell), cell
    if value is MISSING:
        return "none", [], None
    if factor.kind == "expression":
        return expression_changes(definition, value)
    chosen = names_of(factor.kind, value)
    if factor.kind == "alteration":
        changes = alteration_changes(definition, chosen)
    else:
        for gene in chosen:
            check_name("gene", gene, definition.genes, definition.name)
        parameters = dict.fromkeys(p for gene in chosen for p in definition.genes[gene])
        changes = [Change(p, "set", 0.0, None, "knockout") for p in parameters]
    return "+".join(chosen) or "none", changes, frozenset(chosen)


def default_cell(names: Names) -> tuple[str, list[Change], None]:
    """Label and changes of the cell when none is named."""
    cell = names.definition.default_cell
    return (cell or "none"), cell_changes(names, cell or "none"), None


def cell_changes(names: Names, cell: str) -> list[Change]:
    """What a cell changes; nothing for "none", the values of the model file itself."""
    if cell == "none":
        return []
    return [
        Change(o.parameter, o.operation, o.value, None, "cell")
        for o in names.definition.cells[cell]
    ]


def _one_cell(names: Names, value: Any) -> str:
    if isinstance(value, tuple):
        listed = ", ".join(map(repr, value))
        raise ConditionError(
            f"cell is given the tuple {value!r}, but a run has one cell: write cell=[{listed}] "
            "for several runs."
        )
    if value is None or value == "none":
        return "none"
    if not isinstance(value, str):
        raise ConditionError(f'cell is {value!r}; it must be a name like "SUPT1".')
    cells = names.definition.cells
    parts = value.split("+")
    if value not in cells and len(parts) > 1 and all(p.strip() in cells for p in parts):
        listed = ", ".join(f'"{p.strip()}"' for p in parts)
        raise ConditionError(
            f'cell is "{value}", but a run has one cell: write cell=[{listed}] for several runs.'
        )
    check_name("cell", value, cells, names.definition.name)
    return str(value)
