"""Meanings of SBML that its test suite does not touch, through the whole engine.

Small models, each with things that meet in one moment or one quantity, against the reference
simulator, and in part against what the specification says in numbers.
"""

import numpy as np
import pytest

import simulator as sim
from simulator.network.definition import plain_definition
from simulator.network.sbml import read_sbml
from simulator.simulation.model import Model

from .network.build import (
    RATE_URL,
    TIME,
    algebraic,
    assignment,
    call,
    ci,
    compartment,
    csymbol,
    event,
    listed,
    number,
    parameter,
    rate,
    reaction,
    sbml,
    species,
)
from .reference import simulate

TIMES = np.linspace(0, 4, 9)
AFTER = call("geq", TIME, number(1.2))
LATER = call("geq", TIME, number(2.1))
DELAY = f"<delay><f>{number(0.7)}</f></delay>"


def priority(value):
    return f"<priority><f>{number(value)}</f></priority>"


def reference_stoichiometry(name, law, constant="false"):
    """A reaction that makes `name` with the stoichiometry `n`."""
    return (
        '<reaction id="R" reversible="false"><listOfProducts>'
        f'<speciesReference id="n" species="{name}" stoichiometry="2" constant="{constant}"/>'
        f"</listOfProducts><kineticLaw><f>{law}</f></kineticLaw></reaction>"
    )


DECAY = listed("Reactions", reaction("R", "s", "", call("times", "k", "s", "c")))
MODELS = {
    "an event sets a size and a concentration that both have rate rules": (
        listed("Rules", rate("s", number(0.4)), rate("c", number(0.2)))
        + listed("Events", event("E", AFTER, {"s": number(0.2), "c": number(0.5)}))
    ),
    "a concentration that a rate rule moves is diluted by an event": (
        listed("Rules", rate("s", number(0.4)))
        + listed("Events", event("E", AFTER, {"c": number(5)}))
    ),
    "a concentration that a rate rule moves, in a size computed from what an event sets": (
        listed(
            "Rules",
            rate("s", call("cos", "s")),
            rate("y", call("sin", TIME)),
            assignment("c", call("plus", "x", call("exp", "y"))),
        )
        + listed("Events", event("E", AFTER, {"x": number(3)}))
    ),
    "the size changes between trigger and execution": (
        DECAY
        + listed(
            "Events",
            event("E", AFTER, {"s": call("plus", "s", number(3))}, DELAY),
            event("F", call("geq", TIME, number(1.5)), {"c": number(7)}),
        )
    ),
    "size and concentration are set at one time by two events": (
        DECAY
        + listed(
            "Events",
            event("E", AFTER, {"s": call("times", "s", number(3))}, priority(1)),
            event("F", AFTER, {"c": number(7), "k": number(2)}, priority(2)),
        )
    ),
    "an event changes what the size of a compartment is computed from": (
        DECAY
        + listed("Rules", assignment("c", call("plus", "x", number(1))))
        + listed(
            "Events",
            event("E", AFTER, {"x": number(3), "s": number(0.5)}),
            event("F", LATER, {"s": number(2)}),
        )
    ),
    "an amount is left alone by the size of its compartment": (
        listed("Rules", rate("x", call("minus", "a")))
        + listed("Reactions", reaction("R", "a", "s", call("times", "k", "a")))
        + listed("Events", event("E", AFTER, {"c": number(7)}), event("F", LATER, {"a": ci("x")}))
    ),
    "an event sets a stoichiometry": (
        listed("Reactions", reference_stoichiometry("s", call("times", "k", "a")))
        + listed("Events", event("E", AFTER, {"n": call("divide", "n", number(-4))}))
    ),
    "a rate rule moves a stoichiometry": (
        listed("Rules", rate("n", call("minus", "s")))
        + listed("Reactions", reference_stoichiometry("s", call("times", "k", "a")))
    ),
    "rates of change decide when and how long": (
        DECAY
        + listed("Rules", rate("x", call("cos", TIME)))
        + listed(
            "Events",
            event(
                "E",
                call("lt", csymbol(RATE_URL, ci("x")), number(0.2)),
                {"k": csymbol(RATE_URL, ci("s"))},
                f"<delay><f>{call('abs', csymbol(RATE_URL, ci('x')))}</f></delay>",
            ),
        )
    ),
    "an event changes what an algebraic rule depends on": (
        DECAY
        + listed(
            "Rules",
            algebraic(call("minus", call("plus", call("times", "x", "x"), "x"), "s")),
            assignment("y", call("times", "x", number(2))),
        )
        + listed("Events", event("E", AFTER, {"s": call("plus", "y", number(4))}))
    ),
    "an algebraic rule decides when": (
        DECAY
        + listed("Rules", algebraic(call("minus", call("exp", "x"), "s")))
        + listed("Events", event("E", call("lt", "x", number(-1)), {"s": number(2)}))
    ),
    "algebraic rules give the size of a compartment": (
        listed("Reactions", reaction("R", "s", "", call("times", "k", "s", "c")))
        + listed(
            "Rules",
            algebraic(call("minus", call("times", "c", "c"), "x")),
            rate("x", number(1)),
        )
    ),
}  # fmt: skip


def model_of(name):
    free = ("k", "x", "y")
    size = 'size="1"' if "algebraic" in name else 'size="2"'
    start = 'initialAmount="3"' if "algebraic" in name else 'initialConcentration="1.5"'
    text = sbml(
        listed("Compartments", compartment("c", size, "false"))
        + listed(
            "Species",
            species("s", start),
            species("a", 'initialAmount="5"', hasOnlySubstanceUnits="true"),
        )
        + listed("Parameters", *(parameter(p, 'value="1"', "false") for p in free))
        + MODELS[name]
    )
    return Model(plain_definition(read_sbml(text, "m.xml"), "m"))


@pytest.mark.parametrize("method", ["auto", "Tsit5"])
@pytest.mark.parametrize("name", MODELS)
def test_engine_does_what_the_reference_does(name, method):
    model, ids = model_of(name), ["s", "a", "c", "k", "x", "y"]
    if method == "Tsit5" and model.kernel.equations.algebraic:
        with pytest.raises(sim.ConditionError, match="Tsit5 cannot solve the algebraic rules"):
            model.simulate(TIMES, outputs=ids, method=method)
        return
    expected = simulate(model.network, TIMES)
    found = model.simulate(TIMES, outputs=ids, rtol=1e-9, atol=1e-12, method=method)
    for i in ids:
        np.testing.assert_allclose(found[i], expected[i], rtol=1e-6, atol=1e-8, err_msg=i)


def test_size_and_concentration_set_by_one_event():
    """Both assignments are made from the state before: the new amount is 0.2 * 2."""
    model = model_of("an event sets a size and a concentration that both have rate rules")
    before, after = 1.2, TIMES[3]
    found = model.simulate(TIMES, outputs=["s", "c"], rtol=1e-9, atol=1e-12)
    amount = 0.2 * (2 + 0.2 * before)
    assert float(found["c"][3]) == pytest.approx(0.5 + 0.2 * (after - before))
    assert float(found["s"][3]) == pytest.approx(amount / 0.5 + 0.4 * (after - before))


def test_amount_stays_when_an_event_changes_the_size():
    model = model_of("a concentration that a rate rule moves is diluted by an event")
    found = model.simulate(TIMES, outputs=["s"], rtol=1e-9, atol=1e-12)
    before = 1.5 + 0.4 * 1.2
    assert float(found["s"][3]) == pytest.approx(before * 2 / 5 + 0.4 * (TIMES[3] - 1.2))


@pytest.mark.parametrize(
    ("name", "quantity", "found"),
    [
        ("an event changes what an algebraic rule depends on", "x", 'computes it from "s"'),
        ("algebraic rules give the size of a compartment", "c", 'computes it from "x"'),
    ],
)
def test_what_an_algebraic_rule_determines_cannot_be_set(name, quantity, found):
    with pytest.raises(sim.ConditionError, match=found):
        model_of(name).simulate(TIMES, set={quantity: 2.0})
