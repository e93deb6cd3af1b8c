"""Straight-line programs: expression trees as one graph of shared operations, with derivatives.

Every operation is stored once (hash-consing), so common sub-expressions, also between rates and
their derivatives, are computed once. Nodes are numbered so that arguments come before what uses
them; a list of nodes is therefore a program.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Container, Mapping, Sequence
from typing import NamedTuple

from ..network.expression import Apply, Expression, Number, Symbol, evaluate

Gradient = dict[int, int]
"""Derivatives of a node: variable number -> node. What is missing is zero."""


class Node(NamedTuple):
    """One operation: `constant` and `input` carry `value`, others the nodes they work on.

    `select` is (condition, value if true, value if false).
    """

    operator: str
    arguments: tuple[int, ...]
    value: float = 0.0


class Graph:
    """A growing set of nodes; inputs are numbered from 0, those in `fixed` keep their value.

    `varies` says of each node whether anything but fixed inputs enters it.
    """

    def __init__(self, inputs: int, fixed: Collection[int] = ()) -> None:
        self.nodes: list[Node] = []
        self.varies: list[bool] = []
        self._fixed = set(fixed)
        self._known: dict[Node, int] = {}
        self.inputs: list[int] = []
        self.add_inputs(inputs)

    def add_inputs(self, count: int, *, fixed: bool = False) -> list[int]:
        """Nodes of further inputs."""
        first = len(self.inputs)
        if fixed:
            self._fixed.update(range(first, first + count))
        new = [self._add(Node("input", (), float(first + k))) for k in range(count)]
        self.inputs += new
        return new

    def copy(self) -> Graph:
        """A graph with the same nodes, which grows apart from this one."""
        other = Graph(0, self._fixed)
        other.nodes, other.varies = list(self.nodes), list(self.varies)
        other._known, other.inputs = dict(self._known), list(self.inputs)
        return other

    def _add(self, node: Node) -> int:
        index = self._known.get(node)
        if index is None:
            index = self._known[node] = len(self.nodes)
            self.nodes.append(node)
            if node.operator == "input":
                self.varies.append(int(node.value) not in self._fixed)
            else:
                self.varies.append(any(self.varies[a] for a in node.arguments))
        return index

    def constant(self, value: float) -> int:
        """The node of a number."""
        return self._add(Node("constant", (), float(value)))

    def known(self, index: int) -> float | None:
        """The value of a constant node, else None."""
        node = self.nodes[index]
        return node.value if node.operator == "constant" else None

    # ------------------------------------------------------------------ building, with identities
    def apply(self, operator: str, *arguments: int) -> int:
        """A node for the operator, simplified where that changes no finite value."""
        values = [self.known(a) for a in arguments]
        if operator != "select" and all(v is not None for v in values) and values:
            numbers = tuple(Number(v) for v in values if v is not None)
            folded = evaluate(Apply(operator, numbers), {})
            if math.isfinite(folded):
                return self.constant(folded)
        simple = self._identity(operator, arguments, values)
        if simple is not None:
            return simple
        if operator in ("add", "multiply", "minimum", "maximum"):
            arguments = tuple(sorted(arguments))
        return self._add(Node(operator, arguments))

    def _identity(
        self, operator: str, arguments: tuple[int, ...], values: list[float | None]
    ) -> int | None:
        if operator == "add":
            for one, other in ((0, 1), (1, 0)):
                if values[one] == 0.0:
                    return arguments[other]
        elif operator == "subtract":
            if values[1] == 0.0:
                return arguments[0]
            if values[0] == 0.0:
                return self.apply("negate", arguments[1])
        elif operator == "multiply":
            for one, other in ((0, 1), (1, 0)):
                if values[one] == 0.0:
                    return self.constant(0.0)
                if values[one] == 1.0:
                    return arguments[other]
        elif operator == "divide":
            if values[0] == 0.0:
                return self.constant(0.0)
            if values[1] == 1.0:
                return arguments[0]
            if self.varies[arguments[0]] and not self.varies[arguments[1]]:
                # A product with what is computed once costs a tenth of a division.
                inverse = self.apply("divide", self.constant(1.0), arguments[1])
                return self.apply("multiply", arguments[0], inverse)
        elif operator == "power":
            return self._power(arguments[0], values[1])
        elif operator == "negate" and self.nodes[arguments[0]].operator == "negate":
            return self.nodes[arguments[0]].arguments[0]
        elif operator == "select":
            if values[0] is not None:
                return arguments[1] if values[0] != 0.0 else arguments[2]
            if arguments[1] == arguments[2]:
                return arguments[1]
        return None

    def _power(self, base: int, exponent: float | None) -> int | None:
        if exponent == 0.0:
            return self.constant(1.0)
        if exponent == 1.0:
            return base
        if exponent in (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0):
            half = self.apply("power", base, self.constant(exponent // 2))
            square = self.apply("multiply", half, half)
            return self.apply("multiply", base, square) if exponent % 2 else square
        if exponent == 0.5:
            return self.apply("sqrt", base)
        if exponent == -1.0:
            return self.apply("divide", self.constant(1.0), base)
        return None

    def build(self, expression: Expression, symbols: Mapping[str, int]) -> int:
        """The node of a tree whose symbols are nodes."""
        if isinstance(expression, Number):
            return self.constant(expression.value)
        if isinstance(expression, Symbol):
            return symbols[expression.name]
        arguments = [self.build(a, symbols) for a in expression.arguments]
        operator = expression.operator
        if operator == "piecewise":
            result = arguments[-1]
            for k in range(len(arguments) - 3, -1, -2):
                result = self.apply("select", arguments[k + 1], arguments[k], result)
            return result
        if operator in ("add", "multiply", "and", "or", "xor"):
            return self._fold(operator, arguments)
        return self.apply(operator, *arguments)

    def _fold(self, operator: str, arguments: Sequence[int]) -> int:
        """An operator of any number of arguments as operations on two."""
        logical = operator in ("and", "or", "xor")
        if not arguments:
            return self.constant(1.0 if operator in ("multiply", "and") else 0.0)
        if logical:  # a lone argument must still become 1 or 0
            neutral = self.constant(1.0 if operator == "and" else 0.0)
            result = self.apply(operator, arguments[0], neutral)
        else:
            result = arguments[0]
        for argument in arguments[1:]:
            result = self.apply(operator, result, argument)
        return result

    def constants(self, wanted: Sequence[int]) -> list[int]:
        """What enters the nodes `wanted` from fixed inputs alone: computed once a run."""
        found: dict[int, None] = {}

        def keep(node: int) -> None:
            if not self.varies[node] and self.known(node) is None:
                found[node] = None

        for node in wanted:
            keep(node)
        for node in self.used(wanted):
            if self.varies[node]:
                for argument in self.nodes[node].arguments:
                    keep(argument)
        return list(found)

    # ------------------------------------------------------------------ derivatives
    def gradients(self, wanted: Sequence[int], variables: Sequence[int]) -> list[Gradient]:
        """Exact derivatives of the `wanted` nodes by the `variables` (input nodes), forward mode.

        Piecewise expressions are differentiated branch by branch; steps (floor, relations) have
        derivative zero.
        """
        number = {node: k for k, node in enumerate(variables)}
        found: dict[int, Gradient] = {}
        for index in self.used(wanted):
            if index in number:
                found[index] = {number[index]: self.constant(1.0)}
            else:
                found[index] = self._gradient(index, found)
        return [found[w] for w in wanted]

    def tangents(self, wanted: Sequence[int], seeds: Mapping[int, int]) -> list[int]:
        """Derivatives of the `wanted` nodes along one direction, as nodes.

        Parameters
        ----------
        seeds
            Node of an input -> node of its own derivative; what is missing does not move.
        """
        zero = self.constant(0.0)
        found: dict[int, int] = {}
        for index in self.used(wanted):
            operator, arguments, _ = self.nodes[index]
            inner = [found[a] for a in arguments]
            if index in seeds:
                found[index] = seeds[index]
            elif operator in STEPS or all(d == zero for d in inner):
                found[index] = zero
            else:
                found[index] = self._chain(operator, arguments, inner, index)
        return [found[w] for w in wanted]

    def used(self, wanted: Sequence[int], sources: Container[int] = ()) -> list[int]:
        """All nodes that `wanted` needs, arguments first, down to `sources`."""
        needed: set[int] = set()
        pending = list(wanted)
        while pending:
            index = pending.pop()
            if index not in needed:
                needed.add(index)
                if index not in sources:
                    pending.extend(self.nodes[index].arguments)
        return sorted(needed)

    def _gradient(self, index: int, found: dict[int, Gradient]) -> Gradient:
        operator, arguments, _ = self.nodes[index]
        inner = [found[a] for a in arguments]
        if not any(inner) or operator in STEPS:
            return {}
        variables = sorted(set().union(*inner))
        result = {}
        zero = self.constant(0.0)
        for v in variables:
            d = self._chain(operator, arguments, [g.get(v, zero) for g in inner], index)
            if self.known(d) != 0.0:
                result[v] = d
        return result

    def _chain(self, operator: str, x: tuple[int, ...], d: list[int], index: int) -> int:
        """Derivative of the node `index` = operator(x), where d are the derivatives of x."""
        op = self.apply
        if operator in ("add", "subtract"):
            return op(operator, d[0], d[1])
        if operator == "multiply":
            return op("add", op("multiply", d[0], x[1]), op("multiply", x[0], d[1]))
        if operator == "divide":  # (d0 - (x0/x1) d1) / x1
            return op("divide", op("subtract", d[0], op("multiply", index, d[1])), x[1])
        if operator == "power":
            return self._chain_power(x, d, index)
        if operator == "select":
            return op("select", x[0], d[1], d[2])
        if operator in ("minimum", "maximum"):
            relation = "less_equal" if operator == "minimum" else "greater_equal"
            return op("select", op(relation, x[0], x[1]), d[0], d[1])
        if operator == "remainder":  # a - b trunc(a/b)
            return op("subtract", d[0], op("multiply", op("quotient", x[0], x[1]), d[1]))
        return op("multiply", self._slope(operator, x[0], index), d[0])

    def _chain_power(self, x: tuple[int, ...], d: list[int], index: int) -> int:
        op, one, zero = self.apply, self.constant(1.0), self.constant(0.0)
        base, exponent = x
        total = zero
        if self.known(d[0]) != 0.0:
            if self.known(exponent) is None:
                # x^(n-1) is x^n / x, which saves a second power, but for x = 0.
                steep = op("select", op("less", exponent, one), self.constant(math.inf), zero)
                at_zero = op("select", op("equal", exponent, one), one, steep)
                lower = op("select", op("equal", base, zero), at_zero, op("divide", index, base))
            else:
                lower = op("power", base, op("subtract", exponent, one))
            total = op("multiply", op("multiply", exponent, lower), d[0])
        if self.known(d[1]) != 0.0:
            log = op("select", op("greater", base, zero), op("ln", base), zero)
            total = op("add", total, op("multiply", op("multiply", index, log), d[1]))
        return total

    def _slope(self, operator: str, x: int, index: int) -> int:
        """Derivative of a function of one number."""
        op, c = self.apply, self.constant
        square = op("multiply", x, x)
        if operator == "negate":
            return c(-1.0)
        if operator == "exp":
            return index
        if operator == "ln":
            return op("divide", c(1.0), x)
        if operator == "sqrt":
            return op("divide", c(0.5), index)
        if operator == "abs":
            return op("select", op("greater_equal", x, c(0.0)), c(1.0), c(-1.0))
        if operator == "sin":
            return op("cos", x)
        if operator == "cos":
            return op("negate", op("sin", x))
        if operator == "tan":
            return op("add", c(1.0), op("multiply", index, index))
        if operator == "sinh":
            return op("cosh", x)
        if operator == "cosh":
            return op("sinh", x)
        if operator == "tanh":
            return op("subtract", c(1.0), op("multiply", index, index))
        if operator == "arctan":
            return op("divide", c(1.0), op("add", c(1.0), square))
        if operator == "arctanh":
            return op("divide", c(1.0), op("subtract", c(1.0), square))
        if operator == "arcsinh":
            return op("divide", c(1.0), op("sqrt", op("add", square, c(1.0))))
        if operator == "arccosh":
            return op("divide", c(1.0), op("sqrt", op("subtract", square, c(1.0))))
        root = op("sqrt", op("subtract", c(1.0), square))
        if operator == "arcsin":
            return op("divide", c(1.0), root)
        if operator == "arccos":
            return op("divide", c(-1.0), root)
        raise NotImplementedError(f"derivative of {operator}")


STEPS = frozenset(
    {"floor", "ceiling", "quotient", "not", "and", "or", "xor"}
    | {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
)
"""Operators whose value changes by jumps."""
