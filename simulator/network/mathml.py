"""From libsbml's syntax trees to `Expression`.

One operator of `OPERATORS` stands for several MathML elements: secants, logarithms of other bases,
n-ary relations and so on are written out here, function definitions are inlined, and what cannot
be said is refused with a sentence. Meanings: SBML Level 3 Version 2 Core, section 3.4, and MathML
2.0, chapter 4.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache, reduce
from itertools import pairwise
from typing import Any

from .expression import RATE_OF, TIME, Apply, Expression, Number, Symbol, apply

AVOGADRO = 6.02214179e23
"""Per mole; the value that SBML Level 3 Core fixes for its csymbol (section 3.4.6)."""

DEEPEST = 200
"""Levels of nesting of one formula; deeper ones would exhaust the stack of recursive readers."""

_NUMBER_OF_ARGUMENTS = "takes {} argument{}, not {}"


class MathError(ValueError):
    """A formula has no meaning here; the message completes a sentence that begins with a place."""


@dataclass(frozen=True)
class Scope:
    """What names mean in one formula.

    `names` replaces symbols (local parameters, arguments of the function being inlined); any other
    name stands for itself. `functions` maps the id of a function definition to its lambda (None: it
    has no maths). `in_model` says whether rates of change have a meaning.
    """

    functions: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, Expression] = field(default_factory=dict)
    in_model: bool = False
    calling: tuple[str, ...] = ()
    depth: int = 0


def to_expression(node: Any, scope: Scope) -> Expression:
    """The tree of a libsbml `ASTNode`.

    Raises
    ------
    MathError
        The formula uses something that has no meaning in a system of ordinary differential
        equations, or is malformed.
    """
    scope = replace(scope, depth=scope.depth + 1)
    if scope.depth > DEEPEST:
        raise MathError(f"is nested more than {DEEPEST} levels deep")
    kind = _type(node)
    if kind in _numbers():
        return Number(_number(node))
    constant = _constants().get(kind)
    if constant is not None:
        return constant
    if kind in _names():
        name = str(node.getName())
        return scope.names.get(name, Symbol(name))
    if kind == _libsbml().AST_FUNCTION:
        return _call(node, scope)
    if kind == _libsbml().AST_FUNCTION_RATE_OF:
        return _rate_of(node, scope)
    if kind in _sums_and_products():
        operator = _sums_and_products()[kind]
        return _n_ary(operator, [to_expression(n, scope) for n in _flat(node, kind)])
    builder = _builders().get(kind)
    if builder is None:
        raise MathError(_why_not(node))
    return builder([to_expression(child, scope) for child in _children(node)])


def _libsbml() -> Any:
    import libsbml

    return libsbml


def _number(node: Any) -> float:
    if _type(node) == _libsbml().AST_REAL_E:
        return times_power_of_ten(node.getMantissa(), node.getExponent())
    return float(node.getValue())


def times_power_of_ten(mantissa: float, exponent: int) -> float:
    """The decimal number mantissa * 10 ** exponent, rounded once."""
    beyond_floats = 2000
    shift = max(-beyond_floats, min(exponent, beyond_floats))
    return float(Decimal(repr(float(mantissa))).scaleb(shift))


def _children(node: Any) -> Iterator[Any]:
    return (node.getChild(i) for i in range(node.getNumChildren()))


def _flat(node: Any, kind: int) -> list[Any]:
    """Terms of a sum or product whose first term is again one: ((a + b) + c) is a + b + c exactly.

    Long sums arrive nested to the left, so this also keeps their depth small.
    """
    tails: list[list[Any]] = []
    while True:
        children = list(_children(node))
        if not children or _type(children[0]) != kind:
            break
        tails.append(children[1:])
        node = children[0]
    return children + [term for tail in reversed(tails) for term in tail]


def _n_ary(operator: str, terms: list[Expression]) -> Expression:
    return terms[0] if len(terms) == 1 else Apply(operator, tuple(terms))


def _why_not(node: Any) -> str:
    libsbml = _libsbml()
    kind = _type(node)
    if kind == libsbml.AST_FUNCTION_DELAY:
        return "uses delay(), and delay differential equations are not supported"
    name = node.getName() or node.getOperatorName() or libsbml.formulaToL3String(node) or "?"
    if str(name) in _DRAWS:
        return f"draws from a random distribution ({name}), which is not supported"
    return f"uses {name}, which is not supported"


_DRAWS = frozenset((
    "normal", "uniform", "bernoulli", "binomial", "cauchy", "chisquare",
    "exponential", "gamma", "laplace", "lognormal", "poisson", "rayleigh",
))  # fmt: skip


def _call(node: Any, scope: Scope) -> Expression:
    """A function definition, inlined."""
    name = str(node.getName())
    if name not in scope.functions:
        from ..errors import did_you_mean

        raise MathError(
            f'calls "{name}", which is no function of the model.'
            + did_you_mean(name, scope.functions)
        )
    body = scope.functions[name]
    if body is None:
        raise MathError(f'calls the function "{name}", which has no maths')
    if name in scope.calling:
        loop = " > ".join((*scope.calling[scope.calling.index(name) :], name))
        raise MathError(f"calls a function that calls itself ({loop})")
    *parameters, formula = list(_children(body)) or [None]
    if formula is None:
        raise MathError(f'calls the function "{name}", whose lambda is empty')
    arguments = [to_expression(child, scope) for child in _children(node)]
    if len(parameters) != len(arguments):
        raise MathError(
            f'calls "{name}", which '
            + _NUMBER_OF_ARGUMENTS.format(
                len(parameters), "" if len(parameters) == 1 else "s", len(arguments)
            )
        )
    names = dict(zip((str(p.getName()) for p in parameters), arguments, strict=True))
    return to_expression(formula, replace(scope, names=names, calling=(*scope.calling, name)))


def _rate_of(node: Any, scope: Scope) -> Expression:
    arguments = [to_expression(child, scope) for child in _children(node)]
    if len(arguments) != 1 or not isinstance(arguments[0], Symbol):
        raise MathError("uses rateOf() of something that is not one name")
    if not scope.in_model:
        raise MathError("uses rateOf(), which has a meaning only in a model")
    return apply(RATE_OF, arguments[0])


def _type(node: Any) -> int:
    """The kind of a node, also once another package (tellurium) has made all nodes its own.

    Bindings by SWIG share their types: after `import libsedml` libsbml's nodes are objects of that
    package, whose `getType` gives no number.
    """
    return int(_libsbml().ASTNode.getType(node))


@cache
def _numbers() -> frozenset[int]:
    s = _libsbml()
    return frozenset((s.AST_INTEGER, s.AST_REAL, s.AST_REAL_E, s.AST_RATIONAL))


@cache
def _names() -> frozenset[int]:
    return frozenset((_libsbml().AST_NAME,))


@cache
def _constants() -> dict[int, Expression]:
    s = _libsbml()
    return {
        s.AST_NAME_TIME: Symbol(TIME),
        s.AST_NAME_AVOGADRO: Number(AVOGADRO),
        s.AST_CONSTANT_PI: Number(math.pi),
        s.AST_CONSTANT_E: Number(math.e),
        s.AST_CONSTANT_TRUE: Number(1.0),
        s.AST_CONSTANT_FALSE: Number(0.0),
    }


@cache
def _sums_and_products() -> dict[int, str]:
    s = _libsbml()
    return {s.AST_PLUS: "add", s.AST_TIMES: "multiply"}


Builder = Callable[[list[Expression]], Expression]


@cache
def _builders() -> dict[int, Builder]:
    """Type of a libsbml node -> what makes the tree from the arguments' trees."""
    s = _libsbml()
    table: dict[int, Builder] = {
        s.AST_MINUS: _minus,
        s.AST_DIVIDE: _plain("divide", 2),
        s.AST_POWER: _plain("power", 2),
        s.AST_FUNCTION_POWER: _plain("power", 2),
        s.AST_FUNCTION_ROOT: _root,
        s.AST_FUNCTION_LOG: _logarithm,
        s.AST_FUNCTION_PIECEWISE: _piecewise,
        s.AST_FUNCTION_MIN: _chain("minimum"),
        s.AST_FUNCTION_MAX: _chain("maximum"),
        s.AST_FUNCTION_QUOTIENT: _plain("quotient", 2),
        s.AST_FUNCTION_REM: _plain("remainder", 2),
        s.AST_LOGICAL_AND: lambda a: Apply("and", tuple(a)),
        s.AST_LOGICAL_OR: lambda a: Apply("or", tuple(a)),
        s.AST_LOGICAL_XOR: lambda a: Apply("xor", tuple(a)),
        s.AST_LOGICAL_NOT: _plain("not", 1),
        s.AST_LOGICAL_IMPLIES: _implies,
        s.AST_RELATIONAL_EQ: _relation("equal"),
        s.AST_RELATIONAL_NEQ: _plain("not_equal", 2),
        s.AST_RELATIONAL_LT: _relation("less"),
        s.AST_RELATIONAL_LEQ: _relation("less_equal"),
        s.AST_RELATIONAL_GT: _relation("greater"),
        s.AST_RELATIONAL_GEQ: _relation("greater_equal"),
    }
    for name in ("exp", "ln", "abs", "floor", "ceiling", "factorial"):
        table[getattr(s, f"AST_FUNCTION_{name.upper()}")] = _plain(name, 1)
    for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh"):
        table[getattr(s, f"AST_FUNCTION_{name.upper()}")] = _plain(name, 1)
        table[getattr(s, f"AST_FUNCTION_ARC{name.upper()}")] = _plain(f"arc{name}", 1)
    for name, cofunction in (("sec", "cos"), ("csc", "sin"), ("cot", "tan")):
        for suffix in ("", "h"):
            plain, base = f"{name}{suffix}".upper(), f"{cofunction}{suffix}"
            table[getattr(s, f"AST_FUNCTION_{plain}")] = _reciprocal_of(base)
            table[getattr(s, f"AST_FUNCTION_ARC{plain}")] = _inverse_at_reciprocal(f"arc{base}")
    return table


def _expect(arguments: list[Expression], name: str, *counts: int) -> None:
    if len(arguments) not in counts:
        wanted = " or ".join(map(str, counts))
        raise MathError(
            f"uses {name}, which "
            + _NUMBER_OF_ARGUMENTS.format(wanted, "" if counts == (1,) else "s", len(arguments))
        )


def _plain(operator: str, count: int) -> Builder:
    def build(arguments: list[Expression]) -> Expression:
        _expect(arguments, operator, count)
        return Apply(operator, tuple(arguments))

    return build


def _minus(arguments: list[Expression]) -> Expression:
    _expect(arguments, "minus", 1, 2)
    if len(arguments) == 2:
        return apply("subtract", *arguments)
    if isinstance(arguments[0], Number):
        return Number(-arguments[0].value)
    return apply("negate", *arguments)


def _root(arguments: list[Expression]) -> Expression:
    """The arguments are (degree, radicand), or the radicand alone for a square root."""
    _expect(arguments, "root", 1, 2)
    *degree, radicand = arguments
    if not degree or degree[0] == Number(2.0):
        return apply("sqrt", radicand)
    return apply("power", radicand, apply("divide", Number(1.0), degree[0]))


def _logarithm(arguments: list[Expression]) -> Expression:
    """The arguments are (base, argument); a MathML log without a base is to base ten."""
    _expect(arguments, "log", 1, 2)
    *base, argument = arguments
    return apply("divide", apply("ln", argument), apply("ln", base[0] if base else Number(10.0)))


def _piecewise(arguments: list[Expression]) -> Expression:
    """Without an otherwise part, a piecewise of which no condition holds has no value: nan."""
    if len(arguments) % 2 == 0:
        arguments = [*arguments, Number(math.nan)]
    return Apply("piecewise", tuple(arguments))


def _chain(operator: str) -> Builder:
    def build(arguments: list[Expression]) -> Expression:
        if not arguments:
            raise MathError(f"uses {operator} of nothing")
        return reduce(lambda left, right: apply(operator, left, right), arguments)

    return build


def _relation(operator: str) -> Builder:
    """A chain a < b < c holds if each pair of neighbours does; fewer than two arguments do."""

    def build(arguments: list[Expression]) -> Expression:
        pairs = [apply(operator, a, b) for a, b in pairwise(arguments)]
        return pairs[0] if len(pairs) == 1 else Apply("and", tuple(pairs))

    return build


def _implies(arguments: list[Expression]) -> Expression:
    _expect(arguments, "implies", 2)
    return apply("or", apply("not", arguments[0]), arguments[1])


def _reciprocal_of(operator: str) -> Builder:
    def build(arguments: list[Expression]) -> Expression:
        _expect(arguments, f"the reciprocal of {operator}", 1)
        return apply("divide", Number(1.0), apply(operator, *arguments))

    return build


def _inverse_at_reciprocal(operator: str) -> Builder:
    def build(arguments: list[Expression]) -> Expression:
        _expect(arguments, f"the reciprocal of {operator}", 1)
        return apply(operator, apply("divide", Number(1.0), *arguments))

    return build
