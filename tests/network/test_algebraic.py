"""Algebraic rules: what each is taken to determine, and that it holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import ModelError
from simulator.network.algebraic import _linear
from simulator.network.expression import Apply, Expression, Number, Symbol, evaluate
from simulator.network.network import Network
from simulator.network.sbml import read_sbml

from ..reference import simulate
from .build import (
    RATE_URL,
    TIME,
    algebraic,
    assignment,
    call,
    ci,
    compartment,
    csymbol,
    event,
    initial,
    listed,
    number,
    parameter,
    rate,
    reaction,
    sbml,
    species,
)
from .equations_twin import simulate_equations

TIMES = np.linspace(0, 2, 5)


def network(*rules: str, parameters: str = "xyz", more: str = "") -> Network:
    """A species s that decays as exp(-t) in a compartment c, free parameters, and some rules."""
    return read_sbml(
        sbml(
            listed("Compartments", compartment("c", 'size="1"'))
            + listed("Species", species("s", 'initialConcentration="2"'))
            + listed(
                "Parameters",
                parameter("k"),
                *(parameter(name, 'value="1"', "false") for name in parameters),
            )
            + listed("Rules", *rules)
            + listed("Reactions", reaction("R", "s", "", ci("s")))
            + more
        ),
        "m.xml",
    )


def both(model: Network) -> list[dict[str, np.ndarray]]:
    return [simulate(model, TIMES), simulate_equations(model, TIMES)]


S = 2 * np.exp(-TIMES)


def test_rule_that_is_linear_becomes_an_assignment() -> None:
    # 0 = k (s - x / 2) + 1
    rule = call(
        "plus", call("times", "k", call("minus", "s", call("divide", "x", number(2)))), number(1)
    )
    model = network(algebraic(rule), parameters="x")
    assert [name for name, _ in model.assignment_rules] == ["x"]
    assert model.algebraic_rules == ()
    for values in both(model):
        np.testing.assert_allclose(values["x"], 2 * (S + 1 / 3), rtol=1e-8)


def test_rule_that_is_not_linear_stays_a_residual() -> None:
    model = network(algebraic(call("minus", call("times", "x", "x"), "s")), parameters="x")
    assert [name for name, _ in model.algebraic_rules] == ["x"]
    for values in both(model):
        np.testing.assert_allclose(values["x"], np.sqrt(S), rtol=1e-8)


def test_rules_that_need_each_other_are_solved_together() -> None:
    # x + y = s, x - y = t
    model = network(
        algebraic(call("minus", call("plus", "x", "y"), "s")),
        algebraic(call("minus", call("minus", "x", "y"), TIME)),
        parameters="xy",
    )
    assert len(model.algebraic_rules) == 1
    for values in both(model):
        np.testing.assert_allclose(values["x"], (S + TIMES) / 2, rtol=1e-8)
        np.testing.assert_allclose(values["y"], (S - TIMES) / 2, rtol=1e-8, atol=1e-12)


def test_matching_finds_the_one_way_to_share_out_the_quantities() -> None:
    # the first rule could take x, y or z, the second x or y, the third only x
    model = network(
        algebraic(call("minus", call("plus", "x", "y", "z"), "s")),
        algebraic(call("minus", call("plus", "x", "y"), TIME)),
        algebraic(call("minus", "x", number(3))),
    )
    for values in both(model):
        np.testing.assert_allclose(values["x"], 3.0)
        np.testing.assert_allclose(values["y"], TIMES - 3)
        np.testing.assert_allclose(values["z"], S - TIMES, rtol=1e-8, atol=1e-12)


def test_what_events_set_is_not_what_a_rule_determines() -> None:
    events = listed("Events", event("E", call("geq", TIME, number(1)), {"x": number(5)}))
    model = network(algebraic(call("minus", "x", "y")), parameters="xy", more=events)
    assert [name for name, _ in model.assignment_rules] == ["y"]
    for values in both(model):
        np.testing.assert_allclose(values["y"], [1, 1, 5, 5, 5])


def test_rule_about_a_rate_of_change() -> None:
    rule = call("minus", csymbol(RATE_URL, ci("s")), "x")
    for values in both(network(algebraic(rule), parameters="x")):
        np.testing.assert_allclose(values["x"], -S, rtol=1e-8)


def test_size_of_a_compartment_can_follow_a_rule() -> None:
    model = read_sbml(
        sbml(
            listed("Compartments", compartment("c", 'size="1"', "false"))
            + listed("Species", species("s", 'initialAmount="2"'))
            + listed("Parameters", parameter("p", 'value="1"', "false"))
            + listed(
                "Rules",
                algebraic(call("minus", call("power", "c", number(2)), "p")),
                rate("p", number(3)),
            )
        ),
        "m.xml",
    )
    for values in both(model):
        np.testing.assert_allclose(values["s"], 2 / np.sqrt(1 + 3 * TIMES), rtol=1e-8)


def test_initial_value_that_needs_an_unsolved_rule_is_refused() -> None:
    squared = algebraic(call("minus", call("times", "x", "x"), "s"))
    start = listed("InitialAssignments", initial("y", call("times", number(2), "x")))
    with pytest.raises(ModelError, match='the initial value of "y" depends on "x"'):
        network(squared, rate("y", TIME), parameters="xy", more=start)


@pytest.mark.parametrize(
    "rules",
    [
        [algebraic(call("minus", "k", "s"))],  # s is changed by R, k is constant
        [algebraic(call("minus", "x", "s")), assignment("x", TIME)],
        [algebraic(call("minus", "x", "s")), rate("x", TIME)],
        [algebraic(call("minus", "x", "s")), algebraic(call("minus", "x", TIME))],
    ],
)
def test_rule_that_determines_nothing_is_refused(rules: list[str]) -> None:
    with pytest.raises(ModelError, match=r"algebraic rule number \d determines nothing"):
        network(*rules, parameters="x")


NAMES = ("x", "a", "b")
VALUES = st.fixed_dictionaries({name: st.floats(-9, 9) for name in NAMES})


def _grown(children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    pairs = st.tuples(children, children)
    binary = st.sampled_from(("add", "subtract", "multiply", "divide"))
    return st.tuples(binary, pairs).map(lambda t: Apply(*t)) | children.map(
        lambda child: Apply("negate", (child,))
    )


EXPRESSIONS = st.recursive(
    st.integers(-4, 4).map(lambda n: Number(float(n))) | st.sampled_from(NAMES).map(Symbol),
    _grown,
    max_leaves=8,
)


@given(EXPRESSIONS, VALUES)
def test_linear_parts_say_the_same_as_the_whole(
    expression: Expression, values: dict[str, float]
) -> None:
    parts = _linear(expression, "x")
    whole = evaluate(expression, values)
    if parts is None or not np.isfinite(whole):
        return
    slope, rest = (evaluate(part, values) for part in parts)
    size = 1 + abs(slope * values["x"]) + abs(rest)
    if size < 1e6:  # else the parts may be large and cancel
        assert slope * values["x"] + rest == pytest.approx(whole, abs=1e-9 * size)


def test_size_computed_from_a_concentration_in_it() -> None:
    # c = 2 s, where s is the amount 8 (which grows by 1) over c: c = sqrt(16 + 2 t)
    model = read_sbml(
        sbml(
            listed("Compartments", compartment("c", 'size="1"', "false"))
            + listed("Species", species("s", 'initialAmount="8"'))
            + listed("Rules", assignment("c", call("times", number(2), "s")))
            + listed("Reactions", reaction("R", "", "s", number(1)))
        ),
        "m.xml",
    )
    assert [name for name, _ in model.algebraic_rules] == ["c"]
    for values in both(model):
        np.testing.assert_allclose(values["c"], np.sqrt(16 + 2 * TIMES), rtol=1e-8)
