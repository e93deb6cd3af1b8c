"""The arithmetic of a step on rows, made for one tableau. Notation as in `tableau`.

Coefficients are constants of the code: zeros cost nothing, and an argument that continues the one
before (as in stiffly accurate methods) takes one product. The number of states is the functions'
count, so that one set serves every model.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from .cache import source_digest
from .machine_code import INTEGER, Code, Rows, compile_once
from .row_sums import StateRows, Weights, continues, inverse_root, weights
from .tableau import Array, Tableau

SAFETY = 0.85  # aim below the tolerance, so that most steps are accepted
SHRINK, GROW = 0.2, 10.0  # bounds on the change of step size
FAR = 10.0  # sizes of a state by which df/dt alone would move it, if that says that it is stiff

# Rows of control: what the step needs and gives beside the states. BEFORE: the last number before
# STOP. ACCEPT: 0 where the attempt is good. LIVE: whether a lane has a run. FORCED: above 0 where
# time alone would move a state by FAR more than its size. STIFF: of an explicit step, (h lambda)**2
# with lambda an estimate of the fastest decay, see `_explicit_end`. NATURAL: `choice.natural_step`.
# FRACTION: of a step, for `inside`. PIVOTS: in lane 0, whether any lane's matrix needs pivoting.
CONTROL = 20
T, H, PER_H, STOP, BEFORE, STAGE_T, T_NEW, SHIFT, ERROR, FACTOR, ACCEPT, CUT = range(12)
RTOL, ATOL, LIVE, FORCED, STIFF, NATURAL, FRACTION, PIVOTS = range(12, CONTROL)


class Method(NamedTuple):
    """A method as compiled code sees it: some coefficients, and addresses of functions of rows.

    Of an explicit method (gamma = 0) the arrays u hold rates k_i, with u_i = h k_i.

    timed : whether time enters the stages (the rates depend on it, and it does not stand still).
    begin : -, -, -, -, control: the step to attempt, from H and STOP.
    combine : (stages,) of the arrays y, u, argument (then second), df/dt, control: the argument of
        a stage, its time, and what its right-hand side has beside the rates.
    finish : y, u, argument (then second), y_new, control: y_new, error norm, factor of the step,
        its end, and whether it is good enough; of an explicit method also STIFF, and in second the
        error estimates.
    dense : -, u, -, dense, control: coefficients of dense output, `dense_rows` for each state.
    middle : y, y_new, dense, argument (then second), control: the state of dense output in the
        middle of the step, minus its slope there, and the time.
    doubt : y, y_new, what the dense output is off in the middle, -, control: error, factor and
        verdict of the lanes that are FORCED, by that.
    sample : y, y_new and dense, each from one lane on, a row of fractions of its step followed by
        `count` rows of states, and the table (n, states wanted): those states at the fractions,
        where a fraction is not below 0.
    inside : y, y_new, dense, out, control: the states at a FRACTION of the step.
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
    inside: int
    take: int
    advance: int


_STEPS = ("finish", "dense", "middle", "doubt", "sample", "inside", "take", "advance")
_COMPILED: dict[tuple[object, ...], tuple[Method, Code]] = {}  # entries are never changed


def compile_method(tableau: Tableau, lanes: int, timed: bool) -> Method:
    """The method of a tableau, for rows of `lanes` numbers; compiled at first use."""
    key = (*(np.asarray(part).tobytes() for part in tableau), lanes, timed)
    if key not in _COMPILED:
        code = compile_once(
            f"steps {source_digest()} {key}", lambda: _module(tableau, lanes, timed)
        )
        # the first entry stays: what another thread made of it lives as long as its machine code
        _COMPILED.setdefault(key, (_method(tableau, timed, code), code))
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
    _write_inside(module, lanes)
    _write_take(module, lanes)
    _write_advance(module, lanes)
    return module


End = tuple[Callable[[list[ir.Value], list[ir.Value]], list[list[ir.Value]]], Callable[[], None]]
"""What gives y_new and errors on some rows, from y there; and what is left to do after all rows."""


def _write_combine(module: ir.Module, tableau: Tableau, lanes: int, timed: bool, i: int) -> None:
    f = StateRows(module, f"combine_{i}", lanes)
    earlier = tableau.a[i - 1, : i - 1] if i > 0 else np.empty(0)
    continued = i > 1 and continues(earlier, tableau.a[i, :i])
    a = weights(tableau.a[i, :i])
    if continued:
        a = [pair for pair in a if pair[0] == i - 1]
    c = weights(tableau.c[i, :i])
    per_h = f.load(4, PER_H)
    by_time = f.multiply(f.load(4, H), f.constant(float(tableau.d[i])))
    if timed and i > 0:
        _write_stage_time(f, float(tableau.alpha[i]))
    if tableau.gamma == 0.0:
        _write_explicit_argument(f, weights(tableau.a[i, :i]))
        return
    forced, square = f.variable(f.constant(0.0)), f.multiply(f.load(4, H), f.load(4, H))
    square = f.multiply(f.constant(1.0 / FAR), square)

    def once(rows: list[ir.Value]) -> None:
        shifted = [f.build.add(r, f.count) for r in rows]
        start = [f.load(2 if continued else 0, r) for r in rows] if i > 0 else None
        argument, second = f.weighted(rows, [(start, a), (None, c)])
        second = [f.multiply(per_h, s) for s in second]
        if timed and tableau.d[i] != 0.0:
            slopes = [f.load(3, r) for r in rows]
            second = [f.add(s, f.multiply(by_time, v)) for s, v in zip(second, slopes, strict=True)]
        if timed and i == 0:
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


def _write_explicit_argument(f: StateRows, a: Weights) -> None:
    """y + h sum_j a_j k_j."""
    h = f.load(4, H)

    def once(rows: list[ir.Value]) -> None:
        (sums,) = f.weighted(rows, [(None, a)])
        for r, value in zip(rows, sums, strict=True):
            f.store(f.add(f.load(0, r), f.multiply(h, value)), 2, r)

    f.each_row(once)
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
    f = StateRows(module, "finish", lanes)
    zero = f.constant(0.0)
    rtol, atol = f.load(4, RTOL), f.load(4, ATOL)
    worst_so_far, not_finite = f.variable(zero), f.variable(zero)
    end_of_step = _explicit_end if tableau.gamma == 0.0 else _implicit_end
    of_rows, after = end_of_step(f, tableau)

    def once(rows: list[ir.Value]) -> None:
        y = [f.load(0, r) for r in rows]
        y_new, error = of_rows(rows, y)
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
    after()
    worst = f.build.fadd(f.build.load(worst_so_far), f.build.load(not_finite))
    f.store(worst, 4, ERROR)
    f.store(_factor(f, worst, tableau.order), 4, FACTOR)
    one = f.constant(1.0)
    accept = f.choose("<=", worst, one, zero, one)
    f.store(f.choose("!=", f.load(4, LIVE), zero, accept, one), 4, ACCEPT)
    t, h, stop = f.load(4, T), f.load(4, H), f.load(4, STOP)
    f.store(f.choose("==", h, f.subtract(stop, t), stop, f.add(t, h)), 4, T_NEW)
    f.end()


def _implicit_end(f: StateRows, tableau: Tableau) -> End:
    """y_new and the error estimate on some rows; the last stage's argument is there."""
    stages = tableau.m.size
    continued = continues(tableau.a[stages - 1, : stages - 1], tableau.m)
    m = weights(tableau.m)
    if continued:
        m = [pair for pair in m if pair[0] == stages - 1]
    e = weights(tableau.e)

    def of_rows(rows: list[ir.Value], y: list[ir.Value]) -> list[list[ir.Value]]:
        start = [f.load(2, r) for r in rows] if continued else y
        return f.weighted(rows, [(start, m), (None, e)])

    return of_rows, lambda: None


def _explicit_end(f: StateRows, tableau: Tableau) -> End:
    """As `_implicit_end`, of an explicit method; y_new is the last stage's argument.

    Then the stiffness: the last two stages are both at the end of the step, so with g_i their
    arguments, |k_s - k_(s-1)| / |g_s - g_(s-1)| estimates the largest eigenvalue of J as power
    iteration does (Hairer & Wanner, section IV.2).
    """
    stages = tableau.m.size
    h, zero = f.load(4, H), f.constant(0.0)
    rtol, atol = f.load(4, RTOL), f.load(4, ATOL)
    e = weights(tableau.e)
    between = weights(tableau.a[stages - 1, :stages] - tableau.a[stages - 2, :stages])
    apart = [(stages - 2, -1.0), (stages - 1, 1.0)]
    above, below = f.variable(zero), f.variable(zero)

    def of_rows(rows: list[ir.Value], y: list[ir.Value]) -> list[list[ir.Value]]:
        error, gap, change = f.weighted(rows, [(None, e), (None, between), (None, apart)])
        y_new, error = [f.load(2, r) for r in rows], [f.multiply(h, part) for part in error]
        over, under = f.build.load(above), f.build.load(below)
        for k, r in enumerate(rows):
            f.store(error[k], 2, f.build.add(r, f.count))
            size = f.add(atol, f.multiply(rtol, f.absolute(y[k])))
            weight = f.build.fdiv(f.constant(1.0), f.multiply(size, size))
            over = f.add(over, f.multiply(weight, f.multiply(change[k], change[k])))
            under = f.add(under, f.multiply(weight, f.multiply(gap[k], gap[k])))
        f.build.store(over, above)
        f.build.store(under, below)
        return [y_new, error]

    def after() -> None:
        f.store(f.build.fdiv(f.build.load(above), f.build.load(below)), 4, STIFF)

    return of_rows, after


def _write_advance(module: ir.Module, lanes: int) -> None:
    f = Rows(module, "advance", lanes)
    accept, zero = f.load(4, ACCEPT), f.constant(0.0)
    t, h = f.load(4, T), f.load(4, H)
    f.store(f.choose("==", accept, zero, f.load(4, T_NEW), t), 4, T)
    f.store(f.choose("==", accept, zero, f.multiply(h, f.load(4, FACTOR)), h), 4, H)
    f.end()


def _factor(f: Rows, error: ir.Value, order: int) -> ir.Value:
    """How much longer the next step is to be."""
    factor = f.multiply(f.constant(SAFETY), inverse_root(f, error, order))
    factor = f.choose("<", factor, f.constant(GROW), factor, f.constant(GROW))
    return f.choose(">", factor, f.constant(SHRINK), factor, f.constant(SHRINK))


def _write_dense(module: ir.Module, tableau: Tableau, lanes: int) -> None:
    f = StateRows(module, "dense", lanes)
    h = f.load(4, H) if tableau.gamma == 0.0 else None

    def once(rows: list[ir.Value]) -> None:
        sums = f.weighted(rows, [(None, weights(coefficients)) for coefficients in tableau.dense])
        for block, values in enumerate(sums):
            for r, value in zip(rows, values, strict=True):
                value = value if h is None else f.multiply(h, value)
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


def _write_inside(module: ir.Module, lanes: int) -> None:
    f = Rows(module, "inside", lanes)
    s = f.load(4, FRACTION)
    rest = f.subtract(f.constant(1.0), s)
    with f.loop(INTEGER(0), f.count) as r:
        q = [f.load(2, f.build.add(r, f.build.mul(f.count, INTEGER(b)))) for b in range(3)]
        bend = f.add(q[0], f.multiply(s, f.add(q[1], f.multiply(s, q[2]))))
        late = f.multiply(s, f.add(f.load(1, r), f.multiply(rest, bend)))
        f.store(f.add(f.multiply(rest, f.load(0, r)), late), 3, r)
    f.end()


def _write_middle(module: ir.Module, lanes: int) -> None:
    f = Rows(module, "middle", lanes)
    half, quarter, per_h = f.constant(0.5), f.constant(0.25), f.load(4, PER_H)
    _write_stage_time(f, 0.5)
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
    worst_so_far = f.variable(zero)
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
    f = StateRows(module, "take", lanes)
    accept, zero = f.load(4, ACCEPT), f.constant(0.0)

    def once(rows: list[ir.Value]) -> None:
        for r in rows:
            f.store(f.choose("==", accept, zero, f.load(3, r), f.load(0, r)), 0, r)

    f.each_row(once)
    f.end()
