"""Sparse LU and triangular solves written out for one pattern: no index is looked up at run time.

The same elimination as `integrator.linear`, which walks tables instead and serves systems whose
written-out code would grow too long to compile.
"""

from collections.abc import Iterable

from llvmlite import ir

from ..integrator.linear import Factors
from .llvm import DOUBLE, SIGNATURE

OPERATION_LIMIT = 60_000
"""Most multiplications in a written-out factorisation: about a second of compile time."""


def operations(factors: Factors) -> int:
    """Multiplications in one factorisation."""
    start, columns, diagonal = (
        factors.row_start.tolist(),
        factors.columns.tolist(),
        factors.diagonal.tolist(),
    )
    upper = [start[k + 1] - diagonal[k] - 1 for k in range(len(diagonal))]
    return sum(
        1 + upper[columns[e]] for k in range(len(diagonal)) for e in range(start[k], diagonal[k])
    )


class _Writer:
    """A function ``void f(double, double *, double *, double *)`` in the making."""

    def __init__(self, module: ir.Module, name: str) -> None:
        function = ir.Function(module, SIGNATURE, name)
        for argument in function.args[1:]:
            argument.add_attribute("noalias")
        self.number, self.first, self.second, self.out = function.args
        self.build = ir.IRBuilder(function.append_basic_block())
        self._absolute = module.declare_intrinsic("llvm.fabs", [DOUBLE])

    def load(self, array: ir.Value, index: int) -> ir.Value:
        return self.build.load(self._place(array, index))

    def store(self, value: ir.Value, array: ir.Value, index: int) -> None:
        self.build.store(value, self._place(array, index))

    def _place(self, array: ir.Value, index: int) -> ir.Value:
        return self.build.gep(array, [ir.Constant(ir.IntType(64), index)], inbounds=True)

    def absolute(self, value: ir.Value) -> ir.Value:
        return self.build.call(self._absolute, [value])

    def largest(self, values: Iterable[ir.Value]) -> ir.Value:
        """Largest absolute value; NaN is passed over."""
        best = ir.Constant(DOUBLE, 0.0)
        for value in values:
            size = self.absolute(value)
            best = self.build.select(self.build.fcmp_ordered(">", size, best), size, best)
        return best


def write_factorise(module: ir.Module, factors: Factors) -> None:
    """``factorise(shift, jacobian, -, out)``: L + U of shift I - J, pivots inverted, into `out`.

    Behind the (nnz) entries follow the largest entry of the matrix, the largest of the factors and
    the sum of the inverted pivots' sizes, by which the caller judges them.
    """
    write = _Writer(module, "factorise")
    build, entries = write.build, factors.columns.size
    zero, one = ir.Constant(DOUBLE, 0.0), ir.Constant(DOUBLE, 1.0)
    start, columns, diagonal = (
        factors.row_start.tolist(),
        factors.columns.tolist(),
        factors.diagonal.tolist(),
    )
    value: list[ir.Value] = [zero] * entries
    for e, place in enumerate(factors.entry.tolist()):
        value[place] = build.fneg(write.load(write.first, e))
    for place in diagonal:
        value[place] = build.fadd(value[place], write.number)
    original = write.largest(v for v in value if v is not zero)
    place_of = [
        {columns[e]: e for e in range(start[k], start[k + 1])} for k in range(len(diagonal))
    ]
    inverses = zero
    for k in range(len(diagonal)):
        for e in range(start[k], diagonal[k]):
            j = columns[e]
            multiplier = value[e] = build.fmul(value[e], value[diagonal[j]])
            for other in range(diagonal[j] + 1, start[j + 1]):
                place = place_of[k][columns[other]]
                value[place] = build.fsub(value[place], build.fmul(multiplier, value[other]))
        pivot = value[diagonal[k]]
        value[diagonal[k]] = build.fdiv(one, pivot)
        inverses = build.fadd(inverses, write.absolute(value[diagonal[k]]))
    for place in range(entries):
        write.store(value[place], write.out, place)
    off_diagonal = [v for place, v in enumerate(value) if place not in set(diagonal)]
    write.store(original, write.out, entries)
    write.store(write.largest(off_diagonal), write.out, entries + 1)
    write.store(inverses, write.out, entries + 2)
    build.ret_void()


def write_solve(module: ir.Module, factors: Factors) -> None:
    """``solve(-, right, lu, out)``: the solution for one right-hand side, in state order."""
    write = _Writer(module, "solve")
    build = write.build
    start, columns, diagonal, order = (
        factors.row_start.tolist(),
        factors.columns.tolist(),
        factors.diagonal.tolist(),
        factors.order.tolist(),
    )
    x: list[ir.Value] = []
    for k, state in enumerate(order):
        total = write.load(write.first, state)
        for e in range(start[k], diagonal[k]):
            total = build.fsub(total, build.fmul(write.load(write.second, e), x[columns[e]]))
        x.append(total)
    for k in range(len(order) - 1, -1, -1):
        total = x[k]
        for e in range(diagonal[k] + 1, start[k + 1]):
            total = build.fsub(total, build.fmul(write.load(write.second, e), x[columns[e]]))
        x[k] = build.fmul(total, write.load(write.second, diagonal[k]))
        write.store(x[k], write.out, order[k])
    build.ret_void()
