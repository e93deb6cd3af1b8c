"""From a network to compiled equations that the integrator can call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from ..errors import ModelError
from ..integrator.cache import cache_folder
from ..integrator.linear import Factors, analyse
from ..integrator.system import System
from ..network.expression import TIME, Expression
from ..network.network import Network
from .elimination import OPERATION_LIMIT, operations, write_factorise, write_solve
from .equations import Equations, amount_symbol, equations, evaluation_order
from .graph import Graph
from .initial import InitialValues
from .llvm import Code, Function, compile_module

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Kernel:
    """Compiled equations of one network.

    states, parameters : ids in the order of y and of p.
    outputs : ids in the order of the outputs (every quantity of the network, then the formulas).
    initial : initial values of whole batches.
    pattern : (2, nnz) rows and columns of the Jacobian's entries.
    written_out : whether the sparse LU is compiled for this pattern, or walks index tables.
    """

    equations: Equations
    states: tuple[str, ...]
    parameters: tuple[str, ...]
    outputs: tuple[str, ...]
    initial: InitialValues
    pattern: NDArray[np.int64]
    factors: Factors
    written_out: bool
    code: Code

    def system(self, held: frozenset[str] = frozenset()) -> System:
        """What the integrator takes; the states in `held` stay at their values."""
        indices = [i for i, name in enumerate(self.states) if name in held]
        entries = np.flatnonzero(np.isin(self.pattern[0], indices))
        return System(
            self.code.address("rates"),
            self.code.address("jacobian"),
            self.code.address("outputs"),
            len(self.outputs),
            self.code.address("factorise") if self.written_out else 0,
            self.code.address("solve") if self.written_out else 0,
            self.factors,
            np.array(indices, np.int64),
            entries.astype(np.int64),
        )


def compile_network(network: Network, formulas: Mapping[str, Expression] | None = None) -> Kernel:
    """Compile a network's rates, sparse Jacobian and outputs.

    Parameters
    ----------
    formulas
        Further outputs: id -> expression over the network's symbols.

    Raises
    ------
    ModelError
        Computed quantities need each other in a circle.
    """
    formulas = formulas or {}
    eqs = equations(network)
    if eqs.events or eqs.algebraic:
        raise ModelError(f"{network.source}: events and algebraic states cannot be simulated yet.")
    states, parameters = eqs.states, eqs.parameters
    graph = Graph(len(states) + len(parameters) + 1)
    symbols = _nodes(eqs, graph, network.source)
    rates = [graph.build(rate, symbols) for rate in eqs.rates]
    variables = [*graph.inputs[: len(states)], graph.inputs[-1]]
    gradients = graph.gradients(rates, variables)
    pairs = [
        (row, column)
        for row, gradient in enumerate(gradients)
        for column in sorted(gradient)
        if column < len(states)
    ]
    entries = [gradients[row][column] for row, column in pairs]
    zero = graph.constant(0.0)
    by_time = [gradient.get(len(states), zero) for gradient in gradients]
    reported = [symbols[name] for name in eqs.quantities]
    reported += [graph.build(formula, symbols) for formula in formulas.values()]

    module = ir.Module(name="network")
    for name, wanted in (
        ("rates", rates),
        ("jacobian", [*entries, *by_time]),
        ("outputs", reported),
    ):
        Function(module, name, graph, len(states), len(parameters)).write(wanted)
    pattern = np.array(pairs, np.int64).reshape(-1, 2).T
    factors = analyse(len(states), pattern[0], pattern[1])
    written_out = operations(factors) <= OPERATION_LIMIT
    if written_out:
        write_factorise(module, factors)
        write_solve(module, factors)
    return Kernel(
        eqs,
        states,
        parameters,
        (*eqs.quantities, *formulas),
        InitialValues(network, eqs),
        pattern,
        factors,
        written_out,
        compile_module(module, cache_folder() / "kernels"),
    )


def _nodes(eqs: Equations, graph: Graph, where: str) -> dict[str, int]:
    """Node of every symbol: inputs first (states, parameters, time), then what is computed."""
    names = [*eqs.states, *eqs.parameters, TIME]
    symbols = dict(zip(names, graph.inputs, strict=True))
    for species in eqs.amounts:
        symbols[amount_symbol(species)] = symbols.pop(species)
    for name in evaluation_order(eqs.computed, where):
        symbols[name] = graph.build(eqs.computed[name], symbols)
    return symbols
