"""From a network to compiled equations that the integrator can call."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from ..integrator.lanes import lane_count
from ..integrator.linear import (
    Factors,
    analyse,
    elimination_table,
    solution_table,
    table_functions,
)
from ..integrator.machine_code import Code
from ..integrator.steady import Conserved
from ..integrator.system import Along, Sizes, System
from ..network.expression import TIME, Expression
from ..network.network import Network
from .conserved import conserved
from .elimination import OPERATION_LIMIT, operations, write_factorise, write_solve
from .equations import Equations, amount_symbol, equations, evaluation_order
from .graph import STEPS, Graph
from .initial import InitialValues
from .program import RELATIONS, Place, Program, compile_programs, scratch_rows
from .tangents import CompiledTangents, Parts, compile_tangents, refuse_tangents

Array = NDArray[np.float64]


class EventTables(NamedTuple):
    """Address and rows of the values that events need, and the tables of `integrator.events`."""

    address: int
    rows: int
    events: NDArray[np.int64]
    assignments: NDArray[np.int64]
    relations: NDArray[np.int64]
    switches: NDArray[np.int64]


@dataclass(frozen=True)
class Reader:
    """Compiled outputs: their code (None where they are states as they are), and what it needs."""

    code: Code | None
    needed: NDArray[np.int64]
    outputs: int
    scratch: int


@dataclass(frozen=True)
class Kernel:
    """Compiled equations of one network.

    states, parameters : ids in the order of y and of p.
    outputs : ids of all that can be reported: every quantity of the network, then the formulas.
    initial : initial values of whole batches.
    pattern : (2, nnz) rows and columns of the Jacobian's entries.
    lanes : runs in a group.
    settled : states of rest that were found, kept by those who look for them.

    What is compiled at first use may be asked for by several threads at once: the first entry of a
    dictionary stays, so that no machine code is dropped while somebody has its address.

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
    lanes: int
    code: Code
    _sizes: Sizes
    _timed: bool
    _events: EventTables
    _graph: Graph
    _nodes: Mapping[str, int]
    _network: Network
    _parts: Parts
    _readers: dict[tuple[str, ...], Reader] = field(default_factory=dict)
    _systems: dict[tuple[tuple[str, ...], frozenset[str]], System] = field(default_factory=dict)
    _conserved: dict[frozenset[str], Conserved] = field(default_factory=dict)
    _along: dict[tuple[str, ...], CompiledTangents] = field(default_factory=dict)
    settled: dict[object, dict[bytes, tuple[Array, int]]] = field(default_factory=dict)

    def system(self, outputs: Sequence[str] = (), held: Collection[str] = frozenset()) -> System:
        """What the integrator takes.

        Parameters
        ----------
        outputs
            Ids from `outputs` that are wanted, in order; compiled at first use.
        held
            States that stay at their values.
        """
        key = tuple(outputs), frozenset(held)
        if key not in self._systems:
            self._systems.setdefault(key, self._system(*key))
        return self._systems[key]

    def _system(self, outputs: tuple[str, ...], held: frozenset[str]) -> System:
        indices = [i for i, name in enumerate(self.states) if name in held]
        entries = np.flatnonzero(np.isin(self.pattern[0], indices))
        algebraic = [i for i, name in enumerate(self.states) if name in self.equations.algebraic]
        reader = self._reader(outputs)
        scratch = max(self._sizes.scratch, reader.scratch)
        factorise, solve = (
            (self.code.address("factorise"), self.code.address("solve"))
            if self.written_out
            else table_functions(self.lanes)
        )
        return System(
            self.code.address("rates"),
            self.code.address("linearise"),
            factorise,
            solve,
            self.code.address("prepare"),
            reader.code.address("outputs") if reader.code else 0,
            self._sizes._replace(outputs=reader.outputs, scratch=scratch),
            self.lanes,
            *self._tables,
            reader.needed,
            self.factors,
            np.array(indices, np.int64),
            entries.astype(np.int64),
            np.array(algebraic, np.int64),
            self._timed,
            self._events.address,
            self._events.rows,
            self._events.events,
            self._events.assignments,
            self._events.relations,
            self._events.switches,
        )

    def along(self, outputs: Sequence[str] = ()) -> Along:
        """How rates, events and the outputs change along directions; compiled at first use.

        Raises
        ------
        ModelError
            The network has algebraic rules or delayed events, which are not differentiated.
        """
        key = tuple(outputs)
        if key not in self._along:
            refuse_tangents(self.equations, self._network.source)
            wanted = [self._nodes[output] for output in key]
            compiled = compile_tangents(self._graph, self._parts, self.pattern, self.lanes, wanted)
            self._along.setdefault(key, compiled)
        return self._along[key].along

    def with_values(self, network: Network) -> Kernel:
        """The same compiled equations for a network that differs in values only."""
        initial = self.initial.with_nominal(network)
        return replace(self, initial=initial, _network=network, settled={})

    def conserved(self, held: frozenset[str] = frozenset()) -> Conserved:
        """What runs conserve in which some states stay at their values; found at first use."""
        if held not in self._conserved:
            found = conserved(self._network, self.equations, self.pattern, held)
            self._conserved.setdefault(held, found)
        return self._conserved[held]

    @cached_property
    def _tables(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if self.written_out:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return elimination_table(self.factors), solution_table(self.factors)

    def _reader(self, names: tuple[str, ...]) -> Reader:
        if names not in self._readers:
            self._readers.setdefault(names, self._compile_reader(names))
        return self._readers[names]

    def _compile_reader(self, names: tuple[str, ...]) -> Reader:
        graph, inputs = self._graph, self._graph.inputs
        wanted = [self._nodes[name] for name in names]
        n, count = self._sizes.states, self._sizes.parameters
        number = {node: k for k, node in enumerate(inputs)}
        used = [number[node] for node in graph.used(wanted) if node in number]
        needed = [k for k in used if k < n]
        if all(number.get(node, n) < n for node in wanted):
            states = [number[node] for node in wanted]
            return Reader(None, np.array(states, np.int64), len(names), 0)
        sources = _of_one_run(inputs, needed, n, count)
        program = Program("outputs", wanted, sources, self.lanes, self.lanes)
        code = compile_programs(graph, [program])
        scratch = scratch_rows(graph, program)
        return Reader(code, np.array(needed, np.int64), len(names), scratch)


def _of_one_run(
    inputs: Sequence[int], needed: Sequence[int], n: int, count: int
) -> dict[int, Place]:
    """Where a program at some times of one run finds time, the needed states and parameters."""
    sources = {inputs[k]: Place(1, place) for place, k in enumerate(needed)}
    sources |= {inputs[n + k]: Place(2, k, shared=True) for k in range(count)}
    return {**sources, inputs[-1]: Place(0, 0)}


def compile_network(network: Network, formulas: Mapping[str, Expression] | None = None) -> Kernel:
    """Compile a network's rates and sparse Jacobian; outputs are compiled when they are asked for.

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
    n, count = len(eqs.states), len(eqs.parameters)
    graph = Graph(n + count + 1, fixed=range(n, n + count))
    symbols = symbol_nodes(eqs, graph, network.source)
    rates = [graph.build(rate, symbols) for rate in eqs.rates]
    variables = [*graph.inputs[:n], graph.inputs[-1]]
    gradients = graph.gradients(rates, variables)
    pairs = [
        (row, column)
        for row, gradient in enumerate(gradients)
        for column in sorted(gradient)
        if column < n
    ]
    zero = graph.constant(0.0)
    by_time = [gradient.get(n, zero) for gradient in gradients]
    linear = [*rates, *(gradients[row][column] for row, column in pairs), *by_time]
    pattern = np.array(pairs, np.int64).reshape(-1, 2).T
    algebraic = [i for i, name in enumerate(eqs.states) if name in eqs.algebraic]
    factors = analyse(n, pattern[0], pattern[1], algebraic)
    written_out = operations(factors) <= OPERATION_LIMIT

    lanes = lane_count(n)
    fixed = graph.constants(linear)
    sources = {node: Place(1, k) for k, node in enumerate(graph.inputs[:n])}
    sources |= {node: Place(2, k) for k, node in enumerate(fixed)}
    sources[graph.inputs[-1]] = Place(0, 0)
    own = {graph.inputs[n + k]: Place(0, k, shared=True) for k in range(count)}
    programs = [
        Program("rates", rates, sources, lanes, lanes),
        Program("linearise", linear, sources, lanes, lanes),
        Program("prepare", fixed, own, 1, lanes),
    ]
    happening, values = _watch(eqs, graph, symbols, rates)
    if values:
        sources = _of_one_run(graph.inputs, range(n), n, count)
        programs.append(Program("event_values", values, sources, lanes, lanes))
    reported = {name: symbols[name] for name in eqs.quantities}
    reported |= {name: graph.build(formula, symbols) for name, formula in formulas.items()}
    scratch = max(scratch_rows(graph, program) for program in programs)
    pattern_key = [table.tolist() for table in factors] if written_out else None

    def write_lu(module: ir.Module) -> None:
        if written_out:
            write_factorise(module, factors, lanes)
            write_solve(module, factors, lanes)

    code = compile_programs(graph, programs, write_lu, (pattern_key, lanes))
    return Kernel(
        eqs,
        eqs.states,
        eqs.parameters,
        (*eqs.quantities, *formulas),
        InitialValues(network, eqs),
        pattern,
        factors,
        written_out,
        lanes,
        code,
        Sizes(n, count, len(fixed), len(pairs), 0, scratch),
        any(node != zero for node in by_time),
        happening._replace(address=code.address("event_values") if values else 0),
        graph,
        reported,
        network,
        Parts(*map(tuple, (rates, linear[n:-n] if n else [], by_time, fixed, values))),
    )


def _watch(
    eqs: Equations, graph: Graph, symbols: Mapping[str, int], rates: Sequence[int]
) -> tuple[EventTables, list[int]]:
    """What events need and what is watched: tables without an address yet, and nodes of values."""
    n = len(eqs.states)
    values, events, assignments = _event_tables(eqs, graph, symbols)
    triggers = values[: len(eqs.events)]
    of_time = [node for node in relations(graph, rates) if not _moves(graph, node, n)]
    switches = _switches(graph, [*relations(graph, triggers), *of_time], n)
    watched = [node for node in [*relations(graph, triggers), *of_time] if node not in switches]
    watched += [_truth(graph, node) for node in triggers if not _planned(graph, node, switches)]
    jumps = steps(graph, [*rates, *triggers])
    watched += [node for node in jumps if not _moves(graph, node, n)]
    watch = len(values) + np.arange(len(watched))
    values += watched
    planned = len(values) + np.arange(2 * len(switches))
    values += [node for pair in switches.items() for node in pair]
    return EventTables(0, len(values), events, assignments, watch, planned), values


def _switches(graph: Graph, found: Sequence[int], n: int) -> dict[int, int]:
    """Relations that change at times known in advance, each with the node of its time.

    Those are x < y and the like where x - y = a + b t with a and b of parameters alone.
    """
    time = graph.inputs[-1]
    switches = {}
    for node in dict.fromkeys(found):
        operator, arguments, _ = graph.nodes[node]
        inside = [graph.nodes[k].operator for k in graph.used(arguments) if graph.varies[k]]
        jumps = STEPS.union(("remainder", "factorial")).intersection(inside)
        if operator in ("equal", "not_equal") or jumps or _moves(graph, node, n):
            continue
        difference = graph.apply("subtract", *arguments)
        (gradient,) = graph.gradients([difference], [time])
        slope = gradient.get(0, graph.constant(0.0))
        if not graph.varies[slope]:
            since = graph.apply("divide", difference, slope)
            switches[node] = graph.apply("subtract", time, since)
    return switches


def _planned(graph: Graph, node: int, switches: Collection[int]) -> bool:
    """Whether a truth value changes only where switches do."""
    if node in switches or not graph.varies[node]:
        return True
    operator, arguments, _ = graph.nodes[node]
    logical = operator in ("and", "or", "xor", "not")
    return logical and all(_planned(graph, each, switches) for each in arguments)


def _event_tables(
    eqs: Equations, graph: Graph, symbols: Mapping[str, int]
) -> tuple[list[int], NDArray[np.int64], NDArray[np.int64]]:
    """Nodes of the values that events need, and the tables that say what each is."""
    values: list[int] = []
    place = {name: k for k, name in enumerate((*eqs.states, *eqs.parameters))}

    def row(expression: Expression | None) -> int:
        if expression is None:
            return -1
        values.append(graph.build(expression, symbols))
        return len(values) - 1

    triggers = [row(event.trigger) for event in eqs.events]
    events: list[list[int]] = []
    assignments: list[list[int]] = []
    for trigger, event in zip(triggers, eqs.events, strict=True):
        first, scales = len(assignments), dict(event.scales)
        for name, value in event.assignments:
            assignments.append([place[name], row(value), row(scales.get(name))])
        rows = [trigger, row(event.delay), row(event.priority)]
        flags = [event.persistent, event.initial_value, event.use_trigger_values]
        events.append([*rows, *map(int, flags), first, len(assignments)])
    return (
        values,
        np.array(events, np.int64).reshape(-1),
        np.array(assignments, np.int64).reshape(-1),
    )


def relations(graph: Graph, wanted: Sequence[int]) -> list[int]:
    """Relations that vary and enter the nodes `wanted`."""
    return [
        node
        for node in graph.used(wanted)
        if graph.nodes[node].operator in RELATIONS and graph.varies[node]
    ]


def steps(graph: Graph, wanted: Sequence[int]) -> list[int]:
    """Whole numbers that vary and enter the nodes `wanted`: they change by jumps."""
    found = []
    for node in graph.used(wanted):
        operator, arguments, _ = graph.nodes[node]
        if graph.varies[node] and operator in ("floor", "ceiling", "quotient"):
            found.append(node)
        elif graph.varies[node] and operator == "remainder":
            found.append(graph.apply("quotient", *arguments))
    return found


def _truth(graph: Graph, node: int) -> int:
    """A node that is 1 where this one is true, else 0."""
    return graph.apply("not_equal", node, graph.constant(0.0))


def _moves(graph: Graph, node: int, states: int) -> bool:
    """Whether a state enters a node."""
    return any(
        graph.nodes[k].operator == "input" and graph.nodes[k].value < states
        for k in graph.used([node])
    )


def symbol_nodes(eqs: Equations, graph: Graph, where: str) -> dict[str, int]:
    """Node of every symbol: inputs first (states, parameters, time), then what is computed."""
    names = [*eqs.states, *eqs.parameters, TIME]
    symbols = dict(zip(names, graph.inputs, strict=True))
    for species in eqs.amounts:
        symbols[amount_symbol(species)] = symbols.pop(species)
    for name in evaluation_order(eqs.computed, where):
        symbols[name] = graph.build(eqs.computed[name], symbols)
    return symbols
