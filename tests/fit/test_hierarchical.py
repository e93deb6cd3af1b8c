"""Inner optima against a joint search by SciPy, brute force, finite differences and symmetries."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from simulator.fit.hierarchical import RelativeData

GROUP = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2])
CASES = {
    "scales": {"scaled": [True] * 3},
    "scales and offsets": {"scaled": [True] * 3, "shifted": [True, True, False]},
    "offsets": {"scaled": [False] * 3, "shifted": [True, False, True]},
    "shared noise": {"scaled": [True, False, True], "shifted": [True] * 3, "noise": [1, 0, 1]},
    "no scale": {"scaled": [False] * 3},
}
ON_LOG = {
    "log": {"scaled": [True] * 3, "transformation": "log"},
    "log10": {"scaled": [True, False, True], "noise": [0, 0, 1], "transformation": "log10"},
}
SIDES = {"censored": [0, -1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, -1]}
BETWEEN = {"censored": [0, 2, 0, 0, 2, 0, 1, 0, 0, 0, 2, 0, -1], "upper": np.full(13, 30.0)}


def example(seed=1):
    """Simulated and measured values of thirteen points in three groups."""
    random = np.random.default_rng(seed)
    x = random.uniform(0.5, 4.0, len(GROUP))
    y = np.array([2.0, 5.0, 0.3])[GROUP] * x + np.array([0.4, 1.0, 0.2])[GROUP]
    return x, y * np.exp(random.normal(0, 0.2, len(GROUP)))


def log_likelihood(data, x, scale, offset, noise):
    """By SciPy's distributions; the arrays are those of groups and of noises."""
    law = stats.laplace if data["distribution"] == "laplace" else stats.norm
    measured, sides = data["measured"], np.array(data.get("censored", np.zeros(len(GROUP))))
    y = scale[GROUP] * x + offset[GROUP]
    sigma = noise[np.array(data.get("noise", range(3)))[GROUP]]
    base = {"lin": 0.0, "log": 1.0, "log10": math.log(10.0)}[data["transformation"]]
    target, mean = measured, y
    if base:
        target, mean = np.log(measured) / base, np.log(y) / base
    each = law.logpdf(target, mean, sigma) - (np.log(measured * base) if base else 0.0)
    each = np.where(sides < 0, law.logcdf(target, mean, sigma), each)
    each = np.where(sides == 1, law.logsf(target, mean, sigma), each)
    for k in np.flatnonzero(sides == 2):
        high = np.log(data["upper"][k]) / base if base else data["upper"][k]
        far, near = (law.logsf(end, mean[k], sigma[k]) for end in (high, target[k]))
        if target[k] < mean[k]:
            near, far = (law.logcdf(end, mean[k], sigma[k]) for end in (high, target[k]))
        each[k] = near + np.log1p(-np.exp(far - near))
    return float(each.sum())


WIDE = np.full(3, math.inf)


def searched(
    data,
    x,
    start,
    scale_bounds=(0.0, math.inf),
    noise_bounds=(0.0, math.inf),
    offset_bounds=(-math.inf, WIDE),
):
    """The best that SciPy finds in scales, offsets and logarithms of noise all at once."""
    scaled = np.array(data["scaled"])
    shifted = np.array(data.get("shifted", [False] * 3))
    noises = max(data.get("noise", [2])) + 1
    count, moved = scaled.sum(), shifted.sum()

    def unpacked(v):
        scale, offset = np.ones(3), np.zeros(3)
        scale[scaled], offset[shifted] = v[:count], v[count : count + moved]
        return scale, offset, np.exp(v[count + moved :])

    def loss(v):
        return -log_likelihood(data, x, *unpacked(v))

    with np.errstate(divide="ignore"):
        ends = tuple(np.log(noise_bounds))
    offsets = [(offset_bounds[0], end) for end in offset_bounds[1][shifted]]
    bounds = [scale_bounds] * count + offsets + [ends] * noises
    v = np.r_[start.scale[scaled], start.offset[shifted], np.log(start.noise)]
    v = v + np.random.default_rng(4).normal(0, 0.05, len(v))
    v = np.clip(v, [max(low, -1e9) for low, _ in bounds], [min(high, 1e9) for _, high in bounds])
    return -optimize.minimize(loss, v, bounds=bounds, options={"ftol": 1e-14}).fun


def evaluated(case, x, measured, **more):
    data = {"transformation": "lin", "distribution": "normal"} | case | more
    return data | {"measured": measured}, RelativeData(measured, GROUP, **data).evaluate(x)


NORMAL = CASES | ON_LOG
NORMAL |= {f"{name}, censored": case | SIDES for name, case in NORMAL.items()} | {
    f"{name}, between": case | BETWEEN for name, case in NORMAL.items()
}


@pytest.mark.parametrize("name", NORMAL)
def test_nothing_that_a_joint_search_finds_is_better(name):
    x, measured = example()
    data, found = evaluated(NORMAL[name], x, measured)
    assert found.problems == ()
    there = log_likelihood(data, x, found.scale, found.offset, found.noise)
    assert found.log_likelihood == pytest.approx(there, rel=1e-12)
    best = searched(data, x, found)
    assert best <= found.log_likelihood + 1e-10 * abs(best)
    assert best == pytest.approx(found.log_likelihood, rel=1e-6)
    y = found.scale[GROUP] * x + found.offset[GROUP]
    np.testing.assert_allclose(found.simulations, y, rtol=1e-12)


BOUNDS = {
    "scale_bounds": (1.0, 3.0),
    "noise_bounds": (0.5, 0.8),
    "offset_bounds": (-0.2, np.array([0.1, 0.3, 0.5])),
}


@pytest.mark.parametrize("name", NORMAL)
def test_bounds_are_met_as_by_a_joint_search(name):
    x, measured = example()
    data, found = evaluated(NORMAL[name], x, measured, **BOUNDS)
    assert found.problems == ()
    scaled = np.array(data["scaled"])
    assert (found.scale[scaled] >= 1.0 - 1e-12).all()
    assert (found.scale[scaled] <= 3.0 + 1e-12).all()
    assert (found.noise >= 0.5).all()
    assert (found.noise <= 0.8).all()
    offsets = found.offset[np.array(data.get("shifted", [False] * 3))]
    assert ((offsets >= -0.2) & (offsets <= 0.5)).all()
    best = searched(data, x, found, *BOUNDS.values())
    assert best <= found.log_likelihood + 1e-10 * abs(best)
    assert best == pytest.approx(found.log_likelihood, rel=1e-6)
    ends = np.isclose(found.scale, 1.0) | np.isclose(found.scale, 3.0)
    np.testing.assert_array_equal(found.at_bound, ends & scaled)


LAPLACE = {name: case | {"distribution": "laplace"} for name, case in (CASES | ON_LOG).items()}


def least_deviations(x, target, sloped, moved):
    """By brute force: a best line goes through as many points as it has coefficients."""
    lines = [(1.0, 0.0)]
    if sloped and moved:
        slopes = [
            (target[i] - target[j]) / (x[i] - x[j]) for i, j in combinations(range(len(x)), 2)
        ]
        lines = [(s, target[i] - s * x[i]) for s in slopes for i in range(len(x))]
    elif sloped:
        lines = [(t / z, 0.0) for t, z in zip(target, x, strict=True)]
    elif moved:
        lines = [(1.0, t - z) for t, z in zip(target, x, strict=True)]
    return min(np.abs(target - s * x - o).sum() for s, o in lines)


@pytest.mark.parametrize("name", LAPLACE)
def test_laplace_noise_gives_the_least_deviations(name):
    x, measured = example()
    data, found = evaluated(LAPLACE[name], x, measured)
    there = log_likelihood(data, x, found.scale, found.offset, found.noise)
    assert found.log_likelihood == pytest.approx(there, rel=1e-12)
    base = {"lin": 0.0, "log": 1.0, "log10": math.log(10.0)}[data["transformation"]]
    sums = np.zeros(3)
    for g in range(3):
        own = g == GROUP
        scaled, shifted = data["scaled"][g], data.get("shifted", [False] * 3)[g]
        if base:
            logs = np.log(x[own]) / base, np.log(measured[own]) / base
            best = least_deviations(*logs, False, scaled)
        else:
            best = least_deviations(x[own], measured[own], scaled, shifted)
        sums[data.get("noise", range(3))[g]] += best
    count = np.bincount(np.array(data.get("noise", range(3)))[GROUP], minlength=3)
    used = count > 0
    np.testing.assert_allclose(found.noise, (sums[used] / count[used]), rtol=1e-10)


@pytest.mark.parametrize("bounds", [{}, BOUNDS], ids=["free", "bounded"])
@pytest.mark.parametrize("name", NORMAL | {f"laplace, {name}": 0 for name in LAPLACE})
def test_gradient_is_that_of_finite_differences(name, bounds):
    case = NORMAL.get(name) or LAPLACE[name.removeprefix("laplace, ")]
    x, measured = example()
    _, found = evaluated(case, x, measured, **bounds)
    step = 1e-5
    expected = [
        (
            evaluated(case, x + e, measured, **bounds)[1].log_likelihood
            - evaluated(case, x - e, measured, **bounds)[1].log_likelihood
        )
        / (2 * step)
        for e in step * np.eye(len(x))
    ]
    np.testing.assert_allclose(found.gradient, expected, rtol=0, atol=2e-7 * np.abs(expected).max())


def test_outer_gradient_is_that_of_the_joint_problem():
    """By the chain rule from x to parameters of a model, at a joint optimum of the inner ones."""
    _, measured = example()
    basis = np.random.default_rng(9).normal(0, 0.4, (len(GROUP), 2))
    theta = np.array([0.3, -0.5])
    x = np.exp(basis @ theta)
    data, found = evaluated(CASES["shared noise"], x, measured)
    outer = found.gradient @ (x[:, None] * basis)
    step = 1e-6
    for k, direction in enumerate(np.eye(2)):
        inner = found.scale, found.offset, found.noise
        ends = [
            log_likelihood(data, np.exp(basis @ (theta + sign * step * direction)), *inner)
            for sign in (1, -1)
        ]
        assert outer[k] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)


# ---------------------------------------------------------------------- symmetries
ALL = NORMAL | {f"laplace, {name}": case for name, case in LAPLACE.items()}
SCALED = {name: case for name, case in ALL.items() if all(case["scaled"])}


@given(st.sampled_from(sorted(SCALED)), st.integers(0, 20), st.floats(1e-3, 1e3))
def test_another_unit_of_all_intensities_changes_scales_and_noise_only(name, seed, factor):
    x, measured = example(seed)
    _, one = evaluated(SCALED[name], x, measured)
    case = SCALED[name]
    case = case | {"upper": factor * case["upper"]} if "upper" in case else case
    data, two = evaluated(case, x, factor * measured)
    on_log = data["transformation"] != "lin"
    exact = np.count_nonzero(np.array(data.get("censored", np.zeros(13))) == 0)
    if data["distribution"] == "normal":  # else, a best scale need not be the only one
        np.testing.assert_allclose(two.scale, factor * one.scale, rtol=1e-8)
        np.testing.assert_allclose(two.offset, factor * one.offset, rtol=1e-7, atol=1e-8 * factor)
    np.testing.assert_allclose(two.noise, one.noise * (1.0 if on_log else factor), rtol=1e-8)
    assert two.log_likelihood == pytest.approx(
        one.log_likelihood - exact * math.log(factor), rel=1e-9, abs=1e-9
    )
    size = np.abs(one.gradient).max()
    np.testing.assert_allclose(two.gradient, one.gradient, rtol=0, atol=1e-7 * size)


@given(st.integers(0, 20), st.floats(0.1, 10.0))
def test_another_unit_of_one_gel_changes_its_scale_only(seed, factor):
    x, measured = example(seed)
    _, one = evaluated(ON_LOG["log"], x, measured)
    _, two = evaluated(ON_LOG["log"], x, np.where(GROUP == 1, factor, 1.0) * measured)
    np.testing.assert_allclose(two.scale, one.scale * [1.0, factor, 1.0], rtol=1e-10)
    np.testing.assert_allclose(two.noise, one.noise, rtol=1e-9)
    np.testing.assert_allclose(two.gradient, one.gradient, rtol=1e-7, atol=1e-9)


@given(st.sampled_from(sorted(ALL)), st.integers(0, 20), st.permutations(range(len(GROUP))))
def test_the_order_of_measurements_does_not_matter(name, seed, order):
    x, measured = example(seed)
    data, one = evaluated(ALL[name], x, measured)
    data.pop("measured")
    order = np.array(order)
    for part in {"censored", "upper"} & data.keys():
        data[part] = np.array(data[part])[order]
    two = RelativeData(measured[order], GROUP[order], **data).evaluate(x[order])
    if data["distribution"] == "normal":
        np.testing.assert_allclose(two.scale, one.scale, rtol=1e-8)
    np.testing.assert_allclose(two.noise, one.noise, rtol=1e-8)
    assert two.log_likelihood == pytest.approx(one.log_likelihood, rel=1e-10)
    size = np.abs(one.gradient).max()
    np.testing.assert_allclose(two.gradient, one.gradient[order], rtol=0, atol=1e-7 * size)


# ---------------------------------------------------------------------- what has no best
def problems(measured, x, group=None, scaled=(True,), **more):
    group = np.zeros(len(measured), int) if group is None else group
    found = RelativeData(np.array(measured), group, scaled, **more).evaluate(np.array(x))
    if found.problems:
        assert math.isnan(found.log_likelihood)
        assert np.isnan(found.gradient).all()
    return "; ".join(found.problems)


@pytest.mark.parametrize("distribution", ["normal", "laplace"])
def test_groups_that_determine_nothing_say_why(distribution):
    law = {"distribution": distribution}
    assert "noise 0: it vanishes" in problems([2.0], [1.0], **law)
    assert "noise 0: it vanishes" in problems([2.0, 4.0, 6.0], [1.0, 2.0, 3.0], **law)
    assert "all simulated values are 0" in problems([2.0, 3.0], [0.0, 0.0], **law)
    both = problems([2.0, 3.0, 4.0], [1.5, 1.5, 1.5], shifted=(True,), **law)
    assert "all simulated values are equal" in both
    assert "value 1 is nan" in problems([2.0, 3.0], [1.0, math.nan], **law)
    on_log = problems([2.0, 3.0], [1.0, 0.0], transformation="log", **law)
    assert "value 1 is 0.0, expected finite and positive" in on_log


def test_a_noise_that_would_vanish_stays_at_its_bound():
    found = RelativeData(np.array([2.0]), [0], [True], noise_bounds=(0.1, 10.0)).evaluate(
        np.ones(1)
    )
    assert found.problems == ()
    assert found.log_likelihood == pytest.approx(stats.norm.logpdf(0.0, 0.0, 0.1), rel=1e-12)
    np.testing.assert_allclose(found.scale, [2.0], rtol=1e-12)


def test_one_value_is_enough_where_the_noise_is_shared():
    group, scaled = [0, 1, 1, 1], (True, True)
    assert not problems([3.0, 1.0, 2.1, 2.9], [1.0, 1.0, 2.0, 3.0], group, scaled, noise=(0, 0))


def test_censored_values_alone_determine_nothing():
    below = problems([2.0, 3.0], [1.0, 2.0], censored=[-1, -1])
    assert "group 0: too few exact values" in below
    assert "noise 0: no value is exact" in below
    far = problems([2.0, 9.0], [1.0, 2.0], censored=[0, -1])
    assert "noise 0: it vanishes" in far


def test_a_scale_that_would_be_negative_is_nothing():
    found = RelativeData(np.array([-1.0, -2.0]), [0, 0], [True]).evaluate(np.array([1.0, 2.0]))
    assert found.scale.tolist() == [0.0]
    assert found.at_bound.tolist() == [True]
    assert found.gradient.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"group": [0]}, "group and censored"),
        ({"noise": [0, 1]}, "shifted and noise"),
        ({"group": [0, 1]}, "numbered from 0 to 0"),
        ({"censored": [0, 3]}, "censored is -1"),
        ({"measured": [1.0, math.nan]}, "not finite"),
        ({"measured": [1.0, 0.0], "transformation": "log"}, "not positive"),
        ({"shifted": [True], "transformation": "log"}, "no convex problem"),
        ({"censored": [0, 1], "distribution": "laplace"}, "censored values need normal"),
        ({"scale_bounds": (1.0, -1.0)}, "of scale"),
        ({"scale_bounds": (-1.0, 1.0), "transformation": "log"}, "of scale, expected 0 <="),
        ({"offset_bounds": (1.0, 1.0)}, "of offset"),
        ({"censored": [0, 2]}, "upper has no number"),
        ({"noise_bounds": (1.0, 1.0)}, "of noise"),
    ],
)
def test_what_does_not_fit_together_is_refused(change, message):
    good = {"measured": [1.0, 2.0], "group": [0, 0], "scaled": [True]}
    with pytest.raises(ValueError, match=message):
        RelativeData(**(good | change))
    with pytest.raises(ValueError, match="x has shape"):
        RelativeData(**good).evaluate(np.ones(3))
