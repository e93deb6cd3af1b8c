"""Which parameters of the model a problem estimates."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ConditionError, did_you_mean
from ..network.definition import ParameterRecord
from .bands import Band
from .conditions import Resolved
from .nominal import Array, simulated
from .treatments import Treatment

if TYPE_CHECKING:
    from ..simulation.model import Model

ALL = "all"
MOVES = 1e-3
"""Relative change of a band, with a parameter at either of its bounds, that is one."""


def estimated(
    model: Model, asked: Sequence[str], bands: Sequence[Band], x: Array, treated: Resolved
) -> list[ParameterRecord]:
    """Rows of the model's parameter table that are estimated.

    Parameters
    ----------
    asked
        Ids; `all` stands for those with estimate 1 that move a band.
    x
        What the model gives for each band (bands,).
    treated
        What the treatments of bands set: such a parameter moves only the others.

    Raises
    ------
    ConditionError
        An id is no parameter with bounds, or moves no band; one line for each.
    """
    known = model.definition.parameters
    constants = {p.id for p in model.network.parameters if p.constant}
    constants -= model.names.dose_parameters.keys() | model.kernel.initial.definitions.keys()
    wanted: dict[str, ParameterRecord] = {}
    problems = []
    for name in dict.fromkeys(asked):
        if name == ALL:
            own = [p for p in known.values() if p.estimate]
            wanted |= {p.id: p for p in own if p.id in constants and not _unusable(p)}
        elif name not in known or name not in constants:
            bounds = "" if known else ", a model whose parameters have no bounds"
            problems.append(
                f'"{name}" is no constant in the parameter table of {model.definition.name}'
                f"{bounds}.{did_you_mean(name, constants & known.keys())}"
            )
        elif why := _unusable(known[name]):
            problems.append(f'"{name}" {why}')
        else:
            wanted[name] = known[name]
    moving = _moving(model, list(wanted.values()), bands, x, treated)
    problems += [
        f'"{name}" moves no band, neither at its lower bound nor at its upper one.'
        for name in wanted
        if name in asked and name not in moving
    ]
    if problems:
        raise ConditionError("\n".join(f"--estimate: {problem}" for problem in problems))
    return [known[name] for name in known if name in moving]


def _unusable(parameter: ParameterRecord) -> str:
    """Why a row of the parameter table cannot be estimated; empty if it can."""
    if not parameter.lower < parameter.upper:
        return (
            f"has the bounds {parameter.lower:g} and {parameter.upper:g} in the parameter table, "
            "between which nothing is left to estimate."
        )
    if parameter.scale != "lin" and parameter.lower <= 0:
        return (
            f"has the lower bound {parameter.lower:g} in the parameter table; on a "
            f"{parameter.scale} scale it must be > 0."
        )
    return ""


def _moving(
    model: Model, parameters: Sequence[ParameterRecord], bands: Sequence[Band], x: Array,
    treated: Resolved,
) -> set[str]:  # fmt: skip
    """Parameters that change what the model gives for a band, or whether it gives anything."""
    if not parameters:
        return set()
    ends = [(p.id, value) for p in parameters for value in (p.lower, p.upper)]
    changes = [(name, _values(name, value, treated)) for name, value in ends]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a run that fails at a bound has moved
        values = simulated(model, bands, changes, "mark")
    still = np.abs(values - x) <= MOVES * np.abs(x)
    return {name for (name, _), row in zip(ends, still, strict=True) if not row.all()}


def _values(name: str, value: float, treated: Resolved) -> dict[Treatment, float]:
    """What a parameter is in each treatment when the model's own value is another."""
    found = {}
    for treatment, constants in treated.constants.items():
        setting = constants.get(name)
        if setting is None or not setting.is_set:
            found[treatment] = value * (1.0 if setting is None else setting.factor)
    return found
