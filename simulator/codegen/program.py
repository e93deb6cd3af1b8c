"""Programs: nodes of a graph written as compiled functions, for one run or for lanes of runs."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from llvmlite import ir

from ..integrator.cache import source_digest
from ..integrator.machine_code import (
    DOUBLE,
    FUSED,
    INDEX,
    LIBRARY,
    POINTERS,
    VECTOR_FUNCTIONS,
    Code,
    Rows,
    chunk_size,
    compile_once,
    spans,
    vector_library,
    write_pieces,
)
from .graph import Graph

_NATIVE = {"sqrt": "sqrt", "abs": "fabs", "floor": "floor", "ceiling": "ceil"}
RELATIONS = {
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}
_ARITHMETIC = {"add": "fadd", "subtract": "fsub", "multiply": "fmul", "divide": "fdiv"}


class Place(NamedTuple):
    """Where a value comes from: entry `row` of a function's argument number `argument`.

    On lanes it is a row (one number a lane) unless `shared`: then one number for all lanes.
    """

    argument: int
    row: int
    shared: bool = False


class Program(NamedTuple):
    """A function that stores the nodes `wanted` one after the other in its last argument but one.

    Rows lie `spacing` numbers apart: as many as there are lanes, but for a program of one run that
    writes its lane's column. Of its `pointers` the last is scratch.
    """

    name: str
    wanted: Sequence[int]
    sources: Mapping[int, Place]
    lanes: int
    spacing: int
    pointers: int = POINTERS

    @property
    def out(self) -> int:
        """Number of the argument that is written."""
        return self.pointers - 2

    @property
    def scratch(self) -> int:
        """Number of the argument that pieces hand values on in."""
        return self.pointers - 1


def compile_programs(
    graph: Graph,
    programs: Sequence[Program],
    write_more: Callable[[ir.Module], None] = lambda module: None,
    more: object = None,
) -> Code:
    """Machine code of programs; built only if not kept.

    Parameters
    ----------
    write_more, more
        Writes what else the module is to hold, and what that depends on.
    """

    def build() -> ir.Module:
        module = ir.Module(name="network")
        for program in programs:
            write_program(module, graph, program)
        write_more(module)
        return module

    sources = source_digest(Path(__file__).parent) + source_digest()
    return compile_once(repr((sources, chunk_size(), programs, graph.nodes, more)), build)


def scratch_rows(graph: Graph, program: Program) -> int:
    """Rows of scratch that a program needs: see `write_program`."""
    return len(_handed_on(graph, _chunks(graph, program), program.sources))


def _chunks(graph: Graph, program: Program) -> list[list[int]]:
    nodes = graph.used(program.wanted, program.sources)
    computed = [n for n in nodes if n not in program.sources]
    return [computed[part.start : part.stop] for part in spans([1] * len(computed))]


def write_program(module: ir.Module, graph: Graph, program: Program) -> None:
    """Write a program as a function.

    A long one becomes several functions, which hand values on in scratch.
    """
    sources = program.sources
    chunks = _chunks(graph, program)
    slots = {
        node: Place(program.scratch, k) for k, node in enumerate(_handed_on(graph, chunks, sources))
    }
    stored: dict[int, list[int]] = {}
    for place, node in enumerate(program.wanted):
        stored.setdefault(node, []).append(place)
    divisors = Counter(
        graph.nodes[n].arguments[1]
        for chunk in chunks
        for n in chunk
        if graph.nodes[n].operator == "divide"
    )

    def piece(chunk: Sequence[int], own: str) -> None:
        writer = _Writer(module, own, graph, {**sources, **slots}, divisors, program)
        for node in chunk:
            value = writer.compute(node)
            if node in slots:
                writer.put(value, slots[node])
            for place in stored.get(node, ()):
                writer.put(value, Place(program.out, place))
        if chunk is chunks[-1]:
            for node in stored.keys() & sources.keys():
                for place in stored[node]:
                    writer.put(writer.value(node), Place(program.out, place))
        writer.end()

    pieces = [partial(piece, chunk) for chunk in chunks]
    write_pieces(module, program.name, program.lanes, pieces, program.pointers)


def _handed_on(
    graph: Graph, chunks: Sequence[Sequence[int]], sources: Mapping[int, Place]
) -> list[int]:
    """Nodes that a later chunk than their own needs."""
    where = {node: k for k, chunk in enumerate(chunks) for node in chunk}
    later: dict[int, None] = {}
    for k, chunk in enumerate(chunks):
        for node in chunk:
            for argument in graph.nodes[node].arguments:
                if argument not in sources and where[argument] < k:
                    later[argument] = None
    return list(later)


class _Writer(Rows):
    """Instructions of one function."""

    def __init__(
        self,
        module: ir.Module,
        name: str,
        graph: Graph,
        sources: Mapping[int, Place],
        divisors: Mapping[int, int],
        program: Program,
    ) -> None:
        super().__init__(module, name, program.lanes, program.pointers)
        self.graph, self.sources, self.divisors = graph, sources, divisors
        self._spacing = program.spacing
        self._values: dict[int, ir.Value] = {}
        self._inverses: dict[int, ir.Value] = {}

    def value(self, node: int) -> ir.Value:
        """The value of a node: computed here already, or loaded now."""
        if node not in self._values:
            self._values[node] = self._take(self.sources[node])
        return self._values[node]

    def compute(self, node: int) -> ir.Value:
        """Instructions for a node whose arguments are there."""
        self._values[node] = value = self._emit(node)
        return value

    def put(self, value: ir.Value, place: Place) -> None:
        """Store a value where it belongs."""
        self.store(value, place.argument, place.row * self._spacing // self.lanes)

    def _take(self, place: Place) -> ir.Value:
        if place.shared:
            one = self.build.load(self.element(place.argument, place.row))
            return self.spread(one)
        return self.load(place.argument, place.row * self._spacing // self.lanes)

    # ------------------------------------------------------------------ operators
    def _emit(self, node: int) -> ir.Value:
        operator, arguments, constant = self.graph.nodes[node]
        build = self.build
        if operator == "constant":
            return self.constant(constant)
        x = [self.value(a) for a in arguments]
        if operator == "divide" and self.divisors[arguments[1]] > 1:
            return build.fmul(x[0], self._inverse(arguments[1]), flags=FUSED)
        if operator in _ARITHMETIC:
            return getattr(build, _ARITHMETIC[operator])(*x, flags=FUSED)
        if operator == "negate":
            return build.fneg(x[0])
        if operator in _NATIVE:
            return self.native(_NATIVE[operator], x[0])
        if operator in LIBRARY:
            if operator == "factorial":
                x = [build.fadd(x[0], self.constant(1.0))]
            return self._library(LIBRARY[operator], x)
        if operator in ("minimum", "maximum"):
            return build.select(self._compare("<" if operator == "minimum" else ">", x), x[0], x[1])
        if operator in ("quotient", "remainder"):
            whole = self.native("trunc", build.fdiv(x[0], x[1]))
            return whole if operator == "quotient" else build.fsub(x[0], build.fmul(x[1], whole))
        if operator == "select":
            return build.select(self._truth(x[0]), x[1], x[2])
        return build.uitofp(self._logical(operator, x), self.kind)

    def _inverse(self, node: int) -> ir.Value:
        """1 / node, for what divides more than once: a division costs as much as ten products."""
        if node not in self._inverses:
            self._inverses[node] = self.build.fdiv(self.constant(1.0), self.value(node))
        return self._inverses[node]

    def _library(self, name: str, x: list[ir.Value]) -> ir.Value:
        """A function of the C library, or of its vector mathematics where that has it."""
        if self.lanes == 1:
            return self._scalar(name, x)
        prefixes = vector_library() if name in VECTOR_FUNCTIONS else {}
        width = max((w for w in prefixes if w <= self.lanes), default=1)
        parts = []
        for start in range(0, self.lanes, width):
            if width == 1:
                single = [self.build.extract_element(v, INDEX(start)) for v in x]
                parts.append(self._scalar(name, single))
            else:
                kind = ir.VectorType(DOUBLE, width)
                symbol = f"{prefixes[width]}{'v' * len(x)}_{name}"
                function = self.declare(symbol, kind, len(x))
                parts.append(self.build.call(function, [self._cut(v, start, width) for v in x]))
        return self._join(parts, width)

    def _scalar(self, name: str, x: list[ir.Value]) -> ir.Value:
        return self.build.call(self.declare(name, DOUBLE, len(x)), x)

    def _cut(self, value: ir.Value, start: int, width: int) -> ir.Value:
        if width == self.lanes:
            return value
        mask = ir.Constant(ir.VectorType(INDEX, width), list(range(start, start + width)))
        return self.build.shuffle_vector(value, value, mask)

    def _join(self, parts: list[ir.Value], width: int) -> ir.Value:
        if width == self.lanes:
            return parts[0]
        if width == 1:
            whole = ir.Constant(self.kind, ir.Undefined)
            for lane, part in enumerate(parts):
                whole = self.build.insert_element(whole, part, INDEX(lane))
            return whole
        while len(parts) > 1:
            width *= 2
            mask = ir.Constant(ir.VectorType(INDEX, width), list(range(width)))
            pairs = zip(parts[::2], parts[1::2], strict=True)
            parts = [self.build.shuffle_vector(a, b, mask) for a, b in pairs]
        return parts[0]

    def _logical(self, operator: str, x: list[ir.Value]) -> ir.Value:
        build = self.build
        if operator in RELATIONS:
            return self._compare(RELATIONS[operator], x)
        if operator == "not":
            return build.not_(self._truth(x[0]))
        combine = {"and": build.and_, "or": build.or_, "xor": build.xor}[operator]
        return combine(self._truth(x[0]), self._truth(x[1]))

    def _compare(self, relation: str, x: list[ir.Value]) -> ir.Value:
        if relation == "!=":  # NaN differs from everything, itself included
            return self.build.fcmp_unordered(relation, x[0], x[1])
        return self.build.fcmp_ordered(relation, x[0], x[1])

    def _truth(self, x: ir.Value) -> ir.Value:
        return self.build.fcmp_unordered("!=", x, self.constant(0.0))
