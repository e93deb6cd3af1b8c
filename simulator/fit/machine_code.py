"""Machine code of a likelihood: its observables on all columns, and the chain rule."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llvmlite import ir

from ..codegen.graph import Graph
from ..codegen.program import Program, compile_programs
from ..integrator.machine_code import INTEGER, Code, Rows


def compile_likelihood(
    graph: Graph, programs: Sequence[Program], groups: Sequence[int], terms: tuple[int, int, int]
) -> Code:
    """Machine code of the programs, and of `evaluate`: each of them on its groups of columns."""

    def write_more(module: ir.Module) -> None:
        whole = Rows(module, "evaluate", 1)
        column = 0
        for program, count in zip(programs, groups, strict=True):
            for _ in range(count):
                own = [whole.element(argument, column) for argument in (0, 3, 4)]
                places = [own[0], *whole.arguments[1:3], *own[1:]]
                whole.build.call(module.globals[program.name], [*places, whole.count])
                column += program.lanes
        whole.end()
        _write_multiply(module, *terms)

    own_source = Path(__file__).read_text("utf-8")
    return compile_programs(graph, programs, write_more, (own_source, tuple(groups), terms))


def _write_multiply(module: ir.Module, products: int, units: int, free: int) -> None:
    """Write (tables, outputs, tangents, A): add to A what the tables say, see `Likelihood._chain`.

    In C: ``for (; products--; t += 3) for (k = 0; k < free; k++)
    A[t[0] + k] += outputs[t[1]] * tangents[t[2] + k]``, then
    ``for (; units--; t += 2) A[t[0]] += outputs[t[1]]``.
    """
    rows = Rows(module, "multiply", 1)
    build = rows.build
    tables = build.bitcast(rows.arguments[0], INTEGER.as_pointer())

    def entry(place: ir.Value) -> ir.Value:
        return build.load(build.gep(tables, [place]))

    def increase(target: ir.Value, value: ir.Value) -> None:
        rows.store(rows.add(rows.load(3, target), value), 3, target)

    end = 3 * products
    with rows.loop(INTEGER(0), INTEGER(end), 3) as t:
        target, place, source = (entry(build.add(t, INTEGER(k))) for k in range(3))
        factor = rows.load(1, place)
        with rows.loop(INTEGER(0), INTEGER(free)) as k:
            tangent = rows.load(2, build.add(source, k))
            increase(build.add(target, k), rows.multiply(factor, tangent))
    with rows.loop(INTEGER(end), INTEGER(end + 2 * units), 2) as t:
        increase(entry(t), rows.load(1, entry(build.add(t, INTEGER(1)))))
    rows.end()
