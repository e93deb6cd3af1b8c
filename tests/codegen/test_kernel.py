"""Compiled functions of a network against plain NumPy evaluation of the same trees."""

import dataclasses

import numpy as np
import pytest

from simulator.codegen import compile_network
from simulator.codegen.arrays import evaluate_arrays
from simulator.codegen.equations import amount_symbol, equations, evaluation_order
from simulator.codegen.initial import Override
from simulator.errors import ModelError
from simulator.integrator import machine_code
from simulator.integrator.system import evaluate, read_outputs
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


RUNS = 11
"""More than a group of lanes, and no whole number of groups."""


def batch_of(kernel, seed):
    random = np.random.default_rng(seed)
    y = random.uniform(0.2, 2, (RUNS, len(kernel.states)))
    return y, random.uniform(0.5, 2, (RUNS, len(kernel.parameters)))


@pytest.mark.parametrize("seed", range(3))
def test_rates_and_outputs(compiled, seed):
    net, kernel = compiled
    y, p = batch_of(kernel, seed)
    got = evaluate(kernel.system(), 0.3, y, p)
    outputs = read_outputs(kernel.system(kernel.outputs), 0.3, y, p)
    assert outputs.shape == (RUNS, len(kernel.outputs))
    for run in range(RUNS):
        known, expected = twin(net, kernel, 0.3, y[run], p[run])
        np.testing.assert_allclose(got[run], expected, rtol=COMPILED_TWIN_RELATIVE)
        by_name = dict(zip(kernel.outputs, outputs[run], strict=True))
        total = known["A"] + known["B"] + known["bag"]
        assert by_name["AB"] == pytest.approx(total, rel=1e-14)
        for name in ("A", "B", "C", "E", "V", "w", "bag", "cell", "k", "R1", "R2"):
            assert by_name[name] == pytest.approx(known[name], rel=COMPILED_TWIN_RELATIVE), name


@pytest.mark.parametrize(
    "names", [(), ("A",), ("w", "A"), ("E",), ("R2", "A", "R2"), ("C",), ("V", "k")]
)
def test_some_outputs_are_those_of_all(compiled, names):
    _, kernel = compiled
    y, p = batch_of(kernel, 1)
    every = read_outputs(kernel.system(kernel.outputs), 0.3, y, p)
    some = read_outputs(kernel.system(names), 0.3, y, p)
    places = [kernel.outputs.index(name) for name in names]
    np.testing.assert_allclose(some, every[:, places], rtol=COMPILED_TWIN_RELATIVE)


def test_states_as_they_are_need_no_code(compiled):
    _, kernel = compiled
    system = kernel.system(("w", "A"))
    assert system.outputs == 0
    assert [kernel.states[k] for k in system.needed] == ["w", "A"]


def test_only_states_that_outputs_are_made_of_are_needed(compiled):
    _, kernel = compiled
    needed = {kernel.states[k] for k in kernel.system(("AB",)).needed}
    assert needed == {"A", "B", "bag"}
    assert kernel.system(("k",)).needed.size == 0


@pytest.mark.parametrize("seed", range(3))
def test_jacobian_against_complex_free_differences(compiled, seed):
    """Central differences of the NumPy twin at two steps, extrapolated: good to about 1e-9."""
    net, kernel = compiled
    y, p = batch_of(kernel, seed)
    n, entries = y.shape[1], kernel.pattern.shape[1]
    out = evaluate(kernel.system(), 0.3, y, p, linearise=True)
    assert out.shape == (RUNS, 2 * n + entries)
    plain = evaluate(kernel.system(), 0.3, y, p)
    np.testing.assert_allclose(out[:, :n], plain, rtol=COMPILED_TWIN_RELATIVE)
    for run in (0, RUNS - 1):
        dense = np.zeros((n, n + 1))
        dense[kernel.pattern[0], kernel.pattern[1]] = out[run, n : n + entries]
        dense[:, n] = out[run, n + entries :]

        def difference(k, h, run=run):
            def rates(sign):
                moved, t = y[run].copy(), 0.3
                if k == n:
                    t += sign * h
                else:
                    moved[k] += sign * h
                return twin(net, kernel, t, moved, p[run])[1]

            return (rates(1) - rates(-1)) / (2 * h)

        for k in range(n + 1):
            h = 1e-3
            estimate = (4 * difference(k, h) - difference(k, 2 * h)) / 3
            np.testing.assert_allclose(dense[:, k], estimate, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_a_long_program_in_parts_is_the_same_program(monkeypatch, seed):
    """Rates, derivatives and outputs, computed by functions of at most three operations each."""
    net = network()
    whole = compile_network(net)
    monkeypatch.setattr(machine_code, "CHUNK", 3)
    parts = compile_network(net)
    y, p = batch_of(whole, seed)
    systems = [kernel.system(kernel.outputs) for kernel in (whole, parts)]
    assert systems[1].sizes.scratch > systems[0].sizes.scratch
    # A product that is handed on is rounded before it is added.
    for linearise in (False, True):
        one, other = (evaluate(s, 0.3, y, p, linearise=linearise) for s in systems)
        np.testing.assert_allclose(one, other, rtol=COMPILED_TWIN_RELATIVE, atol=1e-14)
    one, other = (read_outputs(s, 0.3, y, p) for s in systems)
    np.testing.assert_allclose(one, other, rtol=COMPILED_TWIN_RELATIVE)


def test_held_states_and_their_entries(compiled):
    _, kernel = compiled
    system = kernel.system((), held=("B", "w"))
    assert [kernel.states[k] for k in system.held] == ["B", "w"]
    rows = {kernel.states[k] for k in kernel.pattern[0][system.held_entries]}
    assert rows == {"B", "w"}


def test_amounts_follow_a_varying_compartment(compiled):
    _, kernel = compiled
    y, p = kernel.initial.values(1, {"bag": Override(np.array([4.0]), np.array([True]))})
    state = dict(zip(kernel.states, y[0], strict=True))
    assert state["C"] == 0.25 * 4.0  # an amount
    assert state["A"] == 1.0  # a concentration
    assert "E" in kernel.parameters
    assert p[0, kernel.parameters.index("E")] == 3.0


def test_a_network_without_states_is_its_rules():
    still = network(reactions=(), rate_rules=(), compartments=(Compartment("cell", 2.0),))
    kernel = compile_network(dataclasses.replace(still, species=(Species("A", "cell", 1.0),)))
    y, p = kernel.initial.values(1, {})
    outputs = read_outputs(kernel.system(kernel.outputs), 0.5, y, p)[0]
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
            "k": Override(np.array([1.0, 5.0, 5.0]), np.array([True, True, False])),
            "A": Override(np.array([0.0, 9.0, 0.0]), np.array([False, True, False])),
        },
    )
    assert y[:, a].tolist() == [2.0, 9.0, 1.4]


def test_a_quantity_without_a_value_is_named():
    net = network(parameters=(Parameter("k", None), *network().parameters[1:]))
    with pytest.raises(ModelError, match='"k" has no value'):
        compile_network(net).initial.values(1, {})
