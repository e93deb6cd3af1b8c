"""Combination measures against hand-worked matrices and drugs combined with themselves."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.errors import ConditionError
from simulator.response import (
    bliss_excess,
    combination_index,
    f_syn,
    hsa_excess,
    loewe_excess,
)

# Median-effect interpolation is exact for a Hill curve; clipping at 0.03 bends the first step.
HILL_INTERPOLATION = 0.01
ROUNDING = 1e-12

DENSE = np.r_[0, np.geomspace(0.00316, 316, 101)]


def matrix(doses_a, doses_b, viability, **dims):
    return xr.DataArray(
        np.asarray(viability, float),
        dims=[*dims, "a", "b"],
        coords=dims | {"a": np.asarray(doses_a, float), "b": np.asarray(doses_b, float)},
    )


def sham(doses, half=0.5, slope=1.0, ratio=1.0, kill=1.0):
    """A drug combined with itself, the second time sold `ratio` times as concentrated."""
    total = doses[:, None] + ratio * doses[None, :]
    return matrix(doses, doses, 1 - kill * total**slope / (half**slope + total**slope))


@pytest.mark.parametrize(
    ("half", "slope", "ratio"), [(0.5, 1.0, 1.0), (0.2, 2.0, 1.0), (1.0, 0.7, 10.0)]
)
def test_a_drug_combined_with_itself_is_additive(half, slope, ratio):
    da = sham(DENSE, half, slope, ratio)
    index = combination_index(da, "a", "b")
    assert float(index) == pytest.approx(1, abs=HILL_INTERPOLATION)
    sums = f_syn(da, "a", "b")
    inside = sums.where((sums.bound == "=") & sums.notnull(), drop=True)
    assert inside.size > 1000
    np.testing.assert_allclose(inside.values[~np.isnan(inside.values)], 1, atol=0.03)


def test_the_index_is_exact_for_hill_drugs_on_nine_doses():
    doses = np.r_[0, np.geomspace(0.00316, 31.6, 9)]
    assert float(combination_index(sham(doses), "a", "b")) == pytest.approx(1, abs=0.005)


# Both drugs alone: 0.2 at dose 1, 0.4 at 10; the pair of dose 1 reaches 0.4, an equal dose of 10.
HAND = [[1.0, 0.8, 0.6], [0.8, 0.6, 0.35], [0.6, 0.35, 0.2]]


def test_f_syn_by_hand():
    sums = f_syn(matrix([0, 1, 10], [0, 1, 10], HAND), "a", "b")
    # (1,1): 1/10 + 1/10. (1,10), (10,1): 0.65 is beyond both drugs: 1/10 + 10/10. (10,10): 2.
    np.testing.assert_allclose(sums, [[0.2, 1.1], [1.1, 2.0]], rtol=ROUNDING)
    assert sums.bound.values.tolist() == [["=", "<"], ["<", "<"]]
    assert sums.dims == ("a", "b")
    np.testing.assert_array_equal(sums.a, [1, 10])


def test_combination_index_by_hand():
    da = matrix([0, 1, 10], [0, 1, 10], HAND)
    found = combination_index(da, "a", "b")
    assert float(found) == pytest.approx((0.2 + 1.1 + 1.1 + 2.0) / 4, rel=ROUNDING)
    assert found.bound == "<"


def test_a_pair_that_adds_less_than_the_noise_counts_as_one_and_flags_nothing():
    # (1,1) adds 0.2; the others add 0.04 although they would enter with the top dose.
    viability = [[1.0, 0.8, 0.6], [0.8, 0.6, 0.56], [0.6, 0.56, 0.56]]
    found = combination_index(matrix([0, 1, 10], [0, 1, 10], viability), "a", "b")
    assert float(found) == pytest.approx((0.2 + 1 + 1 + 1) / 4, rel=ROUNDING)
    assert found.bound == "="
    counted = combination_index(matrix([0, 1, 10], [0, 1, 10], viability), "a", "b", noise=0.03)
    assert float(counted) == pytest.approx((0.2 + 1.1 + 1.1 + 2) / 4, rel=ROUNDING)
    assert counted.bound == "<"


def test_a_pair_that_adds_exactly_the_noise_is_counted():
    viability = [[1.0, 0.8, 0.6], [0.8, 0.75, 0.56], [0.6, 0.56, 0.56]]
    da = matrix([0, 1, 10], [0, 1, 10], viability)
    log_odds = np.log([0.2 / 0.8, 0.25 / 0.75, 0.4 / 0.6])
    equal_dose = 10 ** ((log_odds[1] - log_odds[0]) / (log_odds[2] - log_odds[0]))
    expected = (2 / equal_dose + 1 + 1 + 1) / 4
    assert float(combination_index(da, "a", "b")) == pytest.approx(expected, rel=ROUNDING)
    assert float(combination_index(da, "a", "b", noise=0.051)) == 1


def test_pairs_of_a_drug_that_alone_kills_more_than_ninety_percent_are_left_out():
    # b at 10 alone leaves 0.05: only its dose 1 is counted, pairs 0.4 and 0.7.
    viability = [[1.0, 0.8, 0.05], [0.8, 0.6, 0.01], [0.6, 0.3, 0.0]]
    found = combination_index(matrix([0, 1, 10], [0, 1, 10], viability), "a", "b")
    log_odds = lambda e: np.log(e / (1 - e))  # noqa: E731

    def alone_b(effect):  # dose of b alone, on the line from 0.2 at 1 to 0.95 at 10
        span = log_odds(0.95) - log_odds(0.2)
        return 10 ** ((log_odds(effect) - log_odds(0.2)) / span)

    expected = [1 / 10 + 1 / alone_b(0.4), 10 / 10 + 1 / alone_b(0.7)]
    assert float(found) == pytest.approx(np.mean(expected), rel=ROUNDING)


def test_a_matrix_without_a_pair_to_judge_is_missing():
    viability = [[1.0, 0.05, 0.02], [0.05, 0.01, 0.0], [0.02, 0.0, 0.0]]
    assert np.isnan(combination_index(matrix([0, 1, 10], [0, 1, 10], viability), "a", "b"))


def test_effects_are_clipped_to_three_and_ninety_seven_percent():
    # Two matrices that differ only beyond 97 % and below 3 % kill.
    first = [[1.0, 0.98, 0.5], [0.98, 0.4, 0.01], [0.5, 0.02, 0.03]]
    second = [[1.02, 1.0, 0.5], [0.99, 0.4, 0.0], [0.5, 0.03, 0.0001]]
    found = [
        float(combination_index(matrix([0, 1, 10], [0, 1, 10], m), "a", "b"))
        for m in (first, second)
    ]
    assert found[0] == pytest.approx(found[1], rel=ROUNDING)


def test_an_effect_beyond_the_clip_is_reached_by_a_drug_that_reaches_the_clip():
    # The pair of dose 1 has 0.99, each drug alone 0.98 at dose 10: both count as 0.97.
    viability = [[1.0, 0.8, 0.02], [0.8, 0.01, 0.0], [0.02, 0.0, 0.0]]
    found = combination_index(matrix([0, 1, 10], [0, 1, 10], viability), "a", "b")
    assert float(found) == pytest.approx(1 / 10 + 1 / 10, rel=ROUNDING)
    assert found.bound == "="


def test_f_syn_leaves_out_effects_outside_ten_to_ninety_five_percent():
    viability = [[1.0, 0.98, 0.6], [0.98, 0.92, 0.5], [0.6, 0.5, 0.04]]
    sums = f_syn(matrix([0, 1, 10], [0, 1, 10], viability), "a", "b")
    assert np.isnan(sums.values).tolist() == [[True, False], [False, True]]
    edge = [[1.0, 0.98, 0.6], [0.98, 0.9, 0.5], [0.6, 0.5, 0.05]]
    assert f_syn(matrix([0, 1, 10], [0, 1, 10], edge), "a", "b").notnull().all()


def test_f_syn_of_a_pair_weaker_than_a_drug_at_its_lowest_dose_is_a_lower_bound():
    viability = [[1.0, 0.6, 0.4], [0.9, 0.7, 0.5], [0.8, 0.6, 0.5]]
    sums = f_syn(matrix([0, 1, 10], [0, 1, 10], viability), "a", "b")
    # Pair (1, 1) has 0.3: a alone never reaches it, so that the upper bound is the one flagged.
    assert sums.bound.sel(a=1, b=1) == "<"
    assert float(sums.sel(a=1, b=1)) == pytest.approx(1 / 10 + 1 / 1)
    weaker = [[1.0, 0.6, 0.4], [0.9, 0.85, 0.5], [0.6, 0.6, 0.5]]
    assert f_syn(matrix([0, 1, 10], [0, 1, 10], weaker), "a", "b").bound.sel(a=1, b=1) == ">"


def test_bliss_and_hsa_by_hand():
    da = matrix([0, 1], [0, 1, 3], [[1.0, 0.5, 0.4], [0.8, 0.3, 0.45]])
    bliss, hsa = bliss_excess(da, "a", "b"), hsa_excess(da, "a", "b")
    np.testing.assert_allclose(bliss, [[0.7 - 0.6, 0.55 - 0.68]], atol=ROUNDING)
    np.testing.assert_allclose(hsa, [[0.7 - 0.5, 0.55 - 0.6]], atol=ROUNDING)
    assert (bliss.bound == "=").all()


@pytest.mark.parametrize(("slope", "ratio"), [(1.0, 1.0), (2.0, 1.0), (0.7, 10.0)])
def test_a_drug_combined_with_itself_has_no_loewe_excess(slope, ratio):
    excess = loewe_excess(sham(DENSE, 0.5, slope, ratio, kill=0.9), "a", "b")
    exact = excess.values[excess.bound.values == "="]
    assert exact.size > 1000
    np.testing.assert_allclose(exact, 0, atol=HILL_INTERPOLATION)


def test_loewe_by_hand():
    excess = loewe_excess(matrix([0, 1, 10], [0, 1, 10], HAND), "a", "b")
    # (1,1): E of dose 2 alone, on the line from 0.2 at 1 to 0.4 at 10.
    span = np.log(0.4 / 0.6) - np.log(0.2 / 0.8)
    at_two = 1 / (1 + np.exp(-(np.log(0.2 / 0.8) + span * np.log10(2))))
    # (1,10), (10,1): 10 reaches 0.4 and nothing more, the 1 on top of it cannot be added.
    expected = [[0.4 - at_two, 0.65 - 0.4], [0.65 - 0.4, 0.8 - 0.4]]
    np.testing.assert_allclose(excess, expected, atol=1e-9)
    assert excess.bound.values.tolist() == [["=", "<"], ["<", "<"]]


def test_loewe_agrees_with_f_syn_on_who_is_synergistic():
    doses = np.r_[0, np.geomspace(0.00316, 31.6, 9)]
    viability = np.random.default_rng(5).uniform(0.1, 0.9, (10, 10))
    viability[0, :] = 1 / (1 + doses)
    viability[:, 0] = 1 / (1 + doses / 0.3)
    da = matrix(doses, doses, viability)
    sums, excess = f_syn(da, "a", "b"), loewe_excess(da, "a", "b")
    exact = (sums.bound == "=") & (excess.bound == "=") & (abs(excess) > 1e-6)
    assert exact.sum() > 20
    np.testing.assert_array_equal((sums < 1).values[exact], (excess > 0).values[exact])


@settings(max_examples=50, deadline=None)
@given(
    alone_a=st.lists(st.floats(0, 1), min_size=3, max_size=3),
    alone_b=st.lists(st.floats(0, 1), min_size=3, max_size=3),
)
def test_independent_drugs_have_no_bliss_excess_and_no_negative_hsa_excess(alone_a, alone_b):
    doses = [0, 0.1, 1, 10]
    da = matrix(doses, doses, np.outer([1, *alone_a], [1, *alone_b]))
    np.testing.assert_allclose(bliss_excess(da, "a", "b"), 0, atol=1e-12)
    assert (hsa_excess(da, "a", "b") >= -1e-12).all()


@settings(max_examples=50, deadline=None)
@given(
    factor_a=st.floats(1e-3, 1e3),
    factor_b=st.floats(1e-3, 1e3),
    seed=st.integers(0, 2**32 - 1),
)
def test_units_of_the_doses_and_the_order_of_the_drugs_do_not_matter(factor_a, factor_b, seed):
    doses = np.array([0, 0.1, 1, 10])
    viability = np.random.default_rng(seed).uniform(0, 1, (4, 4))
    da = matrix(doses, doses, viability)
    scaled = matrix(doses * factor_a, doses * factor_b, viability)
    for measure in (combination_index, f_syn):
        plain = measure(da, "a", "b").values
        np.testing.assert_allclose(measure(scaled, "a", "b").values, plain, rtol=1e-9)
        swapped = measure(da, "b", "a").values
        np.testing.assert_allclose(swapped.T, plain, rtol=1e-9)


def test_more_kill_by_the_pairs_alone_lowers_the_index():
    doses = np.r_[0, np.geomspace(0.00316, 31.6, 9)]
    additive = sham(doses, kill=0.8)
    pairs = (additive.a > 0) & (additive.b > 0)
    synergistic = additive.where(~pairs, additive * 0.7)
    assert float(combination_index(synergistic, "a", "b")) < 0.8
    assert float(combination_index(additive, "a", "b")) == pytest.approx(1, abs=0.02)


def test_other_dimensions_are_kept_and_a_missing_value_hits_only_its_own_matrix():
    doses = np.r_[0, np.geomspace(0.00316, 31.6, 9)]
    values = np.stack([sham(doses).values, sham(doses, half=2.0).values])
    values[0, 3, 4] = np.nan
    da = matrix(doses, doses, values, cell=["x", "y"])
    index = combination_index(da, "a", "b")
    assert index.dims == ("cell",)
    assert np.isnan(index.sel(cell="x"))
    assert float(index.sel(cell="y")) == pytest.approx(1, abs=0.02)
    sums = f_syn(da.transpose("b", "cell", "a"), "a", "b")
    assert sums.dims == ("cell", "a", "b")
    assert np.isnan(sums.sel(cell="x")).all()
    assert np.isnan(bliss_excess(da, "a", "b")).sum() == 1


@pytest.mark.parametrize(
    "measure", [combination_index, f_syn, bliss_excess, hsa_excess, loewe_excess]
)
def test_unusable_matrices_are_refused_with_the_reason(measure):
    good = [[1, 0.9, 0.8], [0.9, 0.5, 0.4], [0.8, 0.4, 0.3]]
    with pytest.raises(ConditionError, match="needs the dose 0"):
        measure(matrix([0.1, 1, 10], [0, 1, 10], good), "a", "b")
    with pytest.raises(ConditionError, match="two different drugs"):
        measure(matrix([0, 1, 10], [0, 1, 10], good), "a", "a")
    with pytest.raises(ConditionError, match='"c" is no dimension'):
        measure(matrix([0, 1, 10], [0, 1, 10], good), "a", "c")
    with pytest.raises(ConditionError, match="percent"):
        measure(matrix([0, 1, 10], [0, 1, 10], np.multiply(good, 100)), "a", "b")
