"""Expression trees on NumPy arrays: for initial values of whole batches, and as the tests' twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from ..network.expression import Apply, Expression, Number, Symbol

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "subtract": np.subtract,
    "divide": np.divide,
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
    "remainder": lambda a, b: a - b * np.trunc(np.divide(a, b)),
}

_RELATIONS: dict[str, Callable[..., Any]] = {
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
}


def evaluate_arrays(
    expression: Expression, values: Mapping[str, Any], memo: dict[int, Any] | None = None
) -> Any:
    """Value of the tree where symbols are arrays that broadcast together.

    The same IEEE arithmetic as `network.expression.evaluate`, element by element: an element is the
    same to the last bit whatever stands beside it. Branches of a piecewise that are not taken may
    be computed, but never reach the result.

    Parameters
    ----------
    memo
        Values of parts met before, to be passed again with trees from one `shared` and the same
        values.
    """
    with np.errstate(all="ignore"):
        return _evaluate(expression, values, {} if memo is None else memo)


def shared(trees: Mapping[str, Expression]) -> dict[str, Expression]:
    """The trees with equal parts as one object, so that a memo computes each part once."""
    parts: dict[object, Expression] = {}

    def share(node: Expression) -> Expression:
        if not isinstance(node, Apply):
            return parts.setdefault(repr(node), node)
        arguments = tuple(map(share, node.arguments))
        key = (node.operator, *map(id, arguments))
        return parts.setdefault(key, Apply(node.operator, arguments))

    return {name: share(tree) for name, tree in trees.items()}


def _evaluate(expression: Expression, values: Mapping[str, Any], memo: dict[int, Any]) -> Any:
    if isinstance(expression, Number):
        return np.float64(expression.value)
    if isinstance(expression, Symbol):
        return values[expression.name]
    found = memo.get(id(expression))
    if found is None:
        found = _apply(expression, [_evaluate(a, values, memo) for a in expression.arguments])
        memo[id(expression)] = found
    return found


def _apply(expression: Apply, x: list[Any]) -> Any:
    operator = expression.operator
    if operator == "add":
        return sum(x[1:], x[0]) if x else np.float64(0.0)
    if operator == "multiply":
        return reduce(np.multiply, x) if x else np.float64(1.0)
    if operator == "power":
        return _power(x[0], x[1], constant=isinstance(expression.arguments[1], Number))
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
    if operator in _RELATIONS:
        return np.float64(1.0) * _RELATIONS[operator](*x)
    return _FUNCTIONS[operator](*x)


def _power(base: Any, exponent: Any, constant: bool) -> Any:
    """Powers; `constant` says whether the formula itself has a number as exponent.

    NumPy takes short cuts, right to one rounding but not to the last bit, where one exponent goes
    with all elements. Which way a run goes must not depend on the runs beside it.
    """
    if constant:
        return np.power(base, exponent)
    shape = np.broadcast_shapes(np.shape(base), np.shape(exponent))
    spread = np.empty(shape or 1)
    spread[...] = exponent
    return np.power(base, spread).reshape(shape)


def _logical(operator: str, x: list[Any]) -> Any:
    if operator == "not":
        return np.float64(1.0) * np.logical_not(x[0])
    combine = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}[operator]
    result: Any = np.bool_(operator == "and")
    for value in x:
        result = combine(result, value)
    return np.float64(1.0) * result
