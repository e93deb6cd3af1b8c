"""What is zero throughout because parameters and initial values are.

A dose that is not given or a gene that is knocked out takes whole branches of a network with it. A
state that begins at zero stays there when every term of its rate has a factor that is zero: it lies
on a face of the positive orthant that the system does not leave.
"""

from __future__ import annotations

from ..network.expression import Expression, Number, Symbol
from .equations import Equations

FACTORS = frozenset(("multiply", "and"))
"""Operators that are zero when any argument is."""
SUMS = frozenset(("add", "subtract", "negate", "abs", "sqrt", "minimum", "maximum", "or"))
"""Operators that are zero when all arguments are."""


class Vanishing:
    """Whether an expression is zero throughout, as far as its form shows.

    states : the states that stay zero.
    """

    def __init__(self, eqs: Equations, held: frozenset[str], zero: frozenset[str]) -> None:
        self._computed = eqs.computed
        rates = dict(zip(eqs.states, eqs.rates, strict=True))
        parameters = zero & frozenset(eqs.parameters)
        self.states = (zero & frozenset(eqs.states)) - eqs.algebraic
        while True:
            self._zero = parameters | self.states
            self._known: dict[str, bool] = {}
            stays = {name for name in self.states if name in held or self(rates[name])}
            if len(stays) == len(self.states):
                break
            self.states = frozenset(stays)

    def __call__(self, expression: Expression) -> bool:
        """Whether the expression is zero throughout."""
        if isinstance(expression, Number):
            return expression.value == 0
        if isinstance(expression, Symbol):
            return self._symbol(expression.name)
        parts, operator = expression.arguments, expression.operator
        if operator in FACTORS:
            return any(self(part) for part in parts)
        if operator in SUMS:
            return all(self(part) for part in parts)
        if operator == "divide":
            return self(parts[0])
        if operator == "power":
            return self(parts[0]) and isinstance(parts[1], Number) and parts[1].value > 0
        if operator == "piecewise":
            return all(self(part) for part in (*parts[:-1:2], parts[-1]))
        return False

    def _symbol(self, name: str) -> bool:
        if name in self._zero:
            return True
        if name not in self._computed:
            return False
        if name not in self._known:
            self._known[name] = False  # while it is being looked at; equations have no circles
            self._known[name] = self(self._computed[name])
        return self._known[name]
