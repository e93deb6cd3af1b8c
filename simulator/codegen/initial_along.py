"""How initial values of whole batches move with one constant, by the chain rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..network.derivative import derivative
from ..network.expression import TIME, Expression, Number, apply, symbols
from ..network.mathml import MathError
from ..network.rates import rate_symbol, with_symbols
from .arrays import evaluate_arrays
from .initial import Columns, InitialValues, Override

Array = NDArray[np.float64]


class InitialMotions:
    """Derivatives of states and parameters at t = 0 by the logarithm of a constant.

    The constant moves from the value that each run gives it, whatever that is: initial assignments
    and multiplications of what depends on it follow.

    Parameters
    ----------
    overrides
        As of `InitialValues.columns`.
    """

    def __init__(self, initial: InitialValues, overrides: Mapping[str, Override]) -> None:
        self._initial, self._overrides = initial, overrides
        self._known, _ = initial.known(overrides)
        self._users: dict[str, list[str]] = {}
        for name, expression in initial.definitions.items():
            for need in symbols(expression):
                self._users.setdefault(need, []).append(name)
        self._slopes: dict[str, Expression] = {}

    def by(self, constant: str) -> tuple[Columns, Columns]:
        """Motions of states and of parameters; zero in `base`, others in `varying`.

        Raises
        ------
        ModelError
            A formula has no derivative here.
        """
        affected = {constant}
        pending = [constant]
        while pending:
            new = [n for n in self._users.get(pending.pop(), ()) if n not in affected]
            affected.update(new)
            pending += new
        moves: dict[str, Any] = {constant: self._known[constant]}
        eqs = self._initial.equations
        states = {}
        for i, name in enumerate(eqs.states):
            size = eqs.amounts.get(name)
            if name in affected or size in affected:
                motion = self._motion(name, moves, affected)
                if size is not None:
                    motion = motion * self._known[size]
                    motion = motion + self._known[name] * self._motion(size, moves, affected)
                states[i] = motion
        parameters = {
            k: self._motion(name, moves, affected)
            for k, name in enumerate(eqs.parameters)
            if name in affected
        }
        return _columns(len(eqs.states), states), _columns(len(eqs.parameters), parameters)

    def _motion(self, name: str, moves: dict[str, Any], affected: set[str]) -> Any:
        """How a quantity moves; `moves` has those that are found already."""
        if name in moves:
            return moves[name]
        override = self._overrides.get(name)
        given = override is not None and bool(override.given.all())
        if name not in affected or given or name not in self._initial.definitions:
            return 0.0
        expression = self._initial.definitions[name]
        needed = sorted(symbols(expression) - {TIME})
        rates = {rate_symbol(n): self._motion(n, moves, affected) for n in needed}
        values = {n: self._value(n) for n in needed} | {TIME: np.float64(0.0)}
        found = evaluate_arrays(self._slope(name, expression), values | rates, {})
        if override is not None:
            found = np.where(override.given, 0.0, found * override.factor)
        moves[name] = found
        return found

    def _value(self, name: str) -> Any:
        """A quantity's value; no state or parameter may have needed it so far."""
        if name not in self._known:
            needed = symbols(self._initial.definitions[name])
            values = {n: self._value(n) for n in needed}
            self._known[name] = evaluate_arrays(self._initial.definitions[name], values, {})
        return self._known[name]

    def _slope(self, name: str, expression: Expression) -> Expression:
        """The formula's derivative, rates of change being symbols; time stands still."""
        if name not in self._slopes:
            try:
                self._slopes[name] = with_symbols(derivative(_at_zero(expression)))
            except MathError as problem:
                raise ModelError(f'initial value of "{name}" {problem}.') from None
        return self._slopes[name]


def _at_zero(expression: Expression) -> Expression:
    """The formula at t = 0, where it names the time."""
    if TIME not in symbols(expression):
        return expression
    arguments = getattr(expression, "arguments", None)
    if arguments is None:
        return Number(0.0)
    return apply(expression.operator, *map(_at_zero, arguments))  # type: ignore[union-attr]


def _columns(width: int, motions: Mapping[int, Any]) -> Columns:
    varying = {k: np.asarray(m, float) for k, m in motions.items()}
    base = np.zeros(width)
    for k in [k for k, m in varying.items() if not m.ndim]:
        base[k] = varying.pop(k)
    return Columns(base, varying)
