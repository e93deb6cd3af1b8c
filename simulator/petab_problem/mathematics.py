"""Formulas of PEtab tables as expression trees.

PEtab has its own infix grammar, close to that of SBML but not the same: `log(x, b)` has its base
last (SBML: first), `log2` and `sign` exist, a chain such as `3 < 2 < 1` compares the truth of its
first part, and `pi` is a name like any other. So it is parsed here, with the precedences of the
grammar of version 2 (`^` from the right; then sign; `!`; `*` `/`; `+` `-`; relations; `&&` and `||`
alike, from the left). `**` is read as `^`: version 1 left the grammar open. Only trees are built:
no text is evaluated and no power of constants is folded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from ..errors import ModelError, did_you_mean
from ..network.expression import TIME, Apply, Expression, Number, Symbol, apply

DEPTH = 100
"""Nested parentheses and signs that a formula may have."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\*\*|\|\||&&|[<>=!]=|[-+*/^(),<>!]))",
    re.ASCII,
)
_CONSTANTS = {"true": 1.0, "false": 0.0, "inf": math.inf, "nan": math.nan}
_BINARY = {
    "||": (1, "or"), "&&": (1, "and"),
    "==": (2, "equal"), "!=": (2, "not_equal"),
    "<": (2, "less"), "<=": (2, "less_equal"), ">": (2, "greater"), ">=": (2, "greater_equal"),
    "+": (3, "add"), "-": (3, "subtract"), "*": (4, "multiply"), "/": (4, "divide"),
}  # fmt: skip
_NOT, _SIGN, _POWER = 5, 6, 7
_MERGED = ("add", "multiply", "and", "or")


def parse_math(text: str, where: str) -> Expression:
    """The tree of a formula in PEtab's grammar.

    Parameters
    ----------
    where
        What to call the formula in messages, e.g. ``observables.tsv:2: observableFormula``.

    Raises
    ------
    ModelError
        The formula is malformed, nested too deeply, or calls an unknown function.
    """
    try:
        return _Parser(text).whole()
    except _MathError as problem:
        raise ModelError(f'{where}: the formula "{text}" {problem}') from None


class _MathError(Exception):
    """What is wrong with a formula, to follow its text."""


class _Parser:
    """Precedence climbing over the tokens of one formula."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0

    def whole(self) -> Expression:
        """The tree of all tokens."""
        if len(self.tokens) == 1:
            raise _MathError("is empty.")
        tree = self.expression(0)
        if self.next() != "":
            raise self.unexpected()
        return tree

    def next(self) -> str:
        """The next token, "" at the end."""
        return self.tokens[self.at][1]

    def take(self) -> str:
        """The next token, which is now behind."""
        self.at += 1
        return self.tokens[self.at - 1][1]

    def expect(self, token: str) -> None:
        """Go past this token."""
        if self.next() != token:
            raise self.unexpected(f', "{token}" is expected')
        self.at += 1

    def unexpected(self, wanted: str = "") -> _MathError:
        """That the next token cannot stand where it does."""
        column, token = self.tokens[self.at]
        found = f'"{token}" at character {column + 1}' if token else "its end"
        return _MathError(f"cannot be read: {found} is unexpected{wanted}.")

    def expression(self, binding: int) -> Expression:
        """Operands joined by operators that bind more tightly than `binding`."""
        self.depth += 1
        if self.depth > DEPTH:
            raise _MathError(f"is nested more than {DEPTH} deep.")
        tree, bare = self.operand(), False
        while True:
            sign = self.next()
            if sign in ("^", "**") and binding < _POWER:
                self.at += 1
                tree, bare = apply("power", tree, self.expression(_SIGN)), False
                continue
            level, operator = _BINARY.get(sign, (0, ""))
            if level <= binding:
                break
            self.at += 1
            tree = _joined(operator, tree, self.expression(level), bare)
            bare = True
        self.depth -= 1
        return tree

    def operand(self) -> Expression:
        """A number, name, call, expression in parentheses, or one of these after a sign."""
        kind = self.kind()
        if kind == "number":
            value = float(self.take())
            if math.isinf(value):
                raise _MathError(f"has the number {self.tokens[self.at - 1][1]}: too large.")
            return Number(value)
        if kind == "name":
            return self.named()
        if self.next() == "(":
            self.at += 1
            tree = self.expression(0)
            self.expect(")")
            return tree
        if self.next() in ("-", "+"):
            negative = self.take() == "-"
            tree = self.expression(_SIGN)
            return apply("negate", tree) if negative else tree
        if self.next() == "!":
            self.at += 1
            return apply("not", self.expression(_NOT))
        raise self.unexpected()

    def kind(self) -> str:
        """Whether the next token is a number, a name, or a sign."""
        first = self.next()[:1]
        if first.isdigit() or first == ".":
            return "number"
        return "name" if first.isalpha() or first == "_" else "sign"

    def named(self) -> Expression:
        """A symbol, a constant, or a call."""
        name = self.take()
        if self.next() != "(":
            if name in _CONSTANTS:
                return Number(_CONSTANTS[name])
            return Symbol(TIME if name == "time" else name)
        self.at += 1
        arguments = [self.expression(0)]
        while self.next() == ",":
            self.at += 1
            arguments.append(self.expression(0))
        self.expect(")")
        return _call(name, arguments)


def _tokens(text: str) -> list[tuple[int, str]]:
    """(Place in the text, token) for each, and an empty one at the end."""
    tokens = []
    text = text.rstrip()
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise _MathError(f'cannot be read: "{text[at]}" at character {at + 1} is unexpected.')
        kind = match.lastgroup or "sign"
        tokens.append((match.start(kind), match[kind]))
        at = match.end()
    return [*tokens, (len(text), "")]


def _joined(operator: str, left: Expression, right: Expression, bare: bool) -> Apply:
    """Both in one tree; a sum that goes on stays one sum, so that long ones are not deep."""
    if bare and operator in _MERGED and isinstance(left, Apply) and left.operator == operator:
        return Apply(operator, (*left.arguments, right))
    return apply(operator, left, right)


def _inverse(operator: str) -> Callable[[Expression], Apply]:
    return lambda x: apply("divide", Number(1.0), apply(operator, x))


def _of_inverse(operator: str) -> Callable[[Expression], Apply]:
    return lambda x: apply(operator, apply("divide", Number(1.0), x))


def _logarithm(x: Expression, base: Expression) -> Apply:
    return apply("divide", apply("ln", x), apply("ln", base))


def _sign(x: Expression) -> Apply:
    zero = Number(0.0)
    return apply(
        "piecewise", Number(1.0), apply("greater", x, zero), Number(-1.0), apply("less", x, zero), x
    )


def _plain(operator: str) -> Callable[[Expression], Apply]:
    return lambda x: apply(operator, x)


_UNARY: dict[str, Callable[[Expression], Apply]] = {
    **{name: _plain(name) for name in ("exp", "ln", "sqrt", "abs")},
    **{name: _plain(name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{name: _plain(name) for name in ("arcsin", "arccos", "arctan")},
    **{name: _plain(name) for name in ("arcsinh", "arccosh", "arctanh")},
    "sec": _inverse("cos"), "csc": _inverse("sin"), "cot": _inverse("tan"),
    "sech": _inverse("cosh"), "csch": _inverse("sinh"), "coth": _inverse("tanh"),
    "arcsec": _of_inverse("arccos"), "arccsc": _of_inverse("arcsin"),
    "arccot": _of_inverse("arctan"), "arcsech": _of_inverse("arccosh"),
    "arccsch": _of_inverse("arcsinh"), "arccoth": _of_inverse("arctanh"),
    "log": _plain("ln"),
    "log10": lambda x: _logarithm(x, Number(10.0)),
    "log2": lambda x: _logarithm(x, Number(2.0)),
    "sign": _sign,
}  # fmt: skip
_TWO = {
    "pow": lambda a, b: apply("power", a, b),
    "min": lambda a, b: apply("minimum", a, b),
    "max": lambda a, b: apply("maximum", a, b),
    "log": _logarithm,
}


def _call(name: str, arguments: list[Expression]) -> Expression:
    count = len(arguments)
    if name == "piecewise":
        if count % 2 == 0:
            raise _MathError("has a piecewise without its last part, the value otherwise.")
        return Apply("piecewise", tuple(arguments))
    if count == 1 and name in _UNARY:
        return _UNARY[name](*arguments)
    if count == 2 and name in _TWO:
        return _TWO[name](*arguments)
    known = [*_UNARY, *_TWO, "piecewise"]
    if name in known:
        takes = " or ".join(str(n) for n, of in ((1, _UNARY), (2, _TWO)) if name in of)
        raise _MathError(f"calls {name} with {count} arguments; it takes {takes}.")
    raise _MathError(f'calls "{name}", which is no function of PEtab.{did_you_mean(name, known)}')
