"""Numbers that formulas give, with derivatives, from one compiled call."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..codegen.graph import Graph
from ..codegen.program import Place, Program, compile_programs, scratch_rows
from ..integrator.lanes import aligned

Array = NDArray[np.float64]

_Function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5, ctypes.c_int64)


class Formulas:
    """Values of nodes of a graph, and their derivatives by some of its inputs.

    Only what differs from a constant and an input is compiled, each once.

    Parameters
    ----------
    wanted
        Nodes, of which many may be the same.
    variables
        Input nodes.

    Attributes
    ----------
    dependent : (wanted, variables) whether a derivative is other than 0 anywhere.
    """

    def __init__(self, graph: Graph, wanted: Sequence[int], variables: Sequence[int]) -> None:
        distinct = list(dict.fromkeys(wanted))
        number = {node: k for k, node in enumerate(distinct)}
        gradients = graph.gradients(distinct, variables)
        slopes = [(k, v, node) for k, g in enumerate(gradients) for v, node in g.items()]
        self._index = np.array([number[node] for node in wanted], np.intp)
        self._values = np.array([graph.known(node) or 0.0 for node in distinct], np.float64)
        self._slopes = np.zeros((len(distinct), len(variables)))
        for k, v, node in slopes:
            self._slopes[k, v] = graph.known(node) or 0.0
        given = {node: k for k, node in enumerate(graph.inputs)}
        taken = [(number[node], given[node]) for node in distinct if node in given]
        self._taken = np.array(taken, np.intp).reshape(-1, 2).T
        computed = [n for n in distinct if graph.known(n) is None and n not in given]
        bent = [entry for entry in slopes if graph.known(entry[2]) is None]
        self._computed = np.array([number[node] for node in computed], np.intp)
        self._bent = np.array([entry[:2] for entry in bent], np.intp).reshape(-1, 2).T
        present = np.zeros(self._slopes.shape, bool)
        for k, v, _ in slopes:
            present[k, v] = True
        self.dependent: NDArray[np.bool_] = present[self._index]
        self._constant = self._slopes[self._index]
        self._compile(graph, [*computed, *(node for _, _, node in bent)])

    def _compile(self, graph: Graph, wanted: Sequence[int]) -> None:
        self._call = None
        if not wanted:
            return
        sources = {node: Place(0, k) for k, node in enumerate(graph.inputs)}
        program = Program("formulas", wanted, sources, 1, 1)
        self._code = compile_programs(graph, [program])
        self._call = _Function(self._code.address("formulas"))
        self._sizes = len(wanted), scratch_rows(graph, program)

    def __call__(self, inputs: Array) -> tuple[Array, Array]:
        """Values (wanted,) and derivatives (wanted, variables) at inputs (inputs,).

        The derivatives are not to be written to.
        """
        values = self._values.copy()
        values[self._taken[0]] = inputs[self._taken[1]]
        if self._call is None:
            return values[self._index], self._constant
        count, scratch = self._sizes
        work = aligned(count + scratch)
        inputs = np.ascontiguousarray(inputs)
        at, out = inputs.ctypes.data, work.ctypes.data
        self._call(at, at, at, out, out + 8 * count, 0)
        split = self._computed.size
        values[self._computed] = work[:split]
        if not self._bent.size:
            return values[self._index], self._constant
        slopes = self._slopes.copy()
        slopes[self._bent[0], self._bent[1]] = work[split:count]
        return values[self._index], slopes[self._index]
