"""What an experiment's periods begin with, as formulas of the parameter table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..codegen import Kernel
from ..codegen.graph import Graph
from ..codegen.kernel import symbol_nodes
from ..errors import ModelError
from ..integrator.sensitivity import width_of
from ..network.expression import TIME, Expression, symbols
from ..petab_problem.problem import Experiment, Period, PetabProblem
from .formulas import Array, Filled, Formulas


class Beginning:
    """States and parameters at the begin of experiments, by the values of the parameter table.

    Changes of a first period are of what the model begins with: initial assignments follow them.
    Their own values are those of the model without them.
    """

    def __init__(self, problem: PetabProblem, kernel: Kernel) -> None:
        self.table = tuple(parameter.id for parameter in problem.parameters)
        self._kernel, self._where = kernel, str(problem.path)
        self._graph = Graph(len(self.table))
        self._inputs = dict(zip(self.table, self._graph.inputs, strict=True))
        wanted = [node for each in problem.experiments for node in self._nodes(each)]
        self._formulas = Formulas(self._graph, wanted, self._graph.inputs)
        self._runs = len(problem.experiments)

    @property
    def dependent(self) -> NDArray[np.bool_]:
        """(experiments, parameters of the table): which enter the states and parameters there."""
        rows = self._formulas.dependent.reshape(self._runs, -1, len(self.table))
        found: NDArray[np.bool_] = np.any(rows, axis=1)
        return found

    @property
    def numbers(self) -> Filled:
        """States then parameters (experiments, n + parameters), of what `compute` gives."""
        count = self._formulas.values.constant.size
        return self._formulas.values.taken(np.arange(count).reshape(self._runs, -1))

    def along(self, columns: NDArray[np.intp]) -> Filled:
        """Derivatives of `numbers` (experiments, n + parameters, width).

        Parameters
        ----------
        columns
            (experiments, width) by which parameter of the table each is; -1: 0.
        """
        count, width = self._formulas.dependent.shape
        row = width * np.arange(count).reshape(self._runs, -1, 1)
        by = columns[:, None, :]
        return self._formulas.slopes.taken(np.where(by >= 0, row + by, -1))

    def compute(self, table: Array) -> Array:
        """What depends on the parameter table, for `numbers` and `along`."""
        return self._formulas.compute(table)

    def _nodes(self, experiment: Experiment) -> list[int]:
        eqs, first = self._kernel.equations, experiment.periods[0]
        time = self._graph.constant(first.start if math.isfinite(first.start) else 0.0)
        before: dict[str, int] = {TIME: time}
        after = {TIME: time}
        for change in first.changes:
            needed = {name: self._resolve(name, before, ()) for name in symbols(change.value)}
            after[change.target] = self._graph.build(change.value, needed)
        found = []
        for name in eqs.states:
            node = self._resolve(name, after, ())
            if name in eqs.amounts:
                size = self._resolve(eqs.amounts[name], after, ())
                node = self._graph.apply("multiply", node, size)
            found.append(node)
        return found + [self._resolve(name, after, ()) for name in eqs.parameters]

    def _resolve(self, name: str, known: dict[str, int], asked_by: tuple[str, ...]) -> int:
        """The node of a quantity at the begin."""
        if name in known:
            return known[name]
        if name in asked_by:
            circle = " > ".join([*asked_by, name])
            raise ModelError(f"{self._where}: initial values need each other: {circle}.")
        initial = self._kernel.initial
        if name in self._inputs:
            known[name] = self._inputs[name]
        elif name in initial.definitions:
            expression: Expression = initial.definitions[name]
            needed = {
                each: self._resolve(each, known, (*asked_by, name)) for each in symbols(expression)
            }
            known[name] = self._graph.build(expression, needed)
        else:
            value = initial.nominal.get(name)
            known[name] = self._graph.constant(math.nan if value is None else value)
        return known[name]


@dataclass(frozen=True)
class Jump:
    """What becomes of states and parameters at once where a later period begins.

    targets : (changes,) places in (states, parameters).
    """

    formulas: Formulas
    targets: NDArray[np.intp]

    def dependent(self, kernel: Kernel) -> NDArray[np.bool_]:
        """(parameters of the table,) which enter the changes directly."""
        own = len(kernel.states) + len(kernel.parameters)
        found: NDArray[np.bool_] = np.any(self.formulas.dependent[:, own:], axis=0)
        return found

    def values(self, numbers: Array, time: float, table: Array) -> tuple[Array, Array]:
        """New values (changes,), and derivatives (changes, states + parameters + table)."""
        computed = self.formulas.compute(np.concatenate([numbers, [time], table]))
        return self.formulas.values.by(computed), self.formulas.slopes.by(computed)


def jump_of(problem: PetabProblem, kernel: Kernel, period: Period) -> Jump | None:
    """The changes of a later period; None where there are none.

    They are made at once: all values are those before any change. A species held as an amount
    becomes one in the size that its compartment then has.
    """
    if not period.changes:
        return None
    eqs = kernel.equations
    n, count = len(eqs.states), len(eqs.parameters)
    graph = Graph(n + count + 1)
    model = symbol_nodes(eqs, graph, problem.network.source)
    numbers = graph.inputs[: n + count]
    table = [parameter.id for parameter in problem.parameters]
    ids = dict(zip(table, graph.add_inputs(len(table)), strict=True))
    nodes = model | ids if problem.version == 1 else ids | model
    new = {change.target: graph.build(change.value, nodes) for change in period.changes}
    place = {name: k for k, name in enumerate((*eqs.states, *eqs.parameters))}
    wanted = []
    for name, node in new.items():
        if name in eqs.amounts:
            size = eqs.amounts[name]
            node = graph.apply("multiply", node, new.get(size, model[size]))
        wanted.append(node)
    targets = np.array([place[name] for name in new], np.intp)
    return Jump(Formulas(graph, wanted, [*numbers, *ids.values()]), targets)


def directions(dependent: NDArray[np.bool_], free: Sequence[int], lanes: int) -> NDArray[np.intp]:
    """Which parameters each experiment's directions are (experiments, width), -1 for none.

    Parameters
    ----------
    dependent
        (experiments, parameters of the table).
    free
        Those by which derivatives are taken.
    """
    own = [[j for j in free if row[j]] for row in dependent]
    most = max(map(len, own), default=0)
    columns = np.full((len(own), width_of(most, lanes)), -1, np.intp)
    for row, chosen in zip(columns, own, strict=True):
        row[: len(chosen)] = chosen
    return columns
