"""Rate laws and formulas as immutable, checked expression trees.

A tree is a `Number`, a `Symbol`, or an `Apply` of a known operator to trees. Trees are built from
libsbml's syntax trees (never from text by `eval`), compared by value, and hashable. What a tree
means is defined once, by `evaluate`; compiled kernels are tested against it.

Truth values are numbers, as in SBML L3V2: a relation gives 1.0 or 0.0, and any number other than 0
is true.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TIME = "model time"
"""Name under which model time appears as a `Symbol`: no id of a file, which may well be `time`."""

#: operator -> (fewest, most) arguments; None = any number.
OPERATORS: dict[str, tuple[int, int | None]] = {
    # arithmetic
    "add": (0, None),
    "multiply": (0, None),
    "subtract": (2, 2),
    "divide": (2, 2),
    "power": (2, 2),
    "negate": (1, 1),
    # functions of one number
    **dict.fromkeys(
        (
            "exp", "ln", "sqrt", "abs", "floor", "ceiling", "factorial",
            "sin", "cos", "tan", "arcsin", "arccos", "arctan",
            "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh",
        ),
        (1, 1),
    ),
    "minimum": (2, 2),
    "maximum": (2, 2),
    "quotient": (2, 2),
    "remainder": (2, 2),
    # relations and logic, 1.0 or 0.0
    **dict.fromkeys(("equal", "not_equal"), (2, 2)),
    **dict.fromkeys(("less", "less_equal", "greater", "greater_equal"), (2, 2)),
    "and": (0, None),
    "or": (0, None),
    "xor": (0, None),
    "not": (1, 1),
    # (value, condition, value, condition, ..., otherwise); odd number of arguments
    "piecewise": (1, None),
}  # fmt: skip

RATE_OF = "rate_of"
"""Operator of one symbol that stands for its rate of change: known only where equations are made,
which write it out, and so no operator of `OPERATORS`."""


@dataclass(frozen=True, slots=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True, slots=True)
class Symbol:
    """The value of a species, parameter, compartment, reaction or of `TIME`."""

    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator of `OPERATORS`, or `RATE_OF`, applied to arguments."""

    operator: str
    arguments: tuple[Expression, ...]

    def __post_init__(self) -> None:
        fewest, most = (1, 1) if self.operator == RATE_OF else OPERATORS[self.operator]
        count = len(self.arguments)
        if count < fewest or (most is not None and count > most):
            raise ValueError(f"{self.operator} takes {fewest}..{most} arguments, not {count}")
        if self.operator == "piecewise" and count % 2 == 0:
            raise ValueError("piecewise needs an otherwise part")


Expression = Number | Symbol | Apply


def apply(operator: str, *arguments: Expression) -> Apply:
    """`Apply` with the arguments written out."""
    return Apply(operator, arguments)


def symbols(expression: Expression) -> frozenset[str]:
    """Names of all symbols in the tree (`TIME` included)."""
    found: set[str] = set()
    pending = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, Symbol):
            found.add(node.name)
        elif isinstance(node, Apply):
            pending.extend(node.arguments)
    return frozenset(found)


def substitute(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """The tree with each symbol named in `values` replaced, all at once."""
    if isinstance(expression, Symbol):
        return values.get(expression.name, expression)
    if isinstance(expression, Apply):
        return Apply(
            expression.operator, tuple(substitute(a, values) for a in expression.arguments)
        )
    return expression


def _truth(value: Any) -> bool:
    return bool(value != 0)


def _divide(a: float, b: float) -> float:
    if b != 0:
        return a / b
    if a == 0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and b % 2 == 1 else math.inf
    except ValueError:  # 0 to a negative power, or a negative number to a broken one
        return math.inf if a == 0 else math.nan


def _logarithm(a: float) -> float:
    if a == 0:
        return -math.inf
    return math.log(a) if a > 0 else math.nan


def _truncated(x: float) -> float:
    return float(math.trunc(x)) if math.isfinite(x) else x


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    return lambda x: float(function(x)) if math.isfinite(x) else x


def _where_defined(function: Callable[[float], float]) -> Callable[[float], float]:
    """The function with nan outside its domain and infinity beyond the range of floats."""

    def defined(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return defined


def _hyperbolic_sine(x: float) -> float:
    return math.sinh(x) if abs(x) < 710.0 else math.copysign(math.inf, x)


def _inverse_hyperbolic_tangent(x: float) -> float:
    return math.copysign(math.inf, x) if abs(x) == 1.0 else math.atanh(x)


_SCALAR: dict[str, Callable[..., float]] = {
    "subtract": lambda a, b: a - b,
    "divide": _divide,
    "power": _power,
    "negate": lambda a: -a,
    "exp": _where_defined(math.exp),
    "ln": _logarithm,
    "sqrt": _where_defined(math.sqrt),
    "abs": abs,
    "floor": _whole(math.floor),
    "ceiling": _whole(math.ceil),
    "factorial": _where_defined(lambda x: math.gamma(x + 1.0)),
    "sin": _where_defined(math.sin),
    "cos": _where_defined(math.cos),
    "tan": _where_defined(math.tan),
    "arcsin": _where_defined(math.asin),
    "arccos": _where_defined(math.acos),
    "arctan": math.atan,
    "sinh": _hyperbolic_sine,
    "cosh": _where_defined(math.cosh),
    "tanh": math.tanh,
    "arcsinh": math.asinh,
    "arccosh": _where_defined(math.acosh),
    "arctanh": _where_defined(_inverse_hyperbolic_tangent),
    "minimum": min,
    "maximum": max,
    "quotient": lambda a, b: _truncated(_divide(a, b)),
    "remainder": lambda a, b: a - b * _truncated(_divide(a, b)),
    "equal": lambda a, b: float(a == b),
    "not_equal": lambda a, b: float(a != b),
    "less": lambda a, b: float(a < b),
    "less_equal": lambda a, b: float(a <= b),
    "greater": lambda a, b: float(a > b),
    "greater_equal": lambda a, b: float(a >= b),
    "not": lambda a: float(not _truth(a)),
}


_FOLDS = frozenset(("add", "multiply", "and", "or", "xor"))


def _fold(operator: str, numbers: Iterable[float]) -> float:
    """Operators of any number of arguments, from left to right (`sum` rounds differently)."""
    if operator == "add":
        total = 0.0
        for number in numbers:
            total += number
        return total
    if operator == "multiply":
        product = 1.0
        for number in numbers:
            product *= number
        return product
    truths = [_truth(n) for n in numbers]
    if operator == "and":
        return float(all(truths))
    return float(any(truths)) if operator == "or" else float(sum(truths) % 2)


def evaluate(expression: Expression, values: Mapping[str, float]) -> float:
    """Value of the tree, in plain IEEE arithmetic.

    Parameters
    ----------
    values
        Value of every symbol in the tree, `TIME` included.

    Raises
    ------
    KeyError
        A symbol has no value.
    """
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Symbol):
        return values[expression.name]
    operator, arguments = expression.operator, expression.arguments
    if operator == "piecewise":
        for value, condition in zip(arguments[:-1:2], arguments[1::2], strict=True):
            if _truth(evaluate(condition, values)):
                return evaluate(value, values)
        return evaluate(arguments[-1], values)
    numbers = [evaluate(a, values) for a in arguments]
    if operator in _FOLDS:
        return _fold(operator, numbers)
    return float(_SCALAR[operator](*numbers))
