"""Straight-line programs and their derivatives against the trees they come from."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.codegen.arrays import evaluate_arrays
from simulator.codegen.graph import Graph
from simulator.network.expression import OPERATORS, Apply, Number, Symbol, apply, evaluate

NAMES = ("x", "y", "z")
SMOOTH = ("add", "multiply", "subtract", "divide", "power", "exp", "ln", "sqrt", "tanh", "arctan")
ANY = tuple(sorted(set(OPERATORS) - {"factorial"}))


def trees(operators):
    leaves = st.one_of(
        st.sampled_from(NAMES).map(Symbol),
        st.floats(-3, 3, allow_nan=False).map(lambda v: Number(round(v, 3))),
    )

    def grow(children):
        def arguments(operator):
            fewest, most = OPERATORS[operator]
            if operator == "piecewise":
                return st.tuples(children, children, children)
            low = max(fewest, 1)
            return st.lists(children, min_size=low, max_size=most or 4).map(tuple)

        return st.sampled_from(operators).flatmap(
            lambda operator: arguments(operator).map(lambda a: Apply(operator, a))
        )

    return st.recursive(leaves, grow, max_leaves=12)


def run(graph, wanted, inputs):
    """Plain Python interpreter of a graph."""
    values = {}
    for index in graph.used([wanted]):
        node = graph.nodes[index]
        if node.operator == "constant":
            values[index] = node.value
        elif node.operator == "input":
            values[index] = inputs[int(node.value)]
        elif node.operator == "select":
            condition, yes, no = (values[a] for a in node.arguments)
            values[index] = yes if condition != 0 else no
        else:
            numbers = tuple(Number(values[a]) for a in node.arguments)
            values[index] = evaluate(Apply(node.operator, numbers), {})
    return values[wanted]


points = st.tuples(*[st.floats(0.1, 2.5) for _ in NAMES])


@settings(max_examples=300, deadline=None)
@given(trees(ANY), points)
def test_graph_means_what_the_tree_means(tree, point):
    values = dict(zip(NAMES, point, strict=True))
    expected = evaluate(tree, values)
    graph = Graph(3)
    got = run(graph, graph.build(tree, dict(zip(NAMES, graph.inputs, strict=True))), point)
    if math.isfinite(expected):
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(max_examples=300, deadline=None)
@given(trees(ANY), points)
def test_arrays_mean_what_the_tree_means(tree, point):
    values = dict(zip(NAMES, point, strict=True))
    expected = evaluate(tree, values)
    got = np.broadcast_to(
        evaluate_arrays(tree, {k: np.full(3, v) for k, v in values.items()}), (3,)
    )
    if math.isfinite(expected):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


@settings(max_examples=300, deadline=None)
@given(trees(SMOOTH), points)
def test_derivatives_against_central_differences(tree, point):
    graph = Graph(3)
    wanted = graph.build(tree, dict(zip(NAMES, graph.inputs, strict=True)))
    (gradient,) = graph.gradients([wanted], graph.inputs)
    for k in range(3):
        exact = run(graph, gradient[k], point) if k in gradient else 0.0
        differences = []
        for step in (1e-5, 2e-5):
            up, down = list(point), list(point)
            up[k] += step
            down[k] -= step
            rise = run(graph, wanted, up) - run(graph, wanted, down)
            differences.append(rise / (2 * step))
        error = abs(differences[1] - differences[0])  # what the differences themselves are worth
        scale = max(abs(run(graph, wanted, point)), abs(exact), 1.0)
        if all(map(math.isfinite, [*differences, exact, scale])) and error < 1e-6 * scale:
            assert exact == pytest.approx(differences[0], abs=4 * error + 1e-6 * scale)


@pytest.mark.parametrize(
    ("operator", "point", "expected"),
    [
        ("sin", 0.3, math.cos(0.3)),
        ("cos", 0.3, -math.sin(0.3)),
        ("tan", 0.3, 1 / math.cos(0.3) ** 2),
        ("arcsin", 0.3, 1 / math.sqrt(1 - 0.09)),
        ("arccos", 0.3, -1 / math.sqrt(1 - 0.09)),
        ("arctan", 0.3, 1 / 1.09),
        ("sinh", 0.3, math.cosh(0.3)),
        ("cosh", 0.3, math.sinh(0.3)),
        ("tanh", 0.3, 1 - math.tanh(0.3) ** 2),
        ("arcsinh", 0.3, 1 / math.sqrt(1.09)),
        ("arccosh", 1.3, 1 / math.sqrt(1.69 - 1)),
        ("arctanh", 0.3, 1 / 0.91),
        ("exp", 0.3, math.exp(0.3)),
        ("ln", 0.3, 1 / 0.3),
        ("sqrt", 0.25, 1.0),
        ("abs", -0.3, -1.0),
        ("floor", 0.3, 0.0),
        ("negate", 0.3, -1.0),
    ],
)
def test_derivatives_of_functions(operator, point, expected):
    graph = Graph(1)
    wanted = graph.build(apply(operator, Symbol("x")), {"x": graph.inputs[0]})
    (gradient,) = graph.gradients([wanted], graph.inputs)
    got = run(graph, gradient[0], [point]) if 0 in gradient else 0.0
    assert got == pytest.approx(expected, rel=1e-14, abs=1e-15)


def test_equal_subexpressions_are_one_node():
    x, y = Symbol("x"), Symbol("y")
    product = apply("multiply", x, y)
    graph = Graph(2)
    graph.build(
        apply("add", apply("exp", product), apply("exp", apply("multiply", y, x))),
        dict(zip("xy", graph.inputs, strict=True)),
    )
    assert sum(node.operator == "exp" for node in graph.nodes) == 1


def test_what_does_not_depend_on_a_variable_has_no_entry():
    graph = Graph(2)
    wanted = graph.build(apply("multiply", Symbol("x"), Number(0.0)), {"x": graph.inputs[0]})
    assert graph.gradients([wanted], graph.inputs) == [{}]
