"""Compiled functions of a network against plain NumPy evaluation of the same trees."""

import dataclasses

import numpy as np
import pytest

from simulator.codegen import compile_network
from simulator.codegen.arrays import evaluate_arrays
from simulator.codegen.elimination import operations
from simulator.codegen.equations import amount_symbol, equations, evaluation_order
from simulator.errors import ModelError
from simulator.integrator.rosenbrock import factorise_system
from simulator.integrator.system import evaluate
from simulator.network.expression import TIME, Number, Symbol, apply
from simulator.network.network import Compartment, Network, Parameter, Reaction, Species
from tests.tolerances import COMPILED_TWIN_RELATIVE

S = Symbol


def network(**changes):
    """Three species, two reactions, a rule, explicit time, a varying compartment."""
    base = Network(
        id="small",
        source="small.ant",
        compartments=(Compartment("cell", 2.0), Compartment("bag", 1.0, constant=False)),
        species=(
            Species("A", "cell", 1.0),
            Species("B", "cell", 0.5, only_substance_units=True),
            Species("C", "bag", 0.25),
            Species("E", "cell", 3.0, boundary=True),
        ),
        parameters=(
            Parameter("k", 0.7),
            Parameter("n", 2.5),
            Parameter("V", None, constant=False),
            Parameter("w", 1.0, constant=False),
        ),
        reactions=(
            Reaction(
                "R1",
                (("A", -1.0), ("B", 2.0), ("E", -1.0)),
                apply("multiply", S("k"), apply("power", S("A"), S("n")), S("E"), S("V")),
            ),
            Reaction(
                "R2",
                (("B", -1.0), ("C", 1.0)),
                apply("divide", S("B"), apply("add", Number(1.0), S("C"), S("R1"))),
            ),
        ),
        assignment_rules=(("V", apply("add", Number(1.5), apply("sin", S(TIME)))),),
        rate_rules=(("bag", Number(0.1)), ("w", apply("negate", S("w")))),
    )
    return dataclasses.replace(base, **changes)


def twin(net, kernel, t, y, p):
    """All symbols, and rates, by NumPy."""
    eqs = equations(net)
    known = {TIME: t, **dict(zip(kernel.parameters, p, strict=True))}
    for name, value in zip(kernel.states, y, strict=True):
        known[amount_symbol(name) if name in eqs.amounts else name] = value
    for name in evaluation_order(eqs.computed, "test"):
        known[name] = evaluate_arrays(eqs.computed[name], known)
    return known, np.array([evaluate_arrays(r, known) for r in eqs.rates], float)


@pytest.fixture(scope="module")
def compiled():
    net = network()
    return net, compile_network(net, {"AB": apply("add", S("A"), S("B"), S("bag"))})


def states_and_constants(kernel, seed):
    random = np.random.default_rng(seed)
    return random.uniform(0.2, 2, len(kernel.states)), random.uniform(
        0.5, 2, len(kernel.parameters)
    )


@pytest.mark.parametrize("seed", range(5))
def test_rates_and_outputs(compiled, seed):
    net, kernel = compiled
    y, p = states_and_constants(kernel, seed)
    known, expected = twin(net, kernel, 0.3, y, p)
    system = kernel.system()
    got, outputs = np.empty(len(y)), np.empty(len(kernel.outputs))
    evaluate(system.rates, 0.3, y, p, got)
    evaluate(system.outputs, 0.3, y, p, outputs)
    np.testing.assert_allclose(got, expected, rtol=COMPILED_TWIN_RELATIVE)
    by_name = dict(zip(kernel.outputs, outputs, strict=True))
    assert by_name["AB"] == pytest.approx(known["A"] + known["B"] + known["bag"], rel=1e-14)
    for name in ("A", "B", "C", "E", "V", "w", "bag", "cell", "k", "R1", "R2"):
        assert by_name[name] == pytest.approx(known[name], rel=COMPILED_TWIN_RELATIVE), name


@pytest.mark.parametrize("seed", range(5))
def test_jacobian_against_complex_free_differences(compiled, seed):
    """Central differences of the NumPy twin at two steps, extrapolated: good to about 1e-9."""
    net, kernel = compiled
    y, p = states_and_constants(kernel, seed)
    n, entries = len(y), kernel.pattern.shape[1]
    out = np.empty(entries + n)
    evaluate(kernel.system().jacobian, 0.3, y, p, out)
    dense = np.zeros((n, n + 1))
    dense[kernel.pattern[0], kernel.pattern[1]] = out[:entries]
    dense[:, n] = out[entries:]

    def difference(k, h):
        def rates(sign):
            moved, t = y.copy(), 0.3
            if k == n:
                t += sign * h
            else:
                moved[k] += sign * h
            return twin(net, kernel, t, moved, p)[1]

        return (rates(1) - rates(-1)) / (2 * h)

    for k in range(n + 1):
        h = 1e-3
        estimate = (4 * difference(k, h) - difference(k, 2 * h)) / 3
        np.testing.assert_allclose(dense[:, k], estimate, rtol=1e-7, atol=1e-8)


def test_amounts_follow_a_varying_compartment(compiled):
    _, kernel = compiled
    y, p = kernel.initial.values(1, {"bag": (np.array([4.0]), np.array([True]))})
    state = dict(zip(kernel.states, y[0], strict=True))
    assert state["C"] == 0.25 * 4.0  # an amount
    assert state["A"] == 1.0  # a concentration
    assert "E" in kernel.parameters
    assert p[0, kernel.parameters.index("E")] == 3.0


@pytest.mark.parametrize("seed", range(3))
def test_written_out_elimination_equals_a_dense_solve(compiled, seed):
    _, kernel = compiled
    y, p = states_and_constants(kernel, seed)
    system, n, entries = kernel.system(), len(y), kernel.pattern.shape[1]
    jacobian = np.empty(entries + n)
    evaluate(system.jacobian, 0.3, y, p, jacobian)
    lu, row, x = np.empty(system.factors.columns.size + 3), np.zeros(n), np.empty(n)
    assert kernel.written_out
    assert operations(system.factors) > 0
    assert factorise_system(system, jacobian, 7.0, lu, row)
    right = np.arange(1.0, n + 1)
    evaluate(system.solve, 0.0, right, lu, x)
    dense = 7.0 * np.eye(n)
    dense[kernel.pattern[0], kernel.pattern[1]] -= jacobian[:entries]
    np.testing.assert_allclose(dense @ x, right, rtol=1e-12)


def test_written_out_elimination_refuses_a_singular_matrix(compiled):
    _, kernel = compiled
    system = kernel.system()
    jacobian = np.zeros(kernel.pattern.shape[1] + len(kernel.states))
    lu, row = np.empty(system.factors.columns.size + 3), np.zeros(len(kernel.states))
    assert not factorise_system(system, jacobian, 0.0, lu, row)
    jacobian[0] = np.nan
    assert not factorise_system(system, jacobian, 1.0, lu, row)


def test_tables_and_written_out_elimination_agree(compiled):
    _, kernel = compiled
    written, walked = kernel.system(), kernel.system()._replace(factorise=0, solve=0)
    y, p = states_and_constants(kernel, 0)
    jacobian = np.empty(kernel.pattern.shape[1] + len(y))
    evaluate(written.jacobian, 0.3, y, p, jacobian)
    size = written.factors.columns.size
    one, other, row = np.empty(size + 3), np.empty(size + 3), np.zeros(len(y))
    assert factorise_system(written, jacobian, 5.0, one, row)
    assert factorise_system(walked, jacobian, 5.0, other, row)
    np.testing.assert_allclose(one[:size], other[:size], rtol=1e-13)


def test_a_network_without_states_is_its_rules():
    still = network(reactions=(), rate_rules=(), compartments=(Compartment("cell", 2.0),))
    kernel = compile_network(dataclasses.replace(still, species=(Species("A", "cell", 1.0),)))
    y, p = kernel.initial.values(1, {})
    outputs = np.empty(len(kernel.outputs))
    evaluate(kernel.system().outputs, 0.5, y[0], p[0], outputs)
    assert kernel.states == ()
    assert outputs[kernel.outputs.index("V")] == pytest.approx(1.5 + np.sin(0.5), rel=1e-15)


def test_a_circle_of_rules_is_printed():
    rules = (("V", apply("add", S("w2"), Number(1.0))), ("w2", S("V")))
    circular = network(
        assignment_rules=rules,
        parameters=(*network().parameters, Parameter("w2", None, constant=False)),
    )
    with pytest.raises(ModelError, match="V > w2 > V"):
        compile_network(circular)


def test_initial_values_follow_overrides():
    net = network(
        initial_assignments=(("A", apply("multiply", Number(2.0), S("k"))),), source="x.ant"
    )
    kernel = compile_network(net)
    a = kernel.states.index("A")
    y, _ = kernel.initial.values(
        3,
        {
            "k": (np.array([1.0, 5.0, 5.0]), np.array([True, True, False])),
            "A": (np.array([0.0, 9.0, 0.0]), np.array([False, True, False])),
        },
    )
    assert y[:, a].tolist() == [2.0, 9.0, 1.4]


def test_a_quantity_without_a_value_is_named():
    net = network(parameters=(Parameter("k", None), *network().parameters[1:]))
    with pytest.raises(ModelError, match='"k" has no value'):
        compile_network(net).initial.values(1, {})
