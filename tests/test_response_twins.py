"""Measures of two drugs against a plain twin: one pair at a time, by their definitions."""

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.response import auc400, combination_index, ec50, f_syn, ic50, loewe_excess

DOSES = [0.0, 0.1, 0.4, 2.0, 9.0]
ABOVE_ZERO = DOSES[1:]

# The twin halves an interval of 0.94 fifty times; ours goes on to rounding.
BISECTION = 1e-12
ROUNDING = 1e-12

# Effects, among them the limits within which they are clipped and counted, and repeated ones.
EFFECT = st.one_of(st.floats(0, 1), st.sampled_from([0, 0.03, 0.1, 0.2, 0.5, 0.9, 0.95, 0.97, 1.0]))
MATRIX = st.lists(st.lists(EFFECT, min_size=5, max_size=5), min_size=5, max_size=5)


def clip(effect):
    return min(max(effect, 0.03), 0.97)


def odds(effect):
    return math.log(effect / (1 - effect))


def equal_dose(curve, effect):
    """Lowest dose with an effect, or None; and whether the lowest dose has more than that."""
    curve, effect = [clip(e) for e in curve], clip(effect)
    for i, reached in enumerate(curve):
        if reached < effect:
            continue
        if i == 0:
            return ABOVE_ZERO[0], reached > effect
        share = (odds(effect) - odds(curve[i - 1])) / (odds(reached) - odds(curve[i - 1]))
        return ABOVE_ZERO[i - 1] * (ABOVE_ZERO[i] / ABOVE_ZERO[i - 1]) ** share, False
    return None, False


def index_of_pair(effects, i, j, effect):
    """a / A(E) + b / B(E) and its bound."""
    curves = [row[0] for row in effects[1:]], effects[0][1:]
    total, above, below = 0.0, False, False
    for curve, dose in zip(curves, (DOSES[i], DOSES[j]), strict=True):
        equal, more = equal_dose(curve, effect)
        above |= equal is None
        below |= more
        total += dose / (ABOVE_ZERO[-1] if equal is None else equal)
    return total, "<" if above else ">" if below else "="


def additive_effect(effects, i, j):
    """Highest E at which the doses make up one or more of what each drug needs alone."""
    curves = [row[0] for row in effects[1:]], effects[0][1:]

    def enough(effect):
        total = 0.0
        for curve, dose in zip(curves, (DOSES[i], DOSES[j]), strict=True):
            equal, _ = equal_dose(curve, effect)
            total += 0.0 if equal is None else dose / equal
        return total >= 1

    low, high = 0.03, 0.97
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if enough(middle) else (low, middle)
    return high


def matrix(effects):
    coords = {"a": DOSES, "b": DOSES}
    return xr.DataArray(1 - np.array(effects), dims=["a", "b"], coords=coords)


@settings(max_examples=30, deadline=None)
@given(effects=MATRIX)
def test_berenbaums_sum_of_each_pair(effects):
    effects = (1 - matrix(effects).values).tolist()
    found = f_syn(matrix(effects), "a", "b")
    for i in range(1, 5):
        for j in range(1, 5):
            pair = found[i - 1, j - 1]
            if not 0.1 - ROUNDING <= effects[i][j] <= 0.95 + ROUNDING:
                assert np.isnan(pair) and pair.bound == "="
                continue
            total, bound = index_of_pair(effects, i, j, effects[i][j])
            assert float(pair) == pytest.approx(total, rel=1e-9)
            assert pair.bound == bound


@settings(max_examples=30, deadline=None)
@given(effects=MATRIX)
def test_the_combination_index_is_the_mean_over_the_pairs_that_count(effects):
    effects = (1 - matrix(effects).values).tolist()
    found = combination_index(matrix(effects), "a", "b")
    counted = []
    for i in range(1, 5):
        for j in range(1, 5):
            better = max(clip(effects[i][0]), clip(effects[0][j]))
            if better > 0.9 + ROUNDING:
                continue
            adds = clip(effects[i][j]) - better >= 0.05 - ROUNDING
            counted.append(index_of_pair(effects, i, j, effects[i][j]) if adds else (1.0, "="))
    if not counted:
        assert np.isnan(found)
        return
    assert float(found) == pytest.approx(np.mean([total for total, _ in counted]), rel=1e-9)
    bounds = {bound for _, bound in counted}
    assert found.bound == ("<" if "<" in bounds else ">" if ">" in bounds else "=")


@settings(max_examples=30, deadline=None)
@given(effects=MATRIX)
def test_loewe_excess_of_each_pair(effects):
    effects = (1 - matrix(effects).values).tolist()
    found = loewe_excess(matrix(effects), "a", "b")
    for i in range(1, 5):
        for j in range(1, 5):
            expected = clip(effects[i][j]) - additive_effect(effects, i, j)
            assert float(found[i - 1, j - 1]) == pytest.approx(expected, abs=2 * BISECTION)


@settings(max_examples=30, deadline=None)
@given(effects=st.lists(EFFECT, min_size=5, max_size=5))
def test_one_drug(effects):
    viability = (1 - np.array(effects)).tolist()
    da = xr.DataArray(viability, dims=["a"], coords={"a": DOSES})
    untreated, *curve = viability

    def first_at(level):
        for i, value in enumerate(curve):
            if value > level:
                continue
            if i == 0:
                return ABOVE_ZERO[0], "=" if value == level else "<"
            share = (curve[i - 1] - level) / (curve[i - 1] - value)
            return ABOVE_ZERO[i - 1] * (ABOVE_ZERO[i] / ABOVE_ZERO[i - 1]) ** share, "="
        return ABOVE_ZERO[-1], ">"

    fall = untreated - min(viability)
    half = (ABOVE_ZERO[-1], ">") if fall < 0.05 else first_at(untreated - fall / 2)
    for found, (dose, bound) in ((ic50(da, "a"), first_at(0.5)), (ec50(da, "a"), half)):
        assert float(found) == pytest.approx(dose, rel=1e-9)
        assert found.bound == bound

    if untreated > 0:
        logs = np.log10(ABOVE_ZERO)
        heights = [min(100, 100 * value / untreated) for value in curve]
        area = sum(
            (logs[i + 1] - logs[i]) * (heights[i + 1] + heights[i]) / 2
            for i in range(len(logs) - 1)
        )
        ours = float(auc400(da, "a", (0.1, 9.0)))
        assert ours == pytest.approx(4 * area / (logs[-1] - logs[0]), rel=1e-9)
