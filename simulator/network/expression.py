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

TIME = "time"
"""Name under which model time appears as a `Symbol` (never a valid id of a quantity here)."""

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
    **dict.fromkeys(("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"), (2, 2)),
    "and": (0, None),
    "or": (0, None),
    "xor": (0, None),
    "not": (1, 1),
    # (value, condition, value, condition, ..., otherwise); odd number of arguments
    "piecewise": (1, None),
}  # fmt: skip


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
    """An operator of `OPERATORS` applied to arguments."""

    operator: str
    arguments: tuple[Expression, ...]

    def __post_init__(self) -> None:
        fewest, most = OPERATORS[self.operator]
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


def _truth(value: Any) -> Any:
    return value != 0


def _parity(arguments: Iterable[Any]) -> float:
    return float(sum(bool(_truth(a)) for a in arguments) % 2)


def _factorial(x: float) -> float:
    return math.gamma(x + 1.0)


_SCALAR: dict[str, Callable[..., float]] = {
    "subtract": lambda a, b: a - b,
    "divide": lambda a, b: a / b if b != 0 else _divide_by_zero(a, b),
    "power": lambda a, b: _power(a, b),
    "negate": lambda a: -a,
    "exp": lambda a: math.exp(a) if a < 709.782712893384 else math.inf,
    "ln": lambda a: math.log(a) if a > 0 else (-math.inf if a == 0 else math.nan),
    "sqrt": lambda a: math.sqrt(a) if a >= 0 else math.nan,
    "abs": abs,
    "floor": lambda a: float(math.floor(a)) if math.isfinite(a) else a,
    "ceiling": lambda a: float(math.ceil(a)) if math.isfinite(a) else a,
    "factorial": _factorial,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "arcsin": math.asin,
    "arccos": math.acos,
    "arctan": math.atan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "arcsinh": math.asinh,
    "arccosh": math.acosh,
    "arctanh": math.atanh,
    "minimum": min,
    "maximum": max,
    "quotient": lambda a, b: float(math.trunc(a / b)),
    "remainder": lambda a, b: a - b * math.trunc(a / b),
    "equal": lambda a, b: float(a == b),
    "not_equal": lambda a, b: float(a != b),
    "less": lambda a, b: float(a < b),
    "less_equal": lambda a, b: float(a <= b),
    "greater": lambda a, b: float(a > b),
    "greater_equal": lambda a, b: float(a >= b),
    "not": lambda a: float(not _truth(a)),
}


def _divide_by_zero(a: float, b: float) -> float:
    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)


def _power(a: float, b: float) -> float:
    try:
        result = math.pow(a, b)
    except (ValueError, OverflowError, ZeroDivisionError):
        return math.nan if a < 0 else math.inf
    return result


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
    if operator == "add":
        return float(sum(numbers))
    if operator == "multiply":
        return float(math.prod(numbers))
    if operator == "and":
        return float(all(_truth(n) for n in numbers))
    if operator == "or":
        return float(any(_truth(n) for n in numbers))
    if operator == "xor":
        return _parity(numbers)
    return float(_SCALAR[operator](*numbers))
