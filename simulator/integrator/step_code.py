"""The arithmetic of a Rosenbrock step on rows, made for one tableau. Notation as in `tableau`.

Coefficients are constants of the code: zeros cost nothing, and an argument that continues the one
before (as in stiffly accurate methods) takes one product. The number of states is the functions'
count, so that one set serves every model.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from .cache import source_digest
from .machine_code import DOUBLE, INDEX, INTEGER, Code, Rows, compile_once
from .tableau import Array, Tableau

SAFETY = 0.85  # aim below the tolerance, so that most steps are accepted
SHRINK, GROW = 0.2, 10.0  # bounds on the change of step size
FAR = 10.0  # sizes of a state by which df/dt alone would move it, if that says that it is stiff

# Rows of control: what the step needs and gives beside the states. BEFORE: the last number before
# STOP. ACCEPT: 0 where the attempt is good. LIVE: whether a lane has a run. FORCED: above 0 where
# time alone would move some state by FAR more than its size.
CONTROL = 16
T, H, PER_H, STOP, BEFORE, STAGE_T, T_NEW, SHIFT, ERROR, FACTOR, ACCEPT, CUT = range(12)
RTOL, ATOL, LIVE, FORCED = range(12, CONTROL)


class Method(NamedTuple):
    """A method as compiled code sees it: some coefficients, and addresses of functions of rows.

    timed : whether time enters the stages (the rates depend on it, and it does not stand still).
    begin : -, -, -, -, control: the step to attempt, from H and STOP.
    combine : (stages,) of the arrays y, u, argument (then second), df/dt, control: the argument of
        a stage, its time, and what its right-hand side has beside the rates.
    finish : y, u, argument, y_new, control: y_new, error norm, factor of the step, its end, and
        whether it is good enough.
    dense : -, u, -, dense, -: coefficients of dense output, `dense_rows` for each state.
    middle : y, y_new, dense, argument (then second), control: the state of dense output in the
        middle of the step, minus its slope there, and the time.
    doubt : y, y_new, what the dense output is off in the middle, -, control: error, factor and
        verdict of the lanes that are FORCED, by that.
    sample : y, y_new and dense, each from one lane on, a row of fractions of its step followed by
        `count` rows of states, and the table (n, states wanted): those states at the fractions,
        where a fraction is not below 0.
    take : y, -, -, y_new, control: y becomes y_new in the lanes whose ACCEPT is 0.
    advance : -, -, -, -, control: their time becomes T_NEW, and their next step FACTOR H.
    """

    gamma: float
    order: int
    alpha: Array
    d: Array
    dense_rows: int
    timed: bool
    begin: int
    combine: NDArray[np.int64]
    finish: int
    dense: int
    middle: int
    doubt: int
    sample: int
    take: int
    advance: int


_STEPS = ("finish", "dense", "middle", "doubt", "sample", "take", "advance")
_COMPILED: dict[tuple[object, ...], tuple[Method, Code]] = {}  # entries are never changed


def compile_method(tableau: Tableau, lanes: int, timed: bool) -> Method:
    """The method of a tableau, for rows of `lanes` numbers; compiled at first use."""
    key = (*(np.asarray(part).tobytes() for part in tableau), lanes, timed)
    if key not in _COMPILED:
        code = compile_once(
            f"steps {source_digest()} {key}", lambda: _module(tableau, lanes, timed)
        )
        _COMPILED[key] = _method(tableau, timed, code), code
    return _COMPILED[key][0]


def _method(tableau: Tableau, timed: bool, code: Code) -> Method:
    combine = [code.address(f"combine_{i}") for i in range(tableau.m.size)]
    return Method(
        tableau.gamma,
        tableau.order,
        tableau.alpha,
        tableau.d,
        tableau.dense.shape[0],
        timed,
        code.address("begin"),
        np.array(combine, np.int64),
        *(code.address(name) for name in _STEPS),
    )


def _module(tableau: Tableau, lanes: int, timed: bool) -> ir.Module:
    module = ir.Module(name="steps")
    _write_begin(module, tableau, lanes)
    for i in range(tableau.m.size):
        _write_combine(module, tableau, lanes, timed, i)
    _write_finish(module, tableau, lanes)
    _write_dense(module, tableau, lanes)
    _write_middle(module, lanes)
    _write_doubt(module, tableau, lanes)
    _write_sample(module, lanes)
    _write_take(module, lanes)
    _write_advance(module, lanes)
    return module


Weights = list[tuple[int, float]]
Start = list[ir.Value] | None
RowWork = Callable[[list[ir.Value]], None]


class _Blocks(Rows):
    """A function that does the same to each of `count` rows, some at a time."""

    def each_row(self, once: RowWork) -> None:
        """Build the work on a row, for blocks of rows that share the loading of coefficients."""
        together = max(1, 16 // self.lanes)
        whole = self.build.mul(self.build.sdiv(self.count, INTEGER(together)), INTEGER(together))
        if together > 1:
            with self.loop(INTEGER(0), whole, together) as index:
                once([self.build.add(index, INTEGER(j)) for j in range(together)])
        with self.loop(whole if together > 1 else INTEGER(0), self.count) as index:
            once([index])

    def weighted(
        self, rows: list[ir.Value], sums: Sequence[tuple[Start, Weights]]
    ) -> list[list[ir.Value]]:
        """Some sums of start + weight * u_j over j, on some rows; u is the array of argument 1.

        They are taken together, so that each u is loaded once.
        """
        totals = [list(start or []) for start, _ in sums]
        for j in sorted({j for _, weights in sums for j, _ in weights}):
            u = [self.load(1, self.build.add(r, self._block(j))) for r in rows]
            for total, (_, weights) in zip(totals, sums, strict=True):
                for weight in (w for k, w in weights if k == j):
                    terms = [self.multiply(self.constant(weight), v) for v in u]
                    total[:] = map(self.add, total, terms) if total else terms
        nothing = [self.constant(0.0)] * len(rows)
        return [total or nothing for total in totals]

    def _block(self, j: int) -> ir.Value:
        return self.build.mul(self.count, INTEGER(j))


def _weights(coefficients: Array) -> Weights:
    return [(j, float(c)) for j, c in enumerate(coefficients) if c != 0.0]


def _continues(earlier: Array, later: Array) -> bool:
    """Whether a sum of u_0 .. u_i only adds its last term to an earlier sum of u_0 .. u_(i-1)."""
    return len(earlier) > 0 and list(later[: len(earlier)]) == list(earlier)


def _write_combine(module: ir.Module, tableau: Tableau, lanes: int, timed: bool, i: int) -> None:
    f = _Blocks(module, f"combine_{i}", lanes)
    earlier = tableau.a[i - 1, : i - 1] if i > 0 else np.empty(0)
    continued = i > 1 and _continues(earlier, tableau.a[i, :i])
    a = _weights(tableau.a[i, :i])
    if continued:
        a = [pair for pair in a if pair[0] == i - 1]
    c = _weights(tableau.c[i, :i])
    per_h = f.load(4, PER_H)
    by_time = f.multiply(f.load(4, H), f.constant(float(tableau.d[i])))
    if timed and i > 0:
        _write_stage_time(f, float(tableau.alpha[i]))
    forced, square = f.build.alloca(f.kind), f.multiply(f.load(4, H), f.load(4, H))
    square = f.multiply(f.constant(1.0 / FAR), square)
    f.build.store(f.constant(0.0), forced)

    def once(rows: list[ir.Value]) -> None:
        shifted = [f.build.add(r, f.count) for r in rows]
        start = [f.load(2 if continued else 0, r) for r in rows] if i > 0 else None
        argument, second = f.weighted(rows, [(start, a), (None, c)])
        second = [f.multiply(per_h, s) for s in second]
        if timed and tableau.d[i] != 0.0:
            slopes = [f.load(3, r) for r in rows]
            second = [f.add(s, f.multiply(by_time, v)) for s, v in zip(second, slopes, strict=True)]
        if timed and i == 0 and tableau.gamma > 0.0:
            most = f.build.load(forced)
            for r, slope in zip(rows, slopes, strict=True):
                own = f.add(f.absolute(f.load(0, r)), f.load(4, ATOL))
                beyond = f.subtract(f.multiply(square, f.absolute(slope)), own)
                most = f.choose(">", beyond, most, beyond, most)
            f.build.store(most, forced)
        for r, value in zip(rows, argument if i > 0 else [], strict=i > 0):
            f.store(value, 2, r)
        for r, value in zip(shifted, second, strict=True):
            f.store(value, 2, r)

    f.each_row(once)
    if timed and i == 0:
        f.store(f.build.load(forced), 4, FORCED)
    f.end()


def _write_begin(module: ir.Module, tableau: Tableau, lanes: int) -> None:
    """Steps end at STOP and leave no sliver before it: the last two are equal."""
    f = Rows(module, "begin", lanes)
    h, one, half = f.load(4, H), f.constant(1.0), f.constant(0.5)
    left = f.subtract(f.load(4, STOP), f.load(4, T))
    shared = f.choose("<=", left, f.add(h, h), f.multiply(half, left), h)
    h = f.choose("<=", left, h, left, shared)
    f.store(h, 4, H)
    f.store(f.build.fdiv(one, h), 4, PER_H)
    f.store(f.build.fdiv(one, f.multiply(h, f.constant(tableau.gamma or 1.0))), 4, SHIFT)
    f.end()


def _write_stage_time(f: Rows, alpha: float) -> None:
    """Time of a stage, which is before STOP: what happens there is none of this step's."""
    time = f.add(f.load(4, T), f.multiply(f.constant(alpha), f.load(4, H)))
    latest = f.load(4, BEFORE)
    f.store(f.choose("<", time, latest, time, latest), 4, STAGE_T)


def _write_finish(module: ir.Module, tableau: Tableau, lanes: int) -> None:
    f = _Blocks(module, "finish", lanes)
    stages = tableau.m.size
    continued = _continues(tableau.a[stages - 1, : stages - 1], tableau.m)
    m = _weights(tableau.m)
    if continued:
        m = [pair for pair in m if pair[0] == stages - 1]
    e = _weights(tableau.e)
    zero = f.constant(0.0)
    rtol, atol = f.load(4, RTOL), f.load(4, ATOL)
    worst_so_far, not_finite = f.build.alloca(f.kind), f.build.alloca(f.kind)
    f.build.store(zero, worst_so_far)
    f.build.store(zero, not_finite)

    def once(rows: list[ir.Value]) -> None:
        y = [f.load(0, r) for r in rows]
        start = [f.load(2, r) for r in rows] if continued else y
        y_new, error = f.weighted(rows, [(start, m), (None, e)])
        worst, unusable = f.build.load(worst_so_far), f.build.load(not_finite)
        for k, r in enumerate(rows):
            f.store(y_new[k], 3, r)
            old, new = f.absolute(y[k]), f.absolute(y_new[k])
            size = f.choose(">", old, new, old, new)
            ratio = f.build.fdiv(f.absolute(error[k]), f.add(atol, f.multiply(rtol, size)))
            worst = f.choose(">", ratio, worst, ratio, worst)
            finite = f.build.fmul(f.build.fadd(y_new[k], error[k]), zero)
            unusable = f.build.fadd(unusable, finite)  # NaN where something is not finite
        f.build.store(worst, worst_so_far)
        f.build.store(unusable, not_finite)

    f.each_row(once)
    worst = f.build.fadd(f.build.load(worst_so_far), f.build.load(not_finite))
    f.store(worst, 4, ERROR)
    f.store(_factor(f, worst, tableau.order), 4, FACTOR)
    one = f.constant(1.0)
    accept = f.choose("<=", worst, one, zero, one)
    f.store(f.choose("!=", f.load(4, LIVE), zero, accept, one), 4, ACCEPT)
    t, h, stop = f.load(4, T), f.load(4, H), f.load(4, STOP)
    f.store(f.choose("==", h, f.subtract(stop, t), stop, f.add(t, h)), 4, T_NEW)
    f.end()


def _write_advance(module: ir.Module, lanes: int) -> None:
    f = Rows(module, "advance", lanes)
    accept, zero = f.load(4, ACCEPT), f.constant(0.0)
    t, h = f.load(4, T), f.load(4, H)
    f.store(f.choose("==", accept, zero, f.load(4, T_NEW), t), 4, T)
    f.store(f.choose("==", accept, zero, f.multiply(h, f.load(4, FACTOR)), h), 4, H)
    f.end()


def _factor(f: Rows, error: ir.Value, order: int) -> ir.Value:
    """How much longer the next step is to be."""
    factor = f.multiply(f.constant(SAFETY), _inverse_root(f, error, order))
    factor = f.choose("<", factor, f.constant(GROW), factor, f.constant(GROW))
    return f.choose(">", factor, f.constant(SHRINK), factor, f.constant(SHRINK))


def _inverse_root(f: Rows, x: ir.Value, order: int) -> ir.Value:
    """x**(-1/order) to a thousandth, enough to choose a step; x outside 1e-12 .. 1e12 as there.

    Newton's method for y**-order = x from a guess that divides the exponent's bits.
    """
    least, most = f.constant(1e-12), f.constant(1e12)
    x = f.choose(">", x, least, x, least)
    x = f.choose("<", x, most, x, most)
    one = INTEGER(0x3FF0000000000000)  # the bits of 1.0
    y = ir.Constant(f.kind, ir.Undefined)
    for lane in range(f.lanes):
        number = f.build.extract_element(x, INDEX(lane)) if f.lanes > 1 else x
        bits = f.build.sub(f.build.bitcast(number, INTEGER), one)
        guess = f.build.sub(one, f.build.sdiv(bits, INTEGER(order)))
        one_y = f.build.bitcast(guess, DOUBLE)
        y = f.build.insert_element(y, one_y, INDEX(lane)) if f.lanes > 1 else one_y
    for _ in range(2):
        power = x
        for _ in range(order):
            power = f.multiply(power, y)
        change = f.subtract(f.constant(1.0), power)
        y = f.add(y, f.multiply(f.multiply(y, f.constant(1.0 / order)), change))
    return y


def _write_dense(module: ir.Module, tableau: Tableau, lanes: int) -> None:
    f = _Blocks(module, "dense", lanes)

    def once(rows: list[ir.Value]) -> None:
        sums = f.weighted(rows, [(None, _weights(coefficients)) for coefficients in tableau.dense])
        for block, values in enumerate(sums):
            for r, value in zip(rows, values, strict=True):
                f.store(value, 3, f.build.add(r, f.build.mul(f.count, INTEGER(block))))

    f.each_row(once)
    f.end()


def _write_sample(module: ir.Module, lanes: int) -> None:
    """Times of one run in the place of runs; its states are single numbers in rows of many runs."""
    f = Rows(module, "sample", lanes)
    table = f.build.bitcast(f.arguments[4], INTEGER.as_pointer())
    block = f.build.mul(f.build.load(table), INTEGER(lanes))
    s = f.load(3, 0)
    rest = f.subtract(f.constant(1.0), s)
    due = f.build.fcmp_ordered(">=", s, f.constant(0.0))
    with f.loop(INTEGER(0), f.count) as k:
        after = f.build.add(k, INTEGER(1))
        row = f.build.mul(f.build.load(f.build.gep(table, [after])), INTEGER(lanes))
        q = [f.number(2, f.build.add(row, f.build.mul(block, INTEGER(b)))) for b in range(3)]
        bend = f.add(q[0], f.multiply(s, f.add(q[1], f.multiply(s, q[2]))))
        late = f.multiply(s, f.add(f.number(1, row), f.multiply(rest, bend)))
        value = f.add(f.multiply(rest, f.number(0, row)), late)
        f.store(f.build.select(due, value, f.load(3, after)), 3, after)
    f.end()


def _write_middle(module: ir.Module, lanes: int) -> None:
    f = Rows(module, "middle", lanes)
    half, quarter, per_h = f.constant(0.5), f.constant(0.25), f.load(4, PER_H)
    time, latest = f.add(f.load(4, T), f.multiply(half, f.load(4, H))), f.load(4, BEFORE)
    f.store(f.choose("<", time, latest, time, latest), 4, STAGE_T)
    with f.loop(INTEGER(0), f.count) as r:
        second = f.build.add(r, f.count)
        q = [f.load(2, r), f.load(2, second), f.load(2, f.build.add(second, f.count))]
        y, new = f.load(0, r), f.load(1, r)
        bend = f.add(q[0], f.multiply(half, f.add(q[1], f.multiply(half, q[2]))))
        state = f.multiply(half, f.add(f.add(y, new), f.multiply(half, bend)))
        slope = f.add(f.subtract(new, y), f.multiply(quarter, f.add(q[1], q[2])))
        f.store(state, 3, r)
        f.store(f.subtract(f.constant(0.0), f.multiply(per_h, slope)), 3, second)
    f.end()


def _write_doubt(module: ir.Module, tableau: Tableau, lanes: int) -> None:
    f = Rows(module, "doubt", lanes)
    zero, rtol, atol = f.constant(0.0), f.load(4, RTOL), f.load(4, ATOL)
    worst_so_far = f.build.alloca(f.kind)
    f.build.store(zero, worst_so_far)
    with f.loop(INTEGER(0), f.count) as r:
        worst, off = f.build.load(worst_so_far), f.absolute(f.load(2, r))
        old, new = f.absolute(f.load(0, r)), f.absolute(f.load(1, r))
        size = f.choose(">", old, new, old, new)
        ratio = f.build.fdiv(off, f.add(atol, f.multiply(rtol, size)))
        f.build.store(f.choose("<=", ratio, worst, worst, ratio), worst_so_far)  # NaN stays
    worst, factor, error = f.build.load(worst_so_far), f.load(4, FACTOR), f.load(4, ERROR)
    slower = _factor(f, worst, tableau.order)
    doubtful = f.build.fcmp_ordered(">", f.load(4, FORCED), zero)
    good = f.choose("<=", worst, f.constant(1.0), f.load(4, ACCEPT), f.constant(1.0))
    worst = f.choose("<=", worst, error, error, worst)
    slower = f.choose("<", factor, slower, factor, slower)
    f.store(f.build.select(doubtful, good, f.load(4, ACCEPT)), 4, ACCEPT)
    f.store(f.build.select(doubtful, worst, error), 4, ERROR)
    f.store(f.build.select(doubtful, slower, factor), 4, FACTOR)
    f.end()


def _write_take(module: ir.Module, lanes: int) -> None:
    f = _Blocks(module, "take", lanes)
    accept, zero = f.load(4, ACCEPT), f.constant(0.0)

    def once(rows: list[ir.Value]) -> None:
        for r in rows:
            f.store(f.choose("==", accept, zero, f.load(3, r), f.load(0, r)), 0, r)

    f.each_row(once)
    f.end()
