"""Areas and inhibitory concentrations: hand-worked numbers, ranges, units, missing doses."""

import numpy as np
import pytest
import xarray as xr

from simulator.errors import ConditionError
from simulator.response import auc, auc400, ic, ic50

ROUNDING = 1e-12


def curve(doses, viability, units=None):
    da = xr.DataArray(
        np.asarray(viability, float), dims=["drug"], coords={"drug": np.asarray(doses, float)}
    )
    if units:
        da["drug"].attrs["units"] = units
    return da


# Decades with 1, 0.5, 0: trapezoids of mean 0.75 and 0.25, together 0.5.
FALLING = ([0, 0.1, 1, 10], [1, 1, 0.5, 0])


def test_auc_by_hand():
    assert float(auc(curve(*FALLING), "drug")) == pytest.approx(0.5, rel=ROUNDING)
    assert float(auc(curve(*FALLING), "drug", range=(0.1, 1))) == pytest.approx(0.75, rel=ROUNDING)
    capped = curve([0, 0.1, 1, 10], [1, 1.4, 0.5, 0])
    assert float(auc(capped, "drug")) == pytest.approx(0.5, rel=ROUNDING)
    assert auc(capped, "drug").bound == "="


def test_auc_of_no_effect_is_one_and_of_death_at_every_dose_zero():
    assert float(auc(curve([0.1, 1, 10], [1, 1, 1]), "drug")) == 1
    assert float(auc(curve([0.1, 1, 10], [0, 0, 0]), "drug")) == 0


def test_auc_is_a_bound_where_doses_are_missing():
    # 0.01..0.1 is missing: continued at 1 it adds a decade of 1 to two decades of mean 0.5.
    lower = auc(curve(*FALLING), "drug", range=(0.01, 10))
    assert float(lower) == pytest.approx(2 / 3, rel=ROUNDING)
    assert lower.bound == ">"
    # 10..100 is missing: continued at the last height, 0.
    upper = auc(curve(*FALLING), "drug", range=(0.1, 100))
    assert float(upper) == pytest.approx(1 / 3, rel=ROUNDING)
    assert upper.bound == "<"


@pytest.mark.parametrize(("kept", "bound"), [(slice(0, 31), "<"), (slice(10, 41), ">")])
def test_the_bounds_of_auc_hold_for_the_curve_that_was_cut(kept, bound):
    doses = np.geomspace(0.01, 100, 41)
    whole = curve(doses, 1 / (1 + doses**1.2))
    cut = auc(whole.isel(drug=kept), "drug", range=(0.01, 100))
    truth = float(auc(whole, "drug"))
    assert cut.bound == bound
    assert float(cut) > truth if bound == "<" else float(cut) < truth


def test_a_range_beyond_both_ends_bounds_nothing():
    with pytest.raises(ConditionError, match=r"range=\(0.1, 10\)"):
        auc(curve(*FALLING), "drug", range=(0.01, 100))
    with pytest.raises(ConditionError, match="nothing can be said"):
        auc(curve(*FALLING), "drug", range=(20, 100))
    with pytest.raises(ConditionError, match="two rising doses"):
        auc(curve(*FALLING), "drug", range=(1, 1))


def test_auc400_is_four_hundred_auc_relative_to_the_zero_dose():
    da = curve([0, 0.1, 1, 10], [0.8, 0.8, 0.4, 0.1])
    both = [measure(da, "drug", (0.1, 10), True) for measure in (auc400, auc)]
    assert float(both[0]) == pytest.approx(400 * float(both[1]), rel=ROUNDING)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("uM", 1), ("µM", 1), ("nM", 1e3), ("mM", 1e-3), ("M", 1e-6), ("pM", 1e6), ("nmol/L", 1e3)],
)
def test_the_range_of_auc400_is_micromolar_whatever_the_axis_says(unit, factor):
    doses = np.r_[0, np.geomspace(0.00316, 31.6, 9)]
    viability = 1 / (1 + doses / 0.3)
    plain = float(auc400(curve(doses, viability), "drug"))
    other = float(auc400(curve(doses * factor, viability, unit), "drug"))
    assert other == pytest.approx(plain, rel=1e-9)


def test_a_range_that_is_given_is_in_the_unit_of_the_axis():
    da = curve([0, 100, 1000, 10000], [1, 1, 0.5, 0], "nM")
    assert float(auc400(da, "drug", (100, 10000))) == pytest.approx(200, rel=ROUNDING)
    with pytest.raises(ConditionError, match=r"from 100 to 10000.*range 3.16 to 31600"):
        auc400(da, "drug")


def test_doses_in_no_molar_unit_are_taken_as_they_are():
    doses = np.r_[0, np.geomspace(0.00316, 31.6, 9)]
    viability = 1 / (1 + doses / 0.3)
    plain = float(auc400(curve(doses, viability), "drug"))
    assert float(auc400(curve(doses, viability, "ug/ml"), "drug")) == plain


def test_inhibitory_concentrations_by_hand():
    # From 0.75 at 0.1 to 0.25 at 10, two decades: a tenth of the fall is a fifth of a decade.
    da = curve([0, 0.1, 10], [1, 0.75, 0.25])
    assert float(ic(da, "drug", 0.7)) == pytest.approx(0.1 * 10**0.2, rel=ROUNDING)
    assert float(ic(da, "drug")) == float(ic50(da, "drug"))
    assert ic(da, "drug", 0.1).bound == ">" and float(ic(da, "drug", 0.1)) == 10
    assert ic(da, "drug", 0.9).bound == "<" and float(ic(da, "drug", 0.9)) == 0.1


@pytest.mark.parametrize("level", [0, 1, 50, np.nan])
def test_a_level_is_a_viability(level):
    with pytest.raises(ConditionError, match="between 0 and 1"):
        ic(curve(*FALLING), "drug", level)
