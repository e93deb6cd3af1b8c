"""States of rest, from a start: integration, Newton's method, and what must give no numbers."""

import numpy as np
import pytest

from simulator.integrator import steady
from simulator.integrator.status import Status
from tests.integrator import problems
from tests.integrator.problems import LOOSE, Tolerances, same, settle
from tests.tolerances import REST_RELATIVE


def test_conserved_totals_are_kept():
    found, ends = settle(problems.CHAIN, A=2.0, B=3.0, C=1.0, a=1e-4, b=1e3)
    assert ends.status.tolist() == [Status.SUCCESS]
    np.testing.assert_allclose(found[0], [0, 0, 6.0], rtol=REST_RELATIVE)
    assert found[0, :2].tolist() == [0.0, 0.0]  # what only decays ends at nothing


def test_where_a_total_ends_depends_on_what_is_zero():
    """What A becomes ends in C, in B without B -> C, and nowhere without A."""
    found, ends = settle(problems.CHAIN, runs=4, A=[2.0, 2.0, 0.0, 0.0], b=[1.0, 0.0, 0.0, 1.0])
    assert (ends.status == Status.SUCCESS).all()
    expected = [[0, 0, 2], [0, 2, 0], [0, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(found, expected, rtol=REST_RELATIVE)


def test_held_states_stay():
    found, ends = settle(problems.CHAIN, A=2.0, a=0.0, b=1.0, held=("A",))
    assert ends.status.tolist() == [Status.SUCCESS]
    assert found[0, 0] == 2.0


def test_a_synthesis_and_decay_of_any_speed():
    k = 10.0 ** np.arange(-6, 7)
    found, ends = settle("y' = k*(3 - y); y = 0; k = 1;", runs=k.size, k=k)
    assert (ends.status == Status.SUCCESS).all()
    np.testing.assert_allclose(found[:, 0], 3.0, rtol=REST_RELATIVE)


def test_of_two_states_of_rest_the_one_that_the_path_leads_to():
    """y' = y (1 - y) (y - 0.3): 0 from below 0.3, 1 from above."""
    start = np.array([0.1, 0.29, 0.31, 0.7, 2.0])
    found, _ = settle("y' = y*(1 - y)*(y - 0.3); y = 1;", runs=5, y=start)
    np.testing.assert_allclose(found[:, 0], [0, 0, 1, 1, 1], rtol=REST_RELATIVE)


NEVER = {
    "oscillation": (problems.OSCILLATOR, {}, Status.NO_STEADY_STATE),
    "growth": (problems.CHAIN, {"held": ("A",)}, Status.NO_STEADY_STATE),
    "pole": (problems.BLOW_UP, {}, Status.NO_STEADY_STATE),
    "few steps": (problems.ROBERTSON, {"tolerances": Tolerances(1e-6, 1e-9, 5)}, None),
    "no number": (problems.CHAIN, {"a": np.nan}, Status.NOT_FINITE),
    "no time": (
        problems.OSCILLATOR,
        {"tolerances": Tolerances(1e-6, 1e-9, 10**12), "seconds": 0.01},
        Status.TIME_LIMIT,
    ),
}


@pytest.mark.parametrize("name", NEVER)
def test_without_a_state_of_rest_there_are_no_numbers(name, capfd):
    text, options, status = NEVER[name]
    found, ends = settle(text, **options)
    assert Status(ends.status[0]) == (status or Status.NO_STEADY_STATE)
    assert np.isnan(found).all()
    assert 0 <= ends.state[0] < found.shape[1]
    assert capfd.readouterr() == ("", "")


def test_the_state_that_grows_is_named():
    kernel = problems.compiled(problems.CHAIN)
    _, ends = settle(kernel, held=("A",))
    assert kernel.states[ends.state[0]] == "C"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_does_not_depend_on_its_batch(workers):
    random = np.random.default_rng(0)
    runs = 37
    values = {name: 10.0 ** random.uniform(-3, 3, runs) for name in ("a", "b", "A")}
    values["a"][[3, 20]] = np.nan
    values["a"][5] = -1.0
    together, ends = settle(problems.CHAIN, runs=runs, workers=workers, **values)
    assert (ends.status != Status.SUCCESS).sum() == 3
    for run in range(runs):
        one = {name: value[run] for name, value in values.items()}
        found, end = settle(problems.CHAIN, tolerances=LOOSE, **one)
        assert same(found[0], together[run])
        for part, whole in zip(end, ends, strict=True):
            assert same(part[0], whole[run])


def test_conserved_totals_are_kept_to_the_last_digits():
    """A + B and 2 D + E, whatever the path made of them."""
    text = """
    species A, B, D, E
    A -> B; 1e6*A - B; D -> 2 E; 3*D*B - 1e-3*E^2
    A = 0.3; B = 0.1; D = 7; E = 0.01
    """
    found, ends = settle(text)
    a, b, d, e = found[0]
    assert ends.status.tolist() == [Status.SUCCESS]
    np.testing.assert_allclose([a + b, 2 * d + e], [0.4, 14.01], rtol=REST_RELATIVE)
    np.testing.assert_allclose([1e6 * a, 3 * d * b], [b, 1e-3 * e**2], rtol=REST_RELATIVE)


TOGGLE = """
species u, v
-> u; a/(1 + v^2); u -> ; u; -> v; a/(1 + u^2); v -> ; v
a = 5; u = 2; v = 1
"""


def test_a_switch_rests_on_the_branch_it_is_led_to():
    found, ends = settle(TOGGLE, runs=3, u=[2.0, 1.0, 1.01], v=[1.0, 2.0, 1.0])
    high, low = (5 + np.sqrt(21)) / 2, (5 - np.sqrt(21)) / 2  # u v = 1, u + v = a
    assert (ends.status == Status.SUCCESS).all()
    expected = [[high, low], [low, high], [high, low]]
    np.testing.assert_allclose(found, expected, rtol=REST_RELATIVE)


def test_a_saddle_gives_no_numbers():
    """On its stable manifold, errors decide to which side the system leaves."""
    found, ends = settle(TOGGLE, runs=2, u=[1.0, 0.2], v=[1.0, 0.2])
    assert ends.status.tolist() == [Status.UNSTABLE_STEADY_STATE] * 2
    assert np.isnan(found).all()


@pytest.mark.parametrize("rate", [1e-3, 1e-9, 1e-12])
def test_growth_however_slow_gives_no_numbers(rate):
    text = "species A, B\n-> A; rate; -> B; 1 - B\nA = 1; B = 1; rate = 1"
    found, ends = settle(text, rate=rate)
    assert ends.status.tolist() == [Status.NO_STEADY_STATE]
    assert np.isnan(found).all()


SLOW = {
    # x decays for 1e8, then y switches on.
    "decay": ("-> y; 1/(1 + (2*x)^8) - y; x -> ; 1e-8*x", [1.0, 0.0]),
    # x creeps from 1 to 10 and turns y on at 3.
    "count": ("-> y; x^8/(x^8 + 3^8) - y; -> x; 1e-8 - 1e-9*x", [1e8 / (1e8 + 3**8), 10.0]),
    # fast relaxation onto a manifold that is left a million times more slowly
    "manifold": ("-> y; 1e6*(x^2 - y); -> x; 1 - x/4", [16.0, 4.0]),
}


@pytest.mark.parametrize("name", SLOW)
def test_what_is_quiet_for_decades_is_followed_to_its_end(name):
    rates, expected = SLOW[name]
    found, ends = settle(f"species y, x\n{rates}\nx = 1; y = 0")
    assert ends.status.tolist() == [Status.SUCCESS]
    np.testing.assert_allclose(found[0], expected, rtol=REST_RELATIVE)


BRANCHES = "species A, B, C\nA -> B; A; A -> C; k*A\nk = 0.3; A = 1; B = 0; C = 0"


@pytest.mark.parametrize("rtol", [1e-4, 1e-9])
def test_where_the_path_decides_it_is_as_accurate_as_asked(rtol):
    found, ends = settle(BRANCHES, tolerances=Tolerances(rtol, 1e-12, 20_000), runs=2, k=[0.3, 2.0])
    assert (ends.status == Status.SUCCESS).all()
    expected = [[0, 1 / 1.3, 0.3 / 1.3], [0, 1 / 3, 2 / 3]]
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-12)
    assert not found[:, 0].any()


def test_what_zeros_conserve_is_found_and_polished():
    """Without synthesis and decay A + B is conserved; with either, it is not."""
    text = """
    species A, B
    A -> B; 3*A - B; -> A; synthesis; B -> ; decay*B
    synthesis = 0; decay = 0; A = 1; B = 0
    """
    given = {"synthesis": [0.0, 0.5], "decay": [0.0, 0.25], "A": [1.0, 1.0]}
    found, ends = settle(text, runs=2, **given)
    assert (ends.status == Status.SUCCESS).all()
    np.testing.assert_allclose(found, [[0.25, 0.75], [2.5 / 3, 2.0]], rtol=REST_RELATIVE)


def test_what_events_assign_is_not_taken_for_zero():
    text = """
    species A, B
    A -> B; 3*A - B; -> A; synthesis; B -> ; decay*B
    synthesis = 0; decay = 0; A = 1; B = 0
    {}at (time > 1): decay = 1
    """
    for event, count in (("", 1), ("E: ", 0)):
        kernel = problems.compiled(text.format(event or "#"))
        start, p = problems.batch(kernel)
        conserved = kernel.conserved()
        assert len(conserved.structure.moieties) == 0
        assert len(conserved.where_zero(start[0] == 0, p[0] == 0).moieties) == count


def test_a_path_that_fails_is_followed_more_closely(monkeypatch):
    follow = steady.follow_paths

    def fails_at_first(system, method, tolerances, *rest):
        follow(system, method, tolerances, *rest)
        if tolerances.rtol == steady.PATH_RTOL[0]:
            rest[4].status[:] = Status.NO_STEADY_STATE

    expected, _ = settle(TOGGLE)
    monkeypatch.setattr(steady, "follow_paths", fails_at_first)
    found, ends = settle(TOGGLE)
    assert ends.status.tolist() == [Status.SUCCESS]
    np.testing.assert_allclose(found, expected, rtol=REST_RELATIVE)


def test_runs_of_every_kind_do_not_depend_on_their_batch(monkeypatch):
    """At rest, on a saddle, in a continuum, with states absent; over threads and pieces."""
    text = TOGGLE + "species A, B, C\nA -> B; A; A -> C; k*A\nk = 0.3; A = 1; B = 0; C = 0"
    values = {
        "u": np.array([2.0, 1.0, 1.0, 0.0, 1.01, 3.0]),
        "v": np.array([1.0, 1.0, 2.0, 0.0, 1.0, 1.0]),
        "A": np.array([0.0, 0.0, 1.0, 0.0, 0.5, 0.0]),
        "B": np.array([0.0, 1.0, 0.0, 0.0, 0.0, 0.2]),
    }
    monkeypatch.setattr(steady, "TOGETHER", 2)
    alone = [settle(text, **{name: v[run] for name, v in values.items()}) for run in range(6)]
    for workers in (1, 2):
        together, ends = settle(text, runs=6, workers=workers, **values)
        for run, (found, end) in enumerate(alone):
            assert same(found[0], together[run])
            for part, whole in zip(end, ends, strict=True):
                assert same(part[0], whole[run])
    assert set(ends.status) == {Status.SUCCESS, Status.UNSTABLE_STEADY_STATE}
