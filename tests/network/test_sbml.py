"""What the SBML reader makes of a file, and how it refuses one."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from simulator.errors import ModelError
from simulator.network.expression import Number, Symbol, evaluate, symbols
from simulator.network.network import Network
from simulator.network.order import initial_order, rule_order
from simulator.network.sbml import read_sbml

from ..reference import simulate
from .build import (
    CORE,
    DELAY_URL,
    MATHML,
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
    parameter,
    rate,
    reaction,
    sbml,
    species,
    times,
)
from .equations_twin import simulate_equations


def refusal(text: str) -> list[str]:
    """Lines of the refusal, without the file's name that each begins with."""
    with pytest.raises(ModelError) as error:
        read_sbml(text, "m.xml")
    lines = str(error.value).splitlines()
    assert all(line.startswith("m.xml:") for line in lines)
    return [line.removeprefix("m.xml:").strip() for line in lines]


# ---------------------------------------------------------------------------------- what is read


def test_initial_amounts_become_concentrations_that_follow_the_size() -> None:
    network = read_sbml(
        sbml(
            listed("Compartments", compartment("c"))
            + listed(
                "Species",
                species("amount", 'initialAmount="6"'),
                species("conc", 'initialConcentration="6"'),
                species("both", 'initialConcentration="6"', hasOnlySubstanceUnits="true"),
            )
        ),
        "m.xml",
    )
    assert [s.initial for s in network.species] == [3.0, 6.0, 12.0]
    wider = simulate(network, [0.0], overrides={"c": 4.0})
    assert wider["amount"][0] == 1.5  # the file gives an amount: the amount stays
    assert wider["conc"][0] == 6.0
    assert wider["both"][0] == 24.0


def test_size_given_by_an_initial_assignment() -> None:
    network = read_sbml(
        sbml(
            listed("Compartments", compartment("c", size=""))
            + listed("Species", species("s", 'initialAmount="6"'))
            + listed("Parameters", parameter("k", 'value="4"'))
            + listed("InitialAssignments", initial("c", ci("k")))
        ),
        "m.xml",
    )
    assert network.compartments[0].size is None
    assert network.species[0].initial is None
    assert [name for name, _ in network.initial_assignments] == ["c", "s"]
    assert simulate(network, [0.0])["s"][0] == 1.5


def test_rules_are_sorted_whatever_their_order_in_the_file() -> None:
    network = read_sbml(
        sbml(
            listed("Parameters", *(parameter(n, "", "false") for n in "abcd"))
            + listed("InitialAssignments", initial("d", ci("b")))
            + listed(
                "Rules",
                assignment("a", times("b", "c")),
                assignment("b", times("c", "c")),
                assignment("c", "<cn>2</cn>"),
            )
        ),
        "m.xml",
    )
    assert [name for name, _ in network.assignment_rules] == ["c", "b", "a"]
    at_start = [name for name, _ in initial_order(network)]
    assert sorted(at_start) == list("abcd")
    assert at_start.index("b") < at_start.index("d")
    assert simulate(network, [0.0])["a"][0] == 8.0


def test_rules_that_use_fluxes_come_after_them() -> None:
    network = read_sbml(
        sbml(
            listed("Compartments", compartment("c"))
            + listed("Species", species("s"))
            + listed("Parameters", parameter("k", "", "false"), parameter("x", "", "false"))
            + listed("Rules", assignment("x", ci("R")), assignment("k", "<cn>5</cn>"))
            + listed("Reactions", reaction("R", "s", "", times("k", "s")))
        ),
        "m.xml",
    )
    assert [name for name, _ in rule_order(network)] == ["k", "R", "x"]
    assert [name for name, _ in network.assignment_rules] == ["k", "x"]


def test_local_parameters_shadow_and_are_renamed() -> None:
    local = listed("LocalParameters", '<localParameter id="k" value="7"/>')
    network = read_sbml(
        sbml(
            listed("Compartments", compartment("c"))
            + listed("Species", species("s"))
            + listed("Parameters", parameter("k"))
            + listed(
                "Reactions",
                reaction("R1", "s", "", times("k", "s"), local),
                reaction("R2", "s", "", times("k", "s")),
            )
        ),
        "m.xml",
    )
    assert {p.id: p.value for p in network.parameters} == {"k": 3.0, "R1.k": 7.0}
    assert [sorted(symbols(r.kinetic_law)) for r in network.reactions] == [
        ["R1.k", "s"],
        ["k", "s"],
    ]


def _functions(inner: str) -> str:
    def function(name: str, maths: str) -> str:
        return (
            f'<functionDefinition id="{name}"><f><lambda><bvar>{ci("x")}</bvar>{maths}</lambda></f>'
            "</functionDefinition>"
        )

    return listed(
        "FunctionDefinitions",
        function("outer", f"<apply>{ci('inner')}<apply><plus/>{ci('x', 'x')}</apply></apply>"),
        function("inner", inner),
    )


def test_nested_functions_are_inlined_and_arguments_do_not_leak() -> None:
    body = (
        _functions(times("x", "x"))
        + listed("Parameters", parameter("x", 'value="100"'), parameter("y", "", "false"))
        + listed("Rules", assignment("y", f"<apply>{ci('outer')}<cn>3</cn></apply>"))
    )
    network = read_sbml(sbml(body), "m.xml")
    ((name, expression),) = network.assignment_rules
    assert name == "y"
    assert symbols(expression) == set()
    assert evaluate(expression, {}) == 36.0


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ('<cn type="e-notation">1.1<sep/>-5</cn>', 1.1e-5),
        ('<cn type="e-notation">0.00001<sep/>7</cn>', 100.0),
        ('<cn type="rational">1<sep/>4</cn>', 0.25),
        ('<cn type="integer">-3</cn>', -3.0),
        ("<cn>1.7976931348623157e308</cn>", 1.7976931348623157e308),
        ("<infinity/>", math.inf),
        ("<exponentiale/>", math.e),
        ("<true/>", 1.0),
    ],
)
def test_numbers_are_rounded_once(literal: str, value: float) -> None:
    network = read_sbml(
        sbml(
            listed("Parameters", parameter("v", "", "false"))
            + listed("Rules", assignment("v", literal))
        ),
        "m.xml",
    )
    assert network.assignment_rules == (("v", Number(value)),)


def test_repeated_participants_are_net() -> None:
    network = read_sbml(
        sbml(
            listed("Compartments", compartment("c"))
            + listed("Species", species("E"), species("A"), species("B"))
            + listed("Reactions", reaction("R", "E A A", "E B", ci("A")))
        ),
        "m.xml",
    )
    assert network.reactions[0].stoichiometry == (("A", -2.0), ("B", 1.0))


def _assigned_stoichiometry(rule: str, constant: str = "false") -> str:
    product = (
        '<reaction id="R" reversible="false"><listOfProducts>'
        f'<speciesReference id="n" species="s" stoichiometry="2" constant="{constant}"/>'
        f"</listOfProducts><kineticLaw><f>{ci('k')}</f></kineticLaw></reaction>"
    )
    return sbml(
        listed("Compartments", compartment("c", 'size="1"'))
        + listed("Species", species("s", 'initialAmount="0"'))
        + listed("Parameters", parameter("k", 'value="0.5"'), parameter("y", "", "false"))
        + listed("Rules", assignment("y", times("n", "k")), rule)
        + listed("Reactions", product)
    )


def test_species_reference_with_an_id_is_a_quantity() -> None:
    network = read_sbml(_assigned_stoichiometry("", constant="true"), "m.xml")
    assert network.reactions[0].stoichiometry == ()
    assert network.reactions[0].formulas == (("s", Symbol("n")),)
    assert {p.id: (p.value, p.constant) for p in network.parameters}["n"] == (2.0, True)
    assert simulate(network, [0.0, 3.0], overrides={"n": 4.0})["s"][1] == pytest.approx(6.0)


def test_stoichiometry_that_a_rule_changes_follows_the_rule() -> None:
    network = read_sbml(_assigned_stoichiometry(assignment("n", TIME)), "m.xml")
    times_ = np.array([0.0, 1.0, 4.0])
    result = simulate(network, times_)
    np.testing.assert_allclose(result["s"], 0.5 * times_**2 / 2, rtol=1e-8)  # ds/dt = t k
    np.testing.assert_allclose(result["R"], 0.5)


def test_rate_of_a_concentration_in_a_growing_compartment() -> None:
    network = read_sbml(
        sbml(
            listed("Compartments", compartment("c", constant="false"))
            + listed("Species", species("s"))
            + listed("Parameters", parameter("k"), parameter("v", "", "false"))
            + listed(
                "Rules",
                assignment("v", csymbol(RATE_URL, ci("s"))),
                '<rateRule variable="c"><f><cn>0.3</cn></f></rateRule>',
            )
            + listed("Reactions", reaction("R", "", "s", times("k", "s")))
        ),
        "m.xml",
    )
    result = simulate(network, np.linspace(0, 1, 2001))
    slope = np.gradient(result["s"], 1 / 2000, edge_order=2)
    np.testing.assert_allclose(result["v"], slope, rtol=0, atol=1e-6)  # differences of order 1/n^2
    assert np.ptp(result["v"]) > 0.1


def test_rate_of_what_rules_and_reactions_compute() -> None:
    network = read_sbml(
        sbml(
            listed("Compartments", compartment("c"))
            + listed("Species", species("s"))
            + listed("Parameters", *(parameter(p, 'value="0.3"', "false") for p in "kvwx"))
            + listed(
                "Rules",
                assignment("v", csymbol(RATE_URL, ci("x"))),
                assignment("w", csymbol(RATE_URL, ci("R"))),
                assignment("x", call("times", "R", call("sin", TIME), "s")),
                rate("k", call("cos", TIME)),
            )
            + listed("Reactions", reaction("R", "", "s", times("k", "s")))
        ),
        "m.xml",
    )
    result = simulate_equations(network, np.linspace(0, 1, 501))
    for slope, of in (("v", "x"), ("w", "R")):
        differences = np.gradient(result[of], 1 / 500, edge_order=2)
        np.testing.assert_allclose(result[slope], differences, rtol=0, atol=1e-4)  # order 1/n^2
        assert np.ptp(result[slope]) > 0.1


def test_units_are_read_as_people_write_them() -> None:
    def unit(name: str, *parts: tuple[str, int, int, str]) -> str:
        return (
            f'<unitDefinition id="{name}">'
            + listed(
                "Units",
                *(
                    f'<unit kind="{k}" exponent="{e}" scale="{s}" multiplier="{m}"/>'
                    for k, e, s, m in parts
                ),
            )
            + "</unitDefinition>"
        )

    hour = ("second", 1, 0, "3600")
    network = read_sbml(
        sbml(
            listed(
                "UnitDefinitions",
                unit("zmol", ("mole", 1, -21, "1")),
                unit("pL", ("litre", 1, -12, "1")),
                unit("h", hour),
                unit(
                    "per_nM_h",
                    ("mole", -1, -9, "1"),
                    ("litre", 1, 0, "1"),
                    ("second", -1, 0, "3600"),
                ),
                unit("ng_ml", ("gram", 1, -9, "1"), ("litre", -1, -3, "1")),
                unit("odd", ("second", 1, 0, "17")),
                unit("um3", ("metre", 3, -6, "1")),
            )
            + listed("Compartments", compartment("c"))
            + listed("Species", species("s"), species("n", hasOnlySubstanceUnits="true"))
            + listed(
                "Parameters",
                *(
                    f'<parameter id="p{i}" units="{u}" value="1" constant="true"/>'
                    for i, u in enumerate(
                        ("per_nM_h", "ng_ml", "odd", "um3", "dimensionless", "mole", "nothing")
                    )
                ),
                parameter("p7"),
            )
            + listed("Reactions", reaction("R", "s", "", ci("s"))),
            'substanceUnits="zmol" volumeUnits="pL" timeUnits="h" extentUnits="zmol"',
        ),
        "m.xml",
    )
    assert network.time_unit == "h"
    assert network.compartments[0].unit == "pL"
    assert [s.unit for s in network.species] == ["nM", "zmol"]
    assert [p.unit for p in network.parameters] == [
        "1/(nM*h)", "ng/mL", "odd", "fL", "dimensionless", "mol", "", "",
    ]  # fmt: skip
    assert network.reactions[0].unit == "zmol/h"


def test_undeclared_units_are_empty() -> None:
    network = read_sbml(
        sbml(listed("Compartments", compartment("c")) + listed("Species", species("s"))), "m.xml"
    )
    assert (network.time_unit, network.species[0].unit, network.compartments[0].unit) == ("",) * 3


def test_level_2_defaults() -> None:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4">'
        '<model id="m"><listOfCompartments><compartment id="c" size="1"/></listOfCompartments>'
        '<listOfSpecies><species id="s" compartment="c" initialAmount="1"/></listOfSpecies>'
        '<listOfReactions><reaction id="R"><listOfReactants><speciesReference species="s"/>'
        f'</listOfReactants><kineticLaw><math xmlns="{MATHML}"><ci>k</ci></math><listOfParameters>'
        '<parameter id="k" value="0.5"/></listOfParameters></kineticLaw></reaction>'
        "</listOfReactions></model></sbml>"
    )
    network = read_sbml(text, "m.xml")
    assert network.reactions[0].stoichiometry == (("s", -1.0),)
    assert [p.id for p in network.parameters] == ["R.k"]
    assert (network.time_unit, network.species[0].unit) == ("s", "M")


def test_a_network_is_immutable_and_keeps_its_text() -> None:
    text = sbml("")
    network = read_sbml(text, "m.xml")
    assert isinstance(network, Network)
    assert network.sbml == text
    with pytest.raises(dataclasses.FrozenInstanceError):
        network.id = "other"  # type: ignore[misc]


# -------------------------------------------------------------------------------- what is refused

DELAYED = csymbol(DELAY_URL, ci("k") + "<cn>1</cn>")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            listed("Rules", algebraic(call("minus", "k", "c"))),
            "algebraic rule number 1 determines nothing: everything in it is constant, or "
            "determined by other rules or by reactions",
        ),
        (
            listed("Rules", assignment("v", DELAYED)),
            'the assignment rule of "v" uses delay(), and delay differential equations are not '
            "supported",
        ),
        (listed("Reactions", reaction("R", "s", "", None)), 'reaction "R" has no kinetic law'),
        (
            listed("Reactions", reaction("R", "s", "", times("k", "S_"))),
            'reaction "R" uses "S_", which is no species, parameter, compartment or reaction. '
            'Nearest: "s".',
        ),
        (
            listed("Reactions", reaction("R", "sx", "", times("k", "s"))),
            'reaction "R" changes "sx", which is no species. Nearest: "s".',
        ),
        (
            listed("Reactions", reaction("R", "s", "", f"<apply>{ci('f', 'k')}</apply>")),
            'reaction "R" calls "f", which is no function of the model.',
        ),
        (
            listed("Reactions", reaction("R", "s", "", ci("u"))),
            'parameter "u" has no value, and reaction "R" needs one; '
            "give it a value, an initial assignment or an assignment rule",
        ),
        (
            listed("Rules", assignment("v", ci("w")), assignment("w", ci("v"))),
            "the assignment rules use each other in a circle: v > w > v",
        ),
        (
            listed("InitialAssignments", initial("u", ci("v")), initial("v", ci("u"))),
            "the initial assignments use each other in a circle: u > v > u",
        ),
        (
            listed("Rules", assignment("v", ci("R")))
            + listed("Reactions", reaction("R", "s", "", times("v", "s"))),
            "the assignment rules use each other in a circle: R > v > R",
        ),
        (
            listed("Rules", assignment("v", ci("k")), assignment("v", ci("k"))),
            '"v" has two rules; it can have one',
        ),
        (
            listed("Rules", assignment("k", "<cn>1</cn>")),
            '"k" is declared constant but has a rule',
        ),
        (
            listed("Rules", assignment("vv", "<cn>1</cn>")),
            'the assignment rule is for "vv", which is no quantity of the model. Nearest: "v".',
        ),
        (
            listed("Rules", assignment("s", ci("k")))
            + listed("Reactions", reaction("R", "s", "", ci("k"))),
            'species "s" is changed by a rule and by reactions; '
            "make it a boundary species or drop one of them",
        ),
        (
            listed("InitialAssignments", initial("v", ci("k")))
            + listed("Rules", assignment("v", ci("k"))),
            '"v" has an assignment rule and an initial assignment; it can have one',
        ),
        (
            listed("Events", event("E", "<true/>", {"k": ci("v")})),
            'event "E" assigns "k", which is declared constant',
        ),
        (
            listed("Events", event("E", "<true/>", {"q": ci("v")})),
            'event "E" assigns "q", which is no quantity of the model.',
        ),
        (
            listed("Rules", assignment("v", ci("k")))
            + listed("Events", event("E", "<true/>", {"v": ci("w")})),
            'event "E" assigns "v", which has an assignment rule',
        ),
        (
            listed("Events", event("E", ci("x"), {"v": ci("w")})),
            'the trigger of event "E" uses "x", which is no species, parameter, compartment or '
            "reaction.",
        ),
        (
            listed(
                "Rules",
                assignment("v", csymbol(RATE_URL, ci("w"))),
                assignment("w", call("factorial", TIME)),
            ),
            'rateOf("w") uses factorial, whose rate of change is not supported',
        ),
        (
            listed("Rules", assignment("v", csymbol(RATE_URL, ci("w"))), rate("w", ci("v"))),
            "rules and rates of change use each other in a circle: v > rate_of(w) > v",
        ),
    ],
)
def test_refusal(body: str, sentence: str) -> None:
    # lists of Level 3 Version 2 may come in any order
    text = sbml(
        listed("Compartments", compartment("c"))
        + listed("Species", species("s"))
        + listed(
            "Parameters",
            parameter("k"),
            parameter("u", ""),
            parameter("v", constant="false"),
            parameter("w", constant="false"),
        )
        + body
    )
    assert refusal(text) == [sentence]


def test_all_problems_of_a_file_at_once() -> None:
    text = sbml(
        listed("Compartments", compartment("c"))
        + listed("Species", species("s"))
        + listed("Parameters", parameter("k", ""))
        + listed("Rules", algebraic(ci("k")))
        + listed(
            "Reactions",
            reaction("R1", "s", "", None),
            reaction("R2", "s", "", ci("kk")),
            reaction("R3", "s", "", DELAYED),
        )
    )
    assert refusal(text) == [
        'reaction "R1" has no kinetic law',
        'reaction "R3" uses delay(), and delay differential equations are not supported',
        "algebraic rule number 1 determines nothing: everything in it is constant, or determined "
        "by other rules or by reactions",
        'reaction "R2" uses "kk", which is no species, parameter, compartment or reaction. '
        'Nearest: "k".',
    ]


def test_function_that_calls_itself() -> None:
    body = (
        _functions(f"<apply>{ci('outer', 'x')}</apply>")
        + listed("Parameters", parameter("y", "", "false"))
        + listed("Rules", assignment("y", f"<apply>{ci('outer')}<cn>3</cn></apply>"))
    )
    assert refusal(sbml(body)) == [
        'the assignment rule of "y" calls a function that calls itself (outer > inner > outer)'
    ]


def test_fast_reaction() -> None:
    text = sbml(
        listed("Compartments", compartment("c"))
        + listed("Species", species("s"))
        + listed("Reactions", reaction("R", "s", "", ci("s")))
    )
    text = text.replace("level3/version2", "level3/version1").replace('version="2"', 'version="1"')
    fast = text.replace('reversible="false"', 'reversible="false" fast="true"')
    assert refusal(fast) == ['reaction "R": fast reactions are not supported']
    read_sbml(text.replace('reversible="false"', 'reversible="false" fast="false"'), "m.xml")


@pytest.mark.parametrize(
    ("package", "required"),
    [("distrib", "true"), ("groups", "false"), ("other", "true")],
)
def test_packages_are_refused_if_the_file_requires_them(package: str, required: str) -> None:
    uri = f"http://www.sbml.org/sbml/level3/version1/{package}/version1"
    text = sbml("", root=f'xmlns:p="{uri}" p:required="{required}"')
    if required == "true":
        name = "p" if package == "other" else package
        assert refusal(text)[0] == f'requires the SBML package "{name}", which is not supported'
    else:
        read_sbml(text, "m.xml")


def test_quantity_named_like_time_is_not_time() -> None:
    network = read_sbml(
        sbml(
            listed("Parameters", parameter("time"), parameter("v", "", "false"))
            + listed("Rules", assignment("v", call("plus", TIME, "time")))
        ),
        "m.xml",
    )
    np.testing.assert_allclose(simulate(network, [0.0, 2.0])["v"], [3.0, 5.0])


def test_elements_without_maths_are_as_if_they_were_not_there() -> None:
    lawless = reaction("R", "s", "", "").replace("<f></f>", "")
    assert "<kineticLaw></kineticLaw>" in lawless
    network = read_sbml(
        sbml(
            listed("Compartments", compartment("c"))
            + listed("Species", species("s"))
            + listed("Parameters", parameter("v", constant="false"), parameter("w"))
            + listed("InitialAssignments", '<initialAssignment symbol="w"/>')
            + listed("Rules", '<assignmentRule variable="v"/>', "<algebraicRule/>")
            + listed("Reactions", lawless)
            + listed("Events", '<event id="E" useValuesFromTriggerTime="true"/>')
        ),
        "m.xml",
    )
    assert not (network.assignment_rules or network.initial_assignments or network.events)
    result = simulate(network, [0.0, 1.0])
    assert (result["s"][1], result["v"][1], result["w"][1]) == (1.0, 3.0, 3.0)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('level="3" version="2"', 'level="3" version="7"', 'is SBML Level "3" Version "7"'),
        ('level="3" version="2"', 'level="1" version="2"', "is SBML Level 1"),
        ('level="3" version="2"', 'level="2" version="4"', "does not declare its namespace"),
        (CORE, "http://example.org", "does not declare its namespace"),
    ],
)
def test_level_version_and_namespace_agree(old: str, new: str, found: str) -> None:
    (line,) = refusal(sbml("").replace(old, new))
    assert found in line


def test_file_that_is_not_well_formed_names_the_line() -> None:
    broken = sbml("\n\n<listOfSpecies>")
    with pytest.raises(ModelError, match=r"^m\.xml:4: .*tag"):
        read_sbml(broken, "m.xml")


@pytest.mark.parametrize("text", ["", "not xml", "<html><body/></html>", sbml("")[:-30]])
def test_no_text_crashes_the_reader(text: str) -> None:
    assert refusal(text)


def test_piecewise_without_otherwise_has_no_value_where_nothing_holds() -> None:
    network = read_sbml(
        sbml(
            listed("Parameters", parameter("v", "", "false"))
            + listed(
                "Rules",
                assignment("v", "<piecewise><piece><cn>1</cn><false/></piece></piecewise>"),
            )
        ),
        "m.xml",
    )
    assert math.isnan(simulate(network, [0.0])["v"][0])
