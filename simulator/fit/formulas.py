"""Numbers that formulas give, with derivatives, from one compiled call."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..codegen.graph import Graph
from ..codegen.program import Place, Program, compile_programs, scratch_rows
from ..integrator.cache import address_of

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

_Function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5, ctypes.c_int64)


class Filled(NamedTuple):
    """An array of which most entries never change, and others are computed.

    constant : the array.  places : of computed entries in it, flat.  sources : of each, its place
        among the numbers that are computed.
    """

    constant: Array
    places: Indices
    sources: Indices

    @staticmethod
    def of(constant: Array, sources: Indices) -> Filled:
        """With computed entries where `sources`, of the array's shape, is not -1."""
        places = np.flatnonzero(sources >= 0)
        return Filled(constant, places, sources.ravel()[places])

    def taken(self, places: Indices) -> Filled:
        """An array of this one's entries at flat places; 0 where these are -1."""
        sources = np.full(self.constant.size + 1, -1, np.intp)
        sources[self.places] = self.sources
        return Filled.of(np.append(self.constant, 0.0)[places], sources[places])

    def by(self, computed: Array) -> Array:
        """The array with these numbers."""
        found = self.constant.copy()
        found.put(self.places, computed.take(self.sources))
        return found


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
    values : (wanted,) of the numbers that `compute` gives.
    slopes : (wanted, variables) likewise.
    """

    def __init__(self, graph: Graph, wanted: Sequence[int], variables: Sequence[int]) -> None:
        distinct = list(dict.fromkeys(wanted))
        number = {node: k for k, node in enumerate(distinct)}
        gradients = graph.gradients(distinct, variables)
        places = [(k, v) for k, g in enumerate(gradients) for v in g]
        nodes = [node for g in gradients for node in g.values()]
        given = {node: k for k, node in enumerate(graph.inputs)}
        computed = [
            node
            for node in dict.fromkeys([*distinct, *nodes])
            if graph.known(node) is None and node not in given
        ]
        source = given | {node: len(given) + k for k, node in enumerate(computed)}
        index = np.array([number[node] for node in wanted], np.intp)

        def filled(nodes: Sequence[int]) -> tuple[Array, Indices]:
            constants = [graph.known(node) or 0.0 for node in nodes]
            return np.array(constants), np.array([source.get(n, -1) for n in nodes], np.intp)

        present = np.zeros((len(distinct), len(variables)), bool)
        slopes, sources = np.zeros(present.shape), np.full(present.shape, -1, np.intp)
        if nodes:
            at = tuple(np.array(places, np.intp).T)
            present[at] = True
            slopes[at], sources[at] = filled(nodes)
        self.dependent: NDArray[np.bool_] = present[index]
        constants, own = filled(distinct)
        self.values = Filled.of(constants[index], own[index])
        self.slopes = Filled.of(slopes[index], sources[index])

        self._compile(graph, computed)

    def _compile(self, graph: Graph, wanted: Sequence[int]) -> None:
        self._call = None
        self._given, self._size = len(graph.inputs), len(graph.inputs) + len(wanted)
        self._scratch = 0
        if not wanted:
            return
        sources = {node: Place(0, k) for k, node in enumerate(graph.inputs)}
        program = Program("formulas", wanted, sources, 1, 1)
        self._code = compile_programs(graph, [program])
        self._call = _Function(self._code.address("formulas"))
        self._scratch = scratch_rows(graph, program)

    def compute(self, inputs: Array) -> Array:
        """The numbers that `values` and `slopes` are filled with, at inputs (inputs,)."""
        if self._call is None:
            return inputs
        work = np.empty(self._size + self._scratch)
        work[: self._given] = inputs
        at = address_of(work)
        self._call(at, at, at, at + 8 * self._given, at + 8 * self._size, 0)
        return work
