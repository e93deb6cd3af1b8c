"""Rates of change of formulas, from those of the quantities in them.

Steps (`floor`, relations, the conditions of a piecewise) have the derivative zero.
"""

from __future__ import annotations

from collections.abc import Callable

from .expression import OPERATORS, RATE_OF, TIME, Apply, Expression, Number, Symbol, apply
from .mathml import MathError

ZERO, ONE = Number(0.0), Number(1.0)

_STEPS = frozenset((
    "floor", "ceiling", "quotient", "and", "or", "xor", "not",
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
))  # fmt: skip


def derivative(expression: Expression) -> Expression:
    """d(tree)/dt, in the symbols of the tree and their rates of change.

    Raises
    ------
    MathError
        The tree holds a rate of change, or an operator without an elementary derivative.
    """
    if isinstance(expression, Number):
        return ZERO
    if isinstance(expression, Symbol):
        return ONE if expression.name == TIME else apply(RATE_OF, expression)
    operator, x = expression.operator, expression.arguments
    if operator in _STEPS:
        return ZERO
    if operator == RATE_OF or operator not in OPERATORS:
        raise MathError("uses a rate of change of which a rate of change is needed")
    if operator == "piecewise":
        return _piecewise(x)
    d = [derivative(a) for a in x]
    if all(each == ZERO for each in d):
        return ZERO
    if operator in ("add", "subtract", "negate"):
        return Apply(operator, tuple(d))
    if operator == "multiply":
        terms = [_times(d[i], *x[:i], *x[i + 1 :]) for i in range(len(x)) if d[i] != ZERO]
        return Apply("add", tuple(terms))
    if len(x) == 2:
        return _of_two(operator, x, d, expression)
    return _times(_slope(operator, x[0], expression), d[0])


def _times(*factors: Expression) -> Expression:
    kept = tuple(f for f in factors if f != ONE)
    return kept[0] if len(kept) == 1 else Apply("multiply", kept)


def _piecewise(x: tuple[Expression, ...]) -> Expression:
    parts = [derivative(a) if i % 2 == 0 else a for i, a in enumerate(x)]
    if all(part == ZERO for part in parts[::2]):
        return ZERO
    return Apply("piecewise", tuple(parts))


def _of_two(
    operator: str, x: tuple[Expression, ...], d: list[Expression], whole: Expression
) -> Expression:
    a, b = x
    if operator == "divide":  # (a' - (a/b) b') / b
        if d[1] == ZERO:
            return apply("divide", d[0], b)
        return apply("divide", apply("subtract", d[0], _times(whole, d[1])), b)
    if operator in ("minimum", "maximum"):
        relation = "less_equal" if operator == "minimum" else "greater_equal"
        return apply("piecewise", d[0], apply(relation, a, b), d[1])
    if operator == "remainder":  # a - b * whole quotient
        return apply("subtract", d[0], _times(apply("quotient", a, b), d[1]))
    if d[1] == ZERO:  # a ** b
        return _times(b, apply("power", a, apply("subtract", b, ONE)), d[0])
    slope = apply("add", _times(d[1], apply("ln", a)), apply("divide", _times(b, d[0]), a))
    return _times(whole, slope)


Slope = Callable[[Expression, Expression], Expression]
"""d f(x) / dx from x and f(x)."""


def _square(x: Expression) -> Expression:
    return apply("multiply", x, x)


def _one_over_root(inside: Expression) -> Expression:
    return apply("divide", ONE, apply("sqrt", inside))


_SLOPES: dict[str, Slope] = {
    "exp": lambda x, f: f,
    "ln": lambda x, f: apply("divide", ONE, x),
    "sqrt": lambda x, f: apply("divide", Number(0.5), f),
    "abs": lambda x, f: apply("piecewise", ONE, apply("greater_equal", x, ZERO), Number(-1.0)),
    "sin": lambda x, f: apply("cos", x),
    "cos": lambda x, f: apply("negate", apply("sin", x)),
    "tan": lambda x, f: apply("add", ONE, _square(f)),
    "sinh": lambda x, f: apply("cosh", x),
    "cosh": lambda x, f: apply("sinh", x),
    "tanh": lambda x, f: apply("subtract", ONE, _square(f)),
    "arcsin": lambda x, f: _one_over_root(apply("subtract", ONE, _square(x))),
    "arccos": lambda x, f: apply("negate", _one_over_root(apply("subtract", ONE, _square(x)))),
    "arctan": lambda x, f: apply("divide", ONE, apply("add", ONE, _square(x))),
    "arcsinh": lambda x, f: _one_over_root(apply("add", _square(x), ONE)),
    "arccosh": lambda x, f: _one_over_root(apply("subtract", _square(x), ONE)),
    "arctanh": lambda x, f: apply("divide", ONE, apply("subtract", ONE, _square(x))),
}


def _slope(operator: str, x: Expression, whole: Expression) -> Expression:
    if operator not in _SLOPES:
        raise MathError(f"uses {operator}, whose rate of change is not supported")
    return _SLOPES[operator](x, whole)
