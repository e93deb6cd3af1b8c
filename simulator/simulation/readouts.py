"""What can be asked of a run by name: observables, and the quantities of the network."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ConditionError, did_you_mean
from ..integrator.system import evaluate, read_outputs
from ..network.definition import Definition

if TYPE_CHECKING:
    from .model import Model


@dataclass(frozen=True, slots=True)
class Readout:
    """One output: the compiled quantity it reads, its unit, and what it is relative to."""

    id: str
    name: str
    quantity: str
    unit: str
    relative_to: str


def readouts(
    model: Model,
    outputs: Sequence[str] | None,
    dims: Collection[str] = (),
    at_rest: bool = False,
) -> list[Readout]:
    """The outputs asked for, or the model's default ones.

    Parameters
    ----------
    dims
        Dimensions of the result: a swept parameter is its own coordinate and needs no output.
    at_rest
        For a steady state, where nothing is relative to a vehicle or a start.

    Raises
    ------
    ConditionError
        An output does not exist (with the nearest that does), or is asked for twice.
    """
    known = model.readable
    if outputs is None:
        observables = [o.id for o in model.definition.observables]
        outputs = observables or [s.id for s in model.network.species]
        outputs = [name for name in outputs if name not in dims]
    elif isinstance(outputs, str):
        raise ConditionError(f'outputs is a list of ids, like ["{outputs}"], not one text.')
    chosen: dict[str, Readout] = {}
    for name in outputs:
        if name not in known:
            raise ConditionError(
                f'output "{name}" is not in {model.definition.name}.{did_you_mean(name, known)}'
            )
        if name in chosen:
            raise ConditionError(f'output "{name}" is asked for twice.')
        if at_rest and known[name].relative_to:
            raise ConditionError(
                f'output "{name}" is relative to the {known[name].relative_to}, which a steady'
                " state does not have: ask simulate() for it."
            )
        if name not in dims:
            chosen[name] = known[name]
    if not chosen:
        raise ConditionError("outputs is empty: name at least one observable or species.")
    return list(chosen.values())


def all_readouts(definition: Definition) -> dict[str, Readout]:
    """Everything that can be asked of a run, by id."""
    network, found = definition.network, {}
    for group in (network.species, network.parameters, network.compartments, network.reactions):
        for q in group:
            found[q.id] = Readout(q.id, q.name or q.id, q.id, q.unit, "")
    for o in definition.observables:
        found[o.id] = Readout(o.id, o.name, o.id, o.unit, o.relative_to)
    return found


@cache
def constant_readouts(model: Model) -> frozenset[str]:
    """Observables whose rate of change is zero in every state: no reaction can change them.

    Tested at random states: the derivative along the rates, against the sum of what each species
    contributes to it.
    """
    kernel = model.kernel
    names = [o.id for o in model.definition.observables]
    system = kernel.system(names)
    random = np.random.default_rng(0)
    _, p = kernel.initial.values(1, {})
    constant = np.ones(len(names), bool)
    for _ in range(3):
        y = random.uniform(0.5, 2.0, (1, len(kernel.states)))
        rates = evaluate(system, 0.0, y, p)[0]
        step = 1e-6 / max(1.0, float(np.abs(rates).max()))

        def along(direction: np.ndarray, y: np.ndarray = y, step: float = step) -> np.ndarray:
            up = read_outputs(system, 0.0, y + step * direction, p)
            down = read_outputs(system, 0.0, y - step * direction, p)
            change: np.ndarray = (up - down)[0]
            return change

        total = along(rates)
        parts = sum(np.abs(along(r * e)) for r, e in zip(rates, np.eye(rates.size), strict=True))
        constant &= np.abs(total) <= 1e-5 * parts + 1e-14
    return frozenset(name for name, is_so in zip(names, constant, strict=True) if is_so)
