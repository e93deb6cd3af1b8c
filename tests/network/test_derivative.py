"""Rates of change of formulas against central differences."""

from __future__ import annotations

import pytest

from simulator.network.derivative import _STEPS, derivative
from simulator.network.expression import (
    OPERATORS,
    TIME,
    Apply,
    Expression,
    Number,
    Symbol,
    apply,
    evaluate,
)
from simulator.network.mathml import MathError
from simulator.network.rates import rate_symbol, with_symbols

A, B, T = Symbol("a"), Symbol("b"), Symbol(TIME)


def values(time: float) -> dict[str, float]:
    """a and b, which move on straight lines."""
    moving = {"a": 0.4 + 0.3 * (time - 1), "b": 0.7 - 0.2 * (time - 1), TIME: time}
    return moving | {rate_symbol("a"): 0.3, rate_symbol("b"): -0.2}


def check(expression: Expression) -> None:
    step = 1e-5
    below, above = (evaluate(expression, values(1 + d)) for d in (-step, step))
    found = evaluate(with_symbols(derivative(expression)), values(1.0))
    assert found == pytest.approx((above - below) / (2 * step), rel=1e-7, abs=1e-9)


ONE = sorted(o for o, (least, most) in OPERATORS.items() if (least, most) == (1, 1))
TWO = sorted(o for o, (least, _) in OPERATORS.items() if least in (0, 2))


@pytest.mark.parametrize("operator", [o for o in ONE if o not in ("factorial", "arccosh")])
def test_functions_of_one_number(operator: str) -> None:
    check(Apply(operator, (apply("multiply", A, B, T),)))


def test_inverse_hyperbolic_cosine() -> None:
    check(apply("arccosh", apply("add", Number(1.5), A)))


@pytest.mark.parametrize("operator", TWO)
@pytest.mark.parametrize(
    "arguments", [(A, B), (B, A), (A, Number(3.0)), (Number(3.0), A), (Number(3.0), Number(2.0))]
)
def test_functions_of_two_numbers(operator: str, arguments: tuple[Expression, ...]) -> None:
    check(Apply(operator, arguments))


@pytest.mark.parametrize("threshold", [0.1, 0.6])
def test_piecewise_is_differentiated_branch_by_branch(threshold: float) -> None:
    check(apply("piecewise", apply("exp", A), apply("less", A, Number(threshold)), B))


@pytest.mark.parametrize("operator", sorted(_STEPS))
def test_steps_have_none(operator: str) -> None:
    arguments = (A,) if operator in ("floor", "ceiling", "not") else (A, B)
    assert derivative(Apply(operator, arguments)) == Number(0.0)


@pytest.mark.parametrize("expression", [apply("factorial", A), apply("rate_of", A)])
def test_what_has_no_rate_of_change_is_refused(expression: Expression) -> None:
    with pytest.raises(MathError, match="rate of change"):
        derivative(expression)
