"""Expressions, their text form, and the order of equations, by their properties."""

from __future__ import annotations

import ast
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import ModelError
from simulator.network.expression import (
    OPERATORS,
    TIME,
    Apply,
    Expression,
    Number,
    Symbol,
    apply,
    evaluate,
    substitute,
    symbols,
)
from simulator.network.formula import parse_formula, to_infix

NAMES = ("a", "b", "ERK_pp", "Time", TIME, "R1.k", "_x9")
NUMBERS = st.floats(allow_nan=False)
VALUES = st.fixed_dictionaries(
    {name: st.floats(min_value=-50, max_value=50, allow_subnormal=False) for name in NAMES}
)


def _applications(children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    def of(operator: str) -> st.SearchStrategy[Expression]:
        fewest, most = OPERATORS[operator]
        counts = st.integers(fewest, most if most is not None else 4)
        if operator == "piecewise":
            counts = st.sampled_from((1, 3, 5))
        return counts.flatmap(
            lambda n: st.tuples(*[children] * n).map(lambda a: Apply(operator, a))
        )

    return st.sampled_from(sorted(OPERATORS)).flatmap(of)


EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(
    NUMBERS.map(Number) | st.sampled_from(NAMES).map(Symbol), _applications, max_leaves=12
)


def same(x: float, y: float) -> bool:
    return x == y or (math.isnan(x) and math.isnan(y))


@given(EXPRESSIONS, VALUES)
def test_text_form_keeps_the_value(expression: Expression, values: dict[str, float]) -> None:
    again = parse_formula(to_infix(expression), "here")
    assert same(evaluate(again, values), evaluate(expression, values))


@given(EXPRESSIONS)
def test_text_form_settles_after_one_reading(expression: Expression) -> None:
    once = to_infix(parse_formula(to_infix(expression), "here"))
    assert to_infix(parse_formula(once, "here")) == once


@given(EXPRESSIONS, VALUES)
def test_evaluation_never_raises(expression: Expression, values: dict[str, float]) -> None:
    assert isinstance(evaluate(expression, values), float)


@given(EXPRESSIONS, EXPRESSIONS, VALUES)
def test_substitution_is_evaluation_in_two_steps(
    outer: Expression, inner: Expression, values: dict[str, float]
) -> None:
    replaced = substitute(outer, {"a": inner})
    stepwise = evaluate(outer, values | {"a": evaluate(inner, values)})
    assert same(evaluate(replaced, values), stepwise)


@given(EXPRESSIONS)
def test_symbols_are_all_that_evaluation_needs(expression: Expression) -> None:
    evaluate(expression, dict.fromkeys(symbols(expression), 1.5))
    assert substitute(expression, {}) == expression
    assert hash(substitute(expression, {})) == hash(expression)


def python_twin(node: ast.expr, values: dict[str, float]) -> float:
    """Value of a Python expression, by Python's own grammar and arithmetic."""
    if isinstance(node, ast.Constant):
        return float(node.value)
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.UnaryOp):
        return -python_twin(node.operand, values)
    if isinstance(node, ast.Call):
        function = getattr(math, {"ln": "log"}.get(node.func.id, node.func.id))
        return float(function(*(python_twin(a, values) for a in node.args)))
    assert isinstance(node, ast.BinOp)
    left, right = python_twin(node.left, values), python_twin(node.right, values)
    operations = {
        ast.Add: float.__add__,
        ast.Sub: float.__sub__,
        ast.Mult: float.__mul__,
        ast.Div: float.__truediv__,
        ast.Pow: float.__pow__,
    }
    return float(operations[type(node.op)](left, right))


@pytest.mark.parametrize(
    "text",
    [
        "a + b*x - 3/b^2",
        "a - b - x",
        "a/b/x",
        "a - (b - x)",
        "-a^2",
        "(-a)^2",
        "2*a^b^0.5",
        "a*(b + x)/(1 + a + b*x)",
        "ln(a) + exp(-b) + sqrt(x) + sin(a)*cosh(b)",
        "1.25e-7*a + 3e2/x",
        "Vmax*a^n/(K^n + a^n)",
    ],
)
def test_grammar_agrees_with_python(text: str) -> None:
    values = {"a": 0.7, "b": 1.9, "x": 3.1, "Vmax": 12.5, "n": 2.3, "K": 0.4}
    twin = python_twin(ast.parse(text.replace("^", "**"), mode="eval").body, values)
    assert math.isclose(evaluate(parse_formula(text, ""), values), twin, rel_tol=1e-15)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("log(e1)", 1.0),
        ("log10(1000)", 3.0),
        ("log(2, 8)", 3.0),
        ("root(3, 27)", 3.0),
        ("7 % 3", 1.0),
        ("rem(-7, 3)", -1.0),
        ("quotient(-7, 3)", -2.0),
        ("max(1, 5, 3) - min(4, 2, 9)", 3.0),
        ("1 < 2 < 3", 1.0),
        ("1 < 2 < 2", 0.0),
        ("true && !false || false", 1.0),
        ("xor(1, 1, 1)", 1.0),
        ("implies(1, 0)", 0.0),
        ("piecewise(1, 2 < 1, 5, 2 > 1, 9)", 5.0),
        ("piecewise(1, 2 < 1, 9)", 9.0),
        ("factorial(5)", 120.0),
        ("sec(1)*cos(1) + csc(1)*sin(1) + cot(1)*tan(1)", 3.0),
        ("sech(1)*cosh(1) + csch(1)*sinh(1) + coth(1)*tanh(1)", 3.0),
        ("sec(arcsec(2)) + csc(arccsc(3)) + cot(arccot(4))", 9.0),
        ("sech(arcsech(0.5)) + csch(arccsch(3)) + coth(arccoth(4))", 7.5),
        ("pi", math.pi),
        ("avogadro", 6.02214179e23),
        ("ceil(1.2) + floor(1.8) + abs(-2)", 5.0),
    ],
)
def test_built_in_names(text: str, value: float) -> None:
    result = evaluate(parse_formula(text, ""), {"e1": math.e})
    assert math.isclose(result, value, rel_tol=4 * sys.float_info.epsilon)


def test_names_are_case_sensitive() -> None:
    assert symbols(parse_formula("time + Time + PI + Pi", "")) == {TIME, "Time", "PI", "Pi"}


@pytest.mark.parametrize(
    ("operator", "arguments", "value"),
    [
        ("divide", (1.0, 0.0), math.inf),
        ("divide", (-1.0, 0.0), -math.inf),
        ("divide", (0.0, 0.0), math.nan),
        ("power", (0.0, -1.0), math.inf),
        ("power", (-8.0, 0.5), math.nan),
        ("power", (-10.0, 401.0), -math.inf),
        ("ln", (0.0,), -math.inf),
        ("ln", (-1.0,), math.nan),
        ("exp", (1e4,), math.inf),
        ("sinh", (-1e4,), -math.inf),
        ("sin", (math.inf,), math.nan),
        ("arcsin", (2.0,), math.nan),
        ("arctanh", (1.0,), math.inf),
        ("remainder", (1.0, 0.0), math.nan),
        ("floor", (math.inf,), math.inf),
    ],
)
def test_edges_of_floating_point(operator: str, arguments: tuple[float, ...], value: float) -> None:
    assert same(evaluate(apply(operator, *map(Number, arguments)), {}), value)


def test_sums_round_from_left_to_right() -> None:
    terms = [Number(x) for x in (1e16, 1.0, -1e16)]
    assert evaluate(apply("add", *terms), {}) == 0.0


@pytest.mark.parametrize(
    ("operator", "count"), [("divide", 3), ("not", 0), ("piecewise", 2), ("minimum", 1)]
)
def test_wrong_number_of_arguments(operator: str, count: int) -> None:
    with pytest.raises(ValueError):
        Apply(operator, (Number(1.0),) * count)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "is empty"),
        ("a +", "unexpected end"),
        ("2 mL", "cannot be read"),
        ("f(a)", 'calls "f"'),
        ("delay(a, 1)", "delay"),
        ("normal(0, 1)", "random distribution (normal)"),
        ("rateOf(a)", "rateOf"),
        ("max()", "maximum of nothing"),
        ("sin(a, b)", "one argument"),
        ("2.5*a + 1e400", "1e400"),
        ("2.5*a 3.5e1", "3.5e1"),
        ("π*a", "cannot be read"),
    ],
)
def test_bad_formula_says_where_and_what(text: str, found: str) -> None:
    with pytest.raises(ModelError, match=r'^observable "x": ') as error:
        parse_formula(text, 'observable "x"')
    assert found in str(error.value)


def test_formula_nested_too_deep() -> None:
    with pytest.raises(ModelError, match="levels deep"):
        parse_formula("-(" * 500 + "a" + ")" * 500, "here")
    # long sums and products are not deep
    assert evaluate(parse_formula(" + ".join(["a"] * 3000), "here"), {"a": 1.0}) == 3000.0


def test_symbol_named_like_a_constant_has_no_text() -> None:
    with pytest.raises(ValueError, match="constant"):
        to_infix(Symbol("pi"))
