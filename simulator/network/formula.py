"""Formulas as one line of text: SBML Level 3 infix to `Expression` and back.

The grammar is libsbml's L3 infix with these choices. Names are case sensitive: `time`, `pi`,
`avogadro`, `exponentiale`, `true`, `false`, `inf`, `nan` and the functions are built in, `Time` is
a name like any other. `log(x)` is the natural logarithm (`log10(x)` and `log(b, x)` the others),
`a % b` is `rem(a, b)`, and numbers carry no units. A local parameter is ``reaction.parameter``.
A chain of relations, also `(a < b) < c`, holds if each pair does; `lt(lt(a, b), c)` compares the
truth of one relation with a number.
"""

from __future__ import annotations

import math
import re
from typing import Any

from ..errors import ModelError
from .expression import TIME, Apply, Expression, Number, Symbol
from .mathml import MathError, Scope, to_expression

BUILT_IN = frozenset(("time", "pi", "avogadro", "exponentiale", "true", "false"))
"""Names that a formula reads as constants or model time: no quantity of that id can be written."""

_NUMERALS = frozenset(("inf", "infinity", "nan", "notanumber"))
_DOTTED = re.compile(r"\b([A-Za-z_]\w*)\.(?=[A-Za-z_])")
_NUMERAL = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])")
_NAMED_NUMERAL = re.compile(r"_0N\d+_")
_POSITION = re.compile(r"^Error when parsing input .* at position \d+:")
_DOT = "_0DOT0_"
"""Stands for the dot of `reaction.parameter`, which libsbml's grammar does not know."""


def parse_formula(text: str, where: str) -> Expression:
    """The tree of a formula in SBML Level 3 infix.

    Parameters
    ----------
    where
        What to call the formula in messages, e.g. ``observables.tsv: observable "pERK"``.

    Raises
    ------
    ModelError
        The formula is malformed or has no meaning in a system of equations.
    """
    import libsbml

    if not text.strip():
        raise ModelError(f"{where}: the formula is empty")
    place = f'{where}: the formula "{text}"'
    replaced, originals = _without_numerals(text)
    node = libsbml.parseL3FormulaWithSettings(replaced, _settings())
    if node is None:
        reason = libsbml.getLastParseL3Error() or "it holds characters that no formula can"
        raise ModelError(f"{place} cannot be read: {_original(reason, originals)}")
    numbers = {name: float(numeral) for name, numeral in originals.items()}
    for name, number in numbers.items():
        if math.isinf(number):
            raise ModelError(f"{place} has the number {originals[name]}, which is too large")
    names: dict[str, Expression] = {name: Number(number) for name, number in numbers.items()}
    try:
        return _dotted(to_expression(node, Scope(names=names)))
    except MathError as problem:
        raise ModelError(f"{place} {problem}") from None


def _without_numerals(text: str) -> tuple[str, dict[str, str]]:
    """The text with a name for each numeral and no dots, and the numerals by name.

    libsbml's formula parser rounds numerals with an exponent twice; this reads them as Python does.
    """
    originals: dict[str, str] = {}

    def name_for(match: re.Match[str]) -> str:
        name = f"_0N{len(originals)}_"
        originals[name] = match[0]
        return name

    return _DOTTED.sub(rf"\1{_DOT}", _NUMERAL.sub(name_for, text)), originals


def _original(message: str, originals: dict[str, str]) -> str:
    """The parser's message about the replaced text, said of the text itself."""
    message = _POSITION.sub("", " ".join(message.split())).strip().replace(_DOT, ".")
    return _NAMED_NUMERAL.sub(lambda match: originals.get(match[0], match[0]), message)


def _settings() -> Any:
    import libsbml

    settings = libsbml.L3ParserSettings()
    settings.setParseLog(libsbml.L3P_PARSE_LOG_AS_LN)
    settings.setComparisonCaseSensitivity(libsbml.L3P_COMPARE_BUILTINS_CASE_SENSITIVE)
    settings.setParseCollapseMinus(libsbml.L3P_EXPAND_UNARY_MINUS)
    settings.setParseUnits(libsbml.L3P_NO_UNITS)
    settings.setParseAvogadroCsymbol(libsbml.L3P_AVOGADRO_IS_CSYMBOL)
    settings.setParseModuloL3v2(libsbml.L3P_MODULO_IS_REM)
    settings.setParseL3v2Functions(libsbml.L3P_PARSE_L3V2_FUNCTIONS_DIRECTLY)
    return settings


def _dotted(expression: Expression) -> Expression:
    if isinstance(expression, Symbol):
        return Symbol(expression.name.replace(_DOT, "."))
    if isinstance(expression, Apply):
        return Apply(expression.operator, tuple(map(_dotted, expression.arguments)))
    return expression


_RELATIONS = {
    "equal": "==", "not_equal": "!=",
    "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=",
}  # fmt: skip
_RELATION_CALLS = {
    "equal": "eq", "not_equal": "neq",
    "less": "lt", "less_equal": "leq", "greater": "gt", "greater_equal": "geq",
}  # fmt: skip
_CALLS = {"minimum": "min", "maximum": "max", "remainder": "rem", "ceiling": "ceil"}
_EMPTY = {"add": "0", "multiply": "1", "and": "true", "or": "false", "xor": "false"}
_SIGNS = {"add": " + ", "subtract": " - ", "multiply": "*", "divide": "/", "and": " && "} | {
    "or": " || ",
    "power": "^",
}
_BINDING = {
    "or": 1, "and": 2, **dict.fromkeys(_RELATIONS, 3),
    "add": 4, "subtract": 4, "multiply": 5, "divide": 5, "negate": 6, "not": 6, "power": 7,
}  # fmt: skip
_ATOM = 8


def to_infix(expression: Expression) -> str:
    """The formula as text that `parse_formula` reads back as a tree of the same value.

    Raises
    ------
    ValueError
        A symbol has the name of a built-in constant or of model time.
    """
    return _written(expression)[0]


def _written(expression: Expression) -> tuple[str, int]:
    """Text, and how tightly its outermost operator binds."""
    if isinstance(expression, Number):
        return _numeral(expression.value)
    if isinstance(expression, Symbol):
        if expression.name == TIME:
            return "time", _ATOM
        if expression.name in BUILT_IN | _NUMERALS:
            raise ValueError(f'"{expression.name}" would be read as a constant')
        return expression.name, _ATOM
    operator, arguments = expression.operator, expression.arguments
    if not arguments:
        return _EMPTY[operator], _ATOM
    if len(arguments) == 1 and operator in ("add", "multiply", "piecewise"):
        return _written(arguments[0])
    if len(arguments) == 1 and operator in ("and", "or", "xor"):
        return _written(Apply("not_equal", (arguments[0], Number(0.0))))
    if operator == "negate":
        return f"-{_inside(arguments[0], _ATOM)}", _BINDING[operator]
    if operator == "not":
        return f"!{_inside(arguments[0], _ATOM)}", _BINDING[operator]
    if operator in _RELATIONS:
        if any(_is_relation(a) for a in arguments):
            # between signs, "(a < b) < c" would be read as the chain a < b < c
            return _call(_RELATION_CALLS[operator], arguments), _ATOM
        left, right = (_inside(a, 4) for a in arguments)
        return f"{left} {_RELATIONS[operator]} {right}", _BINDING[operator]
    if operator in _SIGNS:
        return _joined(operator, arguments), _BINDING[operator]
    return _call(_CALLS.get(operator, operator), arguments), _ATOM


def _call(name: str, arguments: tuple[Expression, ...]) -> str:
    return f"{name}({', '.join(_written(a)[0] for a in arguments)})"


def _is_relation(expression: Expression) -> bool:
    """Whether the text would be a relation between signs."""
    while isinstance(expression, Apply) and len(expression.arguments) == 1:
        if expression.operator in ("and", "or", "xor"):
            return True
        if expression.operator not in ("add", "multiply", "piecewise"):
            return False
        expression = expression.arguments[0]
    return isinstance(expression, Apply) and expression.operator in _RELATIONS


def _joined(operator: str, arguments: tuple[Expression, ...]) -> str:
    """Operands between signs; only the first may bind as loosely as the operator itself."""
    binding = _ATOM if operator == "power" else _BINDING[operator]
    first, *rest = arguments
    # a first operand of the same operator is merged with the rest when read, without effect on
    # sums and products; a quotient or difference is read from the left anyway
    texts = [_inside(first, binding), *(_inside(a, min(binding + 1, _ATOM)) for a in rest)]
    return _SIGNS[operator].join(texts)


def _inside(expression: Expression, at_least: int) -> str:
    text, binding = _written(expression)
    return text if binding >= at_least else f"({text})"


def _numeral(value: float) -> tuple[str, int]:
    if math.isnan(value):
        return "nan", _ATOM
    text = "inf" if math.isinf(value) else repr(abs(value)).removesuffix(".0")
    if math.copysign(1.0, value) < 0:
        return f"-{text}", _BINDING["negate"]
    return text, _ATOM
