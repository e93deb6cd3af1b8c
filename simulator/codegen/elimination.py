"""Sparse LU and triangular solves written out for one pattern: no index is looked up at run time.

The same elimination as `integrator.linear`, which walks tables instead and serves systems whose
written-out code would grow too long to compile. Everything is on lanes: one matrix for each run.
"""

from llvmlite import ir

from ..integrator.linear import Factors, drowned
from ..integrator.machine_code import Rows

OPERATION_LIMIT = 12_000
"""Most multiplications in a written-out factorisation: above, the code no longer fits the caches
and takes long to compile, and walking tables costs little beside the work on a row."""


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


def write_factorise(module: ir.Module, factors: Factors, lanes: int) -> None:
    """``factorise(shift, J, -, lu, -)``: as in `integrator.linear.table_functions`."""
    f = Rows(module, "factorise", lanes)
    start, columns, diagonal, mass = (
        factors.row_start.tolist(),
        factors.columns.tolist(),
        factors.diagonal.tolist(),
        factors.mass.tolist(),
    )
    zero, shift = f.constant(0.0), f.load(0, 0)
    value: list[ir.Value | None] = [None] * len(columns)  # None: zero, whatever J is
    for e, place in enumerate(factors.entry.tolist()):
        value[place] = f.build.fneg(f.load(1, e))
    for k, place in enumerate(diagonal):
        if mass[k]:
            entry = value[place]
            value[place] = shift if entry is None else f.add(entry, shift)
    cancelled = zero
    for k in range(len(diagonal)):
        pivot_at = diagonal[k]
        place_of = {columns[e]: e for e in range(start[k], start[k + 1])}
        own = size = f.absolute(value[pivot_at] or zero)
        for e in range(start[k], pivot_at):
            j, entry = columns[e], value[e]
            if entry is None:
                continue
            multiplier = value[e] = f.multiply(entry, value[diagonal[j]])
            for other in range(diagonal[j] + 1, start[j + 1]):
                upper = value[other]
                if upper is None:
                    continue
                place = place_of[columns[other]]
                product, before = f.multiply(multiplier, upper), value[place]
                if place == pivot_at:
                    size = f.add(size, f.absolute(product))
                value[place] = (
                    f.build.fneg(product) if before is None else f.subtract(before, product)
                )
        inverse = value[pivot_at] = f.build.fdiv(f.constant(1.0), value[pivot_at] or zero)
        cancelled = f.add(cancelled, f.multiply(size, f.absolute(inverse)))
        if size is not own:
            cancelled = f.add(cancelled, drowned(f, size, own))
    for place, entry in enumerate(value):
        f.store(entry or zero, 3, place)
    f.store(cancelled, 3, len(value))
    f.end()


def write_solve(module: ir.Module, factors: Factors, lanes: int) -> None:
    """``solve(first, second, lu, out, -)``: as in `integrator.linear.table_functions`."""
    f = Rows(module, "solve", lanes)
    start, columns, diagonal, order = (
        factors.row_start.tolist(),
        factors.columns.tolist(),
        factors.diagonal.tolist(),
        factors.order.tolist(),
    )
    x: list[ir.Value] = []
    for k, state in enumerate(order):
        total = f.add(f.load(0, state), f.load(1, state))
        for e in range(start[k], diagonal[k]):
            total = f.subtract(total, f.multiply(f.load(2, e), x[columns[e]]))
        x.append(total)
    for k in range(len(order) - 1, -1, -1):
        total = x[k]
        for e in range(diagonal[k] + 1, start[k + 1]):
            total = f.subtract(total, f.multiply(f.load(2, e), x[columns[e]]))
        x[k] = f.multiply(total, f.load(2, diagonal[k]))
        f.store(x[k], 3, order[k])
    f.end()
