"""Sparse LU of 1/(h gamma) M - J without pivoting, on an order that keeps fill low.

The pattern of J is fixed, so ordering and fill are found once (`analyse`); the numeric part works
on lanes, one matrix for each run, walks index tables and allocates nothing. Diagonal pivots are
safe for small enough h, where the matrix is diagonally dominant; where they are not, so much
cancels in some pivot that its digits are lost. `factorise` measures that, and the caller then takes
the run's matrix to `dense`, which pivots.
"""

from collections.abc import Collection
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from .cache import compiled, source_digest
from .lanes import call
from .machine_code import INTEGER, Code, Rows, compile_once

Indices = NDArray[np.int64]

CANCELLATION_LIMIT = 1e8
"""Largest accepted sum over the pivots of (|a_kk| + sum_j |l_kj u_jk|) / |u_kk|: what cancellation
takes from the worst pivot, half of its sixteen digits; and largest accepted ratio of that numerator
to |a_kk| (unless that is zero), which products drown that come of a small pivot before. Unlike the
growth of entries these do not depend on the units of the states."""


def drowned(f: Rows, size: ir.Value, own: ir.Value) -> ir.Value:
    """Infinity in the lanes where a diagonal entry `own` is lost in a sum of `size`, else 0."""
    zero, infinity = f.constant(0.0), f.constant(float("inf"))
    lost = f.choose(">", size, f.multiply(own, f.constant(CANCELLATION_LIMIT)), infinity, zero)
    return f.choose(">", own, zero, lost, zero)


class Factors(NamedTuple):
    """Index tables of the factorisation of an (n, n) matrix; rows are in elimination order.

    order : (n,) state at each elimination position.
    row_start, columns : compressed rows of L + U, columns ascending; (n + 1,), (nnz,).
    diagonal : (n,) where each row's pivot lies in `columns`.
    entry : (nnz of J,) where each entry of J lies in `columns`.
    mass : (n,) 1 where the row belongs to a differential equation, 0 for an algebraic one.
    j_rows, j_columns : (nnz of J,) states to which each entry of J belongs.
    """

    order: Indices
    row_start: Indices
    columns: Indices
    diagonal: Indices
    entry: Indices
    mass: Indices
    j_rows: Indices
    j_columns: Indices


def analyse(size: int, rows: Indices, columns: Indices, algebraic: Collection[int] = ()) -> Factors:
    """Elimination order (least Markowitz count on the diagonal) and pattern of L + U.

    Parameters
    ----------
    size
        Number of states n.
    rows, columns
        (nnz,) positions of J's entries.
    algebraic
        States without a derivative.
    """
    in_row = [{i} for i in range(size)]
    in_column = [{i} for i in range(size)]
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        in_row[i].add(j)
        in_column[j].add(i)
    pattern = [set(row) for row in in_row]
    order: list[int] = []
    waiting = set(range(size))

    def count(k: int) -> int:
        return (len(in_row[k]) - 1) * (len(in_column[k]) - 1)

    candidates = [(count(k), k) for k in range(size)]  # some out of date: see below
    heapify(candidates)
    while waiting:
        counted, pivot = heappop(candidates)
        if pivot not in waiting or counted != count(pivot):
            continue
        order.append(pivot)
        waiting.remove(pivot)
        right, below = in_row[pivot] - {pivot}, in_column[pivot] - {pivot}
        for i in below:
            in_row[i].discard(pivot)
            in_row[i] |= right
            pattern[i] |= right
        for j in right:
            in_column[j].discard(pivot)
            in_column[j] |= below
        for k in right | below:
            heappush(candidates, (count(k), k))
    position = np.empty(size, np.int64)
    position[order] = np.arange(size)
    row_start = np.zeros(size + 1, np.int64)
    flat: list[int] = []
    diagonal = np.empty(size, np.int64)
    place: dict[tuple[int, int], int] = {}
    for k, state in enumerate(order):
        for column in sorted(int(position[j]) for j in pattern[state]):
            if column == k:
                diagonal[k] = len(flat)
            place[k, column] = len(flat)
            flat.append(column)
        row_start[k + 1] = len(flat)
    entry = [
        place[int(position[i]), int(position[j])]
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    return Factors(
        np.array(order, np.int64),
        row_start,
        np.array(flat, np.int64),
        diagonal,
        np.array(entry, np.int64),
        np.array([state not in algebraic for state in order], np.int64),
        np.array(rows, np.int64),
        np.array(columns, np.int64),
    )


def elimination_table(factors: Factors) -> Indices:
    """What `factorise` walks: places of J's entries; for each row its pivot, mass, eliminations."""
    start, columns, diagonal = (
        factors.row_start.tolist(),
        factors.columns.tolist(),
        factors.diagonal.tolist(),
    )
    walk: list[int] = [len(columns), factors.entry.size, *factors.entry.tolist()]
    for k in range(len(diagonal)):
        place = {columns[e]: e for e in range(start[k], start[k + 1])}
        below = range(start[k], diagonal[k])
        walk += [diagonal[k], int(factors.mass[k]), len(below)]
        for e in below:
            j = columns[e]
            upper = range(diagonal[j] + 1, start[j + 1])
            walk += [e, diagonal[j], len(upper)]
            for other in upper:
                walk += [place[columns[other]], other]
    return np.array(walk, np.int64)


def solution_table(factors: Factors) -> Indices:
    """What `solve` walks: for each row of L and then, backwards, of U the terms of the solution."""
    start, columns, diagonal, order = (
        factors.row_start.tolist(),
        factors.columns.tolist(),
        factors.diagonal.tolist(),
        factors.order.tolist(),
    )
    n, walk = len(order), []
    for k in range(n):
        walk += [order[k], diagonal[k] - start[k]]
        for e in range(start[k], diagonal[k]):
            walk += [e, order[columns[e]]]
    for k in reversed(range(n)):
        walk += [order[k], diagonal[k], start[k + 1] - diagonal[k] - 1]
        for e in range(diagonal[k] + 1, start[k + 1]):
            walk += [e, order[columns[e]]]
    return np.array(walk, np.int64)


class _Walk(Rows):
    """A function that reads its fifth argument as integers, one after the other."""

    def __init__(self, module: ir.Module, name: str, lanes: int) -> None:
        super().__init__(module, name, lanes)
        self._cursor = self.build.alloca(INTEGER)
        self.build.store(INTEGER(0), self._cursor)
        self._walk = self.build.bitcast(self.arguments[4], INTEGER.as_pointer())

    def next(self) -> ir.Value:
        """The next integer of the tables."""
        at = self.build.load(self._cursor)
        self.build.store(self.build.add(at, INTEGER(1)), self._cursor)
        return self.build.load(self.build.gep(self._walk, [at]))


def _write_factorise(module: ir.Module, lanes: int) -> None:
    f = _Walk(module, "factorise", lanes)
    build, zero, none = f.build, f.constant(0.0), INTEGER(0)
    size, multiplier = f.variable(zero), f.variable(zero)
    cancelled = f.variable(zero)
    entries, given = f.next(), f.next()
    with f.loop(none, entries) as e:
        f.store(zero, 3, e)
    with f.loop(none, given) as e:
        f.store(build.fneg(f.load(1, e)), 3, f.next())
    with f.loop(none, f.count):
        pivot, mass, below = f.next(), f.next(), f.next()
        differential = build.icmp_signed("!=", mass, none)
        shifted = f.add(f.load(3, pivot), build.select(differential, f.load(0, 0), zero))
        f.store(shifted, 3, pivot)
        own = f.absolute(shifted)
        build.store(own, size)
        with f.loop(none, below):
            place, diagonal, upper = f.next(), f.next(), f.next()
            build.store(f.multiply(f.load(3, place), f.load(3, diagonal)), multiplier)
            f.store(build.load(multiplier), 3, place)
            with f.loop(none, upper):
                target, other = f.next(), f.next()
                product = f.multiply(build.load(multiplier), f.load(3, other))
                on_pivot = build.icmp_signed("==", target, pivot)
                share = build.select(on_pivot, f.absolute(product), zero)
                build.store(f.add(build.load(size), share), size)
                f.store(f.subtract(f.load(3, target), product), 3, target)
        inverse = build.fdiv(f.constant(1.0), f.load(3, pivot))
        f.store(inverse, 3, pivot)
        share = f.multiply(build.load(size), f.absolute(inverse))
        share = f.add(share, drowned(f, build.load(size), own))
        build.store(f.add(build.load(cancelled), share), cancelled)
    f.store(build.load(cancelled), 3, entries)
    f.end()


def _write_solve(module: ir.Module, lanes: int) -> None:
    f = _Walk(module, "solve", lanes)
    build, none = f.build, INTEGER(0)
    total = f.variable(f.constant(0.0))

    def subtract_known(terms: ir.Value) -> None:
        with f.loop(none, terms):
            entry, state = f.next(), f.next()
            product = f.multiply(f.load(2, entry), f.load(3, state))
            build.store(f.subtract(build.load(total), product), total)

    with f.loop(none, f.count):
        state, terms = f.next(), f.next()
        build.store(f.add(f.load(0, state), f.load(1, state)), total)
        subtract_known(terms)
        f.store(build.load(total), 3, state)
    with f.loop(none, f.count):
        state, pivot, terms = f.next(), f.next(), f.next()
        build.store(f.load(3, state), total)
        subtract_known(terms)
        f.store(f.multiply(build.load(total), f.load(2, pivot)), 3, state)
    f.end()


_COMPILED: dict[int, Code] = {}  # one entry a number of lanes, never changed


def table_functions(lanes: int) -> tuple[int, int]:
    """Addresses of `factorise` and `solve` on rows of `lanes` numbers.

    Their arguments are (shift, J, -, lu, tables) and (first, second, lu, out, tables), their count
    is the number of states. `factorise` writes L + U of shift M - J, pivots inverted, and behind
    its entries the row of cancellation (see `CANCELLATION_LIMIT`); `solve` solves for the
    right-hand side first + second.
    """
    if lanes not in _COMPILED:
        key = f"sparse {source_digest()} {lanes}"
        # the first entry stays: another thread may be using its machine code
        _COMPILED.setdefault(lanes, compile_once(key, lambda: _table_module(lanes)))
    code = _COMPILED[lanes]
    return code.address("factorise"), code.address("solve")


@compiled
def solve_many(solve, w, first, second, lu, out, tables, n, lanes, count):  # type: ignore[no-untyped-def]
    """Solve for `count` right-hand sides with one factorisation, in every lane.

    Parameters
    ----------
    solve
        Address of the function, see `table_functions`.
    w
        Flat array that holds everything, at the places that follow.
    first, out
        Right-hand sides and solutions: `count` blocks of n rows each.
    second
        n rows that are added to every right-hand side.
    lu, tables
        The factors, and the tables of the solution (anywhere for code that needs none).
    """
    for k in range(count):
        block = k * n * lanes
        call(solve, w, first + block, second, lu, out + block, tables, n)


def _table_module(lanes: int) -> ir.Module:
    module = ir.Module(name="sparse")
    _write_factorise(module, lanes)
    _write_solve(module, lanes)
    return module
