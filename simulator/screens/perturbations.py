"""What a screen does to the cell: genes out, down or up, drugs added, parameters changed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..conditions import make_design
from ..conditions.named_levels import names_of
from ..conditions.names import GENE_PREFIX, check_name
from ..conditions.schedules import number_of
from ..errors import ConditionError
from ..simulation.model import Model
from ..simulation.sensitivities import checked_constants

if TYPE_CHECKING:
    import pandas as pd

UNPERTURBED = "unperturbed"
KNOCK_OUT, KNOCK_DOWN, OVEREXPRESSION = "knock-out", "knock-down", "overexpression"
DRUG, PARAMETER = "drug", "parameter"
FOLD = "fold"
"""Unit of a level that multiplies what is there."""

Row = dict[str, Any]
"""Columns of a conditions table -> values."""


class Perturbation(NamedTuple):
    """One change: of what kind, of what, and how much of it.

    changes : columns of a conditions table; a value of a `parameter` multiplies what it is.
    """

    kind: str
    name: str
    level: float
    unit: str
    changes: Mapping[str, Any]


def gene_changes(
    model: Model,
    knockouts: Sequence[str] | bool | None,
    knockdown: float | Sequence[float] | None,
    overexpression: float | Sequence[float] | None,
) -> list[Perturbation]:
    """Every gene (or those listed) out, and at each level of its expression."""
    known = model.definition.genes
    if knockouts is False:
        outs: list[str] = []
    else:
        outs = list(known) if knockouts in (None, True) else _listed("knockouts", knockouts)
    for gene in outs:
        check_name("gene", gene, known, model.definition.name)
    genes = outs if outs else list(known)
    found = [Perturbation(KNOCK_OUT, gene, 0.0, FOLD, {"knockout": gene}) for gene in outs]
    for kind, levels, fits in (
        (KNOCK_DOWN, folds("knockdown", knockdown), lambda x: 0 <= x < 1),
        (OVEREXPRESSION, folds("overexpression", overexpression), lambda x: x > 1),
    ):
        for level in levels:
            if not fits(level):
                bound = "at least 0 and below 1" if kind == KNOCK_DOWN else "above 1"
                raise ConditionError(f"{kind} is to {level:g} fold, but must be {bound}.")
            found += [
                Perturbation(kind, gene, level, FOLD, {f"{GENE_PREFIX}{gene}": level})
                for gene in genes
            ]
    return found


def drug_changes(
    model: Model, drugs: Mapping[str, float] | Sequence[str] | bool | None, given: Iterable[str]
) -> list[Perturbation]:
    """Every drug that the model states a dose for, or those listed, at those doses.

    given : factors that the conditions have already: they are not added a second time.
    """
    known, doses = model.definition.drugs, _stated_doses(model)
    if drugs is False:
        return []
    if drugs is None or drugs is True:
        wanted = {n: d for n, d in doses.items() if n in known and known[n].kind == "drug"}
        wanted = {name: dose for name, dose in wanted.items() if name not in set(given)}
    elif isinstance(drugs, Mapping):
        wanted = dict(drugs)
    else:
        wanted = {name: doses.get(name, -1.0) for name in _listed("drugs", drugs)}
    found = []
    for name, value in wanted.items():
        check_name("drug", name, known, model.definition.name)
        if name in set(given):
            raise ConditionError(
                f'drug "{name}" is a factor of this screen already: leave it out of drugs=.'
            )
        dose = number_of(value)
        if value == -1.0:
            raise ConditionError(
                f"{model.definition.name} states no dose to add {name} at: write"
                f' drugs={{"{name}": DOSE}}, in {known[name].unit}.'
            )
        if dose is None or not 0 < dose < float("inf"):
            raise ConditionError(f'dose of drug "{name}" is {value!r}, but must be above 0.')
        found.append(Perturbation(DRUG, name, dose, known[name].unit, {name: dose}))
    return found


def _stated_doses(model: Model) -> Mapping[str, float]:
    """Doses at which the model's folder says that drugs are given, in culture."""
    block = model.definition.settings.get("outlook") or {}
    found: Mapping[str, float] = block.get("concentrations") or {}
    return found


def parameter_changes(
    model: Model,
    parameters: Sequence[str] | bool | None,
    levels: Sequence[float],
) -> list[Perturbation]:
    """Every constant parameter, or those listed, times each level."""
    if parameters is None or parameters is False:
        return []
    names = checked_constants(model, None if parameters is True else parameters)
    return [
        Perturbation(PARAMETER, name, level, FOLD, {name: level})
        for level in levels
        for name in names
    ]


def pairs_of(single: Sequence[Perturbation]) -> list[Perturbation]:
    """Every two perturbations of different names together."""
    found = []
    for a, b in itertools.combinations(single, 2):
        if a.name != b.name:
            kind = f"two {a.kind}s" if a.kind == b.kind else f"{a.kind} + {b.kind}"
            unit = a.unit if a.unit == b.unit else ""
            level = a.level if a.level == b.level and unit else float("nan")
            changes = combined(a.changes, b.changes)
            found.append(Perturbation(kind, f"{a.name} + {b.name}", level, unit, changes))
    return found


def combined(first: Mapping[str, Any], second: Mapping[str, Any]) -> Row:
    """Both changes in one row: knock-outs join, expression multiplies, else the second wins."""
    row = dict(first)
    for column, value in second.items():
        if column == "knockout":
            genes = dict.fromkeys((*names_of(column, row.get(column)), *names_of(column, value)))
            row[column] = "+".join(genes) or None
        elif column.startswith(GENE_PREFIX):
            row[column] = row.get(column, 1.0) * value
        else:
            row[column] = value
    return row


def base_rows(
    conditions: Any, factors: Mapping[str, Any]
) -> tuple[list[Row], pd.DataFrame, dict[str, Any]]:
    """The conditions that are perturbed, one or the rows of a table, and the other factors.

    `knockout` and `expression` are taken into the rows, so that perturbations come on top of them.

    Returns the rows, the table as given (its index labels the rows) and the other factors.
    """
    import pandas as pd

    if conditions is None:
        conditions = pd.DataFrame(index=pd.RangeIndex(1))
    if not isinstance(conditions, pd.DataFrame):
        raise ConditionError("conditions= of a screen is a table in memory: a pandas DataFrame.")
    if not len(conditions):
        raise ConditionError("conditions= has no rows.")
    rest, own = dict(factors), {}
    for name in ("knockout", "expression"):
        if name not in rest:
            continue
        value = rest.pop(name)
        if isinstance(value, list):
            raise ConditionError(
                f"{name} is swept here, and a screen changes it itself: give one {name}, or rows"
                " of conditions=."
            )
        if name == "knockout":
            own["knockout"] = value
        else:
            own |= {f"{GENE_PREFIX}{gene}": fold for gene, fold in dict(value or {}).items()}
    rows = []
    for record in conditions.to_dict("records"):
        row = {str(k): v for k, v in record.items() if not pd.isna(v) and v != ""}
        rows.append(combined(own, row))
    return rows, conditions, rest


def values_of(
    model: Model,
    rows: Sequence[Row],
    names: Sequence[str],
    factors: Mapping[str, Any],
    ids: Mapping[str, Any],
) -> list[dict[str, float]]:
    """Values of constants in the conditions of rows; other factors must leave them alone."""
    import numpy as np
    import pandas as pd

    from ..simulation.plan import plan

    table = pd.DataFrame(rows, index=pd.RangeIndex(len(rows), name="base_row"))
    design = make_design(model.definition, factors, table, ids, model.names).whole()
    before = plan(model.kernel, design).before
    found: list[dict[str, float]] = [{} for _ in rows]
    for name in names:
        column = before.column(model.kernel.parameters.index(name))
        by_row = np.broadcast_to(column, design.shape).reshape(len(rows), -1)
        if (by_row != by_row[:, :1]).any():
            raise ConditionError(
                f'parameter "{name}" has several values in the levels that are swept: leave it out'
                " of parameters=, or screen these levels one by one."
            )
        for row, value in zip(found, by_row[:, 0].tolist(), strict=True):
            row[name] = value
    return found


def _listed(what: str, names: Any) -> list[str]:
    if isinstance(names, str):
        raise ConditionError(f'{what} is a list of names, like ["{names}"], not one text.')
    return list(dict.fromkeys(names))


def folds(what: str, given: float | Sequence[float] | None) -> list[float]:
    """One or several levels; none for None or False."""
    if given is None or given is False:
        return []
    levels = [given] if number_of(given) is not None else list(given)  # type: ignore[arg-type]
    numbers = [number_of(level) for level in levels]
    if any(number is None for number in numbers):
        raise ConditionError(f"{what} is {given!r}, but must be a number or several.")
    return [float(number) for number in numbers if number is not None]
