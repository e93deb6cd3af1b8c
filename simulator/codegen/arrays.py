"""Expression trees on NumPy arrays: for initial values of whole batches, and as the tests' twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..network.expression import Apply, Expression, Number, Symbol

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "subtract": np.subtract,
    "divide": np.divide,
    "power": np.power,
    "negate": np.negative,
    "exp": np.exp,
    "ln": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "floor": np.floor,
    "ceiling": np.ceil,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "arcsinh": np.arcsinh,
    "arccosh": np.arccosh,
    "arctanh": np.arctanh,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "quotient": lambda a, b: np.trunc(np.divide(a, b)),
    "remainder": np.fmod,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
}


def evaluate_arrays(expression: Expression, values: Mapping[str, Any]) -> Any:
    """Value of the tree where symbols are arrays that broadcast together.

    The same IEEE arithmetic as `network.expression.evaluate`, element by element; branches of a
    piecewise that are not taken may be computed, but never reach the result.
    """
    with np.errstate(all="ignore"):
        return _evaluate(expression, values)


def _evaluate(expression: Expression, values: Mapping[str, Any]) -> Any:
    if isinstance(expression, Number):
        return np.float64(expression.value)
    if isinstance(expression, Symbol):
        return values[expression.name]
    return _apply(expression, [_evaluate(a, values) for a in expression.arguments])


def _apply(expression: Apply, x: list[Any]) -> Any:
    operator = expression.operator
    if operator == "add":
        return sum(x[1:], x[0]) if x else np.float64(0.0)
    if operator == "multiply":
        product = np.float64(1.0)
        for factor in x:
            product = product * factor
        return product
    if operator == "piecewise":
        result = x[-1]
        for k in range(len(x) - 3, -1, -2):
            result = np.where(np.asarray(x[k + 1]) != 0, x[k], result)
        return result
    if operator in ("and", "or", "xor", "not"):
        return _logical(operator, [np.asarray(v) != 0 for v in x])
    if operator == "factorial":
        from scipy.special import gamma

        return gamma(x[0] + 1.0)
    return np.float64(1.0) * _FUNCTIONS[operator](*x)


def _logical(operator: str, x: list[Any]) -> Any:
    if operator == "not":
        return np.float64(1.0) * np.logical_not(x[0])
    combine = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}[operator]
    result: Any = np.bool_(operator == "and")
    for value in x:
        result = combine(result, value)
    return np.float64(1.0) * result
