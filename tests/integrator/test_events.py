"""Events against closed forms and libRoadRunner: when they happen, in which order, what they do."""

import numpy as np
import pytest

from simulator.integrator.events import PENDING_LIMIT, uniform
from simulator.integrator.status import Status
from simulator.network.antimony import antimony_to_sbml
from tests.integrator import problems, rows
from tests.integrator.problems import Tolerances, integrate
from tests.tolerances import EVENT_REFERENCE, EVENT_TIME

TIGHT = problems.TIGHT
STILL = "clock' = 1; clock = 0;"  # without a state there is nothing to integrate


def values(text, times, *names, **options):
    """Outputs (names, times) of one run that succeeds."""
    found = integrate(text, times, outputs=names, **options)
    assert found.ends.status.tolist() == [Status.SUCCESS]
    return found.out[:, 0]


def steps(text, times, name="x", **options):
    return values(text, times, name, **options)[0].tolist()


# ------------------------------------------------------------------ when


@pytest.mark.parametrize("moment", [0.1, 0.3, 1 / 3, 0.7, 1.0, np.pi, 1e-3, 1e3 / 7])
def test_an_output_at_the_very_time_of_an_event_is_after_it(moment):
    """The trigger time >= moment is true at that time, and the time is met to the last bit."""
    text = STILL + "x = 0; when = 0; c = 1; at (time >= c): x = 1, when = time;"
    before = np.nextafter(moment, 0.0)
    got = values(text, [before, moment, 2 * moment], "x", "when", c=moment)
    assert got[0].tolist() == [0.0, 1.0, 1.0]
    assert got[1].tolist() == [0.0, moment, moment]


def test_triggers_made_of_states_are_met_to_the_accuracy_of_the_states():
    """A decays from 1 at rate 1 and is brought back to 1 when it falls below 1/2."""
    text = "A' = -A; A = 1; n = 0; at (A < 0.5): A = 1, n = n + 1;"
    times = np.linspace(0.05, 9.05, 46)
    got = values(text, times, "A", "n")
    expected = 0.5 ** (times / np.log(2) % 1.0)
    np.testing.assert_allclose(got[0], expected, rtol=1e-7)
    assert got[1].tolist() == np.floor(times / np.log(2)).tolist()


def test_thousands_of_events_in_a_run():
    text = "x' = 1; x = 0; n = 0; at (x >= 1): x = x - 1, n = n + 1;"
    times = np.arange(10.5, 3000.0, 100.2)
    got = values(text, times, "x", "n")
    assert (np.abs(got[0] - times % 1.0) <= EVENT_TIME * times * np.spacing(times)).all()
    assert got[1].tolist() == np.floor(times).tolist()


def test_a_bouncing_ball():
    """Height 1, no air, a speed of 0.8 after each bounce: t_k = T (1 + 2 (0.8 + 0.8^2 + ...))."""
    text = "h' = v; v' = -9.81; h = 1; v = 0; n = 0; at (h < 0): v = -0.8*v, n = n + 1;"
    fall = np.sqrt(2 / 9.81)
    bounces = fall * (1 + 2 * np.cumsum([0, *0.8 ** np.arange(1, 12)]))
    middles = (bounces[1:] + bounces[:-1]) / 2
    got = values(text, middles, "h", "n")
    np.testing.assert_allclose(got[0], 0.64 ** np.arange(1, 12), rtol=1e-6)
    assert got[1].tolist() == list(range(1, 12))


def test_a_trigger_that_is_true_for_a_moment():
    """Within [1, 1.001], in a run whose steps would leap over it."""
    text = STILL + "x = 0; at (time >= 1 && time < 1.001): x = 1;"
    assert steps(text, [0.9, 1.0005, 1e3], tolerances=Tolerances(1e-3, 1e-3, 10_000))[2] == 1.0


@pytest.mark.parametrize(("initially", "expected"), [("true", 0.0), ("false", 1.0)])
def test_what_a_trigger_was_before_the_start(initially, expected):
    text = STILL + f"x = 0; at (clock < 5), t0={initially}: x = x + 1;"
    assert steps(text, [0.0, 1.0]) == [expected, expected]


def test_triggers_turn_true_again():
    text = "s' = w; w' = -s; s = 0; w = 1; x = 0; at (s > 0.5): x = x + 1;"
    times = np.arange(0.0, 30.0, np.pi)
    expected = [int(np.floor((t - np.pi / 6) / (2 * np.pi))) + 1 for t in times]
    assert steps(text, times) == expected


def test_numbers_are_truth_values():
    text = "s' = 1; s = -0.5; x = 0; at (floor(s)): x = x + 1;"
    # floor(s) is -1 (true before the start), 0 from 0.5 to 1.5, then 1, 2, ... (true)
    assert steps(text, [0.0, 1.0, 1.5, 3.0]) == [0.0, 0.0, 1.0, 1.0]


def test_steps_of_time_in_triggers():
    """Each hour of a day for two seconds: pulses that only the jumps of floor give away."""
    text = STILL + "n = 0; at (time - floor(time) < 0.0005): n = n + 1;"
    got = steps(text, [0.5, 1.5, 23.5], "n", tolerances=Tolerances(1e-3, 1e-3, 100_000))
    assert got == [0.0, 1.0, 23.0]


# ------------------------------------------------------------------ delays and persistence


def test_delays_are_exact():
    """An execution c after the start, to the last bit; and not before."""
    text = STILL + "x = 0; c = 1; at c after (clock >= 0), t0=false, fromTrigger=false: x = time;"
    for delay in (0.1, 0.7, 1 / 3, 12.25):
        got = values(text, [np.nextafter(delay, 0), delay], "x", c=delay)[0]
        assert got.tolist() == [0.0, delay]


def test_executions_wait_side_by_side():
    """Triggered at 1, 2, 3, ... and executed 2.5 later."""
    text = (
        STILL + "x = 0; n = 0; at 2.5 after (clock >= n + 1), fromTrigger=false: x = x + 1;"
        "at (clock >= n + 1): n = n + 1;"
    )
    assert steps(text, [3.4, 3.6, 4.6, 9.6]) == [0.0, 1.0, 2.0, 7.0]


def test_a_delay_is_evaluated_when_triggered():
    text = STILL + "x = 0; d = 1; at d after (time >= 1): x = 1; at (time >= 1.5): d = 5;"
    assert steps(text, [1.9, 2.1]) == [0.0, 1.0]


@pytest.mark.parametrize(("persistent", "expected"), [("true", 1.0), ("false", 0.0)])
def test_persistence(persistent, expected):
    """True from 1 to 1.5, to be executed at 2."""
    text = STILL + f"x = 0; at 1 after (time >= 1 && time < 1.5), persistent={persistent}: x = 1;"
    assert steps(text, [1.75, 2.5]) == [0.0, expected]


def test_what_is_cancelled_may_be_triggered_again():
    """True from 1 to 1.5 and from 2 on; executed 1 after the second time."""
    text = (
        STILL
        + "x = 0; at 1 after ((time >= 1 && time < 1.5) || time >= 2), persistent=false: x = time;"
    )
    assert steps(text, [2.5, 3.5]) == [0.0, 2.0]


@pytest.mark.parametrize(("early", "expected"), [("true", 1.0), ("false", 2.0)])
def test_values_of_trigger_or_of_execution(early, expected):
    text = STILL + f"x = 0; at 1 after (clock >= 1), fromTrigger={early}: x = floor(clock + 0.5);"
    assert steps(text, [2.5]) == [expected]


def test_the_value_of_each_trigger_is_kept():
    """Triggered at 1, 2, 3 with those values, executed 1.5 later."""
    text = (
        STILL + "x = 0; n = 0; at 1.5 after (clock >= n + 1): x = n;"
        "at (clock >= n + 1), priority=-1: n = n + 1;"
    )
    assert steps(text, [2.6, 3.6, 4.6]) == [0.0, 1.0, 2.0]


# ------------------------------------------------------------------ order


@pytest.mark.parametrize(
    ("first", "second", "expected"), [(1, 2, 8.0), (2, 1, 5.0), (-1, -2, 5.0), (0.5, 0.25, 5.0)]
)
def test_priorities(first, second, expected):
    """Doubling before or after adding 3 to 1, with values from the execution."""
    text = STILL + (
        f"x = 1; at (time >= 1), priority={first}, fromTrigger=false: x = 2*x;"
        f"at (time >= 1), priority={second}, fromTrigger=false: x = x + 3;"
    )
    assert steps(text, [1.5]) == [expected]


def test_priorities_are_evaluated_after_each_execution():
    """Of three, the first executed turns the order of the others round."""
    text = STILL + (
        "x = 0; a = 3; b = 2; at (time >= 1), priority=10, fromTrigger=false: a = 1;"
        "at (time >= 1), priority=a, fromTrigger=false: x = 10*x + 1;"
        "at (time >= 1), priority=b, fromTrigger=false: x = 10*x + 2;"
    )
    assert steps(text, [1.5]) == [21.0]


def test_simultaneous_events_use_the_values_of_their_triggers():
    text = (
        STILL
        + "a = 1; b = 2; at (time >= 1), priority=1: a = b; at (time >= 1), priority=2: b = a;"
    )
    assert values(text, [1.5], "a", "b")[:, 0].tolist() == [2.0, 1.0]


def test_assignments_of_an_event_do_not_see_each_other():
    text = STILL + "a = 1; b = 2; at (time >= 1): a = b, b = a;"
    assert values(text, [1.5], "a", "b")[:, 0].tolist() == [2.0, 1.0]


def test_an_execution_cancels_what_is_due_but_no_longer_true():
    """The first makes the trigger of the second false, which is not persistent."""
    text = STILL + (
        "x = 0; on = 1; at (time >= 1), priority=2: on = 0;"
        "at (time >= 1 && on > 0.5), priority=1, persistent=false: x = 1;"
    )
    assert steps(text, [1.5]) == [0.0]


def test_events_cause_events_at_once():
    text = (
        STILL
        + "a = 0; b = 0; c = 0; at (time >= 1): a = 1; at (a > 0): b = 1; at (b > 0): c = time;"
    )
    assert values(text, [1.0], "a", "b", "c")[:, 0].tolist() == [1.0, 1.0, 1.0]


LOTTERY = (
    STILL
    + """
n = 0; taken = 0; a = 0; b = 0; c = 0;
at (clock >= n + 1), priority=1, fromTrigger=false: a = a + 1 - taken, taken = 1;
at (clock >= n + 1), priority=1, fromTrigger=false: b = b + 1 - taken, taken = 1;
at (clock >= n + 1), priority=1, fromTrigger=false: c = c + 1 - taken, taken = 1;
at (clock >= n + 1), priority=0: n = n + 1, taken = 0;
"""
)


def test_equals_are_drawn_by_lot():
    """Each of three is first in a third of 3000 draws, within four standard deviations (26)."""
    draws = 3000
    counts = values(LOTTERY, [draws + 0.5], "a", "b", "c", tolerances=LOOSE_LONG)[:, 0]
    assert counts.sum() == draws
    assert np.abs(counts - draws / 3).max() < 4 * np.sqrt(draws * 2 / 9)


LOOSE_LONG = Tolerances(1e-6, 1e-9, 200_000)


def test_lots_are_the_same_in_every_run_of_the_same_numbers():
    found = integrate(LOTTERY, [20.5], outputs=("a", "b", "c"), runs=19, workers=2)
    assert (found.out == found.out[:, :1]).all()


def test_random_numbers_are_those_of_splitmix64():
    """The generator's published sequence, begun at 0, in units of 2^-53."""

    @rows.entry
    def numbers(out):
        for k in range(out.size):
            out[k] = uniform(float(k))

    out = np.empty(5)
    numbers(out)
    state, expected = 0, []
    for _ in range(5):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
        expected.append(((z ^ (z >> 31)) >> 11) / 2**53)
    assert expected[0] == (0xE220A8397B1DCDAF >> 11) / 2**53
    assert out.tolist() == expected


# ------------------------------------------------------------------ what is assigned


def test_a_compartment_dilutes_what_is_in_it():
    text = """
    compartment cell = 2; species S in cell, T in cell; S = 3; T = 5;
    R1: S -> T; cell*k*S; k = 0;
    at (time >= 1): cell = 6;
    """
    got = values(text, [0.5, 1.5], "S", "T", "cell")
    np.testing.assert_allclose(got, [[3, 1], [5, 5 / 3], [2, 6]], rtol=1e-12)


def test_a_concentration_assigned_together_with_its_compartment():
    """The amount is that in the size before the event; afterwards it is in the new one."""
    text = """
    compartment cell = 2; species S in cell; S = 3; R1: S -> ; cell*k*S; k = 0;
    at (time >= 1): cell = 6, S = 12;
    """
    np.testing.assert_allclose(values(text, [1.5], "S")[0], 12 * 2 / 6, rtol=1e-12)


def test_parameters_enter_the_rates_from_then_on():
    text = "A' = -k*A; A = 1; k = 1; at (time >= 1): k = 3; at (time >= 2): A = 1, k = 0.5;"
    got = values(text, [1.0, 2.0, 3.0], "A")[0]
    np.testing.assert_allclose(got, [np.exp(-1), 1.0, np.exp(-0.5)], rtol=1e-8)
    assert got[1] == 1.0


def test_schedules_and_events_in_one_run():
    """A scheduled change makes a trigger true; the event's doing is changed by another."""
    text = "A' = -k*A; A = 1; k = 0; at (k > 0.5): A = 2;"
    changes = [(1.0, "k", 1.0), (2.0, "k", 0.0), (3.0, "k", 2.0)]
    got = values(text, [0.5, 1.0, 2.5, 3.0, 3.5], "A", changes=changes)[0]
    expected = [1.0, 2.0, 2 * np.exp(-1), 2.0, 2 * np.exp(-1)]
    np.testing.assert_allclose(got, expected, rtol=1e-8)


# ------------------------------------------------------------------ limits


def test_an_endless_cascade_ends_the_run():
    text = STILL + "x = 1; at (x > 0.5), t0=false: x = 0; at (x <= 0.5): x = 1;"
    found = integrate(text, [0.0, 1.0])
    assert found.ends.status.tolist() == [Status.EVENT_LIMIT]
    assert np.isnan(found.out).all()


def test_a_cascade_later_keeps_the_times_before():
    text = (
        STILL + "x = 1; on = 0; at (x > 0.5 && on > 0): x = 0; at (x <= 0.5): x = 1;"
        "at (time >= 2): on = 1;"
    )
    found = integrate(text, [1.0, 3.0], outputs=("clock",))
    assert found.ends.status.tolist() == [Status.EVENT_LIMIT]
    assert found.ends.time.tolist() == [2.0]
    np.testing.assert_allclose(found.out[0, 0], [1.0, np.nan])


@pytest.mark.parametrize(
    ("count", "status"), [(PENDING_LIMIT - 1, Status.SUCCESS), (PENDING_LIMIT, Status.EVENT_LIMIT)]
)
def test_executions_that_wait(count, status):
    """One more than those that wait for long is due at once."""
    text = (
        STILL
        + "n = 0; x = 0; at 1e6 after (clock >= n + 1): x = 1; at (clock >= n + 1): n = n + 1;"
    )
    found = integrate(text, [count + 0.5], outputs=("n",), tolerances=LOOSE_LONG)
    assert found.ends.status.tolist() == [status]


# ------------------------------------------------------------------ switches in time


def integral(piece, edges, t):
    """Integral from 0 of a function that is piece[k] from edges[k] on."""
    ends = np.append(edges[1:], np.inf)
    return sum(v * max(0.0, min(t, b) - a) for v, a, b in zip(piece, edges, ends, strict=True))


SWITCHES = {
    "piecewise": (
        "piecewise(1, time < 1.2345, piecewise(-3, time < 2.5, 0.5))",
        [1, -3, 0.5],
        [0, 1.2345, 2.5],
    ),
    "pulse": ("piecewise(5, (time >= 3) && (time < 3.01), 0)", [0, 5, 0], [0, 3, 3.01]),
    "floor": ("floor(time)", range(8), range(8)),
    "ceil": ("ceil(time + 1)", range(2, 10), range(8)),
    "quotient": ("floor(time/2) - floor((time - 1)/2)", [1, 0] * 4, range(8)),
    "relation": ("(time > 2) - (time > 4)", [0, 1, 0], [0, 2, 4]),
}


@pytest.mark.parametrize("rtol", [1e-4, 1e-10])
@pytest.mark.parametrize("name", SWITCHES)
def test_rates_that_jump_in_time(name, rtol):
    """Steps end at the jumps: no error is made there, and none is rejected."""
    formula, piece, edges = SWITCHES[name]
    times = [0.5, 1.0, 1.5, 2.5, 3.7, 7.3]
    found = integrate(f"y' = {formula}; y = 0;", times, tolerances=Tolerances(rtol, rtol, 1000))
    expected = [integral(piece, edges, t) for t in times]
    np.testing.assert_allclose(found.out[0, 0], expected, rtol=1e-11, atol=1e-11)
    assert found.ends.rejected.tolist() == [0]


def test_pulses_that_repeat():
    """On for a hundredth of every day, over a hundred days, in steps that could be longer."""
    text = "y' = piecewise(100, time - 24*floor(time/24) < 0.24, 0); y = 0;"
    times = [12.0, 1212.0, 2388.0]
    got = values(text, times, "y", tolerances=Tolerances(1e-3, 1e-3, 100_000))[0]
    np.testing.assert_allclose(got, [24.0, 51 * 24.0, 100 * 24.0], rtol=1e-9)


@pytest.mark.parametrize("rtol", [1e-6, 1e-10])
def test_rates_that_jump_and_vary(rtol):
    """Beside a rate that varies in time, so that stages of a step see different times."""
    formula, piece, edges = SWITCHES["piecewise"]
    times = [0.5, 1.0, 1.5, 2.5, 3.7, 7.3]
    tolerances = Tolerances(rtol, rtol * 1e-2, 10_000)
    got = values(f"y' = {formula} + sin(time); y = 0;", times, "y", tolerances=tolerances)[0]
    expected = [integral(piece, edges, t) + 1 - np.cos(t) for t in times]
    np.testing.assert_allclose(got, expected, atol=20 * rtol)


@pytest.mark.parametrize("relation", ["time > {0}", "time >= {0}", "{0} < time", "{0} - time <= 0"])
@pytest.mark.parametrize("moment", [0.0, 1e-9, 0.1, 1 / 3, 1.0, 10 / 7, 2.0])
def test_switches_that_are_known_in_advance(relation, moment):
    """A step ends at the switch, beside rates that vary in time: none is rejected for it."""
    text = f"y' = piecewise(3, {relation.format(repr(moment))}, 1) + cos(time); y = 0;"
    times = [0.05, 1.0, 1.5, 2.5]
    found = integrate(text, times, tolerances=Tolerances(1e-9, 1e-11, 10_000))
    expected = [t + 2 * max(0.0, t - moment) + np.sin(t) for t in times]
    np.testing.assert_allclose(found.out[0, 0], expected, rtol=2e-8)
    assert found.ends.rejected[0] <= 2, "what crosses a switch is rejected some ten times"


def test_switches_at_one_time_but_for_rounding():
    """Switches a rounding apart are one; a step between them would be lost in the time."""
    moments = [0.3, 0.1 + 0.2, float(np.nextafter(0.3, 0)), 0.3 * (1 + 1e-15)]
    rate = " + ".join(f"piecewise(1, time > {m!r}, 0)" for m in moments)
    got = values(f"y' = {rate} + cos(time); y = 0;", [0.2, 1.3], "y")[0]
    np.testing.assert_allclose(got, [np.sin(0.2), 4 + np.sin(1.3)], rtol=1e-5)


def test_switches_made_of_parameters_that_events_set():
    """A pulse of length 0.5 that begins anew, one after the other, as an event sets its begin."""
    text = """
        y' = piecewise(1, (time > begin) && (time - begin < width), 0); y = 0;
        begin = 1; width = 0.5; at (time > 2*begin): begin = time;
        """
    times = [0.9, 1.25, 1.75, 2.25, 4.5, 9.0]
    got = values(text, times, "y")[0]
    np.testing.assert_allclose(got, [0, 0.25, 0.5, 0.75, 1.5, 2.0], atol=1e-12)


@pytest.mark.parametrize(
    ("relation", "edges"),
    [
        ("time - 2*floor(time/2) < 0.5", [0, 0.5, 2, 2.5, 4, 4.5]),
        ("time - 3*(time > 2) < 1.5", [0, 1.5, 2, 4.5]),
        ("piecewise(time, time < 1, time + 2) < 3.5", [0, 1.5]),
        ("(time - 1)^2 < 0.25", [0.5, 1.5]),
        ("abs(time - 2) < 0.5", [1.5, 2.5]),
    ],
)
def test_relations_that_are_no_line_in_time(relation, edges):
    """They are watched instead; y is the time during which the relation holds."""
    times = [0.25, 1.25, 1.75, 2.25, 4.75]
    got = values(f"y' = piecewise(1, {relation}, 0); y = 0;", times, "y")[0]
    begins, ends = edges[::2], edges[1::2]
    expected = [
        sum(max(0, min(t, b) - a) for a, b in zip(begins, ends, strict=True)) for t in times
    ]
    np.testing.assert_allclose(got, expected, atol=1e-11)


# ------------------------------------------------------------------ libRoadRunner

REFERENCE = {
    "doses": """
        compartment body = 3; species D in body, E in body; D = 0; E = 0;
        R1: D -> E; body*ka*D; R2: E -> ; body*ke*E; ka = 1.2; ke = 0.3; n = 0;
        at (time >= 6*n + 1): D = D + 10, n = n + 1;
        """,
    "feedback": """
        compartment cell = 1; species A in cell, B in cell; A = 0.2; B = 0;
        R1: -> A; k; R2: A -> B; 0.5*A; R3: B -> ; 0.2*B; k = 1;
        at (A > 1.5): k = 0.1; at (B < 0.6), t0=true: k = 2;
        """,
    "delayed": """
        compartment cell = 2; species A in cell; A = 1; R1: A -> ; cell*0.4*A; x = 0;
        at 1.3 after (A < 0.6): A = A + 1, x = x + 1;
        at 0.5 after (x > 0.5), fromTrigger=false: cell = 4, x = 0;
        """,
    "priorities": """
        compartment cell = 1; species A in cell; A = 1; R1: A -> ; 0.7*A; x = 1;
        at (A < 0.5), priority=2, fromTrigger=false: x = 2*x;
        at (A < 0.5), priority=1, fromTrigger=false: x = x + 3, A = 2;
        """,
    "not persistent": """
        s' = w; w' = -s; s = 0; w = 1; x = 0; y = 0;
        at 0.3 after (s > 0.9), persistent=false: x = x + 1;
        at 0.3 after (s > 0.5), persistent=false: y = y + 1;
        """,
    "rate rules": """
        compartment cell = 1; species A in cell; A = 1; cell' = 0.1; R1: A -> ; cell*0.3*A;
        at (cell > 1.5): cell = 1, A = 2;
        """,
}


@pytest.mark.parametrize("name", REFERENCE)
def test_events_as_libroadrunner_does(name):
    roadrunner = pytest.importorskip("roadrunner")
    text = REFERENCE[name]
    kernel = problems.compiled(text)
    times = np.linspace(0.0, 24.13, 60)
    ours = integrate(kernel, times, outputs=kernel.outputs).out[:, 0]
    reference = roadrunner.RoadRunner(antimony_to_sbml(text, name))
    reference.integrator.relative_tolerance = 1e-11
    reference.integrator.absolute_tolerance = 1e-13
    reference.integrator.maximum_time_step = 0.01  # it looks for triggers at the ends of its steps
    model = reference.model
    species, others = model.getFloatingSpeciesIds(), set(model.getGlobalParameterIds())
    compared = [q for q in kernel.outputs if q in {*species, *others, "cell", "body"}]
    reference.timeCourseSelections = [f"[{q}]" if q in species else q for q in compared]
    theirs = np.array(reference.simulate(times=times.tolist())).T
    assert len(compared) >= 2
    for quantity, expected in zip(compared, theirs, strict=True):
        got = ours[kernel.outputs.index(quantity)]
        bound = EVENT_REFERENCE * (np.abs(expected) + np.abs(expected).max())
        assert (np.abs(got - expected) <= bound).all(), quantity
