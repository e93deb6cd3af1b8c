"""IC50, EC50 and auc400 against closed forms, hand-worked numbers and properties."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.errors import ConditionError
from simulator.response import auc400, ec50, ic50

# Linear interpolation of a Hill curve between doses 1 % apart is off by the square of that step.
DENSE_INTERPOLATION = 1e-4
ROUNDING = 1e-12

DENSE = np.r_[0, np.geomspace(1e-4, 1e3, 1601)]


def curve(doses, viability, dim="drug", **coords):
    doses = np.asarray(doses, dtype=float)
    return xr.DataArray(np.asarray(viability, float), dims=[dim], coords={dim: doses} | coords)


def hill(doses, half=0.3, slope=1.5, bottom=0.0):
    doses = np.asarray(doses, dtype=float)
    return bottom + (1 - bottom) / (1 + (doses / half) ** slope)


def hill_auc400(half, slope, low, high):
    """4 x mean viability in % of 1 / (1 + (d / half)^slope), by the integral in closed form."""

    def primitive(x):  # integral of 1 / (1 + 10^(slope (x - log10 half))) dx
        return x - np.log10(1 + 10 ** (slope * (x - np.log10(half)))) / slope

    a, b = np.log10(low), np.log10(high)
    return 400 * (primitive(b) - primitive(a)) / (b - a)


@pytest.mark.parametrize(("half", "slope"), [(0.3, 1.5), (0.02, 0.7), (5.0, 3.0)])
def test_auc400_of_a_hill_curve_is_its_integral(half, slope):
    found = auc400(curve(DENSE, hill(DENSE, half, slope)), "drug")
    expected = hill_auc400(half, slope, 0.00316, 31.6)
    assert float(found) == pytest.approx(expected, rel=DENSE_INTERPOLATION)
    assert found.bound == "="


def test_auc400_by_hand_on_three_doses():
    # Decades 0.1..1..10 with 1, 0.5, 0: trapezoids 0.75 and 0.25, mean 0.5, times 400.
    da = curve([0, 0.1, 1, 10], [1, 1, 0.5, 0])
    assert float(auc400(da, "drug", range=(0.1, 10))) == pytest.approx(200, rel=ROUNDING)


def test_auc400_interpolates_to_the_ends_of_the_range_in_log_dose():
    # One line from 1 at 0.01 to 0 at 100; inside 0.1..10 it falls from 0.75 to 0.25.
    da = curve([0, 0.01, 100], [1, 1, 0])
    assert float(auc400(da, "drug", range=(0.1, 10))) == pytest.approx(200, rel=ROUNDING)
    assert float(auc400(da, "drug", range=(0.01, 0.1))) == pytest.approx(350, rel=ROUNDING)


def test_auc400_caps_each_point_at_100_percent():
    da = curve([0, 0.1, 1, 10], [1, 1.6, 1.2, 1.0])
    assert float(auc400(da, "drug", range=(0.1, 10))) == pytest.approx(400, rel=ROUNDING)


def test_background_divides_by_the_zero_dose():
    da = curve([0, 0.1, 1, 10], [0.6, 0.6, 0.3, 0])
    assert float(auc400(da, "drug", range=(0.1, 10))) == pytest.approx(200, rel=ROUNDING)
    plain = auc400(da, "drug", range=(0.1, 10), background=False)
    assert float(plain) == pytest.approx(120, rel=ROUNDING)


def test_without_background_the_zero_dose_is_not_needed():
    da = curve([0.1, 1, 10], [1, 0.5, 0])
    assert float(auc400(da, "drug", (0.1, 10), background=False)) == pytest.approx(200)
    with pytest.raises(ConditionError, match="dose 0"):
        auc400(da, "drug", (0.1, 10))


def test_a_background_that_leaves_no_cell_gives_nan():
    assert np.isnan(auc400(curve([0, 0.1, 10], [0, 0, 0]), "drug", (0.1, 10)))


@pytest.mark.parametrize(("half", "slope"), [(0.3, 1.5), (0.02, 0.7), (5.0, 3.0)])
def test_ic50_and_ec50_of_a_hill_curve_are_its_half_dose(half, slope):
    da = curve(DENSE, hill(DENSE, half, slope))
    assert float(ic50(da, "drug")) == pytest.approx(half, rel=DENSE_INTERPOLATION)
    # The lowest viability is not quite 0 at the top dose, hence the wider limit.
    assert float(ec50(da, "drug")) == pytest.approx(half, rel=0.02)


def test_ec50_of_a_curve_with_a_plateau_is_its_own_half():
    da = curve(DENSE, hill(DENSE, half=0.3, slope=3, bottom=0.6))
    assert float(ec50(da, "drug")) == pytest.approx(0.3, rel=DENSE_INTERPOLATION)
    assert ic50(da, "drug").bound == ">"


def test_ic50_interpolates_in_log_dose():
    # From 0.75 at 0.1 to 0.25 at 10: half way in log dose.
    assert float(ic50(curve([0, 0.1, 10], [1, 0.75, 0.25]), "drug")) == pytest.approx(1)


@pytest.mark.parametrize(
    ("viability", "value", "bound"),
    [
        ([1, 0.9, 0.8, 0.6], 10, ">"),
        ([1, 0.4, 0.2, 0.1], 0.1, "<"),
        ([1, 0.5, 0.2, 0.1], 0.1, "="),
        ([0.2, 0.9, 0.8, 0.5], 10, "="),
        ([1, 0.75, 0.25, 0.9], 10**-0.5, "="),  # the lowest dose counts
        ([1, 0.75, 0.25, np.nan], 10**-0.5, "="),  # missing behind the crossing
        ([1, np.nan, 0.25, 0.1], np.nan, "="),
        ([1, 0.9, np.nan, 0.9], np.nan, "="),
        ([np.nan, 0.9, 0.8, 0.7], 10, ">"),  # the zero dose is not used
    ],
)
def test_ic50_bounds_and_missing_values(viability, value, bound):
    found = ic50(curve([0, 0.1, 1, 10], viability), "drug")
    np.testing.assert_allclose(float(found), value, rtol=ROUNDING)
    assert found.bound == bound


def test_ec50_of_a_flat_curve_is_a_bound():
    found = ec50(curve([0, 0.1, 1, 10], [1, 1, 0.99, 0.98]), "drug")
    assert (float(found), str(found.bound.values)) == (10, ">")
    assert np.isnan(ec50(curve([0, 0.1, 1], [1, np.nan, 0.2]), "drug"))


def test_other_dimensions_are_kept_and_missing_curves_stay_missing():
    halves = np.array([0.05, 0.5, 5.0])
    values = np.stack([[hill(DENSE, h), hill(DENSE, h * 2)] for h in halves])
    values[1, 0, 800] = np.nan
    da = xr.DataArray(
        values,
        dims=["cell", "time", "drug"],
        coords={
            "cell": ["a", "b", "c"],
            "time": [48, 96],
            "drug": DENSE,
            "sample": ("cell", halves),
        },
    )
    found = auc400(da.transpose("drug", "cell", "time"), "drug")
    assert found.dims == ("cell", "time")
    assert found.bound.dims == ("cell", "time")
    assert np.isnan(found.values).sum() == 1
    for i, half in enumerate(halves):
        expected = hill_auc400(2 * half, 1.5, 0.00316, 31.6)
        assert float(found[i, 1]) == pytest.approx(expected, rel=DENSE_INTERPOLATION)
    np.testing.assert_array_equal(found.sample, halves)


def test_the_order_of_the_doses_does_not_matter():
    da = curve(DENSE, hill(DENSE))
    shuffled = da.isel(drug=np.random.default_rng(1).permutation(DENSE.size))
    assert float(auc400(shuffled, "drug")) == float(auc400(da, "drug"))
    assert float(ic50(shuffled, "drug")) == float(ic50(da, "drug"))


def test_units_of_the_axis_are_handed_on():
    da = curve(DENSE, hill(DENSE))
    da["drug"].attrs["units"] = "nM"
    assert ic50(da, "drug").attrs["units"] == "nM"


@settings(max_examples=50, deadline=None)
@given(
    viability=st.lists(st.floats(0, 1.5), min_size=5, max_size=5),
    factor=st.floats(1e-3, 1e3),
)
def test_changing_the_unit_of_dose_scales_ic50_and_leaves_auc400(viability, factor):
    doses = np.array([0, 0.01, 0.1, 1, 10])
    viability = [1, *viability[1:]]
    in_um, in_other = curve(doses, viability), curve(doses * factor, viability)
    assert float(ic50(in_other, "drug")) == pytest.approx(factor * float(ic50(in_um, "drug")))
    area = auc400(in_um, "drug", (0.01, 10))
    scaled = auc400(in_other, "drug", (0.01 * factor, 10 * factor))
    assert float(scaled) == pytest.approx(float(area), abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(
    viability=st.lists(st.floats(0, 1.5), min_size=4, max_size=4),
    fall=st.lists(st.floats(0, 1), min_size=4, max_size=4),
)
def test_a_curve_that_is_nowhere_higher_has_no_larger_auc400_or_ic50(viability, fall):
    doses = [0, 0.01, 0.1, 1, 10]
    lower = [v * f for v, f in zip(viability, fall, strict=True)]
    above, below = curve(doses, [1, *viability]), curve(doses, [1, *lower])
    slack = 1 + 1e-9
    area = {"dose": "drug", "range": (0.01, 10)}
    assert float(auc400(below, **area)) <= float(auc400(above, **area)) * slack + 1e-9
    assert float(ic50(below, "drug")) <= float(ic50(above, "drug")) * slack


@pytest.mark.parametrize(
    ("da", "message"),
    [
        (curve([0, 1, 10], [1, 0.5, 0.1], dim="prednisolon"), 'Nearest: "prednisolon"'),
        (curve([0, -1, 10], [1, 0.5, 0.1], dim="prednisolone"), "negative"),
        (curve([0, 1, 1], [1, 0.5, 0.1], dim="prednisolone"), "twice"),
        (curve([0, 1, np.inf], [1, 0.5, 0.1], dim="prednisolone"), "finite"),
        (curve([0, 1], [1, 0.5], dim="prednisolone"), "at least 2 doses"),
        (curve([0, 1, 10], [100, 50, 10], dim="prednisolone"), "fraction"),
        (curve([0, 1, 10], [1, 0.5, 0.1], dim="prednisolone").to_dataset(name="v"), "Dataset"),
        ([1, 0.5], "list"),
        (
            xr.DataArray(
                [1, 0.5], dims=["prednisolone"], coords={"prednisolone": ["0", "1@0,0@24"]}
            ),
            "schedules",
        ),
        (xr.DataArray([1, 0.5], dims=["prednisolone"]), "numeric"),
    ],
)
@pytest.mark.parametrize("measure", [ic50, ec50, auc400])
def test_unusable_data_are_refused_with_the_reason(measure, da, message):
    with pytest.raises(ConditionError, match=message):
        measure(da, "prednisolone")


@pytest.mark.parametrize("range", [(1, 100), (0.001, 1), (0.01, 31.6)])
def test_an_axis_that_does_not_cover_the_range_is_refused(range):
    with pytest.raises(ConditionError, match=r"range=\(0.1, 10\)"):
        auc400(curve([0, 0.1, 10], [1, 0.5, 0]), "drug", range)


@pytest.mark.parametrize("range", [(1, 1), (0, 1), (10, 0.1), (1,), "all", (0.1, np.nan)])
def test_a_range_must_be_two_rising_doses(range):
    with pytest.raises(ConditionError, match="two rising doses"):
        auc400(curve([0, 0.1, 10], [1, 0.5, 0]), "drug", range)
