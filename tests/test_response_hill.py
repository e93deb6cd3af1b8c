"""The Hill fit on curves whose parameters are known."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.errors import ConditionError
from simulator.response import hill

DOSES = np.r_[0, np.geomspace(0.01, 100, 13)]

# Least squares on exact data ends at its tolerances, 1e-12 in the residuals.
FIT = 1e-4


def curve(slope, half, bottom=0.0, top=1.0, doses=DOSES):
    values = bottom + (top - bottom) / (1 + (doses / half) ** slope)
    return xr.DataArray(values, dims=["drug"], coords={"drug": doses})


@settings(max_examples=30)
@given(st.floats(0.4, 6), st.floats(0.1, 10), st.floats(0, 0.7), st.floats(0.5, 2))
def test_a_hill_curve_gives_its_own_parameters(slope, half, share, top):
    found = hill(curve(slope, half, share * top, top), "drug")
    assert float(found) == pytest.approx(slope, rel=FIT)
    assert float(found.half_dose) == pytest.approx(half, rel=FIT)
    assert float(found.bottom) == pytest.approx(share * top, abs=FIT)
    assert found.bound == "="


def test_a_step_and_a_missing_effect():
    step = xr.DataArray((DOSES < 1).astype(float), dims=["drug"], coords={"drug": DOSES})
    assert hill(step, "drug").bound == ">"
    assert float(hill(step, "drug")) == pytest.approx(20, rel=0.01)
    assert np.isnan(hill(curve(1, 1, bottom=0.98), "drug"))


def test_a_curve_of_which_only_the_start_is_seen_is_not_determined():
    assert np.isnan(hill(curve(2, 1000), "drug", smallest=0.001))


def test_other_dimensions_are_kept_and_missing_values_stay_missing():
    da = xr.concat([curve(1, 1), curve(2, 3)], dim="cell")
    da[0, 4] = np.nan
    found = hill(da, "drug")
    assert found.dims == ("cell",)
    assert np.isnan(found[0])
    assert float(found[1]) == pytest.approx(2, rel=FIT)
    assert float(found.half_dose[1]) == pytest.approx(3, rel=FIT)
    assert found.half_dose.attrs["units"] == "uM"


def test_too_few_doses_are_refused():
    with pytest.raises(ConditionError, match="at least 4 doses"):
        hill(curve(1, 1, doses=DOSES[:4]), "drug")
