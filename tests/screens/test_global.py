"""Global sensitivity against functions whose indices are known, realised as models."""

import numpy as np
import pytest

import simulator as sim
from simulator.errors import ConditionError, IntegrationError

ISHIGAMI = """
model ishigami
  x1 = 1; x2 = 1; x3 = 1; a = 7; b = 0.1
  f := sin(x1) + a*sin(x2)^2 + b*x3^4*sin(x1)
  z' = 0; z = 1
end
"""
CIRCLE = dict.fromkeys(("x1", "x2", "x3"), (-np.pi, np.pi))

LINEAR = """
model linear
  x1 = 1; x2 = 2; x3 = 3; none = 0
  f := 2*x1 - 3*x2 + 0.5*x3
  z' = 0; z = 1
end
"""
UNITS = {"x1": (0.0, 1.0), "x2": (0.0, 2.0), "x3": (1.0, 5.0)}
EFFECTS = np.array([2.0, -6.0, 2.0])  # across the whole range


def ishigami_indices(a=7.0, b=0.1):
    """S1, ST and the variance (Ishigami & Homma 1990), recalled and derived by hand."""
    v1, v2 = 0.5 * (1 + b * np.pi**4 / 5) ** 2, a**2 / 8
    v13 = b**2 * np.pi**8 * (1 / 18 - 1 / 50)
    whole = v1 + v2 + v13
    return np.array([v1, v2, 0]) / whole, np.array([v1 + v13, v2, v13]) / whole, v13 / whole, whole


def test_ishigami():
    found = sim.global_sensitivity(
        ISHIGAMI, "f", CIRCLE, n=2048, seed=1, time=0, second_order=True, resamples=50
    )
    first, total, pair, variance = ishigami_indices()
    assert found["parameter"].values.tolist() == ["x1", "x2", "x3"]
    np.testing.assert_allclose(found["S1"], first, atol=0.03)
    np.testing.assert_allclose(found["ST"], total, atol=0.03)
    assert float(found["S2"].sel(parameter="x1", parameter_2="x3")) == pytest.approx(pair, abs=0.05)
    assert float(found["variance"]) == pytest.approx(variance, rel=0.03)
    assert (found["ST_conf"] > 0).all() and found.attrs["draws"] == 2048 * (2 * 3 + 2)


def test_a_linear_model_has_no_interactions():
    found = sim.global_sensitivity(LINEAR, "f", UNITS, n=1024, time=0)
    shares = EFFECTS**2 / (EFFECTS**2).sum()
    np.testing.assert_allclose(found["S1"], shares, atol=0.01)
    np.testing.assert_allclose(found["ST"], shares, atol=0.01)


def test_elementary_effects_of_a_linear_model_are_exact():
    found = sim.global_sensitivity(LINEAR, "f", UNITS, method="morris", n=4, time=0)
    np.testing.assert_allclose(found["mu"], EFFECTS, rtol=1e-9)
    np.testing.assert_allclose(found["mu_star"], np.abs(EFFECTS), rtol=1e-9)
    np.testing.assert_allclose(found["sigma"], 0, atol=1e-9)
    assert found.attrs["draws"] == 4 * (3 + 1)


def test_groups_are_judged_together():
    groups = {"others": ["x2", "x3"], "first": ["x1"]}
    found = sim.global_sensitivity(LINEAR, "f", UNITS, groups=groups, n=1024, time=0)
    shares = EFFECTS**2 / (EFFECTS**2).sum()
    assert found["ST"].dims == ("parameter",) and "low" not in found.coords
    assert float(found["ST"].sel(parameter="first")) == pytest.approx(shares[0], abs=0.01)
    assert float(found["ST"].sel(parameter="others")) == pytest.approx(shares[1:].sum(), abs=0.01)
    for wrong, said in (
        ({"all": list(UNITS)}, "at least two groups"),
        ({"a": ["x1"], "b": ["x2"]}, '"x3" is in none'),
        ({"a": ["x1", "x2"], "b": ["x2", "x3"]}, "in two"),
        ({"a": ["x1", "x2"], "b": ["x4"]}, '"x4", which does not vary'),
    ):
        with pytest.raises(ConditionError, match=said):
            sim.global_sensitivity(LINEAR, "f", UNITS, groups=wrong, n=16, time=0)


def test_logarithmic_ranges():
    """f = ln(x1) + ln(x2): over ranges of one and of two decades the shares are 1 and 4 of 5."""
    text = "model logs\n x1 = 1; x2 = 1\n f := ln(x1) + ln(x2)\n z' = 0; z = 1\nend"
    ranges = {"x1": (1, 10, "log"), "x2": (0.1, 10, "log")}
    found = sim.global_sensitivity(text, "f", ranges, n=1024, time=0)
    np.testing.assert_allclose(found["ST"], [0.2, 0.8], atol=0.01)
    effects = sim.global_sensitivity(text, "f", ranges, method="morris", n=4, time=0)["mu"]
    np.testing.assert_allclose(effects, np.log([10, 100]))


def test_ranges_that_are_not_given(steroid_response):
    found = sim.global_sensitivity(LINEAR, "f", method="morris", n=2, time=0)
    assert found["parameter"].values.tolist() == ["x1", "x2", "x3"]  # none is 0
    np.testing.assert_allclose(found["low"], [0.5, 1.0, 1.5])
    np.testing.assert_allclose(found["high"], [2.0, 4.0, 6.0])
    assert set(found["scale"].values) == {"log"}
    given = {"method": "morris", "n": 2, "time": 24, "prednisolone": 1.0}
    found = sim.global_sensitivity(
        steroid_response, "BIM_active", ["total_MEK", "k_tl_BIM"], **given
    )
    for name in ("total_MEK", "k_tl_BIM"):
        record = steroid_response.definition.parameters[name]
        assert found["low"].sel(parameter=name) == record.lower
        assert found["high"].sel(parameter=name) == record.upper


def test_the_draw_is_the_same_for_any_number_of_workers(steroid_response):
    def indices(workers, seed=5):
        return sim.global_sensitivity(
            steroid_response,
            ranges=["BIM_expression", "total_MEK"],
            n=8,
            seed=seed,
            workers=workers,
            prednisolone=[0, 0.00316, 0.316, 31.6],
            alteration=[None, "NRAS_G12D"],
        )

    one, two = indices(1), indices(2)
    assert one.identical(two) and one["ST"].dims == ("parameter", "alteration")
    assert not one["ST"].equals(indices(1, seed=6)["ST"])
    ranked = one["ST"].sel(alteration="none").to_series()
    assert ranked["BIM_expression"] > ranked["total_MEK"]


def test_what_does_not_vary_has_no_indices():
    found = sim.global_sensitivity(LINEAR, "z", UNITS, n=16, time=0)
    assert np.isnan(found["ST"]).all() and float(found["variance"]) == 0


def test_failed_runs_are_not_left_out():
    bang = "model bang\n species x; x = 1; k = 1\n -> x; k*x^2\nend"
    with pytest.warns(RuntimeWarning), pytest.raises(IntegrationError, match="of 64 runs failed"):
        sim.global_sensitivity(
            bang.replace("k = 1", "k = 1; j = 1"), "x", {"k": (0.5, 2), "j": (1, 2)}, n=16, time=0.8
        )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"method": "sobel"}, 'method is .* Nearest: "sobol"'),
        ({"n": 100}, "power of 2"),
        ({"n": 1.5}, "whole number"),
        ({"ranges": {"x1": (2, 1)}}, 'range of "x1" is .* rising'),
        ({"ranges": {"x1": (0, 1, "log")}}, "above 0 and rising"),
        ({"ranges": {"x1": 3}}, "write .low, high. or"),
        ({"ranges": {"x9": (0, 1)}}, '"x9" is no constant parameter'),
        ({"ranges": ["none"]}, '"none" is 0 and has no plausible range'),
        ({"x1": 3, "ranges": UNITS}, 'parameter "x1" is both a factor and in ranges'),
        ({"ranges": "x1"}, "mapping or a list"),
    ],
)
def test_what_has_no_meaning_is_refused(given, said):
    with pytest.raises(ConditionError, match=said):
        sim.global_sensitivity(LINEAR, "f", **{"time": 0, **given})


def test_groups_have_elementary_effects_without_a_sign():
    groups = {"first": ["x1"], "others": ["x2", "x3"]}
    found = sim.global_sensitivity(
        LINEAR, "f", UNITS, groups=groups, method="morris", n=30, seed=2, time=0
    )
    assert "mu" not in found and "sigma" not in found
    assert float(found["mu_star"].sel(parameter="first")) == pytest.approx(2.0)
    # both move up or down by themselves: |6 + 2| or |6 - 2|
    assert 4.0 <= float(found["mu_star"].sel(parameter="others")) <= 8.0
    with_pairs = sim.global_sensitivity(
        LINEAR, "f", UNITS, groups=groups, n=256, second_order=True, time=0
    )
    assert with_pairs["S2"].shape == (2, 2)
