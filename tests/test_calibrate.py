"""Calibration, on a model whose answers are known on paper, and on laws that hold for any.

In models/tiny a protein rests at k_syn / k_deg and falls as exp(-k_deg t) without synthesis, so
that each margin, its derivatives and the region where all checks hold are written down here.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulator as sim
from simulator.calibrate import Scorer, Space, draw_members, improve, robustness
from simulator.calibrate.cost import targets
from simulator.calibrate.ensemble import Walk, step_length
from simulator.calibrate.identify import (
    Assessment,
    assess,
    draw_sd,
    narrowed_below,
    pairs,
    reach,
    spectrum,
    tightest,
    verdicts,
)
from simulator.calibrate.point import STEP, jacobian
from simulator.calibrate.robustness import Robustness, moved
from simulator.calibrate.scores import WORST
from simulator.calibrate.space import RANGE_IN_SD, Free, free_quantities
from simulator.calibrate.store import write_values
from simulator.network.ensemble import Quantity

TINY = Path(__file__).parent / "models" / "tiny"
FILES = (TINY / "findings.yaml", TINY / "constraints.yaml")

K_SYN = Quantity("parameters", "", "k_syn")
K_DEG = Quantity("parameters", "", "k_deg")
IDLE = Quantity("parameters", "", "idle")
B_SYN = Quantity("cells", "B", "k_syn")
UNSTABLE_DEG = Quantity("alterations", "UNSTABLE", "k_deg")

# Simulations are asked for 1e-4; a step of 0.04 in z turns that into 0.0025 of a derivative.
CLOSE = {"rtol": 0, "atol": 1e-3}


@pytest.fixture(scope="module")
def tiny():
    return sim.load(TINY)


@pytest.fixture(scope="module")
def space(tiny):
    return free_quantities(tiny.definition)


@pytest.fixture(scope="module")
def scorer(tiny):
    with Scorer(tiny, FILES, workers=1) as scorer:
        yield scorer


def on_paper(values):
    """Margins of the five values of the tiny model's checks."""
    protein = values[K_SYN] / values[K_DEG]
    left = np.exp(-10 * values[K_DEG])
    unstable = np.log(0.5) - np.log(1 / values[UNSTABLE_DEG])
    return np.array(
        [
            min(np.log(protein / 8), np.log(12.5 / protein)),
            np.log(values[B_SYN] / 2),
            unstable,
            unstable,
            min(np.log(left / 0.1), np.log(0.3 / left)),
        ]
    )


# ---- the space ---------------------------------------------------------------------------------


def test_what_is_fitted_is_what_the_tables_mark(space):
    assert [free.quantity for free in space.free] == [K_SYN, K_DEG, IDLE, B_SYN, UNSTABLE_DEG]
    assert [free.log for free in space.free] == [True, True, False, True, True]
    low, high = space.bounds
    # four sd between the bounds; k_syn lies in the middle of its range in logs
    np.testing.assert_allclose(high - low, RANGE_IN_SD)
    np.testing.assert_allclose([low[0], high[0]], [-2, 2])
    np.testing.assert_allclose([low[2], high[2]], [-1.5, 2.5])


def test_only_the_tables_that_are_asked_for(tiny):
    only = free_quantities(tiny.definition, ["cells"])
    assert [free.quantity for free in only.free] == [B_SYN]


def test_a_fitted_quantity_needs_a_range(tmp_path):
    folder = copied(tmp_path)
    table = folder / "cells.tsv"
    table.write_text(table.read_text().replace("1.5\t0.5\t8", "1.5\t\t"))
    with pytest.raises(sim.ModelError, match="B k_syn is fitted, but has no lowerBound"):
        free_quantities(sim.load(folder).definition)


@st.composite
def spaces(draw):
    """Spaces of one to five quantities, on both scales, each value anywhere in its range."""
    free = []
    for k in range(draw(st.integers(1, 5))):
        log = draw(st.booleans())
        lower = draw(st.floats(1e-6, 1e3)) if log else draw(st.floats(-1e3, 1e3))
        width = draw(st.floats(1.01, 1e6))
        upper = lower * width if log else lower + width
        at = draw(st.floats(0, 1))
        value = lower * width**at if log else lower + at * width
        value = min(max(value, lower), upper)
        free.append(Free(Quantity("parameters", "", f"p{k}"), value, lower, upper, log))
    return Space(tuple(free))


@given(spaces(), st.data())
def test_coordinates_and_values_are_inverse(space, data):
    low, high = space.bounds
    z = np.array([data.draw(st.floats(float(a), float(b))) for a, b in zip(low, high, strict=True)])
    np.testing.assert_allclose(space.coordinates(space.values(z)), z, atol=1e-6)
    assert space.coordinates({}).tolist() == [0.0] * len(space)


@given(spaces(), st.floats(-50, 50))
def test_values_never_leave_their_bounds(space, z):
    for free, value in zip(space.free, space.values(np.full(len(space), z)).values(), strict=True):
        assert free.lower <= value <= free.upper


@given(spaces(), st.integers(0, 2**32 - 1))
def test_draws_from_the_prior_stay_within_the_bounds(space, seed):
    low, high = space.bounds
    z = space.draw(np.random.default_rng(seed), 20)
    assert z.shape == (20, len(space))
    assert ((z >= low - 1e-9) & (z <= high + 1e-9)).all()


# ---- margins and their derivatives -------------------------------------------------------------


def test_values_are_labelled_in_the_order_of_the_margins(scorer):
    assert scorer.labels == (
        "F1 protein",
        "F2 protein",
        "F3 protein (A)",
        "F3 protein (B)",
        "C1 protein",
    )
    assert scorer.findings == ("F1", "F2", "F3", "F3", "C1")
    assert scorer.checks.tolist() == [0, 1, 2, 2, 3]
    assert scorer.check_labels == (
        "F1 protein 8..12.5",
        "F2 protein >= 2",
        "F3 protein <= 0.5",
        "C1 protein 0.1..0.3",
    )


def test_margins_are_those_worked_out_on_paper(scorer, space):
    rng = np.random.default_rng(0)
    z = np.vstack([np.zeros(len(space)), space.draw(rng, 5)])
    sets = [space.values(each) for each in z]
    expected = np.clip([on_paper(values) for values in sets], -WORST, WORST)
    assert (expected < 0).any()
    assert (expected > 0).any()
    np.testing.assert_allclose(scorer.margins(sets), expected, **CLOSE)


def test_a_check_passes_if_all_its_values_do(scorer):
    margins = np.array([[0.1, 0.0, 0.1, -0.1, 0.1], [-0.1, 0.1, 0.1, 0.1, -2.0]])
    assert scorer.passed(margins).tolist() == [
        [True, True, False, True],
        [False, True, True, False],
    ]


def test_room_is_the_margin_in_the_middle(scorer):
    expected = [np.log(12.5 / 8) / 2, np.inf, np.inf, np.inf, np.log(3) / 2]
    np.testing.assert_allclose(scorer.room, expected)
    # what is asked for never exceeds a share of the room
    np.testing.assert_allclose(targets(scorer, 0.2)[:2], [0.6 * expected[0], 0.2])


def test_derivatives_are_the_analytic_ones(scorer, space):
    # away from the middle of F1's bound, where its margin has a kink
    z = np.array([0.15, -0.2, 0.1, 0.3, -0.2])
    values = space.values(z)
    sd = [np.log(f.upper / f.lower) / RANGE_IN_SD if f.log else np.nan for f in space.free]
    expected = np.zeros((5, 5))
    # ln X = ln k_syn - ln k_deg, above the middle: the margin is to 12.5
    expected[0, :2] = -sd[0], sd[1]
    expected[1, 3] = sd[3]
    expected[2:4, 4] = sd[4]
    # what is left exceeds 0.3: the margin ln 0.3 + 10 k_deg rises with k_deg
    expected[4, 1] = 10 * values[K_DEG] * sd[1]
    margins, slope = jacobian(space, scorer, z)
    np.testing.assert_allclose(margins, on_paper(values), **CLOSE)
    # one-sided differences of an exponential are off by half a step
    np.testing.assert_allclose(slope, expected, rtol=STEP * sd[1] / 2 * 1.2, atol=0.005)
    assert slope[:, 2].tolist() == [0.0] * 5


def test_several_processes_give_the_same_numbers_as_one(tiny, scorer, space):
    sets = [space.values(z) for z in space.draw(np.random.default_rng(1), 3)]
    with Scorer(tiny, FILES, workers=2) as pool:
        np.testing.assert_array_equal(pool.margins(sets), scorer.margins(sets))


def test_several_processes_need_a_with_statement(tiny):
    with pytest.raises(RuntimeError, match="with statement"):
        Scorer(tiny, FILES, workers=2).margins([{}])


# ---- the point and the ensemble ----------------------------------------------------------------


@pytest.fixture(scope="module")
def point(space, scorer):
    return improve(space, scorer, report=lambda text, z: None)


def test_the_point_reaches_the_region_where_all_checks_hold(space, scorer, point):
    start = scorer.margins([space.values(np.zeros(len(space)))])[0]
    assert (start < 0).sum() == 4
    values = space.values(point)
    # 0.2 is asked for, or 0.6 of the room; the prior pulls back a little
    assert (on_paper(values) > targets(scorer) - 0.02).all()
    low, high = space.bounds
    assert ((point >= low) & (point <= high)).all()
    assert point[2] == pytest.approx(0.0, abs=1e-9)  # nothing pulls on what is used nowhere


def test_what_cannot_be_reached_ends_at_a_bound(space, tiny, tmp_path):
    impossible = tmp_path / "findings.yaml"
    text = FILES[0].read_text().replace('">= 2"', '">= 10"')
    impossible.write_text(text)
    with Scorer(tiny, [impossible], workers=1) as scorer:
        z = improve(space, scorer, report=lambda text, z: None)
    assert space.values(z)[B_SYN] == pytest.approx(8.0, rel=0.01)


def test_every_member_passes_within_the_bounds(space, scorer, point):
    drawn = draw_members(space, scorer, point, 20, seed=3, report=lambda line: None)
    assert drawn.z.shape == (20, len(space))
    assert drawn.draws >= 20
    low, high = space.bounds
    for z in drawn.z:
        values = space.values(z)
        assert (on_paper(values) > -1e-3).all()
        assert ((z >= low) & (z <= high)).all()
    assert len({z.tobytes() for z in drawn.z}) == 20


def test_members_depend_on_the_seed_alone(space, tiny, scorer, point):
    def draw(seed, scorer=scorer):
        return draw_members(space, scorer, point, 4, seed, steps=2, report=lambda line: None).z

    first = draw(3)
    np.testing.assert_array_equal(draw(3), first)
    assert not np.array_equal(draw(4), first)
    with Scorer(tiny, FILES, workers=2) as pool:
        np.testing.assert_array_equal(draw(3, pool), first)


@pytest.mark.parametrize(("spread", "steps"), [(0.3, 1), (0.3, 6), (0.9, 4)])
def test_walks_that_no_check_holds_reach_the_spread(spread, steps):
    rng = np.random.default_rng(1)
    center = np.full(40_000, 2.0)
    walk = Walk(center, np.zeros((0, 0)), 0)
    for _ in range(steps):
        walk = walk.step(center, step_length(spread, steps), rng.standard_normal(center.size))
    assert walk.z.mean() == pytest.approx(2.0, abs=0.02)
    assert walk.z.std() == pytest.approx(spread, rel=0.02)


def test_members_hold_what_the_point_estimate_holds(tiny, space, point, tmp_path):
    impossible = tmp_path / "findings.yaml"
    impossible.write_text(FILES[0].read_text().replace('">= 2"', '">= 1e4"'))
    with Scorer(tiny, [impossible], workers=1) as scorer:
        held = scorer.passed(scorer.margins([space.values(point)]))[0]
        assert (~held).sum() == 1
        drawn = draw_members(space, scorer, point, 5, seed=1, report=lambda line: None)
        passed = scorer.passed(scorer.margins(map(space.values, drawn.z)))
    assert (passed == held).all()


# ---- writing values ----------------------------------------------------------------------------


def copied(tmp_path, name="tiny"):
    folder = tmp_path / name
    shutil.copytree(TINY, folder)
    return folder


def test_only_values_are_written(tmp_path):
    folder = copied(tmp_path)
    write_values(folder, {K_DEG: 0.123456, B_SYN: 2.5, UNSTABLE_DEG: 3.0})
    changed = {}
    for file in sorted(TINY.iterdir()):
        before, after = file.read_text().splitlines(), (folder / file.name).read_text().splitlines()
        assert len(before) == len(after)
        differing = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
        if differing:
            changed[file.name] = differing
    assert set(changed) == {"parameters.tsv", "model.ant", "cells.tsv", "alterations.tsv"}
    assert changed["model.ant"] == [
        ("  k_deg = 0.1; k_deg has per_hour", "  k_deg = 0.1235; k_deg has per_hour")
    ]
    for name, column in (("parameters.tsv", 5), ("cells.tsv", 3), ("alterations.tsv", 4)):
        ((before, after),) = changed[name]
        fields = zip(before.split("\t"), after.split("\t"), strict=True)
        assert [k for k, (old, new) in enumerate(fields) if old != new] == [column]
    assert sim.load(folder).definition.parameters["k_deg"].nominal == 0.1235


@pytest.mark.parametrize(
    "quantity",
    [
        Quantity("parameters", "", "k_dge"),
        Quantity("cells", "A", "k_syn"),
        Quantity("alterations", "UNSTABLE", "k_syn"),
    ],
)
def test_a_value_without_a_place_is_refused(tmp_path, quantity):
    folder = copied(tmp_path)
    with pytest.raises(sim.ModelError, match=f"has no row for {quantity}"):
        write_values(folder, {quantity: 1.0})
    for file in TINY.iterdir():
        assert (folder / file.name).read_bytes() == file.read_bytes()


# ---- how sure ----------------------------------------------------------------------------------


def test_what_moves_is_every_number_but_doses_definitions_and_zeros(tiny):
    assert {str(q) for q in moved(tiny.definition)} == {
        "k_syn",
        "k_deg",
        "idle",
        "K_blocker",
        "B k_syn",
        "UNSTABLE k_deg",
        "GIVEN k_deg",
    }


def test_robustness_scores_what_it_says(scorer, tiny):
    found = robustness(scorer, draws=30, sd=0.1, seed=5)
    assert found.factors.std() == pytest.approx(0.1, rel=0.1)
    values = {K_SYN: 1.0, K_DEG: 0.1, B_SYN: 1.5, UNSTABLE_DEG: 1.5}
    at = {q: k for k, q in enumerate(found.quantities)}
    for factors, passed in zip(found.factors, found.passed, strict=True):
        now = {q: value * np.exp(factors[at[q]]) for q, value in values.items()}
        margins = on_paper(now)
        if np.abs(margins).min() > 1e-3:
            assert passed.tolist() == [*(margins[:2] >= 0), margins[2] >= 0, margins[4] >= 0]
    again = robustness(scorer, draws=30, sd=0.1, seed=5)
    np.testing.assert_array_equal(again.passed, found.passed)
    assert f"in 30 draws of {len(at)} numbers moved by 10%" in found.summary


def test_robustness_needs_something_to_draw(scorer):
    with pytest.raises(sim.ConditionError, match="draws >= 1"):
        robustness(scorer, draws=0)


def test_shares_stay_shares(tmp_path):
    folder = copied(tmp_path)
    table = folder / "parameters.tsv"
    row = "idle\tused nowhere\tlin\t0\t8\t3\t1\tdimensionless"
    assert row in table.read_text()
    table.write_text(table.read_text().replace(row, row.replace("0\t8\t3", "0\t1\t1")))
    ant = folder / "model.ant"
    ant.write_text(ant.read_text().replace("idle = 3;", "idle = 1;"))
    asked = []

    class Listening(Scorer):
        def margins(self, sets):
            asked.extend(sets)
            return np.zeros((len(asked), 5))

    robustness(Listening(sim.load(folder), FILES, workers=1), draws=20)
    shares = [values[IDLE] for values in asked]
    assert max(shares) == 1.0
    assert min(shares) < 1.0


def test_the_culprit_correlates_beyond_chance():
    rng = np.random.default_rng(0)
    factors = 0.1 * rng.standard_normal((100, 20))
    passed = np.abs(factors[:, [7]] + 0.01 * rng.standard_normal((100, 50))) < 0.1
    passed |= rng.random((100, 50)) < 0.2
    names = tuple(Quantity("parameters", "", f"p{k}") for k in range(20))
    signed = Robustness(names, factors, factors[:, [7]] + rng.normal(0, 0.05, (100, 50)) > 0, 0.1)
    assert np.abs(signed.correlations).argmax() == 7
    assert signed.correlations[7] == pytest.approx(np.corrcoef(factors[:, 7], signed.shares)[0, 1])
    assert np.flatnonzero(np.abs(signed.correlations) > signed.by_chance).tolist() == [7]


def test_the_largest_correlation_by_chance_is_held_in_95_of_100():
    rng = np.random.default_rng(1)
    names = tuple(Quantity("parameters", "", f"p{k}") for k in range(40))
    beyond = 0
    for _ in range(200):
        found = Robustness(names, rng.standard_normal((60, 40)), rng.random((60, 30)) < 0.5, 0.1)
        beyond += (np.abs(found.correlations) > found.by_chance).any()
    assert 1 <= beyond <= 22  # 10 of 200 expected; 22 is four standard deviations more


def assessment(members, *, spread=0.3, margins=(0.1, 0.5), values=(1.0, 1.0, 1.0)):
    free = tuple(
        Free(Quantity("parameters", "", f"p{k}"), value, 0.01, 100.0, True)
        for k, value in enumerate(values)
    )
    margins = np.asarray(margins, dtype=float)
    return Assessment(
        Space(free),
        tuple("FF"[: len(margins)]),
        tuple(f"F value{k}" for k in range(len(margins))),
        np.arange(len(margins)),
        tuple(f"F value{k}" for k in range(len(margins))),
        margins,
        np.ones((len(margins), len(free))),
        np.zeros(len(margins), dtype=bool),
        members,
        np.ones((len(members), len(margins)), dtype=bool),
        spread,
    )


def test_verdicts():
    z = 0.3 * np.random.default_rng(0).standard_normal((128, 3))
    z[:, 0] *= 0.5
    assert verdicts(assessment(z)) == ("constrained", "unidentified", "unidentified")
    at_end = assessment(z, values=(1.0, 1.0, 100.0))
    assert verdicts(at_end)[2] == "one-sided at bound"


def test_few_members_are_not_called_narrow_by_chance():
    assert narrowed_below(128) == pytest.approx(0.8)
    rng = np.random.default_rng(2)
    narrow = sum(rng.standard_normal(10).std(ddof=1) < narrowed_below(10) for _ in range(5000))
    assert narrow <= 15  # 5 expected


def test_the_draws_sd_counts_what_the_bounds_cut_off():
    space = assessment(np.empty((0, 3)), values=(1.0, 100.0, 1.0)).space
    open_, half, _ = draw_sd(space, 0.3)
    assert open_ == pytest.approx(0.3, rel=1e-3)
    # half of the draws lie at the bound: sd of min(x, 0) is sqrt(1/2 - 1/(2 pi)) of x's
    assert half == pytest.approx(0.3 * np.sqrt(0.5 - 0.5 / np.pi), rel=1e-3)


def test_pairs_are_those_that_go_together():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((100, 3))
    z[:, 2] = -z[:, 0] + 0.1 * rng.standard_normal(100)
    ((i, j, r),) = pairs(assessment(z))
    assert (i, j) == (0, 2)
    assert r == pytest.approx(np.corrcoef(z[:, 0], z[:, 2])[0, 1])
    assert pairs(assessment(np.empty((0, 3)))) == []
    # three members of anything correlate
    assert pairs(assessment(rng.standard_normal((3, 3)))) == []


def test_the_tightest_value_stands_for_a_finding():
    assert tightest(assessment(np.empty((0, 3)), margins=(0.5, 0.1))) == {"F": 1}


def test_a_quantity_serves_a_finding_with_the_value_it_moves_most():
    slope = np.array([[0.1, -0.5, 0.0], [-0.2, 0.3, 0.0]])
    findings, most = reach(replace(assessment(np.empty((0, 3))), slope=slope))
    assert findings == ("F",)
    assert most.tolist() == [[-0.2, -0.5, 0.0]]


def test_a_jump_is_no_derivative(space):
    class Stepping:
        findings = labels = check_labels = ("smooth", "yes or no")
        checks = np.arange(2)

        def margins(self, sets):
            return np.array([[np.log(v[K_SYN]), 2.0 if v[K_DEG] < 0.101 else -2.0] for v in sets])

    found = assess(Stepping(), space)
    assert found.jumps.tolist() == [False, True]
    np.testing.assert_allclose(found.slope, [[np.log(2), 0, 0, 0, 0], [0, 0, 0, 0, 0]], atol=1e-12)


def test_a_spectrum_is_that_of_the_matrix():
    slope = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 0.5]])
    found = spectrum(slope)
    np.testing.assert_allclose(found.values, [25.0, 0.25, 0.0], atol=1e-12)
    assert found.composition(0) == [(1, pytest.approx(0.8)), (0, pytest.approx(0.6))]
    assert found.composition(1) == [(2, pytest.approx(1.0))]
    assert 0 < found.noise < 0.01


def test_noise_alone_is_below_the_noise_of_a_spectrum():
    rng = np.random.default_rng(0)
    noise = 1e-4 / STEP * rng.standard_normal((80, 40))
    found = spectrum(noise)
    assert 0.5 * found.noise < found.values[0] < 1.1 * found.noise
