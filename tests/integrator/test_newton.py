"""States of rest: closed forms, libRoadRunner, and everything that must give no numbers."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from simulator.codegen.moieties import find_moieties
from simulator.integrator import blocks, newton, reduced
from simulator.integrator.newton import Verdict, newton_batch
from tests.integrator.rest_problems import ATOL, RTOL, RestProblem
from tests.tolerances import (
    REFERENCE_DUST,
    REST_DERIVATIVE,
    REST_EIGENVALUE,
    REST_REFERENCE,
    REST_RELATIVE,
)

AT_REST, NOT_AT_REST, CONTINUUM, UNSTABLE = Verdict

DIMER = "species A, B\n2 A -> B; k*A^2 - B\nk = 3; A = 1; B = 0.5"
TRANSPORT = """
compartment cell = 2, nucleus = 0.25
species A in cell, B in nucleus
A -> B; 3*A - 2*B
A = 1; B = 0
"""
TOGGLE = """
species u, v
-> u; a/(1 + v^2); u -> ; u; -> v; a/(1 + u^2); v -> ; v
a = 5; u = 2; v = 1
"""
BRUSSELATOR = """
species X, Y
-> X; 1; X -> Y; b*X; 2 X + Y -> 3 X; X^2*Y; X -> ; X
b = 3; X = 1; Y = 3
"""
REPRESSILATOR = """
species m1, m2, m3, p1, p2, p3
-> m1; a/(1 + p3^2); -> m2; a/(1 + p1^2); -> m3; a/(1 + p2^2)
m1 -> ; m1; m2 -> ; m2; m3 -> ; m3
-> p1; 5*m1; -> p2; 5*m2; -> p3; 5*m3; p1 -> ; 5*p1; p2 -> ; 5*p2; p3 -> ; 5*p3
a = 20; m1 = 1; m2 = 2; m3 = 3; p1 = 1; p2 = 2; p3 = 3
"""
GENE = """
species m, p
-> m; 1/(1 + p^4); m -> ; 0.5*m; -> p; 2*m; p -> ; p
m = 0.1; p = 3
"""
ENZYME = """
compartment cell = 2
species S in cell, P in cell, E in cell, C in cell
E + S -> C; cell*(2*E*S - C); C -> E + P; cell*3*C; P -> S; cell*0.1*P
S = 2; E = 0.5; P = 0; C = 0
"""
# Two phosphorylations of a substrate, each step with its complex; three conserved totals.
DOUBLE = """
species M, Mp, Mpp, K, F, MK, MpK, MppF, MpF
M + K -> MK; 50*M*K - 2*MK; MK -> Mp + K; 3*MK
Mp + K -> MpK; 90*Mp*K - 2*MpK; MpK -> Mpp + K; 9*MpK
Mpp + F -> MppF; 80*Mpp*F - MppF; MppF -> Mp + F; 2*MppF
Mp + F -> MpF; 40*Mp*F - MpF; MpF -> M + F; 4*MpF
M = 1; Mp = 0; Mpp = 0; K = 0.1; F = 0.1; MK = 0; MpK = 0; MppF = 0; MpF = 0
"""
BRANCHES = "species A, B, C\nA -> B; A; A -> C; k*A\nk = 0.3; A = 1; B = 0; C = 0"


def close(found, expected, relative=REST_RELATIVE):
    np.testing.assert_allclose(found, expected, rtol=relative, atol=relative * 1e-3)


def refused(found):
    """No number for any run that is not at rest."""
    return np.isnan(found.states[~np.isin(found.verdict, (AT_REST, CONTINUUM))]).all()


def test_a_dimer_against_its_quadratic():
    ks = np.array([0.1, 3.0, 1e4, 1e8])
    found = RestProblem(DIMER).rest(50.0, *({"k": k} for k in ks))
    free = (np.sqrt(1 + 16 * ks) - 1) / (4 * ks)  # A + 2 k A^2 = 2
    assert (found.verdict == AT_REST).all()
    close(found.states, np.stack([free, ks * free**2], axis=1))


def test_a_dissociation_whose_moieties_overlap():
    problem = RestProblem("species A, B, C\nA -> B + C; A - 2*B*C\nA = 1; B = 0; C = 0.5")
    free = (np.sqrt(3) - 1) / 2  # 2 B (B + 1/2) = 1 - B
    assert len(problem.moieties.coefficients) == 2
    found = problem.rest(50.0)
    assert found.verdict.tolist() == [AT_REST]
    close(found.states[0], [1 - free, free, free + 0.5])


def test_transport_between_compartments_of_different_sizes():
    sizes = [(2.0, 0.25), (2.0, 3.0), (1e-3, 50.0)]
    problem = RestProblem(TRANSPORT)
    found = problem.rest(2e3, *({"cell": c, "nucleus": n} for c, n in sizes))
    expected = [[c / (c + 1.5 * n), 1.5 * c / (c + 1.5 * n)] for c, n in sizes]
    assert (found.verdict == AT_REST).all()
    close(found.states, expected)
    # Rates per amount: 3 / cell + 2 / nucleus.
    close(found.growth, [-3 / c - 2 / n for c, n in sizes])


@pytest.mark.parametrize("ratio", [0.5, 0.98, 1.02, 3.0])
def test_a_covalent_switch_against_goldbeter_and_koshland(ratio):
    """Goldbeter & Koshland 1981, doi:10.1073/pnas.78.11.6840."""
    j, k = 0.05, 0.01
    text = f"""
    species W, Wp
    W -> Wp; {ratio}*W/({j} + W); Wp -> W; Wp/({k} + Wp)
    W = 0.6; Wp = 0.4
    """
    found = RestProblem(text).rest(500.0)
    b = 1 - ratio + j + ratio * k
    active = 2 * ratio * k / (b + np.sqrt(b**2 - 4 * (1 - ratio) * ratio * k))
    assert found.verdict.tolist() == [AT_REST]
    close(found.states[0], [1 - active, active])


@pytest.mark.parametrize(
    ("text", "time"),
    [(ENZYME, 200.0), (DOUBLE, 2e3), (GENE, 60.0), (DIMER, 50.0), (REPRESSILATOR, 300.0)],
    ids=["enzyme", "double", "gene", "dimer", "repressilator"],
)
def test_same_state_as_libroadrunner(text, time):
    import roadrunner

    if text is REPRESSILATOR:
        text = text.replace("a = 20", "a = 1")  # too weak to oscillate
    problem = RestProblem(text)
    found = problem.rest(time)
    runner = roadrunner.RoadRunner(problem.network.sbml)
    runner.conservedMoietyAnalysis = True
    runner.steadyState()
    expected = [runner[f"[{name}]"] for name in problem.equations.states]
    assert found.verdict.tolist() == [AT_REST]
    np.testing.assert_allclose(found.states[0], expected, rtol=REST_REFERENCE)


@pytest.mark.slow
def test_the_bundled_model_against_libroadrunner(steroid_response):
    """Populations held; CVODE leads to where Newton's method begins, NLEQ2 finds the same root."""
    import libsbml
    import roadrunner

    population = steroid_response.definition.population
    document = libsbml.readSBMLFromString(steroid_response.network.sbml)
    for name in population:
        document.getModel().getSpecies(name).setBoundaryCondition(True)
    runner = roadrunner.RoadRunner(libsbml.writeSBMLToString(document))
    runner.conservedMoietyAnalysis = True
    runner.integrator.relative_tolerance = RTOL
    problem = RestProblem(steroid_response.network, population)
    names = problem.equations.states

    def concentrations():
        return np.array([runner[f"[{name}]"] for name in names])

    parameters = {name: runner[name] for name in problem.equations.parameters}
    start, p = problem.runs(parameters | dict(zip(names, concentrations(), strict=True)))
    runner.simulate(0, 3000, 2)
    found = problem.polish(concentrations()[None], start, p)
    runner.steadyState()
    assert found.verdict.tolist() == [AT_REST]
    assert found.growth[0] < 0
    np.testing.assert_allclose(
        found.states[0], concentrations(), rtol=REST_REFERENCE, atol=REFERENCE_DUST
    )


def test_totals_are_those_of_the_start():
    """Where integration got to may have drifted; the root has not."""
    problem = RestProblem(DOUBLE)
    start, p = problem.runs()
    settled = problem.integrate(start, p, 2e3)
    root = problem.polish(settled, start, p).states
    rng = np.random.default_rng(1)
    drifted = settled * (1 + 1e-4 * rng.standard_normal(settled.shape))
    close(problem.polish(drifted, start, p).states, root)
    totals = problem.moieties.coefficients @ root[0]
    close(totals, problem.moieties.coefficients @ start[0])


def test_a_run_does_not_depend_on_its_batch(monkeypatch):
    problem = RestProblem(DOUBLE)
    start, p = problem.runs(*({"K": k, "Mp": m} for k in (0.01, 0.1, 1) for m in (0, 0.3)))
    settled = problem.integrate(start, p, 2e3)
    together = problem.polish(settled, start, p)
    for run in range(len(start)):
        one = slice(run, run + 1)
        alone = problem.polish(settled[one], start[one], p[one])
        for a, b in zip(alone, together, strict=True):
            np.testing.assert_array_equal(a, b[one])
    monkeypatch.setattr(newton, "NUMBERS", 250)
    for a, b in zip(problem.polish(settled, start, p), together, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("text", [DOUBLE, ENZYME, TRANSPORT, BRANCHES])
def test_sparse_systems_give_the_same(text, monkeypatch):
    problem = RestProblem(text)
    start, p = problem.runs()
    settled = problem.integrate(start, p, 2e3)
    dense = problem.polish(settled, start, p)
    monkeypatch.setattr(reduced, "DENSE_LIMIT", 0)
    sparse = problem.polish(settled, start, p)
    assert sparse.verdict.tolist() == dense.verdict.tolist()
    close(sparse.states, dense.states)


def test_the_largest_dense_systems_do_not_depend_on_blas_threads():
    program = f"""
import numpy as np
rng, n = np.random.default_rng(0), {reduced.DENSE_LIMIT}
width = {reduced.PRODUCT_LIMIT} // (6 * n)
solved = np.linalg.solve(rng.standard_normal((2, n, n)), rng.standard_normal((2, n, 6)))
product = np.matmul(rng.standard_normal((2, n, width)), rng.standard_normal((2, width, 6)))
print(solved.tobytes().hex(), product.tobytes().hex())
"""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | dict.fromkeys(names, threads),
            capture_output=True,
            check=True,
        ).stdout
        for threads in ("1", "2", "4")
    }
    assert len(found) == 1


@pytest.mark.parametrize("total", [1e-6, 1.0, 1e6])
def test_slow_exchange_beside_a_fast_cycle(total):
    """A and B exchange 1e10 times faster than either with D; no digit is lost to the difference."""
    text = f"""
    species A, B, D
    A -> B; 1e8*A - 3e8*B; B -> D; 0.01*B - 0.02*D
    A = {total}; B = 0; D = 0
    """
    problem = RestProblem(text)
    start, p = problem.runs()
    part = np.array([3, 1, 0.5]) / 4.5
    found = problem.polish(start * 0 + part * total * (1 + 1e-6), start, p, atol=1e-12 * total)
    assert found.verdict.tolist() == [AT_REST]
    close(found.states[0], part * total, 1e-11)


# --- what must give no numbers, and what must not be refused -----------------------------------


@pytest.mark.parametrize("time", [1.0, 40.0, 41.0, 43.0])
@pytest.mark.parametrize("text", [BRUSSELATOR.replace("X = 1", "X = 1.5"), REPRESSILATOR])
def test_an_oscillator_is_not_at_rest(text, time):
    found = RestProblem(text).rest(time)
    assert found.verdict.tolist() == [NOT_AT_REST]
    assert refused(found)


def test_the_centre_of_an_oscillation_is_unstable():
    found = RestProblem(BRUSSELATOR).rest(1.0)
    assert found.verdict.tolist() == [UNSTABLE]
    assert refused(found)
    close(found.growth, [0.5])  # real part of the eigenvalues, (b - 2) / 2


@pytest.mark.parametrize(
    "text",
    [
        "species A, B\n-> A; 1e-3; -> B; 1 - B\nA = 1; B = 1",
        "species A, B\n-> A; 1e-12; -> B; 1 - B\nA = 1; B = 1",
        "species A, B\n-> A; 1e-15; -> B; 1 - B\nA = 1; B = 1",
        "species A\n-> A; 1e-9*A\nA = 1",
        "species A, B\nA -> B; 5*A - B; -> A; 1e-10\nA = 1; B = 5",
    ],
)
@pytest.mark.parametrize("time", [0.0, 1e3])
def test_growth_without_bound_is_not_at_rest(text, time):
    found = RestProblem(text).rest(time)
    assert set(found.verdict.tolist()) <= {NOT_AT_REST, UNSTABLE}
    assert refused(found)


def test_a_saddle_approached_along_its_stable_manifold():
    problem = RestProblem(TOGGLE)
    found = problem.rest(12.0, {"u": 1.0, "v": 1.0}, {"u": 0.2, "v": 0.2})
    assert found.verdict.tolist() == [UNSTABLE, UNSTABLE]
    assert refused(found)
    u = 1.5159802276928197  # the root of u^3 + u = 5; eigenvalues -1 +- 2 a u / (1 + u^2)^2
    close(found.growth, [10 * u / (1 + u**2) ** 2 - 1] * 2, 1e-6)


def test_a_run_that_passes_a_saddle_is_followed():
    """Within reach of Newton's method, farther from the saddle than integration errs."""
    problem = RestProblem(TOGGLE)
    u = 1.5159802276928197
    start, p = problem.runs({"u": u * (1 + 5 * RTOL), "v": u})
    found = problem.polish(start, start, p)
    assert found.verdict.tolist() == [NOT_AT_REST]
    assert found.growth[0] > 0
    assert refused(found)


def test_a_switch_rests_on_the_branch_it_was_led_to():
    found = RestProblem(TOGGLE).rest(100.0, {}, {"u": 1.0, "v": 2.0}, {"u": 1.01, "v": 1.0})
    high, low = (5 + np.sqrt(21)) / 2, (5 - np.sqrt(21)) / 2  # u v = 1, u + v = a
    assert (found.verdict == AT_REST).all()
    close(found.states, [[high, low], [low, high], [high, low]])


@pytest.mark.parametrize("far", [1.01, 0.9, 2.0])
def test_a_root_farther_off_is_not_accepted(far):
    problem = RestProblem(TOGGLE)
    start, p = problem.runs()
    rest = problem.rest(100.0).states
    assert problem.polish(rest * far, start, p).verdict.tolist() == [NOT_AT_REST]


TIMERS = {
    "decay": """
        species x, y
        x -> ; 1e-8*x; -> y; 1/(1 + (2*x)^8) - y
        x = 1; y = 0
        """,
    "count": """
        species x, y
        -> x; 1e-8 - 1e-9*x; -> y; x^8/(x^8 + 3^8) - y
        x = 1; y = 0
        """,
    "bottleneck": """
        species z
        -> z; 1e-8 + (z - 1)^2 - 0.1*(z - 1)^3
        z = 0.5
        """,
}


@pytest.mark.parametrize("name", TIMERS)
@pytest.mark.parametrize("time", [2e2, 2e3])
def test_what_is_quiet_for_decades_and_then_switches(name, time):
    """On each of these a decade passes with a change below 1 % before the switch."""
    found = RestProblem(TIMERS[name]).rest(time)
    assert found.verdict.tolist() == [NOT_AT_REST]
    assert refused(found)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("decay", [0.0, 1.0]), ("count", [10.0, 10**8 / (10**8 + 3**8)]), ("bottleneck", None)],
)
def test_where_timers_end(name, expected):
    found = RestProblem(TIMERS[name]).rest(1e11 if name != "bottleneck" else 1e6)
    if expected is None:  # 1e-8 + w^2 (1 - w / 10) = 0, w = z - 1
        roots = np.roots([-0.1, 1, 0, 1e-8])
        expected = [1 + roots[abs(roots.imag) < 1e-9].real.max()]
    assert found.verdict.tolist() == [AT_REST]
    close(found.states[0], expected)


@pytest.mark.parametrize("distance", [1e-4, 1e-6, 1e-7])
def test_steps_that_only_halve_the_distance_are_no_proof(distance):
    """At 1 two states of rest meet; from above it is approached like 1 / t."""
    problem = RestProblem("species z\n-> z; -(z - 1)^2\nz = 2")
    start, p = problem.runs()
    found = problem.polish(np.full((1, 1), 1 + distance), start, p)
    assert found.verdict.tolist() == [NOT_AT_REST]


@pytest.mark.parametrize("start", [1e-20, 1e-12])
def test_what_would_grow_from_less_than_atol_is_not_called_absent(start):
    problem = RestProblem("species x\n-> x; x*(1 - x)\nx = 0")
    begin, p = problem.runs({"x": start})
    for settled in (0.0, start, -1e-10):
        found = problem.polish(np.full((1, 1), settled), begin, p)
        assert found.verdict.tolist() == [UNSTABLE]
        assert refused(found)


def test_what_is_absent_from_the_start_stays_so():
    """No perturbation of a deterministic model leaves the face on which x is zero."""
    found = RestProblem("species x\n-> x; x*(1 - x)\nx = 0").rest(10.0)
    assert found.verdict.tolist() == [AT_REST]
    assert found.states.tolist() == [[0.0]]
    assert found.growth.tolist() == [-np.inf]


def test_absent_states_made_from_each_other_are_absent_together():
    text = """
    species a, b, x, y
    -> x; y - 2*x; -> y; 5*x - y; -> a; 1 - a; -> b; a*(1 - b) + x
    a = 0; b = 0; x = {}; y = 0
    """
    assert RestProblem(text.format(0)).rest(50.0).verdict.tolist() == [AT_REST]
    grown = RestProblem(text.format(1e-15))
    start, p = grown.runs()
    found = grown.polish(np.array([[1.0, 1.0, 0.0, 0.0]]), start, p)
    assert found.verdict.tolist() == [UNSTABLE]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("species a, b\na -> b; a; b -> ; 1e-3*b\na = 1; b = 0", 2e5),
        ("species a\n2 a -> ; a^2\na = 1", 1e10),
    ],
    ids=["exponential", "second order"],
)
def test_what_only_decays_ends_at_zero(text, time):
    found = RestProblem(text).rest(time)
    assert found.verdict.tolist() == [AT_REST]
    assert not found.states.any()


def test_what_is_small_but_made_is_not_zero():
    text = """
    species a, b, d
    a -> ; a; -> b; e - 2*b; b -> d; b; d -> ; d
    a = 1; b = 0; d = 0; e = 4e-14
    """
    found = RestProblem(text).rest(100.0)
    assert found.verdict.tolist() == [AT_REST]
    assert found.states[0, 0] == 0
    close(found.states[0, 1:] * 1e14, [4 / 3, 4 / 3], 1e-9)


def test_a_root_below_zero_is_refused():
    problem = RestProblem("species x\n-> x; -x - e\nx = 1; e = 0")
    start, p = problem.runs({"e": 5 * ATOL}, {"e": 0.5 * ATOL}, {"e": 0.0})
    found = problem.polish(np.zeros((3, 1)), start, p)
    assert found.verdict.tolist() == [NOT_AT_REST, NOT_AT_REST, AT_REST]


def test_a_state_that_has_become_negative_may_rest_there():
    found = RestProblem("x' = -x - 2; x = 1").rest(30.0)
    assert found.verdict.tolist() == [AT_REST]
    close(found.states, [[-2.0]])


def test_networks_without_capacity():
    text = """
    species E, S, P
    S -> P; E*S - 0.1*E*P
    E = 0; S = 1; P = 2
    """
    still = RestProblem(text + "\nE' = 0").rest(1.0, {}, {"S": 0.0, "P": 0.0})
    assert (still.verdict == AT_REST).all()
    assert still.states[:, 1:].tolist() == [[1.0, 2.0], [0.0, 0.0]]
    empty = RestProblem(DOUBLE)
    nothing = empty.rest(1.0, dict.fromkeys(empty.equations.states, 0.0))
    assert nothing.verdict.tolist() == [AT_REST]
    assert not nothing.states.any()


def test_no_states_and_no_runs():
    pattern = np.zeros((2, 0), np.int64)
    for runs, n in ((3, 0), (0, 0), (0, 4)):
        y = np.zeros((runs, n))
        found = newton_batch(
            lambda y, p: (np.zeros_like(y), np.zeros((len(y), 0))),
            blocks.Structure(pattern, np.zeros((0, n)), np.zeros(n, bool)),
            y,
            y,
            start=y,
            rtol=RTOL,
            atol=ATOL,
        )
        assert found.states.shape == (runs, n)
        assert (found.verdict == AT_REST).all()


def test_rates_that_are_no_numbers_are_not_at_rest():
    problem = RestProblem("species x\n-> x; ln(x)\nx = 1")
    start, p = problem.runs({}, {})
    found = problem.polish(np.array([[-1.0], [0.0]]), start, p)
    assert found.verdict.tolist() == [NOT_AT_REST] * 2
    assert refused(found)


# --- continua ----------------------------------------------------------------------------------


def test_in_a_continuum_the_integrated_state_is_kept():
    """Where A has gone to is what the path says: B : C = 1 : k."""
    problem = RestProblem(BRANCHES)
    start, p = problem.runs()
    settled = problem.integrate(start, p, 100.0, rtol=1e-10, atol=1e-13)
    found = problem.polish(settled, start, p)
    assert found.verdict.tolist() == [CONTINUUM]
    close(found.states[0], [0, 1 / 1.3, 0.3 / 1.3])
    assert found.growth[0] <= 0


def test_a_state_beside_a_continuum_is_not_moved_onto_it():
    problem = RestProblem(BRANCHES)
    start, p = problem.runs()
    settled = problem.integrate(start, p, 8.0)
    assert settled[0, 0] > 1e-5
    assert problem.polish(settled, start, p).verdict.tolist() == [NOT_AT_REST]


def test_a_state_beside_a_continuum_in_a_slow_direction_is_not_at_rest():
    """E and F exchange 1e5 times more slowly than their partners: rates are small, and not zero."""
    text = """
    species A, B, C, D, E, F, G
    A -> B; A; A -> C; 0.3*A; D -> E; 1e6*(D - E); F -> G; 1e6*(F - G); E -> F; 10*(E - F)
    A = 1e-30; B = 1; C = 2; D = 1; E = 1; F = 1; G = 1
    """
    problem = RestProblem(text)
    start, p = problem.runs()
    state = dict(zip(problem.equations.states, range(7), strict=True))
    assert problem.polish(start, start, p).verdict.tolist() == [CONTINUUM]
    off = start.copy()
    off[0, [state["D"], state["E"]]] += 1e-4
    off[0, [state["F"], state["G"]]] -= 1e-4
    assert problem.polish(off, start, p).verdict.tolist() == [NOT_AT_REST]


@pytest.mark.parametrize("seed", range(6))
def test_a_hidden_total_is_a_continuum_whatever_round_off_makes_of_it(seed):
    """A ring of six without synthesis: singular, though elimination may leave a tiny pivot."""
    k = np.random.default_rng(seed).uniform(0.1, 10, 12)
    lines = ["species " + ", ".join(f"s{i}" for i in range(6)), "-> s0; e; s0 -> ; e*s0", "e = 0"]
    lines += [f"s{i} -> s{(i + 1) % 6}; {k[i]}*s{i} - {k[i + 6]}*s{(i + 1) % 6}" for i in range(6)]
    lines += [f"s{i} = {i / 3}" for i in range(6)]
    problem = RestProblem("\n".join(lines))
    start, p = problem.runs()
    settled = problem.integrate(start, p, 100.0)
    found = problem.polish(settled, start, p)
    assert found.verdict.tolist() == [CONTINUUM]
    np.testing.assert_array_equal(found.states, settled)


def test_an_invariant_that_is_not_linear_makes_a_continuum():
    """x y is conserved and no total says so."""
    problem = RestProblem("species x, y\n-> x; x*(1 - x*y); y -> ; y*(1 - x*y)\nx = 2; y = 0.5")
    start, p = problem.runs()
    found = problem.polish(start, start, p)
    assert found.verdict.tolist() == [CONTINUUM]
    np.testing.assert_array_equal(found.states, start)


def test_what_zeros_conserve_is_polished_once_it_is_known():
    text = """
    species A, B
    A -> B; 3*A - B; -> A; synthesis; B -> ; decay*B
    synthesis = 0; decay = 0; A = 1; B = 0
    """
    problem = RestProblem(text)
    start, p = problem.runs()
    settled = problem.integrate(start, p, 30.0)
    assert problem.polish(settled, start, p).verdict.tolist() == [CONTINUUM]
    zero = frozenset({"synthesis", "decay"})
    more = find_moieties(problem.network, problem.equations, zero=zero)
    drifted = settled * (1 + 1e-5)
    found = problem.polish(drifted, start, p, moieties=more)
    assert found.verdict.tolist() == [AT_REST]
    close(found.states, [[0.25, 0.75]])


# --- stability ---------------------------------------------------------------------------------


def reduced_growth(problem, y, p):
    """Largest real part, from the whole Jacobian without its eigenvalues nearest to zero."""
    matrix = np.zeros((y.shape[1],) * 2)
    matrix[tuple(problem.pattern)] = problem.jacobian(y, p)[0]
    values = np.linalg.eigvals(matrix)
    return np.sort(values[np.argsort(abs(values))][len(problem.moieties.coefficients) :].real)[-1]


@pytest.mark.parametrize(("text", "time"), [(ENZYME, 200.0), (DOUBLE, 2e3), (GENE, 60.0)])
def test_growth_against_the_whole_jacobian(text, time):
    problem = RestProblem(text)
    _, p = problem.runs()
    found = problem.rest(time)
    expected = reduced_growth(problem, found.states, p)
    np.testing.assert_allclose(found.growth[0], expected, rtol=REST_EIGENVALUE)


def test_moieties_that_reach_over_several_blocks():
    """A -> B <-> C -> D <-> E -> 0: totals lie in the last block they reach, and end nowhere."""
    text = """
    species A, B, C, D, E, X, Y
    A -> B; A; B -> C; 3*B - C; C -> D; 0.2*C; D -> E; D - 5*E; X -> Y; X*E
    A = 1; B = 0; C = 0; D = 0; E = 0; X = 1; Y = 2
    """
    problem = RestProblem(text)
    _, p = problem.runs()
    assert len(problem.moieties.coefficients) == 2
    found = problem.rest(3e3)
    assert found.verdict.tolist() == [AT_REST]
    close(found.states[0], [0, 0, 0, 5 / 6, 1 / 6, 0, 3])
    np.testing.assert_allclose(
        found.growth[0], reduced_growth(problem, found.states, p), rtol=REST_EIGENVALUE
    )


def reversible_network(draw):
    """Random isomerisations and bindings, all reversible: totals, one stable state, no face."""
    size = draw(st.integers(2, 6))
    lines = [f"species s{i}; s{i} = {draw(st.floats(0.1, 2))}" for i in range(size)]
    state = st.integers(0, size - 1)
    for _ in range(draw(st.integers(1, 6))):
        left = draw(st.lists(state, min_size=1, max_size=2))
        right = draw(st.lists(state, min_size=1, max_size=1))
        energy = "*".join(f"s{i}" for i in left), "*".join(f"s{i}" for i in right)
        speed = draw(st.sampled_from([0.1, 1.0, 10.0]))
        # Detailed balance at s = 1 for all: every closed system relaxes to one stable state.
        law = f"{speed}*({energy[0]} - {energy[1]})"
        lines.append(" + ".join(f"s{i}" for i in left) + f" -> s{right[0]}; {law}")
    return "\n".join(lines)


@settings(max_examples=40)
@given(st.data())
def test_random_networks_in_detailed_balance_come_to_rest(data):
    """Closed systems relax to the one state that balances each reaction and has their totals."""
    problem = RestProblem(reversible_network(data.draw))
    start, p = problem.runs()
    found = problem.polish(problem.integrate(start, p, 1e4), start, p)
    assert found.verdict.tolist() == [AT_REST]
    state, totals = found.states, problem.moieties.coefficients
    turnover = np.zeros((1, state.shape[1]))
    entries = abs(problem.jacobian(state, p)[0]) * state[0, problem.pattern[1]]
    np.add.at(turnover[0], problem.pattern[0], entries)
    assert np.all(abs(problem.rates(state, p)) <= newton.RESIDUAL_ROUND_OFF * turnover)
    close(totals @ state[0], totals @ start[0])
    assert found.growth[0] < 0


def constraint(y, p):
    """x' = p z - x with 0 = x + y - 1 and 0 = z - y: x' = p (1 - x) - x."""
    x, algebraic, z = y.T
    return np.stack([p[:, 0] * z - x, x + algebraic - 1, z - algebraic], axis=1)


def constraint_jacobian(y, p):
    one = np.ones(len(y))
    return np.stack([-one, p[:, 0], one, one, -one, one], axis=1)


def test_constraints_are_met_and_eliminated_from_stability():
    p = np.array([[2.0], [-0.5], [-3.0]])  # the last grows: x' = -3 + 2 x
    x = p / (1 + p)
    rest = np.concatenate([x, 1 - x, 1 - x], axis=1)
    found = newton_batch(
        lambda y, p: (constraint(y, p), constraint_jacobian(y, p)),
        blocks.Structure(
            np.array([[0, 0, 1, 1, 2, 2], [0, 2, 0, 1, 1, 2]]),
            np.zeros((0, 3)),
            np.array([False, True, True]),
        ),
        rest * (1 + 1e-5),
        p,
        start=rest * 1.5,
        rtol=RTOL,
        atol=ATOL,
    )
    assert found.verdict.tolist() == [AT_REST, AT_REST, UNSTABLE]
    close(found.states[:2], rest[:2])
    close(found.growth, -1 - p[:, 0])


def test_a_slow_instability_beside_fast_rates_is_seen():
    text = """
    species A, B, x
    A -> B; 1e6*A - 1e6*B; -> x; 1e-3*x - 1e-3
    A = 1; B = 1; x = 1
    """
    problem = RestProblem(text)
    start, p = problem.runs()
    found = problem.polish(start, start, p)
    assert found.verdict.tolist() == [UNSTABLE]
    close(found.growth, [1e-3])


def test_a_slow_instability_within_a_fast_block_is_seen():
    text = """
    species A, B
    A -> B; 1e4*(A - B); -> A; 1e-3*A - 1e-3
    A = 1; B = 1
    """
    problem = RestProblem(text)
    start, p = problem.runs()
    found = problem.polish(start, start, p)
    assert found.verdict.tolist() == [UNSTABLE]
    close(found.growth, [5e-4], 1e-6)


@settings(max_examples=40)
@given(st.data())
def test_components_come_in_the_order_in_which_they_act(data):
    """Against SciPy's components; and nothing acts on an earlier one."""
    n = data.draw(st.integers(1, 12))
    state = st.integers(0, n - 1)
    edges = np.array(data.draw(st.lists(st.tuples(state, state), max_size=30)), int).reshape(-1, 2)
    rows, columns = edges.T
    place = blocks._components(n, rows, columns)
    assert (place[columns] <= place[rows]).all()
    graph = csr_array((np.ones(len(edges)), (columns, rows)), shape=(n, n))
    count, label = connected_components(graph, connection="strong")
    assert set(place) == set(range(count))
    np.testing.assert_array_equal(place[:, None] == place, label[:, None] == label)


# --- the linear systems ------------------------------------------------------------------------


def newton_system(problem, start, p):
    """What `newton.linearise` takes, with no state fixed."""
    structure = problem.structure()
    return newton.Problem(
        problem.linear,
        structure,
        structure.blocks(np.zeros(start.shape[1], bool)),
        np.ones(start.shape, bool),
        p,
        problem.moieties.weights(p),
        start,
        RTOL,
        ATOL,
    )


def solves_the_whole(problem, y, start, p):
    """A Newton step must solve J dy = -f in *every* row, and restore every total."""
    n, found = y.shape[1], problem.moieties
    weights = found.weights(p)
    system = newton_system(problem, start, p)
    matrix, right = newton.linearise(system, y)
    step = reduced.solve(matrix, right)[:, :, 0] * matrix.column
    whole = np.zeros((len(y), n, n))
    whole[:, problem.pattern[0], problem.pattern[1]] = problem.jacobian(y, p)
    size = np.abs(whole) @ np.abs(step)[:, :, None] + np.abs(problem.rates(y, p))[:, :, None]
    residual = whole @ step[:, :, None] + problem.rates(y, p)[:, :, None]
    assert np.all(np.abs(residual) <= REST_RELATIVE * size.max(axis=1, keepdims=True, initial=0))
    missing = (weights * (y + step - start)) @ found.coefficients.T
    total = (weights * (np.abs(y) + np.abs(step) + start)) @ found.coefficients.T
    assert np.all(np.abs(missing) <= REST_RELATIVE * total)


def test_steps_over_blocks_and_compartments():
    text = """
    compartment c = 2, d = 0.5
    species A in c, B in d, C in c, D in d, E in c, X in d, Y in c, P in d
    A -> B; A; B -> C; 3*B - C; C -> D; 0.2*C; D -> E; D - 5*E*E; X -> Y; X*E - 0.1*Y*C
    -> P; Y*X; P -> ; P*P
    """
    problem = RestProblem(text + "; ".join(f"{name} = 1" for name in "ABCDEXYP"))
    rng = np.random.default_rng(4)
    start, p = problem.runs({}, {"c": 0.3}, {"d": 7})
    for _ in range(3):
        solves_the_whole(problem, rng.uniform(0.1, 3, start.shape), start, p)


@settings(max_examples=40)
@given(st.data())
def test_steps_of_random_networks(data):
    problem = RestProblem(reversible_network(data.draw))
    start, p = problem.runs()
    y = start * np.array([data.draw(st.floats(0.5, 2)) for _ in range(start.shape[1])])
    whole = np.zeros((y.shape[1],) * 2)
    whole[tuple(problem.pattern)] = problem.jacobian(y, p)[0]
    sizes = np.linalg.svd(np.vstack([whole, problem.moieties.coefficients]))[1]
    assume(sizes.size and sizes.min() > 1e-3 * sizes.max())  # 2 A -> A turns around at A = 1/2
    solves_the_whole(problem, y, start, p)


# --- what sensitivities will need --------------------------------------------------------------


def test_derivatives_of_the_root_by_the_same_systems():
    """Implicit function theorem against central differences, for a constant and for a total."""
    problem = RestProblem(DOUBLE.replace("3*MK", "k*MK") + "k = 3")
    start, p = problem.runs()
    root = problem.rest(2e3).states
    k = problem.equations.parameters.index("k")
    total = problem.equations.states.index("K")
    weights = problem.moieties.weights(p)
    system = newton_system(problem, start, p)
    matrix, _ = newton.linearise(system, root)
    by_rate, by_amount = np.zeros((2, 1, 9, 2))
    moved = p.astype(complex)
    moved[0, k] += 1e-30j
    by_rate[0, :, 0] = problem.rates(root.astype(complex), moved).imag[0] / 1e-30
    by_amount[0, total, 1] = weights[0, total]
    right = reduced.right_hand_side(matrix, -by_rate, by_amount)
    derivative = reduced.solve(matrix, right)[0] * matrix.column[0][:, None]
    for column, (name, value) in enumerate((("k", 3.0), ("K", 0.1))):
        h = 1e-4 * value
        start, p = problem.runs({name: value + h}, {name: value - h})
        ends = problem.polish(np.repeat(root, 2, axis=0), start, p)
        assert (ends.verdict == AT_REST).all()
        difference = (ends.states[0] - ends.states[1]) / (2 * h)
        np.testing.assert_allclose(derivative[:, column], difference, rtol=REST_DERIVATIVE)
