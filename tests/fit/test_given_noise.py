"""Scales and offsets of values whose noise is given: by SciPy's densities, value by value."""

import math

import numpy as np
import pytest
from scipy import stats

from simulator.fit.hierarchical import RelativeData

from .test_hierarchical import BETWEEN, CASES, GROUP, ON_LOG, SIDES, example

GIVEN = [{}, SIDES, BETWEEN, {"distribution": "laplace"}]


@pytest.mark.parametrize("more", GIVEN, ids=["exact", "censored", "between", "laplace"])
@pytest.mark.parametrize("name", ["scales and offsets", "offsets", "log"])
def test_noise_that_is_given_weighs_the_values(name, more):
    """By a search for scales and offsets of two groups; the third has a noise of its own."""
    x, measured = example()
    case = (CASES | ON_LOG)[name] | more
    data = {"transformation": "lin", "distribution": "normal"} | case
    numbers = {**data, "noise": [-1, 0, -1]}
    sigma = np.random.default_rng(5).uniform(0.3, 1.2, len(x))
    relative = RelativeData(measured, GROUP, **numbers)
    found = relative.evaluate(x, np.where(GROUP == 1, np.nan, sigma))
    assert found.problems == ()
    scaled = np.array(data["scaled"])
    shifted = np.array(data.get("shifted", [False] * 3))

    def at(scale, offset):
        """By SciPy, value by value."""
        noise = np.where(GROUP == 1, found.noise[0], sigma)
        parts = zip(range(len(x)), GROUP, strict=True)
        return sum(
            one_value(data, measured, k, scale[g] * x[k] + offset[g], noise[k]) for k, g in parts
        )

    there = at(found.scale, found.offset)
    assert found.log_likelihood == pytest.approx(there, rel=1e-10)
    random = np.random.default_rng(6)
    for size in (1e-1, 1e-3):
        for _ in range(10):
            scale = found.scale * np.where(scaled, np.exp(size * random.normal(size=3)), 1.0)
            offset = found.offset + np.where(shifted, size * random.normal(size=3), 0.0)
            assert at(scale, offset) <= there + 1e-9
    step = 1e-5
    for k in range(len(x)):
        e = step * np.eye(len(x))[k]
        ends = [relative.evaluate(v, sigma).log_likelihood for v in (x + e, x - e)]
        size = np.abs(found.gradient).max()
        assert found.gradient[k] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-6 * size)


def one_value(data, measured, k, y, sigma):
    """The log-likelihood of one value, by SciPy."""
    law = stats.laplace if data["distribution"] == "laplace" else stats.norm
    base = {"lin": 0.0, "log": 1.0, "log10": math.log(10.0)}[data["transformation"]]
    low, high, side = measured[k], 30.0, data.get("censored", np.zeros(13))[k]
    jacobian = math.log(low * base) if base else 0.0
    if base:
        low, high, y = (math.log(v) / base for v in (low, high, y))
    if side == 0:
        return law.logpdf(low, y, sigma) - jacobian
    if side == 2:
        return math.log(law.cdf(high, y, sigma) - law.cdf(low, y, sigma))
    return law.logcdf(low, y, sigma) if side < 0 else law.logsf(low, y, sigma)
