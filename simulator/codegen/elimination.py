"""Sparse LU and triangular solves written out for one pattern: no index is looked up at run time.

The same elimination as `integrator.linear`, which walks tables instead and serves systems whose
written-out code would grow too long to compile. Everything is on lanes: one matrix for each run.
"""

from collections.abc import Sequence
from functools import partial

from llvmlite import ir

from ..integrator.linear import Factors, drowned
from ..integrator.machine_code import Rows, spans, write_pieces

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


class _Lists:
    """The tables of `integrator.linear.Factors` that are walked here, as lists."""

    def __init__(self, factors: Factors) -> None:
        self.order, self.mass = factors.order.tolist(), factors.mass.tolist()
        self.columns, self.diagonal = factors.columns.tolist(), factors.diagonal.tolist()
        self.given = {place: e for e, place in enumerate(factors.entry.tolist())}
        ends = factors.row_start.tolist()
        self.rows = [range(ends[k], ends[k + 1]) for k in range(len(self.order))]

    def lower(self, k: int) -> range:
        """Entries of row k of L."""
        return range(self.rows[k].start, self.diagonal[k])

    def upper(self, k: int) -> range:
        """Entries of row k of U, but for its pivot."""
        return range(self.diagonal[k] + 1, self.rows[k].stop)


def write_factorise(module: ir.Module, factors: Factors, lanes: int) -> None:
    """``factorise(shift, J, -, lu, -)``: as in `integrator.linear.table_functions`."""
    lists, empty = _Lists(factors), set[int]()
    work = [
        len(lists.rows[k]) + sum(2 * len(lists.upper(lists.columns[e])) for e in lists.lower(k))
        for k in range(len(lists.order))
    ]

    def piece(rows: range, name: str) -> None:
        f = Rows(module, name, lanes)
        _eliminate(f, lists, rows, empty)
        f.end()

    write_pieces(module, "factorise", lanes, [partial(piece, rows) for rows in spans(work)])


def _eliminate(f: Rows, lists: _Lists, rows: range, empty: set[int]) -> None:
    """Eliminate in some rows; those before are done, and their entries lie in lu.

    empty : entries that are zero whatever J is; those of these rows are added.
    """
    columns, diagonal, last = lists.columns, lists.diagonal, len(lists.columns)
    zero, shift = f.constant(0.0), f.load(0, 0)
    done: dict[int, ir.Value] = {}

    def entry(e: int) -> ir.Value:
        if e not in done:
            done[e] = f.load(3, e)
        return done[e]

    cancelled = f.load(3, last) if rows.start else zero
    for k in rows:
        pivot_at = diagonal[k]
        value = {
            e: f.build.fneg(f.load(1, g))
            for e in lists.rows[k]
            if (g := lists.given.get(e)) is not None
        }
        if lists.mass[k]:
            value[pivot_at] = f.add(value[pivot_at], shift) if pivot_at in value else shift
        place_of = {columns[e]: e for e in lists.rows[k]}
        own = size = f.absolute(value.get(pivot_at, zero))
        for e in lists.lower(k):
            if e not in value:
                continue
            j = columns[e]
            multiplier = value[e] = f.multiply(value[e], entry(diagonal[j]))
            for other in lists.upper(j):
                if other in empty:
                    continue
                place, product = place_of[columns[other]], f.multiply(multiplier, entry(other))
                if place == pivot_at:
                    size = f.add(size, f.absolute(product))
                before = value.get(place)
                value[place] = (
                    f.build.fneg(product) if before is None else f.subtract(before, product)
                )
        inverse = value[pivot_at] = f.build.fdiv(f.constant(1.0), value.get(pivot_at, zero))
        cancelled = f.add(cancelled, f.multiply(size, f.absolute(inverse)))
        if size is not own:
            cancelled = f.add(cancelled, drowned(f, size, own))
        empty.update(e for e in lists.rows[k] if e not in value)
        done |= value
        for e in lists.rows[k]:
            f.store(value.get(e, zero), 3, e)
    f.store(cancelled, 3, last)


def write_solve(module: ir.Module, factors: Factors, lanes: int) -> None:
    """``solve(first, second, lu, out, -)``: as in `integrator.linear.table_functions`."""
    lists = _Lists(factors)
    n = len(lists.order)
    steps = [*range(n), *reversed(range(n, 2 * n))]  # rows of L, then of U, as k and n + k
    work = [len(lists.lower(k)) + 1 if k < n else len(lists.upper(k - n)) + 1 for k in steps]

    def piece(part: range, name: str) -> None:
        f = Rows(module, name, lanes)
        _substitute(f, lists, steps[part.start : part.stop])
        f.end()

    write_pieces(module, "solve", lanes, [partial(piece, part) for part in spans(work)])


def _substitute(f: Rows, lists: _Lists, steps: Sequence[int]) -> None:
    """Some steps of the substitution: what came of those before lies in out."""
    n, order, columns = len(lists.order), lists.order, lists.columns
    x: dict[int, ir.Value] = {}

    def known(k: int) -> ir.Value:
        if k not in x:
            x[k] = f.load(3, order[k])
        return x[k]

    for step in steps:
        k = step % n
        forward = step < n
        total = f.add(f.load(0, order[k]), f.load(1, order[k])) if forward else known(k)
        for e in lists.lower(k) if forward else lists.upper(k):
            total = f.subtract(total, f.multiply(f.load(2, e), known(columns[e])))
        x[k] = total if forward else f.multiply(total, f.load(2, lists.diagonal[k]))
    for k in dict.fromkeys(step % n for step in steps):
        f.store(x[k], 3, order[k])
