"""Programs on lanes against the same operators in NumPy, operator by operator."""

import numpy as np
import pytest
from llvmlite import ir

from simulator.codegen.arrays import evaluate_arrays
from simulator.codegen.graph import Graph
from simulator.codegen.program import Place, Program, scratch_rows, write_program
from simulator.integrator import machine_code
from simulator.network.expression import OPERATORS, Number, Symbol, apply
from tests.integrator import rows
from tests.tolerances import (
    COMPILED_TWIN_RELATIVE,
    LIBRARY_FUNCTION_ULP,
    VECTOR_FUNCTION_ULP,
)

LANES = (1, 2, 4, 8, 16)
NAMES = "xyz"
S = dict(zip(NAMES, map(Symbol, NAMES), strict=True))

EXACT = (
    *("add", "subtract", "multiply", "divide", "negate", "sqrt", "abs", "floor", "ceiling"),
    *("minimum", "maximum", "quotient", "and", "or", "xor", "not", "piecewise"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
)
VECTORISED = ("exp", "ln", "sin", "cos", "power")
FUNCTIONS = (
    *("tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"),
    *("arcsinh", "arccosh", "arctanh", "factorial"),
)

TINY = 5e-324  # the smallest denormal number
SPECIAL = np.array(
    [
        *(0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.0, -2.0, 1e-3, 7.25, -7.25),
        *(np.inf, -np.inf, np.nan, TINY, -TINY, 1e-310, 2.3e-308, 1e300, -1e300, 1e-300),
    ]
)


def lanes_of(expressions, lanes, split=None):
    """``run(x, y, z)``: the values of expressions for arrays of numbers, on lanes."""
    graph = Graph(3)
    symbols = dict(zip(NAMES, graph.inputs, strict=True))
    wanted = [graph.build(e, symbols) for e in expressions]
    return program_of(graph, wanted, lanes)


def program_of(graph, wanted, lanes):
    module = ir.Module(name="test")
    sources = {node: Place(1, k) for k, node in enumerate(graph.inputs)}
    program = Program("program", wanted, sources, lanes, lanes)
    write_program(module, graph, program)
    scratch = scratch_rows(graph, program)
    code = rows.compile_module(module)

    def run(*inputs):
        inputs = np.broadcast_arrays(*[np.asarray(x, float) for x in inputs])
        size = inputs[0].size
        groups = -(-size // lanes)
        out = np.empty((len(wanted), groups * lanes))
        space = rows.empty(max(scratch, 1), lanes)
        for group in range(groups):
            places = np.minimum(np.arange(group * lanes, (group + 1) * lanes), size - 1)
            given = rows.block(np.array([x[places] for x in inputs]))
            found = rows.empty(len(wanted), lanes)
            rows.call(code.address("program"), None, given, None, found, space)
            out[:, group * lanes : (group + 1) * lanes] = found
        return out[:, :size]

    return run


def tree(operator):
    if operator == "piecewise":
        return apply("piecewise", S["x"], S["y"], S["z"])
    fewest, most = OPERATORS[operator]
    return apply(operator, *[S[name] for name in NAMES[: max(fewest, min(most or 3, 3))]])


def pairs(values):
    """Every value with every other, as x and y; z goes through them too."""
    x, y = (part.ravel() for part in np.meshgrid(values, values))
    return x, y, np.resize(values[::-1], x.size)


def test_every_operator_is_tested():
    assert set(OPERATORS) == {*EXACT, *VECTORISED, *FUNCTIONS, "remainder"}


@pytest.mark.parametrize("lanes", LANES)
def test_arithmetic_relations_and_logic_are_exact(lanes):
    """Bit for bit as NumPy does, also with zeros of either sign, infinities and NaN."""
    inputs = pairs(SPECIAL)
    values = dict(zip(NAMES, inputs, strict=True))
    got = lanes_of(map(tree, EXACT), lanes)(*inputs)
    for operator, found in zip(EXACT, got, strict=True):
        expected = evaluate_arrays(tree(operator), values)
        if operator in ("minimum", "maximum"):  # NumPy hands on any NaN, SBML says nothing
            usual = ~np.isnan(inputs[0]) & ~np.isnan(inputs[1])
            found, expected = found[usual], expected[usual]
        np.testing.assert_array_equal(found, expected, err_msg=operator)


@pytest.mark.parametrize("lanes", LANES)
def test_remainders_have_the_sign_of_the_dividend(lanes):
    x, y, z = pairs(np.array([-7.5, -2.0, -0.3, 0.0, 0.3, 1.0, 2.0, 7.5, 1e9]))
    got = lanes_of([tree("remainder")], lanes)(x, y, z)[0]
    with np.errstate(all="ignore"):
        expected = np.fmod(x, y)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)
    assert (got * x >= 0)[y != 0].all()


def ulps(got, expected):
    """Distance in units in the last place of the expected value; 0 where both are the same."""
    with np.errstate(all="ignore"):
        distance = np.abs(got - expected) / np.spacing(np.abs(expected))
    alike = (got == expected) | (np.isnan(got) & np.isnan(expected))
    return np.where(alike, 0.0, np.where(np.isfinite(distance), distance, np.inf))


RANGES = {
    "exp": [np.linspace(-745.0, 709.7, 1001), np.linspace(-1, 1, 1001)],
    "ln": [np.geomspace(1e-307, 1e308, 1001), np.linspace(0.9, 1.1, 1001)],
    "sin": [np.linspace(-10, 10, 1001), np.geomspace(1e-300, 1e15, 1001)],
    "cos": [np.linspace(-10, 10, 1001), np.geomspace(1e-300, 1e15, 1001)],
}


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("operator", RANGES)
def test_vector_functions_over_their_range(operator, lanes):
    x = np.concatenate([*RANGES[operator], SPECIAL])
    got = lanes_of([apply(operator, S["x"])], lanes)(x, 0.0, 0.0)[0]
    expected = evaluate_arrays(apply(operator, S["x"]), {"x": x})
    worst = np.argmax(ulps(got, expected))
    assert ulps(got, expected)[worst] <= VECTOR_FUNCTION_ULP, (x[worst], got[worst])


@pytest.mark.parametrize("lanes", LANES)
def test_powers_over_their_range(lanes):
    random = np.random.default_rng(0)
    base, exponent, _ = pairs(SPECIAL)
    base = np.concatenate([base, 10.0 ** random.uniform(-30, 30, 1000), -np.arange(1.0, 6)])
    exponent = np.concatenate([exponent, random.uniform(-10, 10, 1000), np.arange(1.0, 6)])
    got = lanes_of([apply("power", S["x"], S["y"])], lanes)(base, exponent, 0.0)[0]
    with np.errstate(all="ignore"):
        expected = np.power(base, exponent)
    distance = ulps(got, expected)
    worst = np.argmax(distance)
    assert distance[worst] <= VECTOR_FUNCTION_ULP, (base[worst], exponent[worst], got[worst])


@pytest.mark.parametrize("lanes", (1, 8))
@pytest.mark.parametrize("operator", FUNCTIONS)
def test_functions_of_the_c_library(operator, lanes):
    x = np.concatenate([np.linspace(-6, 6, 2001), np.geomspace(1e-9, 1e3, 100)])
    got = lanes_of([apply(operator, S["x"])], lanes)(x, 0.0, 0.0)[0]
    expected = evaluate_arrays(apply(operator, S["x"]), {"x": x})
    if operator == "factorial":  # SciPy's own Gamma function is no better than this
        away = np.abs(x - np.round(x)) > 1e-6  # from its poles
        usual = away & (x < 100)
        np.testing.assert_allclose(got[usual], expected[usual], rtol=1e-13)
    else:
        assert ulps(got, expected).max() <= LIBRARY_FUNCTION_ULP


@pytest.mark.parametrize("operator", [*VECTORISED, "tanh", "remainder", "piecewise"])
def test_a_lane_does_not_see_the_others(operator):
    """To the last bit, also where the neighbours need the slow paths of a function."""
    lanes = 8
    run = lanes_of([tree(operator)], lanes)
    random = np.random.default_rng(1)
    for place in range(lanes):
        usual = random.uniform(0.1, 3.0, (3, lanes))
        alone = run(*usual)[0, place]
        strange = SPECIAL[random.integers(0, SPECIAL.size, (3, 50, lanes))]
        strange[:, :, place] = usual[:, None, place]
        together = run(*strange.reshape(3, -1))[0].reshape(50, lanes)[:, place]
        assert together.tobytes() == np.repeat(alone, 50).tobytes()


@pytest.mark.parametrize("chunk", [1, 2, 3, 5])
@pytest.mark.parametrize("lanes", [1, 8])
def test_a_program_in_parts(monkeypatch, chunk, lanes):
    """What one part computes and another needs is handed on."""
    x, y, z = S.values()
    shared = apply("exp", apply("multiply", x, y))
    trees = [
        apply("add", shared, apply("power", z, y)),
        apply("divide", shared, apply("add", z, Number(2.0))),
        apply("divide", x, apply("add", z, Number(2.0))),
        apply("piecewise", shared, apply("less", x, y), z),
        x,
        Number(3.5),
        shared,
    ]
    inputs = np.random.default_rng(0).uniform(0.1, 2.0, (3, 21))
    whole = lanes_of(trees, lanes)(*inputs)
    monkeypatch.setattr(machine_code, "CHUNK", chunk)
    parts = lanes_of(trees, lanes)(*inputs)
    np.testing.assert_allclose(parts, whole, rtol=COMPILED_TWIN_RELATIVE)
    values = dict(zip(NAMES, inputs, strict=True))
    for found, expression in zip(whole, trees, strict=True):
        expected = evaluate_arrays(expression, values)
        np.testing.assert_allclose(
            found, np.broadcast_to(expected, 21), rtol=COMPILED_TWIN_RELATIVE
        )


@pytest.mark.parametrize("lanes", [1, 8])
def test_powers_with_a_parameter_as_exponent(lanes):
    """d(x^y)/dx at x = 0 is infinite, 1 or 0 for y below, at and above 1; else y x^(y-1)."""
    graph = Graph(3)
    symbols = dict(zip(NAMES, graph.inputs, strict=True))
    value = graph.build(apply("power", S["x"], S["y"]), symbols)
    (gradient,) = graph.gradients([value], graph.inputs[:2])
    run = program_of(graph, [value, gradient[0], gradient[1]], lanes)
    exponent = np.array([0.25, 0.999, 1.0, 1.001, 2.0, 3.5])
    got = run(0.0, exponent, 0.0)
    assert got[0].tolist() == [0.0] * 6
    assert got[1].tolist() == [np.inf, np.inf, 1.0, 0.0, 0.0, 0.0]
    assert got[2].tolist() == [0.0] * 6
    base = np.geomspace(1e-6, 1e3, 6)
    got = run(base, exponent, 0.0)
    expected = [base**exponent, exponent * base ** (exponent - 1)]
    expected.append(base**exponent * np.log(base))
    np.testing.assert_allclose(got, expected, rtol=COMPILED_TWIN_RELATIVE)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0, 3.0, -1.0, -2.0, 2.5])
def test_powers_with_a_number_as_exponent(exponent):
    graph = Graph(3)
    symbols = dict(zip(NAMES, graph.inputs, strict=True))
    value = graph.build(apply("power", S["x"], Number(exponent)), symbols)
    (gradient,) = graph.gradients([value], graph.inputs[:1])
    slope = gradient.get(0, graph.constant(0.0))
    base = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 9)])
    got = program_of(graph, [value, slope], 8)(base, 0.0, 0.0)
    with np.errstate(divide="ignore"):
        expected = [base**exponent, exponent * base ** (exponent - 1) if exponent else 0 * base]
    np.testing.assert_allclose(got, expected, rtol=COMPILED_TWIN_RELATIVE)
