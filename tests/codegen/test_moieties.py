"""Conserved moieties against exact ranks, libRoadRunner, and trajectories."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.codegen.equations import equations
from simulator.codegen.moieties import find_moieties
from simulator.codegen.vanishing import Vanishing
from simulator.network.antimony import read_antimony
from simulator.network.expression import Number, Symbol, apply
from simulator.network.network import Compartment, Network, Parameter, Reaction, Species
from tests.integrator.rest_problems import RestProblem
from tests.tolerances import CONSERVED_RELATIVE

S = Symbol


def moieties(text, **options):
    network = read_antimony(text, "test")
    return find_moieties(network, equations(network), **options)


def named(text, **options):
    return list(moieties(text, **options).named())


def network(matrix, rates=None):
    """A network of given stoichiometry, (species, reactions); its fluxes are parameters."""
    species = [f"s{i}" for i in range(len(matrix))]
    columns = list(zip(*matrix, strict=True))
    return Network(
        id="random",
        source="random",
        compartments=(Compartment("cell", 1.0),),
        species=tuple(Species(name, "cell", 1.0) for name in species),
        parameters=tuple(Parameter(f"v{j}", 1.0) for j in range(len(columns))),
        reactions=tuple(
            Reaction(
                f"R{j}",
                tuple((s, float(c)) for s, c in zip(species, column, strict=True) if c),
                S(f"v{j}"),
            )
            for j, column in enumerate(columns)
        ),
    )


def exact_rank(rows):
    """Rank of whole-number rows, by elimination of dense fractions."""
    rows, rank = [[Fraction(x) for x in row] for row in rows], 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((r for r in range(rank, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for r in range(rank + 1, len(rows)):
            ratio = rows[r][column] / rows[rank][column]
            rows[r] = [a - ratio * b for a, b in zip(rows[r], rows[rank], strict=True)]
        rank += 1
    return rank


ENZYME = """
species S, P, E, C
compartment cell = 1
S in cell; P in cell; E in cell; C in cell
E + S -> C; E*S - C
C -> E + P; C
S = 2; P = 0; E = 1; C = 0
"""


def test_an_enzyme_and_its_substrate_are_two_moieties():
    assert named(ENZYME) == [{"S": 1, "P": 1, "C": 1}, {"E": 1, "C": 1}]


def test_synthesis_and_degradation_leave_nothing_conserved():
    assert named(ENZYME + "-> E; 0.1\nP -> ; P") == []


def test_a_dimer_counts_twice():
    assert named("species A, B\n2 A -> B; A^2 - B\nA = 1; B = 0") == [{"A": 1, "B": 2}]


def test_coefficients_are_the_decimals_that_the_model_says():
    """In binary 0.1 + 0.2 is not 0.3, and the three would not balance."""
    text = "species A, B, C\n0.3 A -> 0.1 B + 0.2 C; A\nB -> C; B\nA = 1; B = 0; C = 0"
    assert named(text) == [{"A": 1, "B": 1, "C": 1}]


def test_concentrations_are_weighted_by_each_run_s_compartments():
    text = """
    compartment cell = 2, nucleus = 0.5
    species A in cell, B in nucleus
    A -> B; 3*A - 2*B
    A = 1; B = 0
    """
    problem = RestProblem(text)
    start, p = problem.runs({}, {"cell": 7.0, "nucleus": 3.0})
    assert named(text) == [{"A": 1, "B": 1}]
    np.testing.assert_array_equal(problem.moieties.weights(p), [[2.0, 0.5], [7.0, 3.0]])
    change = problem.moieties.coefficients * problem.moieties.weights(p)
    np.testing.assert_allclose((change * problem.rates(start, p)).sum(axis=1), 0, atol=1e-15)


def test_amounts_are_not_weighted():
    text = """
    compartment cell = 2
    substanceOnly species A in cell, B in cell
    A -> B; 3*A - 2*B
    A = 1; B = 0
    """
    found = moieties(text)
    assert found.named() == ({"A": 1, "B": 1},)
    np.testing.assert_array_equal(found.weights(np.array([[2.0]])), [[1.0, 1.0]])


def test_species_of_a_compartment_whose_size_varies_are_held_as_amounts():
    text = """
    compartment cell
    species A in cell, B in cell
    A -> B; 3*A - 2*B
    A = 1; B = 0
    cell = 1; cell' = 0.1*cell
    """
    found = moieties(text)
    assert found.named() == ({"A": 1, "B": 1},)
    assert found.sizes.tolist() == [-1, -1, -1]


def test_conversion_factors_are_divided_out():
    net = network([[-1], [1]])
    species = (
        Species("s0", "cell", 1.0, conversion_factor="f"),
        Species("s1", "cell", 1.0),
    )
    net = Network(
        id="converted",
        source="converted",
        compartments=(Compartment("cell", 3.0),),
        species=species,
        parameters=(Parameter("v0", 1.0), Parameter("f", 4.0)),
        reactions=net.reactions,
    )
    eqs = equations(net)
    found = find_moieties(net, eqs)
    values = {"cell": 3.0, "v0": 1.0, "f": 4.0}
    p = np.array([[values[name] for name in eqs.parameters]])
    assert found.named() == ({"s0": 1, "s1": 1},)
    np.testing.assert_array_equal(found.weights(p), [[0.75, 3.0]])


def test_what_no_reaction_changes_is_a_moiety_of_its_own():
    text = "species A, B\nA -> B; A*D\nD' = 0; A = 1; B = 0; D = 2"
    assert named(text) == [{"A": 1, "B": 1}, {"D": 1}]


def test_held_states_are_moieties_and_belong_to_no_other():
    text = "species A, B\nA -> B; A\nA = 1; B = 0"
    assert named(text, held=frozenset({"A"})) == [{"A": 1}]


def test_rate_rules_conserve_only_the_very_terms_that_others_lose():
    same = "A' = -k*A + B; B' = k*A - B; k = 2; A = 1; B = 0"
    assert named(same) == [{"A": 1, "B": 1}]
    assert named("A' = -k*A; B' = 2*k*A*1.5; k = 2; A = 1; B = 0") == [{"A": 3, "B": 1}]
    assert named("A' = -k*A; B' = k2*A; k = 2; k2 = 2; A = 1; B = 0") == []


def test_algebraic_states_are_in_no_moiety():
    net = network([[-1, 0], [1, -1], [0, 1]])
    eqs = equations(net)
    assert len(find_moieties(net, eqs).coefficients) == 1
    eqs = dataclasses.replace(eqs, algebraic=frozenset({"s1"}))
    assert find_moieties(net, eqs).named() == ()


def test_nothing_at_all():
    found = find_moieties(network([]), equations(network([])))
    assert found.coefficients.shape == (0, 0)


@settings(max_examples=150)
@given(
    st.integers(1, 9).flatmap(
        lambda n: st.lists(
            st.lists(st.integers(-2, 2), min_size=n, max_size=n), min_size=1, max_size=9
        )
    )
)
def test_the_whole_left_null_space_is_found(matrix):
    found = find_moieties(network(matrix), equations(network(matrix)))
    states = [int(name[1:]) for name in found.states]
    rows = found.coefficients
    assert np.all(rows == np.round(rows))
    reacting = [matrix[i] for i in states]
    assert not (rows @ np.array(reacting).reshape(len(states), len(matrix[0]))).any()
    assert len(rows) == len(states) - exact_rank(reacting)
    assert exact_rank(rows.astype(int).tolist()) == len(rows)


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 3), min_size=3, max_size=7).flatmap(
        lambda masses: st.tuples(
            st.just(masses),
            st.lists(st.tuples(*[st.integers(0, len(masses) - 1)] * 3), min_size=1, max_size=6),
        )
    )
)
def test_where_mass_is_conserved_no_coefficient_is_negative(example):
    """Reactions that keep the mass of each molecule: some positive combination is conserved, so
    the cone of non-negative ones is as wide as the null space."""
    masses, draws = example
    columns = []
    for a, b, c in draws:
        column = [0] * len(masses)
        column[a] -= masses[c]
        column[b] -= masses[c]
        column[c] += masses[a] + masses[b]
        columns.append(column)
    matrix = [list(row) for row in zip(*columns, strict=True)]
    found = find_moieties(network(matrix), equations(network(matrix)))
    assert (found.coefficients >= 0).all()


ROADRUNNER = {
    "enzyme": ENZYME,
    "complexes": """
        species A, B, C, AB, BC, ABC
        A + B -> AB; A*B - AB; B + C -> BC; B*C - BC; AB + C -> ABC; AB*C - ABC
        A + BC -> ABC; A*BC - ABC
        A = 1; B = 2; C = 3; AB = 0; BC = 0; ABC = 0
        """,
    "relay": """
        species X, Xp, Y, Yp, XpY, ATP, ADP
        X + ATP -> Xp + ADP; X*ATP; Xp + Y -> XpY; Xp*Y - XpY; XpY -> X + Yp; XpY; Yp -> Y; Yp
        ADP -> ATP; ADP
        X = 1; Xp = 0; Y = 1; Yp = 0; XpY = 0; ATP = 1; ADP = 0
        """,
}


@pytest.mark.parametrize("name", ROADRUNNER)
def test_same_space_as_libroadrunner(name):
    import roadrunner

    net = read_antimony(ROADRUNNER[name], "test")
    found = find_moieties(net, equations(net))
    runner = roadrunner.RoadRunner(net.sbml)
    runner.conservedMoietyAnalysis = True
    theirs = np.array(runner.getConservationMatrix())
    columns = [found.states.index(s) for s in runner.model.getFloatingSpeciesIds()]
    theirs = theirs[:, np.argsort(columns)]
    assert np.linalg.matrix_rank(theirs) == len(theirs) == len(found.coefficients)
    assert np.linalg.matrix_rank(np.vstack([theirs, found.coefficients])) == len(theirs)


@settings(max_examples=12)
@given(st.data())
def test_random_mass_action_networks_keep_their_totals(data):
    size = data.draw(st.integers(2, 5))
    side = st.lists(st.integers(0, size - 1), min_size=1, max_size=2)
    reactions = data.draw(st.lists(st.tuples(side, side), min_size=1, max_size=6))
    volumes = [data.draw(st.sampled_from([0.5, 1.0, 3.0])) for _ in range(2)]
    lines = [f"compartment c0 = {volumes[0]}, c1 = {volumes[1]}"]
    lines += [f"species s{i} in c{i % 2}; s{i} = {1 + i / 3}" for i in range(size)]
    for left, right in reactions:
        law = "*".join(f"s{i}" for i in left)
        lines.append(" + ".join(f"s{i}" for i in left) + " -> ")
        lines[-1] += " + ".join(f"s{i}" for i in right) + f"; 0.1*{law}"
    problem = RestProblem("\n".join(lines))
    start, p = problem.runs()
    end = problem.integrate(start, p, 1.0)
    rows = problem.moieties.coefficients * problem.moieties.weights(p)
    assert np.all(abs(rows @ (end[0] - start[0])) <= CONSERVED_RELATIVE * (abs(rows) @ start[0]))


def test_a_large_network():
    """A thousand states: 300 cycles of an enzyme each, and a chain with synthesis and decay."""
    matrix = np.zeros((1000, 650), int)
    for k in range(300):
        s, p, c = 3 * k, 3 * k + 1, 3 * k + 2
        matrix[[s, c], 2 * k] = -1, 1
        matrix[[c, p], 2 * k + 1] = -1, 1
        if k:
            matrix[3 * k - 1, 2 * k] = -1  # the complex of the cycle before is used up too
            matrix[3 * k - 1, 2 * k + 1] = 1
    for k in range(50):
        matrix[900 + 2 * k : 902 + 2 * k, 600 + k] = -1, 1
    found = find_moieties(network(matrix.tolist()), equations(network(matrix.tolist())))
    assert not (found.coefficients @ matrix).any()
    assert len(found.coefficients) == 1000 - np.linalg.matrix_rank(matrix)
    assert (found.coefficients >= 0).all()


SWITCHED = """
species A, B, C, D, E
A -> B; k*E*A; B -> C; C0*B - C; -> A; synthesis; A -> ; decay*A
D -> E; k*D*B
k = 1; C0 = 2; synthesis = 0; decay = 0
A = 1; B = 1; C = 0; D = 0; E = 0
"""


def test_zeros_conserve_more():
    assert named(SWITCHED) == [{"D": 1, "E": 1}]
    no_turnover = named(SWITCHED, zero=frozenset({"synthesis", "decay"}))
    assert no_turnover == [{"A": 1, "B": 1, "C": 1}, {"D": 1, "E": 1}]
    every = frozenset({"synthesis", "decay", "D", "E", "C"})
    assert named(SWITCHED, zero=every) == [{"A": 1}, {"B": 1, "C": 1}, {"D": 1}, {"E": 1}]


def test_a_state_that_is_made_does_not_stay_zero():
    eqs = equations(read_antimony(SWITCHED, "test"))
    assert Vanishing(eqs, frozenset(), frozenset({"C", "D", "E"})).states == {"D", "E"}
    assert Vanishing(eqs, frozenset(), frozenset({"C", "E"})).states == frozenset()
    assert Vanishing(eqs, frozenset({"C"}), frozenset({"C"})).states == {"C"}


def test_a_state_that_a_constraint_determines_is_not_known_to_stay_zero():
    eqs = equations(read_antimony("species A\nA -> ; A\nA = 0", "test"))
    assert Vanishing(eqs, frozenset(), frozenset({"A"})).states == {"A"}
    eqs = dataclasses.replace(eqs, algebraic=frozenset({"A"}))
    assert Vanishing(eqs, frozenset(), frozenset({"A"})).states == frozenset()


def test_what_an_expression_makes_of_zero():
    eqs = equations(read_antimony("species A\n-> A; k\nk = 0; n = 2\nA = 1", "test"))
    zero = Vanishing(eqs, frozenset(), frozenset({"k"}))
    k, n, two = S("k"), S("n"), Number(2.0)
    vanish = (
        k,
        apply("multiply", k, n),
        apply("divide", k, n),
        apply("add", k, k),
        apply("power", k, two),
        apply("negate", k),
        apply("piecewise", k, n, Number(0.0)),
    )
    stay = (
        n,
        apply("add", k, n),
        apply("divide", n, k),
        apply("power", k, Number(0.0)),
        apply("power", k, n),
        apply("exp", k),
        apply("piecewise", k, n, two),
    )
    assert [zero(e) for e in vanish] == [True] * len(vanish)
    assert [zero(e) for e in stay] == [False] * len(stay)
