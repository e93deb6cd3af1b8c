"""PEtab's grammar, against the parser of the library `petab`."""

import contextlib
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from petab.v1.math import sympify_petab

from simulator.errors import ModelError
from simulator.network.expression import TIME, Apply, Number, Symbol, evaluate, symbols
from simulator.petab_problem.mathematics import DEPTH, parse_math

VALUES = {"a": 0.7, "b": 1.9, "c": 0.35, "pi": 5.0, TIME: 2.0}


def ours(text):
    return evaluate(parse_math(text, "here"), VALUES)


def theirs(text):
    """With the values written in: sympy makes nothing of the truth of a symbol."""
    for name, value in VALUES.items():
        text = re.sub(rf"\b{name.removeprefix('model ')}\b", f"({value})", text)
    return float(sympify_petab(text))


@pytest.mark.parametrize(
    "text",
    [
        "-2^2", "2^3^2", "2^-1^2", "-a^-b", "a - b - c", "a/b/c", "a - b*c + -a", "2*-a", "--a",
        "!0 == 1", "1 || 0 && 0", "3 < 2 < 1", "1 < 2 == 1", "!a && b", "(a < b) + 1",
        "log(a)", "ln(a)", "log(a, b)", "log2(a)", "log10(a)", "sign(-a)", "sign(a - a)", "sign(a)",
        "sec(a)", "csc(a)", "cot(a)", "sech(a)", "csch(a)", "coth(a)", "arcsec(b)", "arccsc(b)",
        "arccot(-a)", "arcsech(a)", "arccsch(a)", "arccoth(b)", "arctanh(c)", "arccosh(b)",
        "pow(a, b)", "min(a, b)", "max(a, b)", "abs(-a)", "sqrt(a)", "exp(-a)",
        "piecewise(1, a > b, 2, a > c, 3)", "piecewise(a, true, 0)", "pi*a", "time + a",
        "1e3", "2.5E+1*a",
    ],
)  # fmt: skip
def test_a_formula_means_what_petab_says(text):
    assert ours(text) == pytest.approx(theirs(text), rel=1e-12)


LEAVES = st.sampled_from(["a", "b", "c", "2", "0.5", "1e-1"])


def joined(parts):
    binary = st.sampled_from(["+", "-", "*", "/", "^", "<", ">=", "&&", "||", " - ", " / "])
    return st.one_of(
        st.tuples(parts, binary, parts).map("".join),
        parts.map("({})".format),
        parts.map("-{}".format),
        st.tuples(st.sampled_from(["exp", "abs", "sinh"]), parts).map(lambda p: f"{p[0]}({p[1]})"),
    )


@given(st.recursive(LEAVES, joined, max_leaves=6))
def test_random_formulas_mean_what_petab_says(text):
    try:
        expected = theirs(text)
    except (TypeError, ValueError, AttributeError, OverflowError):
        return  # not a real number, or more than sympy can do with relations
    found = ours(text)
    if math.isfinite(expected) and math.isfinite(found):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_two_stars_are_a_power():
    assert parse_math("a**b", "") == parse_math("a^b", "")


def test_infinity_and_names_like_constants():
    assert parse_math("inf", "") == Number(math.inf)
    assert symbols(parse_math("pi + e + avogadro", "")) == {"pi", "e", "avogadro"}


def test_a_power_of_constants_is_not_computed_and_a_long_sum_is_not_deep():
    assert isinstance(parse_math("9^9^9^9", ""), Apply)
    tree = parse_math(" + ".join(["a"] * 5000), "")
    assert tree == Apply("add", (Symbol("a"),) * 5000)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("a +", "its end is unexpected"),
        ("a b", '"b" at character 3 is unexpected'),
        ("(a", 'its end is unexpected, ")" is expected'),
        ("a $ b", '"$" at character 3'),
        ("lgo10(a)", 'calls "lgo10", which is no function of PEtab. Nearest: "log10".'),
        ("sin(a, b)", "calls sin with 2 arguments; it takes 1"),
        ("log(a, b, c)", "calls log with 3 arguments; it takes 1 or 2"),
        ("piecewise(1, a > b)", "without its last part"),
        ("1e999", "has the number 1e999: too large"),
        ("__import__('os')", '"\'" at character 12'),
        ("(" * (DEPTH + 1) + "a" + ")" * (DEPTH + 1), f"nested more than {DEPTH} deep"),
        ("-" * 10000 + "a", f"nested more than {DEPTH} deep"),
    ],
)
def test_what_is_no_formula_is_refused_with_its_place(text, says):
    with pytest.raises(ModelError) as error:
        parse_math(text, "observables.tsv:2: observableFormula")
    assert str(error.value).startswith("observables.tsv:2: observableFormula: the formula ")
    assert says in str(error.value)


@given(st.text(max_size=30))
def test_any_text_is_a_formula_or_refused(text):
    with contextlib.suppress(ModelError):
        parse_math(text, "here")
